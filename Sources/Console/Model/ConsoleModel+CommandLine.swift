import Cells
import Keys
import Statements

extension ConsoleModel {
  /// Runs what was typed after `:`.
  package mutating func run(_ text: String) -> [Effect] {
    let parsed = CommandLine.parse(text, settings.catalogue)
    // What is typed in a dialog is not left behind by a word.
    if let dialog = consent, dialog.steps.isOpen, !parsed.leavesDialogs {
      let now = now
      change(dialog.consent.request) {
        $0.say("Esc leaves the dialog first; :lockdown works from here", at: now)
      }
      return []
    }
    return run(parsed, text)
  }

  private mutating func run(_ parsed: CommandLine.Parsed, _ text: String) -> [Effect] {
    switch parsed {
    case .nothing: return []
    case .view(let aim, let filter):
      overlays = []
      var effects = go(to: aim)
      if let filter { effects += apply(filter: filter) }
      return effects
    case .verb(let verb, let argument): return run(verb, argument)
    case .command(let words, let spec): return run(words, spec)
    case .id(let id): return open(id)
    case .ambiguous(let found) where found.isEmpty && settings.catalogue.specs.isEmpty:
      unparsedLine = text
      say(ConsoleModel.catalogueWords, isKept: false)
      return wantCatalogue
    case .ambiguous(let found):
      say(
        found.isEmpty
          ? "there is no command \(text); Tab completes, ? helps"
          : "\(text) could be: " + found.joined(separator: ", "), isBad: true)
      return []
    }
  }

  private static let catalogueWords =
    "finding out which commands there are\u{2026} any key lets it go"

  /// The commands are known now: a line that waited for them runs, if no key was pressed since.
  mutating func runUnparsedLine() -> [Effect] {
    guard let line = unparsedLine else { return [] }
    forgetUnparsedLine()
    return run(line)
  }

  mutating func forgetUnparsedLine() {
    guard unparsedLine != nil else { return }
    unparsedLine = nil
    said.retract(ConsoleModel.catalogueWords)
  }

  private mutating func run(_ words: [String], _ spec: CommandLine.Spec) -> [Effect] {
    let refused = ["console", "demo", "init", "restore"]
    if spec.isOutside || words.first.map(refused.contains) == true {
      say(
        "\(spec.path.joined(separator: " ")) is run outside of the console: it asks on a terminal of "
          + "its own", isBad: true)
      return []
    }
    let lacking = CommandLine.missing(words, spec)
    if !lacking.isEmpty, dialog(for: words) == nil {
      // Typed on where it stops, before anything is run and before a key is asked for.
      entry = EntryLine(.command, CommandLine.line(words) + " ")
      say("\(spec.path.joined(separator: " ")) still needs \(lacking.joined(separator: " "))")
      return []
    }
    guard spec.signs, !words.contains("--dry-run"), !words.contains("--help") else {
      return open(running: words)
    }
    if session.isReadOnly || asOf != nil {
      say("nothing can be signed here", isBad: true)
      return []
    }
    return open(dialog(for: words) ?? .command(words))
  }

  private mutating func run(_ verb: CommandLine.Verb, _ argument: String) -> [Effect] {
    switch verb {
    case .quit: return [.quit]
    case .help: openHelp()
    case .context:
      guard !argument.isEmpty else {
        say(
          session.contexts.isEmpty
            ? "no contexts are configured" : "contexts: " + session.contexts.joined(separator: ", ")
        )
        return []
      }
      forget()
      return [.lockKey, .switchContext(argument)]
    case .theme:
      guard !argument.isEmpty else {
        say("themes: " + settings.catalogue.themes.joined(separator: ", "))
        return []
      }
      return [.useTheme(argument)]
    case .filter: return apply(filter: argument)
    case .at:
      guard let index = UInt64(argument.drop { $0 == "#" }) else {
        say("\":at N\" takes the number of a log entry", isBad: true)
        return []
      }
      return [.travel(index)]
    case .now: return asOf == nil ? [] : [.travel(nil)]
    case .cli:
      // Only what signs takes a key.
      let signing = consent == nil ? [] : session.signing
      let line = "countersign " + CommandLine.line(equivalent + session.arguments + signing)
      say(line)
      return [.copy(line)]
    case .dump:
      let path = argument.isEmpty ? "countersign-screen.txt" : argument
      return [.write(path: path, Screen.draw(self).lines)]
    case .note:
      guard !argument.isEmpty else {
        say("\":note TEXT\" leaves a note for the next shift")
        return []
      }
      return [.note(argument)]
    case .notes: return open(.notes)
    case .messages:
      let lines = messages.map { Line($0.at.clock, SafeText($0.text)) }
      overlays.append(
        .document(
          DocumentModel(
            Document(
              .messages, title: "Messages", lines: lines, start: max(0, lines.count - 1)))))
    case .columns: return perform(.columns)
    case .mouse: return perform(.mouse)
    case .collapse:
      lists[View.decisions.rawValue].toggleCollapse()
      return view == .decisions ? [.load(list.restart(page: layout.rows))] : []
    case .verify: return [.verify]
    case .relock:
      keyState = .locked
      return [.lockKey]
    case .lockdown, .everything:
      if let reason = disabledReason(.approve), session.who == nil || session.isReadOnly || isPast {
        say(reason, isBad: true)
        return []
      }
      return open(.lock([.everything]))
    }
    return []
  }

  /// The command line that does the same as this view or dialog.
  package var equivalent: [String] {
    if let dialog = consent { return dialog.consent.command }
    if let reader {
      switch reader.document.request {
      case .why(.decision(let index)), .card(.entry(let index)): return ["log", "show", "\(index)"]
      case .why(.hold(let hold)): return ["holds", "show", hold.hex]
      case .card(.grant(let grant)): return ["grant", "show", grant.hex]
      case .card(.agent(let agent)): return ["agent", "can", agent]
      case .output(let words): return words
      default: break
      }
    }
    return view.listing + (list.showsEnded && view == .approvals ? ["--all"] : [])
  }
}

extension CommandLine.Parsed {
  /// Whether it can be done with a dialog open, which then stays as it is.
  fileprivate var leavesDialogs: Bool {
    switch self {
    case .nothing, .verb(.lockdown, _), .verb(.everything, _), .verb(.cli, _), .verb(.dump, _),
      .verb(.theme, _), .verb(.relock, _), .verb(.mouse, _), .verb(.note, _):
      true
    default: false
    }
  }
}
