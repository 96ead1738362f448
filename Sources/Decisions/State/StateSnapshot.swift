import Approvals
package import CanonicalJSON
import Delegations
import Keys
import Statements

// The whole state as JSON and back: a mark of what was verified, so that opening need not replay
// everything again. Two states are the same exactly if their canonical bytes are.
extension AuthorityState {
  package var snapshot: JSONValue {
    let value: JSONValue = [
      "registry": registry.json {
        [
          "id": JSONValue($0.id), "name": JSONValue($0.name),
          "admin_quorum": JSONValue($0.adminQuorum), "rule": $0.approvalDefault.json,
          "solo": .bool($0.isSolo),
        ]
      },
      "operators": list(operators.values, by: \.principal) {
        [
          "operator": $0.principal.json, "key": JSONValue($0.key.digest.hex),
          "roles": .array($0.roles.map { JSONValue($0.rawValue) }), "groups": $0.groups.json,
          "may_grant": .array($0.mayGrant.map(\.json)),
        ]
      },
      "services": list(services.values, by: \.principal) {
        [
          "service": $0.principal.json, "key": JSONValue($0.key.digest.hex),
          "may_attest": .array($0.mayAttest.map(\.json)),
        ]
      },
      "agents": list(agents.all) {
        ["agent": $0.registered.json.withoutNulls, "owners": .array($0.owners.map(\.json))]
      },
      "retired": .array(retiredAgents.sorted().map(\.json)),
      "requests": list(requests.values, by: \.digest) {
        [
          "digest": JSONValue($0.digest.hex), "body": $0.requested.json.withoutNulls,
          "received": $0.received.json,
        ]
      },
      "keys": list(keys.all) { $0.snapshot },
      "grants": list(grants.all) { grant in
        [
          "digest": JSONValue(grant.digest.hex), "issuer": grant.issuer.json,
          "key": JSONValue(grant.key.digest.hex), "received": grant.received.json,
          "terms": grant.terms.json.withoutNulls, "revoked": grant.revoked.json(\.json),
        ]
      },
      "uses": counts(uses.map { (ByteString($0.key.hex), $0.value) }),
      "resources": .array(
        resources.entries.keys.sorted().compactMap { resources.entries[$0]?.json.withoutNulls }),
      "policies": list(policies.values, by: \.digest) {
        [
          "digest": JSONValue($0.digest.hex), "body": $0.published.json.withoutNulls,
          "publisher": $0.publisher.json,
        ]
      },
      "active": activePolicy.json { JSONValue($0.hex) },
      "locks": list(locks.values, by: \.digest) {
        [
          "digest": JSONValue($0.digest.hex), "body": $0.placed.json.withoutNulls,
          "placer": $0.placer.json,
        ]
      },
      "holds": list(holds.all) { $0.snapshot },
      "proposals": list(proposals.values, by: \.digest) {
        [
          "digest": JSONValue($0.digest.hex), "body": $0.opened.json.withoutNulls,
          "received": $0.received.json,
          "signatures": .array(
            $0.signatures.map {
              ["admin": $0.admin.json, "key": JSONValue($0.key.digest.hex)]
            }),
        ]
      },
      "owed": list(owedReviews.values, by: \.digest) {
        [
          "digest": JSONValue($0.digest.hex), "hold": JSONValue($0.hold.hex),
          "breaker": $0.breaker.json, "agent": $0.agent.json, "received": $0.received.json,
        ]
      },
      "reviewed": reviewed.sorted().json,
      "unfinished": .object(
        JSONObject(
          unfinished.map {
            JSONObject.Member(
              name: ByteString($0.key.hex),
              value: ["agent": $0.value.agent.json, "until": $0.value.until.json])
          })),
      "erased": .object(
        JSONObject(
          erased.map { JSONObject.Member(name: ByteString($0.key.hex), value: $0.value.json) })),
      "restored": restored.json(\.json), "action_floor": actionFloor.json,
      "statement_floor": statementFloor.json, "clock_reset_at": clockResetAt.json { JSONValue($0) },
      "refusals_counted": .object(
        JSONObject(
          refusalsCounted.map { JSONObject.Member(name: $0.key.text, value: $0.value.json) })),
      "last_set": .object(
        JSONObject(
          lastSet.map { JSONObject.Member(name: $0.key, value: JSONValue($0.value.hex)) })),
      "nonces": .object(
        JSONObject(
          nonces.map {
            JSONObject.Member(
              name: ByteString("\($0.key.key.digest.hex) \($0.key.nonce.text)"),
              value: $0.value.json)
          })),
      "statement_ids": .object(
        JSONObject(statementIDs.map { JSONObject.Member(name: $0.key, value: $0.value.json) })),
      "size": JSONValue(size), "last_received": lastReceived.json,
      "unsupported": unsupported.json { JSONValue($0) },
    ]
    return value.withoutNulls
  }

