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

/// The review of what was done without one.
extension Consents {
  func owed(_ digest: Digest, _ choice: Int, _ voter: Principal) throws -> Consent {
    guard let row = try transaction.reviews(all: true).first(where: { $0.subject == digest }) else {
      throw CommandFault("review_unknown", "no review of \(digest.hex) is owed")
    }
    let (entry, parts) = try ledger.statement(at: row.index, transaction)
    var lines = [
      Line("what", SafeText(row.kind), .title), Line("who", SafeText(row.who)),
      Line("because", SafeText(row.because)),
      Line("entry", SafeText("#\(row.index), received \(entry.received.textToSeconds)")),
      Line("type", SafeText(parts.body.type.rawValue)),
    ]
    lines += EntryText.lines(parts.body.json.withoutNulls)
    var related: [Target] = [.entry(row.index)]
    if case .approvalBrokenGlass(let body) = parts.body { related.append(.hold(body.hold)) }
    if case .decisionMade = parts.body { related.append(.decision(row.index)) }
    let isOwn = state.owedReviews[digest]?.breaker == voter
    return Consent(
      request: .owed(digest), title: SafeText("Review of \(digest.hex.prefix(8))"),
      ended: row.completed.map { "reviewed by \(row.reviewer ?? "") at \($0.textToSeconds)" },
      heading: "Was this action justified? \u{00B7} read from the log", lines: lines,
      seal: SafeText("statement sha256 \(digest.hex)"), digest: digest.hex,
      choice: Consent.Choice("It was", ["justified", "unjustified"], selected: choice),
      inputs: [Consent.Input("reason", "Found", note: "what you found", kind: .reason)],
      buttons: [
        Consent.Button(
          "complete", "Sign the review", needs: [.read, .reason, .key],
          objection: isOwn
            ? "another operator reviews what you did: \(permitted.reviewers(besides: voter))" : nil)
      ],
      command: ["reviews", "complete", digest.hex, "--outcome", "justified", "--note", "..."],
      related: related)
  }
}
