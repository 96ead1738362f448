import Authority
import CanonicalJSON
import Cells
import Decisions
import Foundation
import Keys
import Registry
import Statements
import TestSupport
import Testing

@testable import Commands
@testable import Console

/// What a dialog does when what it is about changes under it.
@Suite struct BusyDialogTests {
  private let alice = Principal.named("user:alice")
  private let dave = Principal.named("user:dave")

  private func revoking() throws -> (desk: Desk, key: Fingerprint) {
    let desk = try Desk(voter: alice, admins: [dave])
    let key = try World.key(desk.world.bot).publicKey.fingerprint
    desk.open(.revokeKey(key.digest))
    return (desk, key)
  }

  @Test func `an agent that is hit besides is named, and one key acknowledges it`() throws {
    let (desk, key) = try revoking()
    desk.press(.enter)
    desk.type("\(key.short)")
    desk.press(.enter)
    desk.type("secret")
    let before = try #require(desk.dialog)
    try desk.delegate(to: "late")
    desk.moved()
    desk.answer()
    let after = try #require(desk.dialog)
    #expect(after.unacknowledged == "agent:late loses all access")
    #expect(desk.screen.contains("Impact changed (C-o acknowledges): agent:late loses all access"))
    #expect(after.focus == before.focus && after.fields == before.fields)
    #expect(!after.passphrase.isEmpty)
    // Until then the button signs nothing.
    desk.press(.enter)
    desk.press(.enter)
    #expect(desk.signed.isEmpty && desk.dialog?.focus == .button(0))
    #expect(desk.screen.contains("acknowledge the impact (C-o)"), "\(desk.screen)")
    desk.press(ConsentModel.acknowledgeKey)
    #expect(desk.dialog?.unacknowledged == nil)
    desk.press(.enter)
    #expect(desk.signed.last?.passphrase == "secret" && desk.signed.last?.entry != nil)
    #expect(desk.wrong == [])
  }

  @Test func `a key that delegates at every key press does not delay its own revocation`() throws {
    let (desk, key) = try revoking()
    var count = 0
    desk.beforeKey = {
      count += 1
      try desk.delegate(to: "sub-\(count)")
      desk.moved()
      desk.answer()
    }
    desk.press(.enter)
    desk.type("\(key.short)")
    desk.press(.enter)
    desk.type("secret")
    desk.press(.enter)
    desk.press(ConsentModel.acknowledgeKey)
    desk.press(.enter)
    #expect(desk.signed.last?.entry != nil, "\(desk.screen)")
    #expect(desk.wrong == [] && desk.keys <= 10)
  }

  /// Types all that a dialog asks for, and presses its button until it signs or refuses.
  private func sign(_ desk: Desk) throws {
    for _ in 0..<40 where desk.dialog?.steps.isOpen == true && desk.signed.isEmpty {
      let dialog = try #require(desk.dialog)
      if dialog.unread > 0 {
        desk.press(.pageDown)
      } else if dialog.focus == .passphrase, dialog.passphrase.isEmpty {
        desk.type("secret")
      } else {
        desk.press(.enter)
      }
    }
  }

  @Test
  func `another key that the agent asks for meanwhile is not signed in the place of the one shown`()
    async throws
  {
    let desk = try Desk(voter: alice, admins: [dave])
    let old = try World.key(desk.world.bot)
    func ask(_ name: String) async throws {
      let next = try SigningKey.derived(from: name)
      let draft = try desk.world.ledger.draft(
        .keyRequested(
          KeyRequested(
            holder: desk.world.bot, key: next.publicKey, replaces: old.publicKey.fingerprint,
            note: "next")), by: desk.world.bot, at: desk.world.clock.now)
      _ = try await desk.authority.admit(
        draft.envelope(try draft.signature(by: next), try draft.signature(by: old)),
        from: UInt32(name.utf8.count))
      try desk.world.ledger.database.read { try desk.world.ledger.catchUp($0) }
    }
    try await ask("shown")
    desk.open(.rotate(old.publicKey.fingerprint.digest))
    // The dialog has not looked again since.
    try await ask("another")
    try sign(desk)
    #expect(desk.signed.isEmpty)
    desk.answer()
    #expect(desk.dialog?.steps.isOpen == true)
    #expect(desk.screen.contains("shown_differs"), "\(desk.screen)")
  }

