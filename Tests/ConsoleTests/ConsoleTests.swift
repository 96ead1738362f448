import Approvals
import Authority
import CanonicalJSON
import Cells
import Console
import Decisions
import Documents
import Foundation
import Keys
import Registry
import Statements
import TestSupport
import Testing

@Suite struct KeyDecoderTests {
  private func keys(_ text: String) -> [KeyPress] {
    var decoder = KeyDecoder()
    return decoder.feed(Array(text.utf8))
  }

  @Test(arguments: [
    ("j", [KeyPress.character("j")]), ("\r", [.enter]), ("\t", [.tab]), ("\u{1B}[Z", [.backTab]),
    ("\u{7F}", [.backspace]), ("\u{1B}[A", [.up]), ("\u{1B}OB", [.down]), ("\u{1B}[5~", [.pageUp]),
    ("\u{1B}[6~", [.pageDown]), ("\u{1B}[1~", [.home]), ("\u{1B}[F", [.end]),
    ("\u{4}", [.control("d")]), ("\u{E9}", [.character("\u{E9}")]),
    ("\u{1B}[200~a\rb\u{1B}[201~", [.paste("a\rb")]),
    ("\u{1B}[1;5A", []), ("\u{1B}[?2026;2$y", []), ("\u{1B}[<0;10;10M", []),
    ("\u{1B}]0;title\u{7}", []), ("\u{1B}P1$r\u{1B}\\", []), ("\u{1B}x", []),
  ])
  func `bytes become the keys a person pressed, and nothing else`(text: String, want: [KeyPress]) {
    #expect(keys(text) == want)
  }

  @Test func `a sequence torn at any byte is the same key, never letters`() {
    for sequence in ["\u{1B}[A", "\u{1B}[6~", "\u{1B}[200~x\u{1B}[201~", "\u{1B}[?62;4c"] {
      let bytes = Array(sequence.utf8)
      let whole = keys(sequence)
      for cut in 1..<bytes.count {
        var decoder = KeyDecoder()
        let got = decoder.feed(Array(bytes[..<cut])) + decoder.feed(Array(bytes[cut...]))
        #expect(got == whole, "\(sequence.debugDescription) cut at \(cut)")
      }
    }
  }

  @Test func `a lone ESC settles as Escape, and its late tail is dropped`() {
    var decoder = KeyDecoder()
    #expect(decoder.feed([0x1B]) == [])
    #expect(decoder.settle() == [.escape])
    #expect(decoder.feed(Array("[A".utf8)) == [])
    #expect(decoder.feed(Array("j".utf8)) == [.character("j")])
  }
}

@Suite struct SafeTextTests {
  @Test func `no hostile string reaches the screen as it came`() throws {
    guard let folder = SharedSuites.folder("hostile") else { return }
    var count = 0
    let lines = try SharedSuites.bytes(folder.appendingPathComponent("strings.jsonl"))
    for line in lines.split(separator: 0x0A) {
      let probe = try JSONParser.parse(Array(line))
      let bytes = try #require(Base64.bytes(of: probe["b64"]?.string?.bytes ?? []))
      let safe = SafeText(String(decoding: bytes, as: UTF8.self))
      for scalar in safe.text.unicodeScalars {
        let isControl = scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value)
        let isHidden = scalar.properties.isDefaultIgnorableCodePoint
        let isBidi = scalar.properties.generalCategory == .format
        #expect(!isControl && !isHidden && !isBidi, "U+\(String(scalar.value, radix: 16))")
      }
      var buffer = Buffer(width: 20, height: 1)
      buffer.put(safe, x: 0, y: 0)
      #expect(buffer.lines[0].unicodeScalars.count >= 1)
      count += 1
    }
    SharedSuites.ran("hostile", count)
  }

  @Test(arguments: [
    ("a\u{202E}b", "a<U+202E>b", 1), ("a\u{1B}[2J", "a<U+001B>[2J", 1),
    ("a\tb\n", "a\u{2192}b\u{21B5}", 0),
    ("\u{200B}", "<U+200B>", 1), ("e\u{301}", "e\u{301}", 0), ("\u{E000}", "<U+E000>", 1),
    ("\u{FE0F}", "<U+FE0F>", 1), ("\u{A0}", "<U+00A0>", 1),
  ])
  func `hidden characters are shown and counted`(raw: String, shown: String, hidden: Int) {
    #expect(SafeText(raw).text == shown)
    #expect(SafeText(raw).hidden == hidden)
  }

  @Test func `wide characters take two columns and are never cut in half`() {
    let text = SafeText("\u{4F5C}\u{8005}x")
    #expect(text.width == 5)
    #expect(text.fitted(to: 4).text == "\u{4F5C}\u{2026}")
    #expect(text.wrapped(to: 3).map(\.text) == ["\u{4F5C}", "\u{8005}x"])
  }
}

