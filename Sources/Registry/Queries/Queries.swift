import Foundation
import GRDB
package import Keys
package import Statements

// What lists show; no decision reads any of it.
extension RegistryTransaction {
  package func operators() throws -> [OperatorRow] {
    try Row.fetchAll(db, sql: "SELECT * FROM operator ORDER BY principal").map(OperatorRow.init)
  }

  /// The keys of services, one a host.
  package func services() throws -> [(principal: String, host: String, key: Digest)] {
    try Row.fetchAll(db, sql: "SELECT * FROM service ORDER BY principal, host").map { row in
      (row.total("principal"), row.total("host"), row.digest("key") ?? Row.noDigest)
    }
  }

  /// Agents after a name, in order.
  package func agents(
    after name: String = "", limit: Int, at now: Timestamp
  ) throws -> [AgentRow] {
    try Row.fetchAll(
      db,
      sql: """
        SELECT a.*, \(AgentRow.counts)
        FROM agent a WHERE a.principal > :name ORDER BY a.principal LIMIT :limit
        """, arguments: ["now": now.milliseconds, "name": name, "limit": limit]
    ).map(AgentRow.init)
  }

  package func keys(holder: String? = nil) throws -> [KeyRow] {
    try Row.fetchAll(
      db,
      sql: """
        SELECT * FROM key \(holder == nil ? "" : "WHERE holder = :holder") ORDER BY holder, received
        """, arguments: ["holder": holder]
    ).map(KeyRow.init)
  }

  package func grants(holder: String? = nil) throws -> [GrantRow] {
    try Row.fetchAll(
      db,
      sql: """
        SELECT * FROM grant_link \(holder == nil ? "" : "WHERE holder = :holder")
        ORDER BY received, digest
        """, arguments: ["holder": holder]
    ).map(GrantRow.init)
  }

  package func locks() throws -> [LockRow] {
    try Row.fetchAll(db, sql: "SELECT * FROM lock ORDER BY received, digest").map(LockRow.init)
  }

  package func proposal(_ digest: Digest) throws -> ProposalRow? {
    try Row.fetchOne(
      db.cachedStatement(sql: "SELECT * FROM proposal WHERE digest = ?"), arguments: [digest.blob]
    ).map(ProposalRow.init)
  }

  package func proposals() throws -> [ProposalRow] {
    try Row.fetchAll(db, sql: "SELECT * FROM proposal ORDER BY received DESC, digest")
      .map(ProposalRow.init)
  }

  /// Keys that agents ask for and nobody has answered; whether one has lapsed is the reader's to judge.
  package func keyRequests() throws -> [KeyRequestRow] {
    try Row.fetchAll(db, sql: "SELECT * FROM key_request WHERE ended IS NULL ORDER BY received")
      .map(KeyRequestRow.init)
  }

  /// What became of an action, if it was told.
  package func outcome(of action: Digest) throws -> (outcome: String, detail: String)? {
    try Row.fetchOne(
      db, sql: "SELECT outcome, detail FROM outcome WHERE action = ?", arguments: [action.blob]
    ).map { ($0.total("outcome"), $0.total("detail")) }
  }

  package func policies() throws -> [PolicyRow] {
    try Row.fetchAll(db, sql: "SELECT * FROM policy ORDER BY name, version").map(PolicyRow.init)
  }

  package func resources() throws -> [ResourceRow] {
    try Row.fetchAll(db, sql: "SELECT * FROM resource ORDER BY pattern").map { row in
      ResourceRow(
        pattern: row.total("pattern"), type: row.total("type"), env: row.total("env"),
        attributes: row.total("attributes"))
    }
  }

  /// The newest decisions before an index, newest first.
  package func decisions(
    before index: UInt64? = nil, agent: String? = nil, limit: Int
  ) throws -> [DecisionRow] {
    try decisions(
      """
      WHERE idx < :index \(agent == nil ? "" : "AND agent = :agent") ORDER BY idx DESC LIMIT :limit
      """,
      [
        "index": index.map(\.sql) ?? Int64.max, "agent": agent, "limit": limit,
      ])
  }

  /// Decisions from an index on, oldest first.
  package func decisions(from index: UInt64, limit: Int) throws -> [DecisionRow] {
    try decisions(
      "WHERE idx >= :index ORDER BY idx LIMIT :limit",
      ["index": index.sql, "limit": limit])
  }

  private func decisions(
    _ tail: String, _ arguments: StatementArguments
  ) throws -> [DecisionRow] {
    try Row.fetchAll(db, sql: "SELECT * FROM decision \(tail)", arguments: arguments)
      .map(DecisionRow.init)
  }

  /// Holds that are open now, highest risk first, then by expiry; or every hold, newest first.
  package func holds(openAt now: Timestamp?, limit: Int) throws -> [HoldRow] {
    let tail =
      now == nil
      ? "ORDER BY idx DESC LIMIT :limit"
      : """
      WHERE (state = 'pending' AND expires > :now) OR (state = 'approved' AND approved_until > :now)
      ORDER BY risk DESC, expires, digest LIMIT :limit
      """
    return try Row.fetchAll(
      db, sql: "SELECT * FROM hold \(tail)",
      arguments: now.map { ["now": $0.milliseconds, "limit": limit] } ?? ["limit": limit]
    ).map(HoldRow.init)
  }

  /// The index of the decision that holds.
  package func holdIndex(_ digest: Digest) throws -> UInt64? {
    try Int64.fetchOne(
      db, sql: "SELECT idx FROM hold WHERE digest = ?", arguments: [digest.blob]
    ).map { try UInt64(row: $0, table: "hold", column: "idx") }
  }
}
