import GRDB
package import Keys
package import Statements

/// Whether an agent waits for a hold, and when it was last heard of.
package struct AgentPresence: Sendable, Hashable {
  package let waits: Bool
  /// When it last asked for the hold.
  package let asked: Timestamp
  /// When it last asked for this, or had any action of its decided.
  package let seen: Timestamp
}

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

  /// Whether the agent of a hold waits for it, when it last asked for it, and when it was last heard of
  /// at all.
  package func presence(of hold: Digest) throws -> AgentPresence? {
    guard try hasSurroundings else { return nil }
    return try Row.fetchOne(
      db.cachedStatement(
        sql: """
          SELECT p.waits AS waits, p.asked AS asked, max(p.asked, coalesce(
            (SELECT d.received FROM decision d WHERE d.agent = h.agent ORDER BY d.idx DESC LIMIT 1),
            0)) AS seen
          FROM ui_presence p LEFT JOIN hold h ON h.digest = p.hold WHERE p.hold = ?
          """), arguments: [hold.blob]
    ).map {
      AgentPresence(
        waits: $0.total("waits"), asked: $0.time("asked") ?? Row.epoch,
        seen: $0.time("seen") ?? Row.epoch)
    }
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
