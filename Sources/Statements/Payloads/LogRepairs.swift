package import CanonicalJSON
package import Keys

extension TreeHead {
  package init(_ json: JSONValue, path: String) throws(FieldFault) {
    var fields = try JSONFields(json, path: path)
    guard let root = Base64.bytes(of: try fields.string("root").bytes).flatMap(Digest.init(bytes:))
    else { throw fields.fault("root", "is not 32 bytes of base64") }
    self.init(size: UInt64(try fields.integer("size")), root: root)
    try fields.finish()
  }
}

/// `payload.erased`: an action's params and context are gone; what replay needs of it stays here.
package struct PayloadErased: Sendable, Hashable {
  /// The action's digest.
  package let action: Digest
  /// The action without its params and context, in the admin quorum's word.
  package let kept: Action
  package let reason: ByteString

  package init(action: Digest, kept: Action, reason: ByteString) {
    self.action = action
    self.kept = kept
    self.reason = reason
  }

  init(_ fields: inout JSONFields) throws(FieldFault) {
    action = try fields.digest("action")
    let value = try fields.value("kept")
    do {
      kept = try Action(payload: try value.canonicalBytes())
    } catch {
      throw fields.fault("kept", "is no action: \(error)")
    }
    guard kept.params.members.isEmpty, kept.context.members.isEmpty else {
      throw fields.fault("kept", "still has params or context")
    }
    reason = try fields.words("reason")
  }

  package var json: JSONValue {
    ["action": JSONValue(action.hex), "kept": kept.json, "reason": JSONValue(reason)]
  }
}

/// `log.restored`: the log goes on from a backup; what came after it is lost.
package struct LogRestored: Sendable, Hashable {
  /// The largest head anyone is known to have seen.
  package let lost: TreeHead
  /// The head of the backup.
  package let kept: TreeHead
  package let reason: ByteString

  package init(lost: TreeHead, kept: TreeHead, reason: ByteString) {
    self.lost = lost
    self.kept = kept
    self.reason = reason
  }

  init(_ fields: inout JSONFields) throws(FieldFault) {
    lost = try TreeHead(try fields.value("lost"), path: fields.place("lost"))
    kept = try TreeHead(try fields.value("kept"), path: fields.place("kept"))
    reason = try fields.words("reason")
  }

  package var json: JSONValue {
    ["lost": lost.json, "kept": kept.json, "reason": JSONValue(reason)]
  }
}

/// `clock.reset`: receipt times go on from an earlier instant, after a clock ran ahead.
package struct ClockReset: Sendable, Hashable {
  package let to: Timestamp
  package let reason: ByteString

  package init(to: Timestamp, reason: ByteString) {
    self.to = to
    self.reason = reason
  }

  init(_ fields: inout JSONFields) throws(FieldFault) {
    to = try fields.timestamp("to")
    reason = try fields.words("reason")
  }

  package var json: JSONValue { ["to": to.json, "reason": JSONValue(reason)] }
}
