/// The key table: the one source of keys, hints and help.
package struct Keymap: Sendable {
  package struct Binding: Sendable {
    package let command: Command
    package var keys: [KeyPress]
    package let help: String

    /// As a person reads it: `j`, `C-d`, `PgDn`.
    package var shown: String { keys.first?.name ?? "" }
  }

  package private(set) var bindings: [Binding]
  private var table: [KeyPress: Command] = [:]
  /// What was wrong with a configuration's keys.
  package private(set) var conflicts: [String] = []

  private static func key(_ scalar: Unicode.Scalar) -> KeyPress { .character(scalar) }

  package static let standard = Keymap(bindings: [
    Binding(command: .down, keys: [key("j"), .down], help: "down"),
    Binding(command: .up, keys: [key("k"), .up], help: "up"),
    Binding(command: .halfDown, keys: [.control("d")], help: "half a page down"),
    Binding(command: .halfUp, keys: [.control("u")], help: "half a page up"),
    Binding(command: .pageDown, keys: [.pageDown, .control("f")], help: "page down"),
    Binding(command: .pageUp, keys: [.pageUp, .control("b")], help: "page up"),
    Binding(command: .first, keys: [key("g"), .home], help: "first row"),
    Binding(command: .last, keys: [key("G"), .end], help: "last row (newest)"),
    Binding(command: .open, keys: [.enter], help: "open or review"),
    Binding(command: .back, keys: [.escape], help: "one level back"),
    Binding(command: .quit, keys: [key("q")], help: "back; quit at the top level"),
    Binding(command: .left, keys: [key("h"), .left], help: "fold; scroll columns left"),
    Binding(command: .right, keys: [key("l"), .right], help: "unfold; scroll columns right"),
    Binding(command: .foldAll, keys: [.chord("z", "M")], help: "fold all"),
    Binding(command: .unfoldAll, keys: [.chord("z", "R")], help: "unfold all"),
    Binding(command: .parent, keys: [key("p")], help: "to the parent link"),
    Binding(command: .approvals, keys: [key("1")], help: "Approvals"),
    Binding(command: .decisions, keys: [key("2")], help: "Decisions"),
    Binding(command: .agents, keys: [key("3")], help: "Agents"),
    Binding(command: .keys, keys: [key("4")], help: "Keys"),
    Binding(command: .tree, keys: [key("5")], help: "Tree"),
    Binding(command: .policies, keys: [key("6")], help: "Policies"),
    Binding(command: .audit, keys: [key("7")], help: "Audit"),
    Binding(command: .operators, keys: [key("8")], help: "Operators"),
    Binding(command: .proposals, keys: [key("9")], help: "Proposals and reviews due"),
    Binding(command: .locks, keys: [key("0")], help: "Locks"),
    Binding(command: .nextView, keys: [.tab], help: "next view"),
    Binding(command: .previousView, keys: [.backTab], help: "previous view"),
    Binding(command: .historyBack, keys: [key("[")], help: "back in history"),
    Binding(command: .historyForward, keys: [key("]")], help: "forward in history"),
    Binding(command: .lastView, keys: [key("-")], help: "previous view used"),
    Binding(command: .filter, keys: [key("/")], help: "filter or search"),
    Binding(command: .nextMatch, keys: [key("n")], help: "next match"),
    Binding(command: .previousMatch, keys: [key("N")], help: "previous match"),
    Binding(command: .commandLine, keys: [key(":")], help: "command line"),
    Binding(command: .palette, keys: [.control("p")], help: "command palette"),
    Binding(command: .help, keys: [key("?"), .function(1)], help: "keys and commands"),
    Binding(command: .mark, keys: [key(" ")], help: "mark and move down"),
    Binding(command: .markRange, keys: [key("v")], help: "mark a range"),
    Binding(command: .sort, keys: [key("o")], help: "next order"),
    Binding(command: .reverse, keys: [key("O")], help: "reverse the order"),
    Binding(command: .columns, keys: [key("C")], help: "choose columns"),
    Binding(command: .wide, keys: [key("w")], help: "more columns"),
    Binding(command: .narrower, keys: [key("{")], help: "narrower first column"),
    Binding(command: .wider, keys: [key("}")], help: "wider first column"),
    Binding(command: .showEnded, keys: [key(".")], help: "show ended and revoked items"),
    Binding(
      command: .showAll, keys: [key("s")], help: "holds that need you, or all open ones"),
    Binding(command: .follow, keys: [key("f")], help: "follow or pause"),
    Binding(command: .reload, keys: [key("R")], help: "refresh"),
    Binding(command: .repaint, keys: [.control("l")], help: "repaint"),
    Binding(command: .suspend, keys: [.control("z")], help: "suspend; forgets the key"),
    Binding(command: .mouse, keys: [.function(2)], help: "mouse on or off"),
    Binding(command: .copyID, keys: [key("y")], help: "copy the id"),
    Binding(command: .copyRow, keys: [key("Y")], help: "copy the row"),
    Binding(command: .json, keys: [key("J")], help: "the statement as JSON"),
    Binding(command: .why, keys: [key("W")], help: "explain decision"),
    Binding(command: .related, keys: [key("'")], help: "related items"),
    Binding(command: .travel, keys: [key("T")], help: "the registry as of this entry"),
    Binding(command: .approve, keys: [key("a")], help: "approve, sign, activate, answer\u{2026}"),
    Binding(command: .deny, keys: [key("x")], help: "deny, reject\u{2026}"),
    Binding(command: .revoke, keys: [key("r")], help: "revoke\u{2026}"),
    Binding(command: .lock, keys: [key("L")], help: "lock what is selected\u{2026}"),
    Binding(command: .export, keys: [key("e")], help: "export a proof or plan"),
    Binding(command: .verify, keys: [key("V")], help: "verify the log again"),
  ])

  private init(bindings: [Binding]) {
    self.bindings = bindings
    for binding in bindings {
      for key in binding.keys { table[key] = binding.command }
    }
  }

  package func command(for key: KeyPress) -> Command? { table[key] }

  /// Whether a key begins a pair of keys.
  package func begins(_ key: KeyPress) -> Bool {
    guard case .character(let scalar) = key, table[key] == nil else { return false }
    return table.keys.contains { if case .chord(scalar, _) = $0 { true } else { false } }
  }

  package func shown(_ command: Command) -> String {
    bindings.first { $0.command == command }?.shown ?? ""
  }

  package func help(_ command: Command) -> String {
    bindings.first { $0.command == command }?.help ?? ""
  }

  /// Letters that end a terminal's replies or function keys: a torn sequence must do no harm.
  static let replyLetters: Set<Unicode.Scalar> = Set("ABCDEFHPQRSZMmntucy~".unicodeScalars)

  /// Binds commands to other keys; what cannot be is told, and the standard key stays.
  package func remapped(_ wishes: [(command: String, keys: [String])]) -> Keymap {
    var map = self
    var found: [String] = []
    for wish in wishes {
      guard let command = Command(rawValue: wish.command),
        let index = map.bindings.firstIndex(where: { $0.command == command })
      else {
        found.append("keys: there is no command \(wish.command)")
        continue
      }
      var keys: [KeyPress] = []
      for name in wish.keys {
        guard let key = KeyPress(name: name) else {
          found.append("keys: \(wish.command): \"\(name)\" is no key")
          continue
        }
        if command.hasEffect, case .character(let scalar) = key,
          Keymap.replyLetters.contains(scalar)
        {
          found.append(
            "keys: \(wish.command): \(name) also ends terminal replies and may start nothing that "
              + "signs")
          continue
        }
        keys.append(key)
      }
      if !keys.isEmpty { map.bindings[index].keys = keys }
    }
    map.table = [:]
    for binding in map.bindings {
      for key in binding.keys {
        if let other = map.table[key], other != binding.command {
          found.append(
            "keys: \(key.name) is both \(other.rawValue) and \(binding.command.rawValue); it stays "
              + other.rawValue)
        } else {
          map.table[key] = binding.command
        }
      }
    }
    map.conflicts = found
    return map
  }
}
