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

/// The code of the fault that a body ends with; nil if it is admitted.
func faultCode(_ body: () throws -> Void) -> String? {
  do {
    try body()
    return nil
  } catch let fault as AdmissionFault {
    return fault.code
  } catch let fault as AuthorityFault {
    return fault.code
  } catch {
    return "\(error)"
  }
}

@Suite("no operator shuts the others out")
struct LockOutTests {
  let carol = Principal.named("user:carol")
  let dave = Principal.named("user:dave")
  let world: World

  init() throws {
    world = try World(admins: [carol, dave], quorum: 2)
  }

  func key(_ principal: Principal) throws -> Fingerprint {
    try World.key(principal).publicKey.fingerprint
  }

  func lock(_ principal: Principal, for seconds: Int64?) throws -> StatementBody {
    .lockPlaced(
      LockPlaced(
        target: .key(try key(principal)), reason: "x",
        until: seconds.map { world.clock.now.advanced(bySeconds: $0) }))
  }

  func isLockedOut(_ principal: Principal) throws -> Bool {
    world.ledger.state.isLocked(try key(principal), at: world.clock.now)
  }

  @Test("never: one operator keeps all the others out by renewing locks for 23 hours")
  func renewals() throws {
    var lockedSeconds: [Principal: Int64] = [:]
    var worst = 0
    // Alice tries, every ten minutes, to lock everyone else for as long as she can.
    for _ in 0..<(23 * 6) {
      for other in [carol, dave, world.bob] {
        for seconds: Int64 in [86_400, 3600] where try !isLockedOut(other) {
          _ = faultCode { try world.sign(try lock(other, for: seconds), alone: true) }
        }
      }
      let out = try [carol, dave, world.bob].filter { try isLockedOut($0) }
      worst = max(worst, out.count)
      for principal in out { lockedSeconds[principal, default: 0] += 600 }
      world.clock.advance(seconds: 600)
    }
    #expect(worst == 1, "at most one is out at a time")
    for principal in [carol, dave, world.bob] {
      #expect(lockedSeconds[principal, default: 0] == 3600, "\(principal)")
    }
    // And while one is out, the other two change what alice may do.
    try world.sign(
      .operatorUpdated(
        OperatorUpdated(
          principal: world.alice, roles: [.viewer], groups: [], mayGrant: [],
          acceptsNoSpare: true)), by: carol, alone: true)
    let proposal = try #require(world.ledger.state.proposals.values.first { $0.opener == carol })
    try world.sign(.proposalSigned(ProposalSigned(proposal: proposal.digest)), by: dave)
    #expect(world.ledger.state.admins == [carol, dave])
  }

  @Test("who may lock whose key, and for how long")
  func table() throws {
    let viewer = Principal.named("user:vera")
    try world.sign(.operatorEnrolled(try world.enrolled(viewer, roles: [.viewer])))
    let rows: [(by: Principal, of: Principal, seconds: Int64?, code: String?)] = [
      (world.bob, carol, 60, "role_missing"), (viewer, world.bob, 60, "role_missing"),
      (world.bob, world.gateway, 60, "role_missing"),
      (world.alice, carol, nil, "lock_limited"), (world.alice, carol, 3601, "lock_limited"),
      (world.alice, world.gateway, nil, "lock_limited"),
      (world.alice, world.gateway, 3601, "lock_limited"),
      (world.bob, world.bob, nil, "lock_limited"), (world.bob, world.bob, 86_401, "lock_limited"),
      (world.alice, carol, 3600, nil), (carol, world.alice, 60, "locked"),
      (dave, world.gateway, 3600, nil), (viewer, viewer, 86_400, nil),
      (world.bob, world.bob, 3600, nil),
    ]
    for row in rows {
      let code = faultCode {
        try world.sign(try lock(row.of, for: row.seconds), by: row.by, alone: true)
      }
      #expect(code == row.code, "\(row.by) locks \(row.of) for \(row.seconds ?? -1) s")
    }
  }

  @Test("one admin holds one lock of another's key at a time")
  func oneAtATime() throws {
    let first = try world.sign(try lock(carol, for: 3600))
    #expect(faultCode { try world.sign(try lock(dave, for: 3600)) } == "lock_limited")
    #expect(faultCode { try world.sign(try lock(world.gateway, for: 3600)) } == "lock_limited")
    try world.sign(.lockLifted(LockLifted(lock: first, reason: "over")))
    try world.sign(try lock(dave, for: 3600))
    #expect(try isLockedOut(dave))
  }

