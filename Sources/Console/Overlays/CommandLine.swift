/// What can be typed after `:`: views, the console's own words, ids, and every command of the
/// command line.
package enum CommandLine {
  /// One command of the command line: `key revoke`.
  package struct Spec: Sendable, Hashable {
    package let path: [String]
    package let help: String
    /// Whether it signs something, and so asks first.
    package let signs: Bool
    package let options: [String]
    /// Whether it asks on a terminal of its own, which the console has.
    package let isOutside: Bool
    /// What must be given, in this order: `<name>`, `--reason`.
    package let required: [String]
    /// Options that take no value.
    package let flags: Set<String>

    package init(
      path: [String], help: String, signs: Bool, options: [String], isOutside: Bool = false,
      required: [String] = [], flags: Set<String> = []
    ) {
      self.isOutside = isOutside
      self.required = required
      self.flags = flags
      self.path = path
      self.help = help
      self.signs = signs
      self.options = options
    }
  }

  /// What a line still lacks before its command can run.
  package static func missing(_ words: [String], _ spec: Spec) -> [String] {
    var given = 0
    var isValue = false
    var named: Set<String> = []
    for word in words.dropFirst(spec.path.count) {
      if isValue {
        isValue = false
      } else if word.hasPrefix("--") {
        let name = String(word.prefix { $0 != "=" })
        named.insert(name)
        isValue = !word.contains("=") && !spec.flags.contains(name)
      } else {
        given += 1
      }
    }
    if named.contains("--help") { return [] }
    let positional = spec.required.filter { $0.hasPrefix("<") }
    return Array(positional.dropFirst(given))
      + spec.required.filter { $0.hasPrefix("--") && !named.contains($0) }
  }

  /// The console's own words.
  package enum Verb: String, Sendable, CaseIterable {
    case quit
    case help
    case context = "ctx"
    case theme
    case filter
    case at
    case now
    case cli
    case dump
    case note
    case notes
    case messages
    case columns
    case mouse
    case collapse
    case verify
    case relock
    case lockdown
    /// The older name of ``lockdown``.
    case everything

    package var help: String {
      switch self {
      case .quit: "leave the console"
      case .help: "keys and commands"
      case .context: "NAME: go to another registry of the configuration; wipes key and drafts"
      case .theme: "NAME: draw with another theme"
      case .filter:
        "TEXT: show only matching rows (!not, ~letters, column:text, since:1h, by:bob, needs:me)"
      case .at: "N: see the registry as it was after entry N"
      case .now: "back to the present registry"
      case .cli: "show the equivalent command line"
      case .dump: "FILE: write this screen as text"
      case .note: "TEXT: leave a handover note for the next shift"
      case .notes: "read the handover notes"
      case .messages: "messages shown so far"
      case .columns: "choose columns"
      case .mouse: "turn the mouse on or off; it never decides"
      case .collapse: "show repeated decisions in one row, or each"
      case .verify: "check the whole log again, in the background"
      case .relock: "forget an unlocked key now"
      case .lockdown, .everything: "lock everything\u{2026} (1 hour, unless changed)"
      }
    }

    var takesArgument: Bool {
      switch self {
      case .context, .theme, .filter, .at, .dump, .note: true
      default: false
      }
    }
  }

  package struct Candidate: Sendable, Hashable {
    /// The whole line.
    package let text: String
    package let help: String
  }

  /// What candidates are made from.
  package struct Catalogue: Sendable {
    package var specs: [Spec]
    package var contexts: [String]
    package var themes: [String]

    package init(specs: [Spec] = [], contexts: [String] = [], themes: [String] = []) {
      self.specs = specs
      self.contexts = contexts
      self.themes = themes
    }
  }

  package enum Parsed: Sendable, Equatable {
    case view(View, filter: String?)
    case verb(Verb, String)
    case command([String], Spec)
    /// Digits, a fingerprint, a name, a URI: looked up in the registry.
    case id(String)
    case ambiguous([String])
    case nothing
  }

  package static func parse(_ text: String, _ catalogue: Catalogue) -> Parsed {
    let words = CommandLine.words(text)
    guard let first = words.first else { return .nothing }
    let rest = text.drop { $0 == " " }.dropFirst(first.count).drop { $0 == " " }
    if let view = View.allCases.first(where: { $0.name == first }),
      rest.isEmpty || rest.hasPrefix("/")
    {
      return .view(view, filter: rest.isEmpty ? nil : String(rest.dropFirst()))
    }
    if let verb = Verb(rawValue: first) { return .verb(verb, String(rest)) }
    if first == "q" { return .verb(.quit, "") }
    if let spec = spec(words, catalogue) { return .command(words, spec) }
    // A group of commands alone lists what it has.
    if words.count == 1, let spec = spec([first, "list"], catalogue) {
      return .command([first, "list"], spec)
    }
    if words.count == 1, looksLikeID(first) { return .id(first) }
    // `keys foo` is `keys /foo`.
    if let view = View.allCases.first(where: { $0.name == first }) {
      return .view(view, filter: String(rest))
    }
    // The first letters of a view or verb, if they can be nothing else.
    let names = View.allCases.map(\.name) + Verb.allCases.map(\.rawValue)
    let found = names.filter { $0.hasPrefix(first) }
    // Of several a view is meant: what acts is written out further.
    let views = View.allCases.map(\.name).filter { $0.hasPrefix(first) }
    if let only = found.count == 1 ? found.first : views.count == 1 ? views.first : nil {
      return parse(only + (rest.isEmpty ? "" : " \(rest)"), catalogue)
    }
    if found.count > 1, !catalogue.specs.contains(where: { $0.path.first == first }) {
      return .ambiguous(found)
    }
    return words.count == 1 ? .id(first) : .ambiguous([])
  }

  /// The command that some words name, the longest path first.
  static func spec(_ words: [String], _ catalogue: Catalogue) -> Spec? {
    catalogue.specs.filter { words.starts(with: $0.path) }.max { $0.path.count < $1.path.count }
  }

  static func looksLikeID(_ word: String) -> Bool {
    word.contains(":") || word.hasPrefix("#")
      || word.contains("-") && word.contains(where: \.isNumber)
      || word.count >= 4 && word.allSatisfy { $0.isHexDigit } && word.contains(where: \.isNumber)
      || !word.isEmpty && word.allSatisfy(\.isNumber)
  }

  /// Splits a line into words as a shell would; quotes keep spaces.
  package static func words(_ text: String) -> [String] {
    var words: [String] = []
    var word = ""
    var (isWord, quote, isEscaped) = (false, nil as Character?, false)
    for character in text {
      if isEscaped {
        word.append(character)
        isEscaped = false
      } else if character == "\\", quote == nil {
        (isEscaped, isWord) = (true, true)
      } else if let open = quote {
        if character == open { quote = nil } else { word.append(character) }
      } else if character == "'" || character == "\"" {
        quote = character
        isWord = true
      } else if character == " " || character == "\t" {
        if isWord { words.append(word) }
        word = ""
        isWord = false
      } else {
        word.append(character)
        isWord = true
      }
    }
    if isWord { words.append(word) }
    return words
  }

  /// Words as one line that ``words(_:)`` and a shell read back.
  package static func line(_ words: [String]) -> String {
    words.map { word in
      let isPlain =
        !word.isEmpty
        && word.allSatisfy {
          $0.isASCII && ($0.isLetter || $0.isNumber || "-_./:@,=+#".contains($0))
        }
      return isPlain ? word : "'\(word.replacingOccurrences("'", "'\\''"))'"
    }.joined(separator: " ")
  }

  /// How a line could go on.
  package static func candidates(_ text: String, _ catalogue: Catalogue) -> [Candidate] {
    let words = CommandLine.words(text)
    let isOpen = text.last == " "
    let head = isOpen ? words : Array(words.dropLast())
    let stem = isOpen ? "" : words.last ?? ""
    let lead = head.isEmpty ? "" : head.joined(separator: " ") + " "
    if head.isEmpty {
      var found = View.allCases.filter { $0.name.hasPrefix(stem) }.map {
        Candidate(text: $0.name, help: "go to \($0.title)")
      }
      found += Verb.allCases.filter { $0.rawValue.hasPrefix(stem) }.map {
        Candidate(text: $0.rawValue + ($0.takesArgument ? " " : ""), help: $0.help)
      }
      var seen: Set<String> = Set(found.map(\.text))
      for spec in catalogue.specs where spec.path[0].hasPrefix(stem) {
        if seen.insert(spec.path[0]).inserted {
          let isLone = spec.path.count == 1
          found.append(
            Candidate(
              text: spec.path[0] + " ",
              help: isLone ? spec.help : "countersign \(spec.path[0])\u{2026}"))
        }
      }
      return found
    }
    if let verb = Verb(rawValue: head[0]), head.count == 1 {
      let names =
        switch verb {
        case .context: catalogue.contexts
        case .theme: catalogue.themes
        default: [String]()
        }
      return names.filter { $0.hasPrefix(stem) }.map {
        Candidate(text: lead + $0, help: verb.help)
      }
    }
    var found: [Candidate] = []
    var seen: Set<String> = []
    for spec in catalogue.specs
    where spec.path.count > head.count && spec.path.starts(with: head)
      && spec.path[head.count].hasPrefix(stem)
    {
      let next = spec.path[head.count]
      if seen.insert(next).inserted {
        found.append(
          Candidate(
            text: lead + next + " ", help: spec.path.count == head.count + 1 ? spec.help : ""))
      }
    }
    if found.isEmpty, let spec = spec(head, catalogue) {
      return spec.options.filter { $0.hasPrefix(stem) && !head.contains($0) }.map {
        Candidate(text: lead + $0 + " ", help: spec.help)
      }
    }
    return found
  }

  /// What Enter would do with a line, in one sentence.
  package static func effect(_ text: String, _ catalogue: Catalogue) -> String {
    switch parse(text, catalogue) {
    case .nothing: "type a view, a command, or an id; Tab completes"
    case .view(let view, let filter):
      "goes to \(view.title)" + (filter.map { ", filtered by \($0)" } ?? "")
    case .verb(let verb, _): verb.help
    case .command(let words, let spec) where !missing(words, spec).isEmpty:
      "still needs \(missing(words, spec).joined(separator: " ")): countersign \(line(words))"
    case .command(let words, let spec):
      (spec.signs ? "asks for your key, then runs: " : "runs: ") + "countersign "
        + line(words) + "   \(spec.help)"
    case .id(let id): "looks for \(id) in the registry and opens it"
    case .ambiguous(let found):
      found.isEmpty ? "no such command" : "could be: " + found.joined(separator: ", ")
    }
  }
}

extension String {
  fileprivate func replacingOccurrences(_ old: Character, _ new: String) -> String {
    reduce(into: "") { $0 += $1 == old ? new : String($1) }
  }
}
