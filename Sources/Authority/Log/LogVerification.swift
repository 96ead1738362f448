package import CanonicalJSON
import Decisions
import Delegations
import Foundation
package import Keys
package import Registry
import Statements
import TransparencyLog

/// Rebuilds everything from the log alone and names the first thing that differs.
///
/// It goes through the log once, rebuilding the derived tables in a file of its own and writing down
/// from time to time how far it came, so that a run that was interrupted goes on there. A second
/// thread replays beside it, with a connection of its own, and decides its share again.
package struct LogVerification {
  package struct Report: Sendable, Hashable {
    package let registry: ByteString
    package let size: UInt64
    package let root: Digest
    /// The restorations from a backup that took effect, by the digests of their proposals.
    package let restorations: [Digest]
    /// The version of the rules in force at its end; none if the genesis was refused.
    package let rules: Int64?
    package let decisions: Int
    /// Decisions whose action was erased, and which cannot be decided again.
    package let erased: Int
    /// Entries that were not admissible; they have no effect.
    package let refused: Int
    /// Where an interrupted run was taken up; 0 if this one began at the start.
    package let resumedAt: UInt64
    /// What is wrong, in words; empty if nothing is.
    package let findings: [String]
  }

  private let live: RegistryTransaction
  private let scratch: RegistryDatabase
  private let first: Judge
  private let second: Judge
  private let beside: RegistryDatabase
  private var findings: [String] = []
  private var resumedAt: UInt64 = 0

  private var ledger: Ledger { first.ledger }
  private var decisions: Int { first.decisions + second.decisions }
  private var erased: Int { first.erased + second.erased }
  private var lastDecision: UInt64? {
    [first.lastDecision, second.lastDecision].compactMap { $0 }.max()
  }

  private let stride: UInt64
  /// When progress was last written down, and how long that took.
  private var stored: (at: ContinuousClock.Instant, took: Duration)?

  /// Verifies a registry.
  ///
  /// `pins`: What this account has seen before, if anything.
  /// `folder`: Where an interrupted run leaves its work; nil to keep it in memory.
  /// `stride`: After how many entries it writes down how far it came.
  /// `fresh`: Whether to begin anew although an earlier run left some.
  /// `progress`: Told now and then how many entries are done, and how many there are.
  package static func run(
    _ database: RegistryDatabase, pins: PinStore?, folder: String? = nil, fresh: Bool = false,
    stride: UInt64 = 4096, progress: (UInt64, UInt64) throws -> Void = { _, _ in }
  ) throws -> Report {
    // Read before the log: entries that others add and pin meanwhile are not missing ones.
    let genesis = try database.read { try $0.entry(0) }.flatMap { try? LogEntry(bytes: $0) }
    let pin = try genesis.flatMap { try pins?.pin(for: ByteString($0.envelope.digest.hex)) }
    let name = genesis?.envelope.digest.hex ?? "none"
    let place = try folder.map { try Place($0, name) }
    defer { place?.leave() }
    let path = place?.path
    if fresh { LogVerification.remove(path) }
    return try database.read { live in
      let verification: LogVerification
      do {
        verification = try LogVerification(database, live, path: path, stride: stride)
      } catch {
        // What an earlier run left cannot be used: begin anew.
        LogVerification.remove(path)
        verification = try LogVerification(database, live, path: path, stride: stride)
      }
      var run = verification
      let report = try run.verify(pin: pin, progress)
      try run.scratch.close()
      try run.beside.close()
      LogVerification.remove(path)
      return report
    }
  }

  /// What an interrupted run leaves: the rebuilt tables, and the state of each thread.
  fileprivate static func remove(_ path: String?) {
    guard let path else { return }
    for file in [path, path + ".first", path + ".second"] { RegistryDatabase.remove(file) }
  }

  private init(
    _ database: RegistryDatabase, _ live: RegistryTransaction, path: String?, stride: UInt64
  ) throws {
    self.live = live
    self.stride = stride
    beside = try RegistryDatabase(database.path, access: .readOnly)
    if let path {
      scratch = try RegistryDatabase.scratch(path)
    } else {
      scratch = try RegistryDatabase.scratch()
    }
    func ledger(_ tables: RegistryDatabase, _ name: String) throws -> Ledger {
      try Ledger(tables, on: try path.map { try StateShelf("\($0).\(name)") }, from: live)
    }
    // The first also rebuilds the tables, and so decides the smaller share.
    first = Judge(try ledger(scratch, "first")) { $0 % 3 == 0 }
    second = Judge(try ledger(try RegistryDatabase.scratch(), "second")) { $0 % 3 != 0 }
    let text = try scratch.read { try $0.progressMark() }
    var fields = try text.map {
      try JSONFields(
        JSONParser.parse($0, limits: JSONParser.Limits(bytes: $0.count + 1, depth: 8)),
        path: "progress")
    }
    resumedAt = UInt64(try fields?.integer("size") ?? 0)
    guard first.ledger.tree.size == resumedAt, second.ledger.tree.size == resumedAt else {
      throw AuthorityFault.stateMoved
    }
    guard var fields else { return }
    first.decisions = Int(try fields.integer("decisions"))
    first.erased = Int(try fields.integer("erased"))
    first.lastDecision = try fields.optionalInteger("last_decision").map { UInt64($0) }
    findings = try fields.strings("findings").map(\.text)
  }

  private mutating func verify(
    pin: Pin?, _ progress: (UInt64, UInt64) throws -> Void
  ) throws -> Report {
    var isCutOff = false
    do {
      try replayAll(progress)
    } catch let fault as AuthorityFault {
      // What follows a bad entry cannot be judged, so nothing more is said of it.
      findings.append(String("\(fault)".prefix { $0 != ";" }))
      isCutOff = true
    } catch RegistryFault.damagedEntry(let index) {
      findings.append("entry \(index) of the log was altered (it cannot be unpacked)")
      isCutOff = true
    } catch let fault as RegistryFault where fault.isTampering {
      findings.append(String("\(fault)".prefix { $0 != ";" }))
      isCutOff = true
    }
    if let stray = try live.strayRow() { findings.append("\(stray)") }
    if !isCutOff { try compare(pin) }
    for (index, reason) in ledger.refused.prefix(20) {
      findings.append("entry \(index) was not admissible and has no effect: \(reason)")
    }
    return Report(
      registry: ledger.state.registry?.id ?? "", size: ledger.tree.size, root: ledger.tree.root,
      restorations: ledger.state.restorations.map(\.digest), rules: ledger.state.registry?.rules,
      decisions: decisions, erased: erased,
      refused: ledger.refused.count, resumedAt: resumedAt,
      findings: findings)
  }

  /// Everything in steps; how far it came is written down with what was rebuilt up to there.
  private mutating func replayAll(_ progress: (UInt64, UInt64) throws -> Void) throws {
    let total = try live.size()
    while ledger.tree.size < total {
      var interruption: (any Error)?
      try scratch.write { rebuilt in
        repeat {
          try step(to: min(total, ledger.tree.size + stride), rebuilt)
          guard ledger.tree.size < total else { return }
          do {
            try progress(ledger.tree.size, total)
          } catch {
            interruption = error
          }
        } while interruption == nil && !isProgressDue
        try storeProgress(rebuilt)
      }
      if let interruption { throw interruption }
    }
    try ledger.checkErasures()
  }

  private mutating func step(to end: UInt64, _ rebuilt: RegistryTransaction) throws {
    let start = ledger.tree.size
    let other = SecondThread { [second, beside] in
      try beside.read { live in
        try live.entries(from: start, to: end) { index, bytes in
          guard index == second.ledger.tree.size else { return }
          try second.judge(bytes, at: index, live)
          _ = try second.ledger.replay(bytes, live)
        }
      }
    }
    let own = Result { try replay(from: start, to: end, rebuilt) }
    let beyond = other.wait()
    findings += (first.take() + second.take()).sorted { $0.index < $1.index }.map(\.text)
    try first.ledger.checkShelf()
    try second.ledger.checkShelf()
    // What the first cannot read, the second cannot either: one word about it is enough.
    try own.get()
    if let beyond { throw beyond }
  }

  private func replay(
    from start: UInt64, to end: UInt64, _ rebuilt: RegistryTransaction
  ) throws {
    try live.entries(from: start, to: end) { index, bytes in
      guard index == ledger.tree.size else {
        throw AuthorityFault.badEntry(index: ledger.tree.size, reason: "it is missing")
      }
      try first.judge(bytes, at: index, live)
      guard let taken = try ledger.replay(bytes, live) else { return }
      try Projection.apply(
        taken.changes, of: taken.statement, at: index, received: taken.received,
        state: ledger.state, bodies: { [live, ledger] in ledger.payload($0, live) }, in: rebuilt)
    }
    guard ledger.tree.size == end else {
      throw AuthorityFault.badEntry(index: ledger.tree.size, reason: "it is missing")
    }
  }

  /// Whether to write down how far it came: where that takes little of the time, or to let go of memory.
  private var isProgressDue: Bool {
    guard let stored, ledger.state.changeCount < Ledger.changeLimit else { return true }
    return ContinuousClock.now - stored.at > stored.took * 20
  }

  private mutating func storeProgress(_ rebuilt: RegistryTransaction) throws {
    let start = ContinuousClock.now
    try first.ledger.storeMark(live)
    try second.ledger.storeMark(live)
    let json: JSONValue = [
      "size": JSONValue(ledger.tree.size), "decisions": JSONValue(decisions),
      "erased": JSONValue(erased), "last_decision": lastDecision.json { JSONValue($0) },
      "findings": .array(findings.map { JSONValue($0) }),
    ]
    try rebuilt.store(progressMark: try json.withoutNulls.canonicalBytes())
    stored = (.now, .now - start)
  }

  private mutating func compare(_ pin: Pin?) throws {
    try scratch.read { rebuilt in
      if let difference = try Projection.schemaDifference(live, rebuilt) {
        findings.append(difference)
        return
      }
      findings += try checkTiles()
      findings += try checkCheckpoint()
      if let difference = try Projection.firstDifference(live, rebuilt) {
        findings.append(difference)
      }
    }
    if let fault = try live.structuralFault() {
      findings.append("the file's structure is damaged: \(fault)")
    }
    findings += checkPin(pin)
  }

  private func checkTiles() throws -> [String] {
    var tree = MerkleTree()
    var count = 0
    var findings: [String] = []
    try live.entries(from: 0) { _, bytes in
      for tile in tree.append(leaf: MerkleHash.leaf(bytes)) {
        if (try? live.tile(tile.level, tile.index)) != tile.hashes {
          findings.append("tile \(tile.level)/\(tile.index) is not what the entries hash to")
        }
        count += 1
      }
    }
    if tree.root != ledger.tree.root {
      findings.append("entries were altered while this ran, or since it was interrupted")
    }
    if let body = try live.firstAlteredBody() {
      findings.append("the bytes kept under \(body.hex) were altered")
    }
    if try live.tileCount() != count {
      findings.append("the log has tiles that no entries call for")
    }
    return findings
  }

  private func checkCheckpoint() throws -> [String] {
    guard let bytes = try live.latestCheckpoint() else {
      return lastDecision == nil
        ? [] : ["decisions were made, and the signed checkpoint is missing"]
    }
    do {
      let note = try SignedNote(bytes)
      let origin = Checkpoint.origin(registry: ledger.state.registry?.id ?? "")
      let keys = ledger.state.keys.all { $0.holder.kind != .agent }
      _ = try note.verified(by: keys.map { NoteVerifier(name: origin, key: $0.key) })
      let checkpoint = try Checkpoint(text: note.text)
      guard checkpoint.size <= ledger.tree.size else {
        return [
          "the log has \(ledger.tree.size) entries, and a checkpoint was signed over "
            + "\(checkpoint.size): entry \(ledger.tree.size) and what followed are missing"
        ]
      }
      if let lastDecision, checkpoint.size <= lastDecision {
        return ["entry \(lastDecision) is a decision that no signed checkpoint covers"]
      }
      return try root(atSize: checkpoint.size) == checkpoint.root
        ? [] : ["the checkpoint of size \(checkpoint.size) is not over these entries"]
    } catch {
      return ["the checkpoint: \(error)"]
    }
  }

  private func root(atSize size: UInt64) throws -> Digest {
    try ledger.root(atSize: size, live)
  }

  /// The root of the entries up to a size, where the stored hashes cannot be used.
  private func rootOfEntries(upTo size: UInt64) throws -> Digest {
    var tree = MerkleTree()
    try live.entries(from: 0, to: size) { _, bytes in
      _ = tree.append(leaf: MerkleHash.leaf(bytes))
    }
    return tree.root
  }

  /// Whether the log is the one this account has seen before.
  private func checkPin(_ pin: Pin?) -> [String] {
    guard let pin, pin.head.size > 0 else { return [] }
    do {
      if pin.head.size <= ledger.tree.size,
        try rootOfEntries(upTo: pin.head.size) == pin.head.root
      {
        return []
      }
      guard ledger.state.excuses(pin.head, beside: pin.restorations) else {
        throw pin.head.size > ledger.tree.size
          ? AuthorityFault.truncated(size: ledger.tree.size, known: pin.head.size)
          : AuthorityFault.forked(size: pin.head.size)
      }
      return []
    } catch {
      return ["\(error)"]
    }
  }
}

