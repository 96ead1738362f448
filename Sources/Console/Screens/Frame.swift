package import Cells
import Statements

/// Draws the model; knows no clock but the model's, no terminal at all.
package enum Screen {
  package static let leastWidth = 60
  package static let leastHeight = 18

  package static func draw(_ model: ConsoleModel) -> Buffer {
    var buffer = Buffer(width: model.width, height: model.height)
    guard model.width >= leastWidth, model.height >= leastHeight else {
      buffer.put("countersign needs \(leastWidth)x\(leastHeight)", x: 0, y: 0, role: .title)
      buffer.put("this is \(model.width)x\(model.height)", x: 0, y: 1)
      buffer.put("\(model.snapshot?.holds.count ?? 0) holds wait", x: 0, y: 2)
      return buffer
    }
    status(model, &buffer)
    switch model.overlay {
    case .review(let review): ReviewScreen.draw(review, model, &buffer)
    case .revoke(let revoke): RevokeScreen.draw(revoke, model, &buffer)
    case .explanation(let explanation, let scroll):
      explain(explanation, scroll, model, &buffer)
    case .help: help(model, &buffer)
    case nil:
      tabs(model, &buffer)
      ListScreens.draw(model, &buffer)
    }
    return buffer
  }

  private static func status(_ model: ConsoleModel, _ buffer: inout Buffer) {
    buffer.fill(row: 0, role: .header)
    var x = buffer.put(" countersign ", x: 0, y: 0, role: .header)
    x = buffer.put(SafeText(model.session.registry), x: x, y: 0, role: .header, columns: 24) + 2
    x = buffer.put(
      SafeText(model.session.who?.description ?? "no key"), x: x, y: 0, role: .header, columns: 24)
    x = buffer.put(model.session.isReadOnly ? " READ ONLY" : " RW", x: x, y: 0, role: .header)
    if model.session.isSolo { x = buffer.put("  SOLO", x: x, y: 0, role: .alert) }
    if let alarm = model.snapshot?.alarm {
      x = buffer.put(SafeText("  " + alarm), x: x, y: 0, role: .alert)
      buffer.reverse(row: 0)
    } else if let size = model.snapshot?.size {
      buffer.put("  log OK #\(size)", x: x, y: 0, role: .header)
    } else {
      buffer.put("  verifying the log", x: x, y: 0, role: .header)
    }
    let clock = SafeText(model.now.clock)
    buffer.put(clock, x: model.width - clock.width - 1, y: 0, role: .header)
  }

  private static func tabs(_ model: ConsoleModel, _ buffer: inout Buffer) {
    var x = 1
    for view in View.allCases {
      let count =
        view == .approvals ? model.snapshot?.holds.count { $0.state == "pending" } ?? 0 : 0
      let label = "\(view.rawValue + 1) \(view.title)\(count > 0 ? " \(count)!" : "")"
      let isCurrent = view == model.view
      let start = x
      x = buffer.put(SafeText(label), x: x, y: 1, role: isCurrent ? .title : .hint)
      if isCurrent { buffer.reverse(row: 1, from: start, to: x) }
      x += 2
    }
  }

  /// A rule across the screen with words in it.
  static func rule(
    _ left: SafeText, _ right: SafeText, y: Int, _ model: ConsoleModel, _ buffer: inout Buffer
  ) {
    buffer.fill(row: y, with: "\u{2500}", role: .border)
    buffer.put(" " + left + " ", x: 2, y: y, role: .title, columns: model.width - 4)
    guard !right.isEmpty else { return }
    let text = " " + right + " "
    let x = model.width - text.width - 2
    if x > left.width + 5 { buffer.put(text, x: x, y: y, role: .hint) }
  }

  static func footer(_ hints: SafeText, _ model: ConsoleModel, _ buffer: inout Buffer) {
    buffer.put(
      SafeText(model.notice.isEmpty ? model.session.banner ?? "" : model.notice), x: 1,
      y: model.height - 2, role: model.notice.isEmpty ? .hint : .match)
    buffer.put(hints, x: 1, y: model.height - 1, role: .hint)
  }

  private static func explain(
    _ explanation: Explanation, _ scroll: Int, _ model: ConsoleModel, _ buffer: inout Buffer
  ) {
    rule(explanation.title, "", y: 1, model, &buffer)
    var rows: [(label: String, text: SafeText, role: Role)] = []
    for line in explanation.lines {
      for (index, part) in line.text.wrapped(to: model.width - 16).enumerated() {
        rows.append((index == 0 ? line.label : "", part, line.role))
      }
    }
    let visible = model.height - 4
    let first = min(scroll, max(0, rows.count - visible))
    for (offset, row) in rows.dropFirst(first).prefix(visible).enumerated() {
      buffer.put(SafeText(row.label), x: 2, y: 2 + offset, role: .hint, columns: 12)
      buffer.put(row.text, x: 14, y: 2 + offset, role: row.role)
    }
    if rows.count > first + visible {
      buffer.put(
        "\(rows.count - first - visible) more lines (PgDn)", x: 2, y: model.height - 2, role: .hint)
    }
    buffer.put("j k PgDn PgUp scroll  Esc back", x: 1, y: model.height - 1, role: .hint)
  }

  private static func help(_ model: ConsoleModel, _ buffer: inout Buffer) {
    rule("Help", "any key closes", y: 1, model, &buffer)
    let rows = model.height - 4
    let columnWidth = model.width / 2
    for (index, binding) in Keymap.bindings.enumerated() where index < rows * 2 {
      let x = 2 + (index / rows) * columnWidth
      buffer.put(SafeText(binding.shown), x: x, y: 2 + index % rows, role: .hintKey, columns: 6)
      buffer.put(
        SafeText(binding.help), x: x + 7, y: 2 + index % rows, columns: columnWidth - 9)
    }
    buffer.put(
      "Words by the agent are marked; nothing is decided without your passphrase.", x: 1,
      y: model.height - 1, role: .hint)
  }
}