  @Test("the same key again within 24 hours, lifted or ended, by whomever, takes a second admin")
  func again() throws {
    let first = try world.sign(try lock(carol, for: 60))
    try world.sign(.lockLifted(LockLifted(lock: first, reason: "over")))
    for admin in [world.alice, dave] {
      let proposal = try world.sign(try lock(carol, for: 3600), by: admin, alone: true)
      #expect(world.ledger.state.proposals[proposal] != nil, "\(admin) alone only proposes it")
      #expect(try !isLockedOut(carol))
    }
    // A statement that does not say it is a proposal is refused.
    let draft = try StatementDraft(
      world.ledger.header(by: world.alice, at: world.clock.now), try lock(carol, for: 3600))
    #expect(
      faultCode {
        try world.ledger.append(
          try draft.signed(by: try World.key(world.alice)), clock: world.clock.clock)
      } == "needs_admin_quorum")
    let open = try #require(world.ledger.state.proposals.keys.sorted().first)
    let opener = try #require(world.ledger.state.proposals[open]?.opener)
    #expect(
      faultCode { try world.sign(.proposalSigned(ProposalSigned(proposal: open)), by: carol) }
        == "invalid", "not the one it locks")
    #expect(
      faultCode { try world.sign(.proposalSigned(ProposalSigned(proposal: open)), by: world.bob) }
        == "role_missing")
    let other = opener == dave ? world.alice : dave
    try world.sign(.proposalSigned(ProposalSigned(proposal: open)), by: other)
    #expect(try isLockedOut(carol))
    #expect(world.ledger.state.locks[open]?.placer == opener)
    world.clock.advance(seconds: 86_401)
    try world.sign(try lock(carol, for: 60))
    #expect(try isLockedOut(carol), "after a day the first one counts at once again")
  }

  @Test("a quorum of one does not make one admin two")
  func quorumOfOne() throws {
    let world = try World(admins: [carol])
    func lock(_ seconds: Int64) throws -> StatementBody {
      .lockPlaced(
        LockPlaced(
          target: .key(try key(carol)), reason: "x",
          until: world.clock.now.advanced(bySeconds: seconds)))
    }
    try world.sign(try lock(60))
    world.clock.advance(seconds: 61)
    let proposal = try world.sign(try lock(3600), alone: true)
    #expect(world.ledger.state.proposals[proposal] != nil)
    #expect(!world.ledger.state.isLocked(try key(carol), at: world.clock.now))
  }

  @Test("never: a thief's lock of the stolen key keeps the others from locking it")
  func ownFirst() throws {
    try world.sign(try lock(carol, for: 1), by: carol)
    world.clock.advance(seconds: 2)
    try world.sign(try lock(carol, for: 3600), alone: true)
    #expect(try isLockedOut(carol))
  }

  @Test("never: the target of a change rejects it")
  func rejecting() throws {
    let revoke = try world.sign(
      .keyRevoked(
        KeyRevoked(key: try key(carol), reason: .compromised, compromisedSince: nil, note: "")),
      alone: true)
    let remove = try world.sign(
      .operatorRemoved(
        OperatorRemoved(principal: carol, reason: "x", acceptsNoSpare: true)), by: dave,
      alone: true)
    for proposal in [revoke, remove] {
      let reject = StatementBody.proposalRejected(
        ProposalRejected(proposal: proposal, reason: "no"))
      #expect(faultCode { try world.sign(reject, by: carol) } == "invalid")
      #expect(world.ledger.state.proposals[proposal] != nil)
    }
    try world.sign(.proposalRejected(ProposalRejected(proposal: remove, reason: "no")), by: dave)
    #expect(world.ledger.state.proposals[remove] == nil, "another may")
  }

  @Test("a lock that makes a quorum unreachable says so before it is signed")
  func preview() async throws {
    try world.publish(
      """
      package agent.authz
      require_approval if { input.action == "deploy" }
      approval := {"quorum": [{"group": "oncall", "count": 1}]}
      """.replacing("oncall", with: "sre"))
    let authority = try world.authority()
    let hold = try #require(try await authority.decide(try world.action()).hold?.digest)
    try world.ledger.database.read { try world.ledger.catchUp($0) }
    func preview(_ principal: Principal, by signer: Principal) throws -> ChangePreview {
      try ChangePreview(
        of: try lock(principal, for: 3600), by: signer, in: world.ledger.state,
        at: world.clock.now)
    }
    #expect(try preview(carol, by: world.alice).unreachableHolds.isEmpty)
    #expect(try preview(carol, by: world.alice).isAdminQuorumReachable)
    // Carol out, bob removed: dave is the last who can approve, and the second of two admins.
    try world.sign(try lock(carol, for: 3600))
    try world.sign(
      .operatorRemoved(OperatorRemoved(principal: world.bob, reason: "left")), alone: true)
    let removal = try #require(world.ledger.state.proposals.keys.first)
    try world.sign(.proposalSigned(ProposalSigned(proposal: removal)), by: dave)
    let last = try preview(dave, by: dave)
    #expect(last.unreachableHolds == [hold])
    #expect(!last.isAdminQuorumReachable)
    #expect(last.lines.contains { $0.contains(hold.short) && $0.contains("quorum") })
    #expect(last.lines.contains("! the admin quorum can no longer be reached"))
  }

  @Test("never: a quorum of all admins without its being asked for by name")
  func noSpare() throws {
    let quorum = { (number: Int64, accepts: Bool) in
      StatementBody.settingsChanged(
        SettingsChanged(adminQuorum: number, acceptsNoSpare: accepts))
    }
    let demote = { (accepts: Bool) in
      StatementBody.operatorUpdated(
        OperatorUpdated(
          principal: dave, roles: [.approver], groups: [], mayGrant: [], acceptsNoSpare: accepts))
    }
    let remove = { (accepts: Bool) in
      StatementBody.operatorRemoved(
        OperatorRemoved(principal: dave, reason: "x", acceptsNoSpare: accepts))
    }
    for (body, code) in [
      (quorum(3, false), "no_spare_admin"), (demote(false), "no_spare_admin"),
      (remove(false), "no_spare_admin"), (quorum(4, true), "invalid"),
    ] { #expect(faultCode { try world.sign(body) } == code) }
    #expect(AdmissionFault.noSpare(quorum: 3).description.contains("--no-spare"))
    try world.sign(quorum(3, true))
    #expect(world.ledger.state.registry?.adminQuorum == 3)
    #expect(faultCode { try world.sign(remove(true)) } == "invalid", "below the quorum, never")
    // What was asked for once need not be asked for again where nothing of it changes.
    try world.sign(.settingsChanged(SettingsChanged(name: "renamed", adminQuorum: 3)))
    let three = try World(admins: [carol, dave], quorum: 2)
    try three.sign(demote(true))
    #expect(three.ledger.state.admins.count == 2)
  }

  @Test("the genesis: one of one needs no asking, all of several do")
  func genesis() throws {
    for (admins, quorum, accepts, code): ([Principal], Int64, Bool, String?) in [
      ([world.alice], 1, false, nil), ([world.alice, carol], 2, false, "no_spare_admin"),
      ([world.alice, carol], 2, true, nil), ([world.alice, carol], 1, false, nil),
      ([world.alice, carol, dave], 3, false, "no_spare_admin"),
    ] {
      #expect(
        try Genesis.fault(admins, quorum: quorum, acceptsNoSpare: accepts) == code,
        "\(quorum) of \(admins.count)")
    }
  }
}

