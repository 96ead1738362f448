import Approvals
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

/// Every dialog while the registry changes under it at random: nothing typed is lost, only keys move the
/// focus, nothing is signed that was not shown, and the dialog can be completed.
@Suite struct DialogLawTests {
  private enum Kind: String, CaseIterable {
    case approve, approveCritical, deny, denyAll, revokeKey, revokeGrant, lock, lift, proposal, owed
    case reviews, keyRequest, activate, command
  }

  /// A registry in which a dialog of this kind can be opened, and its request.
  private func scene(_ kind: Kind) async throws -> (desk: Desk, request: ConsentRequest) {
    let alice = Principal.named("user:alice")
    let dave = Principal.named("user:dave")
    switch kind {
    case .approve, .approveCritical, .deny:
      let desk = try Desk(voter: .named("user:bob"))
      let hold = try #require(
        try await desk.hold(risk: kind == .approveCritical ? "critical" : nil))
      return (desk, .vote(hold, leaning: kind == .deny ? .deny : .approve))
    case .denyAll:
      let desk = try Desk(voter: .named("user:bob"))
      var holds: [Digest] = []
      for _ in 0..<4 { holds.append(try #require(try await desk.hold())) }
      return (desk, .denyAll(holds))
    case .revokeKey:
      let desk = try Desk(voter: alice, admins: [dave])
      return (desk, .revokeKey(try World.key(desk.world.bot).publicKey.fingerprint.digest))
    case .revokeGrant:
      let desk = try Desk(voter: alice, admins: [dave])
      return (desk, .revokeGrant(desk.world.grant))
    case .lock:
      let desk = try Desk(voter: alice, admins: [dave])
      return (desk, .lock([.agent(desk.world.bot), .everything]))
    case .lift:
      let desk = try Desk(voter: alice, admins: [dave])
      let lock = try desk.world.sign(
        .lockPlaced(LockPlaced(target: .agent(desk.world.bot), reason: "x", until: nil)),
        by: desk.world.bob)
      return (desk, .lift(lock))
    case .proposal:
      let desk = try Desk(voter: alice, admins: [dave, .named("user:mallory")], quorum: 2)
      let policy = try publish(desk)
      let opened = try desk.world.sign(
        .policyActivated(PolicyActivated(policy: policy)), by: dave, alone: true)
      return (desk, .proposal(opened))
    case .owed, .reviews:
      let desk = try Desk(voter: alice, admins: [dave])
      for _ in 0..<(kind == .owed ? 1 : 3) {
        try await desk.decide(on: "stage://payments/api")
      }
      try desk.revokeAsCompromised(by: dave)
      let group = try #require(
        try desk.world.ledger.database.read { try $0.reviewGroups(all: false).first })
      return (desk, kind == .owed ? .owed(group.rows[0].subject) : .reviews(group.id))
    case .keyRequest:
      let desk = try Desk(voter: alice, admins: [dave])
      let key = try SigningKey.derived(from: "asked for")
      let draft = try desk.world.ledger.draft(
        .keyRequested(
          KeyRequested(holder: desk.world.bot, key: key.publicKey, replaces: nil, note: "please")),
        by: desk.world.bot, at: desk.world.clock.now)
      let envelope = try draft.signed(by: key)
      _ = try await desk.authority.admit(envelope)
      try desk.world.ledger.database.read { try desk.world.ledger.catchUp($0) }
      return (desk, .keyRequest(envelope.digest))
    case .activate:
      let desk = try Desk(voter: alice, admins: [dave])
      return (desk, .activate(try publish(desk)))
    case .command:
      let desk = try Desk(voter: alice)
      return (desk, .command(["agent", "retire", desk.world.bot.description, "--reason", "x"]))
    }
  }

  private func publish(_ desk: Desk) throws -> Digest {
    let text = Array((Desk.policy + "\n# another\n").utf8)
    return try desk.world.sign(
      .policyPublished(
        PolicyPublished(
          name: "other", version: 1,
          modules: [PolicyPublished.Module(file: "test.rego", digest: Digest.sha256(text))],
          data: nil)), bodies: [text])
  }

