import Foundation
import GRDB
package import Keys
package import Statements

/// When a key was last used.
package enum KeyUse: Sendable, Hashable {
  case never
  case at(Timestamp)
}

/// The table `key_use`: when each operator's key last signed a statement that was admitted, alone or with
/// others.
///
/// It is written with each statement, since no index leads from a key to what it signed. Like every derived
/// table it is compared with the log, and no decision reads it.
enum KeyUseTable {
  static let schema = """
    CREATE TABLE key_use (key BLOB PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
    """

  static func note(_ keys: [Fingerprint], at milliseconds: Int64, _ db: Database) throws {
    for key in keys {
      try db.cachedStatement(
        sql: "INSERT INTO key_use VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET at = excluded.at"
      ).execute(arguments: [key.digest.blob, milliseconds])
    }
  }

  /// Fills the table of a registry that was made before there was one.
  static func fill(_ db: Database) throws {
    let operators = Set(
      try Data.fetchAll(db, sql: "SELECT fingerprint FROM key WHERE holder LIKE 'user:%'"))
    var last: [Data: Int64] = [:]
    let cursor = try Row.fetchCursor(db, sql: "SELECT bytes FROM entry ORDER BY idx")
    while let row = try cursor.next() {
      // What cannot be read was not admitted either.
      guard let bytes = Packing.unpack(Array(row.total("bytes") as Data)),
        let entry = try? LogEntry(bytes: bytes)
      else { continue }
      for signature in entry.envelope.signatures where operators.contains(signature.key.digest.blob)
      {
        last[signature.key.digest.blob] = entry.received.milliseconds
      }
    }
    for (key, at) in last {
      try db.execute(sql: "INSERT INTO key_use VALUES (?, ?)", arguments: [key, at])
    }
  }
}

extension RegistryTransaction {
  /// When a key was last used: an agent's for an action that was logged, an operator's for a statement, a
  /// service's for a decision.
  ///
  /// - Complexity: Bounded, however much is on record.
  package func lastUse(of key: Fingerprint, by holder: Principal) throws -> KeyUse {
    switch holder.kind {
    case .agent:
      return try Int64.fetchOne(
        db.cachedStatement(sql: "SELECT max(received) FROM decision WHERE key = ?"),
        arguments: [key.marker]
      ).map { .at(Timestamp(milliseconds: $0)) } ?? .never
    case .user:
      // A file that was opened for reading only may not have the table yet.
      guard try db.tableExists("key_use") else { return .never }
      return try Int64.fetchOne(
        db.cachedStatement(sql: "SELECT at FROM key_use WHERE key = ?"),
        arguments: [key.digest.blob]
      ).map { .at(Timestamp(milliseconds: $0)) } ?? .never
    case .service:
      guard try db.tableExists("ui_service") else { return .never }
      // A service has one key a host; what it last decided there it says itself.
      return try Int64.fetchOne(
        db.cachedStatement(
          sql: """
            SELECT max(u.decided) FROM ui_service u JOIN service s ON s.principal = u.service
            WHERE s.key = ? AND (u.host = s.host
              OR (SELECT count(*) FROM service o WHERE o.principal = s.principal) = 1)
            """), arguments: [key.digest.blob]
      ).map { .at(Timestamp(milliseconds: $0)) } ?? .never
    }
  }
}
