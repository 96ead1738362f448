import CanonicalJSON
import Decisions
import Keys
package import Registry
import Statements
import TransparencyLog

// What was verified, written down so that the next process need not replay it.
extension Ledger {
  /// Entries replayed after which a new mark is worth its while.
  package static let markEvery: UInt64 = 512
  /// Records kept in memory before they are put on the shelf in the middle of a long replay.
  static let changeLimit = 200_000

  static func genesis(_ transaction: RegistryTransaction) throws -> ByteString? {
    try transaction.entry(0).flatMap { try? LogEntry(bytes: $0) }
      .map { ByteString($0.envelope.digest.hex) }
  }

  /// How many entries a log has, and how many of them the state that was written down covers.
  package static func extent(
    of database: RegistryDatabase, pins: PinStore
  ) throws -> (size: UInt64, known: UInt64) {
    try database.read { transaction in
      guard let genesis = try genesis(transaction) else { return (0, 0) }
      return (try transaction.size(), try pins.shelf(for: genesis)?.refresh()?.size ?? 0)
    }
  }

  /// Sees to it that what lies on the shelf is of a log this one begins with, and goes on from there
  /// if it is further.
  func settle(_ transaction: RegistryTransaction) throws {
    guard let shelf else { return }
    if shelf.fault != nil {
      shelf.forgive()
      begin()
    }
    do {
      if try !isSettled(on: shelf.mark(), shelf, transaction) {
        // What this state rested on is gone, or is another log's.
        try shelf.clear()
        begin()
      }
    } catch is StateShelf.Fault {
      // There is no reading it: it is made anew or, where not even that goes, all is kept in memory.
      do { try shelf.clear() } catch { self.shelf = nil }
      begin()
    }
    self.shelf?.allow(upTo: tree.size)
  }

  private func isSettled(
    on mark: StateShelf.Mark?, _ shelf: StateShelf, _ transaction: RegistryTransaction
  ) throws -> Bool {
    guard let mark else { return try markedSize == 0 && shelf.isEmpty }
    if mark.size > tree.size { return try takeUp(mark, transaction) }
    guard markedSize <= mark.size, try root(atSize: mark.size, transaction) == mark.root else {
      return false
    }
    markedSize = mark.size
    return true
  }

  /// Takes the state this account last verified, if the file's log still begins with it.
  func takeUp(
    _ mark: StateShelf.Mark, _ transaction: RegistryTransaction
  ) throws -> Bool {
    guard let bytes = try shelf?.markBytes(),
      let json = try? JSONParser.parse(
        bytes, limits: JSONParser.Limits(bytes: bytes.count + 1, depth: 64)),
      let (tree, state) = try? Ledger.parse(mark: json), state.size == tree.size,
      mark == StateShelf.Mark(size: tree.size, root: tree.root),
      let genesis = try Ledger.genesis(transaction), state.registry?.id == genesis,
      try transaction.size() >= tree.size
    else { return false }
    // The newest leaves must be those of the file; older ones are checked whenever they are read.
    let leaves = tree.newestLeaves
    let first = tree.size - UInt64(leaves.count)
    for (offset, leaf) in leaves.enumerated() {
      guard let bytes = try transaction.entry(first + UInt64(offset)),
        MerkleHash.leaf(bytes) == leaf
      else { return false }
    }
    begin()
    self.tree = tree
    self.state = state
    if let shelf { self.state.rest(on: shelf) }
    markedSize = tree.size
    return true
  }

  /// Leaves what is kept in one file, as a process does that closes it.
  package func fold() throws { try shelf?.fold() }

  /// Whether what was verified is kept for the next process.
  package var isKept: Bool { shelf != nil }

  /// Refuses what came of records that could not be read.
  package func checkShelf() throws(AuthorityFault) {
    switch shelf?.fault {
    case nil: return
    case .moved?: throw .stateMoved
    case .unreadable(let reason)?:
      try? shelf?.clear()
      throw .stateUnreadable(path: shelf?.path ?? "", reason: reason)
    }
  }

  /// Lets other processes' marks take the place of what this one looked at; what is read of the state
  /// after this may have to be read again after ``catchUp()``.
  package func rest() { shelf?.rest(upTo: tree.size) }

  /// What this process has verified, to go on from.
  private var mark: JSONValue {
    let parts = tree.parts
    return [
      "size": JSONValue(parts.size), "growing": .array(parts.growing.map(\.json)),
      "frontier": parts.frontier.json, "state": state.core,
    ]
  }

  private static func parse(mark: JSONValue) throws -> (MerkleTree, AuthorityState) {
    var fields = try JSONFields(mark, path: "mark")
    var growing: [[Digest]] = []
    for level in try fields.array("growing") {
      growing.append((level.array ?? []).compactMap { $0.string.flatMap { Digest(hex: $0.bytes) } })
    }
    let tree = MerkleTree(
      size: UInt64(try fields.integer("size")), growing: growing,
      frontier: try fields.digests("frontier"))
    let state = try AuthorityState(snapshot: try fields.value("state"))
    try fields.finish()
    return (tree, state)
  }

  /// Writes the state down if enough has been replayed since the last time.
  package func storeMarkIfWorthwhile(every entries: UInt64 = Ledger.markEvery) throws {
    if tree.size - markedSize >= entries { try storeMark() }
  }

  /// Writes down the state this process has verified, so that the next one need not replay it.
  package func storeMark() throws {
    try database.read { try storeMark($0) }
    keepPin()
  }

  /// Writes the state down while a transaction of the log's file is under way.
  func storeMark(_ transaction: RegistryTransaction) throws {
    guard let shelf, state.registry != nil, state.unsupported == nil, erasuresToCome.isEmpty,
      shelf.fault == nil
    else { return }
    do {
      let isWritten = try shelf.write(
        StateShelf.Mark(size: tree.size, root: tree.root),
        bytes: try mark.canonicalBytes(),
        isPrefix: { [self] in try root(atSize: $0.size, transaction) == $0.root },
        state.write)
      guard isWritten else { return try checkShelf() }
    } catch is StateShelf.Fault {
      // A full disk, say: it stays in memory, and the next one replays it.
      return
    }
    state.letGo()
    markedSize = tree.size
  }
}
