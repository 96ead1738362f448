import Cells
import Keys
import Statements

/// The lists: approvals, decisions, agents, keys, tree.
enum ListScreens {
  struct Column {
    let title: String
    let width: Int
  }

  struct Row {
    let cells: [SafeText]
    let role: Role
    /// Which cell the role colours; nil colours none.
    let tinted: Int?
  }

  static func draw(_ model: ConsoleModel, _ buffer: inout Buffer) {
    let rows = model.rows
    let filter = model.filters[model.view]?.text ?? ""
    var right = "\(rows.isEmpty ? 0 : min(model.position, rows.count - 1) + 1)/\(rows.count)"
    if !filter.isEmpty || model.isFiltering { right = "filter /\(filter)  " + right }
    if model.view == .decisions {
      right = (model.follows ? "following  " : "PAUSED +\(model.unseen) new  ") + right
    }
    Screen.rule(SafeText(title(model)), SafeText(right), y: 2, model, &buffer)
    let previewRows = model.view == .approvals && model.height >= 22 ? 7 : 0
    let bodyTop = 4
    let bodyRows = max(1, model.height - bodyTop - 2 - previewRows)
    let (columns, line) = layout(model)
    var x = 2
    for column in columns {
      buffer.put(SafeText(column.title), x: x, y: 3, role: .header, columns: column.width)
      x += column.width + 1
    }
    guard model.snapshot != nil else {
      buffer.put("reading the registry", x: 2, y: bodyTop, role: .hint)
      return
    }
    if rows.isEmpty {
      buffer.put(SafeText(empty(model)), x: 2, y: bodyTop, role: .hint)
    }
    let position = min(model.position, max(0, rows.count - 1))
    let first = max(0, min(position - bodyRows / 2, rows.count - bodyRows))
    for (offset, key) in rows.dropFirst(first).prefix(bodyRows).enumerated() {
      let y = bodyTop + offset
      guard let row = line(key.id) else { continue }
      var x = 2
      for (index, column) in columns.enumerated() where index < row.cells.count {
        buffer.put(
          row.cells[index], x: x, y: y, role: index == row.tinted ? row.role : .text,
          columns: column.width)
        x += column.width + 1
      }
      if first + offset == position {
        buffer.put(">", x: 0, y: y, role: .cursor)
        buffer.reverse(row: y)
        buffer.cursor = (0, y)
      }
    }
    if previewRows > 0, let hold = model.selectedHold {
      preview(hold, top: model.height - 2 - previewRows, model, &buffer)
    }
    Screen.footer(hints(model), model, &buffer)
  }

  private static func title(_ model: ConsoleModel) -> String {
    model.view == .approvals ? "Approvals \u{203A} open" : model.view.title
  }

  private static func empty(_ model: ConsoleModel) -> String {
    if model.filters[model.view]?.isEmpty == false {
      return "nothing matches; Esc clears the filter"
    }
    return switch model.view {
    case .approvals: "nothing waits for approval"
    case .decisions: "no decisions yet"
    case .agents: "no agents yet: countersign agent register"
    case .keys: "no keys"
    case .tree: "no grants yet: countersign grant issue"
    }
  }

  private static func hints(_ model: ConsoleModel) -> SafeText {
    if model.isFiltering { return "type to filter  Enter keep  Esc clear" }
    return switch model.view {
    case .approvals:
      "Enter review  a approve\u{2026}  x deny\u{2026}  W why  / filter  1-5 views  ? help  q quit"
    case .decisions: "Enter why  f follow or pause  G newest  / filter  1-5 views  ? help  q quit"
    case .agents: "Enter keys  r revoke key\u{2026}  / filter  1-5 views  ? help  q quit"
    case .keys: "r revoke\u{2026}  / filter  1-5 views  ? help  q quit"
    case .tree: "h l fold  z all  Enter agent  r revoke key\u{2026}  / filter  ? help  q quit"
    }
  }

