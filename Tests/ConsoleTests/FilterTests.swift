import Cells
import Console
import Keys
import Statements
import Testing

@Suite struct FilterTests {
  private let now = Timestamp(milliseconds: 1_795_428_000_000)

  @Test func `a word before a colon is a column only where the list has one of that name`() {
    #expect(Filter("agent:bot", .decisions).terms.map(\.column) == ["agent"])
    // Headers stand in capitals, and may be typed as they stand.
    #expect(Filter("AGENT:bot", .decisions).terms.map(\.column) == ["agent"])
    // What the column itself shows is text.
    let owner = Filter("user:bob", .agents)
    #expect(owner.terms.map(\.text) == ["user:bob"] && owner.terms[0].column == nil)
    #expect(owner.unknown == "user" && owner.problem == nil)
    #expect(Filter("prod://payments", .decisions).terms.map(\.text) == ["prod://payments"])
    #expect(Filter("holder:agent:x", .keys).terms.map(\.text) == ["agent:x"])
  }

  @Test func `each word is looked for by itself, and all must hold`() {
    let filter = Filter("deploy web agent:bot two by:bob since:90m", .decisions)
    #expect(filter.terms.map(\.text) == ["deploy", "web", "bot", "two", "bob"])
    #expect(filter.terms.map(\.column) == [nil, nil, "agent", nil, "by"])
    #expect(filter.sinceSeconds == 5400)
    // A mark belongs to its word only.
    #expect(Filter("!verdict:allow x", .decisions).terms.map(\.kind) == [.lacks, .contains])
    #expect(Filter("deny !deploy-bot", .decisions).terms.map(\.kind) == [.contains, .lacks])
    #expect(Filter("deny !deploy-bot", .decisions).terms.map(\.text) == ["deny", "deploy-bot"])
    #expect(Filter("!bot", .agents).terms.map(\.kind) == [.lacks])
    #expect(Filter("~dply", .agents).terms.map(\.pattern) == ["%d%p%l%y%"])
    #expect(Filter("100%_", .agents).terms.map(\.pattern) == ["%100\\%\\_%"])
    #expect(Filter("", .agents).isEmpty && Filter("agent:", .decisions).isEmpty)
  }

  @Test(arguments: [
    (
      "since:yesterday", View.decisions,
      "since:yesterday: since: takes a span of time: 90s, 5m, 2h or 7d"
    ),
    ("since:1h", .operators, "since:1h: Operators has no times to filter by"),
    ("needs:bob", .approvals, "needs:bob: needs: takes only me"),
    ("needs:me", .keys, "needs:me: nothing in Keys waits for you; try Approvals or Proposals"),
    (
      "expires:2m", .keys,
      "expires:2m: expires changes every second and cannot be filtered; try since:1h"
    ),
  ])
  func `what is not understood is said, and filters nothing`(
    text: String, view: View, words: String
  ) {
    let filter = Filter(text, view)
    #expect(filter.problem == words)
    #expect(filter.isEmpty)
  }

  @Test func `a row matches as it is shown, in the columns that are meant`() {
    var row = ListRow(
      target: .policy(.sha256([1])), place: [],
      cells: [
        .text("guard@v12"), .text("ACTIVE"), .minute(now.advanced(bySeconds: -3600)),
        .text("user:carol"), .text("activation 9f3c19c2"),
      ])
    row.at = now.advanced(bySeconds: -3600)
    func matches(_ text: String) -> Bool {
      row.matches(Filter(text, .policies), .policies, at: now)
    }
    for text in [
      "guard@v12", "by:carol", "user:carol", "status:active", "waits:9f3c", "~gdv12", "!denied",
      "since:2h", "guard since:61m by:user:carol", "active guard", "carol !denied guard",
      now.advanced(bySeconds: -3600).minute,
    ] {
      #expect(matches(text), "\(text)")
    }
    for text in [
      "name:carol", "by:bob", "since:59m", "!status:active", "~zz", "guard by:bob", "guard !active",
    ] {
      #expect(!matches(text), "\(text)")
    }
  }

