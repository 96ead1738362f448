import Cells
import Keys
import Statements

/// The lists: column titles, rows around the selection, and what is selected beside or below.
enum ListScreen {
  static func draw(_ model: ConsoleModel, _ buffer: inout Buffer) {
    let layout = model.layout
    Screen.rule(title(model), position(model), in: Screen.row(2, model), &buffer)
    if model.view == .tree {
      TreeScreen.draw(model, layout.table, &buffer)
    } else {
      table(model, layout.table, &buffer)
    }
    if let rect = layout.preview { preview(model, rect, isBeside: layout.isBeside, &buffer) }
    if let rect = layout.chain {
      Screen.rule("chain", in: Rect(x: rect.x, y: rect.y, width: rect.width, height: 1), &buffer)
      divide(rect, &buffer)
      if let preview = model.preview, preview.target == model.selected {
        lines(preview.chain, in: inner(rect), &buffer)
      }
    }
    Screen.footer(hints(model), tail: Screen.tail(model), model, &buffer)
  }

  // MARK: title

  private static func title(_ model: ConsoleModel) -> SafeText {
    var crumbs = model.view.title
    switch model.view {
    case .approvals: crumbs += " \u{203A} " + QueueWords.scope(model)
    case .proposals: crumbs += " and reviews due"
    default: if model.list.showsEnded || model.tree.showsEnded { crumbs += " \u{203A} all" }
    }
    var title = SafeText(crumbs)
    if !model.filter.isEmpty { title = title + " \u{203A} /" + SafeText(model.filter.text) }
    return title
  }

  private static func position(_ model: ConsoleModel) -> SafeText {
    var parts: [String] = []
    let list = model.list
    if model.view == .tree {
      let tree = model.tree
      if !tree.filter.isEmpty {
        parts.append(Plural.count(tree.matches.count, "match", "matches"))
      }
      parts.append(
        "\(tree.rows.isEmpty ? 0 : tree.index + 1)/\(tree.rows.count)"
          + (tree.isPartial ? " loaded" : ""))
      return SafeText(parts.joined(separator: " \u{00B7} "))
    }
    if let searched = list.searched, list.awaited != nil {
      parts.append("searched \(searched)\u{2026}")
    }
    // Nothing arrives in the past.
    if list.follows, !model.isPast {
      parts.append("following")
    } else if list.pausedAt != nil {
      parts.append("PAUSED +\(list.unseen) new")
    } else if list.unseen > 0 {
      // Some that came have ended since.
      parts.append("\(min(list.unseen, list.rows.count)) new (G)")
    }
    if let column = model.view.columns.first(where: { $0.order == list.order }),
      list.order != model.view.orders.first || list.isReversed
    {
      parts.append("by \(column.title)\(list.isReversed ? "\u{25BC}" : "\u{25B2}")")
    }
    if !list.marks.isEmpty { parts.append("marked \(list.marks.count)") }
    let place = list.position.map { "\($0)" } ?? (list.rows.isEmpty ? "0" : "\u{2026}")
    let all =
      // A count that is being taken again is never less than what stands there.
      list.total.map { "\($0.isFloor ? "\u{2265}" : "")\(max($0.count, list.rows.count))" }
      ?? (list.hasBefore || list.hasAfter ? "" : "\(list.rows.count)")
    parts.append(all.isEmpty ? "\(place), total unknown" : "\(place)/\(all)")
    return SafeText(parts.joined(separator: " \u{00B7} "))
  }

  // MARK: columns

