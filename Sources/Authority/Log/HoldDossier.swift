package import Approvals
import Decisions
package import Keys
package import Registry
package import Statements
import TransparencyLog

/// A hold with the bytes behind it, read from entries this process verified.
package struct HoldDossier: Sendable {
  package let hold: Hold
  package let decision: DecisionMade
  package let index: UInt64
  /// The action as the agent signed it.
  package let payload: [UInt8]
}

extension Ledger {
  /// Gathers what a review shows; nil if there is no such hold.
  package func dossier(
    _ digest: Digest, _ transaction: RegistryTransaction
  ) throws -> HoldDossier? {
    guard let hold = state.holds[digest] else { return nil }
    guard let index = try transaction.holdIndex(digest) else {
      throw AuthorityFault.badEntry(
        index: tree.size, reason: "the row of hold \(digest) is missing")
    }
    let (entry, parts) = try statement(at: index, transaction)
    guard entry.envelope.digest == digest, case .decisionMade(let decision) = parts.body,
      let payload = try transaction.body(decision.action)
    else { throw AuthorityFault.badEntry(index: index, reason: "it is not the hold \(digest)") }
    return HoldDossier(hold: hold, decision: decision, index: index, payload: payload)
  }
}
