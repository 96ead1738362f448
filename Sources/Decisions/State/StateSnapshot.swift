import Approvals
package import CanonicalJSON
import Delegations
import Keys
import Statements

// The state as JSON and back: a mark of what was verified, so that opening need not replay everything
// again. Two states are the same exactly if the canonical bytes of their snapshots are.
extension AuthorityState {
  /// The whole state.
  package var snapshot: JSONValue {
    var members = core.object?.members ?? []
    func add(_ name: ByteString, _ records: [JSONValue]) {
      members.append(JSONObject.Member(name: name, value: .array(records)))
    }
    add("agents", agents.all().map(\.snapshot))
    add("keys", keys.all().map(\.snapshot))
    add("grants", grants.all().map(\.snapshot))
    add("holds", holds.all().map(\.snapshot))
    add("unfinished", unfinished.all { isAwaited($0, at: lastReceived) }.map(\.snapshot))
    add("spent", spent.all { stands($0, at: lastReceived) }.map(\.snapshot))
    return .object(JSONObject(members))
  }

  /// What is not in tables, of which there is never much.
  package var core: JSONValue {
    let value: JSONValue = [
      "registry": registry.json {
        [
          "id": JSONValue($0.id), "name": JSONValue($0.name), "rules": JSONValue($0.rules),
          "admin_quorum": JSONValue($0.adminQuorum), "rule": $0.approvalDefault.json,
          "solo": .bool($0.isSolo),
        ]
      },
      "operators": list(operators.values, by: \.principal) {
        [
          "operator": $0.principal.json, "key": JSONValue($0.key.digest.hex),
          "roles": .array($0.roles.map { JSONValue($0.rawValue) }),
          "groups": .array($0.memberships.map(\.json)),
          "may_grant": .array($0.mayGrant.map(\.json)),
        ]
      },
      "services": list(services.values, by: \.principal) {
        [
          "service": $0.principal.json,
          "keys": .array(
            $0.hosts.map { ["host": JSONValue($0.host), "key": JSONValue($0.key.digest.hex)] }),
          "may_attest": .array($0.mayAttest.map(\.json)),
        ]
      },
      "retired": .array(retiredAgents.sorted().map(\.json)),
      "requests": list(requests.values, by: \.digest) {
        [
          "digest": JSONValue($0.digest.hex), "body": $0.requested.json.withoutNulls,
          "received": $0.received.json,
        ]
      },
      "uses": counts(uses.map { (ByteString($0.key.hex), $0.value) }),
      "resources": .array(
        resources.entries.keys.sorted().compactMap { resources.entries[$0]?.json }),
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
      "proposals": list(proposals.values, by: \.digest) {
        [
          "digest": JSONValue($0.digest.hex), "body": $0.opened.json.withoutNulls,
          "received": $0.received.json,
          "signatures": .array(
            $0.signatures.map {
              [
                "admin": $0.admin.json, "key": JSONValue($0.key.digest.hex),
                "received": $0.received.json,
              ]
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
      "erased": .object(
        JSONObject(
          erased.map { JSONObject.Member(name: ByteString($0.key.hex), value: $0.value.json) })),
      "restorations": list(restorations, by: \.index) {
        [
          "digest": JSONValue($0.digest.hex), "index": JSONValue($0.index), "body": $0.body.json,
        ]
      }, "action_floor": actionFloor.json,
      "statement_floor": statementFloor.json,
      "clock_resets": .array(
        clockResets.map { ["index": JSONValue($0.index), "from": $0.from.json] }),
      "refusals_counted": .object(
        JSONObject(
          refusalsCounted.map {
            JSONObject.Member(name: ByteString($0.key.digest.hex), value: $0.value.json)
          })),
      "key_locks": .object(
        JSONObject(
          keyLocks.map {
            JSONObject.Member(name: ByteString($0.key.digest.hex), value: $0.value.json)
          })),
      "last_set": .object(
        JSONObject(
          lastSet.map { JSONObject.Member(name: $0.key, value: JSONValue($0.value.hex)) })),
      "size": JSONValue(size), "last_received": lastReceived.json,
      "unsupported": unsupported.json { JSONValue($0) },
    ]
    return value.withoutNulls
  }

  private func list<Item, Key: Comparable>(
    _ items: some Sequence<Item>, by key: (Item) -> Key, _ json: (Item) -> JSONValue
  ) -> JSONValue {
    .array(items.sorted { key($0) < key($1) }.map { json($0).withoutNulls })
  }

  private func counts(_ pairs: [(ByteString, Int64)]) -> JSONValue {
    .object(
      JSONObject(pairs.map { JSONObject.Member(name: $0.0, value: JSONValue($0.1)) }))
  }

  /// Takes back what ``snapshot`` or ``core`` gave.
  package init(snapshot: JSONValue) throws(FieldFault) {
    self.init()
    var fields = try JSONFields(snapshot, path: "state")
    if let value = fields.optional("registry") {
      var inner = try JSONFields(value, path: "state.registry")
      registry = RegistryIdentity(
        id: try inner.string("id"), name: try inner.string("name"),
        rules: try inner.integer("rules"), adminQuorum: Int(try inner.integer("admin_quorum")),
        approvalDefault: try ApprovalRule(try inner.value("rule"), path: "state.registry.rule"),
        isSolo: try inner.bool("solo"))
      try inner.finish()
    }
    try fields.each("operators") { (inner) throws(FieldFault) in
      let record = OperatorRecord(
        principal: try inner.principal("operator"),
        key: Fingerprint(digest: try inner.digest("key")),
        roles: try inner.strings("roles").compactMap { OperatorRole(rawValue: $0.text) },
        groups: try inner.groups("groups"), mayGrant: try inner.capabilities("may_grant"))
      operators[record.principal] = record
    }
    try fields.each("services") { (inner) throws(FieldFault) in
      var hosts: [ServiceRecord.Host] = []
      try inner.each("keys") { (element) throws(FieldFault) in
        hosts.append(
          ServiceRecord.Host(
            host: try element.string("host"), key: Fingerprint(digest: try element.digest("key"))))
      }
      let record = ServiceRecord(
        principal: try inner.principal("service"), hosts: hosts,
        mayAttest: try inner.strings("may_attest").compactMap { Principal($0) })
      services[record.principal] = record
    }
    retiredAgents = Set(try fields.strings("retired", limit: .max).compactMap { Principal($0) })
    try fields.each("requests") { (inner) throws(FieldFault) in
      let (digest, received) = (try inner.digest("digest"), try inner.timestamp("received"))
      if case .keyRequested(let body) = try inner.body("body", .keyRequested) {
        requests[digest] = KeyRequest(digest: digest, requested: body, received: received)
      }
    }
    for member in try fields.attributes("uses").members {
      if let digest = Digest(hex: member.name.bytes) { uses[digest] = member.value.integer }
    }
    for element in try fields.array("resources", limit: .max) {
      do {
        try resources.register(try ResourceEntry(element, path: "state.resources"))
      } catch let fault as FieldFault {
        throw fault
      } catch {
        throw fields.fault("resources", "holds what is no pattern: \(error)")
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
        do {
          locks[digest] = try LockRecord(digest: digest, placed: body, placer: placer)
        } catch {
          throw inner.fault("body", "\(error)")
        }
      }
    }
    try fields.each("proposals") { (inner) throws(FieldFault) in
      var signatures: [ProposalRecord.Signature] = []
      try inner.each("signatures") { (element) throws(FieldFault) in
        signatures.append(
          ProposalRecord.Signature(
            admin: try element.principal("admin"),
            key: Fingerprint(digest: try element.digest("key")),
            received: try element.timestamp("received")))
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
    for member in try fields.attributes("erased").members {
      guard let digest = Digest(hex: member.name.bytes),
        let bytes = try? member.value.canonicalBytes(), let action = try? Action(payload: bytes)
      else { throw fields.fault("erased", "holds what is no action") }
      erased[digest] = action
    }
    try fields.each("restorations") { (inner) throws(FieldFault) in
      let (digest, index) = (try inner.digest("digest"), UInt64(try inner.integer("index")))
      if case .logRestored(let body) = try inner.body("body", .logRestored) {
        restorations.append(RestorationRecord(digest: digest, index: index, body: body))
      }
    }
    actionFloor = try fields.timestamp("action_floor")
    statementFloor = try fields.timestamp("statement_floor")
    try fields.each("clock_resets") { (inner) throws(FieldFault) in
      clockResets.append(
        ClockResetRecord(
          index: UInt64(try inner.integer("index")), from: try inner.timestamp("from")))
    }
    for member in try fields.attributes("refusals_counted").members {
      if let key = Digest(hex: member.name.bytes) {
        refusalsCounted[Fingerprint(digest: key)] = member.value.string.flatMap { Timestamp($0) }
      }
    }
    for member in try fields.attributes("key_locks").members {
      if let key = Digest(hex: member.name.bytes) {
        keyLocks[Fingerprint(digest: key)] = member.value.string.flatMap { Timestamp($0) }
      }
    }
    for member in try fields.attributes("last_set").members {
      lastSet[member.name] = member.value.string.flatMap { Digest(hex: $0.bytes) }
    }
    size = UInt64(try fields.integer("size"))
    lastReceived = try fields.timestamp("last_received")
    unsupported = try fields.optionalInteger("unsupported").map { UInt64($0) }
    try fields.take("agents", into: &agents)
    try fields.take("keys", into: &keys)
    try fields.take("grants", into: &grants)
    try fields.take("holds", into: &holds)
    try fields.take("unfinished", into: &unfinished)
    try fields.take("spent", into: &spent)
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

  fileprivate mutating func take<Record: Tabled>(
    _ name: ByteString, into table: inout RecordTable<Record>
  ) throws(FieldFault) {
    guard optional(name) != nil else { return }
    for element in try array(name, limit: .max) { table.set(try Record(snapshot: element)) }
  }

  mutating func body(
    _ name: ByteString, _ type: StatementType
  ) throws(FieldFault) -> StatementBody {
    try StatementBody(type: type, json: try value(name))
  }
}
