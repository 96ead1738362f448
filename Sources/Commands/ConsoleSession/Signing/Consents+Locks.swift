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

/// Placing a lock and lifting it.
extension Consents {
  func lock(
    _ targets: [LockTarget], _ choice: Int, _ inputs: [String: String], _ plans: Plans
  ) throws -> Consent {
    let all = targets.contains(.everything) ? targets : targets + [.everything]
    let target = plans.lockTarget(all, choice)
    var fields = inputs
    if fields["until"] == nil { fields["until"] = "1h" }
    fields["reason"] = "preview"
    let (body, _) = try plans.body(
      .lock(all), choice: choice, inputs: fields, button: "lock")
    guard case .lockPlaced(let placed) = body else {
      throw CommandFault("not_here", "this is no lock")
    }
    let preview = try ChangePreview(of: body, by: plans.voter, in: state, at: now)
    var lines = [
      Line("target", SafeText(target.words), .title),
      Line("ends", SafeText(ends(fields["until"] ?? "", placed))),
    ]
    lines += preview.lines.filter { !$0.hasPrefix("  ") }.map { Line("", SafeText($0)) }
    lines += affected(preview)
    let isAll = target == .everything
    var fieldsShown = [
      Consent.Input(
        "until", "Ends", note: "1h, a time, or: lifted", kind: .plan,
        initial: fields["until"] ?? "1h"),
      Consent.Input(
        "reason", "Reason", note: "required", kind: .reason, initial: Consents.incident),
    ]
    if isAll {
      fieldsShown.append(
        Consent.Input("name", "Confirm", note: "type everything", kind: .name("everything")))
    }
    var command = ["lock", "place", target.commandWord, "--reason", "..."]
    if placed.until != nil { command += ["--until", fields["until"] ?? ""] }
    return Consent(
      request: .lock(targets), title: SafeText("Lock \(target.words)").fitted(to: 50),
      heading: SafeText("A lock can be lifted again \u{00B7} as of #\(preview.size - 1)"),
      lines: lines, seal: isAll ? "every request is denied until it ends" : "",
      digest: target.words, impact: impact(preview),
      asides: state.needsProposal(body, by: plans.voter, at: now)
        ? [
          Line(
            "Quorum", "this key was locked within the last day: a second admin must sign too",
            .statePending)
        ]
        : isAll
          ? [
            Line(
              "Lifting it",
              SafeText(
                "takes the admin quorum: \(state.registry?.adminQuorum ?? 1) of "
                  + permitted.admins), .statePending)
          ] : [],
      choice: Consent.Choice("Lock", all.map(\.shortWords), selected: min(choice, all.count - 1)),
      inputs: fieldsShown,
      buttons: [
        Consent.Button(
          "lock", isAll ? "Lock everything" : "Lock",
          needs: isAll ? [.reason, .name, .key] : [.reason, .key],
          objection: lockObjection)
      ], command: command)
  }

  /// Why this person may place no lock, and who may.
  private var lockObjection: String? {
    let may = state.operators.values.filter { $0.has(.admin) || $0.has(.approver) }.map(\.principal)
    guard let voter, !may.contains(voter) else { return nil }
    return "an approver or admin must sign it: \(permitted.names(may))"
  }

  /// A span counts from the signature, so that the plan does not change by the clock alone.
  func ends(_ typed: String, _ placed: LockPlaced) -> String {
    guard let until = placed.until else { return "when it is lifted" }
    return Timestamp(lenient: ByteString(typed)) == nil
      ? "\(typed) after the signature" : until.textToSeconds
  }

  func lift(_ digest: Digest) throws -> Consent {
    guard let row = try transaction.locks().first(where: { $0.digest == digest }) else {
      throw CommandFault("lock_unknown", "no lock \(digest.hex) is on record")
    }
    // Of a lock in force the verified state says what it is; the row only of one that has ended.
    let record = state.locks[digest]
    let target = record?.placed.target.words ?? LockText.words(row.target)
    let (placer, until) = (
      record?.placer.description ?? row.placer, record.map(\.placed.until) ?? row.until
    )
    let isInForce = record?.isInForce(at: now) == true
    let isAll = record?.placed.target == .everything
    let reason = record?.placed.reason.text ?? row.reason
    return Consent(
      request: .lift(digest), title: SafeText("Lift the lock of \(target)").fitted(to: 60),
      ended: isInForce ? nil : ended(row),
      heading: "Access resumes immediately",
      lines: [
        Line("target", SafeText(target), .title), Line("reason", SafeText(reason)),
        Line("placed", SafeText("\(row.received.textToSeconds) by \(placer)")),
        Line("ends", SafeText(until?.textToSeconds ?? "when it is lifted")),
      ], seal: SafeText("lock sha256 \(digest.hex)"), digest: digest.hex,
      asides: isAll
        ? [Line("Quorum", "lifting everything takes the admin quorum", .statePending)] : [],
      inputs: [Consent.Input("reason", "Reason", note: "required", kind: .reason)],
      buttons: [
        Consent.Button(
          "lift", "Lift the lock", needs: [.read, .reason, .key],
          objection: isAll && voter.map { state.operators[$0]?.has(.admin) != true } ?? true
            ? "lifting everything takes an admin: \(permitted.admins)" : nil)
      ],
      command: ["lock", "lift", digest.hex, "--reason", "..."])
  }

  private func ended(_ row: LockRow) -> String {
    guard let lifted = row.lifted else {
      return "it ended at \(row.until?.textToSeconds ?? "")"
    }
    return ending.words("lifted", at: lifted) {
      if case .lockLifted(let body) = $0 { body.lock == row.digest } else { false }
    }
  }
}

extension LockTarget {
  /// As the command line takes it.
  var commandWord: String {
    switch self {
    case .agent(let agent): agent.description
    case .key(let key): key.description
    case .resource(let pattern): pattern.text
    case .everything: "everything"
    }
  }

  /// What fits beside others.
  var shortWords: String {
    switch self {
    case .key(let key): "key \(key.short)"
    case .resource(let pattern): String(pattern.text.suffix(24))
    default: words
    }
  }
}
