import CanonicalJSON
import Foundation
import GRDB
import Keys
import Statements

/// The table `compromised_key`: the compromised keys whose statements must be reviewed.
///
/// A stolen key may have signed any number of actions. Its revocation is applied under the append lock, so
/// it writes one row here and none for each statement; ``RegistryTransaction``'s `reviewGroups` finds the
/// statements by the key. The table `review` holds the completed reviews of such statements, and all reviews
/// of other kinds.
enum CompromisedKeys {
  static let schema = """
    CREATE TABLE compromised_key (
      key BLOB PRIMARY KEY, marker INTEGER NOT NULL, because TEXT NOT NULL,
      since INTEGER NOT NULL, revocation INTEGER NOT NULL, is_open INTEGER NOT NULL)
      WITHOUT ROWID;
    CREATE INDEX compromised_key_open ON compromised_key (revocation) WHERE is_open = 1;
    CREATE INDEX compromised_key_marker ON compromised_key (marker);
    CREATE INDEX decision_key ON decision (key, received);
    CREATE INDEX grant_key ON grant_link (key, received);
    CREATE INDEX vote_key ON vote (key, received);
    """

  /// A table of statements that is searched for those of a compromised key.
  struct Source {
    /// The kind of the review.
    let kind: String
    let table: String
    /// The column with the principal whose statement the row is.
    let who: String
    /// The columns of the key in `table` and in `compromised_key`.
    let key: (row: String, compromised: String)
    /// The condition that selects one row: `:subject` is the statement's digest, `:idx` its log entry.
    let row: String
  }

  static let sources = [
    Source(
      kind: "action", table: "decision", who: "agent", key: ("key", "marker"),
      row: "s.idx = :idx AND s.digest = :subject"),
    Source(
      kind: "grant", table: "grant_link", who: "holder", key: ("key", "key"),
      row: "s.digest = :subject AND s.idx = :idx"),
    Source(
      kind: "vote", table: "vote", who: "voter", key: ("key", "key"),
      row: "s.digest = :subject AND s.idx = :idx"),
  ]

  /// How many statements of each kind one entry of the log examines at most, for all keys together.
  ///
  /// They are examined, under the append lock, to find the first that is not reviewed.
  static let examinedAtOnce = 2048

  /// Records that a key was compromised, as the entry `revocation` of the log says.
  static func note(
    _ key: Fingerprint, since: Timestamp?, revocation: Int64, _ db: Database
  ) throws {
    try insert(key, since: since, revocation: revocation, db)
    try advance(key.digest.blob, db)
  }

  private static func insert(
    _ key: Fingerprint, since: Timestamp?, revocation: Int64, _ db: Database
  ) throws {
    try db.cachedStatement(
      sql: """
        INSERT INTO compromised_key VALUES (?, ?, ?, ?, ?, 1) ON CONFLICT (key) DO UPDATE
        SET since = iif(is_open, min(since, excluded.since), excluded.since),
          revocation = excluded.revocation, is_open = 1
        """
    ).execute(arguments: [
      key.digest.blob, key.marker, "\(key)", since?.milliseconds ?? Int64.min, revocation,
    ])
  }

  /// Records the completed review of a statement.
  ///
  /// - Returns: The compromised key that had signed the statement, or nil if none had.
  static func complete(
    _ subject: ReviewCompleted.Subject, at received: Int64, _ outcome: String, by reviewer: String,
    note: String, _ db: Database
  ) throws -> Data? {
    guard let index = subject.index else { return nil }
    for source in sources {
      let found = try Row.fetchOne(
        db.cachedStatement(
          sql: """
            SELECT s.\(source.who) AS who, s.received AS received, c.key AS key, c.because AS because
            FROM \(source.table) s
            JOIN compromised_key c ON c.\(source.key.compromised) = s.\(source.key.row)
            WHERE \(source.row) LIMIT 1
            """), arguments: ["idx": index, "subject": subject.digest.blob])
      guard let found else { continue }
      try db.cachedStatement(
        sql: "INSERT OR IGNORE INTO review VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
      ).execute(arguments: [
        subject.digest.blob, index, source.kind, found["who"] as DatabaseValue,
        found["received"] as DatabaseValue, received, outcome, reviewer, note,
        found["because"] as DatabaseValue,
      ])
      return found.total("key") as Data
    }
    return nil
  }

