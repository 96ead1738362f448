import CanonicalJSON
import Decisions
import Foundation
import GRDB
import Keys
import Statements

/// The approval queue's groups: the open holds of one agent with the same action, resource, risk and
/// state, so that a flood of equal requests is one line however many there are.
///
/// A group is filed under the end of its first open hold, by receipt time. Time alone also ends
/// holds: each statement moves a bounded number of such groups on, and ``RegistryTransaction``'s
/// `holdGroups` reads those that are still behind for itself.
enum HoldQueue {
  /// Columns of a hold that only the queue reads, and the groups.
  static let schema = """
    ALTER TABLE hold ADD COLUMN grp BLOB;
    ALTER TABLE hold ADD COLUMN ends INTEGER;
    ALTER TABLE hold ADD COLUMN needs TEXT NOT NULL DEFAULT '';
    ALTER TABLE hold ADD COLUMN excluded TEXT NOT NULL DEFAULT '';
    CREATE INDEX hold_member ON hold (grp, ends, digest) WHERE ends IS NOT NULL;
    CREATE INDEX hold_end ON hold (ends, digest) WHERE ends IS NOT NULL;
    CREATE INDEX hold_arrival ON hold (agent, received);
    CREATE TABLE hold_group (
      id BLOB PRIMARY KEY, rank INTEGER NOT NULL, ends INTEGER NOT NULL, head BLOB NOT NULL)
      WITHOUT ROWID;
    CREATE INDEX hold_group_order ON hold_group (rank, ends, head);
    CREATE INDEX hold_group_end ON hold_group (ends, id);
    """

  /// How many groups one statement moves on: what an agent can make many of must not make the work
  /// under the append lock large.
  static let advancedAtOnce = 64

  /// What the queue reads of one hold.
  struct Facts {
    let group: Digest
    let rank: Int
    /// Until when it is open, as of its last entry; nil if it is not.
    let ends: Int64?
    /// ` group group `, or `*` where any approver fits; empty once it waits for nobody.
    let needs: String
    /// ` user:a user:b `.
    let excluded: String
  }

  /// Which place of the queue a hold belongs to: what waits for people first, the highest risk first.
  static func rank(_ risk: Risk, state: String) -> Int {
    let ordinal = Risk.allCases.firstIndex(of: risk) ?? 0
    return (state == "approved" ? Risk.allCases.count : 0) + Risk.allCases.count - 1 - ordinal
  }

  static func group(agent: String, name: String, uri: String, rank: Int) -> Digest {
    // A line feed stands in none of them but the action's name, which comes last.
    Digest.sha256(Array("\(rank)\n\(agent)\n\(uri)\n\(name)".utf8))
  }

  /// `terms`: Of a hold that still waits for people.
  static func facts(
    agent: String, name: String, uri: String, risk: Risk, state: String, ends: Int64?,
    terms: DecisionMade.Hold?
  ) -> Facts {
    let rank = rank(risk, state: state)
    var (needs, excluded) = ("", "")
    if state == "pending", let terms {
      let groups = terms.rule.quorum.flatMap(\.anyOf).map(\.text)
      needs =
        terms.rule.quorum.contains { $0.anyOf.isEmpty }
        ? "*" : " " + Array(Set(groups)).sorted().joined(separator: " ") + " "
      if !terms.rule.allowSelf, !terms.excluded.isEmpty {
        excluded = " " + terms.excluded.map(\.description).sorted().joined(separator: " ") + " "
      }
    }
    return Facts(
      group: group(agent: agent, name: name, uri: uri, rank: rank), rank: rank,
      ends: state == "pending" || state == "approved" ? ends : nil, needs: needs,
      excluded: excluded)
  }

  /// Files a group under its first hold that is open at an instant; one without any goes.
  static func refresh(_ group: Data, rank: Int, at now: Int64, _ db: Database) throws {
    let first = try Row.fetchOne(
      db.cachedStatement(
        sql: """
          SELECT ends, digest FROM hold WHERE grp = ? AND ends > ? ORDER BY ends, digest LIMIT 1
          """), arguments: [group, now])
    guard let first else {
      return try db.cachedStatement(sql: "DELETE FROM hold_group WHERE id = ?")
        .execute(arguments: [group])
    }
    try db.cachedStatement(sql: "INSERT OR REPLACE INTO hold_group VALUES (?, ?, ?, ?)").execute(
      arguments: [group, rank, first[0] as DatabaseValue, first[1] as DatabaseValue])
  }

  /// The same for a group that is there, under the rank it has.
  static func refresh(_ group: Data, at now: Int64, _ db: Database) throws {
    let known = try Int.fetchOne(
      db.cachedStatement(sql: "SELECT rank FROM hold_group WHERE id = ?"), arguments: [group])
    if let known { try refresh(group, rank: known, at: now, db) }
  }

  /// Moves groups on whose first hold has ended by an instant, those that ended first.
  static func advance(at now: Int64, _ db: Database) throws {
    let behind = try Row.fetchAll(
      db.cachedStatement(
        sql: """
          SELECT id, rank FROM hold_group WHERE ends <= ? ORDER BY ends, id LIMIT \(advancedAtOnce)
          """), arguments: [now])
    for row in behind { try refresh(row.total("id"), rank: row.total("rank"), at: now, db) }
  }

  /// Fills what a registry made before had not.
  static func fill(_ db: Database) throws {
    let holds = try Row.fetchAll(
      db,
      sql: """
        SELECT digest, idx, agent, name, uri, risk, state, expires, approved_until FROM hold
        """)
    var groups: [Data: Int] = [:]
    for row in holds {
      let state: String = row.total("state")
      let risk = Risk.allCases[max(0, min(Risk.allCases.count - 1, row.total("risk") as Int))]
      var terms: DecisionMade.Hold?
      if state == "pending",
        let bytes = try RegistryTransaction(db).entry(UInt64(row.total("idx") as Int64)),
        let entry = try? LogEntry(bytes: bytes),
        case .decisionMade(let made)? = try? StatementParts(
          payloadType: entry.envelope.payloadType, payload: entry.envelope.payload
        ).body
      {
        terms = made.hold
      }
      let facts = facts(
        agent: row.total("agent"), name: row.total("name"), uri: row.total("uri"), risk: risk,
        state: state,
        ends: row.total(state == "approved" ? "approved_until" : "expires") as Int64, terms: terms)
      try db.execute(
        sql: "UPDATE hold SET grp = ?, ends = ?, needs = ?, excluded = ? WHERE digest = ?",
        arguments: [
          facts.group.blob, facts.ends, facts.needs, facts.excluded, row.total("digest") as Data,
        ])
      if facts.ends != nil { groups[facts.group.blob] = facts.rank }
    }
    // Time is the last entry's, as in a replay of the log.
    let index = try Int64.fetchOne(db, sql: "SELECT max(idx) FROM entry").flatMap {
      UInt64(exactly: $0)
    }
    let last = try index.flatMap { try RegistryTransaction(db).entry($0) }.flatMap {
      try? LogEntry(bytes: $0)
    }
    for (group, rank) in groups {
      try refresh(group, rank: rank, at: last?.received.milliseconds ?? 0, db)
    }
  }
}
