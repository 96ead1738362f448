package import Approvals
package import CanonicalJSON
package import Delegations
package import Keys
package import Statements

// What there may be millions of: how each is found, and how it is written down.

extension AgentRecord: Tabled {
  package static var table: TableName { .agents }
  package var id: Principal { registered.agent }
  package var links: [Link] { [.owner(registered.owner)] }

  package var snapshot: JSONValue {
    ["agent": registered.json.withoutNulls, "owners": .array(owners.map(\.json))]
  }

  package init(snapshot: JSONValue) throws(FieldFault) {
    var fields = try JSONFields(snapshot, path: "agent")
    guard case .agentRegistered(let body) = try fields.body("agent", .agentRegistered) else {
      throw fields.fault("agent", "is no agent")
    }
    self.init(
      registered: body, owners: try fields.strings("owners").compactMap { Principal($0) })
    try fields.finish()
  }
}

extension KeyRecord: Tabled {
  package static var table: TableName { .keys }
  package var id: Fingerprint { key.fingerprint }
  package var links: [Link] {
    // One link for each key, however often it is named.
    [.holder(holder)] + Set(origins).sorted().map(Link.origin)
  }

  /// The keys it stands on: the one it replaced and those that enrolled it.
  var origins: [Fingerprint] {
    [predecessor, enrollingKey].compactMap { $0 } + cosigningKeys
  }

  package var snapshot: JSONValue {
    let value: JSONValue = [
      "public": JSONValue(key.hex), "holder": holder.json,
      "enrollers": .array(enrollers.map(\.json)),
      "enrolling": enrollingKey.json { JSONValue($0.digest.hex) },
      "cosigning": cosigningKeys.isEmpty ? .null : cosigningKeys.map(\.digest).json,
      "predecessor": predecessor.json { JSONValue($0.digest.hex) }, "received": received.json,
      "not_before": notBefore.json(\.json), "not_after": notAfter.json(\.json),
      "tainted": tainted.json(\.json), "revocation": revocation.json(\.json.withoutNulls),
      "revoked": revoked.json(\.json),
    ]
    return value.withoutNulls
  }

  package init(snapshot: JSONValue) throws(FieldFault) {
    var fields = try JSONFields(snapshot, path: "key")
    self.init(
      key: try fields.publicKey("public"), holder: try fields.principal("holder"),
      enrollers: try fields.strings("enrollers").compactMap { Principal($0) },
      enrollingKey: try fields.optionalDigest("enrolling").map { Fingerprint(digest: $0) },
      cosigningKeys: fields.optional("cosigning") == nil
        ? [] : try fields.digests("cosigning").map { Fingerprint(digest: $0) },
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
    try fields.finish()
  }
}

extension Grant: Tabled {
  package static var table: TableName { .grants }
  package var id: Digest { digest }
  package var links: [Link] {
    [.holder(terms.holder), .issuer(issuer), .signer(key)]
      + [terms.parent].compactMap { $0.map(Link.parent) }
  }

  package var snapshot: JSONValue {
    let value: JSONValue = [
      "digest": JSONValue(digest.hex), "issuer": issuer.json, "key": JSONValue(key.digest.hex),
      "received": received.json, "terms": terms.json.withoutNulls, "revoked": revoked.json(\.json),
    ]
    return value.withoutNulls
  }

  package init(snapshot: JSONValue) throws(FieldFault) {
    var fields = try JSONFields(snapshot, path: "grant")
    guard case .grantIssued(let terms) = try fields.body("terms", .grantIssued) else {
      throw fields.fault("terms", "are no grant's")
    }
    let (digest, issuer) = (try fields.digest("digest"), try fields.principal("issuer"))
    let key = Fingerprint(digest: try fields.digest("key"))
    let received = try fields.timestamp("received")
    do {
      try self.init(digest: digest, issuer: issuer, key: key, received: received, terms: terms)
    } catch {
      throw fields.fault("terms", "\(error)")
    }
    revoked = try fields.optionalTimestamp("revoked")
    try fields.finish()
  }
}

extension Hold: Tabled {
  package static var table: TableName { .holds }
  package var id: Digest { digest }
  package var links: [Link] {
    [.action(action)] + (end == nil ? [.open(until: approvedUntil ?? terms.expires)] : [])
  }
}

extension Unfinished: Tabled {
  package static var table: TableName { .unfinished }
  package var id: Digest { action }
  package var links: [Link] { [.open(until: until)] }

  package var snapshot: JSONValue {
    [
      "action": JSONValue(action.hex), "agent": agent.json, "index": JSONValue(index),
      "until": until.json,
    ]
  }

  package init(snapshot: JSONValue) throws(FieldFault) {
    var fields = try JSONFields(snapshot, path: "unfinished")
    self.init(
      action: try fields.digest("action"), agent: try fields.principal("agent"),
      index: UInt64(try fields.integer("index")),
      until: try fields.timestamp("until"))
    try fields.finish()
  }
}

extension Spent: Tabled {
  static var table: TableName { .spent }
  var links: [Link] { [.open(until: until)] }
  var snapshot: JSONValue {
    ["id": JSONValue(id.text), "index": JSONValue(index), "until": until.json]
  }

  init(snapshot: JSONValue) throws(FieldFault) {
    var fields = try JSONFields(snapshot, path: "spent")
    self.init(
      id: ID(text: try fields.string("id")), index: UInt64(try fields.integer("index")),
      until: try fields.timestamp("until"))
    try fields.finish()
  }
}
