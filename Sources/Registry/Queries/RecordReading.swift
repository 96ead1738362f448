import Foundation
import GRDB
import Keys
import Statements

// Rows as records. A row is not to be trusted: what is of the wrong kind reads as nothing.
extension Row {
  static let noDigest = Digest.sha256([])
  static let epoch = Timestamp(milliseconds: 0)
}

extension OperatorRow {
  init(_ row: Row) {
    self.init(
      principal: row.total("principal"), key: row.digest("key") ?? Row.noDigest,
      roles: row.total("roles"), groups: row.total("groups"), mayGrant: row.total("may_grant"))
  }
}

extension AgentRow {
  /// The columns that are counted for each row, over an agent `a` and `:now`.
  static let counts = """
    (SELECT count(*) FROM key k WHERE k.holder = a.principal) AS all_keys,
    (SELECT count(*) FROM key k WHERE k.holder = a.principal AND k.revoked IS NULL
       AND (k.not_before IS NULL OR k.not_before <= :now)
       AND (k.not_after IS NULL OR k.not_after > :now)) AS active_keys,
    (SELECT count(*) FROM grant_link g WHERE g.holder = a.principal AND g.revoked IS NULL) AS grants,
    (SELECT received FROM decision d WHERE d.agent = a.principal ORDER BY idx DESC LIMIT 1)
       AS last_decision,
    (SELECT count(*) FROM hold h WHERE h.agent = a.principal AND h.state = 'pending'
       AND h.expires > :now) AS pending
    """

  init(_ row: Row) {
    self.init(
      principal: row.total("principal"), owner: row.total("owner"), roles: row.total("roles"),
      attributes: row.total("attributes"), activeKeys: row.total("active_keys"),
      allKeys: row.total("all_keys"), grants: row.total("grants"),
      lastDecision: row.time("last_decision"), pending: row.total("pending"),
      received: row.time("received") ?? Row.epoch)
  }
}

extension KeyRow {
  init(_ row: Row) {
    self.init(
      fingerprint: row.digest("fingerprint") ?? Row.noDigest, holder: row.total("holder"),
      enrolledBy: row.total("enrolled_by"), received: row.time("received") ?? Row.epoch,
      notBefore: row.time("not_before"), notAfter: row.time("not_after"),
      tainted: row.time("tainted"), revoked: row.time("revoked"), reason: row.total("reason"),
      predecessor: row.digest("predecessor"))
  }
}

extension GrantRow {
  init(_ row: Row) {
    self.init(
      digest: row.digest("digest") ?? Row.noDigest, issuer: row.total("issuer"),
      holder: row.total("holder"), parent: row.digest("parent"),
      capabilities: row.total("capabilities"), limits: row.total("limits"),
      received: row.time("received") ?? Row.epoch, revoked: row.time("revoked"))
  }
}

extension LockRow {
  init(_ row: Row) {
    self.init(
      digest: row.digest("digest") ?? Row.noDigest, target: row.total("target"),
      reason: row.total("reason"), until: row.time("until"), placer: row.total("placer"),
      received: row.time("received") ?? Row.epoch, lifted: row.time("lifted"))
  }
}

extension ProposalRow {
  init(_ row: Row) {
    self.init(
      digest: row.digest("digest") ?? Row.noDigest, type: row.total("type"),
      opener: row.total("opener"), subject: row.total("subject"),
      signers: (row.total("signers") as String).split(separator: " ").map(String.init),
      expires: row.time("expires") ?? Row.epoch, received: row.time("received") ?? Row.epoch,
      ended: row.time("ended"), end: row.total("end"))
  }
}

extension ReviewRow {
  init(_ row: Row) {
    self.init(
      subject: row.digest("subject") ?? Row.noDigest, index: UInt64(row.total("idx") as Int64),
      kind: row.total("kind"), who: row.total("who"), received: row.time("received") ?? Row.epoch,
      completed: row.time("completed"), outcome: row.total("outcome"),
      reviewer: row.total("reviewer"), because: row.total("because"))
  }
}

extension KeyRequestRow {
  init(_ row: Row) {
    self.init(
      digest: row.digest("digest") ?? Row.noDigest, holder: row.total("holder"),
      key: Array(row.total("key") as Data), replaces: row.digest("replaces"),
      note: row.total("note"), received: row.time("received") ?? Row.epoch)
  }
}

extension PolicyRow {
  init(_ row: Row) {
    self.init(
      digest: row.digest("digest") ?? Row.noDigest, name: row.total("name"),
      version: row.total("version"), publisher: row.total("publisher"),
      received: row.time("received") ?? Row.epoch, isActive: row.total("active"))
  }
}

extension DecisionRow {
  init(_ row: Row) {
    self.init(
      index: UInt64(row.total("idx") as Int64), digest: row.digest("digest") ?? Row.noDigest,
      action: row.digest("action") ?? Row.noDigest, agent: row.total("agent"),
      name: row.total("name"), uri: row.total("uri"), verdict: row.total("verdict"),
      code: row.total("code"), rule: row.total("rule"),
      received: row.time("received") ?? Row.epoch, releases: row.digest("releases"))
  }
}

extension HoldRow {
  init(_ row: Row) {
    self.init(
      digest: row.digest("digest") ?? Row.noDigest, index: UInt64(row.total("idx") as Int64),
      action: row.digest("action") ?? Row.noDigest, agent: row.total("agent"),
      name: row.total("name"), uri: row.total("uri"),
      risk: Risk.allCases[max(0, min(Risk.allCases.count - 1, row.total("risk") as Int))],
      received: row.time("received") ?? Row.epoch, expires: row.time("expires") ?? Row.epoch,
      places: row.total("places"), approvals: row.total("approvals"),
      recorded: row.total("state"), approvedUntil: row.time("approved_until"))
  }
}
