package import CanonicalJSON
package import Keys

/// What bounds a grant besides its capabilities.
package struct GrantLimits: Sendable, Hashable {
  package let notBefore: Timestamp?
  package let notAfter: Timestamp?
  /// Hops still allowed below this grant; 0 forbids passing it on.
  package let maxDepth: Int64
  package let maxUses: Int64?
  /// Services at which it counts; none named means every one.
  package let audiences: [ByteString]

  package init(
    notBefore: Timestamp? = nil, notAfter: Timestamp? = nil, maxDepth: Int64 = 0,
    maxUses: Int64? = nil, audiences: [ByteString] = []
  ) {
    self.notBefore = notBefore
    self.notAfter = notAfter
    self.maxDepth = maxDepth
    self.maxUses = maxUses
    self.audiences = audiences
  }

  init(_ json: JSONValue, path: String) throws(FieldFault) {
    var fields = try JSONFields(json, path: path)
    notBefore = try fields.optionalTimestamp("not_before")
    notAfter = try fields.optionalTimestamp("not_after")
    maxDepth = try fields.integer("max_depth", in: 0...64)
    maxUses = try fields.optionalInteger("max_uses", in: 1...Int64.max)
    audiences = try fields.optionalStrings("audiences")
    try fields.finish()
  }

  package var json: JSONValue {
    let value: JSONValue = [
      "not_before": notBefore.json(\.json), "not_after": notAfter.json(\.json),
      "max_depth": JSONValue(maxDepth), "max_uses": maxUses.json { JSONValue($0) },
      "audiences": audiences.json,
    ]
    return value.withoutNulls
  }
}

/// `grant.issued`: one link of delegation, signed by its issuer.
package struct GrantIssued: Sendable, Hashable {
  package let holder: Principal
  package let capabilities: [Capability]
  package let limits: GrantLimits
  /// The grant this one hangs from; none at the root, which only an operator issues.
  package let parent: Digest?

  package init(
    holder: Principal, capabilities: [Capability], limits: GrantLimits, parent: Digest?
  ) {
    self.holder = holder
    self.capabilities = capabilities
    self.limits = limits
    self.parent = parent
  }

  init(_ fields: inout JSONFields) throws(FieldFault) {
    holder = try fields.principal("holder", .agent)
    capabilities = try fields.capabilities("capabilities")
    limits = try GrantLimits(try fields.value("limits"), path: fields.place("limits"))
    parent = try fields.optionalDigest("parent")
  }

  package var json: JSONValue {
    [
      "holder": holder.json, "capabilities": .array(capabilities.map(\.json)),
      "limits": limits.json, "parent": parent.json { JSONValue($0.hex) },
    ]
  }
}

/// `grant.revoked`: the irreversible end of a grant and of all that hangs from it.
package struct GrantRevoked: Sendable, Hashable {
  package let grant: Digest
  package let reason: ByteString

  package init(grant: Digest, reason: ByteString) {
    self.grant = grant
    self.reason = reason
  }

  init(_ fields: inout JSONFields) throws(FieldFault) {
    grant = try fields.digest("grant")
    reason = try fields.words("reason")
  }

  package var json: JSONValue {
    ["grant": JSONValue(grant.hex), "reason": JSONValue(reason)]
  }
}
