package import CanonicalJSON
package import Keys

/// What an operator may do with the registry.
package enum OperatorRole: String, Sendable, CaseIterable {
  case viewer
  case approver
  case admin
}

/// `operator.enrolled`, and each founder in `registry.created`.
package struct OperatorEnrolled: Sendable, Hashable {
  package let principal: Principal
  package let key: PublicKey
  package let roles: [OperatorRole]
  package let groups: [GroupMembership]
  /// What this operator may give to agents at the root of a chain.
  package let mayGrant: [Capability]

  package init(
    principal: Principal, key: PublicKey, roles: [OperatorRole], groups: [GroupMembership],
    mayGrant: [Capability]
  ) {
    self.principal = principal
    self.key = key
    self.roles = roles
    self.groups = groups
    self.mayGrant = mayGrant
  }

  init(_ fields: inout JSONFields) throws(FieldFault) {
    principal = try fields.principal("operator", .user)
    key = try fields.publicKey("key")
    roles = try fields.operatorRoles("roles")
    groups = try fields.groups("groups")
    mayGrant = try fields.capabilities("may_grant")
  }

  package var json: JSONValue {
    [
      "operator": principal.json, "key": JSONValue(key.hex),
      "roles": .array(roles.map { JSONValue($0.rawValue) }),
      "groups": .array(groups.map(\.json)),
      "may_grant": .array(mayGrant.map(\.json)),
    ]
  }
}

/// The versions of the rules that this program judges entries by.
package enum RulesVersion {
  package static let newest: Int64 = 2

  package static func isKnown(_ version: Int64) -> Bool { version == newest }
}

/// `registry.created`: the genesis statement, signed by every founding operator.
package struct RegistryCreated: Sendable, Hashable {
  package let name: ByteString
  package let operators: [OperatorEnrolled]
  package let adminQuorum: Int64
  package let approvalDefault: ApprovalRule
  /// Whether a lone operator may approve what runs under their own grants, everywhere.
  package let isSolo: Bool
  /// The version of the rules of admission, decision and policy language; 1 where none is named.
  package let rules: Int64
  /// Whether as many admins as the quorum are enough, by express wish: then, with one of them away,
  /// nobody can change who is trusted.
  package let acceptsNoSpare: Bool

  package init(
    name: ByteString, operators: [OperatorEnrolled], adminQuorum: Int64,
    approvalDefault: ApprovalRule, isSolo: Bool, rules: Int64 = RulesVersion.newest,
    acceptsNoSpare: Bool = false
  ) {
    self.rules = rules
    self.acceptsNoSpare = acceptsNoSpare
    self.name = name
    self.operators = operators
    self.adminQuorum = adminQuorum
    self.approvalDefault = approvalDefault
    self.isSolo = isSolo
  }

  init(_ fields: inout JSONFields) throws(FieldFault) {
    name = try fields.string("name")
    var operators: [OperatorEnrolled] = []
    for (index, element) in try fields.array("operators", limit: 64).enumerated() {
      var inner = try JSONFields(element, path: "body.operators[\(index)]")
      operators.append(try OperatorEnrolled(&inner))
      try inner.finish()
    }
    self.operators = operators
    adminQuorum = try fields.integer("admin_quorum", in: 1...64)
    approvalDefault = try ApprovalRule(
      try fields.value("approval_default"), path: fields.place("approval_default"))
    isSolo = try fields.bool("solo")
    // Admission refuses what it does not know, naming the version.
    rules = try fields.optionalInteger("rules") ?? 1
    acceptsNoSpare = try fields.bool("no_spare", default: false)
  }

  package var json: JSONValue {
    [
      "name": JSONValue(name), "operators": .array(operators.map(\.json)),
      "admin_quorum": JSONValue(adminQuorum), "approval_default": approvalDefault.json,
      "solo": .bool(isSolo), "rules": JSONValue(rules),
      "no_spare": acceptsNoSpare ? .bool(true) : .null,
    ]
  }
}
