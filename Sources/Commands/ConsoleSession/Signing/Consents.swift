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

/// Builds the dialogs in which something is signed, from the verified state.
struct Consents {
  let ledger: Ledger
  let transaction: RegistryTransaction
  let voter: Principal?
  let isBlind: Bool
  let now: Timestamp

  private var state: AuthorityState { ledger.state }

  func make(
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
    case .owed(let digest): return try owed(digest, choice, voter)
    case .activate(let digest): return try activate(digest, plans)
    case .command(let words): return try command(words)
    }
  }

  // MARK: holds

  private func vote(
    _ digest: Digest, _ leaning: ApprovalVoted.Vote, _ voter: Principal
  ) throws -> Consent {
    guard let dossier = try ledger.dossier(digest, transaction) else {
      throw CommandFault("hold_unknown", "no hold \(digest.hex) is on record")
    }
    let review = try HoldReview(
      hold: dossier.hold, decision: dossier.decision, holdIndex: dossier.index,
      payload: dossier.payload, state: state, voter: voter, now: now)
    var around = HoldSurroundings()
    around.presence = Presence.words(try transaction.presence(of: digest), at: now)
    around.claims = try transaction.claims(of: digest).filter { $0.who != voter.description }
      .map { "\($0.who) \(Span.since($0.at, to: now)) ago" }.joined(separator: ", ")
    if let row = try transaction.decision(at: dossier.index) {
      around.similar = try transaction.similarDecisions(to: row, limit: 3).map {
        "\($0.verdict) \(Span.since($0.received, to: now)) ago: \($0.name) on \($0.uri)"
      }
    }
    return review.consent(leaning: leaning, beside: around, isBlind: isBlind, at: now)
  }

  private func denyAll(_ holds: [Digest]) -> Consent {
    let found = holds.compactMap { state.holds[$0] }
    let lines = found.enumerated().map { index, hold in
      Line(
        "\(index + 1)",
        SafeText(
          "\(hold.terms.rule.risk.words)  \(hold.agent): \(name(of: hold)) on \(hold.resource.text)"
            + "  \(hold.state(at: now).word)  \(hold.digest.hex)"), hold.terms.rule.risk.role)
    }
    let open = found.filter { if case .pending = $0.state(at: now) { true } else { false } }
    return Consent(
      request: .denyAll(holds), title: SafeText("Deny \(found.count) holds"),
      heading: "EACH OF THESE GETS A DENIAL OF ITS OWN", lines: lines,
      seal: SafeText("\(open.count) of \(found.count) still wait"),
      digest: holds.map(\.hex).joined(separator: "\n"),
      inputs: [
        Consent.Input("reason", "Reason", note: "required; each agent is told", kind: .reason)
      ],
      buttons: [
        Consent.Button(
          "deny",
          open.count == found.count
            ? "Deny all \(found.count)" : "Deny \(open.count) of \(found.count)",
          needs: [.reason, .key],
          objection: open.isEmpty ? "none of them waits any more" : nil)
      ],
      command: ["deny", holds.first?.hex ?? "", "--reason", "..."])
  }

  /// What a held action is called, from its row: the digest beside it is what is signed.
  private func name(of hold: Hold) -> String {
    (try? transaction.hold(hold.digest))??.name ?? "?"
  }

  // MARK: revocation

  private func revokeKey(
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

  private func recorded(_ cascade: Plans.Cascade) -> String {
    switch cascade {
    case .keyOnly: "retired: what it signed before stays good"
    case .since: "compromised since T: what it did from then on waits for review in list 9"
    case .everything: "compromised from the beginning: all it did waits for review in list 9"
    }
  }

  /// Whom it hits, by name.
  private func affected(_ preview: ChangePreview) -> [Line] {
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

  private func revokeGrant(_ grant: Digest, _ plans: Plans) throws -> Consent {
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

  // MARK: locks

  private func lock(
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
      Consent.Input("reason", "Reason", note: "required", kind: .reason),
    ]
    if isAll {
      fieldsShown.append(
        Consent.Input("name", "Confirm", note: "type everything", kind: .name("everything")))
    }
    var command = ["lock", "place", target.commandWord, "--reason", "..."]
    if placed.until != nil { command += ["--until", fields["until"] ?? ""] }
    return Consent(
      request: .lock(targets), title: SafeText("Lock \(target.words)").fitted(to: 50),
      heading: SafeText("DRY RUN after #\(preview.size - 1) \u{00B7} a lock can be lifted again"),
      lines: lines, seal: isAll ? "no agent gets anything until it ends" : "",
      digest: target.words,
      asides: state.needsProposal(body, by: plans.voter, at: now)
        ? [
          Line(
            "Quorum", "this key was locked within the last day: a second admin must sign it too",
            .statePending)
        ]
        : isAll
          ? [
            Line(
              "Lifting it",
              SafeText(
                "takes the admin quorum: \(state.registry?.adminQuorum ?? 1) of "
                  + state.admins.map(\.description).joined(separator: ", ")), .statePending)
          ] : [],
      choice: Consent.Choice("Lock", all.map(\.shortWords), selected: min(choice, all.count - 1)),
      inputs: fieldsShown,
      buttons: [
        Consent.Button(
          "lock", isAll ? "Lock everything" : "Lock",
          needs: isAll ? [.reason, .name, .key] : [.reason, .key])
      ], command: command)
  }

  /// A span counts from the signature, so that the plan does not change by the clock alone.
  private func ends(_ typed: String, _ placed: LockPlaced) -> String {
    guard let until = placed.until else { return "when it is lifted" }
    return Timestamp(lenient: ByteString(typed)) == nil
      ? "\(typed) after the signature" : until.textToSeconds
  }

  private func lift(_ digest: Digest) throws -> Consent {
    guard let row = try transaction.locks().first(where: { $0.digest == digest }) else {
      throw CommandFault("lock_unknown", "no lock \(digest.hex) is on record")
    }
    let target = LockText.words(row.target)
    let record = state.locks[digest]
    let isInForce = record?.isInForce(at: now) == true
    let isAll = record?.placed.target == .everything
    let reason = record?.placed.reason.text ?? row.reason
    return Consent(
      request: .lift(digest), title: SafeText("Lift the lock of \(target)").fitted(to: 60),
      ended: isInForce ? nil : "the lock is \(row.status(at: now))",
      heading: "LIFTING LETS IT GO ON AT ONCE",
      lines: [
        Line("target", SafeText(target), .title), Line("reason", SafeText(reason)),
        Line("placed", SafeText("\(row.received.textToSeconds) by \(row.placer)")),
        Line("ends", SafeText(row.until?.textToSeconds ?? "when it is lifted")),
      ], seal: SafeText("lock sha256 \(digest.hex)"), digest: digest.hex,
      asides: isAll
        ? [Line("Quorum", "lifting everything takes the admin quorum", .statePending)] : [],
      inputs: [Consent.Input("reason", "Reason", note: "required", kind: .reason)],
      buttons: [
        Consent.Button(
          "lift", "Lift the lock", needs: [.read, .reason, .key],
          objection: isAll && voter.map { state.operators[$0]?.has(.admin) != true } ?? true
            ? "lifting everything takes an admin: "
              + state.admins.map(\.description).joined(separator: ", ") : nil)
      ],
      command: ["lock", "lift", digest.hex, "--reason", "..."])
  }

  // MARK: admins

  private func proposal(_ digest: Digest, _ voter: Principal) throws -> Consent {
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

  private func owed(_ digest: Digest, _ choice: Int, _ voter: Principal) throws -> Consent {
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
      ended: row.completed == nil ? nil : "reviewed by \(row.reviewer ?? "")",
      heading: "WAS IT RIGHT? \u{00B7} read from the log", lines: lines,
      seal: SafeText("statement sha256 \(digest.hex)"), digest: digest.hex,
      choice: Consent.Choice("It was", ["justified", "unjustified"], selected: choice),
      inputs: [Consent.Input("reason", "Found", note: "what you found", kind: .reason)],
      buttons: [
        Consent.Button(
          "complete", "Sign the review", needs: [.read, .reason, .key],
          objection: isOwn ? "another operator reviews what you did" : nil)
      ],
      command: ["reviews", "complete", digest.hex, "--outcome", "justified", "--note", "..."],
      related: related)
  }

  private func activate(_ digest: Digest, _ plans: Plans) throws -> Consent {
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

  private func command(_ words: [String]) throws -> Consent {
    Consent(
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

/// Numbers side by side, as lines.
enum Table {
  static func lines(head: [String], rows: [(String, [String])]) -> [Line] {
    // As wide as the narrowest dialog.
    let name = 18
    func padded(_ text: String, _ width: Int) -> String {
      text + String(repeating: " ", count: max(0, width - text.count))
    }
    func cells(_ texts: [String]) -> String {
      texts.map { String(repeating: " ", count: max(1, 9 - $0.count)) + $0 }.joined()
    }
    return [Line("", SafeText(padded("", name) + cells(head)), .hint)]
      + rows.map { Line("", SafeText(padded($0.0, name) + cells($0.1))) }
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
