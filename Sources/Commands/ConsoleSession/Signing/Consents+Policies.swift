import Authority
import Cells
import Console
import Decisions
import Keys
import Statements

extension Consents {
  /// The dialog in which a published policy is put in force.
  func activate(_ digest: Digest, _ voter: Principal) throws -> Consent {
    guard let record = state.policies[digest] else {
      throw CommandFault("policy_unknown", "no policy \(digest.hex) is on record")
    }
    let change = try PolicyChange(record, ledger, transaction, at: now)
    var related: [Target] = [.policy(digest)]
    if let waiting = change.waiting { related.insert(.proposal(waiting.digest), at: 0) }
    if let active = change.active, active.digest != digest {
      related.append(.policy(active.digest))
    }
    return Consent(
      request: .activate(digest), title: SafeText("Activate \(record.published.label)"),
      ended: change.isActive ? "it is in force already" : nil,
      heading: "What changes: the whole text, changed lines marked",
      lines: change.lines, seal: SafeText("policy sha256 \(digest.hex)"), digest: digest.hex,
      basis: [Consent.Fact("policy in force", change.active?.digest.hex ?? "none")],
      asides: [Line("Quorum", SafeText(change.quorum), .statePending)], inputs: [],
      buttons: [
        Consent.Button(
          "activate",
          state.signaturesNeeded(for: change.body) > 1 ? "Propose activation" : "Activate",
          needs: [.read, .key], objection: change.objection(voter))
      ],
      command: ["policy", "activate", record.published.label], related: related)
  }
}
