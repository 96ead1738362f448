import Approvals
import CanonicalJSON
import Decisions
import Delegations
import Foundation
import GRDB
import Keys
import Statements

/// Writes the rows that one admitted statement calls for.
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
      try write(roster: nil, "registry.created")
      for founder in body.operators { try write(operator: founder.principal) }
    case .operatorEnrolled(let body): try write(operator: body.principal)
    case .operatorUpdated(let body):
      for standing in body.operators { try write(operator: standing.principal) }
    case .operatorRemoved(let body):
      try execute("DELETE FROM operator WHERE principal = ?", [body.principal.description])
      try write(keysOf: body.principal)
    case .operatorKeyRotated(let body):
      try write(operator: body.principal)
      try write(keysOf: body.principal)
    case .settingsChanged, .logRestored, .clockReset, .proposalRejected: break
    case .proposalSigned(let body):
      let type = try String.fetchOne(
        db, sql: "SELECT type FROM proposal WHERE digest = ?", arguments: [body.proposal.blob])
      try write(roster: body.proposal, type ?? "")
    case .serviceEnrolled(let body):
      try execute("DELETE FROM service WHERE principal = ?", [body.service.description])
      for host in body.hosts {
        try execute(
          "INSERT INTO service VALUES (?, ?, ?, ?)",
          [
            host.key.fingerprint.digest.blob, body.service.description, host.host.text, received,
          ])
      }
      // Those it leaves out, too: they are retired.
      try write(keysOf: body.service)
    case .serviceRemoved(let body):
      try execute("DELETE FROM service WHERE principal = ?", [body.service.description])
      try write(keysOf: body.service)
    case .agentRegistered(let body), .agentUpdated(let body):
      try execute(
        """
        INSERT INTO agent VALUES (?, ?, ?, ?, ?) ON CONFLICT (principal) DO UPDATE
        SET owner = excluded.owner, roles = excluded.roles, attributes = excluded.attributes
        """,
        [
          body.agent.description, body.owner.description, body.roles.listed,
          JSONValue.object(body.attributes).text, received,
        ])
      try AgentText.write(
        body.agent.description, (body.owner.description, body.roles.listed), db)
    case .agentRetired(let body):
      try execute("DELETE FROM agent WHERE principal = ?", [body.agent.description])
      try AgentText.write(body.agent.description, nil, db)
    case .resourceRegistered(let body):
      for entry in body.resources {
        try execute(
          "INSERT OR REPLACE INTO resource VALUES (?, ?, ?, ?, ?)",
          [
            entry.pattern.text, entry.type.text, entry.env?.text,
            JSONValue.object(entry.attributes).text, received,
          ])
      }
    case .keyRequested(let body):
      try execute(
        "INSERT INTO key_request VALUES (?, ?, ?, ?, ?, ?, ?, NULL)",
        [
          statement.digest.blob, index, body.holder.description, Data(body.key.bytes),
          body.replaces?.digest.blob, body.note.text, received,
        ])
    case .keyEnrolled(let body):
      try end(request: body.request)
      try write(key: body.key.fingerprint)
    case .keyRotated(let body):
      try end(request: body.request)
      try write(key: body.old)
      try write(key: body.key.fingerprint)
    case .keyTainted(let body): try write(key: body.key)
    case .keyRevoked(let body):
      try write(key: body.key)
      try markSuspects(body)
    case .grantIssued(let body):
      try execute(
        "INSERT INTO grant_link VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)",
        [
          statement.digest.blob, index, signer, statement.signers[0].digest.blob,
          body.holder.description, body.parent?.blob,
          JSONValue.array(body.capabilities.map(\.json)).text, body.limits.json.text, received,
        ])
    case .grantRevoked(let body):
      try execute(
        "UPDATE grant_link SET revoked = ? WHERE digest = ?", [received, body.grant.blob])
    case .lockPlaced(let body):
      // One that took a second admin is the proposal's, and its opener's.
      let digest =
        if case .proposalSigned(let body) = statement.body { body.proposal } else {
          statement.digest
        }
      try execute(
        "INSERT INTO lock VALUES (?, ?, ?, ?, ?, ?, NULL)",
        [
          digest.blob, body.target.json.text, body.reason.text, body.until?.milliseconds,
          state.locks[digest]?.placer.description ?? signer, received,
        ])
    case .lockLifted(let body):
      try execute("UPDATE lock SET lifted = ? WHERE digest = ?", [received, body.lock.blob])
    case .policyPublished(let body):
      try execute(
        "INSERT INTO policy VALUES (?, ?, ?, ?, ?, ?, 0)",
        [statement.digest.blob, index, body.name.text, body.version, signer, received])
    case .policyActivated(let body):
      try execute("UPDATE policy SET active = (digest = ?)", [body.policy.blob])
    case .decisionMade(let body): try write(body)
    case .approvalVoted(let body): try write(vote: body.vote.rawValue, body.hold, body.reason)
    case .approvalWithdrawn(let body):
      try execute(
        "UPDATE vote SET withdrawn = ? WHERE hold = ? AND voter = ? AND withdrawn IS NULL",
        [received, body.hold.blob, signer])
    case .approvalBrokenGlass(let body):
      try write(vote: "broken_glass", body.hold, body.reason)
      try execute(
        "INSERT INTO review VALUES (?, ?, 'broken_glass', ?, ?, NULL, NULL, NULL, NULL, ?)",
        [statement.digest.blob, index, signer, received, body.reason.text])
    case .reviewCompleted(let body): try complete(body)
    case .proposalOpened(let body):
      try write(roster: statement.digest, body.inner.type.rawValue)
      try execute(
        "INSERT INTO proposal VALUES (?, ?, ?, ?, ?, ?, ?, NULL, NULL)",
        [
          statement.digest.blob, body.inner.type.rawValue, signer, body.inner.subjectText, signer,
          body.expires.milliseconds, received,
        ])
    case .actionFinished(let body):
      try execute(
        "INSERT OR REPLACE INTO outcome VALUES (?, ?, ?, ?)",
        [body.action.blob, body.outcome.rawValue, body.detail.text, received])
    case .payloadErased(let body):
      try execute(
        "INSERT INTO erasure VALUES (?, ?, ?, ?)",
        [body.action.blob, index, body.reason.text, received])
    case .refusalsCounted(let body):
      try execute(
        "INSERT INTO refusal VALUES (?, ?, ?, ?)",
        [index, signer, body.since.milliseconds, JSONValue.object(body.counts).text])
    }
  }

  /// Notes an entry that says who may change trust, for proofs to include.
  private func write(roster proposal: Digest?, _ type: String) throws {
    try execute("INSERT INTO roster VALUES (?, ?, ?)", [index, proposal?.blob, type])
  }

  private func end(request: Digest?) throws {
    guard let request else { return }
    try execute("UPDATE key_request SET ended = ? WHERE digest = ?", [received, request.blob])
  }

  private func write(vote: String, _ hold: Digest, _ reason: ByteString) throws {
    try execute(
      "INSERT INTO vote VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL)",
      [
        statement.digest.blob, index, hold.blob, statement.header.signer.description,
        statement.signers[0].digest.blob, vote, reason.text, received,
      ])
  }

  private func write(operator principal: Principal) throws {
    guard let record = state.operators[principal] else { return }
    try execute(
      """
      INSERT INTO operator VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (principal) DO UPDATE
      SET key = excluded.key, roles = excluded.roles, groups = excluded.groups,
        may_grant = excluded.may_grant
      """,
      [
        principal.description, record.key.digest.blob,
        record.roles.map(\.rawValue).joined(separator: " "),
        JSONValue.array(record.memberships.map(\.json)).text,
        JSONValue.array(record.mayGrant.map(\.json)).text, received,
      ])
    try write(key: record.key)
  }

  private func write(keysOf holder: Principal) throws {
    for record in state.keys.all(.holder(holder)) { try write(key: record.id) }
  }

  private func write(key fingerprint: Fingerprint) throws {
    guard let record = state.keys[fingerprint] else { return }
    try execute(
      """
      INSERT INTO key VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (fingerprint)
      DO UPDATE SET not_after = excluded.not_after, tainted = excluded.tainted,
        revoked = excluded.revoked, reason = excluded.reason
      """,
      [
        fingerprint.digest.blob, index, statement.digest.blob, Data(record.key.bytes),
        record.holder.description, record.enrolledBy.map(\.text).listed,
        record.enrollingKey?.digest.blob, record.predecessor?.digest.blob,
        record.received.milliseconds, record.notBefore?.milliseconds,
        record.notAfter?.milliseconds, record.tainted?.milliseconds,
        record.revoked?.milliseconds, record.revocation?.reason.rawValue,
      ])
  }

  /// Makes reviews due for the statements that a compromised key signed, and for the keys it enrolled.
  private func markSuspects(_ body: KeyRevoked) throws {
    guard body.reason == .compromised else { return }
    try CompromisedKeys.note(body.key, since: body.compromisedSince, revocation: index, db)
    // Its successors, and what it enrolled alone or with other admins.
    for successor in state.suspectSuccessors(of: body.key) {
      try execute(
        """
        INSERT OR IGNORE INTO review
        SELECT statement, idx, 'key', holder, received, NULL, NULL, NULL, NULL, ?
        FROM key WHERE fingerprint = ?
        """, ["\(body.key)", successor.digest.blob])
    }
  }

  /// Records the completed reviews of statements.
  private func complete(_ body: ReviewCompleted) throws {
    let reviewer = statement.header.signer.description
    var keys: Set<Data> = []
    for subject in body.subjects {
      try execute(
        "UPDATE review SET completed = ?, outcome = ?, reviewer = ?, note = ? WHERE subject = ?",
        [received, body.outcome.rawValue, reviewer, body.note.text, subject.digest.blob])
      guard db.changesCount == 0 else { continue }
      let key = try CompromisedKeys.complete(
        subject, at: received, body.outcome.rawValue, by: reviewer, note: body.note.text, db)
      if let key { keys.insert(key) }
    }
    for key in keys { try CompromisedKeys.advance(key, among: keys.count, db) }
  }

  private func action(_ digest: Digest) -> Action? {
    bodies(digest).flatMap { try? Action(payload: $0) } ?? state.erased[digest]
  }

  private func write(_ body: DecisionMade) throws {
    let action = action(body.action)
    try execute(
      "INSERT INTO decision VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      [
        index, statement.digest.blob, body.action.blob, body.key.marker,
        action?.agent.description ?? "", action?.action.text ?? "", action?.resource.text ?? "",
        body.verdict.rawValue, body.reasons.first?.code.text ?? "",
        body.rules.first?.text ?? "", received, body.releases?.blob,
      ])
  }

  func write(hold digest: Digest) throws {
    guard let hold = state.holds[digest] else { return }
    let action = action(hold.action)
    // The word as of the entry; time's own changes (expired, lapsed) are the reader's to judge.
    let word = hold.state(at: Timestamp(milliseconds: received)).word
    let known = try Row.fetchOne(
      db.cachedStatement(sql: "SELECT idx, grp FROM hold WHERE digest = ?"),
      arguments: [digest.blob])
    let facts = HoldQueue.facts(
      agent: hold.agent.description, name: action?.action.text ?? "", uri: hold.resource.text,
      risk: hold.terms.rule.risk, state: word,
      ends: (hold.approvedUntil ?? hold.terms.expires).milliseconds, terms: hold.terms)
    try execute(
      """
      INSERT OR REPLACE INTO hold VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
      """,
      [
        digest.blob, known?.total("idx") ?? index, hold.action.blob, hold.agent.description,
        action?.action.text ?? "", hold.resource.text,
        Risk.allCases.firstIndex(of: hold.terms.rule.risk) ?? 0, hold.received.milliseconds,
        hold.terms.expires.milliseconds, Quorum.places(hold.terms.rule.quorum),
        hold.approvals.count, word, hold.approvedUntil?.milliseconds,
        facts.group.blob, facts.ends, facts.needs, facts.excluded,
      ])
    if let before = known?.digest("grp"), before != facts.group {
      // It was in another group: one that waited for people waits for its agent now, or has ended.
      try HoldQueue.refresh(before.blob, at: received, db)
    }
    try HoldQueue.refresh(facts.group.blob, rank: facts.rank, at: received, db)
  }
}

