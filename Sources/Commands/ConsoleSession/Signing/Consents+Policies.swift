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

/// The activation of a policy.
extension Consents {
  func activate(_ digest: Digest, _ plans: Plans) throws -> Consent {
    guard let record = state.policies[digest] else {
      throw CommandFault("policy_unknown", "no policy \(digest.hex) is on record")
    }
    let active = state.activePolicy.flatMap { state.policies[$0] }
    var lines = [
      Line("policy", SafeText(record.published.label), .title),
      Line("digest", SafeText(digest.hex)),
      Line("replaces", SafeText(active?.published.label ?? "nothing: everything is denied now")),
    ]
    let cards = Cards(ledger: ledger, log: transaction, now: now)
    lines += try cards.diff(from: active, to: record)
    return Consent(
      request: .activate(digest), title: SafeText("Activate \(record.published.label)"),
      ended: active?.digest == digest ? "it is in force already" : nil,
      heading: "WHAT CHANGES", lines: lines, seal: SafeText("policy sha256 \(digest.hex)"),
      digest: digest.hex,
      asides: [
        Line(
          "Quorum", "activation takes the admin quorum: alone, it is in force at once",
          .statePending)
      ], inputs: [],
      buttons: [Consent.Button("activate", "Activate", needs: [.read, .key])],
      command: ["policy", "activate", record.published.label], related: [.policy(digest)])
  }
}