  private func list<Item, Key: Comparable>(
    _ items: some Sequence<Item>, by key: (Item) -> Key, _ json: (Item) -> JSONValue
  ) -> JSONValue {
    list(items.sorted { key($0) < key($1) }, json)
  }

  private func list<Item>(_ items: [Item], _ json: (Item) -> JSONValue) -> JSONValue {
    .array(items.map { json($0).withoutNulls })
  }

  private func counts(_ pairs: [(ByteString, Int64)]) -> JSONValue {
    .object(
      JSONObject(pairs.map { JSONObject.Member(name: $0.0, value: JSONValue($0.1)) }))
  }

  /// Takes back what ``snapshot`` gave.
  package init(snapshot: JSONValue) throws(FieldFault) {
    self.init()
    var fields = try JSONFields(snapshot, path: "state")
    if let value = fields.optional("registry") {
      var inner = try JSONFields(value, path: "state.registry")
      registry = RegistryIdentity(
        id: try inner.string("id"), name: try inner.string("name"),
        adminQuorum: Int(try inner.integer("admin_quorum")),
        approvalDefault: try ApprovalRule(try inner.value("rule"), path: "state.registry.rule"),
        isSolo: try inner.bool("solo"))
      try inner.finish()
    }
    try fields.each("operators") { (inner) throws(FieldFault) in
      let record = OperatorRecord(
        principal: try inner.principal("operator"),
        key: Fingerprint(digest: try inner.digest("key")),
        roles: try inner.strings("roles").compactMap { OperatorRole(rawValue: $0.text) },
        groups: try inner.strings("groups"), mayGrant: try inner.capabilities("may_grant"))
      operators[record.principal] = record
    }
    try fields.each("services") { (inner) throws(FieldFault) in
      let record = ServiceRecord(
        principal: try inner.principal("service"),
        key: Fingerprint(digest: try inner.digest("key")),
        mayAttest: try inner.strings("may_attest").compactMap { Principal($0) })
      services[record.principal] = record
    }
    try fields.each("agents") { (inner) throws(FieldFault) in
      let owners = try inner.strings("owners").compactMap { Principal($0) }
      if case .agentRegistered(let body) = try inner.body("agent", .agentRegistered) {
        agents.set(AgentRecord(registered: body, owners: owners))
      }
    }
    retiredAgents = Set(try fields.strings("retired", limit: .max).compactMap { Principal($0) })
    try fields.each("requests") { (inner) throws(FieldFault) in
      let (digest, received) = (try inner.digest("digest"), try inner.timestamp("received"))
      if case .keyRequested(let body) = try inner.body("body", .keyRequested) {
        requests[digest] = KeyRequest(digest: digest, requested: body, received: received)
      }
    }
    try fields.each("keys") { (inner) throws(FieldFault) in
      let record = try KeyRecord(snapshot: &inner)
      keys.set(record)
    }
    try fields.each("grants") { (inner) throws(FieldFault) in
      guard case .grantIssued(let terms) = try inner.body("terms", .grantIssued) else { return }
      var grant = Grant(
        digest: try inner.digest("digest"), issuer: try inner.principal("issuer"),
        key: Fingerprint(digest: try inner.digest("key")),
        received: try inner.timestamp("received"), terms: terms)
      grant.revoked = try inner.optionalTimestamp("revoked")
      grants.set(grant)
    }
    for member in try fields.attributes("uses").members {
      if let digest = Digest(hex: member.name.bytes) { uses[digest] = member.value.integer }
    }
    for element in try fields.array("resources", limit: .max) {
      if case .resourceRegistered(let body) = try StatementBody(
        type: .resourceRegistered, json: element)
      {
        resources.register(body)
      }
    }
    try fields.each("policies") { (inner) throws(FieldFault) in
      let (digest, publisher) = (try inner.digest("digest"), try inner.principal("publisher"))
      if case .policyPublished(let body) = try inner.body("body", .policyPublished) {
        policies[digest] = PolicyRecord(digest: digest, published: body, publisher: publisher)
      }
    }
    activePolicy = try fields.optionalDigest("active")
    try fields.each("locks") { (inner) throws(FieldFault) in
      let (digest, placer) = (try inner.digest("digest"), try inner.principal("placer"))
      if case .lockPlaced(let body) = try inner.body("body", .lockPlaced) {
        locks[digest] = LockRecord(digest: digest, placed: body, placer: placer)
      }
    }
    for element in try fields.array("holds", limit: .max) {
      holds.set(try Hold(snapshot: element))
    }
    try fields.each("proposals") { (inner) throws(FieldFault) in
      var signatures: [ProposalRecord.Signature] = []
      try inner.each("signatures") { (element) throws(FieldFault) in
        signatures.append(
          ProposalRecord.Signature(
            admin: try element.principal("admin"),
            key: Fingerprint(digest: try element.digest("key"))))
      }
      let (digest, received) = (try inner.digest("digest"), try inner.timestamp("received"))
      if case .proposalOpened(let body) = try inner.body("body", .proposalOpened) {
        proposals[digest] = ProposalRecord(
          digest: digest, opened: body, received: received, signatures: signatures)
      }
    }
    try fields.each("owed") { (inner) throws(FieldFault) in
      let review = OwedReview(
        digest: try inner.digest("digest"), hold: try inner.digest("hold"),
        breaker: try inner.principal("breaker"), agent: try inner.principal("agent"),
        received: try inner.timestamp("received"))
      owedReviews[review.digest] = review
    }
    for text in try fields.strings("reviewed", limit: .max) {
      if let digest = Digest(hex: text.bytes) { reviewed.insert(digest) }
    }
    for member in try fields.attributes("unfinished").members {
      var inner = try JSONFields(member.value, path: "state.unfinished")
      if let digest = Digest(hex: member.name.bytes) {
        unfinished[digest] = Unfinished(
          agent: try inner.principal("agent"), until: try inner.timestamp("until"))
      }
    }
    for member in try fields.attributes("erased").members {
      guard let digest = Digest(hex: member.name.bytes),
        let bytes = try? member.value.canonicalBytes(), let action = try? Action(payload: bytes)
      else { throw fields.fault("erased", "holds what is no action") }
      erased[digest] = action
    }
    if let value = fields.optional("restored"),
      case .logRestored(let body) = try StatementBody(type: .logRestored, json: value)
    {
      restored = body
    }
    actionFloor = try fields.timestamp("action_floor")
    statementFloor = try fields.timestamp("statement_floor")
    clockResetAt = try fields.optionalInteger("clock_reset_at").map { UInt64($0) }
    for member in try fields.attributes("refusals_counted").members {
      if let service = Principal(member.name) {
        refusalsCounted[service] = member.value.string.flatMap { Timestamp($0) }
      }
    }
    for member in try fields.attributes("last_set").members {
      lastSet[member.name] = member.value.string.flatMap { Digest(hex: $0.bytes) }
    }
    for member in try fields.attributes("nonces").members {
      let parts = member.name.split(on: " ")
      if parts.count == 2, let key = Digest(hex: parts[0].bytes) {
        nonces[Nonce(key: Fingerprint(digest: key), nonce: parts[1])] =
          member.value.string.flatMap { Timestamp($0) }
      }
    }
    for member in try fields.attributes("statement_ids").members {
      statementIDs[member.name] = member.value.string.flatMap { Timestamp($0) }
    }
    size = UInt64(try fields.integer("size"))
    lastReceived = try fields.timestamp("last_received")
    unsupported = try fields.optionalInteger("unsupported").map { UInt64($0) }
    try fields.finish()
  }
}