  @Test func `Tab names the columns of the list, and what else a filter knows`() {
    #expect(
      Filter.candidates("", .decisions).map(\.text).prefix(3) == ["time:", "verdict:", "agent:"])
    #expect(Filter.candidates("deploy ag", .decisions).map(\.text) == ["deploy agent:"])
    #expect(Filter.candidates("!ver", .decisions).map(\.text) == ["!verdict:"])
    #expect(Filter.candidates("ne", .approvals).map(\.text) == ["needs:me"])
    #expect(Filter.candidates("s", .approvals).map(\.text) == ["since:"])
    #expect(Filter.candidates("expi", .keys).isEmpty && Filter.candidates("zz", .keys).isEmpty)
    for view in View.allCases {
      for candidate in Filter.candidates("", view) where candidate.text.hasSuffix(":") {
        let filter = Filter(candidate.text + "1h", view)
        #expect(filter.problem == nil && filter.unknown == nil, "\(view) \(candidate.text)")
      }
    }
  }

  @Test func `the filter line completes, says what is wrong, and keeps what was typed`() {
    var model = ConsoleModel(
      session: Session(registry: "x", who: nil), width: 80, height: 24, now: now)
    _ = model.start()
    func press(_ keys: [KeyPress]) { for key in keys { _ = model.update(.key(key), at: now) } }
    func last() -> String { Screen.draw(model).lines[22] }
    press(
      [.character("2"), .character("/")] + "ve".unicodeScalars.map(KeyPress.character) + [.tab])
    #expect(model.entry?.text == "verdict:")
    press("deny since:x".unicodeScalars.map(KeyPress.character))
    // What was asked for before stands as long as this is not understood.
    #expect(model.filter.text == "")
    #expect(last().contains("since:x: since: takes a span"))
    press([.enter])
    #expect(model.notice.contains("since: takes a span"))
  }
}

@Suite struct CutTests {
  @Test(arguments: [
    (Cut.end, "suspected leak on build-02", 12, "suspected l\u{2026}"),
    (.middle, "prod://payments/api", 12, "prod\u{2026}nts/api"),
    (.middle, "agent:deploy-bot-0001973", 13, "agen\u{2026}-0001973"),
    (.middle, "4bf5122f", 4, "\u{2026}22f"),
    (.start, "production-guard.rego:18", 10, "\u{2026}d.rego:18"),
    (.action, "deploy\u{2192}prod://payments/api", 19, "deploy\u{2192}prod://\u{2026}/api"),
    (
      .action, "a.very.long.action.name\u{2192}prod://payments/api", 30,
      "a.very.long.acti\u{2026}\u{2192}prod://\u{2026}/api"
    ),
    (.action, "a.very.long.action\u{2192}prod://x/y", 14, "a.\u{2026}\u{2192}prod://x/y"),
    (
      .action, "\u{00D7}66 deploy\u{2192}prod://payments/api", 22,
      "\u{00D7}66 deploy\u{2192}prod\u{2026}ts/api"
    ),
    (.whole, "2026-11-25 10:00Z", 9, "\u{2026}\u{2026}"), (.whole, "04:51", 5, "04:51"),
    (.middle, "short", 9, "short"), (.end, "x", 0, ""),
  ])
  func `a value is cut where it says least`(cut: Cut, text: String, width: Int, shown: String) {
    #expect(cut.fitted(SafeText(text), to: width).text == shown)
  }

  @Test func `what is cut fits, at every width, wide characters too`() {
    for cut in [Cut.end, .middle, .start, .action, .whole] {
      for text in ["deploy\u{2192}prod://\u{4F5C}\u{8005}/\u{202E}api", "\u{4F5C}\u{8005}\u{4F5C}"]
      {
        for width in 0...40 {
          let fitted = cut.fitted(SafeText(text), to: width)
          #expect(fitted.width <= width, "\(cut) \(width): \(fitted.text)")
        }
      }
    }
  }

  @Test func `no column of an id, a name or a time is cut at its end`() {
    for view in View.allCases {
      for column in view.columns {
        let isWords = [
          "risk", "quorum", "verdict", "status", "roles", "groups", "reason", "why",
          "waits", "what", "type", "grant",
        ].contains(column.name)
        #expect(isWords || column.cut != .end, "\(view) \(column.name)")
      }
    }
  }
}