/// Where a run works: its files are left for the next one if it is interrupted, unless another run is
/// at work there; then it has files of its own.
private struct Place {
  let path: String
  private let lock: Int32
  private let isShared: Bool

  init(_ folder: String, _ name: String) throws {
    try FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    lock = open("\(folder)/\(name).lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    isShared = lock < 0 || flock(lock, LOCK_EX | LOCK_NB) != 0
    path = "\(folder)/\(name)\(isShared ? ".\(getpid())" : "").db"
    if isShared { LogVerification.remove(path) }
  }

  func leave() {
    if isShared { LogVerification.remove(path) }
    if lock >= 0 { close(lock) }
  }
}

/// Replays the log and decides its share of the decisions again; each thread has its own.
private final class Judge {
  let ledger: Ledger
  private let isMine: (UInt64) -> Bool
  var decisions = 0
  var erased = 0
  var lastDecision: UInt64?
  private var findings: [(index: UInt64, text: String)] = []

  init(_ ledger: Ledger, _ isMine: @escaping (UInt64) -> Bool) {
    self.ledger = ledger
    self.isMine = isMine
  }

  /// Hands over what was found since the last time.
  func take() -> [(index: UInt64, text: String)] {
    defer { findings = [] }
    return findings
  }

  func judge(_ bytes: [UInt8], at index: UInt64, _ live: RegistryTransaction) throws {
    guard isMine(index), let text = try finding(bytes, at: index, live) else { return }
    findings.append((index, text))
  }

