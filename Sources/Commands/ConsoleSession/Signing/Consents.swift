import Approvals
import Authority
import Cells
import Console
import Decisions
import Delegations
import Foundation
import Keys
import Registry
import Statements

/// Builds the dialogs in which something is signed, from the verified state.
///
/// A file for each kind of dialog.
struct Consents {
  let ledger: Ledger
  let transaction: RegistryTransaction
  let voter: Principal?
  let isBlind: Bool
  let now: Timestamp
  /// The key that would sign, where it is known.
  var key: Fingerprint?

  var state: AuthorityState { ledger.state }
  var permitted: Permitted { Permitted(state: state, now: now) }
  var ending: Ending { Ending(ledger: ledger, transaction: transaction) }

  /// `inputs`: The fields that the plan rests on, as they were typed; none at first.
  func make(
    _ request: ConsentRequest, choice: Int, inputs: [String: String]
  ) throws -> Consent {
    var consent = try content(request, choice: choice, inputs: inputs)
    consent.asked = inputs
    if let fault = state.signerFault(key, at: now) { consent = consent.objecting(fault) }
    // Why it cannot be pressed, and who could, is longer than what stands beside a button.
    if consent.ended == nil, let objection = consent.buttons.last?.objection,
      !consent.asides.contains(where: { $0.role == .alert })
    {
      consent.asides.insert(Line("You", SafeText(objection), .alert), at: 0)
    }
    return consent
  }

  private func content(
    _ request: ConsentRequest, choice: Int, inputs: [String: String]
  ) throws -> Consent {
    guard let voter else {
      throw CommandFault("key_missing", "you have no operator key here; see: countersign key new")
    }
    let plans = Plans(ledger: ledger, voter: voter, now: now)
    switch request {
    case .vote(let hold, let leaning): return try vote(hold, leaning, voter)
    case .denyAll(let holds): return denyAll(holds)
    case .revokeKey(let key):
      return try revokeKey(Fingerprint(digest: key), choice, inputs, plans, first: inputs.isEmpty)
    case .revokeGrant(let grant): return try revokeGrant(grant, plans)
    case .lock(let targets): return try lock(targets, choice, inputs, plans)
    case .lift(let lock): return try lift(lock)
    case .proposal(let digest): return try proposal(digest, voter)
    case .owed, .reviews: return try review(request, voter)
    case .activate(let digest): return try activate(digest, voter)
    case .keyRequest, .rotate: return try answer(request, inputs, plans)
    case .command(let words): return try command(words)
    }
  }

  func command(_ words: [String]) throws -> Consent {
    if let problem = CommandRun.problem(with: words) {
      throw CommandFault("arguments_missing", problem)
    }
    return Consent(
      request: .command(words),
      title: SafeText("countersign " + CommandLine.line(words)).fitted(to: 60),
      heading: "THIS COMMAND SIGNS WITH YOUR KEY",
      lines: [
        Line("runs", SafeText("countersign " + CommandLine.line(words)), .title),
        Line("", "it opens the registry by itself, signs, and tells what it did"),
      ], digest: CommandLine.line(words), inputs: [],
      buttons: [Consent.Button("run", "Run & sign", needs: [.read, .key])], command: words)
  }
}
