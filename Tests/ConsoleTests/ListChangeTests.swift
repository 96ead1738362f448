import CanonicalJSON
import Cells
import Console
import Keys
import Statements
import TestSupport
import Testing

private let now = Timestamp(milliseconds: 1_795_428_000_000)
private func digest(_ number: Int) -> Digest { Digest.sha256(Array("\(number)".utf8)) }

private func row(_ target: Target, _ place: Int, _ cells: [CellValue] = [.text("row")]) -> ListRow {
  ListRow(target: target, place: [.integer(Int64(place))], cells: cells)
}

/// A console on one view, whose lists are answered by hand.
private struct Desk {
  var model: ConsoleModel
  var asked: [ListRequest] = []
  var effects: [Effect] = []
  var now: Timestamp

  init(_ view: View, _ rows: [ListRow], width: Int = 80, height: Int = 24) {
    now = Timestamp(milliseconds: 1_795_428_000_000)
    model = ConsoleModel(
      session: Session(registry: "test", who: Principal.named("user:bob")), width: width,
      height: height, now: now)
    take(model.start())
    press(.character(Unicode.Scalar(UInt8(48 + view.digit))))
    answer(rows)
  }

  private mutating func take(_ effects: [Effect]) {
    self.effects = effects
    for case .load(let request) in effects { asked.append(request) }
  }

  mutating func press(_ keys: KeyPress...) {
    for key in keys { take(model.update(.key(key), at: now)) }
  }

  mutating func type(_ text: String) {
    for scalar in text.unicodeScalars { press(.character(scalar)) }
  }

  mutating func hear(_ message: Message) { take(model.update(message, at: now)) }

  /// Answers the newest request with these rows.
  mutating func answer(_ rows: [ListRow], departed: [CellValue]? = nil, hasMore: Bool = false) {
    guard let request = asked.last else { return }
    var page = ListPage(request: request, rows: rows, hasMore: hasMore)
    page.departed = departed
    hear(.page(page))
  }

  var lines: [String] { Screen.draw(model).lines }
  var screen: String { lines.joined(separator: "\n") }
  /// The line under the cursor.
  var highlighted: String { lines.dropFirst(3).first { $0.hasPrefix(">") } ?? "" }
}

/// What happens to the cursor, and to what a row says, when the registry changes under it.
@Suite struct ListChangeTests {
  private func policies(_ order: [Int]) -> [ListRow] {
    order.enumerated().map { row(.policy(digest($1)), $0, [.text(SafeText("policy-\($1)"))]) }
  }

  @Test func `the cursor stays on the policy that is put in force`() {
    var desk = Desk(.policies, policies([1, 2, 3]))
    desk.press(.character("j"), .character("j"))
    #expect(desk.model.selected == .policy(digest(3)))
    desk.hear(.changed(RegistryStatus()))
    desk.answer(policies([3, 1, 2]))
    #expect(desk.model.selected == .policy(digest(3)))
    #expect(desk.highlighted.contains("policy-3"))
  }

  @Test func `a jump that found nothing does not take the cursor later`() {
    var desk = Desk(.keys, [row(.key(digest(8)), 1)])
    // The key that is wanted is revoked, and not listed.
    desk.press(.character(":"))
    desk.type("9999aaaa")
    desk.press(.enter)
    desk.hear(.resolved("9999aaaa", [.init(target: .agent("agent:gone"), words: "an agent")]))
    desk.hear(.located(.agent("agent:gone"), place: [.text("agent:gone")], path: []))
    desk.answer([row(.agent("agent:other"), 2)])
    // Nor does it stand before them.
    desk.answer([])
    #expect(desk.model.view == .agents)
    #expect(desk.model.selected == .agent("agent:other"))
    #expect(desk.model.notice.contains("agent:gone is not among these rows"))
    desk.press(.character("6"))
    desk.answer(policies([1, 2, 3]))
    desk.press(.character("j"), .character("j"))
    desk.hear(.changed(RegistryStatus()))
    desk.answer(policies([1, 2, 3]))
    desk.hear(.changed(RegistryStatus()))
    desk.answer(policies([3, 1, 2]))
    #expect(desk.model.selected == .policy(digest(3)))
  }

  @Test func `neither a scope that shows more nor a group that was unfolded brings new rows`() {
    func hold(_ number: Int, depth: Int = 0) -> ListRow {
      var row = row(.hold(digest(number)), number)
      row.depth = depth
      return row
    }
    var desk = Desk(.approvals, [hold(1)])
    desk.press(.character("."))
    desk.answer((1...5).map { hold($0) })
    #expect(!desk.screen.contains("new (G)"), "\(desk.screen)")
    desk.hear(.changed(RegistryStatus()))
    desk.answer((1...5).map { hold($0) } + [hold(6, depth: 1)])
    #expect(!desk.screen.contains("new (G)"), "\(desk.screen)")
    desk.hear(.changed(RegistryStatus()))
    desk.answer((1...5).map { hold($0) } + [hold(7)])
    #expect(desk.screen.contains("1 new (G)"), "\(desk.screen)")
  }

