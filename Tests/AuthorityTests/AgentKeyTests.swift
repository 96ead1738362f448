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

@Suite("agents' keys: states, rotation, requests")
struct AgentKeyTests {
  let world: World

  init() throws {
    world = try World()
  }

  func code(_ body: () throws -> Void) -> String {
    do {
      try body()
      return "admitted"
    } catch let fault as AdmissionFault {
      return fault.code
    } catch let fault as StatementFault {
      return fault.code
    } catch {
      return "\(error)"
    }
  }

  func decide(_ key: borrowing SigningKey, _ authority: DecisionAuthority) async throws -> String {
    let action = Action(
      action: "deploy", agent: world.bot, audience: world.gateway, context: JSONObject(),
      grant: world.grant, nonce: ByteString(Hexadecimal.text(of: SecureRandom.bytes(16))),
      params: JSONObject(), registry: world.registry, resource: "stage://payments/api",
      timestamp: world.clock.now)
    let answer = try await authority.decide(action.signed(by: key))
    return answer.verdict == .allow ? "allow" : answer.reasons[0].code.text
  }

  @Test("prepared, active, tainted, revoked, expired: each state has its answer")
  func states() async throws {
    let authority = try world.authority()
    let key = try SigningKey.derived(from: "second")
    let start = world.clock.now.advanced(bySeconds: 60)
    let draft = try world.ledger.draft(
      .keyEnrolled(
        KeyEnrolled(
          holder: world.bot, key: key.publicKey, notBefore: start,
          notAfter: start.advanced(bySeconds: 600))), by: world.alice, at: world.clock.now)
    try world.ledger.append(
      draft.envelope(
        try draft.signature(by: try World.key(world.alice)), try draft.signature(by: key)),
      clock: world.clock.clock)
    #expect(try await decide(key, authority) == "key_not_yet_valid")
    world.clock.advance(seconds: 61)
    #expect(try await decide(key, authority) == "allow")
    #expect(
      try await decide(try World.key(world.bot), authority) == "allow", "several keys at once")
    try world.sign(.keyTainted(KeyTainted(key: key.publicKey.fingerprint, reason: "left a laptop")))
    #expect(try await decide(key, authority) == "key_tainted")
    world.clock.advance(seconds: 601)
    #expect(try await decide(key, authority) == "key_expired")
    try world.sign(
      .keyRevoked(
        KeyRevoked(
          key: key.publicKey.fingerprint, reason: .retired, compromisedSince: nil, note: "")))
    #expect(try await decide(key, authority) == "key_revoked")
    #expect(code { try world.enrol(key, of: world.bot) } == "exists", "a key comes once")
  }

  @Test("a rotation takes the old key, the new one and an operator; both act until it ends")
  func rotation() async throws {
    let authority = try world.authority()
    let old = try World.key(world.bot)
    let next = try SigningKey.derived(from: "next")
    func rotate(
      by signer: Principal, _ signatures: (StatementDraft) throws -> [StatementSignature]
    ) throws {
      let draft = try world.ledger.draft(
        .keyRotated(
          KeyRotated(
            holder: world.bot, old: old.publicKey.fingerprint, key: next.publicKey,
            overlapUntil: world.clock.now.advanced(bySeconds: 3600), notAfter: nil, request: nil)),
        by: signer, at: world.clock.now)
      try world.ledger.append(
        draft.envelope(try signatures(draft)), clock: world.clock.clock)
    }
    let alice = try World.key(world.alice)
    #expect(
      code {
        try rotate(by: world.alice) {
          [try $0.signature(by: alice), try $0.signature(by: next)]
        }
      } == "signatures_wrong")
    #expect(
      code {
        try rotate(by: world.alice) { [try $0.signature(by: alice), try $0.signature(by: old)] }
      } == "signatures_wrong")
    let bob = try World.key(world.bob)
    #expect(
      code {
        try rotate(by: world.bob) {
          [try $0.signature(by: bob), try $0.signature(by: old), try $0.signature(by: next)]
        }
      } == "role_missing", "neither admin nor owner")
    try rotate(by: world.alice) {
      [try $0.signature(by: alice), try $0.signature(by: old), try $0.signature(by: next)]
    }
    #expect(try await decide(old, authority) == "allow")
    #expect(try await decide(next, authority) == "allow")
    world.clock.advance(seconds: 3601)
    #expect(try await decide(old, authority) == "key_expired")
    #expect(try await decide(next, authority) == "allow")
    #expect(
      world.ledger.state.keys[next.publicKey.fingerprint]?.predecessor
        == old.publicKey.fingerprint)
  }

  @Test("an agent asks for its key, an admin answers; a stranger cannot grow the log")
  func requests() async throws {
    let authority = try world.authority()
    let key = try SigningKey.derived(from: "asked for")
    func request(
      _ key: borrowing SigningKey, for agent: Principal, at time: Timestamp? = nil
    ) throws -> UnverifiedEnvelope {
      try world.ledger.database.read { try world.ledger.catchUp($0) }
      let draft = try world.ledger.draft(
        .keyRequested(
          KeyRequested(holder: agent, key: key.publicKey, replaces: nil, note: "please")),
        by: agent, at: time ?? world.clock.now)
      return try draft.signed(by: key)
    }
    let envelope = try request(key, for: world.bot)
    _ = try await authority.admit(envelope)
    #expect(try await decide(key, authority) == "key_unknown")
    try world.ledger.database.read { try world.ledger.catchUp($0) }
    let wrong = try SigningKey.derived(from: "another")
    #expect(
      code {
        try world.sign(
          .keyEnrolled(
            KeyEnrolled(
              holder: world.bot, key: wrong.publicKey, notBefore: nil, notAfter: nil,
              request: envelope.digest)))
      } == "unknown_subject")
    try world.sign(
      .keyEnrolled(
        KeyEnrolled(
          holder: world.bot, key: key.publicKey, notBefore: nil, notAfter: nil,
          request: envelope.digest)))
    #expect(try await decide(key, authority) == "allow")

    try world.ledger.database.read { try world.ledger.catchUp($0) }
    let before = world.ledger.tree.size
    // One account can have one open for an agent; several accounts together, a few.
    for index in 0..<6 {
      _ = try? await authority.admit(
        try request(try SigningKey.derived(from: "flood \(index)"), for: world.bot), from: 1000)
    }
    try world.ledger.database.read { try world.ledger.catchUp($0) }
    #expect(world.ledger.tree.size == before + 1)
    for index in 0..<6 {
      _ = try? await authority.admit(
        try request(try SigningKey.derived(from: "more \(index)"), for: world.bot),
        from: 2000 + UInt32(index))
    }
    try world.ledger.database.read { try world.ledger.catchUp($0) }
    #expect(world.ledger.tree.size == before + UInt64(KeyRequest.limitPerAgent))
    await #expect(throws: AdmissionFault.self) {
      _ = try await authority.admit(
        try request(try SigningKey.derived(from: "x"), for: .named("agent:nobody")), from: 3000)
    }
  }

  @Test("an agent sends only what agents may send")
  func admitted() async throws {
    let authority = try world.authority()
    let draft = try world.ledger.draft(
      .lockPlaced(LockPlaced(target: .everything, reason: "x", until: nil)), by: world.bot,
      at: world.clock.now)
    await #expect(throws: AuthorityFault.self) {
      _ = try await authority.admit(try draft.signed(by: try World.key(world.bot)))
    }
    let vote = try world.ledger.draft(
      .approvalVoted(
        ApprovalVoted(hold: world.grant, vote: .approve, reason: "", validUntil: nil)),
      by: world.bob, at: world.clock.now)
    await #expect(throws: AuthorityFault.self) {
      _ = try await authority.admit(try vote.signed(by: try World.key(world.bob)))
    }
  }

  @Test("a compromised key's later acts, grants and successors wait for another's review")
  func suspects() async throws {
    let authority = try world.authority()
    _ = try await authority.decide(try world.action(on: "stage://payments/early"))
    world.clock.advance(seconds: 100)
    let since = world.clock.now
    world.clock.advance(seconds: 1)
    let answer = try await authority.decide(try world.action(on: "stage://payments/late"))
    let helper = Principal.named("agent:helper")
    try world.sign(.agentRegistered(AgentRegistered(agent: helper, owner: world.alice, roles: [])))
    let sub = try world.sign(
      .grantIssued(
        GrantIssued(
          holder: helper,
          capabilities: [
            Capability(actions: ["deploy"], resources: ["stage://payments/**"])
          ], limits: GrantLimits(maxDepth: 0), parent: world.grant)), by: world.bot)
    let key = try World.key(world.bot).publicKey.fingerprint
    try world.sign(
      .keyRevoked(
        KeyRevoked(key: key, reason: .compromised, compromisedSince: since, note: "leaked")))
    let owed = try world.ledger.database.read { try $0.reviews(all: false) }
    #expect(Set(owed.map(\.kind)) == ["action", "grant"])
    #expect(owed.count == 2)
    #expect(owed.contains { $0.subject == sub })
    #expect(
      world.ledger.state.chains.report(leaf: sub, audience: nil, at: world.clock.now).verdict.fault?
        .code == "chain_key_untrusted")
    let late = try #require(owed.first { $0.kind == "action" })
    #expect(late.index == answer.index)
    #expect(
      code {
        try world.sign(
          .reviewCompleted(
            ReviewCompleted(
              [ReviewCompleted.Subject(late.subject, index: 0)], outcome: .justified, note: "x")))
      } == "unknown_subject", "the entry named must be the one reviewed")
    let early = try world.ledger.database.read { try $0.decisions(limit: 10) }.last
    #expect(
      code {
        try world.sign(
          .reviewCompleted(
            ReviewCompleted(
              [
                ReviewCompleted.Subject(
                  early?.digest ?? sub, index: Int64(early?.index ?? 0))
              ], outcome: .justified, note: "x")))
      } == "unknown_subject", "what came before stands, and needs no review")
    try world.sign(
      .reviewCompleted(
        ReviewCompleted(
          [ReviewCompleted.Subject(late.subject, index: Int64(late.index))], outcome: .unjustified,
          note: "seen")),
      by: world.bob)
    #expect(try world.ledger.database.read { try $0.reviews(all: false) }.count == 1)
  }

  @Test("a backdated statement is judged by when the log received it")
  func backdated() throws {
    world.clock.advance(seconds: 1000)
    let since = world.clock.now.advanced(bySeconds: -10)
    let helper = Principal.named("agent:helper")
    try world.sign(.agentRegistered(AgentRegistered(agent: helper, owner: world.alice, roles: [])))
    let draft = try world.ledger.draft(
      .grantIssued(
        GrantIssued(
          holder: helper,
          capabilities: [Capability(actions: ["deploy"], resources: ["stage://payments/x"])],
          limits: GrantLimits(), parent: world.grant)), by: world.bot,
      at: since.advanced(bySeconds: -200))
    let sub = try world.ledger.append(
      try draft.signed(by: try World.key(world.bot)), clock: world.clock.clock
    ).digest
    try world.sign(
      .keyRevoked(
        KeyRevoked(
          key: try World.key(world.bot).publicKey.fingerprint, reason: .compromised,
          compromisedSince: since, note: "")))
    #expect(
      world.ledger.state.chains.report(leaf: sub, audience: nil, at: world.clock.now).verdict.word
        == "invalid")
  }
}
