import Foundation
import GRDB
package import Keys
package import TransparencyLog

// The append-only part of the file.
extension RegistryTransaction {
  /// How many entries the log has.
  ///
  /// - Throws: ``RegistryFault`` `tampered` if an entry stands where none can.
  package func size() throws -> UInt64 {
    // Two look-ups by key: asked for together, SQLite would read the whole table.
    let first = try Int64.fetchOne(db.cachedStatement(sql: "SELECT min(idx) FROM entry"))
    let last = try Int64.fetchOne(db.cachedStatement(sql: "SELECT max(idx) FROM entry"))
    guard let first, let last else { return 0 }
    guard first >= 0 else {
      throw RegistryFault.tampered(table: "entry", column: "idx", value: first)
    }
    return try UInt64(row: last, table: "entry", column: "idx") + 1
  }

  package func entry(_ index: UInt64) throws -> [UInt8]? {
    try Data.fetchOne(
      db.cachedStatement(sql: "SELECT bytes FROM entry WHERE idx = ?"),
      arguments: [index.sql]
    ).map { try unpacked(entry: $0, index) }
  }

  private func unpacked(entry packed: Data, _ index: UInt64) throws -> [UInt8] {
    guard let bytes = Packing.unpack(Array(packed)) else {
      throw RegistryFault.damagedEntry(index: index)
    }
    return bytes
  }

  /// Visits entries in order from one index up to, not including, another; to the end if none is given.
  ///
  /// - Throws: ``RegistryFault`` `damagedEntry` or `tampered`, and what `visit` throws.
  package func entries(
    from first: UInt64, to end: UInt64 = .max, _ visit: (UInt64, [UInt8]) throws -> Void
  ) throws {
    let rows = try Row.fetchCursor(
      db.cachedStatement(
        sql: "SELECT idx, bytes FROM entry WHERE idx >= ? AND idx < ? ORDER BY idx"),
      arguments: [first.sql, end.sql])
    while let row = try rows.next() {
      let index = try row.index("entry")
      guard let bytes = Data.fromDatabaseValue(row[1] as DatabaseValue) else {
        throw RegistryFault.damagedEntry(index: index)
      }
      try visit(index, try unpacked(entry: bytes, index))
    }
  }

  /// How far a verification came, in a scratch file.
  package func progressMark() throws -> [UInt8]? {
    guard try db.tableExists("ui_progress") else { return nil }
    return try Data.fetchOne(db, sql: "SELECT mark FROM ui_progress WHERE id = 1").map { Array($0) }
  }

  package func store(progressMark mark: [UInt8]) throws {
    guard try db.tableExists("ui_progress") else { return }
    try db.execute(
      sql: "INSERT OR REPLACE INTO ui_progress VALUES (1, ?)", arguments: [Data(mark)])
  }

  package func append(_ bytes: [UInt8], at index: UInt64) throws {
    try db.cachedStatement(sql: "INSERT INTO entry (idx, bytes) VALUES (?, ?)")
      .execute(arguments: [index.sql, Data(Packing.pack(bytes))])
  }

  /// Changes an entry, as someone with the file in their hands could: for tests.
  package func overwrite(entry index: UInt64, with bytes: [UInt8]) throws {
    try db.execute(
      sql: "UPDATE entry SET bytes = ? WHERE idx = ?",
      arguments: [Data(Packing.pack(bytes)), index.sql])
  }

  /// A body, found by its digest and believed only if it has it.
  package func body(_ digest: Digest) throws -> [UInt8]? {
    let bytes = try Data.fetchOne(
      db.cachedStatement(sql: "SELECT bytes FROM body WHERE digest = ?"),
      arguments: [Data(digest.bytes)]
    ).flatMap { Packing.unpack(Array($0)) }
    return bytes.flatMap { Digest.sha256($0) == digest ? $0 : nil }
  }

  /// The first body that is not what its digest says.
  package func firstAlteredBody() throws -> Digest? {
    let rows = try Row.fetchCursor(db, sql: "SELECT digest, bytes FROM body ORDER BY id")
    while let row = try rows.next() {
      guard let name = Data.fromDatabaseValue(row[0] as DatabaseValue),
        let bytes = Data.fromDatabaseValue(row[1] as DatabaseValue)
      else { return Digest.sha256([]) }
      guard let digest = Digest(bytes: name) else { return Digest.sha256(Array(name)) }
      if Packing.unpack(Array(bytes)).map({ Digest.sha256($0) }) != digest { return digest }
    }
    return nil
  }

