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
  package private(set) var state = AuthorityState()
  package private(set) var tree = MerkleTree()
  /// Entries that were not admissible: shown as refused, without effect.
  package private(set) var refused: [(index: UInt64, reason: String)] = []
  private var policies: [Digest: PolicyInForce] = [:]
  private let pins: PinStore?

  /// Opens a registry and replays its log.
  ///
  /// `pins`: Where this account keeps what it saw; nil for a registry being made or examined.
  /// `trust`: The registry id a person confirmed, if there is no pin yet.
  package init(
    _ database: RegistryDatabase, pins: PinStore?, trust: ByteString? = nil
  ) throws {
    self.database = database
    self.pins = pins
    try database.read { try catchUp($0) }
    guard let pins else { return }
    guard let registry = state.registry else {
      throw AuthorityFault.empty(path: database.path)
    }
    if let trust, trust != registry.id {
      throw AuthorityFault.otherRegistry(expected: trust, found: registry.id)
    }
    guard let pin = try pins.pin(for: registry.id) else {
      guard trust != nil else { throw AuthorityFault.unpinned(registry: registry.id) }
      try storePin()
      return
    }
    // Another process of this account may have pinned entries that were committed since the read
    // above; a pin is written after its commit, so reading again shows them all.
    if pin.size > tree.size { try database.read { try catchUp($0) } }
    guard pin.size <= tree.size else {
      throw AuthorityFault.truncated(size: tree.size, known: pin.size)
    }
    guard try database.read({ try root(atSize: pin.size, $0) }) == pin.root else {
      throw AuthorityFault.forked(size: pin.size)
    }
    try storePin()
  }

  package var head: TreeHead { TreeHead(size: tree.size, root: tree.root) }

  /// Writes down what this process has verified.
  package func storePin() throws(AuthorityFault) {
    guard let pins, let registry = state.registry else { return }
    try pins.store(head, for: registry.id)
  }

  private func root(atSize size: UInt64, _ transaction: RegistryTransaction) throws -> Digest {
    try tree.root(atSize: size) { (level, index) throws in try transaction.tile(level, index) }
  }

  private func context(_ received: Timestamp, _ transaction: RegistryTransaction)
    -> AdmissionContext
  {
    AdmissionContext(
      received: received,
      root: { [tree] size in
        try? tree.root(atSize: size) { (level, index) throws in
          try transaction.tile(level, index)
        }
      },
      body: { try? transaction.body($0) })
  }

  // MARK: replay

  /// Verifies and applies the entries that others have appended.
  package func catchUp(_ transaction: RegistryTransaction) throws {
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
    let saved = (state, tree, refused)
    do {
      return try database.write { transaction in
        try catchUp(transaction)
        let wall = clock.now()
        guard wall.milliseconds(since: state.lastReceived) > -5000 else {
          throw AuthorityFault.clockUntrusted(now: wall, last: state.lastReceived)
        }
        return try body(
          Appending(
            ledger: self, transaction: transaction, now: max(wall, state.lastReceived)))
      }
    } catch {
      (state, tree, refused) = saved
      throw error
    }
  }

  private func append(
    _ envelope: UnverifiedEnvelope, received: Timestamp, _ transaction: RegistryTransaction
  ) throws -> UInt64 {
    let statement = try state.verified(envelope)
    let changes = try state.admit(statement, in: context(received, transaction))
    let bytes = try LogEntry(received: received, envelope: envelope).bytes()
    let index = tree.size
    try transaction.append(bytes, at: index)
    for tile in tree.append(leaf: MerkleHash.leaf(bytes)) { try transaction.store(tile: tile) }
    state.advance(received: received)
    try Projection.apply(
      changes, of: statement, at: index, received: received, state: state,
      bodies: { try? transaction.body($0) }, in: transaction)
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
