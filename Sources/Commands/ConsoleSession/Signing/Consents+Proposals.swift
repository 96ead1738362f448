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

/// The signature of a proposal.
extension Consents {
  func proposal(_ digest: Digest, _ voter: Principal) throws -> Consent {
    guard let proposal = state.proposals[digest] else {
      let row = try transaction.proposals().first { $0.digest == digest }
      throw CommandFault(
        "proposal_ended",
        "proposal \(digest.hex.prefix(8)) is \(row?.status(at: now) ?? "not on record")")
    }
    let inner = proposal.opened.inner
    let counted = state.countedSigners(proposal)
    let needed = state.signaturesNeeded(for: inner)
    let isVoid = state.expectation(for: inner) != proposal.opened.expects
    var lines = [Line("change", SafeText(inner.type.rawValue), .title)]
    lines += EntryText.lines(inner.json.withoutNulls)
    lines.append(Line("opened by", SafeText(proposal.opener.description)))
    lines.append(Line("expires", SafeText(proposal.opened.expires.textToSeconds)))
    if isVoid {
      lines.append(
        Line("void", "what it changes has changed since it was opened", .alert))
    }
    var related: [Target] = [.person(proposal.opener.description)]
    if case .policyActivated(let body) = inner { related.insert(.policy(body.policy), at: 0) }
    if case .keyRevoked(let body) = inner { related.insert(.key(body.key.digest), at: 0) }
    let isAdmin = state.operators[voter]?.has(.admin) == true
    let objection =
      !isAdmin
      ? "you are no admin"
      : counted.contains(voter)
        ? "you have signed it" : isVoid ? "it is void" : nil
    return Consent(
      request: .proposal(digest), title: SafeText("Proposal \(digest.hex.prefix(8))"),
      deadline: proposal.opened.expires,
      heading: "YOU SIGN EXACTLY THIS CHANGE", lines: lines,
      seal: SafeText("proposal sha256 \(digest.hex)"), digest: digest.hex,
      binding: counted.map(\.description).joined(separator: " "),
      asides: [
        Line(
          "Quorum",
          SafeText(
            "\(counted.count) of \(needed) admins: "
              + counted.map(\.description).joined(separator: ", ")
              + (counted.count + 1 >= needed && objection == nil
                ? "  YOURS PUTS IT INTO EFFECT" : "")),
          counted.count + 1 >= needed ? .statePending : .text)
      ],
      inputs: [Consent.Input("reason", "Reason", note: "required to reject", kind: .reason)],
      buttons: [
        Consent.Button(
          "reject", "Reject", needs: [.reason, .key], objection: isAdmin ? nil : "you are no admin"),
        Consent.Button("sign", "Sign", needs: [.read, .key], objection: objection),
      ], command: ["proposals", "sign", digest.hex], related: related)
  }
}
