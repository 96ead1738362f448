import Approvals
import CanonicalJSON
import Cells
import Console
import Delegations
import Keys
import Registry
import Statements

/// What stands beside a list for its selected row; read from rows, for orientation only.
enum Previews {
  /// `log`: Where the log itself lies, if not beside the tables.
  static func make(
    _ target: Target, tables: RegistryTransaction, log: RegistryDatabase?, at now: Timestamp
  ) throws -> Preview? {
    func entry(_ index: UInt64) throws -> StatementParts? {
      let bytes = try log.map { try $0.read { try $0.entry(index) } } ?? tables.entry(index)
      return try bytes.map { try LogEntry(bytes: $0) }.map {
        try StatementParts(payloadType: $0.envelope.payloadType, payload: $0.envelope.payload)
      }
    }
    func body(_ digest: Digest) throws -> [UInt8]? {
      try log.map { try $0.read { try $0.body(digest) } } ?? tables.body(digest)
    }
    switch target {
    case .hold(let digest):
      guard let row = try tables.hold(digest),
        case .decisionMade(let made)? = try entry(row.index)?.body
      else { return nil }
      let action = try body(made.action).map { try Action(payload: $0) }
      return try hold(row, made, action, tables, at: now)
    case .group(let id):
      return try tables.holdGroup(id, at: now).map { try group($0, tables, at: now) } ?? nil
    case .decision(let index):
      guard let row = try tables.decision(at: index) else { return nil }
      return try decision(row, try entry(index)?.body, tables)
    case .agent(let name):
      guard let row = try tables.agent(name, at: now) else { return nil }
      return try agent(row, tables, at: now)
    case .key(let digest):
      guard let row = try tables.key(digest) else { return nil }
      return Preview(
        target: target, title: "key \(digest.short)",
        lines: [
          Line("Key", SafeText("ed25519:\(digest.hex)")), Line("Holder", SafeText(row.holder)),
          Line(
            "Status", SafeText(row.status(at: now)),
            row.status(at: now) == "active" ? .stateOK : .stateBad),
          Line("Enrolled", SafeText("\(row.received.minute) by \(row.enrolledBy)")),
          Line("Ends", SafeText(row.notAfter?.minute ?? "never")),
        ], chain: [])
    case .grant(let digest):
      guard let row = try tables.grant(digest) else { return nil }
      return try grant(row, tables, at: now)
    case .policy(let digest):
      guard let row = try tables.policies().first(where: { $0.digest == digest }) else {
        return nil
      }
      return Preview(
        target: target, title: "\(row.name)@v\(row.version)",
        lines: [
          Line("Digest", SafeText(digest.hex)),
          Line("Published", SafeText("\(row.received.minute) by \(row.publisher)")),
          Line(
            "Status", row.isActive ? "in force" : "inactive until activated: a activates it",
            row.isActive ? .stateOK : .text),
          Line("", "Enter shows source, rule hits and changes"),
        ])
    case .entry(let index):
      guard let parts = try entry(index) else { return nil }
      return Preview(
        target: target, title: "entry #\(index)",
        lines: [
          Line("Type", SafeText(parts.body.type.rawValue), .title),
          Line("Signer", SafeText(parts.header.signer.description)),
          Line("Signed at", SafeText(parts.header.at.text)),
        ] + EntryText.lines(parts.body.json.withoutNulls))
    case .proposal(let digest):
      guard let row = try tables.proposals().first(where: { $0.digest == digest }) else {
        return nil
      }
      return Preview(
        target: target, title: "proposal \(digest.hex.prefix(8))",
        lines: [
          Line("Change", SafeText(row.type), .title), Line("Of", SafeText(row.subject)),
          Line("Signed by", SafeText(row.signers.joined(separator: ", "))),
          Line("Status", SafeText(row.status(at: now))),
          Line("", "Enter opens it, to sign or reject"),
        ])
    case .owed(let digest):
      return try tables.reviewGroup(of: digest).map { review($0, target) }
    case .reviewGroup(let id): return try tables.reviewGroup(id).map { review($0, target) }
    case .keyRequest(let digest):
      guard let row = try tables.keyRequests().first(where: { $0.digest == digest }) else {
        return nil
      }
      return Preview(
        target: target, title: "key request \(digest.hex.prefix(8))",
        lines: [
          Line("Agent", SafeText(row.holder)),
          Line("Key", SafeText("ed25519:\(Digest.sha256(row.key).hex)")),
          Line("Note", SafeText(row.note) + "  (unverified)", .untrusted),
          Line("Replaces", SafeText(row.replaces.map { "key \($0.short)" } ?? "no key")),
          row.replaces == nil
            ? Line(
              "", "Enter or a answers it; nothing shows yet that the agent itself asked", .alert)
            : Line("", "Enter or a answers it; the agent's old key and the new one signed it"),
        ])
    case .lock(let digest):
      guard let row = try tables.locks().first(where: { $0.digest == digest }) else { return nil }
      return Preview(
        target: target, title: "lock \(digest.hex.prefix(8))",
        lines: [
          Line("Target", SafeText(LockText.words(row.target)), .title),
          Line("Reason", SafeText(row.reason)),
          Line("Placed", SafeText("\(row.received.minute) by \(row.placer)")),
          Line("Ends", SafeText(row.until?.minute ?? "when it is lifted")),
          Line("Status", SafeText(row.status(at: now))),
        ])
    case .person(let name), .root(let name):
      let operators = try tables.operators()
      guard let row = operators.first(where: { $0.principal == name }) else { return nil }
      // Whoever is selected: the list is where one looks who is on call.
      let rotas = OnCall.rotas(of: operators, at: now).map {
        Line("On call", SafeText("\($0.group): \($0.words)"), .title)
      }
      return Preview(
        target: target, title: name,
        lines: rotas + [
          Line("Roles", SafeText(row.roles)), Line("Groups", SafeText(GroupText.words(row.groups))),
          Line("Key", SafeText("ed25519:\(row.key.hex)")),
        ])
    case .more, .rule, .resource, .service: return nil
    }
  }