  /// Moves the row's `since` to the key's first statement that is not reviewed, and closes the row if there
  /// is none.
  ///
  /// `keys`: For how many keys the same entry of the log does this.
  static func advance(_ key: Data, among keys: Int = 1, _ db: Database) throws {
    guard
      let compromised = try Row.fetchOne(
        db.cachedStatement(sql: "SELECT * FROM compromised_key WHERE key = ? AND is_open = 1"),
        arguments: [key])
    else { return }
    let limit = max(8, examinedAtOnce / max(1, keys))
    var first: Int64?
    for source in sources {
      let rows = try Row.fetchCursor(
        db.cachedStatement(
          sql: """
            SELECT s.received, EXISTS (SELECT 1 FROM review r WHERE r.subject = s.digest) AS reviewed
            FROM \(source.table) s
            WHERE s.\(source.key.row) = :key AND s.received >= :since AND s.idx < :revocation
            ORDER BY s.received LIMIT :limit
            """),
        arguments: [
          "limit": limit,
          "key": compromised[source.key.compromised] as DatabaseValue,
          "since": compromised["since"] as DatabaseValue,
          "revocation": compromised["revocation"] as DatabaseValue,
        ])
      var (examined, reached): (Int, Int64?) = (0, nil)
      while let row = try rows.next() {
        examined += 1
        reached = row.total("received")
        if row.total("reviewed") == 0 { break }
        // Of the last one that may be examined it is not known whether others follow.
        if examined < limit { reached = nil }
      }
      if let reached { first = min(first ?? reached, reached) }
    }
    try db.cachedStatement(
      sql: "UPDATE compromised_key SET since = ?, is_open = ? WHERE key = ?"
    ).execute(arguments: [first ?? 0, first == nil ? 0 : 1, key])
  }

  /// Fills the table of a registry that was made before it, whose due reviews were rows of `review`.
  ///
  /// Due reviews of a key whose revocation is not found stay rows of `review`: none is lost.
  static func fill(_ db: Database) throws {
    let keys = try Row.fetchAll(
      db, sql: "SELECT fingerprint, revoked FROM key WHERE reason = 'compromised'")
    for row in keys {
      guard let digest = row.digest("fingerprint"), let revoked = row.time("revoked") else {
        continue
      }
      let key = Fingerprint(digest: digest)
      let since = try Int64.fetchOne(
        db, sql: "SELECT min(received) FROM review WHERE because = ? AND kind <> 'key'",
        arguments: ["\(key)"])
      guard let revocation = try index(ofRevocation: key, at: revoked, db) else { continue }
      try insert(
        key, since: since.map { Timestamp(milliseconds: $0) } ?? revoked, revocation: revocation, db
      )
    }
    try db.execute(
      sql: """
        DELETE FROM review WHERE completed IS NULL AND kind IN ('action', 'grant', 'vote')
          AND because IN (SELECT because FROM compromised_key)
        """)
    for row in keys {
      guard let key = row.digest("fingerprint")?.blob else { continue }
      var before: Row?
      while true {
        try advance(key, db)
        let now = try Row.fetchOne(
          db, sql: "SELECT since, is_open FROM compromised_key WHERE key = ?", arguments: [key])
        if now == before { break }
        before = now
      }
    }
  }

  /// The entry that revoked a key, or completed the proposal to do so.
  private static func index(
    ofRevocation key: Fingerprint, at instant: Timestamp, _ db: Database
  ) throws -> Int64? {
    let log = RegistryTransaction(db)
    func entry(_ index: Int64) throws -> LogEntry? {
      try log.entry(UInt64(index)).flatMap { try? LogEntry(bytes: $0) }
    }
    var low: Int64 = 0
    var high = max(0, try Int64.fetchOne(db, sql: "SELECT max(idx) FROM entry") ?? 0)
    while low < high {
      let middle = low + (high - low) / 2
      if let received = try entry(middle)?.received, received < instant {
        low = middle + 1
      } else {
        high = middle
      }
    }
    var found: Int64?
    while low < Int64.max, let next = try entry(low), next.received == instant {
      let parts = try? StatementParts(
        payloadType: next.envelope.payloadType, payload: next.envelope.payload)
      switch parts?.body {
      case .keyRevoked(let said)? where said.key == key: found = low
      case .proposalSigned?, .proposalOpened?: found = found ?? low
      default: break
      }
      low += 1
    }
    return found
  }
}
