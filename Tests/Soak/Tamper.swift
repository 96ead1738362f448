import TestSupport

/// Meaningful edits of the registry file: none is believed, each is named.
enum Tamper {
  static func run(count: Int, seed: UInt64) async throws {
    var random = SeededRandom(seed: seed)
    print("tamper \(count), seed \(seed)")
    let report = try await TamperRun().run(count: count, random: &random) { done in
      if done % 100 == 0 { say("tamper \(done) of \(count)") }
    }
    if let first = report.believed.first {
      throw SoakFailure("seed \(seed): \(report.believed.count) believed or not named: \(first)")
    }
    if count >= 20 * TamperRun.Kind.allCases.count,
      let rare = TamperRun.Kind.allCases.first(where: { (report.counts[$0]?.named ?? 0) < 20 })
    {
      throw SoakFailure("seed \(seed): \(rare.rawValue) was met fewer than 20 times")
    }
    print(
      "tamper \(count), seed \(seed): 0 believed; named of each kind: \(report.text); "
        + "\(report.decided) decisions beside them, all right")
  }
}