  @Test func `a vote counted since the text was shown is read before another is signed`()
    async throws
  {
    let desk = try Desk(voter: .named("user:bob"))
    let hold = try #require(try await desk.hold())
    desk.open(.vote(hold, leaning: .approve))
    try desk.world.vote(.approve, on: hold, by: desk.sre[0])
    try sign(desk)
    #expect(desk.signed.isEmpty)
    desk.answer()
    #expect(desk.dialog?.passphrase.isEmpty == false, "nothing that was typed is lost")
    #expect(desk.screen.contains("shown_differs"), "\(desk.screen)")
    // Read again, it is signed.
    desk.moved()
    desk.answer()
    #expect(desk.dialog?.consent.basis.contains { $0.value.contains("1 of 2") } == true)
  }

  @Test func `the lock that is lifted is named by the verified log, not by a row`() throws {
    let desk = try Desk(voter: alice, admins: [dave])
    let lock = try desk.world.sign(
      .lockPlaced(LockPlaced(target: .agent(desk.world.bot), reason: "x", until: nil)))
    try RawSQL.execute(
      """
      UPDATE lock SET target = '{"kind":"agent","value":"agent:harmless"}', placer = 'user:nobody'
      """, in: desk.world.path)
    desk.open(.lift(lock))
    #expect(desk.screen.contains(desk.world.bot.description), "\(desk.screen)")
    #expect(!desk.screen.contains("harmless") && !desk.screen.contains("nobody"), "\(desk.screen)")
  }

  @Test func `a denial stands whatever others vote meanwhile`() async throws {
    let desk = try Desk(voter: .named("user:bob"))
    let hold = try #require(try await desk.hold())
    desk.open(.vote(hold, leaning: .deny))
    desk.type("not tonight")
    try desk.world.vote(.approve, on: hold, by: desk.sre[0])
    try sign(desk)
    #expect(desk.signed.first?.entry != nil, "\(desk.screen)")
  }

