package import CanonicalJSON
package import Keys

/// `agent.registered`, and, whole again, `agent.updated`.
package struct AgentRegistered: Sendable, Hashable {
  package let agent: Principal
  package let owner: Principal
  package let roles: [ByteString]
  package let attributes: JSONObject
  package let spiffeID: ByteString?

  package init(
    agent: Principal, owner: Principal, roles: [ByteString], attributes: JSONObject = JSONObject(),
    spiffeID: ByteString? = nil
  ) {
    self.agent = agent
    self.owner = owner
    self.roles = roles
    self.attributes = attributes
    self.spiffeID = spiffeID
  }

  init(_ fields: inout JSONFields) throws(FieldFault) {
    agent = try fields.principal("agent", .agent)
    owner = try fields.principal("owner", .user)
    roles = try fields.strings("roles", limit: 32)
    attributes = try fields.attributes("attributes")
    spiffeID = try fields.optionalString("spiffe_id")
  }

  package var json: JSONValue {
    [
      "agent": agent.json, "owner": owner.json, "roles": roles.json,
      "attributes": .object(attributes), "spiffe_id": spiffeID.json { JSONValue($0) },
    ]
  }
}

/// `key.enrolled`: an agent's key, signed by an admin and, as proof of possession, by the key itself.
///
/// With `request`, the key has signed there and the admin alone signs here.
package struct KeyEnrolled: Sendable, Hashable {
  package let holder: Principal
  package let key: PublicKey
  package let notBefore: Timestamp?
  package let notAfter: Timestamp?
  package let request: Digest?

  package init(
    holder: Principal, key: PublicKey, notBefore: Timestamp?, notAfter: Timestamp?,
    request: Digest? = nil
  ) {
    self.holder = holder
    self.key = key
    self.notBefore = notBefore
    self.notAfter = notAfter
    self.request = request
  }

  init(_ fields: inout JSONFields) throws(FieldFault) {
    holder = try fields.principal("holder", .agent)
    key = try fields.publicKey("key")
    notBefore = try fields.optionalTimestamp("not_before")
    notAfter = try fields.optionalTimestamp("not_after")
    request = try fields.optionalDigest("request")
  }

  package var json: JSONValue {
    [
      "holder": holder.json, "key": JSONValue(key.hex),
      "not_before": notBefore.json(\.json), "not_after": notAfter.json(\.json),
      "request": request.json { JSONValue($0.hex) },
    ]
  }
}

/// Why a key ends; it says what becomes of what the key signed before.
package enum RevocationReason: String, Sendable, CaseIterable {
  case superseded
  case retired
  case compromised
  case unspecified
}

/// `key.revoked`: the irreversible end of a key.
package struct KeyRevoked: Sendable, Hashable {
  package let key: Fingerprint
  package let reason: RevocationReason
  /// With `compromised` only: what the log received from the key at or after this is suspect.
  package let compromisedSince: Timestamp?
  package let note: ByteString

  package init(
    key: Fingerprint, reason: RevocationReason, compromisedSince: Timestamp?, note: ByteString
  ) {
    self.key = key
    self.reason = reason
    self.compromisedSince = compromisedSince
    self.note = note
  }

  init(_ fields: inout JSONFields) throws(FieldFault) {
    key = Fingerprint(digest: try fields.digest("key"))
    let word = try fields.string("reason")
    guard let reason = RevocationReason(rawValue: word.text) else {
      throw fields.fault(
        "reason", "is \"\(word.text)\"; it is superseded, retired, compromised or unspecified")
    }
    self.reason = reason
    compromisedSince = try fields.optionalTimestamp("compromised_since")
    guard compromisedSince == nil || reason == .compromised else {
      throw fields.fault("compromised_since", "goes with reason compromised only")
    }
    note = try fields.string("note")
  }

  package var json: JSONValue {
    [
      "key": JSONValue(key.digest.hex), "reason": JSONValue(reason.rawValue),
      "compromised_since": compromisedSince.json(\.json), "note": JSONValue(note),
    ]
  }
}
