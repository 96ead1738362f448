import CanonicalJSON
import Decisions
import Foundation
import Keys
import Registry
import Statements
import TestSupport
import Testing

@testable import Commands
@testable import Console

/// How many keys a job takes in an incident, with the registry changing before each of them.
///
/// What is typed
/// (a reason, the name that confirms, the passphrase) is not counted; `:` and Enter are.
@Suite struct KeystrokeBudgetTests {
  private struct Job {
    let name: String
    /// Keys it took before, and keys it may take.
    let before: Int
    let budget: Int
    let voter: Principal
    let scene: (Desk) async throws -> Void
    let hands: (Desk) throws -> Void
  }

  /// Goes through a dialog by Enter alone: it leads to what is missing, then to the button.
  private static func fill(_ desk: Desk, _ texts: [String: String] = [:]) throws {
    for _ in 0..<12 {
      desk.answer()
      guard let dialog = desk.dialog, dialog.steps.isOpen else { return }
      switch dialog.focus {
      case .input(let index):
        let input = dialog.consent.inputs[index]
        if case .name(let wanted) = input.kind, dialog.fields[index].isEmpty { desk.type(wanted) }
        if input.kind == .reason, dialog.fields[index].isEmpty {
          desk.type(try #require(texts[input.name]))
        }
      case .passphrase: if dialog.passphrase.isEmpty { desk.type("secret") }
      default: break
      }
      desk.press(.enter)
    }
  }

  private static func key(_ text: Unicode.Scalar) -> KeyPress { .character(text) }

  private static let alice = Principal.named("user:alice")
  private static let bob = Principal.named("user:bob")

  private static var jobs: [Job] {
    [
      Job(name: "approve a critical hold", before: 11, budget: 9, voter: bob) { desk in
        desk.rows[.approvals] = [.hold(try #require(try await desk.hold(risk: "critical")))]
      } hands: { desk in
        desk.press(.enter)
        desk.answer()
        for _ in 0..<9 where desk.dialog?.unread != 0 { desk.press(.pageDown) }
        desk.press(.enter)
        try fill(desk, ["reason": "INC-2041"])
      },
      Job(name: "deny with a reason", before: 6, budget: 5, voter: bob) { desk in
        desk.rows[.approvals] = [.hold(try #require(try await desk.hold()))]
      } hands: { desk in
        desk.press(key("x"))
        desk.answer()
        try fill(desk, ["reason": "not tonight"])
      },
      Job(name: "revoke a leaked key", before: 8, budget: 10, voter: alice) { desk in
        desk.rows[.keys] = [.key(try World.key(desk.world.bot).publicKey.fingerprint.digest)]
      } hands: { desk in
        desk.press(key("4"))
        desk.answer()
        desk.press(key("r"))
        desk.answer()
        try fill(desk)
      },
      Job(name: "lock the agent of a row", before: 7, budget: 6, voter: alice) { desk in
        desk.rows[.agents] = [.agent(desk.world.bot.description)]
      } hands: { desk in
        desk.press(key("3"))
        desk.answer()
        desk.press(key("L"))
        desk.answer()
        try fill(desk)
      },
      Job(name: "lock everything from a row", before: 10, budget: 6, voter: bob) { desk in
        desk.rows[.approvals] = [.agent(desk.world.bot.description)]
      } hands: { desk in
        desk.press(key("L"))
        desk.answer()
        desk.press(.left)
        try fill(desk)
      },
      Job(name: "lock everything from anywhere", before: 9, budget: 6, voter: bob) { _ in
      } hands: { desk in
        desk.press(key(":"))
        desk.type("lockdown")
        desk.press(.enter)
        desk.answer()
        try fill(desk)
      },
      Job(name: "lift a lock", before: 8, budget: 7, voter: alice) { desk in
        desk.rows[.locks] = [
          .lock(
            try desk.world.sign(
              .lockPlaced(LockPlaced(target: .agent(desk.world.bot), reason: "x", until: nil))))
        ]
      } hands: { desk in
        desk.press(key("0"))
        desk.answer()
        desk.press(.enter)
        desk.answer()
        desk.press(.pageDown)
        desk.press(.enter)
        try fill(desk, ["reason": "it was the backup job"])
      },
    ]
  }

  @Test func `each job of an incident is done within its keys while agents act`() async throws {
    for job in Self.jobs {
      let desk = try Desk(voter: job.voter, admins: [.named("user:dave")])
      try await job.scene(desk)
      desk.reload()
      var count = 0
      desk.beforeKey = {
        // Another agent's lock comes and goes, operators pass authority on: the log moves at every key.
        count += 1
        if count % 7 == 0 { try? desk.delegate(to: "sub-\(count)") }
        try desk.world.sign(
          .lockPlaced(
            LockPlaced(
              target: .resource(ByteString("git://repo/\(count)")), reason: "x",
              until: desk.world.clock.now.advanced(bySeconds: 600))))
        desk.moved()
      }
      try job.hands(desk)
      desk.answer()
      #expect(desk.wrong == [], "\(job.name)")
      #expect(desk.signed.last?.entry != nil, "\(job.name):\n\(desk.screen)")
      #expect(desk.keys <= job.budget, "\(job.name) took \(desk.keys) keys")
      print("keys: \(job.name): \(desk.keys), budget \(job.budget), before \(job.before)")
    }
  }
}
