import CanonicalJSON
package import Statements

/// Why a vote does not count.
package enum VoteFault: Error, Sendable, Equatable {
  case holdUnknown
  case notPending(HoldState)
  case notApprover(Principal)
  case excluded(Principal, why: String)
  case alreadyVoted(Principal)
  case outsideGroups(Principal)
  case lapsed(Timestamp)
  case notGiven(Principal)
  case noBreakGlass
  case reviewOwed(Principal)

  /// The stable name of the fault.
  package var code: String {
    switch self {
    case .holdUnknown: "hold_unknown"
    case .notPending(let state): "hold_\(state.word)"
    case .notApprover: "vote_not_approver"
    case .excluded: "vote_excluded"
    case .alreadyVoted: "vote_repeated"
    case .outsideGroups: "vote_outside_groups"
    case .lapsed: "vote_lapsed"
    case .notGiven: "vote_not_given"
    case .noBreakGlass: "break_glass_forbidden"
    case .reviewOwed: "review_owed"
    }
  }
}

extension VoteFault: CustomStringConvertible {
  package var description: String {
    switch self {
    case .holdUnknown: "no such hold is on record"
    case .notPending(let state): "the hold is \(state.word) and takes no more votes"
    case .notApprover(let voter): "\(voter) does not have the role approver"
    case .excluded(let voter, let why):
      "\(voter) may not vote on this hold: \(why); another approver must"
    case .alreadyVoted(let voter): "\(voter) has voted on this hold already"
    case .outsideGroups(let voter):
      "\(voter) is in none of the groups whose approval this hold needs"
    case .notGiven(let voter): "\(voter) has no approval on this hold to take back"
    case .noBreakGlass: "the rule that holds this action allows no break-glass"
    case .reviewOwed(let who):
      "\(who) still owes a review of a break-glass use; another operator signs it first: "
        + "countersign reviews"
    case .lapsed(let time): "the vote was only valid until \(time.text)"
    }
  }
}

/// Who may vote on a hold.
package enum VoteRules {
  /// Whether a vote may be taken now.
  ///
  /// `exclusions`: Who may not approve, as of now, each with the reason in words.
  /// `isApprover`: Whether the voter has the role.
  package static func check(
    _ ballot: ApprovalVoted, by voter: Voter, isApprover: Bool, on hold: Hold,
    exclusions: [Principal: String], at now: Timestamp
  ) throws(VoteFault) {
    guard case .pending = hold.state(at: now) else { throw .notPending(hold.state(at: now)) }
    guard isApprover else { throw .notApprover(voter.principal) }
    guard !hold.votes.contains(where: { $0.voter == voter.principal && !$0.isWithdrawn }) else {
      throw .alreadyVoted(voter.principal)
    }
    guard ballot.vote == .approve else { return }
    if let until = ballot.validUntil, until <= now { throw .lapsed(until) }
    try checkEligible(voter, on: hold, exclusions: exclusions)
  }

  /// Whether an approver may let a hold through alone.
  package static func checkBreakGlass(
    by voter: Voter, isApprover: Bool, on hold: Hold, exclusions: [Principal: String],
    at now: Timestamp
  ) throws(VoteFault) {
    guard case .pending = hold.state(at: now) else { throw .notPending(hold.state(at: now)) }
    guard hold.terms.rule.breakGlass else { throw .noBreakGlass }
    guard isApprover else { throw .notApprover(voter.principal) }
    try checkEligible(voter, on: hold, exclusions: exclusions)
  }

  private static func checkEligible(
    _ voter: Voter, on hold: Hold, exclusions: [Principal: String]
  ) throws(VoteFault) {
    if !hold.terms.rule.allowSelf {
      if let why = exclusions[voter.principal] { throw .excluded(voter.principal, why: why) }
      if hold.terms.excluded.contains(voter.principal) {
        throw .excluded(voter.principal, why: "they were excluded when the action was held")
      }
    }
    guard Quorum.filled(hold.terms.rule.quorum, by: [voter]) > 0 else {
      throw .outsideGroups(voter.principal)
    }
  }
}