  package func store(body bytes: [UInt8]) throws {
    try db.cachedStatement(sql: "INSERT OR IGNORE INTO body (digest, bytes) VALUES (?, ?)")
      .execute(arguments: [Data(Digest.sha256(bytes).bytes), Data(Packing.pack(bytes))])
  }

  /// Removes a body that an erasure names.
  package func erase(body digest: Digest) throws {
    try db.cachedStatement(sql: "DELETE FROM body WHERE digest = ?")
      .execute(arguments: [Data(digest.bytes)])
  }

  /// Where an erasure of an action stands, according to a row; the entry there says the truth.
  package func erasureIndex(_ action: Digest) throws -> UInt64? {
    try Int64.fetchOne(
      db.cachedStatement(sql: "SELECT idx FROM erasure WHERE action = ?"),
      arguments: [Data(action.bytes)]
    ).map { try UInt64(row: $0, table: "erasure", column: "idx") }
  }

  /// The size of the backup that `countersign restore` put here, if it did.
  ///
  /// A mark for honest processes: who deletes it still meets the pins of everyone who saw more.
  package func restoreMark() throws -> UInt64? {
    try Int64.fetchOne(
      db.cachedStatement(sql: "SELECT kept FROM restoration ORDER BY kept DESC LIMIT 1")
    ).map { try UInt64(row: $0, table: "restoration", column: "kept") }
  }

  /// Marks this file as put back from a backup.
  package func markRestored(kept: UInt64) throws {
    try db.execute(
      sql: "INSERT OR REPLACE INTO restoration (kept) VALUES (?)", arguments: [kept.sql])
  }

  /// The hashes of a full tile as they are stored: a cache that a ``MerkleTree`` checks.
  package func tile(_ level: Int, _ index: UInt64) throws -> [Digest] {
    let blob = try Data.fetchOne(
      db.cachedStatement(sql: "SELECT hashes FROM tile WHERE level = ? AND idx = ?"),
      arguments: [level, index.sql])
    // One that is missing or too short proves nothing; its reader says so.
    guard let blob, blob.count == 8192 else { return [] }
    return blob.withUnsafeBytes { Digest.list(in: $0) }
  }

  package func tileCount() throws -> Int {
    try Int.fetchOne(db, sql: "SELECT count(*) FROM tile") ?? 0
  }

  package func store(tile: Tile) throws {
    try db.cachedStatement(sql: "INSERT OR REPLACE INTO tile (level, idx, hashes) VALUES (?, ?, ?)")
      .execute(
        arguments: [tile.level, tile.index.sql, Data(tile.hashes.flatMap(\.bytes))])
  }

  /// Keeps the newest checkpoint only: older ones are prefixes of it.
  package func store(checkpoint note: [UInt8], size: UInt64) throws {
    try db.cachedStatement(sql: "DELETE FROM checkpoint WHERE size < ?")
      .execute(arguments: [size.sql])
    try db.cachedStatement(sql: "INSERT OR REPLACE INTO checkpoint (size, note) VALUES (?, ?)")
      .execute(arguments: [size.sql, Data(note)])
  }

  /// What is wrong with the rows that stand beside the log: one checkpoint, restorations, erasures.
  package func strayRow() throws -> RegistryFault? {
    for (table, column) in [
      ("checkpoint", "size"), ("restoration", "kept"), ("erasure", "idx"), ("decision", "idx"),
      ("hold", "idx"), ("entry", "idx"), ("tile", "idx"), ("tile", "level"),
    ] {
      for end in ["min", "max"] {
        let value = try Int64.fetchOne(db, sql: "SELECT \(end)(\(column)) FROM \(table)")
        if let value, value < 0 || value > Int64.max - 1 {
          return .tampered(table: table, column: column, value: value)
        }
      }
    }
    let checkpoints = try Int64.fetchAll(db, sql: "SELECT size FROM checkpoint ORDER BY size")
    if checkpoints.count > 1 {
      return .tampered(table: "checkpoint", column: "size", value: checkpoints[0])
    }
    return nil
  }

  package func latestCheckpoint() throws -> [UInt8]? {
    try Data.fetchOne(db, sql: "SELECT note FROM checkpoint ORDER BY size DESC LIMIT 1")
      .map { Array($0) }
  }

  /// Where an action was decided: the index of its latest decision.
  package func decisionIndex(ofAction digest: Digest) throws -> UInt64? {
    try Int64.fetchOne(
      db.cachedStatement(
        sql: "SELECT max(idx) FROM decision WHERE substr(action, 1, 8) = ? AND action = ?"),
      arguments: [Data(digest.bytes.prefix(8)), Data(digest.bytes)]
    ).map { try UInt64(row: $0, table: "decision", column: "idx") }
  }
}
