import CanonicalJSON
import Cells
import Console
import Documents
import Keys
import Statements
import Testing

@Suite struct CommandLineTests {
  private let catalogue = CommandLine.Catalogue(
    specs: [
      CommandLine.Spec(
        path: ["key", "revoke"], help: "End a key for ever.", signs: true,
        options: ["--reason", "--dry-run"]),
      CommandLine.Spec(
        path: ["key", "list"], help: "List keys.", signs: false, options: ["--json"]),
      CommandLine.Spec(path: ["who"], help: "Who could.", signs: false, options: []),
    ], contexts: ["prod", "staging"], themes: ["dark", "light"])

  @Test(arguments: [
    ("decisions", CommandLine.Parsed.view(.decisions, filter: nil)),
    ("dec", .view(.decisions, filter: nil)), ("agents /deploy", .view(.agents, filter: "deploy")),
    ("q", .verb(.quit, "")), ("ctx prod", .verb(.context, "prod")), ("at 12", .verb(.at, "12")),
    ("7f3a19c2", .id("7f3a19c2")), ("#12", .id("#12")),
    ("agent:deploy-bot", .id("agent:deploy-bot")),
    ("9f3c-19c2", .id("9f3c-19c2")), ("prod://payments/api", .id("prod://payments/api")),
    ("12", .id("12")), ("", .nothing), ("zzz such thing", .ambiguous([])),
    ("a", .ambiguous(["approvals", "agents", "audit", "at"])),
    // Found by a million random keys: a view's name with words after it never came to an end.
    ("agents foo", .view(.agents, filter: "foo")), ("keys a b", .view(.keys, filter: "a b")),
    ("  tree x", .view(.tree, filter: "x")), ("loc x", .view(.locks, filter: "x")),
  ])
  func `a line means one thing`(line: String, want: CommandLine.Parsed) {
    #expect(CommandLine.parse(line, catalogue) == want)
  }

  @Test func `whatever stands after any beginning of any name, it comes to an end`() {
    let names = View.allCases.map(\.name) + CommandLine.Verb.allCases.map(\.rawValue)
    for name in names {
      for count in 1...name.count {
        for rest in ["", " x", " /x", "  ", " '", " \\", "\tx", " \(name)", "'", "\"\(name)\" y"] {
          _ = CommandLine.parse(String(name.prefix(count)) + rest, catalogue)
          _ = CommandLine.parse(rest + String(name.prefix(count)), CommandLine.Catalogue())
        }
      }
    }
  }

  @Test func `commands of the command line are known by their longest path`() {
    guard
      case .command(let words, let spec) = CommandLine.parse("key revoke 9f3c --dry-run", catalogue)
    else {
      Issue.record("no command")
      return
    }
    #expect(words == ["key", "revoke", "9f3c", "--dry-run"] && spec.signs)
    #expect(CommandLine.effect("key list", catalogue).hasPrefix("runs: countersign key list"))
    #expect(
      CommandLine.effect("key revoke x", catalogue).hasPrefix("asks for your key, then runs:"))
  }

  @Test func `Tab completes views, words, commands, options, contexts`() {
    func texts(_ line: String) -> [String] {
      CommandLine.candidates(line, catalogue).map(\.text)
    }
    #expect(texts("dec") == ["decisions"])
    #expect(texts("ke") == ["keys", "key "])
    #expect(texts("key re") == ["key revoke "])
    #expect(texts("key revoke --d") == ["key revoke --dry-run "])
    #expect(texts("ctx s") == ["ctx staging"])
    #expect(texts("theme ") == ["theme dark", "theme light"])
  }

  @Test func `words and lines are each other's inverse`() {
    for words in [["a", "b c"], ["it's"], ["", "x"], ["--reason", "two  spaces", "q\"q"]] {
      #expect(CommandLine.words(CommandLine.line(words)) == words)
    }
  }

  @Test func `the palette finds letters in order, the closest first`() {
    var menu = MenuModel(
      "t",
      ["approve", "reload the page", "repaint", "mark a range"].map {
        MenuModel.Item($0, action: .line($0))
      }, isTyping: true)
    for scalar in "rep".unicodeScalars { _ = menu.take(.character(scalar), rows: 10) }
    #expect(menu.shown.map(\.label) == ["repaint", "reload the page"])
    let first = menu.shown[0]
    let outcome = menu.take(.enter, rows: 10)
    #expect(outcome == .run(first))
  }
}

