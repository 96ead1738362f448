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
      received INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE service (
      principal TEXT PRIMARY KEY, key BLOB NOT NULL, received INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE agent (
      principal TEXT PRIMARY KEY, owner TEXT NOT NULL, roles TEXT NOT NULL,
      attributes TEXT NOT NULL, received INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE key (
      fingerprint BLOB PRIMARY KEY, public BLOB NOT NULL, holder TEXT NOT NULL,
      enrolled_by TEXT NOT NULL, received INTEGER NOT NULL, not_before INTEGER, not_after INTEGER,
      revoked INTEGER, reason TEXT) WITHOUT ROWID;
    CREATE INDEX key_holder ON key (holder);
    CREATE TABLE grant_link (
      digest BLOB PRIMARY KEY, issuer TEXT NOT NULL, holder TEXT NOT NULL, parent BLOB,
      capabilities TEXT NOT NULL, limits TEXT NOT NULL, received INTEGER NOT NULL,
      revoked INTEGER) WITHOUT ROWID;
    CREATE INDEX grant_parent ON grant_link (parent);
    CREATE INDEX grant_holder ON grant_link (holder);
    CREATE TABLE resource (
      pattern TEXT PRIMARY KEY, type TEXT NOT NULL, env TEXT, attributes TEXT NOT NULL,
      received INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE policy (
      digest BLOB PRIMARY KEY, name TEXT NOT NULL, version INTEGER NOT NULL,
      publisher TEXT NOT NULL, received INTEGER NOT NULL, active INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE lock (
      digest BLOB PRIMARY KEY, target TEXT NOT NULL, reason TEXT NOT NULL, until INTEGER,
      placer TEXT NOT NULL, received INTEGER NOT NULL, lifted INTEGER) WITHOUT ROWID;
    CREATE TABLE proposal (
      digest BLOB PRIMARY KEY, type TEXT NOT NULL, opener TEXT NOT NULL, expires INTEGER NOT NULL,
      received INTEGER NOT NULL, ended INTEGER) WITHOUT ROWID;
    CREATE TABLE decision (
      idx INTEGER PRIMARY KEY, digest BLOB NOT NULL, action BLOB NOT NULL, agent TEXT NOT NULL,
      name TEXT NOT NULL, uri TEXT NOT NULL, verdict TEXT NOT NULL, code TEXT NOT NULL,
      rule TEXT NOT NULL, received INTEGER NOT NULL, releases BLOB);
    CREATE INDEX decision_action ON decision (action);
    CREATE INDEX decision_agent ON decision (agent, idx);
    CREATE TABLE hold (
      digest BLOB PRIMARY KEY, idx INTEGER NOT NULL, action BLOB NOT NULL, agent TEXT NOT NULL,
      name TEXT NOT NULL, uri TEXT NOT NULL, risk INTEGER NOT NULL, received INTEGER NOT NULL,
      expires INTEGER NOT NULL, places INTEGER NOT NULL, approvals INTEGER NOT NULL,
      state TEXT NOT NULL, approved_until INTEGER) WITHOUT ROWID;
    CREATE INDEX hold_state ON hold (state, expires);
    CREATE TABLE vote (
      digest BLOB PRIMARY KEY, hold BLOB NOT NULL, voter TEXT NOT NULL, vote TEXT NOT NULL,
      reason TEXT NOT NULL, received INTEGER NOT NULL) WITHOUT ROWID;
    CREATE INDEX vote_hold ON vote (hold);
    """

  /// Every derived table with its key column.
  static let tables = [
    ("operator", "principal"), ("service", "principal"), ("agent", "principal"),
    ("key", "fingerprint"), ("grant_link", "digest"), ("resource", "pattern"),
    ("policy", "digest"), ("lock", "digest"), ("proposal", "digest"), ("decision", "idx"),
    ("hold", "digest"), ("vote", "digest"),
  ]

  /// Applies what one admitted statement changed.
  package static func apply(
    _ changes: [Change], of statement: VerifiedStatement, at index: UInt64, received: Timestamp,
    state: AuthorityState, bodies: @escaping (Digest) -> [UInt8]?,
    in transaction: RegistryTransaction
  ) throws {
    let writer = ProjectionWriter(
      db: transaction.db, index: Int64(index), received: received.milliseconds,
      statement: statement, state: state, bodies: bodies)
    for change in changes {
      switch change {
      case .enacted(let body): try writer.write(body)
      case .hold(let digest): try writer.write(hold: digest)
      case .proposalEnded(let digest):
        try writer.execute(
          "UPDATE proposal SET ended = ? WHERE digest = ?", [writer.received, digest.blob])
      }
    }
  }

  /// Compares the tables, indexes and triggers of two registries, and the migrations they had.
  package static func schemaDifference(
    _ live: RegistryTransaction, _ rebuilt: RegistryTransaction
  ) throws -> String? {
    let sql =
      "SELECT type || ' ' || name || ': ' || coalesce(sql, '') FROM sqlite_master ORDER BY 1"
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

struct ProjectionWriter {
  let db: Database
  let index: Int64
  let received: Int64
  let statement: VerifiedStatement
  let state: AuthorityState
  let bodies: (Digest) -> [UInt8]?

  func execute(_ sql: String, _ arguments: StatementArguments) throws {
    try db.cachedStatement(sql: sql).execute(arguments: arguments)
  }

  func write(_ body: StatementBody) throws {
    let signer = statement.header.signer.description
    switch body {
    case .registryCreated(let body):
      for founder in body.operators { try write(founder) }
    case .operatorEnrolled(let body): try write(body)
    case .serviceEnrolled(let body):
      try execute(
        "INSERT OR REPLACE INTO service VALUES (?, ?, ?)",
        [body.service.description, body.key.fingerprint.digest.blob, received])
      try write(key: body.key.fingerprint)
    case .agentRegistered(let body):
      try execute(
        "INSERT OR REPLACE INTO agent VALUES (?, ?, ?, ?, ?)",
        [
          body.agent.description, body.owner.description, body.roles.listed,
          JSONValue.object(body.attributes).text, received,
        ])
    case .resourceRegistered(let body):
      try execute(
        "INSERT OR REPLACE INTO resource VALUES (?, ?, ?, ?, ?)",
        [
          body.pattern.text, body.type.text, body.env?.text,
          JSONValue.object(body.attributes).text, received,
        ])
    case .keyEnrolled(let body): try write(key: body.key.fingerprint)
    case .keyRevoked(let body): try write(key: body.key)
    case .grantIssued(let body):
      try execute(
        "INSERT INTO grant_link VALUES (?, ?, ?, ?, ?, ?, ?, NULL)",
        [
          statement.digest.blob, signer, body.holder.description, body.parent?.blob,
          JSONValue.array(body.capabilities.map(\.json)).text, body.limits.json.text, received,
        ])
    case .grantRevoked(let body):
      try execute(
        "UPDATE grant_link SET revoked = ? WHERE digest = ?", [received, body.grant.blob])
    case .lockPlaced(let body):
      try execute(
        "INSERT INTO lock VALUES (?, ?, ?, ?, ?, ?, NULL)",
        [
          statement.digest.blob, body.target.json.text, body.reason.text,
          body.until?.milliseconds, signer, received,
        ])
    case .lockLifted(let body):
      try execute("UPDATE lock SET lifted = ? WHERE digest = ?", [received, body.lock.blob])
    case .policyPublished(let body):
      try execute(
        "INSERT INTO policy VALUES (?, ?, ?, ?, ?, 0)",
        [statement.digest.blob, body.name.text, body.version, signer, received])
    case .policyActivated(let body):
      try execute("UPDATE policy SET active = (digest = ?)", [body.policy.blob])
    case .decisionMade(let body): try write(body)
    case .approvalVoted(let body):
      try execute(
        "INSERT INTO vote VALUES (?, ?, ?, ?, ?, ?)",
        [
          statement.digest.blob, body.hold.blob, signer, body.vote.rawValue, body.reason.text,
          received,
        ])
    case .proposalOpened(let body):
      try execute(
        "INSERT INTO proposal VALUES (?, ?, ?, ?, ?, NULL)",
        [
          statement.digest.blob, body.inner.type.rawValue, signer, body.expires.milliseconds,
          received,
        ])
    case .proposalSigned, .proposalRejected: break
    }
  }

  private func write(_ body: OperatorEnrolled) throws {
    try execute(
      "INSERT OR REPLACE INTO operator VALUES (?, ?, ?, ?, ?)",
      [
        body.principal.description, body.key.fingerprint.digest.blob,
        body.roles.map(\.rawValue).joined(separator: " "), body.groups.listed, received,
      ])
    try write(key: body.key.fingerprint)
  }

  private func write(key fingerprint: Fingerprint) throws {
    guard let record = state.keys[fingerprint] else { return }
    try execute(
      "INSERT OR REPLACE INTO key VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
      [
        fingerprint.digest.blob, Data(record.key.bytes), record.holder.description,
        record.enrolledBy.description, record.received.milliseconds,
        record.notBefore?.milliseconds, record.notAfter?.milliseconds,
        record.revoked?.milliseconds, record.revocation?.reason.rawValue,
      ])
  }

  private func action(_ digest: Digest) -> Action? {
    bodies(digest).flatMap { try? Action(payload: $0) }
  }

  private func write(_ body: DecisionMade) throws {
    let action = action(body.action)
    try execute(
      "INSERT INTO decision VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      [
        index, statement.digest.blob, body.action.blob, action?.agent.description ?? "",
        action?.action.text ?? "", action?.resource.text ?? "", body.verdict.rawValue,
        body.reasons.first?.code.text ?? "", body.rules.first?.text ?? "", received,
        body.releases?.blob,
      ])
  }

  func write(hold digest: Digest) throws {
    guard let hold = state.holds[digest] else { return }
    let action = action(hold.action)
    // The word as of the entry; time's own changes (expired, lapsed) are the reader's to judge.
    let word = hold.state(at: Timestamp(milliseconds: received)).word
    let known = try Int64.fetchOne(
      db, sql: "SELECT idx FROM hold WHERE digest = ?", arguments: [digest.blob])
    try execute(
      "INSERT OR REPLACE INTO hold VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      [
        digest.blob, known ?? index, hold.action.blob, hold.agent.description,
        action?.action.text ?? "", hold.resource.text,
        Risk.allCases.firstIndex(of: hold.terms.rule.risk) ?? 0, hold.received.milliseconds,
        hold.terms.expires.milliseconds, Quorum.places(hold.terms.rule.quorum),
        hold.approvals.count, word, hold.approvedUntil?.milliseconds,
      ])
  }
}

extension Sequence<ByteString> {
  var listed: String { map(\.text).joined(separator: " ") }
}

extension JSONValue {
  var text: String { String(decoding: (try? canonicalBytes()) ?? [], as: UTF8.self) }
}
