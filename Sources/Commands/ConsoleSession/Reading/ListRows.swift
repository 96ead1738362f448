import CanonicalJSON
import Cells
import Console
import Delegations
import Keys
import Registry
import Statements

/// Rows of the registry as rows of the console's lists: what each column shows.
enum ListRows {
  /// An action and what it is done to, parted by a mark that neither can contain: not as it is drawn, nor
  /// as it is drawn in ASCII.
  static func action(_ name: String, on resource: String) -> SafeText {
    let marks: Set<Unicode.Scalar> = ["\u{2192}", ">", "\u{00D7}"]
    return SafeText(name).escaping(marks) + "\u{2192}" + SafeText(resource).escaping(marks)
  }

  static func hold(
    _ row: HoldRow, _ place: [PlacePart], presence: AgentPresence?,
    viewer: String?, votes: [String], at now: Timestamp
  ) -> ListRow {
    let word = row.word(at: now)
    let hasVoted = viewer.map(votes.contains) ?? false
    let note = word == "pending" ? hasVoted ? "you voted" : "" : word
    let isOpen = word == "pending" || word == "approved"
    var shown = ListRow(
      target: .hold(row.digest), place: place,
      cells: [
        .text(SafeText(row.risk.words), isOpen ? row.risk.role : .muted),
        .text(SafeText(String(row.digest.hex.prefix(8)))),
        .text(SafeText(row.agent.withoutKind)),
        .text(action(row.name, on: row.uri)),
        .text(
          SafeText("\(row.approvals)/\(row.places) \(note)"),
          word == "pending" ? .text : isOpen ? .statePending : .muted),
        .text(Presence.short(presence, at: now), presence?.waits == true ? .stateOK : .text),
        word == "pending"
          ? .until(row.expires)
          : word == "approved" ? .until(row.approvedUntil) : .clock(row.received),
        .clock(row.received),
      ],
      related: [.agent(row.agent), .decision(row.index), .entry(row.index), .resource(row.uri)],
      isEnded: !isOpen)
    shown.at = row.received
    return shown
  }

  /// The line of equal holds, over the row of the one that expires first.
  ///
  /// `arrivals`: How many holds its agent got in five minutes, if that is a flood.
  static func group(
    _ group: HoldGroupRow, _ head: ListRow, isOpen: Bool, arrivals: Int?
  ) -> ListRow {
    let isFloor = group.count >= HoldGroupRow.countLimit
    let count = isFloor ? "\(group.count - 1)+" : "\(group.count)"
    var row = ListRow(
      target: .group(group.id), place: head.place, cells: head.cells,
      related: [.agent(group.head.agent), .resource(group.head.uri)])
    (row.hold, row.at, row.by, row.count) = (head.hold, head.at, head.by, group.count)
    row.branch = isOpen ? .open : .folded
    row.cells[1] = .text(isOpen ? "\u{25BE} group" : "\u{25B8} group", .title)
    if case .text(let action, let role) = row.cells[3] {
      row.cells[3] = .text(SafeText("\u{00D7}\(count) ") + action, role)
    }
    if let arrivals {
      if case .text(let agent, _) = row.cells[2] { row.cells[2] = .text(agent, .alert) }
      row.cells[4] = .text(SafeText("\(arrivals) in 5 min"), .alert)
      row.isFlood = true
    }
    return row
  }

  static func decision(_ row: DecisionRow, _ place: [PlacePart]) -> ListRow {
    let (word, role): (String, Role) =
      switch row.verdict {
      case "allow": (row.releases == nil ? "allow" : "release", .stateOK)
      case "hold": ("HOLD", .statePending)
      default: ("DENY", .stateBad)
      }
    let isByRule = row.verdict != "deny" || row.code == "policy_denied"
    var related: [Target] = [.agent(row.agent)]
    if row.verdict == "hold" { related.append(.hold(row.digest)) }
    if let hold = row.releases { related.append(.hold(hold)) }
    related += [.entry(row.index), .resource(row.uri)]
    return ListRow(
      target: .decision(row.index), place: place,
      cells: [
        .clock(row.received), .text(SafeText(word), role), .text(SafeText(row.agent.withoutKind)),
        .text(action(row.name, on: row.uri)),
        .text(SafeText(isByRule && !row.rule.isEmpty ? row.rule : row.code)),
        .text(SafeText("#\(row.index)")),
      ], related: related)
  }

