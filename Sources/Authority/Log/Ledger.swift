import Approvals
package import CanonicalJSON
package import Decisions
import Keys
package import Registry
import Rego
package import Statements
package import TransparencyLog

/// The log as this process has verified it, and the state replayed from it.
///
/// A class because state, tree and database move together and belong to one owner.
package final class Ledger {
  package let database: RegistryDatabase
  package internal(set) var state = AuthorityState()
  package internal(set) var tree = MerkleTree()
  /// Stored tiles found to hash up to ``tree``.
  let provenTiles = ProvenTiles()
  /// Entries that were not admissible: shown as refused, without effect.
  package private(set) var refused: [(index: UInt64, reason: String)] = []
  var policies: [Digest: PolicyInForce] = [:]

  // The kept state.
  /// Where the records lie that nothing has changed since the last mark.
  var shelf: StateShelf?
  /// A kept state that the log contradicts: evidence, which nothing is read from or written to.
  var setAside: StateShelf?
  /// The size of the mark that what is read from the shelf is of no earlier state than.
  var markedSize: UInt64 = 0
  /// So many records in memory are put on the shelf in the middle of a long replay.
  private var changesAwaited = Ledger.changeLimit

  // What was seen before.
  let pins: PinStore?
  /// The registry id that the file's first entry gives, before it is replayed.
  var genesisID: ByteString?
  /// The pin this process has read or written last.
  var pin: Pin?
  /// Why the pin could not be written, if so: a log that is cut short then could not be noticed.
  package internal(set) var pinFault: AuthorityFault?
  var seen = SeenHeads()
  /// Restorations that this process has taken into account: none of them excuses a shorter log again.
  var acknowledged: Set<Digest> = []
  /// A head that was seen and is to be taken into account in the next transaction.
  var expectation: TreeHead?
  /// The longest head that this process has verified in committed transactions.
  private var committed: TreeHead?

  /// Why the log cannot be used, until the file changes.
  private var standing: (fault: any Error, version: Int64)?
  /// Whether a fault of the log stands: what is in memory is then evidence, and is written nowhere.
  var isFaulty: Bool { standing != nil }
  /// What could not be read while a statement was being judged.
  private var readFault: (any Error)?
  /// Whether the transaction under way has changed the state or the file.
  private var hasAppended = false
  /// A head that this log was found to have had.
  private var headLastKnown: TreeHead?
  /// Told now and then, while it replays, how many entries are done and how many there are; may stop
  /// it by throwing.
  package var progress: (UInt64, UInt64) throws -> Void = { _, _ in }
  /// Told what each admitted entry changed, whoever appended it.
  package var observe: (([Change]) -> Void)?
  /// Up to when, and up to which size, a deciding service had looked at the log: what it finds later
  /// counts as received no earlier.
  package var lastLook: LastLook?
  /// Entries found after ``lastLook`` whose receipt time is earlier, and that would not have been
  /// admissible when they were found.
  package var lateEntries: [LateEntry] = []
  /// Actions replayed from what an erasure keeps, whose erasure is still to be met in the log.
  var erasuresToCome: Set<Digest> = []

  /// Opens a registry and replays its log.
  ///
  /// `pins`: Where this account keeps what it saw; nil for a registry being made or examined.
  /// `trust`: The registry id a person confirmed; counts only where there is no pin.
  /// `lastLook`: When a deciding service that opens it had looked at it last.
  package init(
    _ database: RegistryDatabase, pins: PinStore?, trust: ByteString? = nil,
    lastLook: LastLook? = nil,
    progress: @escaping (UInt64, UInt64) throws -> Void = { _, _ in }
  ) throws {
    self.database = database
    self.pins = pins
    self.lastLook = lastLook
    self.progress = progress
    if let pins, let genesis = try database.read({ try Ledger.genesis($0) }) {
      genesisID = genesis
      try lookAtPin()
      shelf = pins.shelf(for: genesis)
      begin()
    }
    do {
      try catchUp()
    } catch AuthorityFault.stateUnreadable {
      // It was dropped: the log says it all again.
      try catchUp()
    }
    guard pins != nil else { return }
    guard let registry = state.registry else {
      throw AuthorityFault.empty(path: database.path)
    }
    if let trust, trust != registry.id {
      throw AuthorityFault.otherRegistry(expected: trust, found: registry.id)
    }
    guard pin != nil || trust != nil else {
      throw AuthorityFault.unpinned(registry: registry.id)
    }
    keepPin()
    do {
      try storeMarkIfWorthwhile()
    } catch AuthorityFault.stateUnreadable {
      try catchUp()
    }
  }

  /// Replays nothing by itself; continues from what another run left on a shelf of its own, if that is
  /// of a log that `live` begins with.
  ///
  /// - Throws: ``AuthorityFault`` `forked` if it is not.
  init(_ database: RegistryDatabase, on shelf: StateShelf?, from live: RegistryTransaction) throws {
    self.database = database
    self.shelf = shelf
    pins = nil
    begin()
    guard let mark = try shelf?.refresh() else { return }
    guard try takeUp(mark, live) == .taken else { throw AuthorityFault.forked(size: mark.size) }
    shelf?.allow(upTo: mark.size)
  }

  /// Nothing replayed yet, on whatever lies on the shelf; what was seen is to be met again.
  func begin() {
    state = AuthorityState()
    tree = MerkleTree()
    provenTiles.removeAll()
    markedSize = 0
    headLastKnown = nil
    refused = []
    erasuresToCome = []
    seen.forget()
    for head in [pin?.head, committed] { if let head { seen.expect(head) } }
    if let shelf { state.rest(on: shelf) }
  }

  package var head: TreeHead { TreeHead(size: tree.size, root: tree.root) }

  /// The size of the backup this file was restored from, if no admitted entry confirms it yet.
  package func unconfirmedRestore(_ transaction: RegistryTransaction) throws -> UInt64? {
    guard let kept = try transaction.restoreMark() else { return nil }
    let isConfirmed = state.restorations.contains {
      $0.index >= kept && $0.body.kept.size >= kept
    }
    return isConfirmed ? nil : kept
  }

  private func context(
    _ received: Timestamp, _ transaction: RegistryTransaction
  ) -> AdmissionContext {
    AdmissionContext(
      received: received,
      knows: { [self] head in
        // Statements of one group name the same head.
        if head == headLastKnown { return true }
        guard head.size <= tree.size,
          reading({ try root(atSize: head.size, transaction) }) == head.root
        else { return false }
        headLastKnown = head
        return true
      },
      body: { digest in self.reading { try transaction.body(digest) } ?? nil },
      entry: { [self] index in reading { try statement(at: index, transaction).entry } },
      erased: { [self] action in
        guard let kept = reading({ try erasure(of: action, transaction) }) ?? nil else {
          return nil
        }
        erasuresToCome.insert(action)
        return kept
      })
  }

  /// Reads for the judgement of a statement.
  ///
  /// What cannot be read is not the statement's fault: the judgement then does not count, see
  /// ``checkReading()``.
  private func reading<Result>(_ body: () throws -> Result) -> Result? {
    do {
      return try body()
    } catch {
      readFault = readFault ?? ofTheFile(error)
      return nil
    }
  }

  /// An error as one of the file, so that no one takes it for a refusal of a statement.
  private func ofTheFile(_ error: any Error) -> any Error {
    error is AdmissionFault || error is StatementFault
      ? AuthorityFault.badEntry(index: tree.size, reason: "\(error)") : error
  }

  private func checkReading() throws {
    defer { readFault = nil }
    if let readFault { throw readFault }
  }

  // MARK: replay

  /// Verifies and applies the entries that others have appended, as of now.
  package func catchUp() throws {
    try refresh()
    try database.read { try catchUp($0) }
  }

  /// Verifies the entries that were appended since the last look, and reads the registry in the same
  /// transaction.
  ///
  /// Without that, a checkpoint which another process has stored meanwhile covers entries that this process
  /// has not verified, and it would be taken for the checkpoint of a forked log.
  package func readingNow<Result>(
    _ body: (RegistryTransaction) throws -> Result
  ) throws -> Result {
    try refresh()
    return try database.read { transaction in
      try catchUp(transaction)
      return try body(transaction)
    }
  }

  /// Looks at the pin and the newest mark before a transaction begins: they are then of a log that the
  /// transaction sees.
  private func refresh() throws {
    try lookAtPin()
    _ = try? shelf?.refresh()
  }

  /// Verifies and applies the entries that others have appended.
  ///
  /// A fault of the log stands until the file changes: nothing is decided or signed meanwhile.
  package func catchUp(_ transaction: RegistryTransaction) throws {
    let version = try transaction.dataVersion()
    if let standing {
      if standing.version == version { throw standing.fault }
      self.standing = nil
      startOver()
    }
    do {
      try catchUpOnce(transaction)
    } catch {
      let isOfTheLog =
        (error as? AuthorityFault)?.isOfTheLog ?? (error as? RegistryFault)?.isTampering ?? false
      if isOfTheLog { standing = (error, version) }
      throw error
    }
    committed = head
  }

  private func catchUpOnce(_ transaction: RegistryTransaction) throws {
    do {
      try settle(transaction)
      try expectSeen(transaction)
      try replayNew(transaction)
      try checkSeen()
    } catch {
      // An entry cannot be judged by what could not be read.
      try checkShelf()
      throw error
    }
    try checkShelf()
  }

  /// Forgets what is in memory, to replay the file as it is.
  private func startOver() {
    if let setAside {
      shelf = setAside
      self.setAside = nil
    }
    begin()
  }

  private func replayNew(_ transaction: RegistryTransaction) throws {
    let size = try transaction.size()
    // A log shorter than what this process has applied is one of those that were seen.
    guard size >= tree.size else {
      throw AuthorityFault.truncated(size: size, known: tree.size)
    }
    if size > tree.size {
      try transaction.entries(from: tree.size) { index, bytes in
        guard index == tree.size else {
          throw AuthorityFault.badEntry(index: tree.size, reason: "it is missing")
        }
        _ = try replay(bytes, transaction)
        try meetSeen(transaction)
        if index & 255 == 0 {
          try progress(index, size)
          try storeMarkOfLongReplay(transaction)
        }
      }
      guard tree.size == size else {
        throw AuthorityFault.badEntry(index: tree.size, reason: "it is missing")
      }
    }
    try checkErasures()
  }

  /// Lets memory go in the middle of a long replay, once nothing is left that could contradict it.
  private func storeMarkOfLongReplay(_ transaction: RegistryTransaction) throws {
    guard state.changeCount >= changesAwaited, seen.areMet else { return }
    try storeMark(transaction)
    // Where it cannot be written, trying again at every step would only take time.
    changesAwaited = state.changeCount + Ledger.changeLimit
  }

  /// Takes one entry's bytes; gives the statement and what it changed if it was admitted.
  package func replay(
    _ bytes: [UInt8], _ transaction: RegistryTransaction
  ) throws -> (statement: VerifiedStatement, received: Timestamp, changes: [Change])? {
    let index = tree.size
    let entry: LogEntry
    do {
      entry = try LogEntry(bytes: bytes)
    } catch {
      throw AuthorityFault.badEntry(index: index, reason: "\(error)")
    }
    guard entry.received >= state.lastReceived else {
      throw AuthorityFault.badEntry(index: index, reason: "its receipt time runs back")
    }
    let statement: VerifiedStatement
    do {
      statement = try state.verified(entry.envelope)
    } catch .unsupported {
      state.stop(at: index)
      finish(bytes, entry.received)
      return nil
    } catch {
      throw AuthorityFault.badEntry(index: index, reason: "\(error)")
    }
    do {
      try noteIfLate(statement, entry.received, transaction)
      let changes = try state.admit(statement, in: context(entry.received, transaction))
      try checkReading()
      finish(bytes, entry.received)
      observe?(changes)
      return (statement, entry.received, changes)
    } catch AdmissionFault.missingBody(let digest) {
      // Not the signer's fault but the file's: to continue would forget a nonce or a use.
      throw AuthorityFault.badEntry(
        index: index, reason: "\(AdmissionFault.missingBody(digest))")
    } catch AdmissionFault.rulesUnsupported(let version) {
      // Nothing from here on can be judged: a log that begins so is refused whole, one that comes to it
      // is read no further.
      guard state.registry != nil else { throw AuthorityFault.refused(.rulesUnsupported(version)) }
      state.stop(at: index)
      finish(bytes, entry.received)
      return nil
    } catch let fault as AdmissionFault {
      try checkReading()
      refused.append((index, "\(fault)"))
      finish(bytes, entry.received)
      return nil
    }
  }

  /// Notes an entry that claims an earlier receipt than the instant at which a deciding service looked
  /// and did not see it, if it would not have been admissible at that instant.
  private func noteIfLate(
    _ statement: VerifiedStatement, _ received: Timestamp, _ transaction: RegistryTransaction
  ) throws {
    guard let lastLook, tree.size >= lastLook.size, received < lastLook.at else { return }
    // Where even its own time is refused, it has no effect anyway.
    var asReceived = state
    guard (try? asReceived.admit(statement, in: context(received, transaction))) != nil else {
      try checkReading()
      return
    }
    var asFound = state
    do {
      _ = try asFound.admit(statement, in: context(lastLook.at, transaction))
    } catch {
      lateEntries.append(
        LateEntry(
          index: tree.size, digest: statement.digest, body: statement.body,
          signer: statement.header.signer, received: received, missing: lastLook.at,
          reason: "\(error)"))
    }
    try checkReading()
  }

  private func finish(_ bytes: [UInt8], _ received: Timestamp) {
    _ = tree.append(leaf: MerkleHash.leaf(bytes))
    state.advance(received: received)
    // A clock put right puts right, too, what was read on it.
    if let lastLook, lastLook.at > state.lastReceived, state.hasResetClock(at: tree.size - 1) {
      self.lastLook = LastLook(at: state.lastReceived, size: tree.size)
    }
  }

  // MARK: appending

  /// What one transaction may do: append statements after checking each at its place.
  package struct Appending {
    fileprivate let ledger: Ledger
    package let transaction: RegistryTransaction
    package let now: Timestamp

    /// Admits a statement and appends it.
    ///
    /// - Throws: ``AdmissionFault`` or ``StatementFault`` if it is not admissible; state and file are
    ///   then as before. Any other error ends the transaction.
    package func append(_ envelope: UnverifiedEnvelope) throws -> UInt64 {
      try ledger.append(envelope, received: now, transaction)
    }

    /// Keeps a large body beside the log, under its digest.
    package func store(body: [UInt8]) throws {
      try transaction.store(body: body)
    }
  }

  /// Runs one durable transaction over a log that is caught up; an error leaves no trace.
  package func write<Result>(
    clock: Clock, _ body: (Appending) throws -> Result
  ) throws -> Result {
    hasAppended = false
    try refresh()
    do {
      let result = try database.write { transaction in
        try catchUp(transaction)
        let result = Swift.Result {
          try body(Appending(ledger: self, transaction: transaction, now: try now(clock)))
        }
        try checkShelf()
        return try result.get()
      }
      committed = head
      return result
    } catch {
      // What was appended is not in the file after all: replay what is.
      if hasAppended {
        startOver()
        try catchUp()
      }
      throw error
    }
  }

  /// This process's clock, never less than the log's last receipt time.
  package func now(_ clock: Clock) throws(AuthorityFault) -> Timestamp {
    let wall = clock.now()
    guard wall.milliseconds(since: state.lastReceived) > -5000 else {
      throw .clockUntrusted(now: wall, last: state.lastReceived)
    }
    if let drift = clock.drift(), drift.magnitude > 60_000 {
      throw .clockJumped(now: wall, milliseconds: drift)
    }
    return max(wall, state.lastReceived)
  }

  private func append(
    _ envelope: UnverifiedEnvelope, received: Timestamp, _ transaction: RegistryTransaction
  ) throws -> UInt64 {
    let statement = try state.verified(envelope)
    let bytes = try LogEntry(received: received, envelope: envelope).bytes()
    let changes: [Change]
    do {
      changes = try state.admit(statement, in: context(received, transaction))
    } catch {
      try checkReading()
      throw error
    }
    // From here on the state is ahead of the file, until the transaction commits.
    hasAppended = true
    do {
      try checkReading()
      let index = tree.size
      try transaction.append(bytes, at: index)
      for tile in tree.append(leaf: MerkleHash.leaf(bytes)) { try transaction.store(tile: tile) }
      state.advance(received: received)
      try Projection.apply(
        changes, of: statement, at: index, received: received, state: state,
        bodies: { try? transaction.body($0) }, in: transaction)
      for case .enacted(.payloadErased(let body)) in changes {
        try transaction.erase(body: body.action)
      }
      observe?(changes)
      return index
    } catch {
      throw ofTheFile(error)
    }
  }
}
