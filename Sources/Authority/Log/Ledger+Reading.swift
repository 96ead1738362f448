import CanonicalJSON
package import Decisions
import Delegations
package import Keys
import PolicyFunctions
package import Registry
import Rego
package import Statements
package import TransparencyLog

// What is read of the log besides its state: whatever leaves the program is checked against the root
// that this process has computed.
extension Ledger {
  func tiles(_ transaction: RegistryTransaction) -> TileReader {
    TileReader(cache: provenTiles) { level, index in try transaction.tile(level, index) }
  }

  /// The root the log had at a size.
  ///
  /// - Throws: ``AuthorityFault`` `truncated` if the log is shorter, `alteredTile` if a stored hash is not
  ///   the log's.
  package func root(atSize size: UInt64, _ transaction: RegistryTransaction) throws -> Digest {
    guard size <= tree.size else {
      throw AuthorityFault.truncated(size: tree.size, known: size)
    }
    return try proving { try tree.root(atSize: size, tiles: tiles(transaction)) }
  }

  private func proving<Result>(_ body: () throws -> Result) throws -> Result {
    do {
      return try body()
    } catch let tile as UnprovenTile {
      throw AuthorityFault.alteredTile(level: tile.level, index: tile.index)
    }
  }

  /// The hashes of a full tile of the log, proven.
  package func tile(
    _ level: Int, _ index: UInt64, _ transaction: RegistryTransaction
  ) throws -> [Digest] {
    try proving { try tree.provenTile(level, index, tiles(transaction)) }
  }

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
      compiled: try CompiledPolicy(
        modules: files, data: data, builtins: PolicyFunctions.builtins))
  }

  /// The proof that an entry stands in the log up to a checkpoint.
  package func receipt(
    _ index: UInt64, checkpoint: SignedNote, size: UInt64, _ transaction: RegistryTransaction
  ) throws -> Receipt {
    guard index < size, size <= tree.size else {
      throw AuthorityFault.uncovered(entry: index, checkpoint: size)
    }
    let path = try proving {
      try tree.inclusionProof(of: index, inSize: size, tiles: tiles(transaction))
    }
    return Receipt(index: index, path: path, checkpoint: checkpoint)
  }

  /// The newest checkpoint that is stored, if it is signed by an enrolled service or operator and is of
  /// this log.
  ///
  /// - Throws: ``AuthorityFault`` `noCheckpoint` if there is none, `uncovered` or `forked` if it is of
  ///   another log, ``LogFault`` if it is malformed or its signature wrong.
  package func checkpoint(
    _ transaction: RegistryTransaction
  ) throws -> (note: SignedNote, size: UInt64) {
    guard let bytes = try transaction.latestCheckpoint() else { throw AuthorityFault.noCheckpoint }
    let note = try SignedNote(bytes)
    let origin = Checkpoint.origin(registry: state.registry?.id ?? "")
    _ = try note.verified(by: signers.map { NoteVerifier(name: origin, key: $0) })
    let head = try Checkpoint(text: note.text)
    guard head.origin == origin, head.size <= tree.size,
      try root(atSize: head.size, transaction) == head.root
    else { throw AuthorityFault.forked(size: head.size) }
    return (note, head.size)
  }

  /// Keys that may have signed a checkpoint: services' and operators', also former ones.
  private var signers: [PublicKey] {
    state.keys.all { $0.holder.kind != .agent }.map(\.key)
  }

  /// One entry, parsed but not verified again: its hash is in the tree this process verified.
  package func statement(
    at index: UInt64, _ transaction: RegistryTransaction
  ) throws -> (entry: LogEntry, parts: StatementParts) {
    guard index < tree.size, let bytes = try transaction.entry(index) else {
      throw AuthorityFault.badEntry(index: index, reason: "it is missing")
    }
    try check(bytes, at: index, transaction)
    let entry = try LogEntry(bytes: bytes)
    return (
      entry,
      try StatementParts(
        payloadType: entry.envelope.payloadType, payload: entry.envelope.payload)
    )
  }

  /// Checks that bytes are those of an entry of the log.
  ///
  /// - Throws: ``AuthorityFault`` `badEntry`.
  private func check(
    _ bytes: [UInt8], at index: UInt64, _ transaction: RegistryTransaction
  ) throws {
    let leaf = MerkleHash.leaf(bytes)
    guard try leafHash(index, transaction) == leaf else {
      throw AuthorityFault.badEntry(index: index, reason: "its hash is not the log's")
    }
  }

  /// The hash of an entry in the tree this process verified.
  private func leafHash(_ index: UInt64, _ transaction: RegistryTransaction) throws -> Digest {
    let tile = index / Tile.width
    let hashes =
      tile < tree.fullTiles(atLevel: 0) ? try self.tile(0, tile, transaction) : tree.newestLeaves
    return hashes[Int(index % Tile.width)]
  }

  /// Visits entries of the verified log in order, each checked to be the log's.
  package func entries(
    from first: UInt64 = 0, _ transaction: RegistryTransaction,
    _ visit: (UInt64, [UInt8]) throws -> Void
  ) throws {
    var next = first
    try transaction.entries(from: first, to: tree.size) { index, bytes in
      guard index == next else {
        throw AuthorityFault.badEntry(index: next, reason: "it is missing")
      }
      try check(bytes, at: index, transaction)
      try visit(index, bytes)
      next += 1
    }
    guard next >= tree.size else {
      throw AuthorityFault.badEntry(index: next, reason: "it is missing")
    }
  }
}
