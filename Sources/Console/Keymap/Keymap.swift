/// What a key asks for; a key means one thing on every screen.
package enum Command: String, Sendable, CaseIterable {
  case down
  case up
  case halfDown
  case halfUp
  case pageDown
  case pageUp
  case first
  case last
  case open
  case back
  case quit
  case fold
  case unfold
  case foldAll
  case approvals
  case decisions
  case agents
  case keys
  case tree
  case nextView
  case previousView
  case filter
  case follow
  case why
  case approve
  case deny
  case revoke
  case help
  case repaint
  case suspend
}

/// The key table: the one source of keys, hints and help.
package enum Keymap {
  package struct Binding: Sendable {
    package let command: Command
    package let keys: [KeyPress]
    /// As a person reads it: `j`, `C-d`, `PgDn`.
    package let shown: String
    package let help: String
  }

  private static func key(_ scalar: Unicode.Scalar) -> KeyPress { .character(scalar) }

  package static let bindings: [Binding] = [
    Binding(command: .down, keys: [key("j"), .down], shown: "j", help: "down"),
    Binding(command: .up, keys: [key("k"), .up], shown: "k", help: "up"),
    Binding(command: .halfDown, keys: [.control("d")], shown: "C-d", help: "half a page down"),
    Binding(command: .halfUp, keys: [.control("u")], shown: "C-u", help: "half a page up"),
    Binding(
      command: .pageDown, keys: [.pageDown, .control("f")], shown: "PgDn", help: "page down"),
    Binding(command: .pageUp, keys: [.pageUp, .control("b")], shown: "PgUp", help: "page up"),
    Binding(command: .first, keys: [key("g"), .home], shown: "g", help: "first"),
    Binding(command: .last, keys: [key("G"), .end], shown: "G", help: "last"),
    Binding(command: .open, keys: [.enter], shown: "Enter", help: "open, review"),
    Binding(command: .back, keys: [.escape], shown: "Esc", help: "one level back"),
    Binding(command: .quit, keys: [key("q")], shown: "q", help: "back, at the top quit"),
    Binding(command: .fold, keys: [key("h"), .left], shown: "h", help: "fold"),
    Binding(command: .unfold, keys: [key("l"), .right], shown: "l", help: "unfold"),
    Binding(command: .foldAll, keys: [key("z")], shown: "z", help: "fold or unfold all"),
    Binding(command: .approvals, keys: [key("1")], shown: "1", help: "Approvals"),
    Binding(command: .decisions, keys: [key("2")], shown: "2", help: "Decisions"),
    Binding(command: .agents, keys: [key("3")], shown: "3", help: "Agents"),
    Binding(command: .keys, keys: [key("4")], shown: "4", help: "Keys"),
    Binding(command: .tree, keys: [key("5")], shown: "5", help: "Tree"),
    Binding(command: .nextView, keys: [.tab], shown: "Tab", help: "next view"),
    Binding(command: .previousView, keys: [.backTab], shown: "S-Tab", help: "previous view"),
    Binding(command: .filter, keys: [key("/")], shown: "/", help: "filter"),
    Binding(command: .follow, keys: [key("f")], shown: "f", help: "follow or pause"),
    Binding(command: .why, keys: [key("W")], shown: "W", help: "why this verdict"),
    Binding(command: .approve, keys: [key("a")], shown: "a", help: "review to approve\u{2026}"),
    Binding(command: .deny, keys: [key("x")], shown: "x", help: "review to deny\u{2026}"),
    Binding(command: .revoke, keys: [key("r")], shown: "r", help: "revoke the key\u{2026}"),
    Binding(command: .help, keys: [key("?"), .function(1)], shown: "?", help: "this help"),
    Binding(command: .repaint, keys: [.control("l")], shown: "C-l", help: "repaint"),
    Binding(command: .suspend, keys: [.control("z")], shown: "C-z", help: "suspend"),
  ]

  private static let table: [KeyPress: Command] = {
    var table: [KeyPress: Command] = [:]
    for binding in bindings {
      for key in binding.keys { table[key] = binding.command }
    }
    return table
  }()

  package static func command(for key: KeyPress) -> Command? { table[key] }
}