  /// Neighbours that say the same become one row, its last.
  static func collapsed(_ rows: [ListRow]) -> [ListRow] {
    var shown: [ListRow] = []
    var repeats = 1
    for row in rows {
      guard let last = shown.last, isRepeat(row, last) else {
        repeats = 1
        shown.append(row)
        continue
      }
      repeats += 1
      var merged = row
      merged.firstPlace = last.firstPlace
      if case .text(let text, let role) = row.cells[3] {
        merged.cells[3] = .text("\u{00D7}\(repeats) " + text, role)
      }
      shown[shown.count - 1] = merged
    }
    return shown
  }

  /// The same agent, action, verdict and rule within a minute; what is held stays apart.
  private static func isRepeat(_ row: ListRow, _ last: ListRow) -> Bool {
    guard row.cells.count == last.cells.count, row.related.count == last.related.count,
      case .clock(let time?) = row.cells[0], case .clock(let before?) = last.cells[0],
      time.milliseconds(since: before) < 60_000, row.related.first == last.related.first,
      row.cells[1] == last.cells[1], row.cells[4] == last.cells[4],
      row.related.last == last.related.last,
      !row.related.contains(where: { if case .hold = $0 { true } else { false } })
    else { return false }
    return true
  }

  static func agent(_ row: AgentRow, _ place: [PlacePart]) -> ListRow {
    ListRow(
      target: .agent(row.principal), place: place,
      cells: [
        .text(SafeText(row.principal)), .text(SafeText(row.owner)), .text(SafeText(row.roles)),
        .text(
          SafeText("\(row.activeKeys)/\(row.allKeys)"), row.activeKeys == 0 ? .stateBad : .text),
        .text(SafeText("\(row.grants)")),
        .text(SafeText("\(row.pending)"), row.pending > 0 ? .statePending : .text),
        .ago(row.lastDecision), .minute(row.received),
      ], related: [.person(row.owner)])
  }

  static func key(
    _ row: KeyRow, _ place: [PlacePart], used: KeyUse, at now: Timestamp
  ) -> ListRow {
    let status = row.status(at: now)
    let isActive = status == "active"
    let holder: Target =
      row.holder.hasPrefix("agent:")
      ? .agent(row.holder)
      : row.holder.hasPrefix("user:") ? .person(row.holder) : .service(row.holder)
    return ListRow(
      target: .key(row.fingerprint), place: place,
      cells: [
        .text(SafeText(row.fingerprint.short)), .text(SafeText(row.holder)),
        .text(SafeText(isActive ? status : status.uppercased()), isActive ? .stateOK : .stateBad),
        .text(SafeText(row.enrolledBy)), used.cell, .until(row.notAfter),
        .minute(row.received),
        .text(SafeText(row.reason ?? "")),
      ], related: [holder], isEnded: !isActive)
  }

  static func person(
    _ row: OperatorRow, _ place: [PlacePart], status: String, at now: Timestamp
  ) -> ListRow {
    let may = CapabilityText.words(row.mayGrant)
    return ListRow(
      target: .person(row.principal), place: place,
      cells: [
        .text(SafeText(row.principal)), .text(SafeText(row.roles)),
        .text(SafeText(GroupText.short(row.groups, at: now))),
        .text(SafeText(row.key.short)),
        .text(SafeText(status), status == "active" ? .stateOK : .stateBad),
        .text(SafeText(may.isEmpty ? "-" : may)),
      ], related: [.key(row.key)])
  }

