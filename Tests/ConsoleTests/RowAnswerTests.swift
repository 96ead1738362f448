import CanonicalJSON
import Cells
import Console
import Keys
import Statements
import TestSupport
import Testing

private let now = Timestamp(milliseconds: 1_795_428_000_000)
private func digest(_ number: Int) -> Digest { Digest.sha256(Array("\(number)".utf8)) }

private func row(_ target: Target, _ place: Int, _ words: String = "row") -> ListRow {
  ListRow(target: target, place: [.integer(Int64(place))], cells: [.text(SafeText(words))])
}

/// A console on one view, whose lists are answered by hand.
private struct Desk {
  var model = ConsoleModel(
    session: Session(registry: "test", who: Principal.named("user:bob")), width: 80, height: 24,
    now: now)
  var asked: [ListRequest] = []

  init(_ view: View, _ rows: [ListRow]) {
    take(model.start())
    press(.character(Unicode.Scalar(UInt8(48 + view.digit))))
    answer(rows)
  }

  private mutating func take(_ effects: [Effect]) {
    for case .load(let request) in effects { asked.append(request) }
  }

  @discardableResult
  mutating func press(_ keys: KeyPress...) -> [Effect] {
    keys.flatMap { key in
      let effects = model.update(.key(key), at: now)
      take(effects)
      return effects
    }
  }

  @discardableResult
  mutating func type(_ text: String) -> [Effect] {
    text.unicodeScalars.flatMap { press(.character($0)) }
  }

  /// Answers the newest request with these rows.
  mutating func answer(_ rows: [ListRow]) {
    guard let request = asked.last else { return }
    _ = model.update(.page(ListPage(request: request, rows: rows, hasMore: false)), at: now)
  }

  /// What an effect opens or runs.
  static func acts(_ effects: [Effect]) -> [Effect] {
    effects.filter {
      switch $0 {
      case .consent, .run, .travel, .copy, .document, .locate: true
      default: false
      }
    }
  }
}

