import Approvals
import Authority
import CanonicalJSON
import Decisions
import Delegations
import Keys
import Registry
import Statements
import TestSupport
import Testing
import TransparencyLog

@Suite struct DecisionTests {
  private func code(_ answer: Answer) -> String { answer.reasons.first?.code.text ?? "" }

  @Test func `an action allowed by policy is allowed, with a receipt that verifies`() async throws {
    let world = try World()
    let authority = try world.authority()
    let answer = try await authority.decide(try world.action(on: "stage://payments/api"))
    #expect(answer.verdict == .allow)
    #expect(answer.rules == ["test.rego:3"])
    #expect(!answer.isRepeat)
    let receipt = try #require(answer.receipt)
    let index = try #require(answer.index)
    let entry = try #require(try world.ledger.database.read { try $0.entry(index) })
    let verifier = NoteVerifier(
      name: Checkpoint.origin(registry: world.registry), key: try World.key(world.gateway).publicKey
    )
    #expect(try receipt.proves(entry, by: [verifier]))
    #expect(try !receipt.proves(entry + [0], by: [verifier]))
  }

  @Test func `each refusal has its code`() async throws {
    let world = try World()
    let authority = try world.authority()
    let now = world.clock.now
    let nonce: ByteString = "00112233445566778899aabbccddeeff"
    let other = Digest.sha256([7])
    _ = try await authority.decide(try world.action(on: "stage://payments/api", nonce: nonce))
    let cases: [(String, UnverifiedEnvelope)] = [
      ("wrong_registry", try world.action(registry: "00")),
      ("wrong_audience", try world.action(audience: Principal("service:other"))),
      ("stale", try world.action(at: now.advanced(bySeconds: -61))),
      ("stale", try world.action(at: now.advanced(bySeconds: 61))),
      (
        "replayed",
        try world.action(nonce: nonce, params: JSONObject([JSONObject.Member(name: "x", value: 1)]))
      ),
      ("chain_missing", try world.action(grant: other)),
      ("not_granted", try world.action("restart")),
      ("not_granted", try world.action(on: "prod://billing/api")),
      ("envelope_malformed", try world.action(on: "prod://payments/../x")),
      ("resource_mismatch", try world.action(env: "staging")),
      ("key_unknown", try world.action(key: Principal("agent:stranger"))),
      ("key_unknown", try world.action(key: world.alice)),
    ]
    for (expected, envelope) in cases {
      let answer = try await authority.decide(envelope)
      #expect(answer.verdict == .deny)
      #expect(code(answer) == expected)
    }
    var payload = try world.action().payload
    payload[10] ^= 1
    let torn = UnverifiedEnvelope(
      payloadType: Action.payloadType, payload: payload, signatures: try world.action().signatures)
    #expect(code(try await authority.decide(torn)) == "signature_invalid")
  }

  @Test func `a stranger does not grow the log`() async throws {
    let world = try World()
    let authority = try world.authority()
    let before = await authority.size
    for _ in 0..<5 { _ = try await authority.decide(try world.action(registry: "00")) }
    #expect(await authority.size == before)
    #expect(await authority.refusalCounts["wrong_registry"] == 5)
  }

  @Test func `a held action is released once its quorum is met, exactly once`() async throws {
    let world = try World()
    let authority = try world.authority()
    let envelope = try world.action()
    let held = try await authority.decide(envelope)
    #expect(held.verdict == .hold)
    let hold = try #require(held.hold).digest
    #expect(throws: AdmissionFault.self) { try world.vote(.approve, on: hold, by: world.alice) }
    let pending = try await authority.decide(envelope)
    #expect(pending.verdict == .hold && pending.isRepeat)
    try world.vote(.approve, on: hold)
    #expect(try await authority.hold(hold, for: world.gateway)?.state.word == "approved")
    let released = try await authority.decide(envelope)
    #expect(released.verdict == .allow && !released.isRepeat)
    let again = try await authority.decide(envelope)
    #expect(again.verdict == .allow && again.isRepeat)
    #expect(again.index == released.index)
    let fresh = try await authority.decide(try world.action())
    #expect(fresh.verdict == .hold && fresh.hold?.digest != hold)
  }

  @Test func `many requests at once release one hold once`() async throws {
    let world = try World()
    let authority = try world.authority()
    let envelope = try world.action()
    let hold = try #require(try await authority.decide(envelope).hold).digest
    try world.vote(.approve, on: hold)
    let answers = try await withThrowingTaskGroup(of: Answer.self) { group in
      for _ in 0..<20 { group.addTask { try await authority.decide(envelope) } }
      return try await group.reduce(into: [Answer]()) { $0.append($1) }
    }
    #expect(answers.count { $0.verdict == .allow && !$0.isRepeat } == 1)
    #expect(answers.allSatisfy { $0.verdict == .allow })
  }

  @Test func `a denial reaches the agent with its reason`() async throws {
    let world = try World()
    let authority = try world.authority()
    let envelope = try world.action()
    let hold = try #require(try await authority.decide(envelope).hold).digest
    try world.vote(.deny, on: hold, reason: "not tonight")
    let answer = try await authority.decide(envelope)
    #expect(answer.verdict == .deny)
    #expect(answer.reasons.first?.detail == "the hold was denied by user:bob: not tonight")
  }

