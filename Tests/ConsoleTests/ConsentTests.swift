import Approvals
import Authority
import CanonicalJSON
import Cells
import Console
import Decisions
import Foundation
import Keys
import Registry
import Statements
import TestSupport
import Testing

/// The review dialog over real holds, with the clock of their world.
@Suite struct ConsentTests {
  private func review(
    _ world: World, risk: String = "critical", extra: String = "", voter: Principal? = nil
  ) async throws -> HoldReview {
    try world.publish(
      """
      package agent.authz
      require_approval if input.action == "deploy"
      approval := {"risk": "\(risk)"\(extra)}
      """)
    let authority = try world.authority()
    let answer = try await authority.decide(try world.action())
    try world.ledger.database.read { try world.ledger.catchUp($0) }
    return try again(world, try #require(answer.hold).digest, voter)
  }

  private func again(_ world: World, _ hold: Digest, _ voter: Principal? = nil) throws -> HoldReview
  {
    let dossier = try #require(
      try world.ledger.database.read { try world.ledger.dossier(hold, $0) })
    return try HoldReview(
      hold: dossier.hold, decision: dossier.decision, holdIndex: dossier.index,
      payload: dossier.payload, state: world.ledger.state, voter: voter ?? world.bob,
      now: world.clock.now)
  }

  private func consent(_ review: HoldReview, _ world: World) -> Consent {
    review.consent(
      leaning: .approve, beside: HoldSurroundings(), isBlind: false, at: world.clock.now)
  }

  private func model(
    _ consent: Consent, _ world: World, width: Int = 80, height: Int = 24
  ) -> ConsoleModel {
    var model = ConsoleModel(
      session: Session(registry: "test", who: world.bob), width: width, height: height,
      now: world.clock.now)
    _ = model.start()
    _ = model.update(.changed(RegistryStatus()), at: world.clock.now)
    _ = model.open(consent.request)
    _ = model.update(.consent(consent), at: world.clock.now)
    return model
  }

  private func press(
    _ model: inout ConsoleModel, _ keys: [KeyPress], _ now: Timestamp
  ) -> [Effect] {
    keys.flatMap { model.update(.key($0), at: now) }.filter {
      if case .remember = $0 { false } else { true }
    }
  }

  private func text(_ text: String) -> [KeyPress] { text.unicodeScalars.map(KeyPress.character) }
  private func dialog(_ model: ConsoleModel) throws -> ConsentModel {
    guard case .consent(let dialog)? = model.overlays.last else {
      Issue.record("no dialog: \(Screen.draw(model).lines.joined(separator: "\n"))")
      throw CancellationError()
    }
    return dialog
  }

  private let read = Array(repeating: KeyPress.pageDown, count: 12)

  @Test func `an approval takes reading it all, a reason, the name and the passphrase`()
    async throws
  {
    let world = try World()
    var model = model(consent(try await review(world), world), world)
    let now = world.clock.now.advanced(bySeconds: 2)
    let toApprove: [KeyPress] = Array(repeating: .tab, count: 6)
    // Straight to the button: nothing.
    #expect(press(&model, toApprove + [.enter], now) == [])
    #expect(press(&model, [.tab] + read, now) == [])
    #expect(press(&model, toApprove + [.enter], now) == [])
    let fill: [KeyPress] =
      [.tab, .tab] + text("INC-1") + [.tab] + text("prod://payments/api") + [.tab] + text("pw")
    #expect(press(&model, fill, now) == [])
    let effects = press(&model, [.tab, .tab, .tab, .enter], now)
    guard case .sign(let submission, let field)? = effects.first else {
      Issue.record("no vote: \(Screen.draw(model).lines.joined(separator: "\n"))")
      return
    }
    #expect(submission.button == "approve" && submission.input("reason") == "INC-1")
    #expect(!field.isEmpty)
    guard case .vote(let hold, _) = submission.request else {
      Issue.record("another request")
      return
    }
    #expect(submission.digest == hold.hex, "what is signed is what was shown")
    // While it signs, nothing acts.
    #expect(press(&model, [.enter, .tab, .enter, .character("q")], now) == [])
  }

