import Approvals
import Authority
import CanonicalJSON
import Decisions
import Delegations
import Keys
import Registry
import Rego
import Statements
import TestSupport
import Testing

@Suite("co-signatures and approvals count for what they are")
struct CosignatureTests {
  let carol = Principal.named("user:carol")
  let dave = Principal.named("user:dave")
  let fred = Principal.named("user:fred")
  let eve = Principal.named("user:eve")

  func fingerprint(_ principal: Principal) throws -> Fingerprint {
    try World.key(principal).publicKey.fingerprint
  }

  @Test("never: a co-signature made with a stolen key completes a proposal opened before the theft")
  func stolenCosigner() throws {
    let world = try World(admins: [carol, dave, fred], quorum: 3)
    let proposal = try world.sign(
      .operatorEnrolled(try world.enrolled(eve, roles: [.admin])), alone: true)
    world.clock.advance(seconds: 600)
    let theft = world.clock.now
    world.clock.advance(seconds: 60)
    // The thief co-signs with carol's key; then the theft is found out.
    try world.sign(.proposalSigned(ProposalSigned(proposal: proposal)), by: carol)
    try world.sign(
      .keyRevoked(
        KeyRevoked(
          key: try fingerprint(carol), reason: .compromised, compromisedSince: theft, note: "x")),
      by: carol)
    let record = try #require(world.ledger.state.proposals[proposal])
    #expect(world.ledger.state.countedSigners(record) == [world.alice])
    try world.sign(.proposalSigned(ProposalSigned(proposal: proposal)), by: dave)
    #expect(world.ledger.state.operators[eve] == nil, "two of three, whatever the thief signed")
    // A mark of the state carries when each signed.
    let kept = try AuthorityState(snapshot: world.ledger.state.snapshot)
    #expect(kept.proposals == world.ledger.state.proposals)
    try world.sign(.proposalSigned(ProposalSigned(proposal: proposal)), by: fred)
    #expect(world.ledger.state.operators[eve] != nil)
  }

  @Test("what was co-signed before the theft still counts")
  func earlierCosigner() throws {
    let world = try World(admins: [carol, dave, fred], quorum: 3)
    let proposal = try world.sign(
      .operatorEnrolled(try world.enrolled(eve, roles: [.admin])), alone: true)
    try world.sign(.proposalSigned(ProposalSigned(proposal: proposal)), by: carol)
    world.clock.advance(seconds: 600)
    try world.sign(
      .keyRevoked(
        KeyRevoked(
          key: try fingerprint(carol), reason: .compromised, compromisedSince: world.clock.now,
          note: "x")), by: carol)
    try world.sign(.proposalSigned(ProposalSigned(proposal: proposal)), by: dave)
    #expect(world.ledger.state.operators[eve] != nil)
  }

