import Authority
import CanonicalJSON
import Keys
import Registry
import Statements
import TestSupport
import Testing

@testable import Commands
@testable import Console

/// Reviews of a key that signed more than one signature covers.
@Suite struct LargeReviewTests {
  @Test func `what one signature cannot cover is read and signed in parts`() async throws {
    let (alice, dave) = (Principal.named("user:alice"), Principal.named("user:dave"))
    let desk = try Desk(voter: alice, admins: [dave])
    let count = ReviewCompleted.limit + 3
    let authority = desk.authority
    var decided = 0
    while decided < count {
      // Few at a time: where other tests keep every thread busy, an action becomes stale and is signed
      // anew.
      let actions = try (0..<min(32, count - decided)).map { _ in
        try desk.world.action(on: "stage://payments/api")
      }
      decided += try await withThrowingTaskGroup(of: Bool.self) { group in
        for action in actions {
          group.addTask {
            let answer = try await authority.decide(action)
            return !answer.reasons.contains { $0.code == "stale" }
          }
        }
        return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
      }
    }
    try desk.revokeAsCompromised(by: dave)
    desk.moved()
    let group = try #require(
      try desk.world.ledger.database.read { try $0.reviewGroups(all: false).first })
    #expect(group.rows.count == count && !group.hasMore)
    for (part, title) in [
      (ReviewCompleted.limit, "512 of 515 reviews"), (3, "3 reviews"),
    ] {
      desk.open(.reviews(group.id))
      #expect(desk.screen.contains(title), "\(desk.screen)")
      #expect(desk.screen.contains("the others follow") == (part == ReviewCompleted.limit))
      for _ in 0..<60 where desk.dialog?.unread != 0 { desk.press(.pageDown) }
      for _ in 0..<20 where desk.dialog?.focus != .choice { desk.press(.tab) }
      desk.press(.right)
      for _ in 0..<20 where desk.dialog?.focus != .input(0) { desk.press(.tab) }
      desk.type("looked at")
      for _ in 0..<20 where desk.dialog?.focus != .passphrase { desk.press(.tab) }
      desk.type("secret")
      desk.press(.enter)
      desk.press(.enter)
      desk.answer()
      guard case .reviewCompleted(let said)? = desk.signed.last?.entry else {
        Issue.record("nothing was signed: \(desk.screen)")
        return
      }
      #expect(said.subjects.count == part)
      // What was signed stays on the screen until it is left.
      for _ in 0..<3 where desk.dialog != nil { desk.press(.escape) }
      desk.moved()
    }
    #expect(desk.signed.count == 2)
    #expect(try desk.world.ledger.database.read { try $0.reviewGroups(all: false).isEmpty })
  }
}
