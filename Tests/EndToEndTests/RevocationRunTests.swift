import Testing

/// The long run of `scripts/soak`, short.
@Suite("keys that act while they are revoked in the console")
struct RevocationRunTests {
  @Test("each of several leaked keys is revoked, one after another, while all act")
  func revocations() throws {
    let box = try Sandbox()
    let outcome = try box.tool("soak", ["revocations", "4"])
    #expect(outcome.status == 0, "\(outcome.output)\(outcome.errors)")
    #expect(outcome.output.contains("all revoked"), "\(outcome.output)")
    print(outcome.output.split(separator: "\n").last ?? "")
  }
}
