import Approvals
import CanonicalJSON
import Delegations
import Keys
import Statements

// Votes, broken glass, reviews, and the decisions they lead to.
extension AuthorityState {
  private func checkHead(_ signing: Signing, includes hold: Hold) throws(AdmissionFault) {
    // What is signed is what is shown: the head the voter saw includes the hold.
    guard signing.head.size > hold.index else { throw .wrongHead(size: signing.head.size) }
  }

  mutating func vote(
    _ body: ApprovalVoted, _ signing: Signing, _ now: Timestamp
  ) throws(AdmissionFault) -> [Change] {
    guard var hold = holds[body.hold] else { throw .vote(.holdUnknown) }
    let signer = signing.signer
    let voter = Voter(principal: signer, groups: operators[signer]?.groups(at: now) ?? [])
    do {
      try VoteRules.check(
        body, by: voter, isApprover: operators[signer]?.has(.approver) == true, on: hold,
        exclusions: exclusions(for: hold), at: now)
    } catch {
      throw .vote(error)
    }
    try checkHead(signing, includes: hold)
    let vote = Vote(
      digest: signing.digest, voter: signer, key: signing.keys[0], ballot: body, received: now)
    hold.take(vote, eligible: countedVoters(hold, at: now) + [voter])
    holds[body.hold] = hold
    return [.enacted(.approvalVoted(body)), .hold(body.hold)]
  }

  mutating func withdraw(
    _ body: ApprovalWithdrawn, _ signer: Principal, _ now: Timestamp
  ) throws(AdmissionFault) -> [Change] {
    guard var hold = holds[body.hold] else { throw .vote(.holdUnknown) }
    guard case .pending = hold.state(at: now) else {
      throw .vote(.notPending(hold.state(at: now)))
    }
    guard hold.withdraw(by: signer) else { throw .vote(.notGiven(signer)) }
    holds[body.hold] = hold
    return [.enacted(.approvalWithdrawn(body)), .hold(body.hold)]
  }

  mutating func breakGlass(
    _ body: ApprovalBrokenGlass, _ signing: Signing, _ now: Timestamp
  ) throws(AdmissionFault) -> [Change] {
    guard var hold = holds[body.hold] else { throw .vote(.holdUnknown) }
    let signer = signing.signer
    do {
      try VoteRules.checkBreakGlass(
        by: Voter(principal: signer, groups: operators[signer]?.groups(at: now) ?? []),
        isApprover: operators[signer]?.has(.approver) == true, on: hold,
        exclusions: exclusions(for: hold), at: now)
    } catch {
      throw .vote(error)
    }
    try checkHead(signing, includes: hold)
    for owed in owedReviews.values.sorted(by: { $0.digest < $1.digest }) {
      if owed.breaker == signer { throw .vote(.reviewOwed(signer)) }
      if owed.agent == hold.agent { throw .vote(.reviewOwed(hold.agent)) }
    }
    hold.breakGlass(
      BrokenGlass(
        digest: signing.digest, by: signer, key: signing.keys[0], reason: body.reason,
        received: now))
    holds[body.hold] = hold
    owedReviews[signing.digest] = OwedReview(
      digest: signing.digest, hold: body.hold, breaker: signer, agent: hold.agent, received: now)
    return [.enacted(.approvalBrokenGlass(body)), .hold(body.hold)]
  }

  /// Ends the reviews of all its subjects, or of none.
  mutating func complete(
    _ body: ReviewCompleted, by signer: Principal, _ context: AdmissionContext
  ) throws(AdmissionFault) {
    try requireApproverOrAdmin(signer)
    for subject in body.subjects { try check(review: subject, by: signer, context) }
    // From here on nothing is refused.
    for subject in body.subjects where owedReviews.removeValue(forKey: subject.digest) == nil {
      reviewed.insert(subject.digest)
    }
  }

