import Authority
import CanonicalJSON
import Decisions
import PolicyFunctions
import Registry
import Statements
import TestSupport
import Testing

/// What deciding adds to the evaluation of a policy: its clock, its watchdog, and what is recorded of it.
@Suite struct PolicyEvaluationTests {
  private static let slow = """
    package agent.authz
    deny contains "many" if {
      count([1 | some a in input.params.list; some b in input.params.list; a == b]) < 0
    }
    allow if { true }
    """

  private func list(_ count: Int) -> JSONObject {
    JSONObject([
      JSONObject.Member(
        name: "list", value: .array((0..<count).map { JSONValue(Int64($0)) }))
    ])
  }

  @Test
  func `a policy that takes longer than it may makes no decision, and others are decided`()
    async throws
  {
    let world = try World(policy: Self.slow)
    var limits = RequestLimits()
    limits.evaluationSeconds = 0
    let hasty = try world.authority(limits: limits)
    let action = try world.action(params: list(300))
    let size = await hasty.size
    await #expect {
      try await hasty.decide(action)
    } throws: { error in
      (error as? Overload)?.code == "policy_timeout"
    }
    #expect(await hasty.size == size)
    #expect(await hasty.refusalCounts["policy_timeout"] == 1)
    // What ends before the watchdog is looked at is decided, also in the same group.
    let quick = try world.action(params: list(3))
    async let timedOut: Answer? = try? hasty.decide(action)
    #expect(try await hasty.decide(quick).verdict == .allow)
    #expect(await timedOut == nil)
    try await hasty.close()
    // The nonce was not spent: with time enough the same action is decided.
    let patient = try world.authority()
    #expect(try await patient.decide(action).verdict == .allow)
    try await patient.close()
  }

  @Test(
    arguments: [
      "deny if { to_number(input.params.n) > 5 }\nallow if { true }",
      "require_approval if { to_number(input.params.n) > 5 }\nallow if { true }",
      "require_approval if { true }\napproval := {\"quorum\": [{\"group\": \"sre\", "
        + "\"count\": to_number(input.params.n)}]}",
      "allow if { true }\nallow if { to_number(input.params.n) > 5 }",
    ])
  func `an error of a builtin denies, whichever document it is in`(rules: String) async throws {
    let world = try World(policy: "package agent.authz\n\(rules)\n")
    let authority = try world.authority()
    func decide(_ text: JSONValue) async throws -> Answer {
      try await authority.decide(
        try world.action(params: JSONObject([JSONObject.Member(name: "n", value: text)])))
    }
    let failed = try await decide("not a number")
    #expect(failed.verdict == .deny)
    #expect(failed.reasons.first?.code == "policy_error")
    #expect(failed.reasons.first?.detail.text.contains("eval_builtin_error") == true)
    #expect(try await decide("1").verdict != .deny)
    try await authority.close()
  }

  @Test func `what is decided by time zones names the release of their database, and only that`()
    async throws
  {
    let world = try World(
      policy: """
        package agent.authz
        allow if { not input.params.zone }
        allow if { time.clock([time.now_ns(), input.params.zone])[0] >= 0 }
        """)
    let authority = try world.authority()
    var zones: [ByteString?] = []
    for params in [
      JSONObject(), JSONObject([JSONObject.Member(name: "zone", value: "Europe/Berlin")]),
      JSONObject([JSONObject.Member(name: "zone", value: "UTC")]),
    ] {
      let answer = try await authority.decide(try world.action(params: params))
      #expect(answer.verdict == .allow)
      let index = try #require(answer.index)
      try world.ledger.catchUp()
      let (_, parts) = try world.ledger.database.read {
        try world.ledger.statement(at: index, $0)
      }
      guard case .decisionMade(let decision) = parts.body else {
        Issue.record("entry \(index) is no decision")
        return
      }
      zones.append(decision.zones)
    }
    #expect(zones == [nil, TimeZoneFiles.release, nil])
    try await authority.close()
    let report = try LogVerification.run(
      RegistryDatabase(world.path, access: .readOnly), pins: nil)
    #expect(report.findings.isEmpty)
  }
}
