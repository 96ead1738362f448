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
    guard let proposal = state.proposals[digest] else { return try proposalEnded(digest) }
    let inner = proposal.opened.inner
    let counted = state.countedSigners(proposal)
    let needed = state.signaturesNeeded(for: inner)
    let isVoid = state.expectation(for: inner) != proposal.opened.expects
    var lines = [Line("change", SafeText(inner.type.rawValue), .title)]
    lines += EntryText.lines(inner.json.withoutNulls)
    if case .policyActivated(let body) = inner, let policy = state.policies[body.policy] {
      lines += try PolicyChange(policy, ledger, transaction, at: now).lines
    }
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
    let notAdmin = "only an admin signs it: \(permitted.admins); you can read it and tell them"
    let objection =
      !isAdmin
      ? notAdmin
      : counted.contains(voter)
        ? "you have signed it; still to sign: "
          + permitted.names(state.admins.filter { !counted.contains($0) })
        : isVoid ? "it is void: what it changes has changed; open it anew" : nil
    return Consent(
      request: .proposal(digest), title: SafeText("Proposal \(digest.hex.prefix(8))"),
      deadline: proposal.opened.expires,
      heading: "YOU SIGN EXACTLY THIS CHANGE", lines: lines,
      seal: SafeText("proposal sha256 \(digest.hex)"), digest: digest.hex,
      basis: [
        Consent.Fact(
          "signatures",
          "\(counted.count) of \(needed)"
            + (counted.isEmpty ? "" : " (\(counted.map(\.description).joined(separator: ", ")))"))
      ],
      asides: [
        Line(
          "Quorum",
          SafeText(
            "\(counted.count) of \(needed) admins: "
              + counted.map(\.description).joined(separator: ", ")
              + (counted.count + 1 >= needed && objection == nil
                ? "  Your signature puts it into effect" : "")),
          counted.count + 1 >= needed ? .statePending : .text)
      ],
      inputs: [Consent.Input("reason", "Reason", note: "required to reject", kind: .reason)],
      buttons: [
        Consent.Button(
          "reject", "Reject", needs: [.reason, .key], objection: isAdmin ? nil : notAdmin),
        Consent.Button("sign", "Sign", needs: [.read, .key], objection: objection),
      ], command: ["proposals", "sign", digest.hex], related: related)
  }

  /// A proposal that took effect, was rejected or expired.
  private func proposalEnded(_ digest: Digest) throws -> Consent {
    guard let row = try transaction.proposals().first(where: { $0.digest == digest }) else {
      throw CommandFault("proposal_unknown", "no proposal \(digest.hex) is on record")
    }
    let status = row.status(at: now)
    let ended =
      row.ended.map { instant in
        ending.words(status, at: instant) {
          if case .proposalRejected(let body) = $0 { body.proposal == digest } else { false }
        }
      } ?? "\(status) at \(row.expires.textToSeconds)"
    return Consent(
      request: .proposal(digest), title: SafeText("Proposal \(digest.hex.prefix(8))"), ended: ended,
      heading: "NOTHING MORE TO SIGN",
      lines: [
        Line("change", SafeText(row.type), .title), Line("subject", SafeText(row.subject)),
        Line("opened by", SafeText(row.opener)),
        Line("signed by", SafeText(row.signers.joined(separator: ", "))),
        Line("state", SafeText(ended), .alert),
      ], seal: SafeText("proposal sha256 \(digest.hex)"), digest: digest.hex,
      inputs: [Consent.Input("reason", "Reason", note: "required to reject", kind: .reason)],
      buttons: [
        Consent.Button("reject", "Reject", needs: [.reason, .key]),
        Consent.Button("sign", "Sign", needs: [.read, .key]),
      ], command: ["proposals", "show", digest.hex])
  }
}