@Suite struct KeymapTests {
  @Test func `no key means two things`() {
    var seen: Set<KeyPress> = []
    for binding in Keymap.standard.bindings {
      for key in binding.keys { #expect(seen.insert(key).inserted, "\(key.name)") }
    }
    #expect(Set(Keymap.standard.bindings.map(\.command)) == Set(Command.allCases))
  }

  @Test func `no letter that ends a terminal's reply starts anything that signs`() {
    for binding in Keymap.standard.bindings where binding.command.hasEffect {
      for key in binding.keys {
        guard case .character(let scalar) = key else { continue }
        #expect(!"ABCDEFHPQRSZMmntucy~".unicodeScalars.contains(scalar))
      }
    }
  }

  @Test func `no key is taken from tmux or the terminal without another`() {
    for binding in Keymap.standard.bindings {
      let taken = binding.keys.filter {
        if case .control(let scalar) = $0 {
          "abhjklsq".unicodeScalars.contains(scalar)
        } else {
          false
        }
      }
      let isOnly = taken.count == binding.keys.count && !taken.isEmpty
      #expect(!isOnly || binding.command == .repaint, "\(binding.command)")
    }
  }

  @Test func `keys can be changed, and what conflicts is told and stays`() {
    let map = Keymap.standard.remapped([
      ("deny", ["d"]), ("approve", ["y"]), ("nonsense", ["z"]), ("help", ["j"]), ("why", ["F13"]),
    ])
    #expect(map.command(for: .character("d")) == .deny)
    #expect(map.command(for: .character("x")) == nil)
    #expect(map.command(for: .character("j")) == .down)
    #expect(map.command(for: .character("a")) == .approve)
    #expect(map.conflicts.count == 4, "\(map.conflicts)")
    #expect(map.conflicts.contains { $0.contains("may start nothing that signs") })
    #expect(map.conflicts.contains("keys: j is both down and help; it stays down"))
  }

  @Test func `every key's name reads back`() {
    for binding in Keymap.standard.bindings {
      for key in binding.keys { #expect(KeyPress(name: key.name) == key) }
    }
  }
}

@Suite struct ConfigurationTests {
  @Test func `a configuration is read, and what is odd names its line`() throws {
    let read = try ConsoleConfiguration(
      yaml: """
        context: prod
        theme: dark
        relock_seconds: 60
        relock: 3
        mouse: maybe
        keys:
          deny: d
          approve: [a, F5]
        contexts:
          prod:
            registry: /srv/prod.db
            production: true
            colour: red
          empty: {}
        """, file: "console.yaml")
    #expect(read.context == "prod" && read.theme == "dark" && read.relockSeconds == 60)
    #expect(read.contexts.map(\.name) == ["prod"])
    #expect(read.contexts[0].context.isProduction)
    #expect(Set(read.keys.map(\.command)) == ["deny", "approve"])
    #expect(
      read.warnings == [
        "console.yaml:4: relock is no setting", "console.yaml:5: mouse is not true or false",
        "console.yaml:13: colour is no setting of a context",
        "console.yaml:14: empty names no registry",
      ])
  }

  @Test func `what is remembered reads back, and holds no more than it says`() {
    var memory = Memory()
    memory.note(reason: "INC-1")
    memory.note(reason: "INC-2")
    memory.note(reason: "INC-1")
    memory.note(command: "agents /x")
    var columns = Memory.Columns()
    columns.hidden = ["roles"]
    columns.isWide = true
    memory.columns["agents"] = columns
    #expect(memory.reasons == ["INC-1", "INC-2"])
    #expect(Memory(json: memory.json) == memory)
    #expect(Memory(json: .null) == Memory())
  }
}
