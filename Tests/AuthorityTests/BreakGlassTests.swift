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

@Suite("quorum, withdrawal, break-glass and locks")
struct BreakGlassTests {
  static let policy = """
    package agent.authz
    default allow = false
    allow if { input.action == "restart" }
    require_approval if { input.action == "deploy" }
    approval := {"quorum": [{"group": "sre", "count": 2}], "break_glass": true} if {
      input.resource.env == "production"
    }
    deny contains "frozen" if { input.params.frozen }
    """
  let carol = Principal.named("user:carol")
  let dave = Principal.named("user:dave")
  let world: World
  let authority: DecisionAuthority

  init() throws {
    world = try World(policy: BreakGlassTests.policy)
    for name in [carol, dave] {
      try world.sign(.operatorEnrolled(try world.enrolled(name, roles: [.approver])))
    }
    authority = try world.authority()
  }

  func code(_ body: () throws -> Void) -> String {
    do {
      try body()
      return "admitted"
    } catch let fault as AdmissionFault {
      return fault.code
    } catch {
      return "\(error)"
    }
  }

  func state(_ hold: Digest) throws -> String {
    try world.ledger.database.read { try world.ledger.catchUp($0) }
    return world.ledger.state.holds[hold]?.state(at: world.clock.now).word ?? "none"
  }

  func hold(_ resource: ByteString = "prod://payments/api") async throws -> (
    envelope: UnverifiedEnvelope, digest: Digest
  ) {
    let envelope = try world.action(on: resource)
    let answer = try await authority.decide(envelope)
    return (envelope, try #require(answer.hold?.digest))
  }

  func broken(_ hold: Digest, by signer: Principal, reason: ByteString = "outage") throws {
    try world.sign(
      .approvalBrokenGlass(ApprovalBrokenGlass(hold: hold, reason: reason)), by: signer)
  }

  @Test("a vote is taken back before the quorum, and may be given again")
  func withdrawal() async throws {
    let (_, hold) = try await hold()
    try world.vote(.approve, on: hold, by: world.bob)
    #expect(code { try world.vote(.approve, on: hold, by: world.bob) } == "vote_repeated")
    let withdraw = StatementBody.approvalWithdrawn(ApprovalWithdrawn(hold: hold, reason: "wait"))
    #expect(code { try world.sign(withdraw, by: carol) } == "vote_not_given")
    try world.sign(withdraw, by: world.bob)
    try world.vote(.approve, on: hold, by: carol)
    #expect(try state(hold) == "pending", "a withdrawn vote counts for nothing")
    try world.vote(.approve, on: hold, by: world.bob)
    #expect(try state(hold) == "approved")
    #expect(code { try world.sign(withdraw, by: world.bob) } == "hold_approved")
  }

  @Test("a vote that has lapsed does not complete a quorum")
  func lapsedVote() async throws {
    let (_, hold) = try await hold()
    try world.sign(
      .approvalVoted(
        ApprovalVoted(
          hold: hold, vote: .approve, reason: "",
          validUntil: world.clock.now.advanced(bySeconds: 10)
        )), by: world.bob)
    world.clock.advance(seconds: 11)
    try world.vote(.approve, on: hold, by: carol)
    #expect(try state(hold) == "pending")
    try world.vote(.approve, on: hold, by: dave)
    #expect(try state(hold) == "approved")
  }

  @Test("one person has one vote, however many keys")
  func manyKeys() async throws {
    let (_, hold) = try await hold()
    try world.vote(.approve, on: hold, by: world.bob)
    let second = try SigningKey.derived(from: "bob's second key")
    try world.sign(
      .operatorKeyRotated(
        OperatorKeyRotated(
          principal: world.bob, key: second.publicKey,
          overlapUntil: world.clock.now.advanced(bySeconds: 3600))))
    #expect(
      code {
        try world.ledger.sign(
          .approvalVoted(
            ApprovalVoted(hold: hold, vote: .approve, reason: "", validUntil: nil)),
          by: world.bob, key: second, clock: world.clock.clock)
      } == "vote_repeated")
  }

  @Test("glass breaks only where the rule allows it, by one who may approve, with a reason")
  func allowed() async throws {
    let (_, plain) = try await hold("stage://payments/api")
    #expect(code { try broken(plain, by: world.bob) } == "break_glass_forbidden")
    let (_, hold) = try await hold()
    #expect(code { try broken(hold, by: world.alice) } == "vote_excluded")
    #expect(code { try broken(hold, by: world.bob, reason: "  ") }.contains("reason is empty"))
    try broken(hold, by: world.bob)
    #expect(try state(hold) == "approved")
  }