  @Test func `e in the explanation of a decision exports its proof`() {
    var desk = Desk(.decisions, [row(.decision(7), 7)])
    desk.press(.character("W"))
    desk.hear(
      .document(
        Document(.why(.decision(7)), title: "Why", lines: [Line("verdict", "deny")])))
    #expect(desk.screen.contains("export proof"), "\(desk.screen)")
    desk.press(.character("e"))
    #expect("\(desk.effects)".contains("prove"), "\(desk.effects)")
  }

  @Test func `a screen that is too small says which key does what there`() {
    var desk = Desk(.decisions, [row(.decision(7), 7)])
    desk.hear(.resized(width: 30, height: 8))
    #expect(desk.screen.contains("q quits"))
    desk.hear(.resized(width: 80, height: 24))
    desk.press(.character("W"))
    desk.hear(
      .document(
        Document(.why(.decision(7)), title: "Why", lines: [Line("verdict", "deny")])))
    desk.hear(.resized(width: 30, height: 8))
    #expect(desk.screen.contains("Esc goes back") && !desk.screen.contains("q quits"))
  }

  @Test func `a proposal that has left its list keeps its state whole beside the words`() {
    let cells: [CellValue] = [
      .text("policy.activated"), .text(SafeText(String(repeating: "x", count: 80))),
      .text("user:alice"), .text("1"), .text("ended", .muted), .until(nil),
    ]
    var desk = Desk(.proposals, [row(.proposal(digest(1)), 1)])
    desk.hear(.changed(RegistryStatus()))
    desk.answer([row(.proposal(digest(2)), 2)], departed: cells)
    #expect(
      desk.highlighted.contains("not listed") && desk.highlighted.contains(" ended "),
      "\(desk.highlighted)")
  }

  @Test func `a row that has left its list says how it stands now`() {
    func key(_ status: String, _ role: Role) -> [CellValue] {
      [
        .text("e52d-9c50"), .text("agent:bot"), .text(SafeText(status), role), .text("user:alice"),
        .ago(nil), .until(nil), .minute(nil), .text(""),
      ]
    }
    var desk = Desk(.keys, [row(.key(digest(1)), 1, key("active", .stateOK))])
    #expect(desk.highlighted.contains("active"))
    desk.hear(.changed(RegistryStatus()))
    desk.answer(
      [row(.key(digest(2)), 2, key("active", .stateOK))], departed: key("REVOKED", .stateBad))
    #expect(desk.highlighted.contains("REVOKED") && desk.highlighted.contains("not listed"))
    #expect(!desk.highlighted.contains("active"))
    // Where nothing is known of it, it is in force no longer all the same.
    var other = Desk(.keys, [row(.key(digest(1)), 1, key("active", .stateOK))])
    other.hear(.changed(RegistryStatus()))
    other.answer([row(.key(digest(2)), 2, key("active", .stateOK))])
    #expect(other.highlighted.contains("ended") && !other.highlighted.contains("active"))
  }

  @Test func `a card is read again when the registry moves, at most once a second`() {
    var desk = Desk(.agents, [row(.agent("agent:bot"), 1)])
    let card = DocumentRequest.card(.agent("agent:bot"))
    // What is polled every few seconds has just been.
    desk.hear(.tick)
    desk.press(.enter)
    desk.hear(.document(Document(card, title: "card", lines: [Line("key", "active")])))
    func readings(_ desk: Desk) -> Int { desk.effects.count { $0 == .document(card) } }
    desk.hear(.changed(RegistryStatus()))
    #expect(readings(desk) == 1)
    for _ in 0..<5 {
      desk.hear(.changed(RegistryStatus()))
      #expect(readings(desk) == 0)
    }
    #expect(desk.model.countsDown, "what is owed is read by the clock")
    desk.now = desk.now.advanced(bySeconds: 1)
    desk.hear(.tick)
    #expect(readings(desk) == 1)
    desk.now = desk.now.advanced(bySeconds: 1)
    desk.hear(.tick)
    #expect(readings(desk) == 0)
  }

  // MARK: filters

  private func decisions(_ numbers: ClosedRange<UInt64>) -> [ListRow] {
    numbers.map { row(.decision($0), Int($0)) }
  }

  @Test func `a filtered list of decisions opens at the newest`() throws {
    var desk = Desk(.decisions, decisions(100...300))
    desk.press(.character("/"))
    desk.type("since:1h")
    #expect(try #require(desk.asked.last).filter == "since:1h")
    #expect(try #require(desk.asked.last).anchor == .last)
    desk.answer(decisions(150...250), hasMore: true)
    #expect(desk.model.selected == .decision(250))
    // In the order that stands the newest first, they are the first.
    desk.press(.enter, .escape, .character("O"))
    desk.type("/bot")
    #expect(try #require(desk.asked.last).anchor == .first)
  }

  @Test(
    arguments: [
      (.decisions, "since:yesterday", "\"since:yesterday\"", "90s, 5m, 2h or 7d"),
      (.keys, "needs:me", "\"needs:me\"", "Approvals or Proposals"),
      (.operators, "since:1h", "\"since:1h\"", "no times"),
    ] as [(View, String, String, String)])
  func `a filter that is not understood is not applied, and is kept to be mended`(
    view: View, text: String, name: String, accepted: String
  ) throws {
    var desk = Desk(view, [row(.agent("agent:bot"), 1)])
    desk.press(.character("/"))
    desk.type("bot")
    desk.press(.enter)
    desk.answer([row(.agent("agent:bot"), 1)])
    desk.press(.character("/"))
    desk.type(" " + text)
    desk.press(.enter)
    #expect(desk.model.filter.text == "bot", "what stood before stands")
    #expect(desk.model.entry?.text == "bot " + text)
    #expect(desk.model.notice.contains(name.filter { $0 != "\"" }))
    #expect(desk.model.notice.contains(accepted))
    // Mended, it is applied, and nothing is said of it any more.
    for _ in 0..<(text.count) { desk.press(.backspace) }
    #expect(!desk.model.notice.contains(accepted))
    desk.type("x")
    desk.press(.enter)
    #expect(desk.model.filter.text == "bot x" && desk.model.entry == nil)
    // The command line does the same.
    desk.press(.character(":"))
    desk.type("filter \(text)")
    desk.press(.enter)
    #expect(desk.model.filter.text == "bot x" && desk.model.entry?.text == text)
  }

  // MARK: the past

  @Test func `in the past, spans count from then, and what was said on the way goes`() {
    let then = now.advanced(bySeconds: -3600)
    let cells: [CellValue] = [
      .text("~  MED"), .text("4bf5122f"), .text("bot"), .text("deploy\u{2192}prod://x"),
      .text("0/1 "), .text("-"), .until(then.advanced(bySeconds: 291)), .clock(then),
    ]
    var desk = Desk(.approvals, [row(.hold(digest(1)), 1, cells)])
    #expect(desk.highlighted.contains("ended"))
    for percent in [0, 30, 60] {
      desk.hear(.travelling("replaying the log up to #7: \(percent)%"))
      #expect(desk.lines.filter { $0.contains("replaying") }.count == 1, "\(desk.screen)")
    }
    desk.hear(.travelled(to: 7, at: then))
    desk.answer([row(.hold(digest(1)), 1, cells)])
    #expect(desk.highlighted.contains("04:51"), "\(desk.screen)")
    #expect(!desk.screen.contains("replaying"))
    #expect(desk.screen.contains("as it was after entry #7"))
    // Nothing expires in the past.
    desk.now = now.advanced(bySeconds: 3)
    desk.hear(.tick)
    #expect(!desk.effects.contains { if case .load = $0 { true } else { false } })
    desk.hear(.travelled(to: nil, at: nil))
    #expect(!desk.screen.contains("as it was after"), "\(desk.screen)")
  }

  // MARK: dialogs

  @Test func `at 60 columns every option of a choice is seen`() {
    let request = ConsentRequest.lock([.everything])
    let options = ["agent:db-janitor-of-the-ledger", "key 4bf5-122f", "everything"]
    var desk = Desk(.approvals, [row(.hold(digest(1)), 1)], width: 60, height: 18)
    _ = desk.model.open(request)
    desk.hear(
      .consent(
        Consent(
          request: request, title: "Lock", heading: "A lock", lines: [Line("target", "x")],
          choice: Consent.Choice("Lock", options, selected: 0),
          inputs: [
            Consent.Input("until", "Ends", note: "", kind: .plan, initial: "1h"),
            Consent.Input("reason", "Reason", note: "", kind: .reason),
            Consent.Input("name", "Confirm", note: "", kind: .name("everything")),
          ], buttons: [Consent.Button("lock", "Lock", needs: [.key])], command: ["lock"])))
    for option in options {
      #expect(
        desk.screen.contains("( ) \(option)") || desk.screen.contains("(*) \(option)"),
        "\(desk.screen)")
    }
    #expect(desk.screen.contains("[  Cancel  ]") && desk.screen.contains("Passphrase"))
  }

  @Test func `what lifts a lock begins at the reason, what rotates a key at the passphrase`() {
    for (request, inputs, focus) in [
      (.lift(digest(1)), [Consent.Input("reason", "Reason", note: "", kind: .reason)], .input(0)),
      (
        .rotate(digest(1)),
        [Consent.Input("until", "Ends", note: "", kind: .plan, initial: "90d")], .passphrase
      ),
    ] as [(ConsentRequest, [Consent.Input], ConsentModel.Focus)] {
      var desk = Desk(.keys, [row(.key(digest(1)), 1)])
      _ = desk.model.open(request)
      let consent = Consent(
        request: request, title: "A dialog", heading: "A dialog", lines: [Line("target", "x")],
        inputs: inputs, buttons: [Consent.Button("do", "Do", needs: [.read, .key])], command: [])
      desk.hear(.consent(consent))
      #expect(desk.model.overlays.last?.focus == focus)
      // With the key open there is nothing to fill: one begins by reading, not on Cancel.
      var open = Desk(.keys, [row(.key(digest(1)), 1)])
      open.hear(.keyState(.unlocked(until: now.advanced(bySeconds: 60))))
      _ = open.model.open(request)
      open.hear(.consent(consent))
      #expect(open.model.overlays.last?.focus != .cancel)
    }
  }

  @Test func `what disables a button is said once`() {
    let request = ConsentRequest.lift(digest(1))
    var desk = Desk(.locks, [row(.lock(digest(1)), 1)])
    _ = desk.model.open(request)
    desk.hear(
      .consent(
        Consent(
          request: request, title: "Lift", heading: "Lift", lines: [Line("target", "x")],
          inputs: [],
          buttons: [Consent.Button("lift", "Lift", needs: [.key], objection: "it takes an admin")],
          command: [])))
    desk.now = now.advanced(bySeconds: 2)
    for _ in 0..<3 { desk.press(.tab) }
    desk.now = desk.now.advanced(bySeconds: 1)
    desk.press(.enter)
    #expect(desk.model.overlays.last?.focus == .button(0))
    #expect(desk.lines.filter { $0.contains("it takes an admin") }.count == 1, "\(desk.screen)")
  }

  @Test func `what was said goes with the next key once it was read, in a document too`() {
    var desk = Desk(.agents, [row(.agent("agent:bot"), 1)])
    let card = DocumentRequest.card(.agent("agent:bot"))
    desk.press(.enter)
    desk.hear(.document(Document(card, title: "card", lines: [Line("key", "active")])))
    desk.hear(.said("written to /x/y.txt"))
    desk.press(.character("j"))
    #expect(desk.screen.contains("/x/y.txt"), "nothing goes before it was read")
    desk.now = desk.now.advanced(bySeconds: 6)
    #expect(desk.model.notice != "")
    desk.press(.character("j"))
    #expect(!desk.screen.contains("/x/y.txt"))
  }

  @Test func `who does not leave is no longer told what leaving ends`() {
    var session = Session(registry: "test", who: Principal.named("user:bob"))
    session.leaving = "q again ends the demonstration"
    var model = ConsoleModel(session: session, width: 80, height: 24, now: now)
    _ = model.start()
    #expect(model.update(.key(.character("q")), at: now) == [])
    #expect(model.notice == session.leaving)
    _ = model.update(.key(.character("j")), at: now)
    #expect(model.notice == "")
    #expect(model.update(.key(.character("q")), at: now) == [])
  }

  @Test func `a registry that bears the program's name is named once`() {
    var model = ConsoleModel(
      session: Session(registry: "countersign", who: nil), width: 120, height: 24, now: now)
    _ = model.start()
    #expect(!Screen.draw(model).lines[0].contains("countersign  countersign"))
    #expect(Screen.draw(model).lines[0].contains("countersign"))
  }
}

extension ConsoleModel.Overlay {
  fileprivate var focus: ConsentModel.Focus? {
    if case .consent(let dialog) = self { dialog.focus } else { nil }
  }
}

/// What separates an action from its resource in a row cannot stand in either.
@Suite struct RowSeparatorTests {
  private let marks: Set<Unicode.Scalar> = ["\u{2192}", ">", "\u{00D7}"]

  @Test(arguments: [
    ("deploy>prod://x", "deploy<U+3E>prod://x"), ("a\u{2192}b", "a<U+2192>b"), ("a\tb", "a<U+9>b"),
    ("\u{00D7}66 a", "<U+D7>66 a"), ("plain.action", "plain.action"),
    ("<U+2192>", "<U+2192<U+3E>"),
  ])
  func `marks of the screen are spelt out in text from agents`(text: String, shown: String) {
    #expect(SafeText(text).escaping(marks).text == shown)
  }
}
