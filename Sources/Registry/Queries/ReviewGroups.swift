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

  package let subject: Subject
  /// In the order of the log; all of them owed, or all completed alike.
  package private(set) var rows: [ReviewRow]

  package var id: Digest { subject.id }
  package var isOwed: Bool { rows.first?.completed == nil }
  package var first: UInt64 { rows.map(\.index).min() ?? 0 }
  package var last: UInt64 { rows.map(\.index).max() ?? 0 }

  init(_ subject: Subject, _ row: ReviewRow) {
    self.subject = subject
    rows = [row]
  }

  mutating func add(_ row: ReviewRow) { rows.append(row) }
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

  /// Reviews in groups, the oldest first; those completed stand in groups of their own.
  package func reviewGroups(all: Bool) throws -> [ReviewGroup] {
    try groups("WHERE :all OR r.completed IS NULL", ["all": all])
  }

  /// The group in which a statement's review stands, of those like it.
  package func reviewGroup(of subject: Digest) throws -> ReviewGroup? {
    try groups("WHERE r.subject = :subject", ["subject": subject.blob]).first
  }

  /// A group of reviews that are owed.
  package func reviewGroup(_ id: Digest) throws -> ReviewGroup? {
    try reviewGroups(all: false).first { $0.id == id }
  }

  /// How many groups of reviews are owed among the oldest so many reviews.
  package func owedGroupCount(among limit: Int) throws -> Int {
    try Int.fetchOne(
      db.cachedStatement(
        sql: """
          SELECT count(*) FROM (SELECT DISTINCT kind, who, name, uri, because FROM (
            \(RegistryTransaction.grouped) WHERE r.idx IN (
              SELECT idx FROM review WHERE completed IS NULL ORDER BY idx LIMIT :limit)
            AND r.completed IS NULL LIMIT :limit))
          """), arguments: ["limit": limit]) ?? 0
  }

  private func groups(_ condition: String, _ arguments: StatementArguments) throws -> [ReviewGroup]
  {
    let found = try Row.fetchAll(
      db, sql: "\(RegistryTransaction.grouped) \(condition) ORDER BY r.idx, r.subject",
      arguments: arguments)
    var groups: [ReviewGroup] = []
    var places: [[String]: Int] = [:]
    for row in found {
      let review = ReviewRow(row)
      let subject = ReviewGroup.Subject(
        kind: review.kind, who: review.who, action: row.total("name"), resource: row.total("uri"),
        because: review.because)
      let key = [
        subject.id.hex, review.outcome ?? "", review.reviewer ?? "",
        review.completed.map(\.text) ?? "",
      ]
      if let place = places[key] {
        groups[place].add(review)
      } else {
        places[key] = groups.count
        groups.append(ReviewGroup(subject, review))
      }
    }
    return groups
  }
}
