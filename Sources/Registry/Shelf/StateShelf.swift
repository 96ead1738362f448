package import Decisions
import Foundation
import GRDB
package import Keys
import Statements
import Synchronization

/// The records of the state this account last verified, in a file of its own beside the pin.
///
/// They are the entries of a ``DigestTree`` whose root stands in the mark: a record or tie that was
/// changed, added or left out is noticed by whoever reads where it is or should be.
///
/// Its reader looks at it as it was when it began, until ``refresh()`` or ``rest(upTo:)``, and reads
/// nothing that is newer than what it said it knows; what is written becomes visible whole, with the
/// mark of the log it belongs to. The file can be removed at any time: the log says it all again.
package final class StateShelf: Shelf, @unchecked Sendable {
  /// Of which log, and how much of it, the records are the state.
  package struct Mark: Sendable, Hashable {
    package let size: UInt64
    package let root: Digest

    package init(size: UInt64, root: Digest) {
      self.size = size
      self.root = root
    }
  }

  package enum Fault: Error, Sendable, Hashable {
    /// Another process has written what this one has not replayed yet.
    case moved
    case unreadable(String)

    fileprivate init(_ error: any Error) {
      self =
        switch error {
        case let fault as Fault: fault
        case is DigestTree.Altered: .unreadable("a part of it was altered")
        case let error as DatabaseError: .unreadable(error.message ?? "\(error.resultCode)")
        default: .unreadable("\(error)")
        }
    }
  }

  package let path: String
  /// Another one takes its place where the file has to be made anew.
  private var queue: DatabaseQueue
  private let found = Mutex<Fault?>(nil)
  // What follows is only used within the queue.
  /// The mark of the state it looks at, and its records.
  private var looked: Mark?
  private var tree = DigestTree(root: nil)
  private let checked = CheckedNodes()
  /// The newest log whose records this process can make sense of.
  private var limit: UInt64 = 0

  /// What went wrong with a reading since ``forgive()``: nothing that came of it may be used.
  package var fault: Fault? { found.withLock { $0 } }

  package func forgive() { found.withLock { $0 = nil } }

  /// Opens the file, or makes it.
  ///
  /// - Throws: If there can be none; everything is then kept in memory.
  package init(_ path: String) throws {
    self.path = path
    do {
      queue = try StateShelf.open(path)
    } catch let error as DatabaseError {
      guard [.SQLITE_NOTADB, .SQLITE_CORRUPT].contains(error.resultCode) else {
        throw RegistryDatabase.fault(error, path)
      }
      RegistryDatabase.remove(path)
      queue = try StateShelf.open(path)
    }
  }

  private static func open(_ path: String) throws -> DatabaseQueue {
    try FileManager.default.createDirectory(
      atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true,
      attributes: [.posixPermissions: 0o700])
    let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    if descriptor >= 0 { Glibc.close(descriptor) }
    var configuration = Configuration()
    configuration.busyMode = .timeout(5)
    configuration.allowsUnsafeTransactions = true
    configuration.prepareDatabase { db in
      try db.execute(sql: "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL")
      try db.execute(
        sql: "PRAGMA cache_size = -\(smallCache); PRAGMA journal_size_limit = 16777216")
    }
    let queue = try DatabaseQueue(path: path, configuration: configuration)
    try queue.inDatabase { db in
      guard try Int.fetchOne(db, sql: "PRAGMA user_version") != version else { return }
      try db.inTransaction(.immediate) {
        try makeEmpty(db)
        return .commit
      }
    }
    return queue
  }

  private static func makeEmpty(_ db: Database) throws {
    try db.execute(
      sql: """
        DROP TABLE IF EXISTS mark; DROP TABLE IF EXISTS node;
        CREATE TABLE mark (
          id INTEGER PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL,
          tree INTEGER, tree_digest BLOB, digest BLOB NOT NULL, sum BLOB NOT NULL,
          bytes BLOB NOT NULL);
        CREATE TABLE node (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL);
        PRAGMA user_version = \(version);
        """)
  }

  /// Of the tables above.
  private static let version = 5
  /// Pages kept while reading and while writing, in KiB.
  private static let (smallCache, largeCache) = (512, 131_072)

  /// Works in the file; what it says no to is this file's fault, whoever else's is read meanwhile.
  private func inFile<Result>(_ body: (Database) throws -> Result) throws -> Result {
    do {
      return try queue.inDatabase(body)
    } catch let error as DatabaseError {
      throw Fault(error)
    }
  }

  // MARK: snapshots

  /// Looks at the newest state there is; gives its mark.
  package func refresh() throws -> Mark? {
    try inFile { db in
      if db.isInsideTransaction { try db.commit() }
      return try held(db)
    }
  }

  /// The mark of the state it looks at.
  package func mark() throws -> Mark? { try inFile { try held($0) } }

  /// Whether no record lies here.
  package var isEmpty: Bool {
    get throws {
      try inFile { db in
        try held(db)
        return try !(Bool.fetchOne(db, sql: "SELECT EXISTS (SELECT 1 FROM node)") ?? false)
      }
    }
  }

  /// Records may be read that belong to a log of this size or less: whoever reads knows what has changed
  /// since.
  package func allow(upTo size: UInt64) { queue.inDatabase { _ in limit = size } }

  /// Lets the file go on without this reader; what is read next may be of no newer log than this.
  package func rest(upTo size: UInt64) {
    queue.inDatabase { db in
      if db.isInsideTransaction { try? db.commit() }
      limit = size
    }
  }

  @discardableResult
  private func held(_ db: Database) throws -> Mark? {
    if db.isInsideTransaction { return looked }
    try db.beginTransaction(.deferred)
    do {
      let found = try StateShelf.mark(db)
      (looked, tree) = (found?.mark, DigestTree(root: found?.tree))
    } catch {
      // What was not understood is not looked at.
      try? db.rollback()
      throw error
    }
    return looked
  }

  private static func mark(
    _ db: Database
  ) throws -> (mark: Mark, tree: DigestTree.Reference?)? {
    let statement = try db.cachedStatement(
      sql: "SELECT size, root, tree, tree_digest, digest, sum FROM mark WHERE id = 1")
    guard let row = try Row.fetchOne(statement) else { return nil }
    let size: Int64 = row.total("size")
    let tree = row.digest("tree_digest").map {
      DigestTree.Reference(id: row.total("tree"), digest: $0)
    }
    // Values of any kind may stand in a damaged file: what does not decode fails here too.
    guard let root = row.digest("root"), let digest = row.digest("digest"),
      case let mark = Mark(size: UInt64(size), root: root),
      row.digest("sum") == sum(mark, tree, digest)
    else { throw Fault.unreadable("its mark was altered") }
    return (mark, tree)
  }

  /// What was written down with the mark it looks at, if all of it is as it was written.
  package func markBytes() throws -> [UInt8]? {
    try inFile { db in
      try held(db)
      guard let row = try Row.fetchOne(db, sql: "SELECT digest, bytes FROM mark WHERE id = 1")
      else {
        return nil
      }
      let bytes = Array(row.total("bytes") as Data)
      return row.digest("digest") == Digest.sha256(bytes) ? bytes : nil
    }
  }

  private static func sum(
    _ mark: Mark, _ tree: DigestTree.Reference?, _ bytes: Digest
  ) -> Digest {
    let words = [mark.size.bigEndian, UInt64(bitPattern: tree?.id ?? 0).bigEndian]
    return Digest.sha256(
      words.withUnsafeBytes(Array.init) + mark.root.bytes + (tree?.digest.bytes ?? []) + bytes.bytes
    )
  }

  // MARK: reading

  package func distrust(_ reason: String) { note(.unreadable(reason)) }

  private func note(_ fault: Fault) {
    found.withLock { if $0 == nil { $0 = fault } }
    if case .unreadable(let reason) = fault {
      StateShelf.action.withLock { $0 }?(path, reason)
    }
  }

  private static let action = Mutex<(@Sendable (String, String) -> Void)?>(nil)

  /// Says what is to be done at once, in this process, when a file turns out not to be what was written:
  /// told its path, and what is wrong.
  package static func whenDamaged(_ body: @escaping @Sendable (String, String) -> Void) {
    action.withLock { $0 = body }
  }

  /// Reads; what cannot be read is noted and counts as absent.
  private func reading<Result>(_ empty: Result, _ body: (Database) throws -> Result) -> Result {
    queue.inDatabase { db in
      do {
        try held(db)
        guard (looked?.size ?? 0) <= limit else { throw Fault.moved }
        return try body(db)
      } catch {
        note(Fault(error))
        return empty
      }
    }
  }

  package func record(_ table: TableName, _ id: [UInt8]) -> [UInt8]? {
    reading(nil) { db in
      try tree.value(of: ShelfKey.record(table, id), in: ShelfNodes(db, checked)).map(
        StateShelf.unpacked)
    }
  }

  package func records(_ table: TableName, tied link: Link, limit: Int) -> [[UInt8]] {
    let prefix = ShelfKey.ties(table, link)
    return tied(table, from: prefix, limit: limit) { $0.starts(with: prefix) }
  }

  package func records(_ table: TableName, tiedFrom link: Link) -> [[UInt8]] {
    let all = ShelfKey.ties(table, link.relation)
    return tied(table, from: ShelfKey.ties(table, link), limit: .max) { $0.starts(with: all) }
  }

  private func tied(
    _ table: TableName, from first: [UInt8], limit: Int, _ isOne: ([UInt8]) -> Bool
  ) -> [[UInt8]] {
    reading([]) { db in
      let nodes = ShelfNodes(db, checked)
      var ids: [[UInt8]] = []
      try tree.visit(from: first, in: nodes) { key, _ in
        guard ids.count < limit, isOne(key) else { return false }
        ids.append(ShelfKey.id(ofTie: key))
        return true
      }
      return try ids.map { id in
        guard let packed = try tree.value(of: ShelfKey.record(table, id), in: nodes) else {
          throw DigestTree.Altered()
        }
        return try StateShelf.unpacked(packed)
      }
    }
  }

  package func records(_ table: TableName, beginning id: [UInt8], _ take: ([UInt8]) -> Void) {
    let prefix = ShelfKey.record(table, id)
    var next: [UInt8]? = prefix
    while let from = next {
      next = nil
      // In steps: what is done with them may read here too.
      let step: [[UInt8]] = reading([]) { db in
        var step: [[UInt8]] = []
        try tree.visit(from: from, in: ShelfNodes(db, checked)) { key, packed in
          guard key.starts(with: prefix) else { return false }
          if step.count == 1000 {
            next = key
            return false
          }
          step.append(try StateShelf.unpacked(packed))
          return true
        }
        return step
      }
      step.forEach(take)
    }
  }

  static func unpacked(_ packed: [UInt8]) throws -> [UInt8] {
    guard let bytes = Packing.unpack(packed) else { throw DigestTree.Altered() }
    return bytes
  }

  // MARK: writing

  /// Puts a state further, if what is there belongs to the same log and is not further already.
  ///
  /// `isPrefix`: Whether the state that is there is of a prefix of this log.
  /// - Returns: Whether it was written. If not because of damage, ``fault`` says so.
  package func write(
    _ mark: Mark, bytes: [UInt8], isPrefix: (Mark) throws -> Bool,
    _ records: (any ShelfWriter) throws -> Void
  ) throws -> Bool {
    let known = try newest()
    if let known { guard try known.size <= mark.size && isPrefix(known) else { return false } }
    return try inFile { db in
      if db.isInsideTransaction { try db.commit() }
      limit = mark.size
      try db.execute(sql: "PRAGMA cache_size = -\(StateShelf.largeCache)")
      defer { try? db.execute(sql: "PRAGMA cache_size = -\(StateShelf.smallCache)") }
      var isWritten = false
      do {
        try db.inTransaction(.immediate) {
          let found = try StateShelf.mark(db)
          guard found?.mark == known else { return .rollback }
          var nodes = ShelfNodes(db, checked)
          let batch = ShelfBatch(tree: DigestTree(root: found?.tree), nodes: nodes)
          try records(batch)
          var tree = batch.tree
          try tree.apply(batch.changes, in: &nodes)
          try StateShelf.store(mark, tree.root, bytes, db)
          isWritten = true
          return .commit
        }
      } catch let error where !(error is DatabaseError) {
        // Read in order to be changed, and not what was written.
        note(Fault(error))
      }
      try held(db)
      return isWritten
    }
  }

  /// The newest mark, looked at beside the snapshot, which stays if nothing is written.
  private func newest() throws -> Mark? {
    var configuration = Configuration()
    configuration.readonly = true
    do {
      return try DatabaseQueue(path: path, configuration: configuration).read {
        try StateShelf.mark($0)?.mark
      }
    } catch {
      throw Fault(error)
    }
  }

  private static func store(
    _ mark: Mark, _ tree: DigestTree.Reference?, _ bytes: [UInt8], _ db: Database
  ) throws {
    let digest = Digest.sha256(bytes)
    try db.execute(
      sql: """
        INSERT OR REPLACE INTO mark (id, size, root, tree, tree_digest, digest, sum, bytes)
        VALUES (1, ?, ?, ?, ?, ?, ?, ?)
        """,
      arguments: [
        Int64(mark.size), mark.root.blob, tree?.id, tree?.digest.blob, digest.blob,
        sum(mark, tree, digest).blob, Data(bytes),
      ])
  }

  /// Folds the write-ahead log into the file.
  package func fold() throws {
    try inFile { db in
      if db.isInsideTransaction { try db.commit() }
      try db.execute(sql: "PRAGMA wal_checkpoint(TRUNCATE)")
    }
  }

  /// Takes everything off, whatever is there.
  package func clear() throws {
    do {
      try inFile { db in
        if db.isInsideTransaction { try db.commit() }
        try db.inTransaction(.immediate) {
          try StateShelf.makeEmpty(db)
          return .commit
        }
      }
    } catch {
      // Not even that: whatever lies there now, a new file takes its place.
      RegistryDatabase.remove(path)
      queue = try StateShelf.open(path)
    }
  }
}
