import Foundation
import GRDB

/// One registry file, opened by this process.
package struct RegistryDatabase: Sendable {
  package enum Access: Sendable {
    case readOnly
    case readWrite
  }

  package let path: String
  package let access: Access
  private let queue: DatabaseQueue
  /// Whether it is read as it lay there when it was opened: what others add later does not show.
  package let isFrozen: Bool
  /// Which file was opened, to notice when another takes its place; nil in memory.
  private let inode: ino_t?

  /// Makes a new registry file.
  ///
  /// With a group, the folder is 2770 and the file, its write-ahead log and index are 0660 whatever
  /// the umask, so that a daemon and each operator can run as their own user.
  package static func create(_ path: String, group: String?) throws -> RegistryDatabase {
    let folder = (path as NSString).deletingLastPathComponent
    if !folder.isEmpty {
      try FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: true,
        attributes: [.posixPermissions: group == nil ? 0o700 : 0o770])
    }
    let mode: mode_t = group == nil ? 0o600 : 0o660
    let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode)
    guard descriptor >= 0 else {
      if errno == EEXIST { throw RegistryFault.exists(path: path) }
      throw RegistryFault.unwritable(path: path, reason: String(cString: strerror(errno)))
    }
    fchmod(descriptor, mode)
    Glibc.close(descriptor)
    if let group {
      guard let entry = getgrnam(group) else {
        unlink(path)
        throw RegistryFault.unwritable(path: path, reason: "there is no group \(group)")
      }
      let parent = folder.isEmpty ? "." : folder
      guard chown(path, uid_t.max, entry.pointee.gr_gid) == 0,
        chown(parent, uid_t.max, entry.pointee.gr_gid) == 0, chmod(parent, 0o2770) == 0
      else {
        let reason = String(cString: strerror(errno))
        unlink(path)
        throw RegistryFault.unwritable(path: path, reason: reason)
      }
    }
    let database = try RegistryDatabase(path, access: .readWrite)
    try database.guarded { try Migrations.migrator.migrate(database.queue) }
    return database
  }

  /// Opens a registry file.
  package init(_ path: String, access: Access) throws {
    var status = stat()
    guard stat(path, &status) == 0 else { throw RegistryFault.missing(path: path) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw RegistryFault.damaged(path: path, reason: "it is not a regular file")
    }
    self.path = path
    self.access = access
    inode = status.st_ino
    var configuration = Configuration()
    configuration.readonly = access == .readOnly
    configuration.busyMode = .timeout(5)
    configuration.prepareDatabase { db in
      if access == .readWrite {
        try db.execute(sql: "PRAGMA journal_mode = WAL")
        try db.execute(sql: "PRAGMA synchronous = FULL")
        // What is erased must not stay behind in free pages.
        try db.execute(sql: "PRAGMA secure_delete = ON")
      }
      // Who looks on reads few pages, which the system keeps as well.
      if access == .readOnly { try db.execute(sql: "PRAGMA cache_size = -512") }
      try db.execute(sql: "PRAGMA trusted_schema = OFF")
      try db.execute(sql: "PRAGMA cell_size_check = ON")
    }
    let opened: (queue: DatabaseQueue, isFrozen: Bool)
    do {
      opened = try RegistryDatabase.connect(path, access, configuration)
    } catch let error as DatabaseError {
      throw RegistryDatabase.fault(error, path)
    }
    queue = opened.queue
    isFrozen = opened.isFrozen
    if access == .readWrite {
      guard Glibc.access(path, W_OK) == 0 else {
        throw RegistryFault.unwritable(path: path, reason: "you may only read it")
      }
    }
    try checkVersion()
    if access == .readWrite {
      try guarded { [queue] in
        let isCurrent = try queue.read { try Migrations.migrator.hasCompletedMigrations($0) }
        if !isCurrent { try Migrations.migrator.migrate(queue) }
      }
    }
  }

  /// Opens the file; where this account may not even make the shared memory that readers of a
  /// write-ahead log need, and no process has the file open, as it lies there.
  private static func connect(
    _ path: String, _ access: Access, _ configuration: Configuration
  ) throws -> (queue: DatabaseQueue, isFrozen: Bool) {
    do {
      let queue = try DatabaseQueue(path: path, configuration: configuration)
      _ = try queue.read { try $0.tableExists("entry") }
      return (queue, false)
    } catch let error as DatabaseError
      where access == .readOnly
      && [.SQLITE_READONLY, .SQLITE_CANTOPEN, .SQLITE_PERM].contains(error.resultCode)
      && Glibc.access(path, R_OK) == 0 && Glibc.access(path + "-wal", F_OK) != 0
    {
      guard
        let name = URL(fileURLWithPath: path).path.addingPercentEncoding(
          withAllowedCharacters: .urlPathAllowed)
      else { throw error }
      let queue = try DatabaseQueue(
        path: "file:\(name)?immutable=1", configuration: configuration)
      return (queue, true)
    }
  }

  /// Refuses a file that a newer version has migrated.
  private func checkVersion() throws {
    let isNewer = try guarded { try queue.read { try Migrations.migrator.hasBeenSuperseded($0) } }
    if isNewer { throw RegistryFault.newer(path: path) }
  }

  /// A registry in memory, to rebuild a projection into.
  package static func scratch() throws -> RegistryDatabase {
    let queue = try DatabaseQueue()
    try Migrations.migrator.migrate(queue)
    return RegistryDatabase(scratch: queue)
  }

  /// The same in a file, which an interrupted run leaves for the next.
  package static func scratch(_ path: String) throws -> RegistryDatabase {
    do {
      let queue = try DatabaseQueue(path: path)
      try Migrations.migrator.migrate(queue)
      try queue.write {
        try $0.execute(
          sql: "CREATE TABLE IF NOT EXISTS ui_progress (id INTEGER PRIMARY KEY, mark BLOB NOT NULL)"
        )
      }
      return RegistryDatabase(scratch: queue, path: path)
    } catch let error as DatabaseError {
      throw fault(error, path)
    }
  }

  /// Removes a scratch file and what SQLite keeps beside it.
  package static func remove(_ path: String) {
    for suffix in ["", "-wal", "-shm", "-journal"] { unlink(path + suffix) }
  }

  private init(scratch: DatabaseQueue, path: String = ":memory:") {
    self.path = path
    inode = nil
    isFrozen = false
    access = .readWrite
    queue = scratch
  }

  /// Reads from one consistent snapshot.
  package func read<Result>(_ body: (RegistryTransaction) throws -> Result) throws -> Result {
    try guarded { try queue.read { try body(RegistryTransaction($0)) } }
  }

  /// Counts from now on what reading costs, for as long as the file is open.
  package func count(in count: ReadCount) { queue.inDatabase { count.watch($0) } }

  /// Ends a read that another thread is waiting for; it fails as interrupted.
  package func interrupt() { queue.interrupt() }

  /// Runs one `BEGIN IMMEDIATE` transaction; an error rolls it back whole.
  ///
  /// When it returns, what was written is on disk.
  package func write<Result>(_ body: (RegistryTransaction) throws -> Result) throws -> Result {
    // What would be written to a file that has been moved away would be acknowledged and lost.
    var status = stat()
    if let inode, stat(path, &status) != 0 || status.st_ino != inode {
      throw RegistryFault.replaced(path: path)
    }
    return try guarded {
      var result: Result?
      try queue.inDatabase { db in
        try db.inTransaction(.immediate) {
          result = try body(RegistryTransaction(db))
          return .commit
        }
      }
      guard let result else { preconditionFailure("the transaction gave no result") }
      return result
    }
  }

  /// Writes a consistent copy of the whole file, with its mode; other processes go on meanwhile.
  package func copy(to path: String) throws {
    var status = stat()
    guard stat(path, &status) != 0 else { throw RegistryFault.exists(path: path) }
    let mode = stat(self.path, &status) == 0 ? status.st_mode & 0o777 : 0o600
    let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode)
    guard descriptor >= 0 else {
      throw RegistryFault.unwritable(path: path, reason: String(cString: strerror(errno)))
    }
    fchmod(descriptor, mode)
    Glibc.close(descriptor)
    do {
      let target = try DatabaseQueue(path: path)
      try guarded { try queue.backup(to: target) }
      try target.inDatabase { try $0.execute(sql: "PRAGMA journal_mode = DELETE") }
      try target.close()
      let folder = open(path, O_RDONLY | O_CLOEXEC)
      fsync(folder)
      Glibc.close(folder)
    } catch {
      unlink(path)
      if let error = error as? DatabaseError { throw RegistryDatabase.fault(error, path) }
      throw error
    }
  }

  /// Puts one registry file in another's place; the other is kept as `PATH.replaced`.
  package static func replace(_ path: String, with staged: String) throws {
    let kept = path + ".replaced"
    if Glibc.access(path, F_OK) == 0 {
      remove(kept)
      for suffix in ["", "-wal", "-shm"] where Glibc.access(path + suffix, F_OK) == 0 {
        guard rename(path + suffix, kept + suffix) == 0 else {
          throw RegistryFault.unwritable(path: path, reason: String(cString: strerror(errno)))
        }
      }
    }
    guard rename(staged, path) == 0 else {
      throw RegistryFault.unwritable(path: path, reason: String(cString: strerror(errno)))
    }
  }

  /// Folds the write-ahead log into the file.
  package func checkpoint() throws {
    try guarded {
      try queue.inDatabase { try $0.execute(sql: "PRAGMA wal_checkpoint(TRUNCATE)") }
    }
  }

  /// Closes the file; the last connection folds the write-ahead log into it.
  package func close() throws {
    try guarded { try queue.close() }
  }

  private func guarded<Result>(_ body: () throws -> Result) throws -> Result {
    do {
      return try body()
    } catch let error as DatabaseError {
      throw RegistryDatabase.fault(error, path)
    } catch let error as RowDecodingError {
      throw RegistryFault.damaged(path: path, reason: "\(error)")
    }
  }

  static func fault(_ error: DatabaseError, _ path: String) -> RegistryFault {
    switch error.resultCode {
    case .SQLITE_FULL: .full(path: path)
    case .SQLITE_BUSY, .SQLITE_LOCKED: .busy(path: path)
    case .SQLITE_IOERR:
      .unwritable(
        path: path,
        reason:
          "\(error.message ?? "disk I/O error"): look for a limit on file sizes (ulimit -f), a "
          + "quota, or a failing disk")
    case .SQLITE_READONLY, .SQLITE_CANTOPEN, .SQLITE_PERM, .SQLITE_AUTH:
      .unwritable(path: path, reason: error.message ?? "\(error.resultCode)")
    default: .damaged(path: path, reason: error.message ?? "\(error.resultCode)")
    }
  }
}

/// One transaction's view of the registry; not to be kept beyond it.
package struct RegistryTransaction {
  let db: Database

  init(_ db: Database) {
    self.db = db
  }

  /// What SQLite finds wrong with the file's structure, tables and indexes, if anything.
  package func structuralFault() throws -> String? {
    let text = try String.fetchOne(db, sql: "PRAGMA integrity_check(1)") ?? "it gives no answer"
    return text == "ok" ? nil : text
  }

  /// Runs a part of a transaction that leaves no trace if it fails.
  package func isolated<Result>(_ body: () throws -> Result) throws -> Result {
    var result: Result?
    try db.inSavepoint {
      result = try body()
      return .commit
    }
    guard let result else { preconditionFailure("the savepoint gave no result") }
    return result
  }

  /// Moves whenever another connection commits.
  package func dataVersion() throws -> Int64 {
    try Int64.fetchOne(db, sql: "PRAGMA data_version") ?? 0
  }
}