  private static func review(_ group: ReviewGroup, _ target: Target) -> Preview {
    let row = group.rows[0]
    let count = group.rows.count
    return Preview(
      target: target,
      title: count == 1
        ? "review of \(row.subject.hex.prefix(8))"
        : "\(count) reviews, group \(group.id.hex.prefix(8))",
      lines: [
        Line(
          "What", SafeText("\(ReviewKind.words(row.kind)): \(group.subject.what)"), .title),
        Line("By", SafeText(row.who)), Line("Because", SafeText(group.subject.reason)),
        Line(
          "Entries",
          SafeText(count == 1 ? "#\(row.index)" : "\(count), #\(group.first) to #\(group.last)")),
        Line("Finding", SafeText(row.finding)),
        Line(
          "",
          group.isOwed
            ? "Enter or a reads what they say; one signature completes all of them" : ""),
      ])
  }

  private static func hold(
    _ row: HoldRow, _ made: DecisionMade, _ action: Action?, _ tables: RegistryTransaction,
    at now: Timestamp
  ) throws -> Preview {
    let rule = made.hold?.rule
    var lines: [Line] = []
    let params = (action?.params.members ?? []).map { "\($0.name.text)=\($0.value.shownText)" }
    lines.append(
      Line(
        "Action",
        SafeText("\(row.name) on \(row.uri)  \(params.joined(separator: " "))"), .title))
    if rule?.irreversible == true { lines.append(Line("Effect", "IRREVERSIBLE", .alert)) }
    var warnings = (rule?.warnings ?? []).map { "! \($0.text)" }
    let hidden = (action?.params.members ?? []).reduce(0) {
      $0 + SafeText($1.value.shownText).hidden
    }
    if hidden > 0 { warnings.append("! " + Plural.count(hidden, "hidden character") + " shown") }
    if !warnings.isEmpty {
      lines.append(Line("Warnings", SafeText(warnings.joined(separator: "  ")), .alert))
    }
    let path = try made.chain.last.flatMap { try tables.treePath(to: $0) }
    let holders = try path?.path.compactMap { try tables.grant($0)?.holder } ?? []
    let chain = ([path?.root ?? ""] + holders).filter { !$0.isEmpty }
    let presence = Presence.words(try tables.presence(of: row.digest), at: now)
    lines.append(
      Line(
        "Requester",
        SafeText("\(row.agent)\(presence.isEmpty ? "" : "  " + presence)  via ")
          + SafeText(chain.map(\.withoutKind).joined(separator: " > "))))
    if let policy = made.policy {
      lines.append(
        Line(
          "Held by",
          SafeText("\(policy.label)  \(made.rules.map(\.text).joined(separator: " "))")))
    }
    let voters = try tables.voters(of: row.digest)
    let groups = (rule?.quorum ?? []).map { item in
      "\(item.count) of "
        + (item.anyOf.isEmpty ? "any approver" : item.anyOf.map(\.text).joined(separator: " or "))
    }
    let denials = voters.filter { $0.vote == ApprovalVoted.Vote.deny.rawValue }.map(\.who)
    let approvals = voters.map(\.who).filter { !denials.contains($0) }
    lines.append(
      denials.isEmpty
        ? Line(
          "Quorum",
          SafeText(
            "\(row.approvals) of \(row.places)  needs \(groups.joined(separator: ", "))"
              + (approvals.isEmpty ? "" : "  signed by \(approvals.joined(separator: ", "))")))
        : Line("Denied", SafeText("by \(denials.joined(separator: ", "))"), .stateBad))
    if let words = action?.context["justification"]?.string {
      lines.append(
        Line("Justification", SafeText("\"\(words.text)\"") + "  (agent, unverified)", .untrusted))
    }
    let similar =
      try tables.decision(at: row.index).map {
        try tables.similarDecisions(to: $0, limit: 3)
      } ?? []
    if let last = similar.first {
      lines.append(
        Line(
          "Similar",
          SafeText(
            "\(similar.count) before; last \(last.verdict) \(Span.since(last.received, to: now)) ago"
          ))
      )
    }
    return Preview(
      target: .hold(row.digest), title: "\(row.digest.hex.prefix(8))", lines: lines,
      chain: try chainLines(path, tables, at: now))
  }