  @Test("every admin who signed an enrolment is an enroller; the opener's key enrolled it")
  func enrollers() throws {
    let world = try World(admins: [carol, dave], quorum: 2)
    try world.sign(.operatorEnrolled(try world.enrolled(eve, roles: [.approver])), alone: true)
    let proposal = try #require(world.ledger.state.proposals.keys.first)
    try world.sign(.proposalSigned(ProposalSigned(proposal: proposal)), by: dave)
    let record = try #require(world.ledger.state.keys[try fingerprint(eve)])
    #expect(record.enrollers == [world.alice, dave])
    #expect(record.enrollingKey == (try fingerprint(world.alice)))
    #expect(record.cosigningKeys == [try fingerprint(dave)])
    #expect(
      Set(
        world.ledger.state.exclusions(agent: world.bot, key: try fingerprint(eve), chain: []).keys
      )
      .isSuperset(of: [world.alice, dave]), "neither may approve what that key does")
    #expect(
      try AuthorityState(snapshot: world.ledger.state.snapshot).snapshot
        == world.ledger.state.snapshot)
  }

  @Test(
    "never: a key that a compromised key enrolled, or co-signed, escapes review",
    arguments: [true, false])
  func suspects(isOpener: Bool) throws {
    let world = try World(admins: [carol, dave, fred], quorum: 2)
    world.clock.advance(seconds: 60)
    let theft = world.clock.now
    world.clock.advance(seconds: 60)
    let (opener, cosigner) = isOpener ? (carol, dave) : (dave, carol)
    let proposal = try world.sign(
      .operatorEnrolled(try world.enrolled(eve, roles: [.approver])), by: opener, alone: true)
    try world.sign(.proposalSigned(ProposalSigned(proposal: proposal)), by: cosigner)
    world.clock.advance(seconds: 60)
    let revoke = StatementBody.keyRevoked(
      KeyRevoked(
        key: try fingerprint(carol), reason: .compromised, compromisedSince: theft, note: "x"))
    let preview = try ChangePreview(
      of: revoke, by: carol, in: world.ledger.state, at: world.clock.now)
    #expect(preview.suspectKeys == [try fingerprint(eve)])
    try world.sign(revoke, by: carol)
    let owed = try world.ledger.database.read { try $0.reviews(all: false) }
    let row = try #require(owed.first { $0.kind == "key" && $0.who == "user:eve" })
    try world.sign(
      .reviewCompleted(
        ReviewCompleted(
          [ReviewCompleted.Subject(row.subject, index: Int64(row.index))], outcome: .justified,
          note: "seen")),
      by: fred)
    let left = try world.ledger.database.read { try $0.reviews(all: false) }
    #expect(!left.contains { $0.subject == row.subject })
  }

  // MARK: approved_for

  func held(
    _ approval: String, at seconds: [(voter: Principal, validFor: Int64?)]
  ) async throws -> (World, DecisionAuthority, UnverifiedEnvelope, Digest) {
    let world = try World(
      policy: """
        package agent.authz
        require_approval if { input.action == "deploy" }
        approval := \(approval)
        """)
    try world.sign(.operatorEnrolled(try world.enrolled(carol, roles: [.approver])))
    let authority = try world.authority()
    let envelope = try world.action()
    let hold = try #require(try await authority.decide(envelope).hold?.digest)
    for vote in seconds {
      try world.sign(
        .approvalVoted(
          ApprovalVoted(
            hold: hold, vote: .approve, reason: "",
            validUntil: vote.validFor.map { world.clock.now.advanced(bySeconds: $0) })),
        by: vote.voter)
    }
    return (world, authority, envelope, hold)
  }

  @Test("never: one vote's 30 days prolong another's approval, or the rule's wait")
  func prolonged() async throws {
    let bob = Principal.named("user:bob")
    let two = #"{"quorum": [{"count": 2}], "approved_for": "10m"}"#
    let cases: [(approval: String, votes: [(Principal, Int64?)], lasts: Int64)] = [
      (two, [(bob, nil), (carol, 30 * 86_400)], 600),
      (two, [(bob, 30 * 86_400), (carol, nil)], 600),
      (two, [(bob, 120), (carol, 30 * 86_400)], 120),
      (two, [(bob, 30 * 86_400), (carol, 30 * 86_400)], 600),
      (two, [(bob, nil), (carol, nil)], 600),
      (#"{"quorum": [{"count": 2}]}"#, [(bob, nil), (carol, 30 * 86_400)], 300),
      (#"{"quorum": [{"count": 2}], "approved_for": "60m"}"#, [(bob, nil), (carol, nil)], 3600),
    ]
    for one in cases {
      let (world, authority, envelope, hold) = try await held(one.approval, at: one.votes)
      let state = try #require(world.ledger.state.holds[hold])
      #expect(state.approvedUntil == world.clock.now.advanced(bySeconds: one.lasts))
      world.clock.advance(seconds: one.lasts)
      #expect(state.state(at: world.clock.now).word == "lapsed")
      let answer = try await authority.decide(envelope)
      #expect(answer.verdict != .allow && answer.hold?.state == .lapsed, "nothing is released")
    }
  }

  @Test("a shorter wait that the policy has by then is kept to")
  func shortened() async throws {
    let (world, authority, envelope, _) = try await held(
      #"{"quorum": [{"count": 1}], "approved_for": "30m"}"#,
      at: [(Principal.named("user:bob"), nil)])
    world.clock.advance(seconds: 120)
    try world.publish(
      """
      package agent.authz
      require_approval if { input.action == "deploy" }
      approval := {"quorum": [{"count": 1}], "approved_for": "1m"}
      """)
    let answer = try await authority.decide(envelope)
    #expect(answer.verdict == .deny)
    #expect(answer.reasons.map(\.code) == ["policy_changed"])
  }

  @Test(
    "an approved_for that is no duration up to an hour is a policy error",
    arguments: ["0s", "61m", "3601s", "forever", "-5m", "", "2d"])
  func malformed(text: String) async throws {
    let world = try World(
      policy: """
        package agent.authz
        require_approval if { input.action == "deploy" }
        approval := {"approved_for": "\(text)"}
        """)
    let answer = try await world.authority().decide(try world.action())
    #expect(answer.verdict == .deny)
    #expect(answer.reasons.map(\.code) == ["policy_error"])
    #expect(answer.reasons.first?.detail.text.contains("approved_for") == true)
  }
}
