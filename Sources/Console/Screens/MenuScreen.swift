import Cells

/// A menu: what can be chosen, its key, what it does, and why it cannot be now.
enum MenuScreen {
  static func draw(_ menu: MenuModel, _ model: ConsoleModel, _ buffer: inout Buffer) {
    let shown = menu.shown
    Screen.rule(
      SafeText(menu.title),
      SafeText("\(shown.isEmpty ? 0 : min(menu.index, shown.count - 1) + 1)/\(shown.count)"),
      in: Screen.row(1, model), &buffer)
    var top = 2
    if menu.isTyping {
      let x = buffer.put("> ", x: 1, y: 2, role: .title)
      let end = buffer.put(SafeText(menu.filter.text), x: x, y: 2, role: .input)
      buffer.put("_", x: end, y: 2, role: .muted)
      top = 3
    }
    let visible = max(1, model.height - top - 2)
    let index = min(menu.index, max(0, shown.count - 1))
    let first = max(0, min(index - visible / 2, shown.count - visible))
    let keyWidth = 10
    let labelWidth = menu.items.contains { !$0.help.isEmpty } ? min(34, model.width / 2) : 0
    for (offset, item) in shown.dropFirst(first).prefix(visible).enumerated() {
      let y = top + offset
      buffer.put(SafeText(item.key), x: 2, y: y, role: .hintKey, columns: keyWidth - 1)
      let role: Role = item.disabled == nil ? .text : .muted
      let room = labelWidth > 0 ? labelWidth : model.width - keyWidth - 3
      var x = buffer.put(SafeText(item.label), x: 2 + keyWidth, y: y, role: role, columns: room)
      if labelWidth > 0 { x = 2 + keyWidth + labelWidth + 1 } else { x += 2 }
      let words = item.disabled.map { "off: \($0)" } ?? item.help
      buffer.put(
        SafeText(words), x: x, y: y, role: .hint, columns: max(0, model.width - x - 1))
      if first + offset == index {
        buffer.put(">", x: 0, y: y, role: .cursor)
        buffer.reverse(row: y)
        buffer.cursor = (0, y)
      }
    }
    if shown.isEmpty { buffer.put("nothing matches", x: 2, y: top, role: .hint) }
    Screen.footer(
      [
        Screen.Hint("Enter", "does it"), Screen.Hint("Up Down", "move"),
        Screen.Hint(menu.isTyping ? "letters" : "/", "narrow down"), Screen.Hint("Esc", "back"),
      ], model, &buffer)
  }
}

/// The line typed at the bottom, with what it could become and what Enter would do.
enum EntryScreen {
  static func draw(_ entry: EntryLine, _ model: ConsoleModel, _ buffer: inout Buffer) {
    let y = model.height - 1
    buffer.fill(row: y)
    buffer.fill(row: y - 1)
    let sign = entry.purpose == .command ? ":" : "/"
    var x = buffer.put(SafeText(sign), x: 0, y: y, role: .title)
    let value = SafeText(entry.text)
    let room = model.width - 3
    let shown = value.width > room ? value.dropping(columns: value.width - room) : value
    x = buffer.put(shown, x: x, y: y, role: .input)
    buffer.put("_", x: x, y: y, role: .muted)
    buffer.cursor = (x, y)
    switch entry.purpose {
    case .filter:
      let filter = Filter(entry.text, model.view)
      let (words, role): (String, Role) =
        if let problem = filter.problem {
          (problem, .alert)
        } else if let unknown = filter.unknown {
          ("there is no column \(unknown) here: it is searched for as text (Tab lists them)", .hint)
        } else {
          (
            "text  !not  ~letters  column:text  since:1h  by:bob   Tab completes, Enter keeps",
            .hint
          )
        }
      buffer.put(SafeText(words), x: 1, y: y - 1, role: role, columns: model.width - 2)
      candidates(Filter.candidates(entry.typed, model.view), entry, model, &buffer)
    case .search: buffer.put("Enter finds, n N go on", x: 1, y: y - 1, role: .hint)
    case .command:
      buffer.put(
        SafeText(CommandLine.effect(entry.text, model.settings.catalogue)), x: 1, y: y - 1,
        role: .hint, columns: model.width - 2)
      candidates(
        CommandLine.candidates(entry.typed, model.settings.catalogue), entry, model, &buffer)
    }
  }

  private static func candidates(
    _ found: [CommandLine.Candidate], _ entry: EntryLine, _ model: ConsoleModel,
    _ buffer: inout Buffer
  ) {
    // A filter shows its list while it is typed; what it could become only once Tab asks.
    guard entry.purpose == .command || entry.selected != nil else { return }
    let rows = min(8, found.count, model.height - 8)
    guard rows > 0 else { return }
    let selected = entry.selected ?? -1
    let first = max(0, min(selected - rows / 2, found.count - rows))
    let top = model.height - 2 - rows
    for (offset, candidate) in found.dropFirst(first).prefix(rows).enumerated() {
      let y = top + offset
      buffer.fill(row: y)
      let isSelected = first + offset == selected
      buffer.put(isSelected ? ">" : " ", x: 0, y: y, role: .cursor)
      buffer.put(SafeText(candidate.text), x: 1, y: y, role: .title, columns: 30)
      buffer.put(
        SafeText(candidate.help), x: 33, y: y, role: .hint, columns: max(0, model.width - 34))
      if isSelected { buffer.reverse(row: y) }
    }
    Screen.rule(
      SafeText("Tab completes \u{00B7} \(found.count)"), in: Screen.row(top - 1, model), &buffer)
  }
}