  private static func group(
    _ row: HoldGroupRow, _ tables: RegistryTransaction, at now: Timestamp
  ) throws -> Preview {
    let head = row.head
    let isFloor = row.count >= HoldGroupRow.countLimit
    let since = now.advanced(byMilliseconds: -RegistryReader.floodMilliseconds)
    let arrivals = try tables.holdCount(of: head.agent, since: since, upTo: 1000)
    let rate = "\(arrivals)\(arrivals >= 1000 ? "+" : "") in the last 5 min"
    let count = isFloor ? "\(row.count - 1)+ holds" : Plural.count(row.count, "hold")
    var lines = [
      Line("Action", SafeText("\(head.name) on \(head.uri)"), .title),
      Line("Agent", SafeText(head.agent)),
      Line("Waiting", SafeText("\(count), the first ends at \(head.expires.clock)")),
    ]
    if arrivals >= RegistryReader.floodCount {
      lines.append(
        Line("Flood", SafeText("\(rate): L locks the agent, which voids all its holds"), .alert))
    } else {
      lines.append(Line("Holds", SafeText("\(rate) from this agent")))
    }
    lines.append(Line("", "Enter lists them, to approve one by one; x denies them together"))
    return Preview(
      target: .group(row.id), title: "group: \(count) of \(head.agent)", lines: lines)
  }