  static func policy(
    _ row: PolicyRow, _ place: [PlacePart], waiting: [ProposalRow]
  ) -> ListRow {
    let waits = waiting.first.map { "activation \($0.digest.hex.prefix(8))" } ?? ""
    return ListRow(
      target: .policy(row.digest), place: place,
      cells: [
        .text(SafeText("\(row.name)@v\(row.version)")),
        .text(row.isActive ? "ACTIVE" : "-", row.isActive ? .stateOK : .text),
        .minute(row.received), .text(SafeText(row.publisher)),
        .text(SafeText(waits), .statePending),
      ], related: waiting.map { .proposal($0.digest) } + [.person(row.publisher)])
  }

  static func lock(_ row: LockRow, _ place: [PlacePart], at now: Timestamp) -> ListRow {
    let status = row.status(at: now)
    let isInForce = status == "in force"
    return ListRow(
      target: .lock(row.digest), place: place,
      cells: [
        .text(SafeText(LockText.words(row.target))),
        .text(SafeText(status), isInForce ? .stateBad : .muted),
        row.lifted == nil ? .until(row.until) : .text("-"),
        .text(SafeText(row.placer)), .text(SafeText(row.reason)),
      ], related: LockText.target(row.target).map { [$0] } ?? [], isEnded: !isInForce)
  }

  static func proposal(_ row: ProposalRow, at now: Timestamp) -> ListRow {
    let status = row.status(at: now)
    return ListRow(
      target: .proposal(row.digest), place: [.integer(-row.received.milliseconds)],
      cells: [
        .text(SafeText(row.type)), .text(SafeText(row.subject)), .text(SafeText(row.opener)),
        .text(SafeText("\(row.signers.count)")),
        .text(SafeText(status), status == "open" ? .statePending : .muted), .until(row.expires),
      ], related: [.person(row.opener)], isEnded: status != "open")
  }

  /// Reviews that one signature completes, in one row.
  static func owed(_ group: ReviewGroup) -> ListRow {
    let row = group.rows[0]
    let count = group.rows.count
    return ListRow(
      target: group.isOwed && count > 1 ? .reviewGroup(group.id) : .owed(row.subject),
      place: [.integer(-row.received.milliseconds)],
      cells: [
        .text(
          SafeText("review: \(ReviewKind.words(group.subject.kind))"),
          group.isOwed ? .riskHigh : .muted),
        .text(
          SafeText(
            (count > 1 ? "\u{00D7}\(group.count) " : "") + "\(group.subject.who.withoutKind): "
              + "\(group.subject.what)"
              + (group.subject.kind == ReviewKind.breakGlass ? "; \(group.subject.reason)" : ""))),
        .text(SafeText(row.reviewer ?? "")),
        .text("-"),
        .text(SafeText(row.outcome ?? "DUE"), group.isOwed ? .statePending : .muted),
        .text("-"),
      ], related: [.entry(group.first)] + (row.who.hasPrefix("agent:") ? [.agent(row.who)] : []),
      isEnded: !group.isOwed)
  }

  static func keyRequest(_ row: KeyRequestRow) -> ListRow {
    ListRow(
      target: .keyRequest(row.digest), place: [.integer(-row.received.milliseconds)],
      cells: [
        .text("key asked for"), .text(SafeText("\(row.holder)  \(row.note)"), .untrusted),
        .text(SafeText(row.holder.withoutKind)), .text("-"), .text("waits", .statePending),
        .until(row.received.advanced(bySeconds: 72 * 3600)),
      ], related: [.agent(row.holder)])
  }

