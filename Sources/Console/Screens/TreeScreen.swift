import Cells
import Statements

/// The delegation graph as a tree.
enum TreeScreen {
  static func draw(_ model: ConsoleModel, _ rect: Rect, _ buffer: inout Buffer) {
    let tree = model.tree
    let columns = ListScreen.columns(model, width: rect.width)
    var x = rect.x + 2
    for (column, _, width) in columns {
      buffer.put(SafeText(column.title), x: x, y: rect.y, role: .header, columns: width)
      x += width + 1
    }
    guard tree.isLoaded else {
      buffer.put("reading the registry", x: rect.x + 2, y: rect.y + 1, role: .hint)
      return
    }
    if tree.rows.isEmpty {
      buffer.put(
        "no grants yet; :grant issue agent:NAME --can \u{2026}", x: rect.x + 2, y: rect.y + 1,
        role: .hint)
      return
    }
    let matched = Set(tree.matches.compactMap(\.path.last))
    let index = tree.index
    for (offset, row) in tree.rows.dropFirst(tree.top).prefix(rect.height - 1).enumerated() {
      let y = rect.y + 1 + offset
      var x = rect.x + 2
      for (column, index, width) in columns {
        var (text, role) = cell(row, index, model)
        // The name stands behind its branch: what follows it is cut first.
        if index > 0 { text = column.cut.fitted(text, to: min(width, rect.right - x)) }
        let shown = index == 0 && matched.contains(row.node.target) ? Role.match : role
        buffer.put(text, x: x, y: y, role: shown, columns: min(width, rect.right - x))
        x += width + 1
      }
      if tree.top + offset == index {
        buffer.put(">", x: rect.x, y: y, role: .cursor)
        buffer.reverse(row: y, from: rect.x, to: rect.right)
        buffer.cursor = (rect.x, y)
      }
    }
    let hidden = tree.hiddenMatches.count
    if hidden > 0 {
      // A row of its own: what stood there is not to be read together with it.
      buffer.put(
        SafeText(String(repeating: " ", count: rect.width)), x: rect.x, y: rect.bottom - 1,
        role: .text)
      buffer.put(
        SafeText(
          "\(Plural.count(hidden, "match", "matches")) in folded branches (n opens them)"),
        x: rect.x + 2, y: rect.bottom - 1, role: .match, columns: rect.width - 3)
    }
  }

  private static func cell(
    _ row: TreeState.Row, _ column: Int, _ model: ConsoleModel
  ) -> (SafeText, Role) {
    let node = row.node
    let isBad = !node.fault.isEmpty || row.isBroken
    switch column {
    case 0:
      let below =
        node.children > 0 && !row.isUnfolded
        ? " (+\(node.children)\(node.isFloor ? "\u{2026}" : ""))" : ""
      let again = node.elsewhere > 0 ? " \u{00D7}\(node.elsewhere + 1)" : ""
      return (
        SafeText(row.lead) + SafeText(node.name) + SafeText(again + below),
        node.isEnded ? .muted : .text
      )
    case 1: return (SafeText(node.scope), node.isEnded ? .muted : .text)
    case 2:
      guard let expires = node.expires else { return ("-", .text) }
      return (SafeText(Span.until(expires, from: model.shownTime)), .text)
    default:
      if row.isMore { return ("Enter loads", .hint) }
      if row.isGone { return ("! gone", .alert) }
      if !node.fault.isEmpty { return (SafeText("! \(node.fault)"), .stateBad) }
      if row.isBroken { return ("! broken above", .stateBad) }
      if model.status?.everythingLock != nil, !model.isPast { return ("! all locked", .stateBad) }
      if model.status?.lockedAgents.contains(node.name) == true, !model.isPast {
        return ("! locked", .stateBad)
      }
      if row.depth == 0, case .root = node.target { return ("root", .stateOK) }
      if node.isKeyless { return ("! no key", .stateBad) }
      let waits = node.pending > 0 ? " \(node.pending) held" : ""
      return (SafeText("ok\(waits)"), isBad ? .stateBad : .stateOK)
    }
  }
}
