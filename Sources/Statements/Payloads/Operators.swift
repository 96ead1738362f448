package import CanonicalJSON
package import Keys

extension JSONFields {
  mutating func operatorRoles(_ name: ByteString) throws(FieldFault) -> [OperatorRole] {
    var roles: [OperatorRole] = []
    for text in try strings(name) {
      guard let role = OperatorRole(rawValue: text.text) else {
        throw fault(name, "holds \"\(text.text)\"; roles are viewer, approver, admin")
      }
      roles.append(role)
    }
    return roles
  }

  /// A text that must say something.
  mutating func words(_ name: ByteString, limit: Int = 2048) throws(FieldFault) -> ByteString {
    let text = try string(name)
    guard text.bytes.contains(where: { $0 > 0x20 }) else { throw fault(name, "is empty") }
    guard text.count <= limit else { throw fault(name, "is over \(limit) bytes long") }
    return text
  }
}

/// `operator.updated`: what operators may do from now on, in one change.
///
/// Several at once, so that one proposal signs a whole rota.
package struct OperatorUpdated: Sendable, Hashable {
  /// One operator's roles, groups and capabilities, whole.
  package struct Standing: Sendable, Hashable {
    package let principal: Principal
    package let roles: [OperatorRole]
    package let groups: [GroupMembership]
    package let mayGrant: [Capability]

    package init(
      principal: Principal, roles: [OperatorRole], groups: [GroupMembership],
      mayGrant: [Capability]
    ) {
      self.principal = principal
      self.roles = roles
      self.groups = groups
      self.mayGrant = mayGrant
    }

    init(_ fields: inout JSONFields) throws(FieldFault) {
      principal = try fields.principal("operator", .user)
      roles = try fields.operatorRoles("roles")
      groups = try fields.groups("groups")
      mayGrant = try fields.capabilities("may_grant")
    }

    package var json: JSONValue {
      [
        "operator": principal.json, "roles": .array(roles.map { JSONValue($0.rawValue) }),
        "groups": .array(groups.map(\.json)), "may_grant": .array(mayGrant.map(\.json)),
      ]
    }
  }

  package let operators: [Standing]
  /// Whether the admins may be left without a spare: see ``RegistryCreated/acceptsNoSpare``.
  package let acceptsNoSpare: Bool

  package static let limit = 64

  package init(_ operators: [Standing], acceptsNoSpare: Bool = false) {
    self.operators = operators
    self.acceptsNoSpare = acceptsNoSpare
  }

  package init(
    principal: Principal, roles: [OperatorRole], groups: [GroupMembership],
    mayGrant: [Capability], acceptsNoSpare: Bool = false
  ) {
    self.init(
      [Standing(principal: principal, roles: roles, groups: groups, mayGrant: mayGrant)],
      acceptsNoSpare: acceptsNoSpare)
  }

  init(_ fields: inout JSONFields) throws(FieldFault) {
    var operators: [Standing] = []
    for (index, element) in try fields.array("operators", limit: OperatorUpdated.limit).enumerated()
    {
      var inner = try JSONFields(element, path: "\(fields.place("operators"))[\(index)]")
      operators.append(try Standing(&inner))
      try inner.finish()
    }
    guard !operators.isEmpty else { throw fields.fault("operators", "is empty") }
    guard Set(operators.map(\.principal)).count == operators.count else {
      throw fields.fault("operators", "names an operator twice")
    }
    self.operators = operators
    acceptsNoSpare = try fields.bool("no_spare", default: false)
  }

  package var json: JSONValue {
    [
      "operators": .array(operators.map(\.json)),
      "no_spare": acceptsNoSpare ? .bool(true) : .null,
    ]
  }
}

/// `operator.removed`: grants and votes of theirs stand no longer.
package struct OperatorRemoved: Sendable, Hashable {
  package let principal: Principal
  package let reason: ByteString
  /// Whether the admins may be left without a spare: see ``RegistryCreated/acceptsNoSpare``.
  package let acceptsNoSpare: Bool

  package init(principal: Principal, reason: ByteString, acceptsNoSpare: Bool = false) {
    self.principal = principal
    self.reason = reason
    self.acceptsNoSpare = acceptsNoSpare
  }

  init(_ fields: inout JSONFields) throws(FieldFault) {
    principal = try fields.principal("operator", .user)
    reason = try fields.words("reason")
    acceptsNoSpare = try fields.bool("no_spare", default: false)
  }

  package var json: JSONValue {
    [
      "operator": principal.json, "reason": JSONValue(reason),
      "no_spare": acceptsNoSpare ? .bool(true) : .null,
    ]
  }
}

