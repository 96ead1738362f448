import CanonicalJSON
import GRDB
package import Keys
package import Statements

/// Whether an agent waits for a hold, and when it was last heard of.
package struct AgentPresence: Sendable, Hashable {
  package let waits: Bool
  /// When it last asked for the hold.
  package let asked: Timestamp
  /// When it last asked for the hold or signed another action.
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

  /// Whether the agent of a hold waits for it, when it last asked for it, and when it last acted at all.
  ///
  /// Only actions signed by the agent's own keys count: anybody can name an agent in an action that is then
  /// denied.
  package func presence(of hold: Digest) throws -> AgentPresence? {
    guard try hasSurroundings else { return nil }
    let found = try Row.fetchOne(
      db.cachedStatement(
        sql: """
          SELECT p.waits, p.asked, h.agent FROM ui_presence p LEFT JOIN hold h ON h.digest = p.hold
          WHERE p.hold = ?
          """), arguments: [hold.blob])
    guard let found else { return nil }
    let asked = found.time("asked") ?? Row.epoch
    let acted = try Principal(.init(found.total("agent"))).flatMap { try lastAction(of: $0) }
    return AgentPresence(
      waits: found.total("waits"), asked: asked, seen: max(asked, acted ?? asked))
  }

  /// When one of the agent's newest keys last signed an action.
  private func lastAction(of agent: Principal) throws -> Timestamp? {
    let keys = try Row.fetchAll(
      db.cachedStatement(
        sql: """
          SELECT fingerprint, revoked FROM key WHERE holder = ?
          ORDER BY received DESC LIMIT \(RegistryTransaction.keysLookedAt)
          """), arguments: [agent.description])
    return try keys.compactMap { row -> Timestamp? in
      guard let key = row.digest("fingerprint"), row.time("revoked") == nil,
        case .at(let time) = try lastUse(of: Fingerprint(digest: key), by: agent)
      else { return nil }
      return time
    }.max()
  }

  private static let keysLookedAt = 8

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
