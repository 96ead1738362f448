package import Approvals
import CanonicalJSON
package import Cells
package import Decisions
import Delegations
import Keys
package import Statements

/// Everything a person must see before voting on a hold, rendered from the bytes that bind.
///
/// The hold's statement and the action's payload are named by their digests; the vote names the hold.
package struct HoldReview: Sendable {
  package let hold: Hold
  package let decision: DecisionMade
  package let action: Action
  package let holdIndex: UInt64
  /// Root user, then each holder.
  package let chain: [Principal]
  package let voter: Principal
  /// Why this voter may not approve, if they may not.
  package let objection: String?
  /// Why they may not even deny it.
  package let denyObjection: String?
  /// Whether they have an approval here that they could take back.
  package let hasApproved: Bool
  /// Whether this voter's approval would complete the quorum.
  package let completes: Bool
  package let registry: RegistryIdentity
  package let payloadBytes: Int

  /// Builds the review from bytes.
  ///
  /// - Throws: ``StatementFault`` if the action's bytes are not those the hold names.
  package init(
    hold: Hold, decision: DecisionMade, holdIndex: UInt64, payload: [UInt8],
    state: AuthorityState, voter: Principal, now: Timestamp
  ) throws(StatementFault) {
    guard Digest.sha256(payload) == decision.action, let registry = state.registry else {
      throw .malformedEnvelope("the action's bytes are not those the hold names")
    }
    self.hold = hold
    self.decision = decision
    self.holdIndex = holdIndex
    action = try Action(payload: payload)
    self.voter = voter
    self.registry = registry
    payloadBytes = payload.count
    let links = decision.chain.compactMap { state.grants[$0] }
    chain = (links.first.map { [$0.issuer] } ?? []) + links.map(\.terms.holder)
    let groups = state.operators[voter]?.groups(at: now) ?? []
    let candidate = Voter(principal: voter, groups: groups)
    func problem(with vote: ApprovalVoted.Vote) -> String? {
      do {
        try VoteRules.check(
          ApprovalVoted(hold: hold.digest, vote: vote, reason: "", validUntil: nil),
          by: candidate, isApprover: state.operators[voter]?.has(.approver) == true, on: hold,
          exclusions: state.exclusions(for: hold), at: now)
        return nil
      } catch {
        return "\(error.code): \(error)"
      }
    }
    objection = problem(with: .approve)
    denyObjection = problem(with: .deny)
    hasApproved = hold.approvals.contains { $0.voter == voter }
    completes = Quorum.isMet(
      hold.terms.rule.quorum, by: state.countedVoters(hold, at: now) + [candidate])
  }

  package var risk: Risk { hold.terms.rule.risk }

  /// How many hidden characters the agent's text holds.
  package var hiddenCharacters: Int { signedLines.reduce(0) { $0 + $1.text.hidden } }

  /// Every line that binds: those that decide, then the hashes.
  package var signedLines: [Line] { decidingLines + hashLines }

  /// What a person decides by, the most important first: every one must have been on the screen
  /// before approving.
  package var decidingLines: [Line] {
    let rule = hold.terms.rule
    var lines = [
      Line("risk", "\(rule.risk.words)\(rule.irreversible ? "  IRREVERSIBLE" : "")", rule.risk.role)
    ]
    for warning in rule.warnings { lines.append(Line("warning", SafeText(warning.text), .alert)) }
    lines.append(Line("action", SafeText(action.action.text), .title))
    lines.append(Line("resource", SafeText(action.resource.text), .title))
    if let facts = decision.resource {
      let known = facts.members.filter { $0.name != "uri" }
        .map { "\($0.name.text)=\($0.value.exactText)" }.joined(separator: " ")
      lines.append(Line("resource type", SafeText(known)))
    }
    for member in action.params.members { lines += HoldReview.flat("parameter", member) }
    for item in rule.quorum {
      let groups =
        item.anyOf.isEmpty ? "any approver" : item.anyOf.map(\.text).joined(separator: " or ")
      lines.append(Line("needs", SafeText("\(item.count) of \(groups)")))
    }
    lines.append(Line("agent", SafeText(action.agent.description)))
    if let words {
      lines.append(Line("justification", "\"" + words + "\"  (agent, unverified)", .untrusted))
    }
    for member in action.context.members where member.name != "justification" {
      lines += HoldReview.flat("agent claims", member)
    }
    lines.append(Line("chain", SafeText(chain.map(\.description).joined(separator: " > "))))
    if let policy = decision.policy { lines.append(Line("policy", SafeText(policy.label))) }
    for rule in decision.rules { lines.append(Line("rule", SafeText(rule.text))) }
    if !hold.terms.excluded.isEmpty {
      lines.append(
        Line(
          "excluded", SafeText(hold.terms.excluded.map(\.description).joined(separator: ", "))))
    }
    lines.append(Line("expires", SafeText(hold.terms.expires.text)))
    lines.append(
      Line("valid for", SafeText(Span.words(rule.approvedForSeconds) + " after the quorum")))
    lines.append(Line("requested at", SafeText(action.timestamp.text)))
    lines.append(Line("decided by", SafeText(action.audience.description)))
    return lines
  }

  /// Ids and hashes: they name what the lines above say, bit for bit.
  ///
  /// The dialog folds them into one line, and the read gate does not count what is folded. Nothing is
  /// hidden by that: a vote signs the hold's digest, which covers every one of them and stands under
  /// the text at all times; nobody can tell two of them apart by reading, so that making people page
  /// through them only teaches them to page. Who compares them unfolds them, whole.
  package var hashLines: [Line] {
    var lines = [Line("key", SafeText(hold.key.description))]
    for digest in decision.chain { lines.append(Line("grant", SafeText(digest.hex))) }
    if let policy = decision.policy {
      lines.append(Line("policy", SafeText("\(policy.label) sha256 \(policy.digest.hex)")))
    }
    lines.append(Line("nonce", SafeText(action.nonce.text)))
    lines.append(Line("payload", SafeText("\(payloadBytes) bytes, sha256 \(hold.action.hex)")))
    lines.append(Line("registry", SafeText("\(registry.name.text) \(registry.id.text)")))
    lines.append(Line("entry", SafeText("#\(holdIndex)")))
    return lines
  }

  /// What the agent says of it: never more than its words.
  package var words: SafeText? {
    guard let text = action.context["justification"]?.string else { return nil }
    return SafeText(text.text)
  }

  /// Who has voted.
  package var voteLines: [Line] {
    hold.votes.map { vote in
      Line(
        vote.vote == .approve ? "approved" : "denied",
        SafeText(
          "\(vote.voter) \(vote.received.clock)"
            + (vote.reason.isEmpty ? "" : "  \"\(vote.reason.text)\"")),
        vote.vote == .approve ? .stateOK : .stateBad)
    }
  }

  private static func flat(_ label: String, _ member: JSONObject.Member) -> [Line] {
    [Line(label, SafeText("\(member.name.text) = \(member.value.exactText)"))]
  }
}

extension Risk {
  /// A mark and a word, so that colour never stands alone.
  package var words: String {
    switch self {
    case .critical: "!! CRIT"
    case .high: "!  HIGH"
    case .medium: "~  MED"
    case .low: ".  LOW"
    }
  }

  package var role: Role {
    switch self {
    case .critical: .riskCritical
    case .high: .riskHigh
    case .medium: .riskMedium
    case .low: .riskLow
    }
  }
}