/// What `a` answers, row by row.
@Suite struct RowAnswerTests {
  @Test(
    "a answers each row that can be answered",
    arguments: [
      (.approvals, .hold(digest(1)), .vote(digest(1), leaning: .approve)),
      (.proposals, .proposal(digest(2)), .proposal(digest(2))),
      (.proposals, .owed(digest(3)), .owed(digest(3))),
      (.proposals, .reviewGroup(digest(4)), .reviews(digest(4))),
      (.proposals, .keyRequest(digest(5)), .keyRequest(digest(5))),
      (.policies, .policy(digest(6)), .activate(digest(6))),
      (.keys, .key(digest(7)), .rotate(digest(7))),
    ] as [(View, Target, ConsentRequest)])
  func answers(view: View, target: Target, request: ConsentRequest) {
    var desk = Desk(view, [row(target, 1)])
    #expect(
      Desk.acts(desk.press(.character("a"))) == [.consent(request, choice: 0, inputs: [:])])
  }

  @Test(
    "where a answers nothing, it says which key does the obvious",
    arguments: [
      (.locks, .lock(digest(1)), "Enter lifts the lock"),
      (.agents, .agent("agent:x"), "L locks it"),
      (.operators, .person("user:x"), "r revokes their key"),
      (.audit, .entry(4), "e exports its proof"),
      (.decisions, .decision(4), "e exports its proof"),
    ] as [(View, Target, String)])
  func elsewhere(view: View, target: Target, words: String) {
    var desk = Desk(view, [row(target, 1)])
    #expect(Desk.acts(desk.press(.character("a"))) == [])
    #expect(desk.model.notice.contains(words), "\(desk.model.notice)")
  }

  @Test func `x on a proposal opens the dialog that rejects it, and on a review says what does`() {
    var proposals = Desk(.proposals, [row(.proposal(digest(1)), 1)])
    #expect(
      Desk.acts(proposals.press(.character("x"))) == [
        .consent(.proposal(digest(1)), choice: 0, inputs: [:])
      ])
    var reviews = Desk(.proposals, [row(.reviewGroup(digest(1)), 1)])
    #expect(Desk.acts(reviews.press(.character("x"))) == [])
    #expect(reviews.model.notice.contains("a completes the review"))
  }

  @Test func `key rotate on the Keys screen is about the key that is selected`() {
    var desk = Desk(.keys, [row(.key(digest(7)), 1)])
    let spec = CommandLine.Spec(
      path: ["key", "rotate"], help: "", signs: true, options: ["--request"])
    _ = desk.model.update(.catalogued(CommandLine.Catalogue(specs: [spec])), at: now)
    desk.press(.character(":"))
    desk.type("key rotate")
    #expect(
      Desk.acts(desk.press(.enter)) == [
        .consent(.rotate(digest(7)), choice: 0, inputs: [:])
      ])
    desk.press(.escape, .character(":"))
    desk.type("key rotate agent:x")
    #expect(
      Desk.acts(desk.press(.enter)) == [
        .consent(.command(["key", "rotate", "agent:x"]), choice: 0, inputs: [:])
      ])
  }

  @Test func `a line entered before it is known which commands there are runs once they are`() {
    let spec = CommandLine.Spec(path: ["who"], help: "", signs: false, options: [])
    for isLetGo in [false, true] {
      var desk = Desk(.keys, [row(.key(digest(7)), 1)])
      desk.press(.character(":"))
      desk.type("who deploy prod://x")
      #expect(Desk.acts(desk.press(.enter)) == [])
      #expect(desk.model.notice.contains("which commands there are"), "\(desk.model.notice)")
      if isLetGo { desk.press(.character("j")) }
      let effects = desk.model.update(
        .catalogued(CommandLine.Catalogue(specs: [spec])), at: now)
      #expect(
        Desk.acts(effects) == (isLetGo ? [] : [.run(["who", "deploy", "prod://x"])]))
      #expect(!desk.model.notice.contains("which commands there are"))
    }
  }

  @Test func `a command that lacks an argument is typed on, and asks for no key`() {
    var desk = Desk(.keys, [row(.key(digest(7)), 1)])
    let spec = CommandLine.Spec(
      path: ["agent", "register"], help: "", signs: true, options: ["--roles"])
    _ = desk.model.update(.catalogued(CommandLine.Catalogue(specs: [spec])), at: now)
    desk.press(.character(":"))
    desk.type("agent register")
    desk.press(.enter)
    _ = desk.model.update(
      .failed("arguments_missing: Missing expected argument '<name>'"), at: now)
    #expect(desk.model.overlays.isEmpty)
    #expect(desk.model.entry?.text == "agent register ")
    #expect(desk.model.notice.contains("Missing expected argument"))
  }

  @Test(
    "what a command still needs is named while it is typed, and it is run only whole",
    arguments: [
      ("agent register", ["<name>", "--roles"]), ("agent register agent:x", ["--roles"]),
      ("agent register --solo agent:x --roles r", []), ("agent register --roles=r", ["<name>"]),
      ("agent register --owner user:a", ["<name>", "--roles"]), ("agent register --help", []),
    ] as [(String, [String])])
  func missing(line: String, lacking: [String]) {
    let spec = CommandLine.Spec(
      path: ["agent", "register"], help: "", signs: true, options: [],
      required: ["<name>", "--roles"], flags: ["--solo"])
    let catalogue = CommandLine.Catalogue(specs: [spec])
    #expect(CommandLine.missing(CommandLine.words(line), spec) == lacking)
    var desk = Desk(.keys, [row(.key(digest(7)), 1)])
    _ = desk.model.update(.catalogued(catalogue), at: now)
    desk.press(.character(":"))
    desk.type(line)
    let needs = "still needs " + lacking.joined(separator: " ")
    #expect(CommandLine.effect(line, catalogue).hasPrefix(needs) == !lacking.isEmpty)
    let acts = Desk.acts(desk.press(.enter))
    #expect(acts.isEmpty == !lacking.isEmpty, "\(acts)")
    if !lacking.isEmpty {
      #expect(desk.model.entry?.text == line + " ")
      #expect(desk.model.notice.contains(needs))
    }
  }

  @Test func `what asks on a terminal of its own is not run beside the console's`() {
    var desk = Desk(.keys, [row(.key(digest(7)), 1)])
    let spec = CommandLine.Spec(
      path: ["key", "new"], help: "", signs: false, options: ["--out"], isOutside: true)
    _ = desk.model.update(.catalogued(CommandLine.Catalogue(specs: [spec])), at: now)
    desk.press(.character(":"))
    desk.type("key new --out x")
    #expect(Desk.acts(desk.press(.enter)) == [])
    #expect(desk.model.notice.contains("outside of the console"))
  }
}