  /// `04:51`, `2h10m`, `29d`.
  static func span(_ until: Timestamp, _ now: Timestamp) -> String {
    let seconds = until.milliseconds(since: now) / 1000
    if seconds <= 0 { return "ended" }
    func two(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
    if seconds < 3600 { return "\(two(seconds / 60)):\(two(seconds % 60))" }
    if seconds < 86_400 { return "\(seconds / 3600)h\(two(seconds / 60 % 60))m" }
    return "\(seconds / 86_400)d"
  }

  private static func layout(
    _ model: ConsoleModel
  ) -> (columns: [Column], line: (String) -> Row?) {
    let spare = model.width - 80
    let now = model.now
    guard let snapshot = model.snapshot else { return ([], { _ in nil }) }
    switch model.view {
    case .approvals:
      let agent = 16 + max(0, spare / 4)
      let what = 24 + max(-12, spare - spare / 4)
      let byID = Dictionary(snapshot.holds.map { ($0.digest.hex, $0) }) { first, _ in first }
      return (
        [
          Column(title: "RISK", width: 7), Column(title: "ID", width: 8),
          Column(title: "AGENT", width: agent),
          Column(title: "ACTION \u{2192} RESOURCE", width: what),
          Column(title: "QUORUM", width: 12), Column(title: "EXP", width: 6),
        ],
        { id in
          guard let hold = byID[id] else { return nil }
          return Row(
            cells: [
              SafeText(hold.risk.words), SafeText(String(hold.digest.hex.prefix(8))),
              SafeText(hold.agent.dropKind),
              SafeText(hold.action) + "\u{2192}" + SafeText(hold.resource),
              SafeText("\(hold.approvals)/\(hold.places) \(hold.note)"),
              SafeText(span(hold.expires, now)),
            ], role: hold.risk.role, tinted: 0)
        }
      )
    case .decisions:
      let what = 22 + max(-12, spare)
      let byID = Dictionary(snapshot.decisions.map { ("\($0.index)", $0) }) { first, _ in first }
      return (
        [
          Column(title: "TIME", width: 9), Column(title: "VERDICT", width: 7),
          Column(title: "AGENT", width: 16), Column(title: "ACTION \u{2192} RESOURCE", width: what),
          Column(title: "RULE OR CODE", width: 18),
        ],
        { id in
          guard let item = byID[id] else { return nil }
          let verdict = item.verdict == "allow" ? "allow" : item.verdict.uppercased()
          let role: Role =
            item.verdict == "allow" ? .stateOK : item.verdict == "deny" ? .stateBad : .statePending
          return Row(
            cells: [
              SafeText(item.at.clock), SafeText(verdict), SafeText(item.agent.dropKind),
              SafeText(item.action) + "\u{2192}" + SafeText(item.resource),
              SafeText(
                item.verdict == "deny" && item.code != "policy_denied" || item.rule.isEmpty
                  ? item.code : item.rule),
            ], role: role, tinted: 1)
        }
      )
    case .agents:
      let byID = Dictionary(snapshot.agents.map { ($0.name, $0) }) { first, _ in first }
      return (
        [
          Column(title: "AGENT", width: 24 + max(0, spare / 2)), Column(title: "OWNER", width: 14),
          Column(title: "ROLES", width: 14 + max(0, spare / 2)), Column(title: "KEYS", width: 5),
          Column(title: "GRANTS", width: 6), Column(title: "LAST", width: 9),
        ],
        { id in
          guard let agent = byID[id] else { return nil }
          return Row(
            cells: [
              SafeText(agent.name), SafeText(agent.owner), SafeText(agent.roles),
              SafeText("\(agent.activeKeys)/\(agent.allKeys)"), SafeText("\(agent.grants)"),
              SafeText(agent.last?.clock ?? "-"),
            ], role: .stateBad, tinted: agent.activeKeys == 0 ? 3 : nil)
        }
      )
    case .keys:
      let byID = Dictionary(snapshot.keys.map { ($0.key.digest.hex, $0) }) { first, _ in first }
      return (
        [
          Column(title: "KEY", width: 10), Column(title: "HOLDER", width: 28 + max(0, spare)),
          Column(title: "STATUS", width: 9), Column(title: "ENROLLED BY", width: 16),
          Column(title: "EXPIRES", width: 8),
        ],
        { id in
          guard let key = byID[id] else { return nil }
          let isActive = key.status == "active"
          return Row(
            cells: [
              SafeText(key.key.short), SafeText(key.holder),
              SafeText(isActive ? key.status : key.status.uppercased()), SafeText(key.enrolledBy),
              SafeText(key.expires.map { span($0, now) } ?? "-"),
            ], role: isActive ? .stateOK : .stateBad, tinted: 2)
        }
      )
    case .tree:
      let byID = Dictionary(model.treeRows.map { ($0.id, $0) }) { first, _ in first }
      return (
        [
          Column(title: "PRINCIPAL", width: 32 + max(0, spare / 3)),
          Column(title: "SCOPE", width: 26 + max(0, spare - spare / 3)),
          Column(title: "TTL", width: 6), Column(title: "STATUS", width: 10),
        ],
        { id in
          guard let row = byID[id] else { return nil }
          let name =
            SafeText(row.prefix) + SafeText(row.name)
            + (row.hidden > 0 ? SafeText(" (+\(row.hidden))") : "")
          let isGood = row.status == "ok" || row.status == "root"
          return Row(
            cells: [
              name, SafeText(row.scope), SafeText(row.expires.map { span($0, now) } ?? "-"),
              SafeText(isGood ? row.status : "! " + row.status),
            ], role: isGood ? .stateOK : .stateBad, tinted: 3)
        }
      )
    }
  }

  private static func preview(
    _ hold: Snapshot.HoldItem, top: Int, _ model: ConsoleModel, _ buffer: inout Buffer
  ) {
    Screen.rule(
      SafeText("\(hold.digest.hex.prefix(8)) \u{00B7} preview"), "Enter reviews and signs", y: top,
      model, &buffer)
    let lines: [(String, SafeText)] = [
      ("Will do", SafeText(hold.action) + " on " + SafeText(hold.resource)),
      ("Requester", SafeText(hold.agent)),
      ("Risk", SafeText(hold.risk.words)),
      ("Quorum", SafeText("\(hold.approvals) of \(hold.places)   \(hold.note)")),
      ("State", SafeText("\(hold.state), until \(hold.expires.textToSeconds)")),
    ]
    for (offset, line) in lines.enumerated() {
      buffer.put(SafeText(line.0), x: 1, y: top + 1 + offset, role: .hint, columns: 10)
      buffer.put(line.1, x: 12, y: top + 1 + offset)
    }
  }
}

extension String {
  /// `deploy-bot` of `agent:deploy-bot`.
  var dropKind: String { String(split(separator: ":", maxSplits: 1).last ?? "") }
}