/// A genesis admitted to an empty state.
enum Genesis {
  static func fault(
    _ admins: [Principal], quorum: Int64, rules: Int64 = RulesVersion.newest,
    acceptsNoSpare: Bool = false
  ) throws -> String? {
    let now = TestClock().now
    let body = RegistryCreated(
      name: "genesis",
      operators: try admins.map {
        OperatorEnrolled(
          principal: $0, key: try World.key($0).publicKey, roles: [.admin], groups: [],
          mayGrant: [])
      }, adminQuorum: quorum, approvalDefault: .standard, isSolo: false, rules: rules,
      acceptsNoSpare: acceptsNoSpare)
    let draft = try StatementDraft(
      StatementHeader(
        at: now, head: TreeHead(size: 0, root: Digest.sha256([])),
        id: ByteString(String(repeating: "0", count: 32)), registry: "", signer: admins[0]),
      .registryCreated(body))
    var signatures: [StatementSignature] = []
    for admin in admins { signatures.append(try draft.signature(by: try World.key(admin))) }
    var state = AuthorityState()
    let context = AdmissionContext(
      received: now, knows: { _ in true }, body: { _ in nil }, entry: { _ in nil },
      erased: { _ in nil })
    let statement = try state.verified(draft.envelope(signatures))
    return faultCode { _ = try state.admit(statement, in: context) }
  }
}
