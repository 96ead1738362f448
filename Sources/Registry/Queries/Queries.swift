import Foundation
import GRDB
package import Keys
package import Statements

// What lists show; no decision reads any of it.
extension RegistryTransaction {
  private static let none = Digest.sha256([])
  private static let epoch = Timestamp(milliseconds: 0)

  package func operators() throws -> [OperatorRow] {
    try Row.fetchAll(db, sql: "SELECT * FROM operator ORDER BY principal").map { row in
      OperatorRow(
        principal: row.total("principal"), key: row.digest("key") ?? RegistryTransaction.none,
        roles: row.total("roles"), groups: row.total("groups"), mayGrant: row.total("may_grant"))
    }
  }

  package func services() throws -> [(principal: String, key: Digest)] {
    try Row.fetchAll(db, sql: "SELECT * FROM service ORDER BY principal").map { row in
      (row.total("principal"), row.digest("key") ?? RegistryTransaction.none)
    }
  }

  /// Agents after a name, in order.
  package func agents(
    after name: String = "", limit: Int, at now: Timestamp
  ) throws -> [AgentRow] {
    try Row.fetchAll(
      db,
      sql: """
        SELECT a.*,
          (SELECT count(*) FROM key k WHERE k.holder = a.principal) AS all_keys,
          (SELECT count(*) FROM key k WHERE k.holder = a.principal AND k.revoked IS NULL
             AND (k.not_before IS NULL OR k.not_before <= :now)
             AND (k.not_after IS NULL OR k.not_after > :now)) AS active_keys,
          (SELECT count(*) FROM grant_link g WHERE g.holder = a.principal AND g.revoked IS NULL)
             AS grants,
          (SELECT received FROM decision d WHERE d.agent = a.principal ORDER BY idx DESC LIMIT 1)
             AS last_decision,
          (SELECT count(*) FROM hold h WHERE h.agent = a.principal AND h.state = 'pending'
             AND h.expires > :now) AS pending
        FROM agent a WHERE a.principal > :name ORDER BY a.principal LIMIT :limit
        """, arguments: ["now": now.milliseconds, "name": name, "limit": limit]
    ).map { row in
      AgentRow(
        principal: row.total("principal"), owner: row.total("owner"), roles: row.total("roles"),
        attributes: row.total("attributes"), activeKeys: row.total("active_keys"),
        allKeys: row.total("all_keys"),
        grants: row.total("grants"), lastDecision: row.time("last_decision"),
        pending: row.total("pending"))
    }
  }

  package func keys(holder: String? = nil) throws -> [KeyRow] {
    try Row.fetchAll(
      db,
      sql: """
        SELECT * FROM key WHERE :holder IS NULL OR holder = :holder ORDER BY holder, received
        """, arguments: ["holder": holder]
    ).map { row in
      KeyRow(
        fingerprint: row.digest("fingerprint") ?? RegistryTransaction.none,
        holder: row.total("holder"), enrolledBy: row.total("enrolled_by"),
        received: row.time("received") ?? RegistryTransaction.epoch,
        notBefore: row.time("not_before"), notAfter: row.time("not_after"),
        tainted: row.time("tainted"), revoked: row.time("revoked"), reason: row.total("reason"),
        predecessor: row.digest("predecessor"))
    }
  }

  package func grants(holder: String? = nil) throws -> [GrantRow] {
    try Row.fetchAll(
      db,
      sql: """
        SELECT * FROM grant_link WHERE :holder IS NULL OR holder = :holder
        ORDER BY received, digest
        """, arguments: ["holder": holder]
    ).map { row in
      GrantRow(
        digest: row.digest("digest") ?? RegistryTransaction.none, issuer: row.total("issuer"),
        holder: row.total("holder"), parent: row.digest("parent"),
        capabilities: row.total("capabilities"),
        limits: row.total("limits"), received: row.time("received") ?? RegistryTransaction.epoch,
        revoked: row.time("revoked"))
    }
  }

  package func locks() throws -> [LockRow] {
    try Row.fetchAll(db, sql: "SELECT * FROM lock ORDER BY received, digest").map { row in
      LockRow(
        digest: row.digest("digest") ?? RegistryTransaction.none, target: row.total("target"),
        reason: row.total("reason"), until: row.time("until"), placer: row.total("placer"),
        received: row.time("received") ?? RegistryTransaction.epoch, lifted: row.time("lifted"))
    }
  }

  package func proposals() throws -> [ProposalRow] {
    try Row.fetchAll(db, sql: "SELECT * FROM proposal ORDER BY received DESC, digest").map { row in
      ProposalRow(
        digest: row.digest("digest") ?? RegistryTransaction.none, type: row.total("type"),
        opener: row.total("opener"), subject: row.total("subject"),
        signers: (row.total("signers") as String).split(separator: " ").map(String.init),
        expires: row.time("expires") ?? RegistryTransaction.epoch,
        received: row.time("received") ?? RegistryTransaction.epoch, ended: row.time("ended"),
        end: row.total("end"))
    }
  }

