import Approvals
import Authority
import CanonicalJSON
import Decisions
import Foundation
import Keys
import Registry
import Statements
import TestSupport
import Testing

@Suite("repairs of the log, and the clock")
struct RepairTests {
  func fault(_ body: () throws -> Void) -> String {
    do {
      try body()
      return "none"
    } catch let fault as AuthorityFault {
      return fault.code
    } catch let fault as AdmissionFault {
      return fault.code
    } catch {
      return "\(error)"
    }
  }

  func verify(_ world: World) throws -> LogVerification.Report {
    try LogVerification.run(
      try RegistryDatabase(world.path, access: .readOnly), pins: world.pins)
  }

  // MARK: erasure

  @Test("an erased action keeps who, what and when; the log still verifies, and says so")
  func erasure() async throws {
    let world = try World()
    let authority = try world.authority()
    let envelope = try world.action(
      on: "stage://payments/api",
      params: JSONObject([JSONObject.Member(name: "secret", value: "hunter2")]))
    _ = try await authority.decide(envelope)
    let action = try Action(payload: envelope.payload)
    let lying = Action(
      action: "restart", agent: action.agent, audience: action.audience, context: JSONObject(),
      grant: action.grant, nonce: action.nonce, params: JSONObject(), registry: action.registry,
      resource: action.resource, timestamp: action.timestamp)
    #expect(
      fault {
        try world.sign(
          .payloadErased(
            PayloadErased(action: envelope.digest, kept: lying, reason: "it was a secret")))
      } == "invalid")
    try world.sign(
      .payloadErased(
        PayloadErased(
          action: envelope.digest, kept: action.withoutDetails, reason: "it was a secret")))
    #expect(try world.ledger.database.read { try $0.body(envelope.digest) } == nil)
    try await authority.close()
    try world.ledger.database.checkpoint()
    let bytes = try Data(contentsOf: URL(fileURLWithPath: world.path))
    #expect(bytes.range(of: Data("hunter2".utf8)) == nil, "it is gone from the file as well")
    let report = try verify(world)
    #expect(report.findings.isEmpty, "\(report.findings)")
    #expect(report.erased == 1)
    // Replayed from the start, the nonce is still spent.
    let again = try Ledger(
      try RegistryDatabase(world.path, access: .readOnly), pins: nil)
    #expect(again.state.snapshot == world.ledger.state.snapshot)
  }

  @Test("bytes that are missing without an admitted erasure are found")
  func missing() async throws {
    let world = try World()
    let authority = try world.authority()
    let envelope = try world.action(on: "stage://payments/api")
    _ = try await authority.decide(envelope)
    try await authority.close()
    try world.ledger.database.write { try $0.erase(body: envelope.digest) }
    #expect(
      fault { _ = try Ledger(try RegistryDatabase(world.path, access: .readOnly), pins: nil) }
        == "registry_tampered")
    #expect(try verify(world).findings.isEmpty == false)
  }

  // MARK: the clock

  @Test("a clock behind the log, or one that jumped, decides and appends nothing")
  func clockUntrusted() async throws {
    let world = try World()
    let authority = try world.authority()
    _ = try await authority.decide(try world.action(on: "stage://payments/api"))
    world.clock.advance(seconds: -6)
    await #expect(throws: AuthorityFault.self) {
      try await authority.decide(try world.action(on: "stage://payments/api"))
    }
    #expect(
      fault { try world.sign(.settingsChanged(SettingsChanged(name: "x"))) } == "clock_untrusted")
    world.clock.advance(seconds: 2)
    _ = try await authority.decide(try world.action(on: "stage://payments/api"))
    let time = TestClock()
    let steady = time.now.milliseconds
    let jumping = Clock(wall: { time.now }, monotonic: { steady })
    time.advance(seconds: 61)
    #expect(fault { _ = try world.ledger.now(jumping) } == "clock_untrusted")
  }

  @Test("after a clock ran ahead, the admin quorum puts the log's time right; nothing old counts")
  func clockReset() async throws {
    let carol = Principal.named("user:carol")
    let world = try World(admins: [carol], quorum: 2)
    let authority = try world.authority()
    let early = try world.action(on: "stage://payments/early")
    let right = world.clock.now
    world.clock.advance(seconds: 10 * 365 * 86_400)
    _ = try await authority.decide(try world.action(on: "stage://payments/api"))
    world.clock.advance(seconds: right.milliseconds(since: world.clock.now) / 1000 + 30)
    #expect(
      fault { try world.sign(.settingsChanged(SettingsChanged(name: "x"))) } == "clock_untrusted")
    let reset = StatementBody.clockReset(ClockReset(to: world.clock.now, reason: "ntp was wrong"))
    try world.sign(reset, alone: true)
    #expect(
      fault { try world.sign(.settingsChanged(SettingsChanged(name: "x"))) } == "clock_untrusted",
      "one admin alone does not reset it")
    let proposal = try #require(world.ledger.state.proposals.keys.first)
    try world.sign(.proposalSigned(ProposalSigned(proposal: proposal)), by: carol)
    world.clock.advance(seconds: 1)
    try world.sign(.settingsChanged(SettingsChanged(name: "renamed")))
    #expect(world.ledger.state.registry?.name == "renamed")
    #expect(
      try await authority.decide(early).reasons[0].code == "stale", "signed before the reset")
    let action = try world.action(on: "stage://payments/api")
    #expect(try await authority.decide(action).verdict == .allow)
    let nonce = try Action(payload: action.payload).nonce
    #expect(
      try await authority.decide(try world.action(on: "stage://payments/web", nonce: nonce))
        .reasons[0].code == "replayed", "what is used after the reset is used once")
    try await authority.close()
    let report = try verify(world)
    #expect(report.findings.isEmpty, "\(report.findings)")
  }

  // MARK: the log against its owner

  /// Copies of the file as it is now.
  func copy(_ world: World, _ name: String) throws -> String {
    let path = "\(world.folder)/\(name).db"
    try world.ledger.database.copy(to: path)
    return path
  }

  @Test("yesterday's file is refused by who has seen more, and a fork by who has seen the other")
  func rollback() async throws {
    let world = try World()
    let yesterday = try copy(world, "yesterday")
    let fork = try copy(world, "fork")
    try world.sign(.settingsChanged(SettingsChanged(name: "today")))
    try world.ledger.storePin(in: world.pins)
    #expect(
      fault { _ = try Ledger(try RegistryDatabase(yesterday, access: .readOnly), pins: world.pins) }
        == "log_truncated")
    let other = try Ledger(try RegistryDatabase(fork, access: .readWrite), pins: nil)
    for name in ["other", "and more"] as [ByteString] {
      try other.sign(
        .settingsChanged(SettingsChanged(name: name)), by: world.alice,
        key: try World.key(world.alice), clock: world.clock.clock)
    }
    #expect(
      fault { _ = try Ledger(try RegistryDatabase(fork, access: .readOnly), pins: world.pins) }
        == "log_forked")
    // A statement whose signer saw the one log is not taken by the other.
    let draft = try world.ledger.draft(
      .lockPlaced(LockPlaced(target: .everything, reason: "x", until: nil)), by: world.alice,
      at: world.clock.now)
    #expect(
      fault {
        try other.append(
          try draft.signed(by: try World.key(world.alice)), clock: world.clock.clock)
      } == "wrong_head")
  }

  @Test("a restored log voids what was open and refuses actions from before it")
  func restored() async throws {
    let carol = Principal.named("user:carol")
    let world = try World(admins: [carol], quorum: 2)
    let authority = try world.authority()
    let envelope = try world.action()
    let hold = try #require(try await authority.decide(envelope).hold?.digest)
    let before = try world.action(on: "stage://payments/api")
    let backup = "\(world.folder)/backup.db"
    let kept = try Backup.make(world.ledger.database, to: backup)
    _ = try await authority.decide(try world.action(on: "stage://payments/later"))
    try await authority.close()
    try world.sign(
      .lockPlaced(LockPlaced(target: .resource("git://repo/**"), reason: "x", until: nil)))
    try world.ledger.storePin(in: world.pins)
    let lost = world.ledger.head
    try world.ledger.database.close()
    let loss = try Backup.restore(backup, to: world.path, pins: world.pins, trust: nil)
    #expect(loss.kept == kept)
    #expect(loss.lost == lost)
    #expect(loss.forgotten.contains { $0.contains("locked git://repo/**") })
    let restored = try Ledger(try RegistryDatabase(world.path, access: .readWrite), pins: nil)
    #expect(try restored.database.read { try restored.unconfirmedRestore($0) } == kept.size)
    let proposal = try restored.sign(
      .logRestored(LogRestored(lost: lost, kept: kept, reason: "disk")), by: world.alice,
      key: try World.key(world.alice), clock: world.clock.clock)
    #expect(proposal.isProposed)
    #expect(
      fault {
        _ = try Ledger(try RegistryDatabase(world.path, access: .readOnly), pins: world.pins)
      }
        == "log_truncated", "not before the quorum")
    try restored.sign(
      .proposalSigned(ProposalSigned(proposal: proposal.digest)), by: carol,
      key: try World.key(carol), clock: world.clock.clock)
    #expect(restored.state.holds[hold]?.state(at: world.clock.now).word == "voided")
    world.clock.advance(seconds: 1)
    let again = try world.authority()
    #expect(try await again.decide(before).reasons[0].code == "stale")
    #expect(
      try await again.decide(
        try world.action(on: "stage://payments/api", registry: restored.state.registry?.id)
      ).verdict == .allow)
    try await again.close()
    #expect(try verify(world).findings.isEmpty)
  }

  @Test("a backup that does not verify is not put back")
  func damagedBackup() async throws {
    let world = try World()
    let backup = "\(world.folder)/backup.db"
    _ = try Backup.make(world.ledger.database, to: backup)
    let database = try RegistryDatabase(backup, access: .readWrite)
    try database.write { try $0.erase(body: Digest.sha256(Array(World.policy.utf8))) }
    try database.close()
    let before = try Data(contentsOf: URL(fileURLWithPath: world.path))
    #expect(
      fault { _ = try Backup.restore(backup, to: world.path, pins: world.pins, trust: nil) }
        == "backup_damaged")
    #expect(try Data(contentsOf: URL(fileURLWithPath: world.path)) == before)
  }

  @Test("two verifications of one account at once find the same, and one is left to go on with")
  func together() async throws {
    let world = try World()
    try await world.decide(6)
    let folder = "\(world.folder)/verify"
    func run(_ meanwhile: () throws -> Void) throws -> LogVerification.Report {
      try LogVerification.run(
        try RegistryDatabase(world.path, access: .readOnly), pins: nil, folder: folder, stride: 4
      ) { _, _ in try meanwhile() }
    }
    var others: [LogVerification.Report] = []
    let report = try run { others.append(try run {}) }
    #expect(report.findings.isEmpty && report.decisions == 6, "\(report)")
    #expect(!others.isEmpty && others.allSatisfy { $0 == report }, "\(others)")
    let left = try FileManager.default.contentsOfDirectory(atPath: folder)
    #expect(left.allSatisfy { $0.hasSuffix(".lock") }, "\(left)")
  }

  @Test("a verification that was interrupted goes on where it was, and finds the same")
  func resumed() async throws {
    struct Interrupted: Error {}
    let world = try World()
    try await world.decide(6)
    let folder = "\(world.folder)/verify"
    func run(stopAt stop: UInt64) throws -> LogVerification.Report {
      try LogVerification.run(
        try RegistryDatabase(world.path, access: .readOnly), pins: nil, folder: folder, stride: 4
      ) { done, _ in
        if done >= stop { throw Interrupted() }
      }
    }
    #expect(throws: Interrupted.self) { try run(stopAt: 8) }
    let report = try run(stopAt: .max)
    #expect(report.findings.isEmpty, "\(report.findings)")
    #expect(report.resumedAt == 8)
    #expect(report.decisions == 6)
    // What was changed before the place it goes on from is found all the same.
    #expect(throws: Interrupted.self) { try run(stopAt: 8) }
    try world.ledger.database.write { try $0.overwrite(entry: 3, with: [1, 2, 3]) }
    #expect(try run(stopAt: .max).findings.isEmpty == false)
  }
}