  @Test func `an approval that nobody used lapses, and an unanswered hold expires undenied`()
    async throws
  {
    let world = try World()
    let authority = try world.authority()
    let first = try world.action()
    let hold = try #require(try await authority.decide(first).hold).digest
    let second = try world.action()
    _ = try await authority.decide(second)
    try world.vote(.approve, on: hold)
    world.clock.advance(seconds: 301)
    #expect(code(try await authority.decide(first)) == "hold_lapsed")
    world.clock.advance(seconds: 700)
    #expect(code(try await authority.decide(second)) == "hold_expired")
  }

  @Test func `a policy changed meanwhile is asked again before release`() async throws {
    let world = try World()
    let authority = try world.authority()
    let envelope = try world.action()
    let hold = try #require(try await authority.decide(envelope).hold).digest
    try world.vote(.approve, on: hold)
    try world.publish("package agent.authz\ndefault allow := false\n")
    let answer = try await authority.decide(envelope)
    #expect(answer.verdict == .deny && code(answer) == "policy_denied")
    #expect(try await authority.hold(hold, for: world.gateway)?.state.word == "lapsed")
  }

  @Test func `a revoked key stops the next action and voids what it had held`() async throws {
    let world = try World()
    let authority = try world.authority()
    let envelope = try world.action()
    let hold = try #require(try await authority.decide(envelope).hold).digest
    try world.sign(
      .keyRevoked(
        KeyRevoked(
          key: try World.key(world.bot).publicKey.fingerprint, reason: .compromised,
          compromisedSince: nil, note: "")))
    #expect(code(try await authority.decide(try world.action())) == "key_revoked")
    #expect(try await authority.hold(hold, for: world.gateway)?.state.word == "voided")
    #expect(throws: AdmissionFault.self) { try world.vote(.approve, on: hold) }
  }

  @Test func `a lock stops an action until it is lifted`() async throws {
    let world = try World()
    let authority = try world.authority()
    let lock = try world.sign(
      .lockPlaced(LockPlaced(target: .agent(world.bot), reason: "odd", until: nil)))
    #expect(code(try await authority.decide(try world.action())) == "locked")
    try world.sign(.lockLifted(LockLifted(lock: lock, reason: "fine")))
    #expect(try await authority.decide(try world.action()).verdict == .hold)
  }

  @Test func `sub-delegation narrows, and what is wider is not admitted`() async throws {
    let world = try World()
    let sub = try #require(Principal("agent:worker"))
    try world.sign(.agentRegistered(AgentRegistered(agent: sub, owner: world.alice, roles: [])))
    func grant(_ action: ByteString, _ resource: ByteString, depth: Int64) -> StatementBody {
      .grantIssued(
        GrantIssued(
          holder: sub, capabilities: [Capability(actions: [action], resources: [resource])],
          limits: GrantLimits(maxDepth: depth), parent: world.grant))
    }
    try world.sign(grant("deploy", "prod://payments/api", depth: 1), by: world.bot)
    for (body, expected) in [
      (grant("restart", "prod://payments/api", depth: 0), "chain_scope_widened"),
      (grant("deploy", "prod://billing/**", depth: 0), "chain_scope_widened"),
      (grant("deploy", "prod://payments/api", depth: 2), "chain_depth_exceeded"),
    ] {
      #expect {
        try world.sign(body, by: world.bot)
      } throws: { error in
        (error as? AdmissionFault)?.code == expected
      }
    }
    #expect {
      try world.sign(grant("deploy", "prod://payments/api", depth: 0), by: world.alice)
    } throws: { error in
      (error as? AdmissionFault)?.code == "chain_issuer_mismatch"
    }
  }

  @Test func `an agent's long text cannot keep the service from deciding`() async throws {
    let world = try World(
      policy: """
        package agent.authz
        deny contains msg if { some n in numbers.range(1, 18); msg := concat("", [format_int(n, 10), input.params.text]) }
        """)
    let authority = try world.authority()
    let long = JSONValue(String(repeating: "\u{1}", count: 7000))
    let answer = try await authority.decide(
      try world.action(
        params: JSONObject([JSONObject.Member(name: "text", value: long)])))
    #expect(answer.verdict == .deny && answer.reasons.count == 16)
    let claim = try await authority.decide(
      try world.action(env: ByteString(String(repeating: "\u{1}", count: 7000))))
    #expect(code(claim) == "resource_mismatch")
  }

  @Test func `an agent is registered once, so that its owner cannot be exchanged`() throws {
    let world = try World()
    #expect {
      try world.sign(
        .agentRegistered(AgentRegistered(agent: world.bot, owner: world.bob, roles: [])))
    } throws: { error in
      (error as? AdmissionFault)?.code == "exists"
    }
  }

  @Test func `max_uses are spent one by one`() async throws {
    let world = try World()
    let authority = try world.authority()
    let once = try world.sign(
      .grantIssued(
        GrantIssued(
          holder: world.bot,
          capabilities: [Capability(actions: ["deploy"], resources: ["stage://payments/**"])],
          limits: GrantLimits(maxUses: 1), parent: nil)))
    let first = try await authority.decide(
      try world.action(on: "stage://payments/a", grant: once))
    #expect(first.verdict == .allow)
    let second = try await authority.decide(
      try world.action(on: "stage://payments/a", grant: once))
    #expect(code(second) == "grant_exhausted")
  }
}
