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
    if let revoked = record.revoked { return keyRevoked(key, record, at: revoked, choice, inputs) }
    let selected = first ? Plans.Cascade.first.rawValue : choice
    let objection = adminObjection(unless: record.holder)
    // Who may not sign it still sees what it would do, signed by who may.
    let signer = objection == nil ? plans.voter : state.admins.first ?? plans.voter
    var previews: [ChangePreview] = []
    var since: Timestamp?
    for cascade in Plans.Cascade.allCases {
      let body = try plans.revocation(
        key, cascade, since: inputs["since"].flatMap { $0.isEmpty ? nil : $0 }, note: "")
      if cascade == .since { since = body.compromisedSince }
      previews.append(
        try ChangePreview(of: .keyRevoked(body), by: signer, in: state, at: now))
    }
    let chosen = previews[min(max(0, selected), previews.count - 1)]
    let used = try transaction.lastUse(of: key, by: record.holder)
    var lines = [
      Line("key", SafeText(key.description), .title),
      Line("holder", SafeText(record.holder.description)),
      Line(
        "recorded as",
        SafeText(recorded(Plans.Cascade(rawValue: selected) ?? .everything, since: since))),
    ]
    lines += Table.lines(
      head: Plans.Cascade.allCases.enumerated().map { index, cascade in
        (index == selected ? "*" : "") + cascade.heading
      },
      rows: [
        ("Grants ended", previews.map { "\($0.brokenGrants.count)" }),
        ("Agents losing all access", previews.map { "\($0.losingAll.count)" }),
        ("Agents losing some", previews.map { "\($0.losingSome.count)" }),
        ("Holds voided", previews.map { "\($0.voidedHolds.count)" }),
        ("Can no longer reach its quorum", previews.map { "\($0.unreachableHolds.count)" }),
        ("Keys made suspect", previews.map { "\($0.suspectKeys.count)" }),
        (
          "Admin quorum reachable", previews.map { $0.isAdminQuorumReachable ? "yes" : "NO" }
        ),
      ])
    lines += affected(chosen)
    let needsQuorum = state.needsProposal(
      .keyRevoked(
        try plans.revocation(key, .everything, since: nil, note: "")), by: signer, at: now)
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
        "Permanent, cannot be undone \u{00B7} as of #\(chosen.size - 1)"),
      lines: lines, seal: SafeText(key.description), digest: key.description,
      basis: cascade == .since
        ? [Consent.Fact("compromised since", since?.textToSeconds ?? "none")] : [],
      impact: impact(chosen),
      asides: [
        Line(
          "Last used",
          SafeText(
            used == .never
              ? "never for \(record.holder.kind == .agent ? "an action that was logged" : "a statement")"
              : "\(used.words), \(used.cell.shown(at: now).text.text) ago"))
      ]
        + (needsQuorum
          ? [Line("Quorum", "takes the admin quorum: signing opens a proposal", .statePending)]
          : []),
      choice: Consent.Choice(
        "Cascade", Plans.Cascade.allCases.map(\.label), selected: selected),
      inputs: [
        Consent.Input(
          "since", "Compromised since", note: "24h, or a time", kind: .plan,
          // Absolute from here on: the plan must not change by the clock alone.
          initial: since?.textToSeconds ?? "24h"),
        Consent.Input(
          "reason", "Reason", note: "required", kind: .reason, initial: Consents.incident),
        Consent.Input("name", "Key", note: "type \(key.short)", kind: .name(key.short)),
      ],
      buttons: [
        Consent.Button(
          "revoke", "Revoke key", needs: [.reason, .name, .key],
          objection: objection)
      ], command: command, related: [.key(key.digest), .agent(record.holder.description)])
  }

  /// A reason that may stand as it is when there is no time for another.
  static let incident = "incident"

  /// Ending another's key takes an admin.
  private func adminObjection(unless holder: Principal) -> String? {
    guard let voter, voter != holder, state.operators[voter]?.has(.admin) != true else {
      return nil
    }
    return "an admin must sign it: \(permitted.admins); you can lock (L) meanwhile"
  }

  /// A key that has been revoked meanwhile, or before: nothing more can be done.
  private func keyRevoked(
    _ key: Fingerprint, _ record: KeyRecord, at revoked: Timestamp, _ choice: Int,
    _ inputs: [String: String]
  ) -> Consent {
    let ended = ending.words("revoked", at: revoked) {
      if case .keyRevoked(let body) = $0 { body.key == key } else { false }
    }
    return Consent(
      request: .revokeKey(key.digest), title: SafeText("Revoke key \(key.short)"), ended: ended,
      heading: "REVOKED \u{00B7} nothing more can be done with this key",
      lines: [
        Line("key", SafeText(key.description), .title),
        Line("holder", SafeText(record.holder.description)), Line("state", SafeText(ended), .alert),
        Line("reason", SafeText(record.revocation?.reason.rawValue ?? "unknown")),
        Line("note", SafeText(record.revocation?.note.text ?? "")),
      ], seal: SafeText(key.description), digest: key.description,
      // As it was chosen and typed: that stays to be read.
      choice: Consent.Choice(
        "Cascade", Plans.Cascade.allCases.map(\.label),
        selected: inputs.isEmpty ? Plans.Cascade.first.rawValue : choice),
      inputs: [
        Consent.Input(
          "since", "Compromised since", note: "24h, or a time", kind: .plan,
          initial: inputs["since"] ?? ""),
        Consent.Input("reason", "Reason", note: "required", kind: .reason),
        Consent.Input("name", "Key", note: "type \(key.short)", kind: .name(key.short)),
      ], buttons: [Consent.Button("revoke", "Revoke key", needs: [.reason, .name, .key])],
      command: ["key", "show", key.description],
      related: [.key(key.digest), .agent(record.holder.description)])
  }

  private func recorded(_ cascade: Plans.Cascade, since: Timestamp?) -> String {
    switch cascade {
    case .keyOnly: "retired: what it signed before stays valid"
    case .since:
      "compromised since \(since?.textToSeconds ?? ""): what it did from then on must be reviewed (press 9)"
    case .everything: "compromised from its enrolment: all it did must be reviewed (press 9)"
    }
  }

  /// Whom it hits, as the dialog compares it.
  func impact(_ preview: ChangePreview) -> Impact {
    var quorums = Set(
      preview.unreachableHolds.lazy.compactMap { state.holds[$0]?.terms.rule.quorum }.map {
        $0.map(Consents.words).joined(separator: " and ")
      })
    if !preview.isAdminQuorumReachable { quorums.insert("of the admins") }
    return Impact(
      losingAll: preview.losingAll, losingSome: preview.losingSome, quorums: quorums)
  }

  static func words(_ item: QuorumItem) -> String {
    "\(item.count) of "
      + (item.anyOf.isEmpty ? "any approver" : item.anyOf.map(\.text).joined(separator: " or "))
  }

  /// Whom it hits, by name.
  func affected(_ preview: ChangePreview) -> [Line] {
    var lines = preview.losingAll.prefix(200).map {
      Line("!! all", SafeText("\($0) loses all access"), .stateBad, target: .agent($0.description))
    }
    if preview.stopsEveryone {
      lines.append(Line("!! all", "every agent loses all access until it is lifted", .stateBad))
    }
    for agent in preview.losingSome.prefix(200) {
      let via = (preview.stillReachable[agent] ?? []).map { grant in
        state.grants[grant].map { "\($0.issuer) (\(grant.short))" } ?? grant.short
      }
      lines.append(
        Line(
          "!  some", SafeText("\(agent) keeps access via \(via.joined(separator: ", "))"),
          .statePending, target: .agent(agent.description)))
    }
    lines += preview.voidedHolds.prefix(50).map {
      Line(
        "voided",
        SafeText("hold \($0.hex.prefix(8)) of \(state.holds[$0]?.agent.description ?? "")"))
    }
    lines += preview.suspectKeys.prefix(50).map { Line("suspect", SafeText("key \($0)")) }
    if lines.isEmpty { lines.append(Line("", "no agent is affected")) }
    return Array(lines)
  }

  func revokeGrant(_ grant: Digest, _ plans: Plans) throws -> Consent {
    guard let record = state.grants[grant] else {
      throw CommandFault("grant_unknown", "no grant \(grant.hex) is on record")
    }
    if let revoked = record.revoked { return grantRevoked(record, at: revoked) }
    let (body, _) = try plans.body(
      .revokeGrant(grant), choice: 0, inputs: ["reason": "preview"], button: "revoke")
    // Whoever issued it, or something above it, may end it; so may an admin.
    let above = (try? state.chains.grants(to: grant)) ?? [record]
    let isMine = above.contains { $0.issuer == plans.voter }
    let objection = isMine ? nil : adminObjection(unless: record.issuer)
    let signer = objection == nil ? plans.voter : state.admins.first ?? plans.voter
    let preview = try ChangePreview(of: body, by: signer, in: state, at: now)
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
        "Permanent, cannot be undone \u{00B7} as of #\(preview.size - 1)"),
      lines: lines, seal: SafeText("grant sha256 \(grant.hex)"), digest: grant.hex,
      impact: impact(preview),
      inputs: [
        Consent.Input(
          "reason", "Reason", note: "required", kind: .reason, initial: Consents.incident),
        Consent.Input("name", "Grant", note: "type \(grant.short)", kind: .name(grant.short)),
      ],
      buttons: [
        Consent.Button(
          "revoke", "Revoke grant", needs: [.reason, .name, .key], objection: objection)
      ],
      command: ["grant", "revoke", grant.hex, "--reason", "..."],
      related: [.grant(grant), .agent(record.terms.holder.description)])
  }

  /// A grant that has been revoked meanwhile, or before.
  private func grantRevoked(_ record: Grant, at revoked: Timestamp) -> Consent {
    let grant = record.digest
    let ended = ending.words("revoked", at: revoked) {
      if case .grantRevoked(let body) = $0 { body.grant == grant } else { false }
    }
    return Consent(
      request: .revokeGrant(grant), title: SafeText("Revoke grant \(grant.short)"), ended: ended,
      heading: "REVOKED \u{00B7} nothing more can be done with this grant",
      lines: [
        Line("grant", SafeText(grant.hex), .title),
        Line("from", SafeText(record.issuer.description)),
        Line("to", SafeText(record.terms.holder.description)),
        Line("state", SafeText(ended), .alert),
      ], seal: SafeText("grant sha256 \(grant.hex)"), digest: grant.hex,
      inputs: [
        Consent.Input("reason", "Reason", note: "required", kind: .reason),
        Consent.Input("name", "Grant", note: "type \(grant.short)", kind: .name(grant.short)),
      ], buttons: [Consent.Button("revoke", "Revoke grant", needs: [.reason, .name, .key])],
      command: ["grant", "show", grant.hex],
      related: [.grant(grant), .agent(record.terms.holder.description)])
  }
}