  /// The columns that are shown, with their widths.
  static func columns(_ model: ConsoleModel, width: Int) -> [(
    column: Column, index: Int, width: Int
  )] {
    let kept = model.settings.memory.columns[model.view.name] ?? Memory.Columns()
    var shown = model.view.columns.enumerated().filter { index, column in
      index == 0 || !kept.hidden.contains(column.name) && (!column.isWide || kept.isWide)
    }.map { (column: $0.element, index: $0.offset, width: $0.element.width) }
    shown[0].width = max(4, shown[0].width + kept.extra)
    func used() -> Int { shown.reduce(2) { $0 + $1.width + 1 } - 1 }
    // The flexible ones give way a little before another column is left out.
    func slack() -> Int {
      shown.reduce(0) {
        $0 + ($1.column.weight > 0 ? max(0, $1.width - max(6, $1.width * 3 / 4)) : 0)
      }
    }
    while used() - slack() > width, let last = shown.map(\.column.drop).max(), last > 0 {
      shown.removeAll { $0.column.drop == last }
    }
    // Still too wide: the flexible ones give way.
    var flexible = shown.indices.filter { shown[$0].column.weight > 0 && shown[$0].width > 6 }
    while used() > width, !flexible.isEmpty {
      for index in flexible where used() > width { shown[index].width -= 1 }
      flexible = flexible.filter { shown[$0].width > 6 }
    }
    let spare = width - used()
    let weights = shown.reduce(0) { $0 + $1.column.weight }
    if spare > 0, weights > 0 {
      var left = spare
      for index in shown.indices where shown[index].column.weight > 0 {
        let share = spare * shown[index].column.weight / weights
        shown[index].width += share
        left -= share
      }
      if let last = shown.lastIndex(where: { $0.column.weight > 0 }) { shown[last].width += left }
    }
    return shown
  }

