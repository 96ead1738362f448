package import Decisions
import Foundation
import GRDB
package import Keys
import Statements
import Synchronization

/// The records of the state this account last verified, in a file of its own beside the pin.
///
/// Its readers look at it as it was when they began, until ``refresh()`` or ``rest(upTo:)``; what is
/// written becomes visible whole, with the mark of the log it belongs to. The file can be removed at
/// any time: the log says it all again.
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
  }

  package let path: String
  private let queue: DatabaseQueue
  private let found = Mutex<Fault?>(nil)
  /// The newest mark whose records this process can make sense of; only used within the queue.
  private var limit = UInt64.max

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
    } catch let error as DatabaseError
      where [.SQLITE_NOTADB, .SQLITE_CORRUPT].contains(error.resultCode)
    {
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
        try db.execute(
          sql: """
            DROP TABLE IF EXISTS mark; DROP TABLE IF EXISTS record; DROP TABLE IF EXISTS link;
            CREATE TABLE mark (
              id INTEGER PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL,
              sum BLOB NOT NULL, bytes BLOB NOT NULL);
            CREATE TABLE record (
              kind INTEGER NOT NULL, id BLOB NOT NULL, sum BLOB NOT NULL, bytes BLOB NOT NULL,
              PRIMARY KEY (kind, id)) WITHOUT ROWID;
            CREATE TABLE link (
              kind INTEGER NOT NULL, relation INTEGER NOT NULL, target BLOB NOT NULL,
              id BLOB NOT NULL, PRIMARY KEY (kind, relation, target, id)) WITHOUT ROWID;
            PRAGMA user_version = \(version);
            """)
        return .commit
      }
    }
    return queue
  }

  /// Of the tables below.
  private static let version = 2
  /// Pages kept while reading and while writing, in KiB.
  private static let (smallCache, largeCache) = (512, 131_072)

  // MARK: snapshots

  /// Looks at the newest state there is; gives its mark.
  package func refresh() throws -> Mark? {
    try queue.inDatabase { db in
      if db.isInsideTransaction { try db.commit() }
      limit = .max
      return try held(db)
    }
  }

  /// The mark of the state it looks at.
  package func mark() throws -> Mark? { try queue.inDatabase { try held($0) } }

  /// Whether no record lies here.
  package var isEmpty: Bool {
    get throws {
      try queue.inDatabase { db in
        try held(db)
        return try !(Bool.fetchOne(db, sql: "SELECT EXISTS (SELECT 1 FROM record)") ?? false)
      }
    }
  }

  /// Lets the file go on without this reader; what is read next may be of no newer log than this.
  package func rest(upTo size: UInt64) {
    queue.inDatabase { db in
      if db.isInsideTransaction { try? db.commit() }
      limit = size
    }
  }

  @discardableResult
  private func held(_ db: Database) throws -> Mark? {
    let isNew = !db.isInsideTransaction
    if isNew { try db.beginTransaction(.deferred) }
    let mark = try StateShelf.mark(db)
    if isNew, let mark, mark.size > limit { throw Fault.moved }
    return mark
  }

  private static func mark(_ db: Database) throws -> Mark? {
    let statement = try db.cachedStatement(sql: "SELECT size, root FROM mark WHERE id = 1")
    return try Row.fetchOne(statement).flatMap { row in
      row.digest("root").map { Mark(size: UInt64(row["size"] as Int64), root: $0) }
    }
  }

  /// What was written down with the mark it looks at.
  package func markBytes() throws -> [UInt8]? {
    try queue.inDatabase { db in
      try held(db)
      guard let row = try Row.fetchOne(db, sql: "SELECT sum, bytes FROM mark WHERE id = 1") else {
        return nil
      }
      let bytes = Array(row["bytes"] as Data)
      return row.digest("sum") == Digest.sha256(bytes) ? bytes : nil
    }
  }

  // MARK: reading

  package func distrust(_ reason: String) { note(.unreadable(reason)) }

  private func note(_ fault: Fault) {
    found.withLock { if $0 == nil { $0 = fault } }
    if case .unreadable(let reason) = fault {
      StateShelf.damaged.withLock { $0 = (path, reason) }
    }
  }

  private static let damaged = Mutex<(path: String, reason: String)?>(nil)

  /// Drops the file of which this process read what was not written, if there is one; says which, and
  /// what was wrong.
  package static func dropDamaged() -> (path: String, reason: String)? {
    guard let found = damaged.withLock({ $0 }) else { return nil }
    try? StateShelf(found.path).clear()
    return found
  }

  /// Reads; what cannot be read is noted and counts as absent.
  private func reading<Result>(_ empty: Result, _ body: (Database) throws -> Result) -> Result {
    queue.inDatabase { db in
      do {
        // The mark is only looked at where a snapshot begins.
        if !db.isInsideTransaction { try held(db) }
        return try body(db)
      } catch {
        note(error as? Fault ?? .unreadable("\(error)"))
        return empty
      }
    }
  }

  package func record(_ table: TableName, _ id: [UInt8]) -> [UInt8]? {
    reading(nil) { try StateShelf.record($0, table, id) }
  }

  fileprivate static func record(
    _ db: Database, _ table: TableName, _ id: [UInt8]
  ) throws -> [UInt8]? {
    let statement = try db.cachedStatement(
      sql: "SELECT id, sum, bytes FROM record WHERE kind = ? AND id = ?")
    return try Row.fetchOne(statement, arguments: [table.rawValue, Data(id)])
      .map { try bytes(of: $0, table) }
  }

  package func records(_ table: TableName, tied link: Link, limit: Int) -> [[UInt8]] {
    records(table, link, "=", limit: limit)
  }

  package func records(_ table: TableName, tiedFrom link: Link) -> [[UInt8]] {
    records(table, link, ">=", limit: .max)
  }

  private func records(
    _ table: TableName, _ link: Link, _ comparison: String, limit: Int
  ) -> [[UInt8]] {
    reading([]) { db in
      let statement = try db.cachedStatement(
        sql: """
          SELECT l.id, r.sum, r.bytes FROM link l
          LEFT JOIN record r ON r.kind = l.kind AND r.id = l.id
          WHERE l.kind = ? AND l.relation = ? AND l.target \(comparison) ?
          ORDER BY l.target, l.id LIMIT ?
          """)
      return try Row.fetchAll(
        statement, arguments: [table.rawValue, link.relation.rawValue, Data(link.bytes), limit]
      ).map { try StateShelf.bytes(of: $0, table) }
    }
  }

  package func records(_ table: TableName, beginning id: [UInt8], _ take: ([UInt8]) -> Void) {
    var last: Data?
    while true {
      // In steps: what is done with them may read here too.
      let step: [(id: Data, bytes: [UInt8])] = reading([]) { db in
        let statement = try db.cachedStatement(
          sql: """
            SELECT id, sum, bytes FROM record
            WHERE kind = ? AND id \(last == nil ? ">=" : ">") ? ORDER BY id LIMIT 1000
            """)
        return try Row.fetchAll(statement, arguments: [table.rawValue, last ?? Data(id)])
          .map { ($0["id"], try StateShelf.bytes(of: $0, table)) }
      }
      for row in step {
        guard row.id.starts(with: id) else { return }
        take(row.bytes)
      }
      guard step.count == 1000 else { return }
      last = step.last?.id
    }
  }

  private static func bytes(of row: Row, _ table: TableName) throws -> [UInt8] {
    guard let sum = row["sum"] as Data?, let packed = row["bytes"] as Data?,
      sum == StateShelf.sum(table, row["id"], packed), let bytes = Packing.unpack(Array(packed))
    else { throw Fault.unreadable("a record of it was altered") }
    return bytes
  }

  fileprivate static func sum(_ table: TableName, _ id: Data, _ packed: Data) -> Data {
    Data(Digest.sha256([UInt8(table.rawValue), UInt8(id.count)] + id + packed).bytes.prefix(8))
  }

  // MARK: writing

  /// Puts a state further, if what is there belongs to the same log and is not further already.
  ///
  /// `isPrefix`: Whether the state that is there is of a prefix of this log.
  /// - Returns: Whether it was written.
  package func write(
    _ mark: Mark, bytes: [UInt8], isPrefix: (Mark) throws -> Bool,
    _ records: (any ShelfWriter) throws -> Void
  ) throws -> Bool {
    // Asked beside the snapshot, which stays if nothing is written, and outside of the transaction,
    // since it reads another file.
    let known = try DatabaseQueue(path: path).read(StateShelf.mark)
    if let known { guard try known.size <= mark.size && isPrefix(known) else { return false } }
    return try queue.inDatabase { db in
      limit = mark.size
      if db.isInsideTransaction { try db.commit() }
      try db.execute(sql: "PRAGMA cache_size = -\(StateShelf.largeCache)")
      defer { try? db.execute(sql: "PRAGMA cache_size = -\(StateShelf.smallCache)") }
      var isWritten = false
      try db.inTransaction(.immediate) {
        guard try StateShelf.mark(db) == known else { return .rollback }
        try records(Writer(db: db))
        try db.execute(
          sql: "INSERT OR REPLACE INTO mark (id, size, root, sum, bytes) VALUES (1, ?, ?, ?, ?)",
          arguments: [
            Int64(mark.size), mark.root.blob, Digest.sha256(bytes).blob, Data(bytes),
          ])
        isWritten = true
        return .commit
      }
      try held(db)
      return isWritten
    }
  }

  /// Takes everything off.
  package func clear() throws {
    try queue.inDatabase { db in
      if db.isInsideTransaction { try db.commit() }
      limit = .max
      try db.inTransaction(.immediate) {
        try db.execute(sql: "DELETE FROM mark; DELETE FROM link; DELETE FROM record")
        return .commit
      }
    }
  }

  private struct Writer: ShelfWriter {
    let db: Database

    func record(_ table: TableName, _ id: [UInt8]) throws -> [UInt8]? {
      try StateShelf.record(db, table, id)
    }

    func set(_ table: TableName, _ id: [UInt8], _ record: [UInt8]?) throws {
      guard let record else {
        try db.cachedStatement(sql: "DELETE FROM record WHERE kind = ? AND id = ?")
          .execute(arguments: [table.rawValue, Data(id)])
        return
      }
      let packed = Data(Packing.pack(record))
      try db.cachedStatement(
        sql: "INSERT OR REPLACE INTO record (kind, id, sum, bytes) VALUES (?, ?, ?, ?)"
      ).execute(
        arguments: [
          table.rawValue, Data(id), StateShelf.sum(table, Data(id), packed), packed,
        ])
    }

    func tie(_ table: TableName, _ id: [UInt8], to link: Link) throws {
      try db.cachedStatement(
        sql: "INSERT OR IGNORE INTO link (kind, relation, target, id) VALUES (?, ?, ?, ?)"
      ).execute(arguments: arguments(table, id, link))
    }

    func untie(_ table: TableName, _ id: [UInt8], from link: Link) throws {
      try db.cachedStatement(
        sql: "DELETE FROM link WHERE kind = ? AND relation = ? AND target = ? AND id = ?"
      ).execute(arguments: arguments(table, id, link))
    }

    func forget(_ table: TableName, openUntil end: Timestamp) throws {
      let link = Link.open(until: end)
      let arguments: StatementArguments = [
        table.rawValue, link.relation.rawValue, Data(link.bytes),
      ]
      try db.execute(
        sql: """
          DELETE FROM record WHERE kind = ?1 AND id IN
            (SELECT id FROM link WHERE kind = ?1 AND relation = ?2 AND target < ?3)
          """, arguments: arguments)
      try db.execute(
        sql: "DELETE FROM link WHERE kind = ?1 AND relation = ?2 AND target < ?3",
        arguments: arguments)
    }

    private func arguments(
      _ table: TableName, _ id: [UInt8], _ link: Link
    ) -> StatementArguments {
      [table.rawValue, link.relation.rawValue, Data(link.bytes), Data(id)]
    }
  }
}
