import Foundation
import GRDB
package import Keys
package import TransparencyLog

// The append-only part of the file.
extension RegistryTransaction {
  /// How many entries the log has.
  package func size() throws -> UInt64 {
    let last = try Int64.fetchOne(db.cachedStatement(sql: "SELECT max(idx) FROM entry"))
    return last.map { UInt64($0) + 1 } ?? 0
  }

  package func entry(_ index: UInt64) throws -> [UInt8]? {
    try Data.fetchOne(
      db.cachedStatement(sql: "SELECT bytes FROM entry WHERE idx = ?"),
      arguments: [Int64(index)]
    ).map { try unpacked(entry: $0, index) }
  }

  private func unpacked(entry packed: Data, _ index: UInt64) throws -> [UInt8] {
    guard let bytes = Packing.unpack(Array(packed)) else {
      throw RegistryFault.damagedEntry(index: index)
    }
    return bytes
  }

  /// Visits entries in order from an index on.
  package func entries(
    from first: UInt64, _ visit: (UInt64, [UInt8]) throws -> Void
  ) throws {
    let rows = try Row.fetchCursor(
      db.cachedStatement(sql: "SELECT idx, bytes FROM entry WHERE idx >= ? ORDER BY idx"),
      arguments: [Int64(first)])
    while let row = try rows.next() {
      let index = UInt64(max(0, Int64.fromDatabaseValue(row[0] as DatabaseValue) ?? 0))
      guard let bytes = Data.fromDatabaseValue(row[1] as DatabaseValue) else {
        throw RegistryFault.damagedEntry(index: index)
      }
      try visit(index, try unpacked(entry: bytes, index))
    }
  }

  /// Visits entries in order from one index up to, not including, another.
  package func entries(
    from first: UInt64, to end: UInt64, _ visit: (UInt64, [UInt8]) throws -> Void
  ) throws {
    let rows = try Row.fetchCursor(
      db.cachedStatement(
        sql: "SELECT idx, bytes FROM entry WHERE idx >= ? AND idx < ? ORDER BY idx"),
      arguments: [Int64(first), Int64(end)])
    while let row = try rows.next() {
      let index = UInt64(max(0, Int64.fromDatabaseValue(row[0] as DatabaseValue) ?? 0))
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
      .execute(arguments: [Int64(index), Data(Packing.pack(bytes))])
  }

  /// Changes an entry, as someone with the file in their hands could: for tests.
  package func overwrite(entry index: UInt64, with bytes: [UInt8]) throws {
    try db.execute(
      sql: "UPDATE entry SET bytes = ? WHERE idx = ?",
      arguments: [Data(Packing.pack(bytes)), Int64(index)])
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
    ).map { UInt64($0) }
  }

  /// The size of the backup that `countersign restore` put here, if it did.
  ///
  /// A mark for honest processes: who deletes it still meets the pins of everyone who saw more.
  package func restoreMark() throws -> UInt64? {
    try Int64.fetchOne(
      db.cachedStatement(sql: "SELECT kept FROM restoration ORDER BY kept DESC LIMIT 1")
    ).map { UInt64($0) }
  }

  /// Marks this file as put back from a backup.
  package func markRestored(kept: UInt64) throws {
    try db.execute(
      sql: "INSERT OR REPLACE INTO restoration (kept) VALUES (?)", arguments: [Int64(kept)])
  }

  package func tile(_ level: Int, _ index: UInt64) throws -> [Digest] {
    let blob = try Data.fetchOne(
      db.cachedStatement(sql: "SELECT hashes FROM tile WHERE level = ? AND idx = ?"),
      arguments: [level, Int64(index)])
    guard let blob, blob.count == 8192 else {
      throw RegistryFault.damaged(path: "tile \(level)/\(index)", reason: "it is missing")
    }
    return blob.withUnsafeBytes { Digest.list(in: $0) }
  }

  package func tileCount() throws -> Int {
    try Int.fetchOne(db, sql: "SELECT count(*) FROM tile") ?? 0
  }

  package func store(tile: Tile) throws {
    try db.cachedStatement(sql: "INSERT OR REPLACE INTO tile (level, idx, hashes) VALUES (?, ?, ?)")
      .execute(
        arguments: [tile.level, Int64(tile.index), Data(tile.hashes.flatMap(\.bytes))])
  }

  /// Keeps the newest checkpoint only: older ones are prefixes of it.
  package func store(checkpoint note: [UInt8], size: UInt64) throws {
    try db.cachedStatement(sql: "DELETE FROM checkpoint WHERE size < ?")
      .execute(arguments: [Int64(size)])
    try db.cachedStatement(sql: "INSERT OR REPLACE INTO checkpoint (size, note) VALUES (?, ?)")
      .execute(arguments: [Int64(size), Data(note)])
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
    ).map { UInt64($0) }
  }
}
