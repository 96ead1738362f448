import Cells

/// A document: labels, wrapped lines, a cursor that follows what a line leads to.
enum DocumentScreen {
  private static let label = 12

  static func rows(_ height: Int) -> Int { max(1, height - 4) }

  /// How many rows a line takes.
  static func height(of line: Line, width: Int) -> Int {
    line.text.wrapped(to: max(8, width - label - 4)).count
  }

  static func draw(_ reader: DocumentModel, _ model: ConsoleModel, _ buffer: inout Buffer) {
    let document = reader.document
    Screen.rule(
      document.title,
      SafeText("\(document.lines.isEmpty ? 0 : reader.cursor + 1)/\(document.lines.count)"),
      in: Screen.row(1, model), &buffer)
    let bottom = 2 + rows(model.height)
    let width = max(8, model.width - label - 4)
    var y = 2
    for (index, line) in document.lines.enumerated().dropFirst(reader.top) {
      guard y < bottom else { break }
      let start = y
      buffer.put(SafeText(line.label), x: 2, y: y, role: .hint, columns: label - 1)
      for part in line.text.wrapped(to: width) {
        guard y < bottom else { break }
        let end = buffer.put(part, x: 2 + label, y: y, role: line.role)
        if !reader.needle.isEmpty {
          ListScreen.highlight(reader.needle, y: y, from: 2 + label, to: end, &buffer)
        }
        y += 1
      }
      if line.target != nil { buffer.put("\u{203A}", x: 1, y: start, role: .hintKey) }
      if index == reader.cursor {
        buffer.put(">", x: 0, y: start, role: .cursor)
        buffer.reverse(row: start)
        buffer.cursor = (0, start)
      }
    }
    var hints = [Screen.Hint("j k", "move"), Screen.Hint("/", "search")]
    if reader.line?.target != nil { hints.append(Screen.Hint("Enter", "go there")) }
    switch document.request {
    case _ where model.isPast: break
    case .why(.hold), .card(.hold):
      hints += [Screen.Hint("a", "approve\u{2026}"), Screen.Hint("x", "deny\u{2026}")]
    case .card(.key), .card(.grant):
      hints += [Screen.Hint("r", "revoke\u{2026}"), Screen.Hint("L", "lock\u{2026}")]
    case .card(.agent): hints += [Screen.Hint("L", "lock\u{2026}")]
    case .card(.entry), .why(.decision):
      hints += [Screen.Hint("e", "export proof"), Screen.Hint("J", "JSON")]
    default: break
    }
    hints += [Screen.Hint("y", "copy line"), Screen.Hint("Esc", "back")]
    Screen.footer(hints, tail: Screen.tail(model), model, &buffer)
  }
}
