package import CanonicalJSON
package import Keys
package import Statements

/// An operator's vote as the log admitted it.
package struct Vote: Sendable, Hashable {
  package let digest: Digest
  package let voter: Principal
  package let key: Fingerprint
  package let vote: ApprovalVoted.Vote
  package let reason: ByteString
  package let validUntil: Timestamp?
  package let received: Timestamp
  /// Whether the voter has taken it back; it then counts for nothing.
  package internal(set) var isWithdrawn = false

  package init(
    digest: Digest, voter: Principal, key: Fingerprint, ballot: ApprovalVoted, received: Timestamp
  ) {
    self.digest = digest
    self.voter = voter
    self.key = key
    vote = ballot.vote
    reason = ballot.reason
    validUntil = ballot.validUntil
    self.received = received
  }
}

/// One approver's word that lets a hold through alone, because its rule foresees it.
package struct BrokenGlass: Sendable, Hashable {
  /// Of the `approval.broken_glass` statement.
  package let digest: Digest
  package let by: Principal
  package let key: Fingerprint
  package let reason: ByteString
  package let received: Timestamp

  package init(
    digest: Digest, by: Principal, key: Fingerprint, reason: ByteString, received: Timestamp
  ) {
    self.digest = digest
    self.by = by
    self.key = key
    self.reason = reason
    self.received = received
  }
}

/// How a hold ended; exactly one end, for ever.
package enum HoldEnd: Sendable, Hashable {
  case released(decision: Digest)
  case denied(vote: Digest)
  case voided(reason: ByteString)
  /// An approved hold that a later policy would not let through.
  case lapsed(reason: ByteString)
}

/// Where a hold stands at one instant.
package enum HoldState: Sendable, Hashable {
  case pending(until: Timestamp)
  case approved(until: Timestamp)
  case denied
  case expired
  case voided
  case released
  case lapsed

  /// One word, the same everywhere.
  package var word: String {
    switch self {
    case .pending: "pending"
    case .approved: "approved"
    case .denied: "denied"
    case .expired: "expired"
    case .voided: "voided"
    case .released: "released"
    case .lapsed: "lapsed"
    }
  }

  package var isOpen: Bool {
    switch self {
    case .pending, .approved: true
    case .denied, .expired, .voided, .released, .lapsed: false
    }
  }
}

/// A decision that waits for people.
///
/// States: `pending -> approved | denied | expired | voided`, `approved -> released | lapsed | voided`.
package struct Hold: Sendable, Hashable {
  /// The digest of the `decision.made` that holds.
  package let digest: Digest
  /// Where that decision stands in the log.
  package let index: UInt64
  package let action: Digest
  package let agent: Principal
  package let key: Fingerprint
  package let resource: ByteString
  package let received: Timestamp
  package let terms: DecisionMade.Hold
  package let chain: [Digest]
  package private(set) var votes: [Vote] = []
  /// When the quorum was met.
  package private(set) var quorumMet: Timestamp?
  package private(set) var approvedUntil: Timestamp?
  package private(set) var brokenGlass: BrokenGlass?
  package private(set) var end: HoldEnd?

  package init(
    digest: Digest, index: UInt64, action: Digest, agent: Principal, key: Fingerprint,
    resource: ByteString,
    received: Timestamp, terms: DecisionMade.Hold, chain: [Digest]
  ) {
    self.digest = digest
    self.index = index
    self.action = action
    self.agent = agent
    self.key = key
    self.resource = resource
    self.received = received
    self.terms = terms
    self.chain = chain
  }

  /// Judged by the clock alone: nothing needs to sweep.
  package func state(at now: Timestamp) -> HoldState {
    switch end {
    case .released: return .released
    case .denied: return .denied
    case .voided: return .voided
    case .lapsed: return .lapsed
    case nil: break
    }
    if let approvedUntil { return now < approvedUntil ? .approved(until: approvedUntil) : .lapsed }
    return now < terms.expires ? .pending(until: terms.expires) : .expired
  }

  /// Takes a vote that was found admissible.
  ///
  /// `eligible`: Everyone who has approved and still may, this voter included.
  package mutating func take(_ vote: Vote, eligible: [Voter]) {
    precondition(end == nil && approvedUntil == nil, "a vote on a hold that is not pending")
    votes.append(vote)
    switch vote.vote {
    case .deny: end = .denied(vote: vote.digest)
    case .approve:
      guard Quorum.isMet(terms.rule.quorum, by: eligible) else { return }
      quorumMet = vote.received
      // The rule says how long an approval waits; a vote may shorten that for all, and lengthen it
      // for none.
      let people = Set(eligible.map(\.principal))
      let ends = approvals.filter { people.contains($0.voter) }.compactMap(\.validUntil)
      approvedUntil = ends.reduce(lapse(after: vote.received), min)
    }
  }

  /// Takes a voter's approval back; says whether there was one.
  package mutating func withdraw(by voter: Principal) -> Bool {
    guard
      let index = votes.firstIndex(where: {
        $0.voter == voter && $0.vote == .approve && !$0.isWithdrawn
      })
    else { return false }
    votes[index].isWithdrawn = true
    return true
  }

  /// Approves the hold on one approver's word; what is released so is marked.
  package mutating func breakGlass(_ glass: BrokenGlass) {
    precondition(end == nil && approvedUntil == nil, "broken glass on a hold that is not pending")
    brokenGlass = glass
    quorumMet = glass.received
    approvedUntil = lapse(after: glass.received)
  }

  private func lapse(after quorum: Timestamp) -> Timestamp {
    quorum.advanced(bySeconds: terms.rule.approvedForSeconds)
  }

  /// Takes what a mark says became of the hold.
  mutating func take(
    votes: [Vote], quorumMet: Timestamp?, approvedUntil: Timestamp?, glass: BrokenGlass?,
    end: HoldEnd?
  ) {
    self.votes = votes
    self.quorumMet = quorumMet
    self.approvedUntil = approvedUntil
    brokenGlass = glass
    self.end = end
  }

  package mutating func release(by decision: Digest) {
    precondition(end == nil && approvedUntil != nil, "a release of a hold that is not approved")
    end = .released(decision: decision)
  }

  /// Ends an open hold because a lock or revocation covers it; others are left as they are.
  package mutating func void(_ reason: ByteString, at now: Timestamp) -> Bool {
    guard state(at: now).isOpen else { return false }
    end = .voided(reason: reason)
    return true
  }

  package mutating func lapse(_ reason: ByteString) {
    precondition(end == nil, "a lapse of a hold that has ended")
    end = .lapsed(reason: reason)
  }

  package var approvals: [Vote] { votes.filter { $0.vote == .approve && !$0.isWithdrawn } }
}