  private static func decision(
    _ row: DecisionRow, _ body: StatementBody?, _ tables: RegistryTransaction
  ) throws -> Preview {
    var lines = [
      Line("Verdict", SafeText(row.verdict), row.verdict == "allow" ? .stateOK : .stateBad),
      Line("Agent", SafeText(row.agent)), Line("Action", SafeText(row.name)),
      Line("Resource", SafeText(row.uri)), Line("Received", SafeText(row.received.text)),
    ]
    var path: (root: String, path: [Digest])?
    if case .decisionMade(let made)? = body {
      lines += made.reasons.map { Line($0.code.text, SafeText($0.detail.text)) }
      lines += made.rules.map { Line("Rule", SafeText($0.text)) }
      path = try made.chain.last.flatMap { try tables.treePath(to: $0) }
    }
    return Preview(
      target: .decision(row.index), title: "decision #\(row.index)", lines: lines,
      chain: try chainLines(path, tables, at: row.received))
  }

  private static func agent(
    _ row: AgentRow, _ tables: RegistryTransaction, at now: Timestamp
  ) throws -> Preview {
    var lines = [
      Line("Owner", SafeText(row.owner)), Line("Roles", SafeText(row.roles)),
      Line("Keys", SafeText("\(row.activeKeys) active of \(row.allKeys)")),
      Line("Grants", SafeText("\(row.grants)")),
      Line("Held now", SafeText("\(row.pending)")),
    ]
    for decision in try tables.decisions(agent: row.principal, limit: 12) {
      lines.append(
        Line(
          decision.received.clock,
          SafeText("\(decision.verdict)  \(decision.name) on \(decision.uri)"),
          decision.verdict == "deny" ? .stateBad : .text))
    }
    let grant = try tables.firstGrant(heldBy: row.principal)
    return Preview(
      target: .agent(row.principal), title: row.principal, lines: lines,
      chain: try chainLines(try grant.flatMap { try tables.treePath(to: $0) }, tables, at: now))
  }

  private static func grant(
    _ row: GrantRow, _ tables: RegistryTransaction, at now: Timestamp
  ) throws -> Preview {
    let path = try tables.treePath(to: row.digest)
    let limits = (try? JSONParser.parse(Array(row.limits.utf8))).map {
      EntryText.lines($0).map(\.text.text).joined(separator: ", ")
    }
    let others = try tables.grants(holder: row.holder).filter {
      $0.digest != row.digest && $0.revoked == nil
    }
    var lines = [
      Line("Gives", SafeText(row.words), .title),
      Line("Granted", SafeText("by \(row.issuer)  \(row.received.minute)")),
      Line("Limits", SafeText(limits ?? "")),
    ]
    if let revoked = row.revoked {
      lines.append(Line("Revoked", SafeText(revoked.minute), .stateBad))
    }
    let (children, more) = try tables.branch(
      below: row.digest, root: nil, at: .first, limit: 100, showsEnded: false, at: now)
    lines.append(
      Line(
        "Below",
        SafeText(
          "\(children.count)\(more ? "+" : "") direct grants under it; r previews a revocation")))
    if !others.isEmpty {
      lines.append(
        Line(
          "Others via",
          SafeText(
            others.prefix(4).map { "\($0.issuer) (\($0.digest.short))" }.joined(separator: ", "))))
    }
    return Preview(
      target: .grant(row.digest), title: "grant \(row.digest.short) to \(row.holder)",
      lines: lines, chain: try chainLines(path, tables, at: now))
  }

  /// A chain from its root, hop by hop.
  private static func chainLines(
    _ path: (root: String, path: [Digest])?, _ tables: RegistryTransaction, at now: Timestamp
  ) throws -> [Line] {
    guard let path else { return [] }
    var lines = [Line("root", SafeText(path.root), .title)]
    for (hop, digest) in path.path.enumerated() {
      guard let row = try tables.grant(digest) else { continue }
      lines.append(
        Line(
          "hop \(hop)", SafeText("\(row.holder)  \(row.words)"),
          row.revoked == nil ? .text : .stateBad))
    }
    return lines
  }
}