@Suite struct ThemeTests {
  @Test(arguments: ["terminal", "mono"])
  func `a theme compiled in is its file`(name: String) throws {
    let file = SharedSuites.root.appendingPathComponent("themes/\(name).yaml")
    let text = try String(contentsOf: file, encoding: .utf8)
    #expect(
      BuiltInThemes.text[name]?.trimmingCharacters(in: .newlines)
        == text.trimmingCharacters(in: .newlines))
    let theme = try Theme(yaml: text, file: name)
    #expect(theme.warnings == [])
    #expect(theme.name == name)
  }

  @Test func `mono has no colour in any role`() throws {
    let theme = try #require(Theme.builtIn("mono"))
    for role in Role.allCases { #expect(theme.style(role, tier: .colors256).color == nil) }
  }
}

@Suite struct ReviewTests {
  /// A review of a real hold, with the clock of its world.
  private func review(
    _ world: World, risk: String = "critical"
  ) async throws -> HoldReview {
    try world.publish(
      """
      package agent.authz
      require_approval if input.action == "deploy"
      approval := {"risk": "\(risk)"}
      """)
    let authority = try world.authority()
    let answer = try await authority.decide(try world.action())
    try world.ledger.database.read { try world.ledger.catchUp($0) }
    let digest = try #require(answer.hold).digest
    let dossier = try #require(
      try world.ledger.database.read { try world.ledger.dossier(digest, $0) })
    return try HoldReview(
      hold: dossier.hold, decision: dossier.decision, holdIndex: dossier.index,
      payload: dossier.payload, state: world.ledger.state, voter: world.bob, now: world.clock.now)
  }

  private func model(_ review: HoldReview, _ world: World) -> ConsoleModel {
    var model = ConsoleModel(
      session: Session(registry: "test", who: world.bob, isReadOnly: false, isSolo: false),
      width: 80, height: 24, now: world.clock.now)
    _ = model.update(.loaded(Snapshot()), at: world.clock.now)
    _ = model.update(
      .reviewLoaded(review, state: "pending", intent: .approve), at: world.clock.now)
    return model
  }

  private func press(
    _ model: inout ConsoleModel, _ keys: [KeyPress], _ now: Timestamp
  ) -> [Effect] {
    keys.flatMap { model.update(.key($0), at: now) }
  }

  private func text(_ text: String) -> [KeyPress] { text.unicodeScalars.map(KeyPress.character) }

  @Test func `an approval takes reading it all, a reason, the name and the passphrase`()
    async throws
  {
    let world = try World()
    var model = model(try await review(world), world)
    let now = world.clock.now.advanced(bySeconds: 2)
    let toButtons: [KeyPress] = [.tab, .tab, .tab, .tab, .tab, .tab]
    // Straight to the button: nothing.
    #expect(press(&model, toButtons + [.enter], now) == [])
    // Read everything.
    #expect(press(&model, [.tab] + Array(repeating: .pageDown, count: 9), now) == [])
    #expect(press(&model, toButtons + [.enter], now) == [])
    let fill: [KeyPress] =
      [.tab, .tab] + text("INC-1") + [.tab] + text("prod://payments/api") + [.tab] + text("pw")
    #expect(press(&model, fill, now) == [])
    let effects = press(&model, [.tab, .tab, .tab, .enter], now)
    guard case .vote(let ballot, _)? = effects.first else {
      Issue.record("no vote: \(Screen.draw(model).lines.joined(separator: "\n"))")
      return
    }
    #expect(ballot.vote == .approve && ballot.reason == "INC-1")
    // While it signs, nothing acts.
    #expect(press(&model, [.enter, .tab, .enter], now) == [])
  }

  @Test func `denying takes a reason and the passphrase only`() async throws {
    let world = try World()
    var model = model(try await review(world), world)
    let now = world.clock.now.advanced(bySeconds: 2)
    let keys: [KeyPress] =
      [.tab] + text("no") + [.tab, .tab] + text("pw") + [.tab, .tab, .enter]
    guard case .vote(let ballot, _)? = press(&model, keys, now).first else {
      Issue.record("no vote")
      return
    }
    #expect(ballot.vote == .deny)
  }

  @Test func `keys typed ahead, pasted text and a change of the request decide nothing`()
    async throws
  {
    let world = try World()
    let review = try await review(world, risk: "low")
    var model = model(review, world)
    let early = world.clock.now.advanced(byMilliseconds: 100)
    #expect(press(&model, Array(repeating: .enter, count: 20), early) == [])
    var now = world.clock.now.advanced(bySeconds: 9)
    _ = press(&model, Array(repeating: .pageDown, count: 9) + [.tab, .tab] + text("pw"), now)
    #expect(press(&model, [.tab, .tab, .tab, .paste("\r\r\r")], now) == [])
    now = now.advanced(bySeconds: 1)
    let again = try await self.review(world, risk: "high")
    _ = model.update(.reviewLoaded(again, state: "pending", intent: .approve), at: now)
    guard case .review(let open)? = model.overlay else {
      Issue.record("the dialog closed")
      return
    }
    #expect(open.review.hold.digest == review.hold.digest)
    #expect(!open.passphrase.isEmpty, "another hold does not touch this dialog")
    // Expired meanwhile: the button is off.
    now = now.advanced(bySeconds: 3600)
    #expect(press(&model, [.enter], now) == [])
  }

  @Test func `an excluded person is told so and cannot approve`() async throws {
    let world = try World()
    _ = try await review(world)
    let hold = try #require(world.ledger.state.holds.values.first)
    let dossier = try #require(
      try world.ledger.database.read { try world.ledger.dossier(hold.digest, $0) })
    let mine = try HoldReview(
      hold: dossier.hold, decision: dossier.decision, holdIndex: dossier.index,
      payload: dossier.payload, state: world.ledger.state, voter: world.alice,
      now: world.clock.now)
    #expect(mine.objection?.hasPrefix("vote_excluded") == true)
  }

  @Test func `the payload shown is the payload the hold names`() async throws {
    let world = try World()
    _ = try await review(world)
    let hold = try #require(world.ledger.state.holds.values.first)
    let dossier = try #require(
      try world.ledger.database.read { try world.ledger.dossier(hold.digest, $0) })
    #expect(throws: StatementFault.self) {
      try HoldReview(
        hold: dossier.hold, decision: dossier.decision, holdIndex: dossier.index,
        payload: dossier.payload + [0x20], state: world.ledger.state, voter: world.bob,
        now: world.clock.now)
    }
  }

  @Test(arguments: [(0, 0), (1, 1), (20, 5), (60, 18), (80, 24), (100, 30), (300, 100)])
  func `every view and dialog draws at every size`(width: Int, height: Int) async throws {
    let world = try World()
    var model = model(try await review(world), world)
    let now = world.clock.now.advanced(bySeconds: 2)
    _ = model.update(.resized(width: width, height: height), at: now)
    #expect(Screen.draw(model).lines.count == height)
    _ = model.update(.key(.escape), at: now)
    for digit in "12345".unicodeScalars {
      _ = model.update(.key(.character(digit)), at: now)
      #expect(Screen.draw(model).lines.count == height)
    }
    _ = model.update(.key(.character("?")), at: now)
    #expect(Screen.draw(model).lines.count == height)
  }

  @Test func `random keys never vote or revoke without their dialog`() async throws {
    let world = try World()
    let review = try await review(world)
    var model = model(review, world)
    var random = SystemRandomNumberGenerator()
    let alphabet: [KeyPress] =
      text("axrLeWjkgGhlzqf/12345?nCRy \u{1B}") + [
        .enter, .escape, .tab, .backTab, .up, .down, .pageDown, .paste("approve\r"),
      ]
    var now = world.clock.now
    for _ in 0..<20_000 {
      now = now.advanced(byMilliseconds: 40)
      let key = alphabet[Int(random.next() % UInt64(alphabet.count))]
      let hadDialog =
        switch model.overlay {
        case .review, .revoke: true
        default: false
        }
      for effect in model.update(.key(key), at: now) {
        switch effect {
        case .vote, .revoke: #expect(hadDialog)
        case .loadReview:
          _ = model.update(.reviewLoaded(review, state: "pending", intent: .deny), at: now)
        default: break
        }
      }
    }
  }
}