  /// Whether a review of a statement is due, and may be completed by this signer.
  private func check(
    review subject: ReviewCompleted.Subject, by signer: Principal, _ context: AdmissionContext
  ) throws(AdmissionFault) {
    if let owed = owedReviews[subject.digest] {
      guard signer != owed.breaker else {
        throw .invalid(
          what: signer.description,
          why: "made the break-glass use \(subject.digest.hex): another operator reviews it")
      }
      return
    }
    guard !reviewed.contains(subject.digest) else {
      throw .exists(what: "the review of", name: subject.digest.hex)
    }
    guard let index = subject.index, UInt64(index) < size,
      let entry = context.entry(UInt64(index)), entry.envelope.digest == subject.digest,
      isSuspect(entry)
    else { throw .unknownSubject(what: "review due for", name: subject.digest.hex) }
    let own = Set(entry.envelope.signatures.compactMap { keys[$0.key]?.holder })
    guard !own.contains(signer) else {
      throw .invalid(
        what: signer.description,
        why: "signed \(subject.digest.hex): another operator reviews it")
    }
  }

  mutating func record(
    _ body: DecisionMade, _ signing: Signing, _ context: AdmissionContext
  ) throws(AdmissionFault) -> [Change] {
    guard services[signing.signer] != nil else { throw .unknownSigner(signing.signer) }
    let now = context.received
    let action = try action(of: body, context)
    var changes: [Change] = [.enacted(.decisionMade(body))]
    var ended: Hold?
    if let releases = body.releases {
      guard var hold = holds[releases], hold.action == body.action, hold.key == body.key else {
        throw .vote(.holdUnknown)
      }
      guard case .approved = hold.state(at: now) else {
        throw .vote(.notPending(hold.state(at: now)))
      }
      switch body.verdict {
      case .allow:
        let isMet =
          hold.brokenGlass.map { upholds($0, of: hold, at: now) }
          ?? Quorum.isMet(hold.terms.rule.quorum, by: countedVoters(hold, at: now))
        guard isMet else {
          throw .invalid(what: "releases", why: "names a hold whose quorum no longer stands")
        }
        hold.release(by: signing.digest)
      case .deny: hold.lapse(body.reasons.first?.code ?? "lapsed")
      case .hold: throw .invalid(what: "releases", why: "stands with verdict hold")
      }
      ended = hold
    } else {
      guard !isSpent(action.nonce, by: body.key, at: now) else {
        throw .invalid(what: "nonce", why: "was used before")
      }
    }
    if body.verdict == .allow {
      for grant in body.chain {
        if let limit = grants[grant]?.terms.limits.maxUses, uses[grant, default: 0] >= limit {
          throw .invalid(what: "chain", why: "names grant \(grant.short), whose uses are spent")
        }
      }
    }
    // From here on nothing is refused.
    if let ended {
      holds[ended.digest] = ended
      changes.append(.hold(ended.digest))
    } else {
      let end = action.timestamp.advanced(bySeconds: AuthorityState.freshnessSeconds + 1)
      spent.set(Spent(id: .nonce(action.nonce, by: body.key), index: size, until: end))
    }
    if let terms = body.hold {
      holds[signing.digest] = Hold(
        digest: signing.digest, index: size, action: body.action, agent: action.agent,
        key: body.key, resource: action.resource, received: now, terms: terms, chain: body.chain)
      changes.append(.hold(signing.digest))
    }
    if body.verdict == .allow {
      unfinished.set(
        Unfinished(
          action: body.action, agent: action.agent, index: size,
          until: now.advanced(bySeconds: AuthorityState.outcomeSeconds)))
      for grant in body.chain where grants[grant]?.terms.limits.maxUses != nil {
        uses[grant, default: 0] += 1
      }
    }
    return changes
  }

  /// The action a decision is about: its bytes, signed by the agent, or what an erasure keeps.
  func action(
    of body: DecisionMade, _ context: AdmissionContext
  ) throws(AdmissionFault) -> Action {
    guard let payload = context.body(body.action) else {
      guard let kept = erased[body.action] ?? context.erased(body.action),
        keys[body.key]?.holder == kept.agent
      else { throw .missingBody(body.action) }
      return kept
    }
    let action: Action
    do { action = try Action(payload: payload) } catch {
      throw .invalid(what: "action", why: "\(error)")
    }
    guard let key = keys[body.key], key.holder == action.agent,
      key.key.verifies(
        body.signature,
        over: PreAuthEncoding.bytes(payloadType: Action.payloadType, payload: payload))
    else { throw .invalid(what: "sig", why: "is not the agent's over the action") }
    return action
  }
}
