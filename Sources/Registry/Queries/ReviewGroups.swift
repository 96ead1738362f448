import CanonicalJSON
import GRDB
package import Keys
import Statements

/// Reviews that are looked at together: what one signer did of one kind, to one resource, for one
/// reason.
package struct ReviewGroup: Sendable, Hashable {
  /// What kind of statement, whose, which action on which resource, and why it is to be reviewed.
  package struct Subject: Sendable, Hashable {
    /// `action`, `grant`, `vote`, `key` or `broken_glass`.
    package let kind: String
    package let who: String
    /// Empty where there is none.
    package let action: String
    package let resource: String
    package let because: String

    /// Names the group on every screen and command line; the same for as long as it lasts.
    package var id: Digest {
      let parts: JSONValue = [
        JSONValue(kind), JSONValue(who), JSONValue(action), JSONValue(resource),
        JSONValue(because),
      ]
      return Digest.sha256(parts.exactBytes)
    }
  }

  /// How many reviews that are due are read at once, and as many completed ones.
  ///
  /// A compromised key may have signed any number of actions. The oldest come first; the others follow when
  /// these are completed.
  package static let readAtOnce = 5_000

  package let subject: Subject
  /// At least one, in the order of the log; all of them due, or all completed alike.
  package private(set) var rows: [ReviewRow]
  /// Whether there may be more rows than were read.
  package let hasMore: Bool

  package var id: Digest { subject.id }
  package var isOwed: Bool { rows.first?.completed == nil }
  package var first: UInt64 { rows.map(\.index).min() ?? 0 }
  package var last: UInt64 { rows.map(\.index).max() ?? 0 }
  /// How many there are: `12`, or `5000+` where there may be more than were read.
  package var count: String { "\(rows.count)\(hasMore ? "+" : "")" }

  init(_ subject: Subject, _ row: ReviewRow, hasMore: Bool) {
    self.subject = subject
    rows = [row]
    self.hasMore = hasMore
  }

  mutating func add(_ row: ReviewRow) { rows.append(row) }
}

/// Rows of reviews as they are read, before they are grouped.
private struct ReviewRows {
  struct Found {
    let row: ReviewRow
    let subject: ReviewGroup.Subject
  }

  var found: [Found] = []
  /// The kinds and reasons of which only a part of the rows was read.
  var cut: Set<[String]> = []

  mutating func add(_ rows: [Row], limit: Int) {
    for row in rows.prefix(limit) {
      let review = ReviewRow(row)
      found.append(
        Found(
          row: review,
          subject: ReviewGroup.Subject(
            kind: review.kind, who: review.who, action: row.total("name"),
            resource: row.total("uri"), because: review.because)))
    }
    if rows.count > limit {
      for row in rows { cut.insert([row.total("kind"), row.total("because")]) }
    }
  }

  /// In the order of the log.
  func grouped() -> [ReviewGroup] {
    struct Key: Hashable {
      let subject: ReviewGroup.Subject
      let completed: Timestamp?
      let outcome: String?
      let reviewer: String?
    }
    var groups: [ReviewGroup] = []
    var places: [Key: Int] = [:]
    let ordered = found.sorted { ($0.row.index, $0.row.subject) < ($1.row.index, $1.row.subject) }
    for (row, subject) in ordered.map({ ($0.row, $0.subject) }) {
      let key = Key(
        subject: subject, completed: row.completed, outcome: row.outcome, reviewer: row.reviewer)
      if let place = places[key] {
        groups[place].add(row)
      } else {
        places[key] = groups.count
        groups.append(
          ReviewGroup(
            subject, row,
            hasMore: row.completed == nil && cut.contains([subject.kind, subject.because])))
      }
    }
    return groups
  }
}

extension RegistryTransaction {
  private static let grouped = """
    SELECT r.*, coalesce(d.name, h.name, '') AS name, coalesce(d.uri, h.uri, g.capabilities, '') AS uri
    FROM review r
    LEFT JOIN decision d ON r.kind = 'action' AND d.idx = r.idx
    LEFT JOIN vote v ON r.kind IN ('vote', 'broken_glass') AND v.digest = r.subject
    LEFT JOIN hold h ON h.digest = v.hold
    LEFT JOIN grant_link g ON r.kind = 'grant' AND g.digest = r.subject
    """

