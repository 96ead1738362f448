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

/// The revocation of a key or of a grant.
extension Consents {
  func revokeKey(
    _ key: Fingerprint, _ choice: Int, _ inputs: [String: String], _ plans: Plans, first: Bool
  ) throws -> Consent {
    guard let record = state.keys[key] else {
      throw CommandFault("key_unknown", "no key \(key) is enrolled")
    }
    guard record.revoked == nil else {
      throw CommandFault("key_revoked", "key \(key.short) is revoked already")
    }
    // Cutting off all it signed is what a leaked key needs; what is narrower is chosen.
    let selected = first ? Plans.Cascade.everything.rawValue : choice
    var previews: [ChangePreview] = []
    var since: Timestamp?
    for cascade in Plans.Cascade.allCases {
      let body = try plans.revocation(
        key, cascade, since: inputs["since"].flatMap { $0.isEmpty ? nil : $0 }, note: "")
      if cascade == .since { since = body.compromisedSince }
      previews.append(
        try ChangePreview(of: .keyRevoked(body), by: plans.voter, in: state, at: now))
    }
    let chosen = previews[min(max(0, selected), previews.count - 1)]
    let used = try transaction.lastUse(of: key, by: record.holder)
    var lines = [
      Line("key", SafeText(key.description), .title),
      Line("holder", SafeText(record.holder.description)),
      Line("T", SafeText(since?.textToSeconds ?? "")),
      Line("recorded as", SafeText(recorded(Plans.Cascade(rawValue: selected) ?? .everything))),
    ]
    lines += Table.lines(
      head: Plans.Cascade.allCases.enumerated().map { index, cascade in
        (index == selected ? "*" : "") + cascade.label
      },
      rows: [
        ("grants that end", previews.map { "\($0.brokenGrants.count)" }),
        ("agents losing ALL", previews.map { "\($0.losingAll.count)" }),
        ("agents losing some", previews.map { "\($0.losingSome.count)" }),
        ("holds voided", previews.map { "\($0.voidedHolds.count)" }),
        ("holds unapprovable", previews.map { "\($0.unreachableHolds.count)" }),
        ("keys made suspect", previews.map { "\($0.suspectKeys.count)" }),
        (
          "admins suffice",
          previews.map { $0.isAdminQuorumReachable ? "yes" : "NO !" }
        ),
      ])
    lines += affected(chosen)
    let needsQuorum = state.needsProposal(
      .keyRevoked(
        try plans.revocation(key, .everything, since: nil, note: "")), by: plans.voter, at: now)
    let cascade = Plans.Cascade(rawValue: selected) ?? .everything
    var command = ["key", "revoke", key.description]
    switch cascade {
    case .keyOnly: command += ["--reason", "retired"]
    case .since:
      command += ["--reason", "compromised", "--compromised-since", since?.textToSeconds ?? ""]
    case .everything: command += ["--reason", "compromised"]
    }
    return Consent(
      request: .revokeKey(key.digest), title: SafeText("Revoke key \(key.short)"),
      heading: SafeText(
        "DRY RUN after #\(chosen.size - 1) \u{00B7} for ever, from the next decision on"),
      lines: lines, seal: SafeText(key.description), digest: key.description,
      asides: [
        Line(
          "Last used",
          SafeText(
            used.map { "\($0.textToSeconds), \(Span.since($0, to: now)) ago" }
              ?? "never for an action that was logged"))
      ]
        + (needsQuorum
          ? [Line("Quorum", "this takes the admin quorum: it opens a proposal", .statePending)]
          : []),
      choice: Consent.Choice(
        "Cascade", Plans.Cascade.allCases.map(\.label), selected: selected),
      inputs: [
        Consent.Input(
          "since", "Since T", note: "24h, or a time", kind: .plan,
          // Absolute from here on: the plan must not change by the clock alone.
          initial: since?.textToSeconds ?? "24h"),
        Consent.Input("reason", "Reason", note: "required", kind: .reason),
        Consent.Input("name", "Key", note: "type \(key.short)", kind: .name(key.short)),
      ],
      buttons: [Consent.Button("revoke", "Revoke key", needs: [.reason, .name, .key])],
      command: command, related: [.key(key.digest), .agent(record.holder.description)])
  }

  func recorded(_ cascade: Plans.Cascade) -> String {
    switch cascade {
    case .keyOnly: "retired: what it signed before stays good"
    case .since: "compromised since T: what it did from then on waits for review in list 9"
    case .everything: "compromised from the beginning: all it did waits for review in list 9"
    }
  }

  /// Whom it hits, by name.
  func affected(_ preview: ChangePreview) -> [Line] {
    var lines = preview.losingAll.prefix(200).map {
      Line("!! ALL", SafeText("\($0) loses all access"), .stateBad, target: .agent($0.description))
    }
    if preview.stopsEveryone {
      lines.append(Line("!! ALL", "every agent loses all access, until it is lifted", .stateBad))
    }
    for agent in preview.losingSome.prefix(200) {
      let via = (preview.stillReachable[agent] ?? []).map { grant in
        state.grants[grant].map { "\($0.issuer) (\(grant.short))" } ?? grant.short
      }
      lines.append(
        Line(
          "!  SOME", SafeText("\(agent) still reachable via \(via.joined(separator: ", "))"),
          .statePending, target: .agent(agent.description)))
    }
    lines += preview.voidedHolds.prefix(50).map {
      Line(
        "voided",
        SafeText("hold \($0.hex.prefix(8)) of \(state.holds[$0]?.agent.description ?? "")"))
    }
    lines += preview.suspectKeys.prefix(50).map { Line("suspect", SafeText("key \($0)")) }
    if lines.isEmpty { lines.append(Line("", "nobody else is affected")) }
    return Array(lines)
  }

  func revokeGrant(_ grant: Digest, _ plans: Plans) throws -> Consent {
    guard let record = state.grants[grant] else {
      throw CommandFault("grant_unknown", "no grant \(grant.hex) is on record")
    }
    let (body, _) = try plans.body(
      .revokeGrant(grant), choice: 0, inputs: ["reason": "preview"], button: "revoke")
    let preview = try ChangePreview(of: body, by: plans.voter, in: state, at: now)
    var lines = [
      Line("grant", SafeText(grant.hex), .title),
      Line("from", SafeText(record.issuer.description)),
      Line("to", SafeText(record.terms.holder.description)),
      Line("gives", SafeText(record.terms.capabilities.map(\.words).joined(separator: "; "))),
    ]
    lines += preview.lines.filter { !$0.hasPrefix("  ") }.map { Line("", SafeText($0)) }
    lines += affected(preview)
    return Consent(
      request: .revokeGrant(grant), title: SafeText("Revoke grant \(grant.short)"),
      heading: SafeText(
        "DRY RUN after #\(preview.size - 1) \u{00B7} for ever, from the next decision on"),
      lines: lines, seal: SafeText("grant sha256 \(grant.hex)"), digest: grant.hex,
      inputs: [
        Consent.Input("reason", "Reason", note: "required", kind: .reason),
        Consent.Input("name", "Grant", note: "type \(grant.short)", kind: .name(grant.short)),
      ],
      buttons: [Consent.Button("revoke", "Revoke grant", needs: [.reason, .name, .key])],
      command: ["grant", "revoke", grant.hex, "--reason", "..."],
      related: [.grant(grant), .agent(record.terms.holder.description)])
  }
}