  @Test func `a quorum that can no longer be reached is named`() async throws {
    // Bob, Carol, Dave and Erin may approve; two must.
    let desk = try Desk(voter: alice, admins: [dave])
    let erin = try World.key(.named("user:erin")).publicKey.fingerprint
    _ = try await desk.hold()
    desk.open(.revokeKey(erin.digest))
    #expect(desk.dialog?.consent.impact.quorums == [])
    try desk.world.sign(
      .keyRevoked(
        KeyRevoked(
          key: try World.key(desk.world.bob).publicKey.fingerprint, reason: .retired,
          compromisedSince: nil, note: "x")), by: dave)
    try desk.world.sign(
      .lockPlaced(
        LockPlaced(
          target: .key(try World.key(dave).publicKey.fingerprint), reason: "x",
          until: desk.world.clock.now.advanced(bySeconds: 600))))
    desk.moved()
    desk.answer()
    #expect(
      desk.dialog?.unacknowledged?.contains("the quorum 2 of sre can no longer be reached") == true,
      "\(desk.dialog?.unacknowledged ?? "") \(desk.dialog?.consent.impact.quorums ?? [])")
  }

  @Test func `a key that another revokes says by whom, and what was typed stays`() throws {
    let (desk, key) = try revoking()
    desk.press(.tab)
    desk.press(.tab)
    desk.press(.control("u"))
    desk.type("leaked on build-02")
    try desk.world.sign(
      .keyRevoked(KeyRevoked(key: key, reason: .retired, compromisedSince: nil, note: "x")),
      by: dave)
    desk.moved()
    desk.answer()
    let ended = try #require(desk.dialog?.consent.ended)
    #expect(
      ended.wholeMatch(of: /revoked by user:dave at 20\d\d-\d\d-\d\dT[0-9:]+Z/) != nil, "\(ended)")
    #expect(
      desk.screen.contains("leaked on build-02") && desk.screen.contains("revoked by user:dave"))
    for _ in 0..<8 {
      desk.press(.tab)
      if case .button? = desk.dialog?.focus { desk.press(.enter) }
    }
    #expect(desk.signed.isEmpty && desk.wrong == [])
    desk.press(.escape)
    #expect(desk.dialog?.isLeaving == true)
    desk.press(.escape)
    #expect(desk.dialog == nil)
  }

  @Test func `a plan that cannot be worked out says why, and is worked out once it can`() throws {
    let (desk, _) = try revoking()
    desk.press(.tab)
    desk.press(.control("u"))
    desk.type("yesterday")
    // The registry moves while it is typed: that says nothing of it.
    try desk.delegate(to: "late")
    desk.moved()
    desk.answer()
    #expect(desk.dialog?.planProblem == nil && desk.dialog?.fields[0].text == "yesterday")
    desk.press(.tab)
    desk.answer()
    #expect(desk.dialog?.planProblem?.contains("time_malformed") == true)
    desk.press(.backTab)
    desk.press(.control("u"))
    desk.type("2h")
    desk.press(.tab)
    desk.answer()
    #expect(desk.dialog?.planProblem == nil && desk.dialog?.isPlanStale == false)
    // Understood as a time, which no longer moves with the clock.
    #expect(desk.dialog?.fields[0].text.hasSuffix("Z") == true)
    #expect(desk.wrong == [])
  }

  @Test func `a lock can be placed over a review, which stays as it was`() async throws {
    let desk = try Desk(voter: .named("user:bob"))
    let hold = try #require(try await desk.hold())
    desk.open(.vote(hold, leaning: .deny))
    desk.type("not tonight")
    desk.press(.backTab)
    desk.press(.character("L"))
    desk.answer()
    #expect(
      desk.dialog?.consent.request == .lock([.agent(desk.world.bot)])
        || desk.screen.contains("Lock"))
    for _ in 0..<2 { desk.press(.escape) }
    #expect(desk.dialog?.consent.request == .vote(hold, leaning: .deny))
    #expect(desk.dialog?.fields[0].text == "not tonight")
    // A word of the command line does not leave it behind either.
    desk.press(.character(":"))
    desk.type("decisions")
    desk.press(.enter)
    #expect(desk.dialog?.fields[0].text == "not tonight")
    #expect(desk.screen.contains("Esc leaves the dialog first"))
  }

  @Test func `who may not act is told who may, and what they can do instead`() async throws {
    let desk = try Desk(voter: alice, admins: [dave])
    let hold = try #require(try await desk.hold())
    let erin = try World.key(.named("user:erin")).publicKey.fingerprint
    try desk.world.sign(
      .lockPlaced(
        LockPlaced(
          target: .key(erin), reason: "x", until: desk.world.clock.now.advanced(bySeconds: 600))))
    desk.moved()
    // Alice owns the agent.
    desk.open(.vote(hold, leaning: .approve))
    let words = desk.screen
    #expect(
      words.contains(
        "Who may    user:bob, user:carol, user:dave, user:erin (key locked); you can"),
      "\(words)")
    let other = try Desk(voter: .named("user:bob"))
    other.open(.revokeKey(try World.key(other.world.bot).publicKey.fingerprint.digest))
    let button = try #require(other.dialog?.consent.buttons.first)
    #expect(
      button.objection == "an admin must sign it: user:alice; you can lock (L) meanwhile")
    let lock = try other.world.sign(
      .lockPlaced(LockPlaced(target: .everything, reason: "x", until: nil)))
    other.press(.escape)
    other.moved()
    other.open(.lift(lock))
    #expect(
      other.dialog?.consent.buttons.first?.objection
        == "lifting everything takes an admin: user:alice")
  }
}