  @Test("a release by broken glass is marked, and owes a review that blocks the next")
  func owed() async throws {
    let (envelope, first) = try await hold()
    try broken(first, by: world.bob)
    let answer = try await authority.decide(envelope)
    #expect(answer.verdict == .allow)
    #expect(answer.reasons.map(\.code) == ["broken_glass"])
    let owed = try world.ledger.database.read { try $0.reviews(all: false) }
    #expect(owed.map(\.kind) == ["broken_glass"])
    let (_, second) = try await hold("prod://payments/web")
    #expect(code { try broken(second, by: world.bob) } == "review_owed", "the same operator")
    #expect(code { try broken(second, by: carol) } == "review_owed", "the same agent")
    let review = StatementBody.reviewCompleted(
      ReviewCompleted(
        [ReviewCompleted.Subject(try #require(owed.first?.subject), index: nil)],
        outcome: .justified, note: "ok"))
    #expect(code { try world.sign(review, by: world.bob) } == "invalid", "not by who broke it")
    try world.sign(review, by: carol)
    try broken(second, by: carol)
    #expect(world.ledger.state.owedReviews.count == 1)
  }

  @Test("broken glass never overrides a deny, a revoked key or a broken chain")
  func overridesNothing() async throws {
    let (envelope, hold) = try await hold()
    try broken(hold, by: world.bob)
    try world.publish(
      BreakGlassTests.policy + "\ndeny contains \"freeze\" if { input.action == \"deploy\" }\n")
    let denied = try await authority.decide(envelope)
    #expect(denied.verdict == .deny)
    #expect(try state(hold) == "lapsed")
    try world.publish(BreakGlassTests.policy)
    try world.sign(
      .reviewCompleted(
        ReviewCompleted(
          [
            ReviewCompleted.Subject(
              try #require(world.ledger.state.owedReviews.keys.first), index: nil)
          ], outcome: .justified, note: "lapsed")), by: carol)
    let (other, next) = try await self.hold("prod://payments/two")
    try broken(next, by: world.bob)
    try world.sign(.grantRevoked(GrantRevoked(grant: world.grant, reason: "enough")))
    #expect(try state(next) == "voided")
    #expect(try await authority.decide(other).verdict == .deny)
  }

  @Test("a hold approved by one who is removed, locked or revoked since is not released")
  func lostQuorum() async throws {
    for name in ["user:late", "user:later"] as [ByteString] {
      try world.sign(.operatorEnrolled(try world.enrolled(.named(name), roles: [.approver])))
    }
    for change in 0..<3 {
      let (envelope, hold) = try await hold(ByteString("prod://payments/q\(change)"))
      let voter = [world.bob, carol, dave][change]
      let other = [carol, dave, Principal.named("user:late")][change]
      try world.vote(.approve, on: hold, by: voter)
      try world.vote(.approve, on: hold, by: other)
      #expect(try state(hold) == "approved")
      let key = try World.key(voter).publicKey.fingerprint
      switch change {
      case 0: try world.sign(.operatorRemoved(OperatorRemoved(principal: voter, reason: "left")))
      case 1:
        try world.sign(
          .lockPlaced(
            LockPlaced(
              target: .key(key), reason: "x", until: world.clock.now.advanced(bySeconds: 60))))
      default:
        try world.sign(
          .keyRevoked(
            KeyRevoked(key: key, reason: .unspecified, compromisedSince: nil, note: "")))
      }
      let answer = try await authority.decide(envelope)
      #expect(answer.verdict == .deny)
      #expect(answer.reasons.map(\.code) == ["quorum_lost"])
    }
  }

  @Test("a lock on agent, key, pattern or everything stops the next action and open holds")
  func locks() async throws {
    let key = try World.key(world.bot).publicKey.fingerprint
    let targets: [LockTarget] = [
      .agent(world.bot), .key(key), .resource("prod://payments/**"), .everything,
    ]
    for (index, target) in targets.enumerated() {
      let (_, hold) = try await hold(ByteString("prod://payments/l\(index)"))
      let lock = try world.sign(
        .lockPlaced(LockPlaced(target: target, reason: "drill", until: nil)), by: world.bob)
      #expect(try state(hold) == "voided", "\(target.words)")
      let answer = try await authority.decide(
        try world.action(on: ByteString("prod://payments/l\(index)")))
      #expect(answer.reasons.map(\.code) == ["locked"])
      let lift = StatementBody.lockLifted(LockLifted(lock: lock, reason: "over"))
      if target == .everything {
        #expect(code { try world.sign(lift, by: world.bob) } == "role_missing")
        try world.sign(lift)
      } else {
        try world.sign(lift, by: world.bob)
      }
      #expect(try await authority.decide(try world.action()).verdict == .hold)
    }
    try world.sign(
      .lockPlaced(
        LockPlaced(
          target: .agent(world.bot), reason: "x", until: world.clock.now.advanced(bySeconds: 5))))
    #expect(try await authority.decide(try world.action()).reasons[0].code == "locked")
    world.clock.advance(seconds: 6)
    #expect(try await authority.decide(try world.action()).verdict == .hold)
  }

  @Test("a lock on an agent stops those it passed authority on to")
  func lockedUpstream() async throws {
    let helper = Principal.named("agent:helper")
    try world.sign(.agentRegistered(AgentRegistered(agent: helper, owner: world.alice, roles: [])))
    try world.enrol(try World.key(helper), of: helper)
    let sub = try world.sign(
      .grantIssued(
        GrantIssued(
          holder: helper,
          capabilities: [Capability(actions: ["deploy"], resources: ["prod://payments/**"])],
          limits: GrantLimits(), parent: world.grant)), by: world.bot)
    try world.sign(
      .lockPlaced(LockPlaced(target: .agent(world.bot), reason: "x", until: nil)), by: world.bob)
    let reach = world.ledger.state.reach(of: helper, at: world.clock.now)
    #expect(reach.map(\.grant.digest) == [sub])
    #expect(reach.first?.isUsable == false)
  }

  @Test("an outcome is told once, by the agent that was let through")
  func outcomes() async throws {
    try world.publish(
      BreakGlassTests.policy.replacing("\"restart\"", with: "\"deploy\"").replacing(
        "require_approval if { input.action == \"deploy\" }", with: ""))
    let envelope = try world.action(on: "stage://payments/api")
    #expect(try await authority.decide(envelope).verdict == .allow)
    try world.ledger.database.read { try world.ledger.catchUp($0) }
    let finish = StatementBody.actionFinished(
      ActionFinished(action: envelope.digest, outcome: .ok, detail: "done"))
    try world.sign(finish, by: world.bot)
    #expect(code { try world.sign(finish, by: world.bot) } == "unknown_subject")
    #expect(
      try world.ledger.database.read { try $0.outcome(of: envelope.digest)?.outcome } == "ok")
  }
}
