import Approvals
import CanonicalJSON
package import Decisions
import Delegations
import Foundation
import GRDB
package import Keys
package import Statements

/// Derives the tables that lists and searches read from admitted statements.
///
/// No decision, admission or signature rests on them.
package enum Projection {
  static let schema = """
    CREATE TABLE operator (
      principal TEXT PRIMARY KEY, key BLOB NOT NULL, roles TEXT NOT NULL, groups TEXT NOT NULL,
      may_grant TEXT NOT NULL, received INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE service (
      key BLOB PRIMARY KEY, principal TEXT NOT NULL, host TEXT NOT NULL,
      received INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE agent (
      principal TEXT PRIMARY KEY, owner TEXT NOT NULL, roles TEXT NOT NULL,
      attributes TEXT NOT NULL, received INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE key (
      fingerprint BLOB PRIMARY KEY, idx INTEGER NOT NULL, statement BLOB NOT NULL,
      public BLOB NOT NULL, holder TEXT NOT NULL, enrolled_by TEXT NOT NULL, enrolling_key BLOB,
      predecessor BLOB, received INTEGER NOT NULL, not_before INTEGER,
      not_after INTEGER, tainted INTEGER, revoked INTEGER, reason TEXT) WITHOUT ROWID;
    CREATE INDEX key_holder ON key (holder);
    CREATE TABLE key_request (
      digest BLOB PRIMARY KEY, idx INTEGER NOT NULL, holder TEXT NOT NULL, key BLOB NOT NULL, replaces BLOB,
      note TEXT NOT NULL, received INTEGER NOT NULL, ended INTEGER) WITHOUT ROWID;
    CREATE TABLE grant_link (
      digest BLOB PRIMARY KEY, idx INTEGER NOT NULL, issuer TEXT NOT NULL, key BLOB NOT NULL, holder TEXT NOT NULL,
      parent BLOB, capabilities TEXT NOT NULL, limits TEXT NOT NULL, received INTEGER NOT NULL,
      revoked INTEGER) WITHOUT ROWID;
    CREATE INDEX grant_parent ON grant_link (parent);
    CREATE INDEX grant_holder ON grant_link (holder);
    CREATE TABLE resource (
      pattern TEXT PRIMARY KEY, type TEXT NOT NULL, env TEXT, attributes TEXT NOT NULL,
      received INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE policy (
      digest BLOB PRIMARY KEY, idx INTEGER NOT NULL, name TEXT NOT NULL, version INTEGER NOT NULL,
      publisher TEXT NOT NULL, received INTEGER NOT NULL, active INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE lock (
      digest BLOB PRIMARY KEY, target TEXT NOT NULL, reason TEXT NOT NULL, until INTEGER,
      placer TEXT NOT NULL, received INTEGER NOT NULL, lifted INTEGER) WITHOUT ROWID;
    CREATE TABLE proposal (
      digest BLOB PRIMARY KEY, type TEXT NOT NULL, opener TEXT NOT NULL, subject TEXT NOT NULL,
      signers TEXT NOT NULL, expires INTEGER NOT NULL, received INTEGER NOT NULL, ended INTEGER,
      end TEXT) WITHOUT ROWID;
    CREATE TABLE decision (
      idx INTEGER PRIMARY KEY, digest BLOB NOT NULL, action BLOB NOT NULL, key INTEGER NOT NULL,
      agent TEXT NOT NULL, name TEXT NOT NULL, uri TEXT NOT NULL, verdict TEXT NOT NULL,
      code TEXT NOT NULL, rule TEXT NOT NULL, received INTEGER NOT NULL, releases BLOB);
    CREATE INDEX decision_action ON decision (substr(action, 1, 8));
    CREATE INDEX decision_agent ON decision (agent, idx);
    CREATE TABLE hold (
      digest BLOB PRIMARY KEY, idx INTEGER NOT NULL, action BLOB NOT NULL, agent TEXT NOT NULL,
      name TEXT NOT NULL, uri TEXT NOT NULL, risk INTEGER NOT NULL, received INTEGER NOT NULL,
      expires INTEGER NOT NULL, places INTEGER NOT NULL, approvals INTEGER NOT NULL,
      state TEXT NOT NULL, approved_until INTEGER) WITHOUT ROWID;
    CREATE INDEX hold_state ON hold (state, expires);
    CREATE TABLE vote (
      digest BLOB PRIMARY KEY, idx INTEGER NOT NULL, hold BLOB NOT NULL, voter TEXT NOT NULL,
      key BLOB NOT NULL, vote TEXT NOT NULL, reason TEXT NOT NULL, received INTEGER NOT NULL,
      withdrawn INTEGER) WITHOUT ROWID;
    CREATE INDEX vote_hold ON vote (hold);
    CREATE TABLE review (
      subject BLOB PRIMARY KEY, idx INTEGER NOT NULL, kind TEXT NOT NULL, who TEXT NOT NULL,
      received INTEGER NOT NULL, completed INTEGER, outcome TEXT, reviewer TEXT, note TEXT,
      because TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE roster (idx INTEGER PRIMARY KEY, proposal BLOB, type TEXT NOT NULL);
    CREATE TABLE outcome (
      action BLOB PRIMARY KEY, outcome TEXT NOT NULL, detail TEXT NOT NULL,
      received INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE erasure (
      action BLOB PRIMARY KEY, idx INTEGER NOT NULL, reason TEXT NOT NULL,
      received INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE refusal (
      idx INTEGER PRIMARY KEY, service TEXT NOT NULL, since INTEGER NOT NULL, counts TEXT NOT NULL);
    """

  /// Every derived table with its key column.
  static let tables = [
    ("operator", "principal"), ("service", "key"), ("agent", "principal"),
    ("agent_text", "block"),
    ("key", "fingerprint"), ("key_use", "key"), ("key_request", "digest"), ("grant_link", "digest"),
    ("resource", "pattern"), ("policy", "digest"), ("lock", "digest"), ("proposal", "digest"),
    ("decision", "idx"), ("hold", "digest"), ("hold_group", "id"), ("vote", "digest"),
    ("review", "subject"), ("compromised_key", "key"),
    ("roster", "idx"),
    ("outcome", "action"), ("erasure", "action"), ("refusal", "idx"),
  ]

  /// Applies what one admitted statement changed.
  package static func apply(
    _ changes: [Change], of statement: VerifiedStatement, at index: UInt64, received: Timestamp,
    state: AuthorityState, bodies: @escaping (Digest) -> [UInt8]?,
    in transaction: RegistryTransaction
  ) throws {
    let writer = ProjectionWriter(
      db: transaction.db, index: index.sql, received: received.milliseconds,
      statement: statement, state: state, bodies: bodies)
    for change in changes {
      switch change {
      case .enacted(let body): try writer.write(body)
      case .hold(let digest): try writer.write(hold: digest)
      case .proposalSigned(let digest):
        try writer.execute(
          "UPDATE proposal SET signers = signers || ' ' || ? WHERE digest = ?",
          [statement.header.signer.description, digest.blob])
      case .proposalEnded(let digest):
        let end = if case .proposalRejected = statement.body { "rejected" } else { "in effect" }
        try writer.execute(
          "UPDATE proposal SET ended = ?, end = ? WHERE digest = ?",
          [writer.received, end, digest.blob])
      }
    }
    try KeyUseTable.note(
      statement.signers.filter { state.keys[$0]?.holder.kind == .user }, at: writer.received,
      writer.db)
    try HoldQueue.advance(at: writer.received, writer.db)
  }

  /// Compares the tables, indexes and triggers of two registries, and the migrations they had.
  package static func schemaDifference(
    _ live: RegistryTransaction, _ rebuilt: RegistryTransaction
  ) throws -> String? {
    let sql =
      """
      SELECT type || ' ' || name || ': ' || coalesce(sql, '') FROM sqlite_master
      WHERE tbl_name <> 'ui_progress' ORDER BY 1
      """
    let migrations = "SELECT 'migration ' || identifier FROM grdb_migrations ORDER BY 1"
    for query in [sql, migrations] {
      let left = Set(try String.fetchAll(live.db, sql: query))
      let right = Set(try String.fetchAll(rebuilt.db, sql: query))
      if let extra = left.subtracting(right).min() {
        return "the file has what no registry has: \(extra.prefix(80))"
      }
      if let missing = right.subtracting(left).min() {
        return "the file lacks what every registry has: \(missing.prefix(80))"
      }
    }
    return nil
  }

  /// Compares the derived tables of two registries.
  ///
  /// - Returns: The first row that differs, in words, or nil.
  package static func firstDifference(
    _ live: RegistryTransaction, _ rebuilt: RegistryTransaction
  ) throws -> String? {
    for (table, key) in tables {
      let sql = "SELECT * FROM \(table) ORDER BY \(key)"
      let left = try Row.fetchCursor(live.db, sql: sql)
      let right = try Row.fetchCursor(rebuilt.db, sql: sql)
      while true {
        let (a, b) = (try left.next()?.copy(), try right.next()?.copy())
        if a == nil, b == nil { break }
        if a == b { continue }
        let shown = (a ?? b)?[key].databaseValue ?? .null
        let name =
          switch shown.storage {
          case .blob(let data): Hexadecimal.text(of: data)
          case .string(let text): text
          case .int64(let number): "\(number)"
          default: "\(shown)"
          }
        guard let a, let b else {
          return "table \(table), row \(name): "
            + (a == nil
              ? "the log calls for it, and it is missing" : "nothing in the log calls for it")
        }
        let column = a.columnNames.first { a[$0].databaseValue != b[$0].databaseValue } ?? "?"
        return "table \(table), row \(name), column \(column): it is \(a[column].databaseValue), "
          + "and the log says \(b[column].databaseValue)"
      }
    }
    return nil
  }
}

extension Row {
  fileprivate subscript(_ name: String) -> any DatabaseValueConvertible {
    self[name] as DatabaseValue
  }
}

extension Digest {
  var blob: Data { Data(bytes) }
}

extension Sequence<ByteString> {
  var listed: String { map(\.text).joined(separator: " ") }
}

extension JSONValue {
  var text: String { exactText }
}