  private static func table(_ model: ConsoleModel, _ rect: Rect, _ buffer: inout Buffer) {
    let columns = columns(model, width: rect.width)
    let list = model.list
    var x = rect.x + 2
    for (column, _, width) in columns {
      var name = SafeText(column.title)
      if column.order == list.order {
        name = name + (list.isReversed ? "\u{25BC}" : "\u{25B2}")
      }
      buffer.put(name, x: x, y: rect.y, role: .header, columns: min(width, rect.right - x))
      x += width + 1
    }
    guard list.isLoaded else {
      buffer.put("reading the registry", x: rect.x + 2, y: rect.y + 1, role: .hint)
      return
    }
    if list.rows.isEmpty {
      let words =
        list.awaited != nil && !list.filter.isEmpty
        ? "searching\u{2026}" : empty(model)
      buffer.put(
        SafeText(words), x: rect.x + 2, y: rect.y + 1, role: .hint, columns: rect.width - 3)
      return
    }
    let filter = Filter(list.filter.text, model.view)
    var visible = rect.height - 1
    if model.view == .audit, case .broken(let index, let code, let reason) = model.verification {
      // The first bad entry stays in sight, wherever one is.
      visible -= 1
      buffer.put(
        SafeText("! \(index.map { "entry #\($0): " } ?? "")\(code): \(reason)"), x: rect.x + 1,
        y: rect.bottom - 1, role: .alert, columns: rect.width - 2)
    }
    for (offset, row) in list.rows.dropFirst(list.top).prefix(visible).enumerated() {
      let y = rect.y + 1 + offset
      let isMarked = list.marks[row.target] != nil
      if isMarked { buffer.put("*", x: rect.x + 1, y: y, role: .mark) }
      var x = rect.x + 2
      // Where it is said that a row has left the list: at the end of the widest column, for its state
      // stands in another.
      var (weight, wordsEnd) = (0, rect.right)
      for (column, index, width) in columns where index < row.cells.count {
        var (text, role) = row.cells[index].shown(at: model.shownTime)
        (text, role) = adorned(text, role, column, row, model)
        if row.isEnded, role == .text { role = .muted }
        if row.isGone { role = .muted }
        if column.name == "agent", row.depth > 0 { text = "\u{2514} " + text }
        let room = min(width, rect.right - x)
        if column.weight > 0, column.weight >= weight {
          (weight, wordsEnd) = (column.weight, min(x + width, rect.right))
        }
        if column.weight > 0, list.xOffset > 0 {
          text = text.dropping(columns: list.xOffset)
        } else {
          text = column.cut.fitted(text, to: room)
        }
        let end = buffer.put(text, x: x, y: y, role: role, columns: room)
        let needle = filter.marked(in: column.name)
        if !needle.isEmpty { highlight(needle, y: y, from: x, to: end, &buffer) }
        x += width + 1
      }
      if row.isGone {
        let words = SafeText(" not listed ")
        buffer.put(words, x: max(rect.x, wordsEnd - words.width), y: y, role: .alert)
      }
      if list.top + offset == list.index {
        buffer.put(">", x: rect.x, y: y, role: .cursor)
        buffer.reverse(row: y, from: rect.x, to: rect.right)
        buffer.cursor = (rect.x, y)
      }
    }
  }

  /// What the verified state adds to a row: what one is to a hold, whether an entry is checked.
  private static func adorned(
    _ text: SafeText, _ role: Role, _ column: Column, _ row: ListRow, _ model: ConsoleModel
  ) -> (SafeText, Role) {
    if let hold = row.hold, column.name == "quorum", !row.isFlood {
      guard let word = model.standing[hold.hex] ?? (row.needsViewer ? "needs you" : nil),
        !text.text.contains("you")
      else { return (text, role) }
      return (text + SafeText(word), word == "needs you" ? .statePending : role)
    }
    switch (row.target, column.name) {
    case (.agent(let name), "keys"):
      guard model.status?.lockedAgents.contains(name) == true else { return (text, role) }
      return ("LOCK", .stateBad)
    case (.entry(let index), "check"):
      switch model.verification {
      case .waiting: return ("..", .hint)
      case .running(let done, _): return index < done ? ("ok", .stateOK) : ("..", .hint)
      case .verified(let size, _): return index < size ? ("ok", .stateOK) : ("..", .hint)
      case .broken(let bad, _, _):
        guard let bad else { return ("..", .hint) }
        return index < bad ? ("ok", .stateOK) : index == bad ? ("BAD", .alert) : ("..", .hint)
      }
    default: return (text, role)
    }
  }

  /// Marks where the filter's text stands.
  static func highlight(
    _ needle: String, y: Int, from start: Int, to end: Int, _ buffer: inout Buffer
  ) {
    let wanted = needle.lowercased().unicodeScalars.map { String(Character($0)) }
    guard !wanted.isEmpty, end - start >= wanted.count else { return }
    for x in start...(end - wanted.count)
    where wanted.indices.allSatisfy({ buffer[x + $0, y].text.lowercased() == wanted[$0] }) {
      for offset in wanted.indices { buffer[x + offset, y].role = .match }
    }
  }

  private static func empty(_ model: ConsoleModel) -> String {
    if !model.list.filter.isEmpty {
      let filter = Filter(model.list.filter.text, model.view)
      if let problem = filter.problem { return problem }
      let note = filter.unknown.map { " (there is no column \($0) here)" } ?? ""
      return "nothing matches\(note); Esc clears the filter"
    }
    return switch model.view {
    case .approvals: QueueWords.empty(model)
    case .decisions: "no decisions yet; an agent asks with: countersign act"
    case .agents: "no agents yet; :agent register agent:NAME --roles \u{2026}"
    case .keys: "no keys in force; . shows revoked ones"
    case .tree: "no grants yet; :grant issue agent:NAME --can \u{2026}"
    case .policies: "no policy yet: everything is denied; :policy publish NAME FILE"
    case .audit: "the log is empty"
    case .operators: "no operators"
    case .proposals: "nothing waits for the admins; . shows what has ended"
    case .locks:
      model.isPast
        ? "nothing was locked"
        : "nothing is locked; L locks what is selected, :everything locks all"
    }
  }

  // MARK: preview

  private static func preview(
    _ model: ConsoleModel, _ rect: Rect, isBeside: Bool, _ buffer: inout Buffer
  ) {
    let preview = model.preview.flatMap { $0.target == model.selected ? $0 : nil }
    let title =
      preview.map { SafeText($0.title) } ?? model.selected.map { SafeText($0.words) } ?? ""
    var hint: SafeText = ""
    if model.view == .approvals, !model.isPast {
      if case .group? = model.selected {
        hint = model.list.selectedRow?.branch == .open ? "Enter folds" : "Enter unfolds"
      } else {
        let isOver = model.list.selectedRow.map { $0.isEnded || $0.isGone } ?? false
        hint = isOver ? "Enter shows what was held" : "Enter reviews and signs"
      }
    }
    guard model.selected != nil else {
      if isBeside { divide(rect, &buffer) }
      return
    }
    Screen.rule(
      title, hint, in: Rect(x: rect.x, y: rect.y, width: rect.width, height: 1), &buffer)
    if isBeside { divide(rect, &buffer) }
    guard let preview else { return }
    lines(preview.lines, in: isBeside ? inner(rect) : below(rect), &buffer)
  }

  private static func divide(_ rect: Rect, _ buffer: inout Buffer) {
    for y in (rect.y + 1)..<max(rect.y + 1, rect.bottom) {
      buffer.put("\u{2502}", x: rect.x, y: y, role: .border)
    }
  }

  private static func inner(_ rect: Rect) -> Rect {
    Rect(x: rect.x + 2, y: rect.y + 1, width: rect.width - 3, height: rect.height - 1)
  }

  private static func below(_ rect: Rect) -> Rect {
    Rect(x: rect.x + 1, y: rect.y + 1, width: rect.width - 2, height: rect.height - 1)
  }

  /// Labels and what they say, wrapped where there is room, cut in the last row.
  static func lines(_ lines: [Line], in rect: Rect, _ buffer: inout Buffer) {
    let label = min(14, max(0, lines.map { SafeText($0.label).width }.max() ?? 0) + 1)
    let room = rect.width - label
    guard room > 4 else { return }
    var y = rect.y
    for (index, line) in lines.enumerated() {
      let left = rect.bottom - y
      guard left > 0 else { return }
      buffer.put(SafeText(line.label), x: rect.x, y: y, role: .hint, columns: label - 1)
      // Later lines need their row more than this one needs a second.
      let most = max(1, left - (lines.count - index - 1))
      let parts = line.text.wrapped(to: room)
      for (number, part) in parts.prefix(most).enumerated() {
        let isCut = number == most - 1 && parts.count > most
        buffer.put(
          isCut ? (part + "\u{2026}\u{2026}").fitted(to: room) : part, x: rect.x + label, y: y,
          role: line.role, columns: room)
        y += 1
      }
    }
  }

  // MARK: hints

  private static func hints(_ model: ConsoleModel) -> [Screen.Hint] {
    let keymap = model.settings.keymap
    func hint(_ command: Command, _ words: String) -> Screen.Hint? {
      model.disabledReason(command) == nil ? Screen.Hint(keymap.shown(command), words) : nil
    }
    let own: [Screen.Hint?] =
      switch model.view {
      case .approvals:
        QueueWords.hints(model, hint)
      case .decisions:
        [
          hint(.open, "why"), hint(.follow, model.list.follows ? "pause" : "follow"),
          hint(.export, "proof"), hint(.related, "jump"), hint(.lock, "lock\u{2026}"),
        ]
      case .agents:
        [
          hint(.open, "card"), hint(.related, "jump"), hint(.lock, "lock\u{2026}"),
          hint(.sort, "order"),
        ]
      case .keys:
        [
          hint(.open, "card"), hint(.revoke, "revoke\u{2026}"), hint(.approve, "rotate\u{2026}"),
          hint(.lock, "lock\u{2026}"), hint(.showEnded, "ended"),
        ]
      case .tree:
        [
          Screen.Hint("h l", "fold"), hint(.open, "card"), hint(.revoke, "revoke\u{2026}"),
          // A person has no lock of their own.
          hint(.lock, model.lockTargets.isEmpty ? "lock everything\u{2026}" : "lock\u{2026}"),
          Screen.Hint("zM zR", "all"),
        ]
      case .policies:
        [hint(.open, "source"), hint(.approve, "activate\u{2026}"), hint(.related, "jump")]
      case .audit:
        [
          hint(.open, "entry"), hint(.export, "proof"), hint(.verify, "verify"),
          hint(.travel, "as it was"), hint(.follow, model.list.follows ? "pause" : "follow"),
        ]
      case .operators: [hint(.open, "card"), hint(.related, "jump")]
      case .proposals: [hint(.open, "review"), hint(.showEnded, "ended")]
      case .locks: [hint(.open, "lift\u{2026}"), hint(.showEnded, "ended")]
      }
    return (own + [hint(.filter, "filter"), hint(.quit, "back")]).compactMap { $0 }
  }
}