@Suite struct GoldenScreenTests {
  private func sample() -> ConsoleModel {
    let now = Timestamp(milliseconds: 1_795_428_000_000)
    var model = ConsoleModel(
      session: Session(
        registry: "northgate", who: Principal("user:bob"), isReadOnly: false, isSolo: false),
      width: 80, height: 24, now: now)
    var snapshot = Snapshot()
    snapshot.size = 48_213
    snapshot.holds = [
      Snapshot.HoldItem(
        digest: Digest.sha256([1]), risk: .critical, agent: "agent:db-janitor",
        action: "schema.drop", resource: "db://ledger/v1", approvals: 1, places: 2,
        expires: now.advanced(bySeconds: 291), state: "pending", note: "needs you"),
      Snapshot.HoldItem(
        digest: Digest.sha256([2]), risk: .high, agent: "agent:deploy-bot-7", action: "deploy",
        resource: "prod://payments/\u{4F5C}\u{8005}\u{202E}", approvals: 0, places: 1,
        expires: now.advanced(bySeconds: 680), state: "pending", note: "needs you"),
    ]
    snapshot.decisions = [
      Snapshot.DecisionItem(
        index: 48_211, at: now.advanced(bySeconds: -9), agent: "agent:log-scout", action: "read",
        resource: "logs://northgate/api/errors", verdict: "allow", code: "allowed",
        rule: "production-guard.rego:18"),
      Snapshot.DecisionItem(
        index: 48_212, at: now.advanced(bySeconds: -2), agent: "agent:deploy-web",
        action: "deploy", resource: "prod://search/front", verdict: "deny", code: "not_granted",
        rule: ""),
    ]
    _ = model.update(.loaded(snapshot), at: now)
    return model
  }

  @Test(arguments: [
    ("approvals", "1", 80, 24), ("approvals", "1", 100, 30), ("decisions", "2", 80, 24),
  ])
  func `the screen is as recorded`(name: String, key: String, width: Int, height: Int) throws {
    var model = sample()
    let now = model.now
    _ = model.update(.resized(width: width, height: height), at: now)
    _ = model.update(.key(.character(key.unicodeScalars.first!)), at: now)
    let buffer = Screen.draw(model)
    let text = buffer.lines.map { "|\($0)|" }.joined(separator: "\n") + "\n"
    let file = SharedSuites.root.appendingPathComponent(
      "Tests/ConsoleTests/Screens/\(name)-\(width)x\(height).txt")
    if ProcessInfo.processInfo.environment["RECORD_SCREENS"] == "1" {
      try FileManager.default.createDirectory(
        at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try text.write(to: file, atomically: true, encoding: .utf8)
      Issue.record("recorded \(file.lastPathComponent)")
      return
    }
    let expected = try String(contentsOf: file, encoding: .utf8)
    #expect(text == expected, "\(name)\n\(text)")
  }
}
