import Approvals
import Authority
import CanonicalJSON
import Cells
import Console
import Decisions
import Foundation
import Keys
import Registry
import Statements

/// Turns what a dialog leaves into signed statements.
struct Signatures {
  let ledger: Ledger
  let voter: Principal
  let now: Timestamp

  /// Signs and appends; gives the entry and what became of it.
  func sign(
    _ submission: Submission, with key: borrowing OpenedKey
  ) throws -> (index: UInt64, outcome: String) {
    try checkShown(submission)
    switch submission.request {
    case .vote(let hold, _): return try vote(hold, submission, key)
    case .denyAll(let holds): return try denyAll(holds, submission.input("reason"), key)
    case .owed, .reviews: return try completeReviews(submission, with: key)
    case .command:
      throw CommandFault("not_here", "this is not signed in a dialog of its own")
    default:
      let (body, said) = try Plans(ledger: ledger, voter: voter, now: now).body(
        submission.request, choice: submission.choice, inputs: submission.inputs,
        button: submission.button)
      let signed = try ledger.sign(body, by: voter, key: key, clock: .system)
      return (
        signed.index,
        signed.isProposed
          ? "proposed: other admins must sign before it takes effect (proposal "
            + "\(signed.digest.hex.prefix(8)))" : said
      )
    }
  }

  /// Refuses to sign where what the signature rests on is no longer what was on the screen: between the
  /// last look of the dialog and this moment an agent may have asked for another key, or others voted.
  func checkShown(_ submission: Submission) throws {
    switch submission.request {
    // Each denial names its hold by its digest.
    case .denyAll, .command: return
    default: break
    }
    let current = try ledger.database.read { transaction in
      try ledger.catchUp(transaction)
      return try Consents(
        ledger: ledger, transaction: transaction, voter: voter, isBlind: false, now: now
      ).make(submission.request, choice: submission.choice, inputs: submission.inputs)
    }
    // What has ended is refused by its own rule, which says more.
    guard current.ended == nil else { return }
    var changes = current.changes(from: submission.facts)
    if case .vote = submission.request, submission.button != "approve" {
      // A denial stands whatever others have voted meanwhile: only the hold must be the one shown.
      changes = current.digest == submission.digest ? [] : ["digest"]
    }
    guard changes.isEmpty else {
      throw CommandFault(
        Refusal.changedCode,
        "changed since it was shown: \(changes.joined(separator: ", ")); read it again")
    }
  }

  private func vote(
    _ hold: Digest, _ submission: Submission, _ key: borrowing OpenedKey
  ) throws -> (UInt64, String) {
    // What is signed names the hold whose text was on the screen, and nothing else.
    guard submission.digest == hold.hex else {
      throw CommandFault("digest_differs", "what was shown is not what would be signed")
    }
    let reason = ByteString(submission.input("reason"))
    let body: StatementBody
    switch submission.button {
    case "approve":
      body = .approvalVoted(
        ApprovalVoted(hold: hold, vote: .approve, reason: reason, validUntil: nil))
    case "deny":
      body = .approvalVoted(ApprovalVoted(hold: hold, vote: .deny, reason: reason, validUntil: nil))
    case "break-glass":
      body = .approvalBrokenGlass(ApprovalBrokenGlass(hold: hold, reason: reason))
    case "withdraw": body = .approvalWithdrawn(ApprovalWithdrawn(hold: hold, reason: reason))
    default: throw CommandFault("button_unknown", "there is no button \(submission.button)")
    }
    let index = try ledger.sign(body, by: voter, key: key, clock: .system).index
    let state = ledger.state.holds[hold]?.state(at: Clock.system.now())
    switch state {
    case .approved(let until)?:
      return (index, "approved; it is released when the agent next asks, until \(until.clock)")
    case .pending?:
      return (index, "recorded; the quorum is not complete yet")
    default: return (index, "the hold is \(state?.word ?? "gone")")
    }
  }

  private func denyAll(
    _ holds: [Digest], _ reason: String, _ key: borrowing OpenedKey
  ) throws -> (UInt64, String) {
    var entries: [UInt64] = []
    var refused: [String] = []
    for hold in holds {
      do {
        let signed = try ledger.sign(
          .approvalVoted(
            ApprovalVoted(hold: hold, vote: .deny, reason: ByteString(reason), validUntil: nil)),
          by: voter, key: key, clock: .system)
        entries.append(signed.index)
      } catch let fault as AdmissionFault {
        refused.append("\(hold.hex.prefix(8)) \(fault.code)")
      }
    }
    guard let last = entries.last else {
      throw CommandFault(
        "hold_ended", "none could be denied any more: " + refused.joined(separator: ", "))
    }
    return (
      last,
      "denied \(entries.count) of \(holds.count), entries "
        + entries.map { "#\($0)" }.joined(separator: " ")
        + (refused.isEmpty ? "" : "; not: " + refused.joined(separator: ", "))
    )
  }
}

/// How a hold goes on after a vote.
enum Progress {
  static func make(
    _ hold: Hold, _ ledger: Ledger, _ transaction: RegistryTransaction, at now: Timestamp
  ) throws -> HoldProgress {
    let state = hold.state(at: now)
    let places = Quorum.places(hold.terms.rule.quorum)
    var lines = hold.votes.map { vote in
      Line(
        vote.vote == .approve ? "approved" : "denied",
        SafeText(
          "by \(vote.voter) at \(vote.received.clock)\(vote.isWithdrawn ? ", withdrawn" : "")"),
        vote.vote == .approve ? .stateOK : .stateBad)
    }
    if let glass = hold.brokenGlass {
      lines.append(
        Line("break-glass", SafeText("used by \(glass.by) at \(glass.received.clock)"), .riskHigh))
    }
    lines.append(
      Line(
        "quorum",
        SafeText(
          "\(hold.approvals.count)/\(places)"
            + (hold.quorumMet.map { ", complete at \($0.clock)" } ?? ""))))
    var isOver = !state.isOpen
    switch state {
    case .pending(let until): lines.append(Line("pending", SafeText("until \(until.clock)")))
    case .approved(let until):
      lines.append(
        Line(
          "approved", SafeText("to be released when the agent next asks, until \(until.clock)"),
          .stateOK)
      )
    case .released:
      if let row = try transaction.release(of: hold.digest, action: hold.action) {
        lines.append(
          Line(
            "released", SafeText("to the agent at \(row.received.clock), entry #\(row.index)"),
            .stateOK))
      }
      if let (outcome, detail) = try transaction.outcome(of: hold.action) {
        lines.append(
          Line(
            "finished", SafeText("\(outcome)  \(detail)"),
            outcome == "ok" ? .stateOK : .stateBad))
      } else {
        lines.append(Line("finished", "not reported yet"))
        isOver = false
      }
    case .denied: break
    case .expired: lines.append(Line("expired", SafeText("at \(hold.terms.expires.clock)")))
    case .voided:
      if case .voided(let reason)? = hold.end {
        lines.append(Line("voided", SafeText(reason.text), .stateBad))
      }
    case .lapsed:
      if case .lapsed(let reason)? = hold.end {
        lines.append(Line("lapsed", SafeText(reason.text), .stateBad))
      } else {
        lines.append(
          Line(
            "lapsed",
            SafeText(
              "unused: the agent did not ask again before \(hold.approvedUntil?.clock ?? "")"),
            .stateBad))
      }
    }
    return HoldProgress(hold: hold.digest, lines: lines, isOver: isOver)
  }
}