  /// What a statement says in few words, by the kind of its review.
  private static func words(_ kind: String) -> (name: String, uri: String, join: String) {
    switch kind {
    case "action": ("s.name", "s.uri", "")
    case "vote":
      (
        "coalesce(h.name, '')", "coalesce(h.uri, '')", "LEFT JOIN hold h ON h.digest = s.hold"
      )
    default: ("''", "s.capabilities", "")
    }
  }

  /// Reviews in groups, the oldest first; those completed stand in groups of their own.
  ///
  /// At most ``ReviewGroup/readAtOnce`` of each are read.
  package func reviewGroups(all: Bool) throws -> [ReviewGroup] {
    var rows = try due(among: ReviewGroup.readAtOnce)
    if all {
      let limit = ReviewGroup.readAtOnce
      rows.add(
        try Row.fetchAll(
          db.cachedStatement(
            sql: """
              \(RegistryTransaction.grouped) WHERE r.completed IS NOT NULL
              ORDER BY r.received DESC, r.subject LIMIT \(limit)
              """)), limit: limit)
    }
    return rows.grouped()
  }

  /// The review of one statement, as a group of its own.
  package func reviewGroup(of subject: Digest) throws -> ReviewGroup? {
    var rows = ReviewRows()
    rows.add(
      try Row.fetchAll(
        db.cachedStatement(sql: "\(RegistryTransaction.grouped) WHERE r.subject = ?"),
        arguments: [subject.blob]), limit: 1)
    if rows.found.isEmpty {
      rows.found = try due(among: ReviewGroup.readAtOnce).found.filter {
        $0.row.subject == subject
      }
    }
    return rows.grouped().first
  }

  /// A group of reviews that are due.
  package func reviewGroup(_ id: Digest) throws -> ReviewGroup? {
    try reviewGroups(all: false).first { $0.id == id }
  }

  /// The reviews that are due among the oldest, or all of them that are read at once.
  package func reviews(all: Bool) throws -> [ReviewRow] {
    try reviewGroups(all: all).flatMap(\.rows)
      .sorted { ($0.received, $0.subject) < ($1.received, $1.subject) }
  }

  /// The groups of reviews that are due among so many reviews, shared among the compromised keys.
  package func dueReviews(among limit: Int) throws -> [ReviewGroup] {
    try due(among: limit).grouped()
  }

  /// Reviews that are due: of what stands in the table, and of what compromised keys signed.
  private func due(among limit: Int) throws -> ReviewRows {
    var rows = ReviewRows()
    rows.add(
      try Row.fetchAll(
        db.cachedStatement(
          sql: """
            \(RegistryTransaction.grouped) WHERE r.completed IS NULL ORDER BY r.idx LIMIT ?
            """), arguments: [limit + 1]), limit: limit)
    // A file that was opened for reading only may not have the table yet.
    guard try db.tableExists("compromised_key") else { return rows }
    let keys = try Row.fetchAll(
      db.cachedStatement(
        sql: """
          SELECT * FROM compromised_key WHERE is_open = 1 ORDER BY revocation LIMIT ?
          """), arguments: [limit])
    guard !keys.isEmpty else { return rows }
    // Each key has its share: one that signed much hides none of the others.
    let share = max(16, limit / keys.count)
    for key in keys {
      for source in CompromisedKeys.sources {
        let words = RegistryTransaction.words(source.kind)
        rows.add(
          try Row.fetchAll(
            db.cachedStatement(
              sql: """
                SELECT s.digest AS subject, s.idx AS idx, '\(source.kind)' AS kind,
                  s.\(source.who) AS who, s.received AS received, NULL AS completed,
                  NULL AS outcome, NULL AS reviewer, :because AS because,
                  \(words.name) AS name, \(words.uri) AS uri
                FROM \(source.table) s \(words.join)
                WHERE s.\(source.key.row) = :key AND s.received >= :since AND s.idx < :revocation
                  AND NOT EXISTS (SELECT 1 FROM review r WHERE r.subject = s.digest)
                ORDER BY s.received LIMIT :limit
                """),
            arguments: [
              "because": key["because"] as DatabaseValue,
              "key": key[source.key.compromised] as DatabaseValue,
              "since": key["since"] as DatabaseValue,
              "revocation": key["revocation"] as DatabaseValue, "limit": share + 1,
            ]), limit: share)
      }
    }
    return rows
  }
}
