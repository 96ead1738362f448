import Cells

// A key acts on the row that was highlighted when it was pressed, or on none: what has come since the
// last screen was drawn, nobody has seen.
extension ConsoleModel {
  /// What the screen last drawn shows.
  struct Drawn: Sendable, Equatable {
    var view: View
    var selected: Target?
  }

  /// Notes that this state is on the screen now.
  package mutating func noteDrawn() {
    drawn = Drawn(view: view, selected: selected)
    haveRowsMoved = false
  }

  /// The rows by which a person finds the highlighted one.
  var rowIdentities: [Target] {
    view == .tree ? tree.rows.map(\.node.target) : list.rows.map(\.target)
  }

  /// Why a key cannot act on the row that is highlighted now, if so.
  func unboundReason(_ command: Command) -> String? {
    guard command.isAboutRow, command != .deny || list.marks.isEmpty || view != .approvals else {
      return nil
    }
    if view == .tree ? awaitsMatches || !tree.isSettled : !list.isSettled {
      return filter.isEmpty
        ? "the rows are still being read; press it again"
        : "the rows for /\(filter.text) are still being read; press it again"
    }
    guard let drawn, haveRowsMoved, drawn != Drawn(view: view, selected: selected) else {
      return nil
    }
    return "the rows changed before the screen showed them; press it again"
  }
}
