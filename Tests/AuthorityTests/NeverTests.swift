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

@Suite("what may never happen")
struct NeverTests {
  let world: World
  let authority: DecisionAuthority
  let carol = Principal.named("user:carol")

  init() throws {
    world = try World(
      policy: """
        package agent.authz
        default allow = false
        require_approval if { input.action == "deploy" }
        approval := {"quorum": [{"group": "sre", "count": 2}]}
        """)
    try world.sign(.operatorEnrolled(try world.enrolled(carol, roles: [.approver])))
    try world.sign(
      .operatorEnrolled(try world.enrolled(.named("user:dave"), roles: [.approver])))
    authority = try world.authority()
  }

  func held() async throws -> (UnverifiedEnvelope, Digest) {
    let envelope = try world.action()
    return (envelope, try #require(try await authority.decide(envelope).hold?.digest))
  }

  /// The code with which something is refused; nil if it is not.
  func refusal(_ body: () throws -> Void) -> String? {
    do {
      try body()
      return nil
    } catch {
      return (error as? AdmissionFault)?.code ?? (error as? AuthorityFault)?.code ?? "\(error)"
    }
  }

  @Test("never: an action released without its approvals")
  func release() async throws {
    let (envelope, hold) = try await held()
    #expect(try await authority.decide(envelope).verdict == .hold, "asking again releases nothing")
    try world.vote(.approve, on: hold)
    #expect(try await authority.decide(envelope).verdict == .hold, "one of two")
    // A service that lies: its own signed release, without the quorum, is not admitted.
    try world.ledger.database.read { try world.ledger.catchUp($0) }
    let held = try #require(world.ledger.state.holds[hold])
    let signature = envelope.signatures[0]
    let lie = DecisionMade(
      action: envelope.digest, key: signature.key, signature: signature.signature,
      verdict: .allow, reasons: [Reason(code: "approved", detail: "")], rules: [],
      chain: held.chain, policy: nil, resource: nil, hold: nil, releases: hold, votes: [])
    #expect(refusal { try world.sign(.decisionMade(lie), by: world.gateway) } == "hold_pending")
    try world.vote(.approve, on: hold, by: carol)
    // Another action cannot ride on it: not even the same one signed anew.
    let other = try await authority.decide(try world.action())
    #expect(other.verdict == .hold && other.hold?.digest != hold)
    #expect(try await authority.decide(envelope).verdict == .allow)
    let again = try await authority.decide(envelope)
    #expect(again.isRepeat, "once released, it is only repeated")
  }

  @Test("never: a vote counted twice, or from an excluded, locked or removed operator")
  func votes() async throws {
    let (envelope, hold) = try await held()
    try world.vote(.approve, on: hold)
    #expect(refusal { try world.vote(.approve, on: hold) } == "vote_repeated")
    #expect(refusal { try world.vote(.approve, on: hold, by: world.alice) } == "vote_excluded")
    try world.sign(
      .lockPlaced(
        LockPlaced(
          target: .key(try World.key(carol).publicKey.fingerprint), reason: "x",
          until: world.clock.now.advanced(bySeconds: 60))))
    #expect(refusal { try world.vote(.approve, on: hold, by: carol) } == "locked")
    try world.sign(.operatorRemoved(OperatorRemoved(principal: carol, reason: "left")))
    #expect(refusal { try world.vote(.approve, on: hold, by: carol) } == "signer_unknown")
    #expect(refusal { try world.vote(.approve, on: hold, by: world.bot) } == "vote_not_approver")
    #expect(
      refusal { try world.vote(.approve, on: hold, by: world.gateway) } == "vote_not_approver")
    #expect(try await authority.decide(envelope).verdict == .hold)
  }

  @Test("never: bytes shown that differ from bytes signed")
  func bytes() async throws {
    let (envelope, hold) = try await held()
    try world.ledger.database.read { try world.ledger.catchUp($0) }
    let dossier = try #require(
      try world.ledger.database.read { try world.ledger.dossier(hold, $0) })
    #expect(dossier.payload == envelope.payload, "shown: what the agent signed")
    #expect(Digest.sha256(dossier.payload) == dossier.decision.action)
    // The same hold with other bytes under it is not shown at all.
    try world.ledger.database.write { try $0.erase(body: envelope.digest) }
    #expect(throws: AuthorityFault.self) {
      _ = try world.ledger.database.read { try world.ledger.dossier(hold, $0) }
    }
    // A vote names the hold, hence the action, the policy, the chain and the quorum; nothing else.
    let ballot = ApprovalVoted(hold: hold, vote: .approve, reason: "", validUntil: nil)
    #expect(ballot.json["hold"]?.string?.text == hold.hex)
  }

  // MARK: what rivals are cursed for

  @Test("a nonce is remembered as long as it could be replayed, however many there are")
  func nonceFlood() async throws {
    let first = try world.action("other")
    _ = try await authority.decide(first)
    let payload = try Action(payload: first.payload)
    for _ in 0..<300 { _ = try await authority.decide(try world.action("other")) }
    let replay = try world.action("other", on: "prod://payments/web", nonce: payload.nonce)
    #expect(try await authority.decide(replay).reasons[0].code == "replayed")
  }

  @Test("an empty list grants nothing, and a quorum of none is refused")
  func empty() async throws {
    let nothing = try world.sign(
      .grantIssued(
        GrantIssued(holder: world.bot, capabilities: [], limits: GrantLimits(), parent: nil)))
    let answer = try await authority.decide(try world.action(grant: nothing))
    #expect(answer.reasons[0].code == "not_granted")
    #expect(throws: (any Error).self) {
      _ = try ApprovalRule(["quorum": []], path: "approval")
    }
  }

  @Test("revocation is for good: a key or grant cannot come back")
  func irreversible() async throws {
    let key = try World.key(world.bot)
    try world.sign(
      .keyRevoked(
        KeyRevoked(
          key: key.publicKey.fingerprint, reason: .superseded, compromisedSince: nil, note: "")))
    #expect(refusal { try world.enrol(key, of: world.bot) } == "exists")
    #expect(
      refusal {
        try world.sign(
          .keyRevoked(
            KeyRevoked(
              key: key.publicKey.fingerprint, reason: .retired, compromisedSince: nil, note: "")))
      } == "key_revoked")
    #expect(world.ledger.state.keys[key.publicKey.fingerprint]?.revocation?.reason == .superseded)
  }
}
