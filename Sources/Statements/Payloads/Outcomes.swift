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

/// `review.completed`: another operator has looked at break-glass uses, or at what a compromised key
/// signed; one signature covers every statement it names, or none.
package struct ReviewCompleted: Sendable, Hashable {
  package enum Outcome: String, Sendable, CaseIterable {
    case justified
    case unjustified
  }

  /// A statement that was reviewed.
  package struct Subject: Sendable, Hashable {
    /// The digest of the `approval.broken_glass`, or of the suspect statement.
    package let digest: Digest
    /// Where a suspect statement stands in the log; none for a break-glass use.
    package let index: Int64?

    package init(_ digest: Digest, index: Int64?) {
      self.digest = digest
      self.index = index
    }
  }

  /// In the order of their digests, each once.
  package let subjects: [Subject]
  package let outcome: Outcome
  package let note: ByteString

  /// Statements that one review covers at most: with a note of any length they fit in one log entry.
  package static let limit = 512

  /// `subjects`: In any order, each once.
  package init(_ subjects: [Subject], outcome: Outcome, note: ByteString) {
    self.subjects = subjects.sorted { $0.digest < $1.digest }
    self.outcome = outcome
    self.note = note
  }

  /// The statements that complete any number of reviews: as few as may be, each within ``limit``.
  package static func statements(
    covering subjects: [Subject], outcome: Outcome, note: ByteString
  ) -> [ReviewCompleted] {
    let sorted = subjects.sorted { $0.digest < $1.digest }
    return stride(from: 0, to: sorted.count, by: limit).map { start in
      ReviewCompleted(
        Array(sorted[start..<min(sorted.count, start + limit)]), outcome: outcome, note: note)
    }
  }

  init(_ fields: inout JSONFields) throws(FieldFault) {
    var subjects: [Subject] = []
    let elements = try fields.array("subjects", limit: ReviewCompleted.limit)
    for (place, element) in elements.enumerated() {
      var inner = try JSONFields(element, path: "\(fields.place("subjects"))[\(place)]")
      let subject = Subject(
        try inner.digest("subject"), index: try inner.optionalInteger("index"))
      try inner.finish()
      if let last = subjects.last, last.digest >= subject.digest {
        throw inner.fault("subject", "is not after the one before it: digests ascend, each once")
      }
      subjects.append(subject)
    }
    guard !subjects.isEmpty else { throw fields.fault("subjects", "is empty") }
    self.subjects = subjects
    let word = try fields.string("outcome")
    guard let outcome = Outcome(rawValue: word.text) else {
      throw fields.fault("outcome", "is \"\(word.text)\"; it is justified or unjustified")
    }
    self.outcome = outcome
    note = try fields.words("note")
  }

  package var json: JSONValue {
    [
      "subjects": .array(
        subjects.map { subject in
          let value: JSONValue = [
            "index": subject.index.json { JSONValue($0) }, "subject": JSONValue(subject.digest.hex),
          ]
          return value.withoutNulls
        }), "outcome": JSONValue(outcome.rawValue), "note": JSONValue(note),
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