extension JSONFields {
  fileprivate mutating func each(
    _ name: ByteString, _ take: (inout JSONFields) throws(FieldFault) -> Void
  ) throws(FieldFault) {
    for element in try array(name, limit: .max) {
      var inner = try JSONFields(element, path: "state.\(name.text)")
      try take(&inner)
      try inner.finish()
    }
  }

  fileprivate mutating func body(
    _ name: ByteString, _ type: StatementType
  ) throws(FieldFault) -> StatementBody {
    try StatementBody(type: type, json: try value(name))
  }
}

extension KeyRecord {
  fileprivate var snapshot: JSONValue {
    [
      "public": JSONValue(key.hex), "holder": holder.json,
      "enrollers": .array(enrollers.map(\.json)),
      "enrolling": enrollingKey.json { JSONValue($0.digest.hex) },
      "predecessor": predecessor.json { JSONValue($0.digest.hex) }, "received": received.json,
      "not_before": notBefore.json(\.json), "not_after": notAfter.json(\.json),
      "tainted": tainted.json(\.json), "revocation": revocation.json(\.json.withoutNulls),
      "revoked": revoked.json(\.json),
    ]
  }

  fileprivate init(snapshot fields: inout JSONFields) throws(FieldFault) {
    self.init(
      key: try fields.publicKey("public"), holder: try fields.principal("holder"),
      enrollers: try fields.strings("enrollers").compactMap { Principal($0) },
      enrollingKey: try fields.optionalDigest("enrolling").map { Fingerprint(digest: $0) },
      predecessor: try fields.optionalDigest("predecessor").map { Fingerprint(digest: $0) },
      received: try fields.timestamp("received"),
      notBefore: try fields.optionalTimestamp("not_before"),
      notAfter: try fields.optionalTimestamp("not_after"))
    tainted = try fields.optionalTimestamp("tainted")
    if let value = fields.optional("revocation"),
      case .keyRevoked(let body) = try StatementBody(type: .keyRevoked, json: value)
    {
      revocation = body
    }
    revoked = try fields.optionalTimestamp("revoked")
  }
}
