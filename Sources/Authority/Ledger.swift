import Approvals
package import CanonicalJSON
package import Decisions
package import Keys
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
  /// Entries that were not admissible: shown as refused, without effect.
  package private(set) var refused: [(index: UInt64, reason: String)] = []
  private var policies: [Digest: PolicyInForce] = [:]
  /// Where the records lie that nothing has changed since the last mark.
  var shelf: StateShelf?
  /// The size of the mark that what is read from the shelf is of no earlier state than.
  var markedSize: UInt64 = 0
  /// So many records in memory are put on the shelf in the middle of a long replay.
  private var changesAwaited = Ledger.changeLimit
  /// Entries this transaction has appended so far.
  private var appended = 0
  private let pins: PinStore?
  /// A head that this log was found to have had.
  private var headLastKnown: TreeHead?
  /// Told now and then, while it replays, how many entries are done and how many there are; may stop
  /// it by throwing.
  package var progress: (UInt64, UInt64) throws -> Void = { _, _ in }
  /// Actions replayed from what an erasure keeps, whose erasure is still to be met in the log.
  private(set) var erasuresToCome: Set<Digest> = []

  /// Opens a registry and replays its log.
  ///
  /// `pins`: Where this account keeps what it saw; nil for a registry being made or examined.
  /// `trust`: The registry id a person confirmed, if there is no pin yet.
  package init(
    _ database: RegistryDatabase, pins: PinStore?, trust: ByteString? = nil,
    progress: @escaping (UInt64, UInt64) throws -> Void = { _, _ in }
  ) throws {
    self.database = database
    self.pins = pins
    self.progress = progress
    if let pins, let genesis = try database.read({ try Ledger.genesis($0) }) {
      shelf = pins.shelf(for: genesis)
      begin()
    }
    do {
      try catchUp()
    } catch AuthorityFault.stateUnreadable {
      // It was dropped: the log says it all again.
      try catchUp()
    }
    guard let pins else { return }
    guard let registry = state.registry else {
      throw AuthorityFault.empty(path: database.path)
    }
    if let trust, trust != registry.id {
      throw AuthorityFault.otherRegistry(expected: trust, found: registry.id)
    }
    guard let pin = try pins.pin(for: registry.id) else {
      guard trust != nil else { throw AuthorityFault.unpinned(registry: registry.id) }
      keepPin()
      return
    }
    // Another process of this account may have pinned entries that were committed since the read
    // above; a pin is written after its commit, so reading again shows them all.
    if pin.size > tree.size { try catchUp() }
    try check(pin, registry.id, pins)
    keepPin()
    do {
      try storeMarkIfWorthwhile()
    } catch AuthorityFault.stateUnreadable {
      try catchUp()
    }
  }

  /// Whether the log is what this account has seen, or goes on from a backup by the admin quorum's
  /// word.
  private func check(_ pin: TreeHead, _ registry: ByteString, _ pins: PinStore) throws {
    let known =
      pin.size <= tree.size
      ? try database.read({ try root(atSize: pin.size, $0) }) : nil
    if known == pin.root { return }
    if let restored = state.restored, restored.kept.size < pin.size,
      pin.size < restored.lost.size || pin == restored.lost
    {
      try pins.store(head, for: registry, replacing: true)
      return
    }
    if known == nil { throw AuthorityFault.truncated(size: tree.size, known: pin.size) }
    throw AuthorityFault.forked(size: pin.size)
  }

  /// Replays nothing by itself; goes on from what another run left on a shelf of its own, if that is
  /// of a log that `live` begins with.
  ///
  /// - Throws: ``AuthorityFault`` `forked` if it is not.
  init(_ database: RegistryDatabase, on shelf: StateShelf?, from live: RegistryTransaction) throws {
    self.database = database
    self.shelf = shelf
    pins = nil
    begin()
    guard let mark = try shelf?.refresh() else { return }
    guard try takeUp(mark, live) else { throw AuthorityFault.forked(size: mark.size) }
    shelf?.allow(upTo: mark.size)
  }

  /// Nothing replayed yet, on whatever lies on the shelf.
  func begin() {
    state = AuthorityState()
    tree = MerkleTree()
    markedSize = 0
    headLastKnown = nil
    refused = []
    erasuresToCome = []
    if let shelf { state.rest(on: shelf) }
  }

  package var head: TreeHead { TreeHead(size: tree.size, root: tree.root) }

  /// The size of the backup this file was restored from, if no admitted entry confirms it yet.
  package func unconfirmedRestore(_ transaction: RegistryTransaction) throws -> UInt64? {
    guard let kept = try transaction.restoreMark() else { return nil }
    if let restored = state.restored, restored.kept.size >= kept { return nil }
    return kept
  }

  /// Why what this process has seen could not be written down, if so: it could not be told, then, if it
  /// were taken back.
  package private(set) var pinFault: AuthorityFault?

  /// Writes down what this process has verified; if it cannot, ``pinFault`` says why.
  package func keepPin() {
    do {
      try storePin()
      pinFault = nil
    } catch {
      pinFault = error
    }
  }

  /// Writes down what this process has verified.
  package func storePin() throws(AuthorityFault) {
    guard let pins, let registry = state.registry else { return }
    try pins.store(head, for: registry.id)
  }

  /// The root the log had at a size.
  package func root(atSize size: UInt64, _ transaction: RegistryTransaction) throws -> Digest {
    try tree.root(atSize: size) { (level, index) throws in try transaction.tile(level, index) }
  }

  private func context(
    _ received: Timestamp, _ transaction: RegistryTransaction
  ) -> AdmissionContext {
    AdmissionContext(
      received: received,
      knows: { [self] head in
        // Statements of one group name the same head.
        if head == headLastKnown { return true }
        guard head.size <= tree.size, (try? root(atSize: head.size, transaction)) == head.root
        else { return false }
        headLastKnown = head
        return true
      },
      body: { try? transaction.body($0) },
      entry: { [self] in try? statement(at: $0, transaction).entry },
      erased: { [self] action in
        guard let kept = try? erasure(of: action, transaction) else { return nil }
        erasuresToCome.insert(action)
        return kept
      })
  }

  /// What an entry further on keeps of an erased action; it must turn out to be admitted.
  private func erasure(of action: Digest, _ transaction: RegistryTransaction) throws -> Action? {
    guard let index = try transaction.erasureIndex(action), index >= tree.size,
      let bytes = try transaction.entry(index)
    else { return nil }
    let entry = try LogEntry(bytes: bytes)
    let parts = try StatementParts(
      payloadType: entry.envelope.payloadType, payload: entry.envelope.payload)
    let inner: StatementBody? =
      switch parts.body {
      case .proposalOpened(let body): body.inner
      case .proposalSigned(let body):
        try proposal(body.proposal, before: index, transaction)?.inner
      default: nil
      }
    guard case .payloadErased(let body)? = inner, body.action == action else { return nil }
    return body.kept
  }

  /// A body, or what an erasure further on keeps of an action.
  func payload(_ digest: Digest, _ transaction: RegistryTransaction) -> [UInt8]? {
    if let bytes = try? transaction.body(digest) { return bytes }
    let kept = state.erased[digest] ?? (try? erasure(of: digest, transaction)) ?? nil
    return kept.flatMap { try? $0.json.canonicalBytes() }
  }

  /// The proposal that a later entry signs, looked for backwards.
  private func proposal(
    _ digest: Digest, before index: UInt64, _ transaction: RegistryTransaction
  ) throws -> ProposalOpened? {
    var at = index
    while at > 0 {
      at -= 1
      guard let bytes = try transaction.entry(at) else { return nil }
      let entry = try LogEntry(bytes: bytes)
      guard entry.envelope.digest == digest else { continue }
      let parts = try StatementParts(
        payloadType: entry.envelope.payloadType, payload: entry.envelope.payload)
      guard case .proposalOpened(let body) = parts.body else { return nil }
      return body
    }
    return nil
  }

  // MARK: replay

  /// Verifies and applies the entries that others have appended, as of now.
  package func catchUp() throws {
    refresh()
    try database.read { try catchUp($0) }
  }

  /// Looks at the newest mark before a transaction begins: it is then of a log the transaction sees.
  private func refresh() { _ = try? shelf?.refresh() }

  /// Verifies and applies the entries that others have appended.
  package func catchUp(_ transaction: RegistryTransaction) throws {
    try settle(transaction)
    do {
      try replayNew(transaction)
    } catch {
      // An entry cannot be judged by what could not be read.
      try checkShelf()
      throw error
    }
    try checkShelf()
  }

  private func replayNew(_ transaction: RegistryTransaction) throws {
    let size = try transaction.size()
    guard size >= tree.size else {
      throw AuthorityFault.truncated(size: size, known: tree.size)
    }
    guard size > tree.size else { return }
    try transaction.entries(from: tree.size) { index, bytes in
      guard index == tree.size else {
        throw AuthorityFault.badEntry(index: tree.size, reason: "it is missing")
      }
      _ = try replay(bytes, transaction)
      if index & 255 == 0 {
        try progress(index, size)
        if state.changeCount >= changesAwaited {
          try storeMark(transaction)
          // Where it cannot be written, trying again at every step would only take time.
          changesAwaited = state.changeCount + Ledger.changeLimit
        }
      }
    }
    try checkErasures()
  }

  /// An action's bytes may be missing only where the admin quorum has said so.
  package func checkErasures() throws(AuthorityFault) {
    erasuresToCome = erasuresToCome.filter { state.erased[$0] == nil }
    if let action = erasuresToCome.min() {
      throw .badEntry(
        index: tree.size,
        reason: "the bytes of action \(action.hex) are missing, and no admitted "
          + "entry erases them")
    }
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
      let changes = try state.admit(statement, in: context(entry.received, transaction))
      finish(bytes, entry.received)
      return (statement, entry.received, changes)
    } catch .missingBody(let digest) {
      // Not the signer's fault but the file's: to go on would forget a nonce or a use.
      throw AuthorityFault.badEntry(
        index: index, reason: "\(AdmissionFault.missingBody(digest))")
    } catch .rulesUnsupported(let version) {
      // Nothing from here on can be judged: a log that begins so is refused whole, one that comes to it
      // is read no further.
      guard state.registry != nil else { throw AuthorityFault.refused(.rulesUnsupported(version)) }
      state.stop(at: index)
      finish(bytes, entry.received)
      return nil
    } catch {
      refused.append((index, "\(error)"))
      finish(bytes, entry.received)
      return nil
    }
  }

  private func finish(_ bytes: [UInt8], _ received: Timestamp) {
    _ = tree.append(leaf: MerkleHash.leaf(bytes))
    state.advance(received: received)
  }

  // MARK: appending

  /// What one transaction may do: append statements after checking each at its place.
  package struct Appending {
    fileprivate let ledger: Ledger
    package let transaction: RegistryTransaction
    package let now: Timestamp

    /// Admits a statement and appends it.
    ///
    /// - Throws: ``AdmissionFault`` if it is not admissible; nothing is then written.
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
    appended = 0
    refresh()
    do {
      return try database.write { transaction in
        try catchUp(transaction)
        let result = Swift.Result {
          try body(Appending(ledger: self, transaction: transaction, now: try now(clock)))
        }
        try checkShelf()
        return try result.get()
      }
    } catch {
      // What was appended is not in the file after all: replay what is.
      if appended > 0 { try reload() }
      throw error
    }
  }

  /// This process's clock, never less than the log's last receipt time.
  package func now(_ clock: Clock) throws(AuthorityFault) -> Timestamp {
    let wall = clock.now()
    guard wall.milliseconds(since: state.lastReceived) > -5000 else {
      throw .clockUntrusted(now: wall, last: state.lastReceived)
    }
    if let drift = clock.drift(), abs(drift) > 60_000 {
      throw .clockJumped(now: wall, milliseconds: drift)
    }
    return max(wall, state.lastReceived)
  }

  /// Forgets what is in memory and replays the file as it is.
  private func reload() throws {
    begin()
    try catchUp()
  }

  private func append(
    _ envelope: UnverifiedEnvelope, received: Timestamp, _ transaction: RegistryTransaction
  ) throws -> UInt64 {
    let statement = try state.verified(envelope)
    let changes = try state.admit(statement, in: context(received, transaction))
    appended += 1
    let bytes = try LogEntry(received: received, envelope: envelope).bytes()
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
    return index
  }

  // MARK: reading

  /// The policy in force, compiled once.
  package func policyInForce(_ transaction: RegistryTransaction) throws -> PolicyInForce? {
    guard let digest = state.activePolicy, let record = state.policies[digest] else { return nil }
    if let known = policies[digest] { return known }
    let policy = try compile(record, transaction)
    policies[digest] = policy
    return policy
  }

  /// A published policy, compiled.
  package func compile(
    _ record: PolicyRecord, _ transaction: RegistryTransaction
  ) throws -> PolicyInForce {
    var files: [SourceFile] = []
    for module in record.published.modules {
      guard let text = try transaction.body(module.digest) else {
        throw AuthorityFault.refused(.missingBody(module.digest))
      }
      files.append(SourceFile(name: module.file.text, text: text))
    }
    var data = JSONValue.object(JSONObject())
    if let digest = record.published.data {
      guard let bytes = try transaction.body(digest) else {
        throw AuthorityFault.refused(.missingBody(digest))
      }
      data = try JSONParser.parse(bytes)
    }
    return PolicyInForce(
      record: DecisionMade.Policy(
        digest: record.digest, name: record.published.name, version: record.published.version),
      compiled: try CompiledPolicy(modules: files, data: data))
  }

  /// The proof that an entry stands in the log up to a checkpoint.
  package func receipt(
    _ index: UInt64, checkpoint: SignedNote, size: UInt64, _ transaction: RegistryTransaction
  ) throws -> Receipt {
    let path = try tree.inclusionProof(of: index, inSize: size) { (level, tile) throws in
      try transaction.tile(level, tile)
    }
    return Receipt(index: index, path: path, checkpoint: checkpoint)
  }

  /// The proof that the log of one size is a prefix of the log of another.
  package func consistency(
    from first: UInt64, to second: UInt64, _ transaction: RegistryTransaction
  ) throws -> [Digest] {
    try tree.consistencyProof(from: first, to: second) { (level, tile) throws in
      try transaction.tile(level, tile)
    }
  }

  /// One entry, parsed but not verified again: its hash is in the tree this process verified.
  package func statement(
    at index: UInt64, _ transaction: RegistryTransaction
  ) throws -> (entry: LogEntry, parts: StatementParts) {
    guard let bytes = try transaction.entry(index) else {
      throw AuthorityFault.badEntry(index: index, reason: "it is missing")
    }
    let leaf = MerkleHash.leaf(bytes)
    let path = try tree.inclusionProof(of: index, inSize: tree.size) { (level, tile) throws in
      try transaction.tile(level, tile)
    }
    guard
      MerkleProof.includes(
        leaf: leaf, at: index, size: tree.size, root: tree.root, path: path)
    else { throw AuthorityFault.badEntry(index: index, reason: "its hash is not the log's") }
    let entry = try LogEntry(bytes: bytes)
    return (
      entry,
      try StatementParts(
        payloadType: entry.envelope.payloadType, payload: entry.envelope.payload)
    )
  }
}