  @Test(arguments: [(80, 24), (100, 30)])
  func `a review is as recorded`(size: (Int, Int)) async throws {
    let world = try World()
    let consent = consent(try await review(world), world)
    var model = model(consent, world, width: size.0, height: size.1)
    try Golden.expect(model, "review-\(size.0)x\(size.1)", hidesDigits: true)
    // Read to its end, its fields are there to fill.
    _ = press(&model, read, world.clock.now.advanced(bySeconds: 2))
    try Golden.expect(model, "review-read-\(size.0)x\(size.1)", hidesDigits: true)
  }

  @Test(arguments: [(60, 18), (60, 24), (80, 24), (100, 30), (300, 100)])
  func `whatever is focused, the buttons are on the screen`(size: (Int, Int)) async throws {
    let world = try World()
    let consent = consent(try await review(world), world)
    var model = model(consent, world, width: size.0, height: size.1)
    let now = world.clock.now.advanced(bySeconds: 2)
    func check(_ what: String) {
      let screen = Screen.draw(model).lines.joined(separator: "\n")
      for label in ["Cancel", "Deny", "Sign & approve"] {
        #expect(screen.contains(label), "\(what): \(screen)")
      }
    }
    check("at first")
    _ = press(&model, read, now)
    for step in 0..<8 {
      check("after \(step) Tab")
      _ = press(&model, [.tab], now)
      _ = press(&model, [.paste("something that does not decide")], now)
      check("after \(step) Tab and a paste")
    }
  }

  @Test func `what was let go does not open over what one does now`() async throws {
    let world = try World()
    let consent = consent(try await review(world), world)
    let now = world.clock.now
    var model = ConsoleModel(
      session: Session(registry: "test", who: world.bob), width: 80, height: 24, now: now)
    _ = model.start()
    _ = model.update(.changed(RegistryStatus()), at: now)
    for key in [KeyPress.character("8"), .character("j"), .character("/"), .escape, .paste("x")] {
      _ = model.update(.key(.character("2")), at: now)
      _ = model.open(consent.request)
      #expect(Screen.draw(model).lines.contains { $0.contains("opening") })
      _ = model.update(.key(key), at: now)
      // Esc lets go and does nothing else: it does not leave the list as well.
      #expect(model.view == (key == .character("8") ? .operators : .decisions), "\(key)")
      _ = model.update(.consent(consent), at: now)
      #expect(model.overlays.isEmpty, "\(key)")
      _ = model.update(.key(.escape), at: now)
    }
    // One that was closed does not come back by a late answer to its last refresh.
    _ = model.open(consent.request)
    _ = model.update(.consent(consent), at: now)
    #expect(model.overlays.count == 1)
    _ = model.update(.key(.escape), at: now)
    #expect(model.overlays.isEmpty, "Esc need not wait until keys count")
    _ = model.update(.consent(consent), at: now)
    #expect(model.overlays.isEmpty)
    // Nor does a document, nor a place in another list.
    let request = DocumentRequest.why(.decision(7))
    _ = model.update(.document(Document(request, title: "why", lines: [])), at: now)
    #expect(model.overlays.isEmpty)
    let view = model.view
    _ = model.update(.located(.agent("agent:a"), place: [.text("agent:a")], path: []), at: now)
    #expect(model.view == view)
  }

  @Test func `what was typed and not signed is said to be gone`() async throws {
    let world = try World()
    var model = model(consent(try await review(world, risk: "low"), world), world)
    let now = world.clock.now.advanced(bySeconds: 2)
    // It asks once; any other key goes on, and Enter answers without pressing anything.
    _ = press(&model, read + [.tab] + text("why") + [.tab] + text("pw") + [.escape], now)
    #expect(try dialog(model).isLeaving)
    #expect(Screen.draw(model).lines.joined().contains("Esc again leaves"))
    _ = press(&model, [.enter], now)
    #expect(try !dialog(model).isLeaving && dialog(model).focus == .passphrase)
    _ = press(&model, [.escape, .character("x")], now)
    #expect(try !dialog(model).isLeaving && dialog(model).fields[0].text == "why")
    _ = press(&model, [.escape, .escape], now)
    #expect(model.overlays.isEmpty)
    #expect(model.notice == "closed: nothing was signed")
  }

