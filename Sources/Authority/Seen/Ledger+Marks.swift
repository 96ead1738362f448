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

  /// How a kept state relates to the log in the file.
  enum KeptState {
    /// It is the state of a prefix of the log.
    case taken
    /// It cannot be read or understood, or an older one was put in its place: it is made anew.
    case unusable
    /// It is of a log that the file's log contradicts or is shorter than.
    case contradicted
  }

  /// Relates the kept state to the log, and continues from it where it is further.
  func settle(_ transaction: RegistryTransaction) throws {
    guard let shelf else { return }
    if shelf.fault != nil {
      shelf.forgive()
      begin()
    }
    do {
      let mark = try shelf.mark()
      switch try relate(mark, shelf, transaction) {
      case .taken: break
      case .unusable:
        try shelf.clear()
        begin()
      case .contradicted:
        // Evidence that the file was changed, unless the admin quorum has said otherwise further on: it
        // is left as it is, and the log is replayed from its beginning.
        setAside = shelf
        self.shelf = nil
        begin()
        if let mark { seen.expect(TreeHead(size: mark.size, root: mark.root)) }
      }
    } catch is StateShelf.Fault {
      // There is no reading it: it is made anew or, where not even that goes, all is kept in memory.
      do { try shelf.clear() } catch { self.shelf = nil }
      begin()
    }
    self.shelf?.allow(upTo: tree.size)
  }

  private func relate(
    _ mark: StateShelf.Mark?, _ shelf: StateShelf, _ transaction: RegistryTransaction
  ) throws -> KeptState {
    guard let mark else { return try markedSize == 0 && shelf.isEmpty ? .taken : .unusable }
    if mark.size > tree.size { return try takeUp(mark, transaction) }
    guard markedSize <= mark.size else { return .unusable }
    guard try root(atSize: mark.size, transaction) == mark.root else { return .contradicted }
    markedSize = mark.size
    return .taken
  }

  /// Continues from the state this account last verified, if the file's log still begins with it.
  func takeUp(
    _ mark: StateShelf.Mark, _ transaction: RegistryTransaction
  ) throws -> KeptState {
    guard let bytes = try shelf?.markBytes(),
      let json = try? JSONParser.parse(
        bytes, limits: JSONParser.Limits(bytes: bytes.count + 1, depth: 64)),
      let (tree, state) = try? Ledger.parse(mark: json), state.size == tree.size,
      mark == StateShelf.Mark(size: tree.size, root: tree.root),
      let genesis = try Ledger.genesis(transaction), state.registry?.id == genesis
    else { return .unusable }
    guard try transaction.size() >= tree.size else { return .contradicted }
    // The newest leaves must be those of the file; older ones are checked whenever they are read.
    let leaves = tree.newestLeaves
    let first = tree.size - UInt64(leaves.count)
    for (offset, leaf) in leaves.enumerated() {
      guard let bytes = try transaction.entry(first + UInt64(offset)),
        MerkleHash.leaf(bytes) == leaf
      else { return .contradicted }
    }
    begin()
    self.tree = tree
    self.state = state
    if let shelf { self.state.rest(on: shelf) }
    markedSize = tree.size
    try meetSeen(transaction)
    return .taken
  }

  /// Takes back into use the file of a state that the admin quorum has declared obsolete.
  func adoptSetAsideState() {
    guard let setAside else { return }
    self.setAside = nil
    do { try setAside.clear() } catch { return }
    shelf = setAside
    markedSize = 0
    state.rest(on: setAside)
    setAside.allow(upTo: tree.size)
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
      "state": state.core,
    ]
  }

  private static func parse(mark: JSONValue) throws -> (MerkleTree, AuthorityState) {
    var fields = try JSONFields(mark, path: "mark")
    var growing: [[Digest]] = []
    for level in try fields.array("growing") {
      growing.append((level.array ?? []).compactMap { $0.string.flatMap { Digest(hex: $0.bytes) } })
    }
    guard let tree = MerkleTree(size: UInt64(try fields.integer("size")), growing: growing) else {
      throw fields.fault("growing", "does not hold the hashes of a tree of that size")
    }
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
    // A log that has yet to meet what was seen of it leaves no mark.
    guard let shelf, state.registry != nil, state.unsupported == nil, erasuresToCome.isEmpty,
      seen.areMet, !isFaulty, shelf.fault == nil
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