  /// Does something in the registry that others do; seldom what ends the dialog's own target.
  private func change(
    _ desk: Desk, _ request: ConsentRequest, _ random: inout SeededRandom
  ) async {
    let world = desk.world
    switch random.below(100) {
    case 0..<25: _ = try? await desk.hold()
    case 25..<45: try? desk.delegate(to: "sub-\(random.below(1_000_000))")
    case 45..<60:
      if case .vote(let hold, _) = request {
        let person = desk.sre[random.below(2)]
        if random.below(2) == 0 {
          try? world.vote(.approve, on: hold, by: person)
        } else {
          _ = try? world.sign(
            .approvalWithdrawn(ApprovalWithdrawn(hold: hold, reason: "wait")), by: person)
        }
      }
    case 60..<75:
      if let lock = world.ledger.state.locks.keys.sorted().first, request != .lift(lock) {
        _ = try? world.sign(.lockLifted(LockLifted(lock: lock, reason: "x")))
      } else {
        _ = try? world.sign(
          .lockPlaced(
            LockPlaced(
              target: .resource("stage://payments/**"), reason: "x",
              until: world.clock.now.advanced(bySeconds: 600))))
      }
    case 75..<82: try? world.publish(Desk.policy + "\n# \(random.below(1000))\n")
    case 82..<98: _ = try? await desk.authority.decide(try world.action(on: "stage://payments/x"))
    default: end(desk, request)
    }
    desk.moved()
  }

  private func end(_ desk: Desk, _ request: ConsentRequest) {
    let (world, dave) = (desk.world, Principal.named("user:dave"))
    switch request {
    case .vote(let hold, _): try? world.vote(.deny, on: hold, by: desk.sre[0])
    case .denyAll(let holds):
      for hold in holds { try? world.vote(.deny, on: hold, by: desk.sre[0]) }
    case .revokeKey(let key):
      _ = try? world.sign(
        .keyRevoked(
          KeyRevoked(
            key: Fingerprint(digest: key), reason: .retired, compromisedSince: nil, note: "x")),
        by: dave)
    case .revokeGrant(let grant):
      _ = try? world.sign(.grantRevoked(GrantRevoked(grant: grant, reason: "x")), by: dave)
    case .lift(let lock):
      _ = try? world.sign(.lockLifted(LockLifted(lock: lock, reason: "x")), by: dave)
    case .proposal(let proposal):
      _ = try? world.sign(
        .proposalRejected(ProposalRejected(proposal: proposal, reason: "x")), by: dave)
    case .owed, .reviews:
      let rows =
        (try? world.ledger.database.read { try $0.reviewGroups(all: false).first?.rows }) ?? []
      let subjects = rows.map {
        ReviewCompleted.Subject($0.subject, index: Int64($0.index))
      }
      _ = try? world.sign(
        .reviewCompleted(ReviewCompleted(subjects, outcome: .justified, note: "x")), by: dave)
    case .activate(let policy):
      _ = try? world.sign(.policyActivated(PolicyActivated(policy: policy)), by: dave)
    case .keyRequest(let asked):
      guard let key = try? SigningKey.derived(from: "asked for") else { return }
      _ = try? world.sign(
        .keyEnrolled(
          KeyEnrolled(
            holder: world.bot, key: key.publicKey, notBefore: nil, notAfter: nil, request: asked)),
        by: dave)
    case .lock, .rotate, .command: break
    }
  }

  private static let anyKey: [KeyPress] =
    "abcxyz 19-kjGg".unicodeScalars.map(KeyPress.character)
    + [
      .tab, .tab, .tab, .backTab, .enter, .enter, .up, .down, .left, .right, .pageDown, .pageUp,
      .backspace, .control("u"), .control("o"), .paste("pasted\r"), .end, .home,
    ]

  /// What a walk came to.
  private enum End: Sendable { case signed, ended, notPermitted, left }