  @Test func `denying takes a reason and the passphrase only`() async throws {
    let world = try World()
    var model = model(consent(try await review(world), world), world)
    let now = world.clock.now.advanced(bySeconds: 2)
    let keys: [KeyPress] =
      [.tab] + text("no") + [.tab, .tab] + text("pw") + [.tab, .tab, .enter]
    guard case .sign(let submission, _)? = press(&model, keys, now).first else {
      Issue.record("no vote")
      return
    }
    #expect(submission.button == "deny")
  }

  @Test func `who comes to deny is asked for nothing else and can do nothing else`() async throws {
    let world = try World()
    let review = try await review(world)
    let consent = review.consent(
      leaning: .deny, beside: HoldSurroundings(), isBlind: false, at: world.clock.now)
    #expect(consent.buttons.map(\.name) == ["deny"])
    #expect(consent.inputs.map(\.name) == ["reason"])
    var model = model(consent, world)
    let now = world.clock.now.advanced(bySeconds: 2)
    let keys: [KeyPress] = text("no") + [.tab] + text("pw") + [.tab, .tab, .enter]
    guard case .sign(let submission, _)? = press(&model, keys, now).first else {
      Issue.record("no vote")
      return
    }
    #expect(submission.button == "deny")
  }

  @Test func `nothing is signed while the plan on the screen is not the one chosen`() async throws {
    let world = try World()
    func plan(_ choice: Int, _ until: String) -> Consent {
      Consent(
        request: .lock([.everything]), title: "Lock", heading: "DRY RUN",
        lines: [Line("", SafeText("plan \(choice) \(until)"))],
        choice: Consent.Choice("Lock", ["one", "two"], selected: choice),
        inputs: [Consent.Input("until", "Ends", note: "", kind: .plan, initial: until)],
        buttons: [Consent.Button("lock", "Lock", needs: [.key])], command: [])
    }
    var model = model(plan(0, "1h"), world)
    let now = world.clock.now.advanced(bySeconds: 2)
    let toButton: [KeyPress] = [.tab, .tab] + text("pw") + [.tab, .tab, .enter]
    #expect(
      press(&model, [.right], now) == [
        .consent(.lock([.everything]), choice: 1, inputs: ["until": "1h"])
      ])
    #expect(press(&model, toButton, now) == [])
    #expect(try dialog(model).notice.contains("not worked out"))
    _ = model.update(.consent(plan(1, "1h")), at: now)
    // A field the plan rests on, left by Tab: worked out first, then signed.
    _ = press(&model, [.backTab, .backTab, .backTab, .control("u")] + text("9h"), now)
    let left = press(&model, [.tab], now)
    #expect(left == [.consent(.lock([.everything]), choice: 1, inputs: ["until": "9h"])])
    #expect(press(&model, text("pw") + [.tab, .tab, .enter], now) == [])
    _ = model.update(.consent(plan(1, "9h")), at: now)
    _ = press(&model, [.backTab, .backTab] + text("pw"), now)
    guard case .sign(let submission, _)? = press(&model, [.tab, .tab, .enter], now).first else {
      Issue.record("no lock: \(try dialog(model).notice)")
      return
    }
    #expect(submission.choice == 1 && submission.input("until") == "9h")
  }

  @Test func `keys typed ahead and pasted text decide nothing`() async throws {
    let world = try World()
    var model = model(consent(try await review(world, risk: "low"), world), world)
    let early = world.clock.now.advanced(byMilliseconds: 100)
    #expect(press(&model, Array(repeating: .enter, count: 20), early) == [])
    let now = world.clock.now.advanced(bySeconds: 9)
    _ = press(&model, read + [.tab, .tab] + text("pw"), now)
    #expect(press(&model, [.tab, .tab, .tab, .paste("\r\r\r"), .paste("approve")], now) == [])
    #expect(try dialog(model).notice.contains("pasted text never decides"))
    // The passphrase's own Enter goes to the button of the action; held down, it does not press it.
    #expect(
      press(&model, [.backTab, .backTab, .backTab] + Array(repeating: .enter, count: 30), now) == []
    )
    #expect(try dialog(model).focus == .button(1))
    #expect(Screen.draw(model).lines.joined().contains("Input enabled in 0."))
    guard case .sign? = press(&model, [.enter], now.advanced(bySeconds: 1)).first else {
      Issue.record("a second press does not sign")
      return
    }
  }

  @Test func `a vote meanwhile returns to reading, says what changed, and loses nothing typed`()
    async throws
  {
    let world = try World()
    let carol = Principal.named("user:carol")
    try world.sign(
      .operatorEnrolled(
        OperatorEnrolled(
          principal: carol, key: try World.key(carol).publicKey, roles: [.approver],
          groups: ["sre"], mayGrant: [])))
    let first = try await review(
      world, risk: "high", extra: ", \"quorum\": [{\"any\": [\"sre\"], \"count\": 2}]")
    var model = model(consent(first, world), world)
    let now = world.clock.now.advanced(bySeconds: 2)
    _ = press(
      &model,
      read + [.tab] + text("why") + [.tab] + text("prod://payments/api") + [.tab] + text("pw"), now)
    #expect(try dialog(model).unread == 0)
    // The same again changes nothing.
    _ = model.update(.consent(consent(first, world)), at: now)
    #expect(try !dialog(model).passphrase.isEmpty)
    let before = try dialog(model)
    // Carol votes: the quorum stands otherwise.
    try world.ledger.sign(
      .approvalVoted(
        ApprovalVoted(hold: first.hold.digest, vote: .approve, reason: "", validUntil: nil)),
      by: carol, key: try World.key(carol), clock: world.clock.clock)
    _ = model.update(.consent(consent(try again(world, first.hold.digest), world)), at: now)
    let after = try dialog(model)
    #expect(!after.passphrase.isEmpty && after.fields[1].text == "prod://payments/api")
    #expect(after.fields[0].text == "why" && after.focus == .passphrase)
    #expect(after.scroll == before.scroll, "nothing moves by itself")
    // What is on the screen counts as read again; the rest is not.
    #expect(after.unread > 0, "it must be read again")
    #expect(
      after.notice
        == "Impact changed: quorum 0 of 2 -> 1 of 2 (user:carol), your approval does not complete it "
        + "-> completes the quorum; read it again")
    // No key takes it off the screen before 5 s.
    for seconds in [0, 1, 4] as [Int64] {
      _ = press(&model, [.tab, .backTab], now.advanced(bySeconds: seconds))
      #expect(Screen.draw(model).lines.joined().contains("Impact changed: quorum 0 of 2"))
    }
    // It can be completed: PgDn goes to what is unread.
    let later = now.advanced(bySeconds: 6)
    _ = press(&model, read, later)
    #expect(try dialog(model).unread == 0)
    _ = press(&model, [.enter], later)
    #expect(try dialog(model).focus == .button(1))
    guard case .sign? = press(&model, [.enter], later.advanced(bySeconds: 1)).first else {
      Issue.record("no vote: \(try dialog(model).notice)")
      return
    }
  }

  @Test func `after its deadline nothing can be pressed`() async throws {
    let world = try World()
    var model = model(consent(try await review(world, risk: "low"), world), world)
    let now = world.clock.now.advanced(bySeconds: 2)
    _ = press(&model, read + [.tab, .tab] + text("pw") + [.tab, .tab, .tab], now)
    let late = now.advanced(bySeconds: 3600)
    #expect(press(&model, [.enter], late) == [])
    #expect(try dialog(model).notice.contains("expired"))
  }

  @Test func `an unused passphrase is forgotten after a minute`() async throws {
    let world = try World()
    var model = model(consent(try await review(world, risk: "low"), world), world)
    let now = world.clock.now.advanced(bySeconds: 2)
    _ = press(&model, [.tab, .tab] + text("pw"), now)
    #expect(try !dialog(model).passphrase.isEmpty)
    _ = model.update(.tick, at: now.advanced(bySeconds: 61))
    #expect(try dialog(model).passphrase.isEmpty)
  }

  @Test func `suspending closes the dialog and forgets the passphrase`() async throws {
    let world = try World()
    var model = model(consent(try await review(world, risk: "low"), world), world)
    let now = world.clock.now.advanced(bySeconds: 2)
    _ = press(&model, [.tab, .tab] + text("pw"), now)
    let field = try dialog(model).passphrase
    #expect(press(&model, [.control("z")], now) == [.lockKey, .suspend])
    #expect(field.isEmpty && model.overlays.isEmpty)
  }

  @Test func `a wrong passphrase keeps the dialog, a lost race ends it and says to whom`()
    async throws
  {
    let world = try World()
    let review = try await review(world, risk: "low")
    var model = model(consent(review, world), world)
    let now = world.clock.now.advanced(bySeconds: 2)
    let keys: [KeyPress] = read + [.tab, .tab] + text("pw") + [.tab, .tab, .tab, .enter]
    let effects = press(&model, keys, now)
    guard case .sign(let submission, _)? = effects.first else {
      Issue.record("no vote")
      return
    }
    _ = model.update(
      .refused(submission.request, code: "key_wrong_passphrase", problem: "no", as: .retry),
      at: now)
    #expect(try dialog(model).focus == .passphrase)
    guard case .sign? = press(&model, text("x") + [.tab, .tab, .tab, .enter], now).first else {
      Issue.record("it cannot be tried again")
      return
    }
    let after = model.update(
      .refused(
        submission.request, code: "hold_denied",
        problem: "user:carol denied it at 10:00:04Z, before your vote", as: .final), at: now)
    #expect(after.contains(.follow(review.hold.digest)))
    let screen = Screen.draw(model).lines.joined(separator: "\n")
    #expect(screen.contains("nothing was recorded") && screen.contains("user:carol denied it"))
  }

  @Test func `after a vote the screen follows the hold`() async throws {
    let world = try World()
    let review = try await review(world, risk: "low")
    var model = model(consent(review, world), world)
    let now = world.clock.now.advanced(bySeconds: 2)
    _ = press(&model, read + [.tab, .tab] + text("pw") + [.tab, .tab, .tab, .enter], now)
    let effects = model.update(
      .signed(.vote(review.hold.digest, leaning: .approve), index: 12, outcome: "approved"), at: now
    )
    #expect(effects.contains(.follow(review.hold.digest)))
    _ = model.update(
      .progress(
        HoldProgress(
          hold: review.hold.digest, lines: [Line("released", "to the agent at 10:00:09Z")],
          isOver: false)), at: now)
    #expect(Screen.draw(model).lines.contains { $0.contains("recorded as log entry #12") })
    #expect(Screen.draw(model).lines.contains { $0.contains("to the agent at 10:00:09Z") })
    // The registry moves: it looks again, until it is over.
    #expect(
      model.update(.changed(RegistryStatus()), at: now).contains(.follow(review.hold.digest)))
    _ = model.update(
      .progress(HoldProgress(hold: review.hold.digest, lines: [], isOver: true)), at: now)
    #expect(
      !model.update(.changed(RegistryStatus()), at: now).contains(.follow(review.hold.digest)))
  }

  @Test(arguments: [(60, 18), (80, 24), (120, 40)])
  func `a review says what an approval means while its service does not run`(
    width: Int, height: Int
  ) async throws {
    let world = try World()
    let consent = try await consent(review(world), world)
    var model = model(consent, world, width: width, height: height)
    let now = world.clock.now
    let stopped = ServiceReport(name: "gateway-1", state: .stopped(at: now, by: "SIGTERM"))
    _ = model.update(.services([stopped]), at: now)
    func screen() -> String {
      // Wrapped lines as one text.
      Screen.draw(model).lines.map { $0.trimmingCharacters(in: .whitespaces) }
        .joined(separator: " ")
    }
    let end = now.advanced(bySeconds: 300).clock.dropLast(4)
    #expect(screen().contains("gateway-1 stopped at \(now.clock.dropLast()) by SIGTERM:"))
    #expect(
      screen().contains("an approval is recorded now and released when the service runs again"),
      "\(screen())")
    #expect(screen().contains("before \(end) if signed now"), "\(screen())")
    #expect(screen().contains("Sign & approve"), "and the buttons stay on the screen")
    // It binds nothing: what was read and typed stays.
    let seen = try dialog(model).rowsSeen
    _ = model.update(.services([ServiceReport(name: "gateway-1", state: .deciding)]), at: now)
    #expect(!screen().contains("an approval is recorded now"))
    #expect(try dialog(model).rowsSeen >= seen)
  }

  @Test func `after a vote it is said what the service's absence means for it`() async throws {
    let world = try World()
    let review = try await review(world, risk: "low")
    var model = model(consent(review, world), world)
    let now = world.clock.now.advanced(bySeconds: 2)
    _ = press(&model, read + [.tab, .tab] + text("pw") + [.tab, .tab, .tab, .enter], now)
    let lost = ServiceReport(name: "gateway-1", state: .unreachable(since: now))
    _ = model.update(.services([lost]), at: now)
    _ = model.update(
      .signed(.vote(review.hold.digest, leaning: .approve), index: 12, outcome: "approved"), at: now
    )
    let screen = Screen.draw(model).lines.joined(separator: " ")
    #expect(screen.contains("gateway-1 has been unreachable since"), "\(screen)")
    #expect(screen.contains("within 5m of the quorum"), "\(screen)")
    _ = model.update(
      .progress(HoldProgress(hold: review.hold.digest, lines: [], isOver: true)), at: now)
    #expect(!Screen.draw(model).lines.joined().contains("an approval is recorded now"))
  }

  @Test func `earlier reasons come back with Up`() async throws {
    let world = try World()
    var model = model(consent(try await review(world, risk: "low"), world), world)
    var settings = Settings()
    settings.memory.note(reason: "older")
    settings.memory.note(reason: "newer")
    model = ConsoleModel(
      session: Session(registry: "test", who: world.bob), settings: settings, width: 80,
      height: 24, now: world.clock.now)
    let asked = consent(try await review(world, risk: "low"), world)
    _ = model.open(asked.request)
    _ = model.update(.consent(asked), at: world.clock.now)
    let now = world.clock.now.advanced(bySeconds: 2)
    _ = press(&model, [.tab] + text("mine") + [.up], now)
    #expect(try dialog(model).fields[0].text == "newer")
    _ = press(&model, [.up], now)
    #expect(try dialog(model).fields[0].text == "older")
    _ = press(&model, [.down, .down], now)
    #expect(try dialog(model).fields[0].text == "mine")
  }

  @Test func `an open key asks for no passphrase, and shows that it is open`() async throws {
    let world = try World()
    var model = model(consent(try await review(world, risk: "low"), world), world)
    let now = world.clock.now.advanced(bySeconds: 2)
    _ = model.update(.keyState(.unlocked(until: now.advanced(bySeconds: 30))), at: now)
    #expect(Screen.draw(model).lines[0].contains("KEY OPEN 30s"))
    guard case .sign? = press(&model, read + [.tab, .tab, .tab, .tab, .enter], now).first else {
      Issue.record("no vote: \(Screen.draw(model).lines.joined(separator: "\n"))")
      return
    }
    // Past its time it is closed, and says so.
    let late = now.advanced(bySeconds: 31)
    #expect(model.update(.tick, at: late).contains(.lockKey))
    #expect(Screen.draw(model).lines[0].contains("key locked"))
  }

  @Test func `an excluded person is told so and cannot approve, but may deny`() async throws {
    let world = try World()
    let mine = try await review(world, voter: world.alice)
    #expect(mine.objection?.hasPrefix("vote_excluded") == true)
    #expect(mine.denyObjection == nil)
  }

  @Test func `the payload shown is the payload the hold names`() async throws {
    let world = try World()
    let good = try await review(world)
    let dossier = try #require(
      try world.ledger.database.read { try world.ledger.dossier(good.hold.digest, $0) })
    #expect(throws: StatementFault.self) {
      try HoldReview(
        hold: dossier.hold, decision: dossier.decision, holdIndex: dossier.index,
        payload: dossier.payload + [0x20], state: world.ledger.state, voter: world.bob,
        now: world.clock.now)
    }
  }

  @Test func `what was read stays read at any width, and jumping to the end skips nothing`()
    async throws
  {
    let world = try World()
    let warnings = (1...14).map { "\"warning \($0)\"" }.joined(separator: ", ")
    let review = try await review(world, extra: ", \"warnings\": [\(warnings)]")
    var model = model(consent(review, world), world)
    let now = world.clock.now.advanced(bySeconds: 2)
    _ = press(&model, [.character("G")], now)
    #expect(try dialog(model).rowsSeen < dialog(model).rowCount)
    _ = press(&model, [.character("g")] + read, now)
    #expect(try dialog(model).unread == 0)
    for (width, height) in [(120, 40), (80, 24), (60, 18), (10, 3), (300, 100), (80, 24)] {
      _ = model.update(.resized(width: width, height: height), at: now)
      #expect(try dialog(model).unread == 0, "\(width)x\(height)")
    }
  }

  @Test func `what a narrow screen did not show is unread at every width`() async throws {
    let world = try World()
    var model = model(consent(try await review(world), world), world, width: 60, height: 18)
    let now = world.clock.now.advanced(bySeconds: 2)
    // Too small to show anything: nothing counts as read.
    _ = model.update(.resized(width: 10, height: 3), at: now)
    let few = try dialog(model).unread
    #expect(press(&model, read + [.enter], now) == [])
    #expect(try dialog(model).unread == few && few > 0)
    #expect(Screen.draw(model).lines.joined().contains("needs"))
  }

  @Test(arguments: [
    (0, 0), (1, 1), (20, 5), (59, 18), (60, 18), (80, 24), (100, 30), (140, 40), (300, 100),
  ])
  func `every view and dialog draws at every size`(width: Int, height: Int) async throws {
    let world = try World()
    var model = model(consent(try await review(world), world), world)
    let now = world.clock.now.advanced(bySeconds: 2)
    _ = model.update(.resized(width: width, height: height), at: now)
    #expect(Screen.draw(model).lines.count == height)
    _ = model.update(.key(.escape), at: now)
    for digit in "1234567890".unicodeScalars {
      _ = model.update(.key(.character(digit)), at: now)
      #expect(Screen.draw(model).lines.count == height)
    }
    for key in ["?", ":", "/"].map({ KeyPress.character($0.unicodeScalars.first!) }) {
      _ = model.update(.key(key), at: now)
      #expect(Screen.draw(model).lines.count == height)
      _ = model.update(.key(.escape), at: now)
    }
  }

  @Test func `the whole approve and deny job fits 60x18`() async throws {
    let world = try World()
    var model = model(consent(try await review(world), world), world, width: 60, height: 18)
    let now = world.clock.now.advanced(bySeconds: 2)
    let screen = Screen.draw(model).lines.joined(separator: "\n")
    for words in [
      "YOU SIGN", "Reason", "Resource", "Passphrase", "Cancel", "Deny", "Sign & approve",
    ] {
      #expect(screen.contains(words), "\(words)\n\(screen)")
    }
    let keys: [KeyPress] =
      Array(repeating: .pageDown, count: 30) + [.tab] + text("INC") + [.tab]
      + text("prod://payments/api") + [.tab] + text("pw") + [.tab, .tab, .tab, .enter]
    guard case .sign? = press(&model, keys, now).first else {
      Issue.record("no vote\n\(Screen.draw(model).lines.joined(separator: "\n"))")
      return
    }
  }

  /// A million of these run in `scripts/soak`.
  @Test func `random keys never sign without their dialog, nor act without being asked`()
    async throws
  {
    let world = try World()
    let consent = consent(try await review(world), world)
    let seed = UInt64.random(in: 0...UInt64.max)
    print("random keys: seed \(seed)")
    var walk = RandomWalk(
      consent: consent, session: Session(registry: "test", who: world.bob), seed: seed,
      now: world.clock.now)
    let found = walk.run(10_000)
    #expect(found == [], "seed \(seed)")
  }
}
