import Authority
import CanonicalJSON
import Decisions
import Keys
import Registry
import Statements
import TestSupport
import Testing

/// What an enrolled agent sends must not stop, crash or fill the service: each test is an agent's attack.
@Suite struct HostileValueTests {
  private func code(_ answer: Answer) -> String? { answer.reasons.first?.code.text }

  private func params(_ json: String) throws -> JSONObject {
    try #require(try JSONParser.parse(Array(json.utf8)).object)
  }

  @Test
  func `numbers that an agent chooses end no service: each has its answer and the next decides`()
    async throws
  {
    let world = try World(
      policy: """
        package agent.authz
        deny contains msg if { msg := format_int(input.params.amount, 10) }
        deny contains "range" if { count(numbers.range(input.params.from, input.params.to)) > 5 }
        deny contains "sum" if { input.params.from + input.params.to - input.params.amount == 7 }
        allow if { input.action == "deploy" }
        """)
    let authority = try world.authority()
    var verdicts: [Verdict] = []
    for text in [
      #"{"amount": 1e300}"#, #"{"amount": -1e300}"#, #"{"amount": 1e999999999}"#,
      #"{"amount": 9223372036854775808}"#,
      #"{"from": -9223372036854775808, "to": 9223372036854775807}"#,
      #"{"from": 9223372036854775807, "to": -9223372036854775808, "amount": 1e308}"#,
      #"{"amount": \#(String(repeating: "9", count: 40_000))}"#,
    ] {
      verdicts.append(
        try await authority.decide(try world.action(params: try params(text))).verdict)
    }
    // Integers of any size have digits, as in OPA; what would take too much is a denial that names the
    // limit. No answer is missing, and none is an allow that the policy's author did not see.
    #expect(verdicts == Array(repeating: .deny, count: 7))
    let honest = try await authority.decide(try world.action(params: try params(#"{"amount": 3}"#)))
    #expect(honest.verdict == .deny)
    #expect(try await authority.decide(try world.action()).verdict == .allow)
  }

  @Test func `a policy that an agent's params make endless is an error that names the limit`()
    async throws
  {
    let world = try World(
      policy: """
        package agent.authz
        deny contains "many" if {
          count([1 | some a in input.params.list; some b in input.params.list; some c in input.params.list]) == 0
        }
        allow if { true }
        """)
    let authority = try world.authority()
    let list = Array(repeating: "1", count: 4000).joined(separator: ",")
    let answer = try await authority.decide(
      try world.action(params: try params("{\"list\": [\(list)]}")))
    #expect(answer.verdict == .deny && code(answer) == "policy_error")
    #expect(answer.reasons.first?.detail.text.contains("eval_limit_error") == true)
    #expect(
      try await authority.decide(try world.action(params: try params(#"{"list": [1]}"#))).verdict
        == .allow)
  }

  @Test
  func `an agent's grant of more pairs than may stand together is refused before it is compared`()
    async throws
  {
    let world = try World()
    let sub = Principal.named("agent:worker")
    try world.sign(.agentRegistered(AgentRegistered(agent: sub, owner: world.alice, roles: [])))
    let capabilities = (0..<64).map { number in
      Capability(
        actions: (0..<9).map { ByteString("deploy\(number)x\($0)") },
        resources: (0..<9).map { ByteString("prod://payments/\(number)/x\($0)") })
    }
    func issue(_ capabilities: [Capability]) throws {
      try world.sign(
        .grantIssued(
          GrantIssued(
            holder: sub, capabilities: capabilities, limits: GrantLimits(), parent: world.grant)),
        by: world.bot)
    }
    for (capabilities, expected) in [
      (capabilities, "capabilities_too_many"),
      (
        [Capability(actions: ["deploy", "deploy"], resources: ["prod://payments/a"])],
        "capabilities_repeated"
      ),
      ([Capability(actions: ["deploy"], resources: ["prod://payments//a"])], "pattern_malformed"),
    ] {
      #expect {
        try issue(capabilities)
      } throws: { error in
        (error as? AdmissionFault)?.code == expected
      }
    }
    // An operator's `may_grant` is bounded alike.
    #expect {
      try world.sign(
        .operatorEnrolled(
          try world.enrolled(
            .named("user:eve"), roles: [.approver], mayGrant: capabilities)))
    } throws: { error in
      (error as? AdmissionFault)?.code == "capabilities_too_many"
    }
    try issue([Capability(actions: ["deploy"], resources: ["prod://payments/a"])])
  }
}
