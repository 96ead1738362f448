import Testing

/// The long run of `scripts/soak`, short.
@Suite("odd requests by enrolled agents, from an independent client")
struct HostileAgentTests {
  @Test("never: a crash, a stall or a lock-out by what an agent sends")
  func hostile() throws {
    let box = try Sandbox()
    let outcome = try box.tool("soak", ["hostile", "200"])
    #expect(outcome.status == 0, "\(outcome.output)\(outcome.errors)")
    #expect(outcome.output.contains(" 0 failed"), "\(outcome.output)")
    print(outcome.output.split(separator: "\n").last ?? "")
  }
}
