import TestSupport
import Testing

@Suite("edits of the file by who knows its format")
struct TamperRunTests {
  @Test("never: an edit of the registry file is believed; each kind is named")
  func edits() async throws {
    let seed = UInt64.random(in: 0..<1 << 32)
    print("tamper: seed \(seed)")
    var random = SeededRandom(seed: seed)
    let report = try await TamperRun().run(count: 20, random: &random)
    #expect(report.believed.isEmpty, "seed \(seed): \(report.believed)")
    #expect(report.decided > 20, "the controls decide")
    for kind in TamperRun.Kind.allCases {
      #expect((report.counts[kind]?.named ?? 0) > 0, "\(kind.rawValue), seed \(seed)")
    }
  }
}