  private func walk(_ kind: Kind, _ random: inout SeededRandom) async throws -> End {
    let (desk, request) = try await scene(kind)
    desk.open(request)
    try #require(desk.dialog != nil, "\(kind): \(desk.screen)")
    /// Presses a key; now and then the registry changes first, and some answers come late.
    func press(_ key: KeyPress) async {
      if random.below(5) == 0 { await change(desk, request, &random) }
      if random.below(20) == 0 { desk.pass(milliseconds: Int64(random.below(3000))) }
      desk.answer(random.below(4))
      desk.press(key)
    }
    for _ in 0..<40 where desk.dialog?.steps.isOpen == true {
      await press(Self.anyKey[random.below(Self.anyKey.count)])
    }
    // Now on purpose, while the registry goes on changing.
    for _ in 0..<200 {
      desk.answer()
      guard let dialog = desk.dialog, dialog.steps.isOpen, dialog.consent.request == request else {
        break
      }
      if let ended = dialog.consent.ended {
        // The walk may have been asked whether to leave; any key goes on.
        if dialog.isLeaving { desk.press(.tab) }
        #expect(desk.screen.contains("Nothing more to sign"), "\(desk.screen)")
        // What was typed stays to be read, and the button is off.
        for (index, input) in dialog.consent.inputs.enumerated() where input.kind == .reason {
          let text = dialog.fields[index].text
          guard !text.isEmpty else { continue }
          #expect(desk.screen.contains(SafeText(String(text.suffix(12))).text), "\(text) \(ended)")
        }
        let before = desk.signed.count
        for _ in 0..<12 {
          desk.press(.tab)
          desk.press(.enter)
        }
        if desk.dialog != nil { desk.press(.escape) }
        if desk.dialog != nil { desk.press(.escape) }
        #expect(desk.dialog == nil && desk.signed.count == before)
        return .ended
      }
      let button = dialog.consent.buttons[try #require(dialog.action)]
      if button.objection != nil {
        desk.press(.escape)
        desk.press(.escape)
        #expect(desk.dialog == nil)
        return .notPermitted
      }
      try await step(dialog, button, desk, press)
    }
    desk.answer()
    #expect(desk.wrong == [], "\(kind)")
    check(desk, kind)
    guard let signed = desk.signed.last else {
      if desk.dialog == nil { return .left }
      Issue.record("\(kind) was not completed:\n\(desk.screen)")
      return .left
    }
    return signed.entry == nil && kind != .command ? .ended : .signed
  }

  /// The next thing that is missing, as a person would do it.
  private func step(
    _ dialog: ConsentModel, _ button: Consent.Button, _ desk: Desk,
    _ press: (KeyPress) async -> Void
  ) async throws {
    func focus(_ wanted: ConsentModel.Focus) async {
      for _ in 0..<20 where desk.dialog?.focus != wanted { await press(.tab) }
    }
    if dialog.unacknowledged != nil { return await press(ConsentModel.acknowledgeKey) }
    if button.needs.contains(.read), dialog.unread > 0 { return await press(.pageDown) }
    for (index, input) in dialog.consent.inputs.enumerated() {
      let wanted: String
      switch input.kind {
      case .reason: wanted = "because"
      case .name(let name): wanted = name
      case .plan: wanted = input.name == "until" ? "2h" : "3h"
      case .text: continue
      }
      guard dialog.fields[index].text != wanted else { continue }
      if input.kind == .plan, !dialog.isPlanStale { continue }
      await focus(.input(index))
      guard desk.dialog?.focus == .input(index) else { return }
      await press(.control("u"))
      for scalar in wanted.unicodeScalars { await press(.character(scalar)) }
      return await press(.tab)
    }
    if button.needs.contains(.finding), dialog.choice < 0 {
      await focus(.choice)
      return await press(.right)
    }
    if dialog.needsPassphrase {
      await focus(.passphrase)
      await press(.control("u"))
      for scalar in "secret".unicodeScalars { await press(.character(scalar)) }
    }
    await press(.enter)
    desk.answer()
    for _ in 0..<3 where desk.dialog?.steps.isOpen == true {
      guard case .button(let index)? = desk.dialog?.focus, index == dialog.action else {
        break
      }
      await press(.enter)
    }
  }

  /// Whatever was signed was on the screen, as it was then.
  private func check(_ desk: Desk, _ kind: Kind) {
    for one in desk.signed {
      let (dialog, submission) = (one.shown, one.submission)
      let consent = dialog.consent
      #expect(!dialog.isPlanStale && consent.ended == nil && dialog.unacknowledged == nil)
      #expect(submission.digest == consent.digest)
      if consent.choice?.isFinding == true {
        #expect(consent.choice?.options.indices.contains(submission.choice) == true)
      } else {
        #expect(submission.choice == consent.choice?.selected ?? 0)
      }
      if let button = consent.buttons.first(where: { $0.name == submission.button }) {
        #expect(button.objection == nil)
        #expect(!button.needs.contains(.read) || dialog.unread == 0, "\(kind)")
      }
      guard let body = one.entry else { continue }
      switch (submission.request, body) {
      case (.revokeKey(let key), .keyRevoked(let said)):
        #expect(said.key.digest == key && said.note.text == submission.input("reason"))
        let since = consent.choice?.selected == Plans.Cascade.since.rawValue
        #expect(
          since
            ? said.compromisedSince?.textToSeconds == consent.inputs[0].initial
            : said.compromisedSince == nil)
      case (.lock, .lockPlaced(let said)): #expect(said.target.words == consent.digest)
      case (.vote(let hold, _), .approvalVoted(let said)):
        #expect(said.hold == hold && hold.hex == consent.digest)
      default: break
      }
    }
  }

  @Test func `with the registry changing at random under any dialog the law holds`() async throws {
    var random = SeededRandom.announced("dialogs")
    for kind in Kind.allCases {
      var ends: [End] = []
      for _ in 0..<4 { ends.append(try await walk(kind, &random)) }
      print("dialogs: \(kind): \(ends.map { "\($0)" }.joined(separator: " "))")
    }
  }
}
