package import CanonicalJSON
package import Keys

/// `approval.withdrawn`: a voter takes an approval back, before the quorum is met.
package struct ApprovalWithdrawn: Sendable, Hashable {
  package let hold: Digest
  package let reason: ByteString

  package init(hold: Digest, reason: ByteString) {
    self.hold = hold
    self.reason = reason
  }

  init(_ fields: inout JSONFields) throws(FieldFault) {
    hold = try fields.digest("hold")
    reason = try fields.string("reason")
    guard reason.count <= 2048 else { throw fields.fault("reason", "is over 2048 bytes long") }
  }

  package var json: JSONValue { ["hold": JSONValue(hold.hex), "reason": JSONValue(reason)] }
}

/// `approval.broken_glass`: one approver lets a hold through alone, because the rule foresees it.
package struct ApprovalBrokenGlass: Sendable, Hashable {
  package let hold: Digest
  package let reason: ByteString

  package init(hold: Digest, reason: ByteString) {
    self.hold = hold
    self.reason = reason
  }

  init(_ fields: inout JSONFields) throws(FieldFault) {
    hold = try fields.digest("hold")
    reason = try fields.words("reason")
  }

  package var json: JSONValue { ["hold": JSONValue(hold.hex), "reason": JSONValue(reason)] }
}

/// `review.completed`: another operator has looked at a broken glass, or at what a compromised key did.
package struct ReviewCompleted: Sendable, Hashable {
  package enum Outcome: String, Sendable, CaseIterable {
    case justified
    case unjustified
  }

  /// The digest of the `approval.broken_glass`, or of the suspect statement.
  package let subject: Digest
  /// Where a suspect statement stands in the log; none for a broken glass.
  package let index: Int64?
  package let outcome: Outcome
  package let note: ByteString

  package init(subject: Digest, index: Int64?, outcome: Outcome, note: ByteString) {
    self.subject = subject
    self.index = index
    self.outcome = outcome
    self.note = note
  }

  init(_ fields: inout JSONFields) throws(FieldFault) {
    subject = try fields.digest("subject")
    index = try fields.optionalInteger("index")
    let word = try fields.string("outcome")
    guard let outcome = Outcome(rawValue: word.text) else {
      throw fields.fault("outcome", "is \"\(word.text)\"; it is justified or unjustified")
    }
    self.outcome = outcome
    note = try fields.words("note")
  }

  package var json: JSONValue {
    [
      "subject": JSONValue(subject.hex), "index": index.json { JSONValue($0) },
      "outcome": JSONValue(outcome.rawValue), "note": JSONValue(note),
    ]
  }
}

/// `action.finished`: what became of a released action, as its enforcement point saw it.
package struct ActionFinished: Sendable, Hashable {
  package enum Outcome: String, Sendable, CaseIterable {
    case ok
    case failed
    case unknown
  }

  /// The digest of the action.
  package let action: Digest
  package let outcome: Outcome
  package let detail: ByteString

  package init(action: Digest, outcome: Outcome, detail: ByteString) {
    self.action = action
    self.outcome = outcome
    self.detail = detail
  }

  init(_ fields: inout JSONFields) throws(FieldFault) {
    action = try fields.digest("action")
    let word = try fields.string("outcome")
    guard let outcome = Outcome(rawValue: word.text) else {
      throw fields.fault("outcome", "is \"\(word.text)\"; it is ok, failed or unknown")
    }
    self.outcome = outcome
    detail = try fields.string("detail")
    guard detail.count <= 512 else { throw fields.fault("detail", "is over 512 bytes long") }
  }

  package var json: JSONValue {
    [
      "action": JSONValue(action.hex), "outcome": JSONValue(outcome.rawValue),
      "detail": JSONValue(detail),
    ]
  }
}

/// `refusals.counted`: what a service refused without logging each.
package struct RefusalsCounted: Sendable, Hashable {
  package let since: Timestamp
  /// Refusals by code.
  package let counts: JSONObject

  package init(since: Timestamp, counts: JSONObject) {
    self.since = since
    self.counts = counts
  }

  init(_ fields: inout JSONFields) throws(FieldFault) {
    since = try fields.timestamp("since")
    counts = try fields.attributes("counts")
    guard counts.members.count <= 64, counts.members.allSatisfy({ $0.value.integer != nil }) else {
      throw fields.fault("counts", "is not at most 64 codes, each with a whole number")
    }
  }

  package var json: JSONValue { ["since": since.json, "counts": .object(counts)] }
}
