package import CanonicalJSON
package import Keys

/// `key.requested`: an agent asks for a key of its own; signed by that key, as proof of possession.
///
/// With `replaces` it asks for a rotation, and the old key signs too.
package struct KeyRequested: Sendable, Hashable {
  package let holder: Principal
  package let key: PublicKey
  package let replaces: Fingerprint?
  package let note: ByteString

  package init(holder: Principal, key: PublicKey, replaces: Fingerprint?, note: ByteString) {
    self.holder = holder
    self.key = key
    self.replaces = replaces
    self.note = note
  }

  init(_ fields: inout JSONFields) throws(FieldFault) {
    holder = try fields.principal("holder", .agent)
    key = try fields.publicKey("key")
    replaces = try fields.optionalDigest("replaces").map { Fingerprint(digest: $0) }
    note = try fields.string("note")
    guard note.count <= 512 else { throw fields.fault("note", "is over 512 bytes long") }
  }

  package var json: JSONValue {
    [
      "holder": holder.json, "key": JSONValue(key.hex),
      "replaces": replaces.json { JSONValue($0.digest.hex) }, "note": JSONValue(note),
    ]
  }
}

/// `key.rotated`: an agent's next key, signed by the old one, the new one and an operator.
///
/// With `request`, the two keys have signed there and the operator alone signs here.
package struct KeyRotated: Sendable, Hashable {
  package let holder: Principal
  package let old: Fingerprint
  package let key: PublicKey
  /// Until when the old key still acts; without it, it ends at once.
  package let overlapUntil: Timestamp?
  package let notAfter: Timestamp?
  package let request: Digest?

  package init(
    holder: Principal, old: Fingerprint, key: PublicKey, overlapUntil: Timestamp?,
    notAfter: Timestamp?, request: Digest?
  ) {
    self.holder = holder
    self.old = old
    self.key = key
    self.overlapUntil = overlapUntil
    self.notAfter = notAfter
    self.request = request
  }

  init(_ fields: inout JSONFields) throws(FieldFault) {
    holder = try fields.principal("holder", .agent)
    old = Fingerprint(digest: try fields.digest("old"))
    key = try fields.publicKey("key")
    overlapUntil = try fields.optionalTimestamp("overlap_until")
    notAfter = try fields.optionalTimestamp("not_after")
    request = try fields.optionalDigest("request")
  }

  package var json: JSONValue {
    [
      "holder": holder.json, "old": JSONValue(old.digest.hex), "key": JSONValue(key.hex),
      "overlap_until": overlapUntil.json(\.json), "not_after": notAfter.json(\.json),
      "request": request.json { JSONValue($0.hex) },
    ]
  }
}

/// `key.tainted`: what the key signed stands, and it signs nothing more; the step before its end.
package struct KeyTainted: Sendable, Hashable {
  package let key: Fingerprint
  package let reason: ByteString

  package init(key: Fingerprint, reason: ByteString) {
    self.key = key
    self.reason = reason
  }

  init(_ fields: inout JSONFields) throws(FieldFault) {
    key = Fingerprint(digest: try fields.digest("key"))
    reason = try fields.words("reason")
  }

  package var json: JSONValue {
    ["key": JSONValue(key.digest.hex), "reason": JSONValue(reason)]
  }
}