/// `operator.key_rotated`: an operator's new key; what the old one signed stays good.
package struct OperatorKeyRotated: Sendable, Hashable {
  package let principal: Principal
  package let key: PublicKey
  /// Until when the old key still signs; without it, it ends at once.
  package let overlapUntil: Timestamp?

  package init(principal: Principal, key: PublicKey, overlapUntil: Timestamp?) {
    self.principal = principal
    self.key = key
    self.overlapUntil = overlapUntil
  }

  init(_ fields: inout JSONFields) throws(FieldFault) {
    principal = try fields.principal("operator", .user)
    key = try fields.publicKey("key")
    overlapUntil = try fields.optionalTimestamp("overlap_until")
  }

  package var json: JSONValue {
    [
      "operator": principal.json, "key": JSONValue(key.hex),
      "overlap_until": overlapUntil.json(\.json),
    ]
  }
}

/// `settings.changed`: what the genesis statement fixed and the admin quorum may change.
package struct SettingsChanged: Sendable, Hashable {
  package let name: ByteString?
  package let adminQuorum: Int64?
  package let approvalDefault: ApprovalRule?
  package let isSolo: Bool?
  /// The version of the rules from the entry on at which this takes effect.
  package let rules: Int64?
  /// Whether the admins may be left without a spare: see ``RegistryCreated/acceptsNoSpare``.
  package let acceptsNoSpare: Bool

  package init(
    name: ByteString? = nil, adminQuorum: Int64? = nil, approvalDefault: ApprovalRule? = nil,
    isSolo: Bool? = nil, rules: Int64? = nil, acceptsNoSpare: Bool = false
  ) {
    self.rules = rules
    self.acceptsNoSpare = acceptsNoSpare
    self.name = name
    self.adminQuorum = adminQuorum
    self.approvalDefault = approvalDefault
    self.isSolo = isSolo
  }

  init(_ fields: inout JSONFields) throws(FieldFault) {
    name = try fields.optionalString("name")
    adminQuorum = try fields.optionalInteger("admin_quorum", in: 1...64)
    approvalDefault = try fields.optional("approval_default").map { (json) throws(FieldFault) in
      try ApprovalRule(json, path: "body.approval_default")
    }
    isSolo = fields.optional("solo") == nil ? nil : try fields.bool("solo")
    rules = try fields.optionalInteger("rules")
    acceptsNoSpare = try fields.bool("no_spare", default: false)
  }

  package var json: JSONValue {
    [
      "name": name.json { JSONValue($0) }, "admin_quorum": adminQuorum.json { JSONValue($0) },
      "approval_default": approvalDefault.json(\.json), "solo": isSolo.json { .bool($0) },
      "rules": rules.json { JSONValue($0) }, "no_spare": acceptsNoSpare ? .bool(true) : .null,
    ]
  }
}

/// `service.removed`: a daemon that decides no more.
package struct ServiceRemoved: Sendable, Hashable {
  package let service: Principal
  package let reason: ByteString

  package init(service: Principal, reason: ByteString) {
    self.service = service
    self.reason = reason
  }

  init(_ fields: inout JSONFields) throws(FieldFault) {
    service = try fields.principal("service", .service)
    reason = try fields.words("reason")
  }

  package var json: JSONValue { ["service": service.json, "reason": JSONValue(reason)] }
}

/// `agent.retired`: the end of an agent; its name is never given again.
package struct AgentRetired: Sendable, Hashable {
  package let agent: Principal
  package let reason: ByteString

  package init(agent: Principal, reason: ByteString) {
    self.agent = agent
    self.reason = reason
  }

  init(_ fields: inout JSONFields) throws(FieldFault) {
    agent = try fields.principal("agent", .agent)
    reason = try fields.words("reason")
  }

  package var json: JSONValue { ["agent": agent.json, "reason": JSONValue(reason)] }
}