  /// What operators still have to look at, oldest first; or all of it.
  package func reviews(all: Bool) throws -> [ReviewRow] {
    try Row.fetchAll(
      db,
      sql: """
        SELECT * FROM review WHERE :all OR completed IS NULL ORDER BY received, subject
        """, arguments: ["all": all]
    ).map { row in
      ReviewRow(
        subject: row.digest("subject") ?? RegistryTransaction.none,
        index: UInt64(row.total("idx") as Int64), kind: row.total("kind"), who: row.total("who"),
        received: row.time("received") ?? RegistryTransaction.epoch,
        completed: row.time("completed"), outcome: row.total("outcome"),
        reviewer: row.total("reviewer"),
        because: row.total("because"))
    }
  }

  /// Keys that agents ask for and nobody has answered; whether one has lapsed is the reader's to judge.
  package func keyRequests() throws -> [KeyRequestRow] {
    try Row.fetchAll(db, sql: "SELECT * FROM key_request WHERE ended IS NULL ORDER BY received")
      .map { row in
        KeyRequestRow(
          digest: row.digest("digest") ?? RegistryTransaction.none, holder: row.total("holder"),
          key: Array(row.total("key") as Data), replaces: row.digest("replaces"),
          note: row.total("note"),
          received: row.time("received") ?? RegistryTransaction.epoch)
      }
  }

  /// What became of an action, if it was told.
  package func outcome(of action: Digest) throws -> (outcome: String, detail: String)? {
    try Row.fetchOne(
      db, sql: "SELECT outcome, detail FROM outcome WHERE action = ?", arguments: [action.blob]
    ).map { ($0.total("outcome"), $0.total("detail")) }
  }

  package func policies() throws -> [PolicyRow] {
    try Row.fetchAll(db, sql: "SELECT * FROM policy ORDER BY name, version").map { row in
      PolicyRow(
        digest: row.digest("digest") ?? RegistryTransaction.none, name: row.total("name"),
        version: row.total("version"), publisher: row.total("publisher"),
        received: row.time("received") ?? RegistryTransaction.epoch, isActive: row.total("active"))
    }
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
      WHERE idx < :index AND (:agent IS NULL OR agent = :agent) ORDER BY idx DESC LIMIT :limit
      """,
      [
        "index": index.map { Int64($0) } ?? Int64.max, "agent": agent, "limit": limit,
      ])
  }

  /// Decisions from an index on, oldest first.
  package func decisions(from index: UInt64, limit: Int) throws -> [DecisionRow] {
    try decisions(
      "WHERE idx >= :index ORDER BY idx LIMIT :limit",
      ["index": Int64(index), "limit": limit])
  }

  private func decisions(
    _ tail: String, _ arguments: StatementArguments
  ) throws -> [DecisionRow] {
    try Row.fetchAll(db, sql: "SELECT * FROM decision \(tail)", arguments: arguments).map { row in
      DecisionRow(
        index: UInt64(row.total("idx") as Int64),
        digest: row.digest("digest") ?? RegistryTransaction.none,
        action: row.digest("action") ?? RegistryTransaction.none, agent: row.total("agent"),
        name: row.total("name"), uri: row.total("uri"), verdict: row.total("verdict"),
        code: row.total("code"),
        rule: row.total("rule"), received: row.time("received") ?? RegistryTransaction.epoch,
        releases: row.digest("releases"))
    }
  }

  /// Holds that are open now, gravest first, then by expiry; or every hold, newest first.
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
    ).map { row in
      HoldRow(
        digest: row.digest("digest") ?? RegistryTransaction.none,
        index: UInt64(row.total("idx") as Int64),
        action: row.digest("action") ?? RegistryTransaction.none, agent: row.total("agent"),
        name: row.total("name"), uri: row.total("uri"),
        risk: Risk.allCases[max(0, min(Risk.allCases.count - 1, row.total("risk") as Int))],
        received: row.time("received") ?? RegistryTransaction.epoch,
        expires: row.time("expires") ?? RegistryTransaction.epoch, places: row.total("places"),
        approvals: row.total("approvals"), recorded: row.total("state"),
        approvedUntil: row.time("approved_until"))
    }
  }

  /// The index of the decision that holds.
  package func holdIndex(_ digest: Digest) throws -> UInt64? {
    try Int64.fetchOne(
      db, sql: "SELECT idx FROM hold WHERE digest = ?", arguments: [digest.blob]
    ).map { UInt64($0) }
  }
}