  /// Decides a decision again, from the state before it and its receipt time.
  private func finding(
    _ bytes: [UInt8], at index: UInt64, _ live: RegistryTransaction
  ) throws -> String? {
    guard let entry = try? LogEntry(bytes: bytes),
      StatementType(payloadType: entry.envelope.payloadType) == .decisionMade,
      let parts = try? StatementParts(
        payloadType: entry.envelope.payloadType, payload: entry.envelope.payload),
      case .decisionMade(let made) = parts.body
    else { return nil }
    decisions += 1
    lastDecision = index
    guard let payload = try live.body(made.action) else {
      if try live.erasureIndex(made.action) != nil {
        erased += 1
        return nil
      }
      return "entry \(index): the bytes of action \(made.action) are missing or altered"
    }
    let envelope = UnverifiedEnvelope(
      payloadType: Action.payloadType, payload: payload,
      signatures: [StatementSignature(key: made.key, signature: made.signature)])
    do {
      let signed = try ledger.state.signedAction(envelope)
      let procedure = Procedure(
        state: ledger.state, policy: try ledger.policyInForce(live),
        service: parts.header.signer, now: entry.received)
      let again: DecisionMade
      if let releases = made.releases, let hold = ledger.state.holds[releases] {
        again = try procedure.release(
          hold, signed,
          isLate: made.verdict == .deny && made.reasons.first?.code == "vote_late")
      } else {
        try procedure.checkAudience(signed)
        try procedure.checkFreshness(signed)
        again = try procedure.decide(signed)
      }
      // Another release of the time-zone database may well answer the same.
      guard again == made || again.with(zones: made.zones) == made else {
        if made.zones != again.zones, let zones = made.zones {
          return "entry \(index): it was decided with release \(zones.text) of the time-zone "
            + "database, and this machine, with release \(again.zones?.text ?? "none"), decides "
            + "\(again.verdict.rawValue)"
        }
        return "entry \(index): decided again it is \(again.verdict.rawValue) "
          + "(\(again.reasons.first?.code.text ?? "")), and the log says \(made.verdict.rawValue) "
          + "(\(made.reasons.first?.code.text ?? ""))"
      }
      return nil
    } catch let refusal as Refusal {
      return "entry \(index): decided again it is refused: \(refusal.reason.code.text)"
    } catch {
      return "entry \(index): it cannot be decided again: \(error)"
    }
  }
}

/// Work on a thread of its own, whose end can be waited for.
private final class SecondThread: @unchecked Sendable {
  private let done = DispatchSemaphore(value: 0)
  private var fault: (any Error)?

  init(_ work: @escaping () throws -> Void) {
    // Handed over whole: nothing else touches what it captures until `wait` returns.
    nonisolated(unsafe) let work = work
    let thread = Thread { [self] in
      do {
        try work()
      } catch {
        fault = error
      }
      done.signal()
    }
    thread.stackSize = 16 << 20
    thread.start()
  }

  /// Waits for the end; gives what went wrong.
  func wait() -> (any Error)? {
    done.wait()
    return fault
  }
}