  /// One entry of the log, parsed from its bytes.
  ///
  /// `proposal`: How a proposal stands: one that its opener alone may make is in effect at once.
  static func entry(
    _ index: UInt64, _ bytes: [UInt8], proposal: (Digest) -> String?
  ) -> ListRow {
    let place: [PlacePart] = [.integer(Int64(index))]
    let number = CellValue.text(SafeText("#\(index)"))
    guard let entry = try? LogEntry(bytes: bytes) else {
      return ListRow(
        target: .entry(index), place: place,
        cells: [
          number, .clock(nil), .text("unreadable", .stateBad), .text(""), .text(""),
          .text("BAD", .stateBad), .text(""),
        ])
    }
    let hash = SafeText(String(entry.envelope.digest.hex.prefix(4)))
    guard
      let parts = try? StatementParts(
        payloadType: entry.envelope.payloadType, payload: entry.envelope.payload)
    else {
      return ListRow(
        target: .entry(index), place: place,
        cells: [
          number, .clock(entry.received), .text("of an unknown type", .stateBad), .text(""),
          .text(""), .text("..", .text), .text(hash),
        ])
    }
    var about = EntryText.about(parts.body)
    if case .proposalOpened = parts.body, let status = proposal(entry.envelope.digest) {
      about.words += ": \(status)"
      if status != "open" { about.role = .text }
    }
    return ListRow(
      target: .entry(index), place: place,
      cells: [
        number, .clock(entry.received), .text(SafeText(parts.body.type.rawValue)),
        .text(SafeText(parts.header.signer.description)), .text(SafeText(about.words), about.role),
        .text("", .text), .text(hash),
      ], related: about.related)
  }

  // MARK: the tree

  static func root(_ name: String, _ children: Int) -> TreeNode {
    TreeNode(
      target: .root(name), name: name, scope: "", expires: nil, fault: "", children: children,
      isFloor: children >= BranchRow.countLimit, elsewhere: 0, pending: 0, isEnded: false)
  }

  static func node(_ row: BranchRow, at now: Timestamp) -> TreeNode {
    let expires = (try? JSONParser.parse(Array(row.grant.limits.utf8)))?["not_after"]?.string
      .flatMap { Timestamp($0) }
    let fault =
      row.grant.revoked != nil
      ? "revoked"
      : row.isKeyRevoked
        ? "key revoked"
        : row.isHolderGone ? "retired" : expires.map { now >= $0 } ?? false ? "expired" : ""
    return TreeNode(
      target: .grant(row.grant.digest), name: row.grant.holder, scope: row.grant.words,
      expires: expires, fault: fault, children: row.children,
      isFloor: row.children >= BranchRow.countLimit, elsewhere: row.elsewhere,
      pending: row.pending, isEnded: row.grant.revoked != nil, isKeyless: row.isKeyless)
  }
}

/// Whether an agent is there, in words: `waiting`, `last seen 40 s ago`, `gone (last seen 12m ago)`.
enum Presence {
  /// An agent that had nothing decided for so long has gone.
  private static let goneMilliseconds: Int64 = 120_000
  /// A service says every ten seconds which agents wait.
  private static let freshMilliseconds: Int64 = 15_000

  static func short(_ presence: AgentPresence?, at now: Timestamp) -> SafeText {
    guard let presence else { return "-" }
    return isWaiting(presence, at: now) ? "now" : SafeText(Span.since(presence.seen, to: now))
  }

  static func words(_ presence: AgentPresence?, at now: Timestamp) -> String {
    guard let presence else { return "" }
    if isWaiting(presence, at: now) { return "waiting" }
    let seen = "last seen \(Span.since(presence.seen, to: now)) ago"
    let isGone = now.milliseconds(since: presence.seen) > goneMilliseconds
    return isGone ? "gone (\(seen))" : seen
  }

  /// Who waits is seen all the time.
  private static func isWaiting(_ presence: AgentPresence, at now: Timestamp) -> Bool {
    presence.waits && now.milliseconds(since: presence.asked) < freshMilliseconds
  }
}

extension KeyUse {
  /// `12s`, or `-` for never.
  var cell: CellValue {
    switch self {
    case .never: .ago(nil)
    case .at(let time): .ago(time)
    }
  }

  var words: String {
    switch self {
    case .never: "never"
    case .at(let time): time.textToSeconds
    }
  }
}

extension String {
  /// A principal without `agent:`.
  var withoutKind: String {
    split(separator: ":", maxSplits: 1).last.map(String.init) ?? self
  }
}