/// A key acts on the row that was highlighted on the screen, or on none.
@Suite struct RowBindingTests {
  private static let keys: [(View, Character, @Sendable (Int) -> Target)] = [
    (.audit, "e", { .entry(UInt64($0)) }), (.audit, "T", { .entry(UInt64($0)) }),
    (.audit, "y", { .entry(UInt64($0)) }), (.audit, "J", { .entry(UInt64($0)) }),
    (.audit, "W", { .entry(UInt64($0)) }), (.approvals, "a", { .hold(digest($0)) }),
    (.approvals, "x", { .hold(digest($0)) }), (.agents, "L", { .agent("agent:a\($0)") }),
    (.keys, "r", { .key(digest($0)) }), (.keys, "a", { .key(digest($0)) }),
    (.policies, "a", { .policy(digest($0)) }),
  ]

  private func scalar(_ character: Character) -> KeyPress {
    .character(character.unicodeScalars.first ?? " ")
  }

  @Test("a key typed before the filter's rows have come acts on no other row", arguments: 0..<11)
  func filtering(_ number: Int) {
    let (view, key, target) = RowBindingTests.keys[number]
    var desk = Desk(view, (1...5).map { row(target($0), $0) })
    desk.model.noteDrawn()
    // All in one go: `/4`, Enter, up, and the key.
    desk.press(.character("/"))
    desk.type("4")
    let effects = desk.press(.enter, .character("k"), scalar(key))
    #expect(Desk.acts(effects) == [], "\(effects)")
    #expect(desk.model.notice.contains("still being read"), "\(desk.model.notice)")
    desk.answer([row(target(4), 4)])
    desk.model.noteDrawn()
    #expect(!Desk.acts(desk.press(scalar(key))).isEmpty)
    #expect(desk.model.selected == target(4))
  }

  @Test("rows that come between the screen and a key take nothing from it", arguments: 0..<11)
  func arriving(_ number: Int) {
    let (view, key, target) = RowBindingTests.keys[number]
    var desk = Desk(view, (1...5).map { row(target($0), $0) })
    desk.press(.character("g"))
    if desk.model.list.awaited != nil { desk.answer((1...5).map { row(target($0), $0) }) }
    desk.model.noteDrawn()
    let shown = desk.model.selected
    // The highlighted row ends, and the next stands in its place before the screen is drawn.
    desk.press(.character("R"))
    desk.answer((6...9).map { row(target($0), $0) })
    #expect(desk.model.selected != shown)
    #expect(Desk.acts(desk.press(scalar(key))) == [])
    #expect(desk.model.notice.contains("before the screen showed them"), "\(desk.model.notice)")
    desk.model.noteDrawn()
    #expect(!Desk.acts(desk.press(scalar(key))).isEmpty)
  }

  @Test func `a key after moves of the same hand acts on where they led, if no row has moved`() {
    var desk = Desk(.keys, (1...5).map { row(.key(digest($0)), $0) })
    desk.model.noteDrawn()
    let effects = desk.press(.character("j"), .character("j"), .character("r"))
    #expect(
      Desk.acts(effects) == [.consent(.revokeKey(digest(3)), choice: 0, inputs: [:])])
  }

  @Test func `the row that was drawn stays bound when others come around it`() {
    var desk = Desk(.keys, (1...5).map { row(.key(digest($0)), $0) })
    desk.press(.character("j"))
    desk.model.noteDrawn()
    let request = desk.model.list.refresh(page: 20, at: now)
    #expect(request != nil)
    if let request {
      _ = desk.model.update(
        .page(
          ListPage(
            request: request, rows: (0...5).map { row(.key(digest($0)), $0) }, hasMore: false)),
        at: now)
    }
    #expect(
      Desk.acts(desk.press(.character("r"))) == [
        .consent(.revokeKey(digest(2)), choice: 0, inputs: [:])
      ])
    // One that moved too, onto a row nobody saw there, is refused.
    var other = Desk(.keys, (1...5).map { row(.key(digest($0)), $0) })
    other.model.noteDrawn()
    if let request = other.model.list.refresh(page: 20, at: now) {
      _ = other.model.update(
        .page(
          ListPage(
            request: request, rows: [1, 9, 2, 3].map { row(.key(digest($0)), $0) }, hasMore: false
          )), at: now)
    }
    #expect(Desk.acts(other.press(.character("j"), .character("r"))) == [])
  }

  @Test func `an end of the list that is on its way is not the row that stands there yet`() {
    var desk = Desk(.audit, (1...5).map { row(.entry(UInt64($0)), $0) })
    desk.press(.character("k"), .character("k"))
    desk.model.noteDrawn()
    #expect(Desk.acts(desk.press(.character("G"), .character("e"))) == [])
    desk.answer((1...8).map { row(.entry(UInt64($0)), $0) })
    desk.model.noteDrawn()
    let effects = desk.press(.character("e"))
    #expect(
      effects.contains(
        .run(["log", "prove", "8", "--out", "proof-8.json"])), "\(effects)")
  }
}

