import GRDB
package import Keys
package import Statements

/// A handover note.
package struct NoteRow: Sendable, Hashable {
  package let who: String
  package let at: Timestamp
  package let text: String
}

// What daemons and consoles tell each other beside the log: unsigned, read by no decision, and
// nothing that a person signs rests on it.
extension RegistryTransaction {
  /// Notes that an agent waits for a hold, or has asked for it.
  package func note(presence hold: Digest, waits: Bool, at now: Timestamp) throws {
    try db.cachedStatement(
      sql: """
        INSERT INTO ui_presence VALUES (?, ?, ?)
        ON CONFLICT (hold) DO UPDATE SET waits = excluded.waits, asked = excluded.asked
        """
    ).execute(arguments: [hold.blob, waits, now.milliseconds])
  }

  /// Whether the agent waits, and when it was last heard of.
  package func presence(of hold: Digest) throws -> (waits: Bool, asked: Timestamp)? {
    guard try hasSurroundings else { return nil }
    return try Row.fetchOne(
      db.cachedStatement(sql: "SELECT * FROM ui_presence WHERE hold = ?"), arguments: [hold.blob]
    ).map { ($0.total("waits"), $0.time("asked") ?? Row.epoch) }
  }

  /// Notes that somebody looks at a hold.
  package func note(claim hold: Digest, by who: String, at now: Timestamp) throws {
    try db.execute(
      sql: "INSERT OR REPLACE INTO ui_claim VALUES (?, ?, ?)",
      arguments: [hold.blob, who, now.milliseconds])
    // Claims say who looks now; older ones say nothing.
    try db.execute(
      sql: "DELETE FROM ui_claim WHERE at < ?", arguments: [now.milliseconds - 86_400_000])
    try db.execute(
      sql: "DELETE FROM ui_presence WHERE asked < ?", arguments: [now.milliseconds - 7 * 86_400_000]
    )
  }

  package func claims(of hold: Digest) throws -> [(who: String, at: Timestamp)] {
    guard try hasSurroundings else { return [] }
    return try Row.fetchAll(
      db, sql: "SELECT who, at FROM ui_claim WHERE hold = ? ORDER BY at DESC LIMIT 8",
      arguments: [hold.blob]
    ).map { ($0.total("who"), $0.time("at") ?? Row.epoch) }
  }

  package func note(handover text: String, by who: String, at now: Timestamp) throws {
    try db.execute(
      sql: "INSERT INTO ui_note (who, at, text) VALUES (?, ?, ?)",
      arguments: [who, now.milliseconds, text])
  }

  /// The newest handover notes first.
  package func notes(limit: Int) throws -> [NoteRow] {
    guard try hasSurroundings else { return [] }
    return try Row.fetchAll(db, sql: "SELECT * FROM ui_note ORDER BY id DESC LIMIT \(limit)").map {
      NoteRow(who: $0.total("who"), at: $0.time("at") ?? Row.epoch, text: $0.total("text"))
    }
  }

  /// A file that was opened for reading only may not have the tables yet.
  private var hasSurroundings: Bool { get throws { try db.tableExists("ui_presence") } }
}
