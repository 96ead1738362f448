import Authority
import CanonicalJSON
import Decisions
import Foundation
import Keys
import Registry
import Statements
import TestSupport
import Testing

/// Someone who can append to the registry file chooses the receipt times of what they append.
@Suite("entries dated back onto what has expired")
struct LateVoteTests {
  let world: World

  init() throws {
    world = try World(
      policy: """
        package agent.authz
        default allow = false
        require_approval if { input.action == "deploy" }
        approval := {"quorum": [{"group": "sre", "count": 1}], "ttl": "60s"}
        """)
  }

  /// Appends a statement as a process with another clock would.
  func append(_ body: StatementBody, by signer: Principal, dated time: Timestamp) throws {
    let clock = Clock { time }
    try world.ledger.sign(body, by: signer, key: try World.key(signer), clock: clock)
  }

  func approve(_ hold: Digest, dated time: Timestamp) throws {
    try append(
      .approvalVoted(ApprovalVoted(hold: hold, vote: .approve, reason: "x", validUntil: nil)),
      by: world.bob, dated: time)
  }

  func held(_ authority: DecisionAuthority) async throws -> (UnverifiedEnvelope, Answer.HoldReport)
  {
    let envelope = try world.action()
    return (envelope, try #require(try await authority.decide(envelope).hold))
  }

  func report() throws -> LogVerification.Report {
    try LogVerification.run(
      try RegistryDatabase(world.path, access: .readOnly), pins: world.pins)
  }

  @Test(
    "never: a vote dated back onto a hold of which the agent was told that it expired releases it")
  func afterAnswer() async throws {
    let authority = try world.authority()
    let (envelope, hold) = try await held(authority)
    world.clock.advance(seconds: 61)
    #expect(try await authority.decide(envelope).reasons[0].code == "hold_expired")
    try approve(hold.digest, dated: hold.expires.advanced(bySeconds: -5))
    let answer = try await authority.decide(envelope)
    #expect(answer.verdict == .deny && answer.reasons[0].code == "vote_late", "\(answer.reasons)")
    #expect(try await authority.decide(envelope).reasons[0].code == "vote_late", "it is over")
    try await authority.close()
    let report = try report()
    #expect(report.findings.isEmpty, "replay takes the stricter answer: \(report.findings)")
  }

  @Test("never: ... where nobody asked in between, because the service looks by itself")
  func unasked() async throws {
    let authority = try world.authority()
    let (envelope, hold) = try await held(authority)
    world.clock.advance(seconds: 61)
    await authority.tick()
    try approve(hold.digest, dated: hold.expires.advanced(bySeconds: -1))
    #expect(try await authority.decide(envelope).reasons[0].code == "vote_late")
  }

  @Test("never: ... after the service was started again", arguments: [true, false])
  func afterRestart(isKilled: Bool) async throws {
    let authority = try world.authority()
    let (envelope, hold) = try await held(authority)
    world.clock.advance(seconds: 61)
    await authority.tick()
    // What a killed process leaves is what it has written; closing writes no more.
    if !isKilled { try await authority.close() }
    try approve(hold.digest, dated: hold.expires.advanced(bySeconds: -1))
    let again = try world.authority()
    #expect(try await again.decide(envelope).reasons[0].code == "vote_late")
    try await again.close()
    let third = try world.authority()
    #expect(try await third.decide(envelope).reasons[0].code == "vote_late")
  }

  @Test("never: ... found before the restart, and released after it")
  func foundThenRestarted() async throws {
    let authority = try world.authority()
    let (envelope, hold) = try await held(authority)
    world.clock.advance(seconds: 61)
    await authority.tick()
    try approve(hold.digest, dated: hold.expires.advanced(bySeconds: -1))
    await authority.tick()
    _ = try await authority.decide(try world.action("other"))
    let again = try world.authority()
    #expect(try await again.decide(envelope).reasons[0].code == "vote_late")
  }

  @Test("a vote that was there in time releases, however late the service looks")
  func inTime() async throws {
    let authority = try world.authority()
    let (envelope, hold) = try await held(authority)
    world.clock.advance(seconds: 30)
    await authority.tick()
    world.clock.advance(seconds: 1)
    try world.vote(.approve, on: hold.digest)
    world.clock.advance(seconds: 100)
    #expect(try await authority.decide(envelope).verdict == .allow)
    // A receipt a moment before the look, of a commit a moment after it, is no lie.
    let (other, second) = try await held(authority)
    world.clock.advance(seconds: 10)
    await authority.tick()
    try approve(second.digest, dated: world.clock.now.advanced(byMilliseconds: -200))
    #expect(try await authority.decide(other).verdict == .allow)
    #expect(try report().findings.isEmpty)
  }

  @Test("never: a break-glass dated back releases")
  func breakGlass() async throws {
    try world.publish(
      """
      package agent.authz
      require_approval if { input.action == "deploy" }
      approval := {"quorum": [{"group": "sre", "count": 2}], "ttl": "60s", "break_glass": true}
      """)
    try world.sign(
      .operatorEnrolled(try world.enrolled(.named("user:carol"), roles: [.approver])))
    try world.sign(.operatorEnrolled(try world.enrolled(.named("user:dave"), roles: [.approver])))
    let authority = try world.authority()
    let (envelope, hold) = try await held(authority)
    world.clock.advance(seconds: 61)
    await authority.tick()
    try append(
      .approvalBrokenGlass(ApprovalBrokenGlass(hold: hold.digest, reason: "x")), by: world.bob,
      dated: hold.expires.advanced(bySeconds: -1))
    #expect(try await authority.decide(envelope).reasons[0].code == "vote_late")
  }

  @Test("never: a key that had expired still enrols, grants or co-signs, dated back")
  func expiredKey() async throws {
    let carol = Principal.named("user:carol")
    try world.sign(
      .operatorEnrolled(try world.enrolled(carol, roles: [.admin, .approver])))
    let next = try SigningKey.derived(from: "carol's next key")
    try world.sign(
      .operatorKeyRotated(
        OperatorKeyRotated(
          principal: carol, key: next.publicKey,
          overlapUntil: world.clock.now.advanced(bySeconds: 600))))
    try world.sign(.settingsChanged(SettingsChanged(adminQuorum: 2, acceptsNoSpare: true)))
    let proposal = try world.sign(
      .operatorEnrolled(try world.enrolled(.named("user:mallory"), roles: [.admin])), alone: true)
    let authority = try world.authority()
    _ = try await authority.decide(try world.action("other"))
    let before = world.clock.now
    world.clock.advance(seconds: 601)
    try await authority.look()
    // The old key, expired now, signs as of ten minutes ago: the log itself cannot tell.
    let later = before.advanced(bySeconds: 599)
    try append(.proposalSigned(ProposalSigned(proposal: proposal)), by: carol, dated: later)
    #expect(world.ledger.state.operators[.named("user:mallory")] != nil)
    for _ in 0..<2 {
      await #expect {
        _ = try await authority.decide(try world.action("other"))
      } throws: {
        ($0 as? AuthorityFault)?.code == "entry_late"
      }
    }
    // Also after a restart, until someone has looked at it and says so.
    let index = world.ledger.head.size - 1
    #expect { _ = try world.authority() } throws: {
      ($0 as? AuthorityFault)?.code == "entry_late"
    }
    let accepted = try DecisionAuthority(
      registry: world.path, service: world.gateway, key: try World.key(world.gateway),
      pins: world.pins, trust: world.registry, acceptLate: [index], clock: world.clock.clock)
    #expect(try await accepted.decide(try world.action("other")).verdict != .allow)
    try await accepted.close()
    _ = try world.authority()
  }

  @Test("what takes authority away counts, whatever its date")
  func narrowing() async throws {
    let authority = try world.authority()
    _ = try await authority.decide(try world.action("other"))
    let before = world.clock.now
    world.clock.advance(seconds: 700)
    try await authority.look()
    try append(
      .lockPlaced(LockPlaced(target: .everything, reason: "x", until: nil)), by: world.alice,
      dated: before.advanced(bySeconds: 699))
    #expect(try await authority.decide(try world.action("other")).reasons[0].code == "locked")
  }

  @Test("after the clock is put back, a look at the wrong time makes nothing late")
  func clockReset() async throws {
    let authority = try world.authority()
    world.clock.advance(seconds: 7200)
    _ = try await authority.decide(try world.action("other"))
    world.clock.advance(seconds: -7200)
    try world.ledger.sign(
      .clockReset(ClockReset(to: world.clock.now, reason: "ahead")), by: world.alice,
      key: try World.key(world.alice), clock: world.clock.clock)
    world.clock.advance(seconds: 1)
    let (envelope, hold) = try await held(authority)
    try world.vote(.approve, on: hold.digest)
    #expect(try await authority.decide(envelope).verdict == .allow)
    try await authority.close()
    #expect(try report().findings.isEmpty)
  }
}