/// The dialog of a review: one finding, chosen by the person.
@Suite struct ReviewDialogTests {
  private func consent(_ request: ConsentRequest = .reviews(digest(1))) -> Consent {
    Consent(
      request: request, title: "185 reviews", heading: "Were these 185 justified?",
      lines: [Line("action", "deploy on prod://payments/api")], digest: "d",
      choice: Consent.Choice(finding: "Finding", ["justified", "unjustified"]),
      inputs: [Consent.Input("reason", "Found", note: "", kind: .reason)],
      buttons: [
        Consent.Button(
          "complete", "Sign 185 reviews", needs: [.read, .reason, .finding, .key])
      ], command: [])
  }

  private func open() throws -> ConsoleModel {
    var desk = Desk(.proposals, [row(.reviewGroup(digest(1)), 1)])
    desk.press(.character("a"))
    _ = desk.model.update(.consent(consent()), at: now)
    #expect(!desk.model.overlays.isEmpty)
    return desk.model
  }

  private func dialog(_ model: ConsoleModel) throws -> ConsentModel {
    guard case .consent(let dialog)? = model.overlays.last else { throw CancellationError() }
    return dialog
  }

  @Test func `no finding is chosen at first, and the button is off until one is`() throws {
    var model = try open()
    let later = now.advanced(bySeconds: 2)
    #expect(try dialog(model).choice == -1)
    let screen = Screen.draw(model).lines.joined(separator: "\n")
    #expect(screen.contains("( ) justified") && screen.contains("( ) unjustified"), "\(screen)")
    let button = consent().buttons[0]
    #expect(
      try dialog(model).obstacles(button, model.session, .locked, at: later)
        .contains("choose a finding"))
    // From nothing, right takes the first and left the last; neither asks for another plan.
    let right = model.update(.key(.right), at: later)
    #expect(try dialog(model).choice == 0)
    #expect(right.allSatisfy { if case .consent = $0 { false } else { true } })
    #expect(
      try !dialog(model).obstacles(button, model.session, .locked, at: later)
        .contains("choose a finding"))
    var other = try open()
    _ = other.update(.key(.left), at: later)
    #expect(try dialog(other).choice == 1)
  }

  @Test func `the dialog of a group is as recorded`() throws {
    try Golden.expect(try open(), "review-group-80x24")
  }

  @Test func `the finding stays when the dialog is read again, and its text stays read`() throws {
    var model = try open()
    let later = now.advanced(bySeconds: 2)
    _ = model.update(.key(.right), at: later)
    _ = model.update(.consent(consent()), at: later)
    #expect(try dialog(model).choice == 0)
    #expect(
      try dialog(model).obstacles(consent().buttons[0], model.session, .locked, at: later)
        == ["a reason is required", "enter the passphrase"])
  }

  @Test func `W shows what they say whole, J as JSON, and e keeps either`() throws {
    var model = try open()
    let later = now.advanced(bySeconds: 2)
    _ = model.update(.key(.backTab), at: later)
    #expect(
      model.update(.key(.character("W")), at: later)
        == [.document(.card(.reviewGroup(digest(1))))])
    _ = model.update(
      .document(
        Document(
          .card(.reviewGroup(digest(1))), title: "Reviews", lines: [Line("#4", "allow: deploy")])),
      at: later)
    let kept = model.update(.key(.character("e")), at: later)
    guard case .write(let path, let lines)? = kept.first else {
      Issue.record("nothing was kept: \(kept)")
      return
    }
    #expect(path.hasPrefix("reviews-") && path.hasSuffix(".txt"))
    #expect(lines == ["Reviews", "#4  allow: deploy"])
    _ = model.update(.key(.escape), at: later)
    #expect(
      model.update(.key(.character("J")), at: later)
        == [.document(.json(.reviewGroup(digest(1))))])
  }
}
