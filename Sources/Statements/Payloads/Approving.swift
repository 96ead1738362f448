package import CanonicalJSON
package import Keys

/// `approval.voted`: an operator's yes or no to one hold.
package struct ApprovalVoted: Sendable, Hashable {
  package enum Vote: String, Sendable {
    case approve
    case deny
  }

  /// The digest of the `decision.made` that holds.
  package let hold: Digest
  package let vote: Vote
  package let reason: ByteString
  package let validUntil: Timestamp?

  package init(hold: Digest, vote: Vote, reason: ByteString, validUntil: Timestamp?) {
    self.hold = hold
    self.vote = vote
    self.reason = reason
    self.validUntil = validUntil
  }

  init(_ fields: inout JSONFields) throws(FieldFault) {
    hold = try fields.digest("hold")
    let word = try fields.string("vote")
    guard let vote = Vote(rawValue: word.text) else {
      throw fields.fault("vote", "is \"\(word.text)\"; it is approve or deny")
    }
    self.vote = vote
    reason = try fields.string("reason")
    guard reason.count <= 2048 else { throw fields.fault("reason", "is over 2048 bytes long") }
    validUntil = try fields.optionalTimestamp("valid_until")
  }

  package var json: JSONValue {
    [
      "hold": JSONValue(hold.hex), "vote": JSONValue(vote.rawValue), "reason": JSONValue(reason),
      "valid_until": validUntil.json(\.json),
    ]
  }
}

/// `proposal.opened`: a change that takes the admin quorum; counts as its signer's signature.
package struct ProposalOpened: Sendable, Hashable {
  package let inner: StatementBody
  /// The digest of the statement that last set what this changes; if it is another by then, void.
  package let expects: Digest?
  package let expires: Timestamp

  package init(inner: StatementBody, expects: Digest?, expires: Timestamp) {
    self.inner = inner
    self.expects = expects
    self.expires = expires
  }

  init(_ fields: inout JSONFields) throws(FieldFault) {
    var proposed = try JSONFields(try fields.value("inner"), path: fields.place("inner"))
    let word = try proposed.string("type")
    guard let type = StatementType(rawValue: word.text), type.mayBeProposed else {
      throw proposed.fault("type", "is \"\(word.text)\", which takes no admin quorum")
    }
    inner = try StatementBody(type: type, json: try proposed.value("body"))
    try proposed.finish()
    expects = try fields.optionalDigest("expects")
    expires = try fields.timestamp("expires")
  }

  package var json: JSONValue {
    [
      "inner": ["type": JSONValue(inner.type.rawValue), "body": inner.json.withoutNulls],
      "expects": expects.json { JSONValue($0.hex) }, "expires": expires.json,
    ]
  }
}

/// `proposal.signed`: one more admin's signature on a proposal.
package struct ProposalSigned: Sendable, Hashable {
  package let proposal: Digest

  package init(proposal: Digest) {
    self.proposal = proposal
  }

  init(_ fields: inout JSONFields) throws(FieldFault) {
    proposal = try fields.digest("proposal")
  }

  package var json: JSONValue { ["proposal": JSONValue(proposal.hex)] }
}

/// `proposal.rejected`: an admin ends a proposal.
package struct ProposalRejected: Sendable, Hashable {
  package let proposal: Digest
  package let reason: ByteString

  package init(proposal: Digest, reason: ByteString) {
    self.proposal = proposal
    self.reason = reason
  }

  init(_ fields: inout JSONFields) throws(FieldFault) {
    proposal = try fields.digest("proposal")
    reason = try fields.words("reason")
  }

  package var json: JSONValue {
    ["proposal": JSONValue(proposal.hex), "reason": JSONValue(reason)]
  }
}
