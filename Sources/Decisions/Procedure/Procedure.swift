package import Approvals
import CanonicalJSON
import Delegations
import Keys
package import Statements

/// The decision procedure: pure, over an action, the replayed state, the policy in force and now.
package struct Procedure {
  private let state: AuthorityState
  private let policy: PolicyInForce?
  private let now: Timestamp
  private let service: Principal
  private let watchdog: PolicyRuling.Watchdog?

  /// `watchdog`: Ends the evaluation of the policy; only where decisions are made, never where they
  /// are made again.
  package init(
    state: AuthorityState, policy: PolicyInForce?, service: Principal, now: Timestamp,
    watchdog: PolicyRuling.Watchdog? = nil
  ) {
    self.state = state
    self.policy = policy
    self.now = now
    self.service = service
    self.watchdog = watchdog
  }

  /// The first half of step 3: meant for this registry and service.
  ///
  /// It holds for repeats, too: else another service would release what was held here.
  package func checkAudience(_ signed: SignedAction) throws(Refusal) {
    let action = signed.action
    guard action.registry == state.registry?.id else {
      throw Refusal("wrong_registry", "the action is for registry \(action.registry.text)")
    }
    guard action.audience == service else {
      throw Refusal(
        "wrong_audience", "the action is for \(action.audience), and this is \(service)")
    }
  }

  /// The second half of step 3: signed lately, and not seen before.
  ///
  /// A failure is answered, not logged.
  package func checkFreshness(_ signed: SignedAction) throws(Refusal) {
    let action = signed.action
    let skew = now.milliseconds(since: action.timestamp)
    guard skew.magnitude <= UInt64(AuthorityState.freshnessSeconds * 1000) else {
      throw Refusal(
        "stale",
        "the action was signed at \(action.timestamp.text), more than 60 s from \(now.text)")
    }
    guard action.timestamp > state.actionFloor else {
      throw Refusal(
        "stale",
        "the action was signed before \(state.actionFloor.text), when the log was restored or its "
          + "clock reset; sign it anew")
    }
    guard !state.isSpent(action.nonce, by: signed.key, at: now) else {
      throw Refusal("replayed", "nonce \(action.nonce.text) was used before")
    }
  }

  /// Steps 4 to 8 for a new action.
  package func decide(_ signed: SignedAction) throws(PolicyRuling.Interrupted) -> DecisionMade {
    try judge(signed, releasing: nil)
  }

  /// Steps 4 to 8 again, for an action whose hold is approved: release it, or let the hold lapse.
  ///
  /// `isLate`: Whether a service found an approval of it late: not in the log when it looked, and not
  /// admissible any more then. What it rests on is known to that service alone, so replay takes its word:
  /// it can only refuse.
  package func release(
    _ hold: Hold, _ signed: SignedAction, isLate: Bool = false
  ) throws(PolicyRuling.Interrupted) -> DecisionMade {
    try judge(signed, releasing: hold, isLate: isLate)
  }

  /// The code with which key, lock or chain would refuse an action today, if they would.
  package func refusalToday(_ signed: SignedAction) -> Reason? {
    do {
      _ = try authority(signed)
      return nil
    } catch {
      return error.reason
    }
  }

  private struct Authority {
    let agent: AgentRegistered
    let uri: ResourceURI
    let chain: VerifiedChain
    let facts: JSONObject
  }

  /// Steps 4 to 7.
  private func authority(_ signed: SignedAction) throws(Refusal) -> Authority {
    let action = signed.action
    guard let key = state.keys[signed.key] else {
      throw Refusal("key_unknown", "no key \(signed.key) is enrolled")
    }
    switch key.status(at: now) {
    case .active: break
    case .prepared: throw Refusal("key_not_yet_valid", "key \(signed.key) is not valid yet")
    case .tainted:
      throw Refusal("key_tainted", "key \(signed.key) is tainted and signs nothing new")
    case .expired: throw Refusal("key_expired", "key \(signed.key) has expired")
    case .revoked:
      throw Refusal(
        "key_revoked",
        "key \(signed.key) was revoked (\(key.revocation?.reason.rawValue ?? "unspecified"))")
    }
    guard let agent = state.agents[action.agent]?.registered else {
      throw Refusal("agent_retired", "\(action.agent) is retired")
    }
    let uri: ResourceURI
    do {
      uri = try ResourceURI(action.resource)
    } catch {
      throw Refusal("envelope_malformed", "resource \(error)")
    }
    if let lock = state.lock(
      agent: action.agent, key: signed.key, resource: uri, leaf: action.grant, at: now)
    {
      throw Refusal(
        "locked", "\(lock.placed.target.words) is locked: \(lock.placed.reason.text)")
    }
    let chain: VerifiedChain
    do {
      chain = try state.chains.verify(
        leaf: action.grant, agent: action.agent, audience: service, at: now)
    } catch {
      throw Refusal(error.code, "\(error)")
    }
    guard chain.covers(action: action.action, resource: uri) else {
      throw Refusal(
        "not_granted",
        "the grant does not cover \(action.action.text) on \(action.resource.text)")
    }
    for grant in chain.grants {
      if let limit = grant.terms.limits.maxUses, state.uses[grant.digest, default: 0] >= limit {
        throw Refusal("grant_exhausted", "grant \(grant.digest.short) was used \(limit) times")
      }
    }
    return Authority(
      agent: agent, uri: uri, chain: chain, facts: state.resources.facts(for: uri))
  }

  private func judge(
    _ signed: SignedAction, releasing hold: Hold?, isLate: Bool = false
  ) throws(PolicyRuling.Interrupted) -> DecisionMade {
    var zones: ByteString?
    func decision(
      _ verdict: Verdict, _ reasons: [Reason], rules: [ByteString] = [],
      authority: Authority? = nil, holding: DecisionMade.Hold? = nil, isJudged: Bool = true
    ) -> DecisionMade {
      DecisionMade(
        action: signed.digest, key: signed.key, signature: signed.signature, verdict: verdict,
        reasons: reasons, rules: rules, chain: authority?.chain.digests ?? [],
        policy: authority == nil || !isJudged ? nil : policy?.record, zones: zones,
        resource: authority?.facts, hold: holding, releases: hold?.digest,
        votes: hold.map { $0.approvals.map(\.digest) + ($0.brokenGlass.map { [$0.digest] } ?? []) }
          ?? [])
    }
    let authority: Authority
    do {
      authority = try self.authority(signed)
    } catch {
      return decision(.deny, [error.reason])
    }
    if let mismatch = mismatch(signed.action, authority.facts) {
      return decision(.deny, [mismatch], authority: authority, isJudged: false)
    }
    guard let policy else {
      return decision(
        .deny, [Reason("policy_denied", "no policy is active")], authority: authority)
    }
    let input = PolicyInput.document(
      action: signed.action, agent: authority.agent, key: signed.key, chain: authority.chain,
      resource: authority.facts, now: now)
    let ruling = try PolicyRuling.ask(
      policy, input: input, standard: state.registry?.approvalDefault ?? .standard,
      watchdog: watchdog)
    zones = ruling.zones
    if case .deny(let reasons) = ruling.answer {
      return decision(.deny, reasons, rules: ruling.rules, authority: authority)
    }
    // Whatever else policy says now, a hold is released only by approvals that still count.
    if let hold, let lost = lostApproval(of: hold, isLate: isLate) {
      return decision(.deny, [lost], rules: ruling.rules, authority: authority)
    }
    switch ruling.answer {
    case .deny(let reasons):
      return decision(.deny, reasons, rules: ruling.rules, authority: authority)
    case .allow:
      return decision(
        .allow, [Reason("allowed", "the policy allows it")], rules: ruling.rules,
        authority: authority)
    case .hold(let rule):
      return held(rule, ruling.rules, signed, authority, releasing: hold) {
        decision($0, $1, rules: $2, authority: $3, holding: $4)
      }
    }
  }

  private func held(
    _ asked: ApprovalRule, _ rules: [ByteString], _ signed: SignedAction, _ authority: Authority,
    releasing hold: Hold?,
    _ decision: (Verdict, [Reason], [ByteString], Authority?, DecisionMade.Hold?) -> DecisionMade
  ) -> DecisionMade {
    let rule = state.registry?.isSolo == true ? asked.allowingSelf : asked
    for group in rule.quorum.flatMap(\.anyOf) where !state.groups.contains(group) {
      return decision(
        .deny, [Reason("policy_error", "approval.quorum names the unknown group \(group.text)")],
        rules, authority, nil)
    }
    if let hold {
      let voters = state.countedVoters(hold, at: now)
      if let glass = hold.brokenGlass {
        guard rule.breakGlass else {
          return decision(
            .deny, [Reason("policy_changed", "the policy allows no break-glass any more")], rules,
            authority, nil)
        }
        return decision(
          .allow,
          [Reason("broken_glass", "let through by \(glass.by) alone: \(glass.reason.text)")],
          rules, authority, nil)
      }
      guard Quorum.isMet(rule.quorum, by: voters), rule.allowSelf || !hold.terms.rule.allowSelf
      else {
        return decision(
          .deny,
          [Reason("policy_changed", "the policy now asks for more approval than was given")],
          rules, authority, nil)
      }
      // A policy that has since shortened the wait is kept to.
      if let met = hold.quorumMet, met.advanced(bySeconds: rule.approvedForSeconds) <= now {
        return decision(
          .deny,
          [
            Reason(
              "policy_changed",
              "the policy now lets an approval wait \(rule.approvedForSeconds) s only")
          ], rules, authority, nil)
      }
      return decision(
        .allow, [Reason("approved", "approved by \(hold.approverNames)")], rules, authority, nil)
    }
    let excluded =
      rule.allowSelf
      ? [:]
      : state.exclusions(
        agent: signed.action.agent, key: signed.key, chain: authority.chain.digests)
    guard
      Quorum.isMet(rule.quorum, by: state.possibleVoters(excluding: Set(excluded.keys), at: now))
    else {
      return decision(
        .deny,
        [Reason("policy_error", "the quorum it asks for cannot be reached by anyone enrolled")],
        rules, authority, nil)
    }
    return decision(
      .hold, [Reason("approval_required", "the policy asks for approval")], rules, authority,
      DecisionMade.Hold(
        rule: rule, expires: now.advanced(bySeconds: rule.ttlSeconds),
        excluded: excluded.keys.sorted()))
  }

  /// Why the approvals of a hold do not release it; nil if they do.
  private func lostApproval(of hold: Hold, isLate: Bool) -> Reason? {
    if isLate {
      return Reason(
        "vote_late",
        "an approval claims an earlier receipt than the instant at which it was missing from the log"
      )
    }
    if let glass = hold.brokenGlass {
      return state.upholds(glass, of: hold, at: now)
        ? nil : Reason("quorum_lost", "the break-glass of \(glass.by) no longer counts")
    }
    return Quorum.isMet(hold.terms.rule.quorum, by: state.countedVoters(hold, at: now))
      ? nil : Reason("quorum_lost", "an approval it rested on no longer counts")
  }

  /// An agent names a resource; what it says the resource is must be true.
  private func mismatch(_ action: Action, _ facts: JSONObject) -> Reason? {
    for (name, claim) in [("type", action.claimedType), ("env", action.claimedEnv)] {
      guard let claim else { continue }
      let fact = facts[ByteString(name)]?.string
      if fact != claim {
        return Reason(
          "resource_mismatch",
          "agent claimed \(name)=\(claim.text) for \(action.resource.text); "
            + "the catalogue says \(fact?.text ?? "nothing")")
      }
    }
    return nil
  }
}

extension Hold {
  package var approverNames: String {
    approvals.map(\.voter.description).joined(separator: ", ")
  }
}

extension ApprovalRule {
  fileprivate var allowingSelf: ApprovalRule {
    ApprovalRule(
      quorum: quorum, ttlSeconds: ttlSeconds, approvedForSeconds: approvedForSeconds, risk: risk,
      allowSelf: true,
      breakGlass: breakGlass, irreversible: irreversible, warnings: warnings)
  }
}