extension Fingerprint {
  /// Eight bytes of it, to find rows by; what they say is checked against the log.
  var marker: Int64 {
    Int64(bitPattern: digest.bytes.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
  }
}

extension StatementBody {
  /// What a proposal is about, in a word or two.
  package var subjectText: String {
    switch self {
    case .operatorEnrolled(let body): body.principal.description
    case .operatorUpdated(let body):
      body.operators.map(\.principal.description).joined(separator: ", ")
    case .operatorRemoved(let body): body.principal.description
    case .operatorKeyRotated(let body): body.principal.description
    case .serviceEnrolled(let body): body.service.description
    case .serviceRemoved(let body): body.service.description
    case .resourceRegistered(let body):
      body.resources.count == 1
        ? body.resources[0].pattern.text
        : "\(body.resources[0].pattern.text) and \(body.resources.count - 1) more"
    case .lockPlaced(let body): body.target.words
    case .policyActivated(let body): body.policy.hex
    case .keyRevoked(let body): body.key.description
    case .lockLifted(let body): "lock \(body.lock.hex)"
    case .payloadErased(let body): "action \(body.action.hex)"
    case .logRestored(let body): "from \(body.lost.size) back to \(body.kept.size) entries"
    case .clockReset(let body): body.to.text
    default: "the registry"
    }
  }
}
