import Approvals
import Authority
import CanonicalJSON
import Cells
import Console
import Decisions
import Delegations
import Foundation
import Keys
import Registry
import Statements

/// A vote on a hold, and the denial of several.
extension Consents {
  func vote(
    _ digest: Digest, _ leaning: ApprovalVoted.Vote, _ voter: Principal
  ) throws -> Consent {
    guard let dossier = try ledger.dossier(digest, transaction) else {
      throw CommandFault("hold_unknown", "no hold \(digest.hex) is on record")
    }
    let review = try HoldReview(
      hold: dossier.hold, decision: dossier.decision, holdIndex: dossier.index,
      payload: dossier.payload, state: state, voter: voter, now: now)
    var around = HoldSurroundings()
    around.presence = Presence.words(try transaction.presence(of: digest), at: now)
    around.claims = try transaction.claims(of: digest).filter { $0.who != voter.description }
      .map { "\($0.who) \(Span.since($0.at, to: now)) ago" }.joined(separator: ", ")
    around.policy = state.activePolicy.flatMap { state.policies[$0]?.published.label } ?? "none"
    if review.objection != nil, case .pending = dossier.hold.state(at: now) {
      around.permitted =
        "\(permitted.approvers(of: dossier.hold, besides: voter))"
        + (review.denyObjection == nil ? "; you can deny it or lock the agent (L)" : "")
    }
    if let row = try transaction.decision(at: dossier.index) {
      around.similar = try transaction.similarDecisions(to: row, limit: 3).map {
        "\($0.verdict) \(Span.since($0.received, to: now)) ago: \($0.name) on \($0.uri)"
      }
    }
    return review.consent(leaning: leaning, beside: around, isBlind: isBlind, at: now)
  }

  func denyAll(_ holds: [Digest]) -> Consent {
    let found = holds.compactMap { state.holds[$0] }
    let lines = found.enumerated().map { index, hold in
      Line(
        "\(index + 1)",
        SafeText(
          "\(hold.terms.rule.risk.words)  \(hold.agent): \(name(of: hold)) on \(hold.resource.text)"
            + "  \(hold.state(at: now).word)  \(hold.digest.hex)"), hold.terms.rule.risk.role)
    }
    let open = found.filter { if case .pending = $0.state(at: now) { true } else { false } }
    return Consent(
      request: .denyAll(holds), title: SafeText("Deny \(found.count) holds"),
      ended: open.isEmpty ? "none of them is pending any more" : nil,
      heading: "EACH OF THESE GETS ITS OWN DENIAL", lines: lines,
      seal: SafeText("\(open.count) of \(found.count) pending"),
      digest: holds.map(\.hex).joined(separator: "\n"),
      inputs: [
        Consent.Input("reason", "Reason", note: "required; each agent is told", kind: .reason)
      ],
      buttons: [
        Consent.Button(
          "deny",
          open.count == found.count
            ? "Deny all \(found.count)" : "Deny \(open.count) of \(found.count)",
          needs: [.reason, .key])
      ],
      command: ["deny", holds.first?.hex ?? "", "--reason", "..."])
  }

  /// What a held action is called, from its row: the digest beside it is what is signed.
  func name(of hold: Hold) -> String {
    (try? transaction.hold(hold.digest))??.name ?? "?"
  }
}
