import Approvals
import Authority
import Console
import Keys
import Registry
import Statements
import TestSupport

/// Random keys in the console's model: nothing is signed, run or decided without its dialog.
enum RandomKeys {
  static func run(count: Int, seed: UInt64) async throws {
    let world = try World()
    try world.publish(
      """
      package agent.authz
      require_approval if input.action == "deploy"
      approval := {"risk": "critical"}
      """)
    let authority = try world.authority()
    let answer = try await authority.decide(try world.action())
    try world.ledger.database.read { try world.ledger.catchUp($0) }
    guard let digest = answer.hold?.digest,
      let dossier = try world.ledger.database.read({ try world.ledger.dossier(digest, $0) })
    else { throw Problem("nothing is held") }
    let review = try HoldReview(
      hold: dossier.hold, decision: dossier.decision, holdIndex: dossier.index,
      payload: dossier.payload, state: world.ledger.state, voter: world.bob, now: world.clock.now)
    let consent = review.consent(
      leaning: .approve, beside: HoldSurroundings(), isBlind: false, at: world.clock.now)
    var walk = RandomWalk(
      consent: consent, session: Session(registry: "test", who: world.bob), seed: seed,
      now: world.clock.now)
    let found = walk.run(count)
    guard found.isEmpty else { throw Problem("seed \(seed): \(found.joined(separator: "; "))") }
    print("keys: \(count) random events, none signed or ran anything by itself; seed \(seed)")
  }

  struct Problem: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
  }
}
