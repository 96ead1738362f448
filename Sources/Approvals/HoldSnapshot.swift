package import CanonicalJSON
import Keys
import Statements

// A hold as JSON and back, whole: for marks of a verified state.
extension Hold {
  package var snapshot: JSONValue {
    let value: JSONValue = [
      "digest": JSONValue(digest.hex), "index": JSONValue(index), "action": JSONValue(action.hex),
      "agent": agent.json, "key": JSONValue(key.digest.hex), "resource": JSONValue(resource),
      "received": received.json, "rule": terms.rule.json, "expires": terms.expires.json,
      "excluded": .array(terms.excluded.map(\.json)), "chain": chain.json,
      "votes": .array(
        votes.map { vote in
          [
            "ballot": ApprovalVoted(
              hold: digest, vote: vote.vote, reason: vote.reason, validUntil: vote.validUntil
            ).json.withoutNulls,
            "digest": JSONValue(vote.digest.hex), "voter": vote.voter.json,
            "key": JSONValue(vote.key.digest.hex), "received": vote.received.json,
            "withdrawn": .bool(vote.isWithdrawn),
          ]
        }), "quorum_met": quorumMet.json(\.json), "approved_until": approvedUntil.json(\.json),
      "glass": brokenGlass.json {
        [
          "digest": JSONValue($0.digest.hex), "by": $0.by.json,
          "key": JSONValue($0.key.digest.hex), "reason": JSONValue($0.reason),
          "received": $0.received.json,
        ]
      },
      "end": end.json { end in
        switch end {
        case .released(let decision): ["released": JSONValue(decision.hex)]
        case .denied(let vote): ["denied": JSONValue(vote.hex)]
        case .voided(let reason): ["voided": JSONValue(reason)]
        case .lapsed(let reason): ["lapsed": JSONValue(reason)]
        }
      },
    ]
    return value.withoutNulls
  }

  package init(snapshot: JSONValue) throws(FieldFault) {
    var fields = try JSONFields(snapshot, path: "hold")
    var excluded: [Principal] = []
    for text in try fields.strings("excluded") {
      guard let principal = Principal(text) else {
        throw fields.fault("excluded", "holds no principal")
      }
      excluded.append(principal)
    }
    self.init(
      digest: try fields.digest("digest"), index: UInt64(try fields.integer("index")),
      action: try fields.digest("action"), agent: try fields.principal("agent"),
      key: Fingerprint(digest: try fields.digest("key")), resource: try fields.string("resource"),
      received: try fields.timestamp("received"),
      terms: DecisionMade.Hold(
        rule: try ApprovalRule(try fields.value("rule"), path: "hold.rule"),
        expires: try fields.timestamp("expires"), excluded: excluded),
      chain: try fields.digests("chain"))
    var votes: [Vote] = []
    for element in try fields.array("votes") {
      var inner = try JSONFields(element, path: "hold.votes")
      let body = try StatementBody(type: .approvalVoted, json: try inner.value("ballot"))
      guard case .approvalVoted(let ballot) = body else {
        throw inner.fault("ballot", "is no vote")
      }
      var vote = Vote(
        digest: try inner.digest("digest"), voter: try inner.principal("voter"),
        key: Fingerprint(digest: try inner.digest("key")), ballot: ballot,
        received: try inner.timestamp("received"))
      vote.isWithdrawn = try inner.bool("withdrawn")
      try inner.finish()
      votes.append(vote)
    }
    var glass: BrokenGlass?
    if let value = fields.optional("glass") {
      var inner = try JSONFields(value, path: "hold.glass")
      glass = BrokenGlass(
        digest: try inner.digest("digest"), by: try inner.principal("by"),
        key: Fingerprint(digest: try inner.digest("key")), reason: try inner.string("reason"),
        received: try inner.timestamp("received"))
      try inner.finish()
    }
    var end: HoldEnd?
    if let value = fields.optional("end") {
      var inner = try JSONFields(value, path: "hold.end")
      if let decision = try inner.optionalDigest("released") {
        end = .released(decision: decision)
      } else if let vote = try inner.optionalDigest("denied") {
        end = .denied(vote: vote)
      } else if let reason = try inner.optionalString("voided") {
        end = .voided(reason: reason)
      } else {
        end = .lapsed(reason: try inner.string("lapsed"))
      }
      try inner.finish()
    }
    take(
      votes: votes, quorumMet: try fields.optionalTimestamp("quorum_met"),
      approvedUntil: try fields.optionalTimestamp("approved_until"), glass: glass, end: end)
    try fields.finish()
  }
}
