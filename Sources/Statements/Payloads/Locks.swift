package import CanonicalJSON
package import Keys

/// What a lock stops.
package enum LockTarget: Sendable, Hashable {
  case agent(Principal)
  case key(Fingerprint)
  /// A resource pattern.
  case resource(ByteString)
  case everything

  init(_ json: JSONValue, path: String) throws(FieldFault) {
    var fields = try JSONFields(json, path: path)
    let kind = try fields.string("kind")
    switch kind.text {
    case "agent": self = .agent(try fields.principal("value", .agent))
    case "key": self = .key(Fingerprint(digest: try fields.digest("value")))
    case "resource": self = .resource(try fields.string("value"))
    case "everything": self = .everything
    default: throw fields.fault("kind", "is \"\(kind.text)\", which cannot be locked")
    }
    try fields.finish()
  }

  package var json: JSONValue {
    switch self {
    case .agent(let agent): ["kind": "agent", "value": agent.json]
    case .key(let key): ["kind": "key", "value": JSONValue(key.digest.hex)]
    case .resource(let pattern): ["kind": "resource", "value": JSONValue(pattern)]
    case .everything: ["kind": "everything"]
    }
  }

  /// In words, for lists and reasons.
  package var words: String {
    switch self {
    case .agent(let agent): agent.description
    case .key(let key): "key \(key)"
    case .resource(let pattern): pattern.text
    case .everything: "everything"
    }
  }
}

/// `lock.placed`: a reversible stop.
package struct LockPlaced: Sendable, Hashable {
  package let target: LockTarget
  package let reason: ByteString
  package let until: Timestamp?

  package init(target: LockTarget, reason: ByteString, until: Timestamp?) {
    self.target = target
    self.reason = reason
    self.until = until
  }

  init(_ fields: inout JSONFields) throws(FieldFault) {
    target = try LockTarget(try fields.value("target"), path: fields.place("target"))
    reason = try fields.words("reason")
    until = try fields.optionalTimestamp("until")
  }

  package var json: JSONValue {
    ["target": target.json, "reason": JSONValue(reason), "until": until.json(\.json)]
  }
}

/// `lock.lifted`.
package struct LockLifted: Sendable, Hashable {
  package let lock: Digest
  package let reason: ByteString

  package init(lock: Digest, reason: ByteString) {
    self.lock = lock
    self.reason = reason
  }

  init(_ fields: inout JSONFields) throws(FieldFault) {
    lock = try fields.digest("lock")
    reason = try fields.words("reason")
  }

  package var json: JSONValue { ["lock": JSONValue(lock.hex), "reason": JSONValue(reason)] }
}
