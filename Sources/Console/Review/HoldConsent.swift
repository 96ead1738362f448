import Approvals
import CanonicalJSON
import Cells
import Keys
package import Statements

/// What the registry knows beside the log of a hold: none of it is signed, none of it binds.
package struct HoldSurroundings: Sendable, Hashable {
  /// Whether the agent is there, in words; empty if nothing is known.
  package var presence = ""
  /// Who else is looking at it: `user:bob 40 s ago`.
  package var claims = ""
  /// How similar requests of the same agent ended, the newest first.
  package var similar: [String] = []
  /// The policy in force, by name and version.
  package var policy = ""
  /// Where this voter may not approve: who may, and what they can do instead.
  package var permitted = ""

  package init() {}
}

extension HoldReview {
  /// The dialog in which this hold is approved or denied.
  ///
  /// `isBlind`: Others' reasons stay folded until one's own is written.
  package func consent(
    leaning: ApprovalVoted.Vote, beside surroundings: HoldSurroundings, isBlind: Bool,
    at now: Timestamp
  ) -> Consent {
    let rule = hold.terms.rule
    let state = hold.state(at: now)
    let places = Quorum.places(rule.quorum)
    let isPending = if case .pending = state { true } else { false }
    let completing = completes && objection == nil && isPending && leaning == .approve
    var inputs = [
      Consent.Input(
        "reason", "Reason", note: risk == .critical ? "required" : "required to deny",
        kind: .reason)
    ]
    if risk >= .high, leaning == .approve {
      inputs.append(
        Consent.Input(
          "name", "Resource", note: "type it to approve", kind: .name(action.resource.text)))
    }
    var approveNeeds: Set<Consent.Need> = [.read, .key]
    if risk >= .high { approveNeeds.insert(.name) }
    if risk == .critical { approveNeeds.insert(.reason) }
    var buttons = [
      Consent.Button("deny", "Deny", needs: [.reason, .key], objection: denyObjection),
      Consent.Button("approve", "Sign & approve", needs: approveNeeds, objection: objection),
    ]
    // Who came to deny is asked for nothing that only an approval needs, and can do nothing else.
    if leaning == .deny { buttons.removeLast() }
    if rule.breakGlass, leaning == .approve {
      let own = objection.flatMap { $0.hasPrefix("vote_outside_groups") ? nil : $0 }
      buttons.append(
        Consent.Button(
          "break-glass", "Break glass", needs: [.read, .reason, .name, .key], objection: own))
    }
    if hasApproved, isPending {
      buttons.append(Consent.Button("withdraw", "Withdraw", needs: [.key]))
    }
    var consent = Consent(
      request: .vote(hold.digest, leaning: leaning),
      title: SafeText("Review \(hold.digest.hex.prefix(8))"),
      deadline: isPending ? hold.terms.expires : nil,
      ended: isPending ? nil : ended(state),
      heading: SafeText("YOU SIGN EXACTLY THIS \u{00B7} \(payloadBytes) B signed by the agent"),
      lines: decidingLines, hashes: hashLines, seal: SafeText("hold sha256 \(hold.digest.hex)"),
      digest: hold.digest.hex, basis: basis(surroundings),
      asides: asides(surroundings, completing, places, isBlind),
      inputs: inputs, buttons: buttons,
      command: [leaning == .deny ? "deny" : "approve", hold.digest.hex],
      related: related)
    consent.release = release(state, completing)
    return consent
  }

  /// How an approval would lead to a release, while the hold can still be released.
  private func release(_ state: HoldState, _ completing: Bool) -> Consent.Release? {
    guard state.isOpen else { return nil }
    return Consent.Release(
      service: action.audience.name, until: hold.approvedUntil,
      approvedForSeconds: hold.terms.rule.approvedForSeconds, completes: completing)
  }

  private func ended(_ state: HoldState) -> String {
    switch state {
    case .approved(let until):
      "approved; it is released when the agent next asks, until \(until.clock)"
    case .denied:
      hold.votes.last { $0.vote == .deny }.map { "denied by \($0.voter) at \($0.received.clock)" }
        ?? "denied"
    default: "the hold is \(state.word)"
    }
  }

  /// What a vote rests on beside the hold itself: a change of it is read again.
  private func basis(_ surroundings: HoldSurroundings) -> [Consent.Fact] {
    let voters = hold.approvals.map(\.voter.description).joined(separator: ", ")
    var quorum = "\(hold.approvals.count) of \(Quorum.places(hold.terms.rule.quorum))"
    if !voters.isEmpty { quorum += " (\(voters))" }
    return [
      Consent.Fact("quorum", quorum),
      Consent.Fact("your approval", completes ? "completes the quorum" : "does not complete it"),
      Consent.Fact("policy", surroundings.policy),
    ]
  }

  /// Columns of what stands beside a review, at 80.
  private static let asideRoom = 67

  private func asides(
    _ surroundings: HoldSurroundings, _ completing: Bool, _ places: Int, _ isBlind: Bool
  ) -> [Line] {
    var lines: [Line] = []
    let votes = voteLines.map { line in
      "\(line.label) by "
        + (isBlind ? String(line.text.text.prefix { $0 != "\"" }) : line.text.text)
    }
    let said = votes.isEmpty ? "" : "  " + votes.joined(separator: ", ")
    let quorum = "\(hold.approvals.count) of \(places)\(said)"
    if completing {
      let effect =
        "Your approval completes the quorum: "
        + (hold.terms.rule.irreversible
          ? "cannot be undone once it runs" : "released when it asks")
      // Where both do not fit at 80 columns, each has a row.
      let both = SafeText(quorum + "  " + effect)
      if both.width <= HoldReview.asideRoom {
        lines.append(Line("Quorum", both, .statePending))
      } else {
        lines += [
          Line("Quorum", SafeText(quorum), .statePending),
          Line("Effect", SafeText(effect), .statePending),
        ]
      }
    } else {
      lines.append(Line("Quorum", SafeText(quorum)))
    }
    if let objection { lines.append(Line("You", SafeText(objection), .alert)) }
    if !surroundings.permitted.isEmpty {
      lines.append(Line("Who may", SafeText(surroundings.permitted), .alert))
    }
    var status: [String] = []
    if !surroundings.presence.isEmpty { status.append(surroundings.presence) }
    if !surroundings.claims.isEmpty { status.append("also read by " + surroundings.claims) }
    if !status.isEmpty {
      lines.append(Line("Agent status", SafeText(status.joined(separator: "   "))))
    }
    if let words {
      lines.append(
        Line("Justification", "\u{2506} \"" + words + "\"   (agent, unverified)", .untrusted))
    }
    if let last = surroundings.similar.first { lines.append(Line("Similar", SafeText(last))) }
    return lines
  }

  private var related: [Target] {
    var targets: [Target] = [.agent(action.agent.description), .key(hold.key.digest)]
    targets += decision.chain.map(Target.grant)
    if let policy = decision.policy {
      targets += decision.rules.map { .rule(policy: policy.digest, place: $0.text) }
    }
    targets += [.decision(holdIndex), .entry(holdIndex), .resource(action.resource.text)]
    return targets.uniqued()
  }
}
