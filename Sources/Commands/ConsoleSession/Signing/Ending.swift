import Authority
import CanonicalJSON
import Console
import Decisions
import Delegations
import Keys
import Registry
import Statements
import TransparencyLog

/// Who ended what a dialog is about, and when: read from the log entry that did so.
struct Ending {
  let ledger: Ledger
  let transaction: RegistryTransaction

  /// So many entries of one instant are looked at.
  private static let limit: UInt64 = 256

  /// `revoked by user:carol at 10:00:04Z`, by the statement of that instant that is the one looked for;
  /// without a name where it cannot be found.
  func words(
    _ verb: String, at instant: Timestamp, by isIt: (StatementBody) -> Bool
  ) -> String {
    let who = (try? signer(at: instant, by: isIt)) ?? nil
    return "\(verb)\(who.map { " by \($0)" } ?? "") at \(instant.textToSeconds)"
  }

  private func signer(
    at instant: Timestamp, by isIt: (StatementBody) -> Bool
  ) throws -> String? {
    var (low, high) = (UInt64(0), ledger.tree.size)
    while low < high {
      let middle = low + (high - low) / 2
      guard let bytes = try transaction.entry(middle) else { return nil }
      if try LogEntry(bytes: bytes).received < instant { low = middle + 1 } else { high = middle }
    }
    for index in low..<min(ledger.tree.size, low + Ending.limit) {
      let (entry, parts) = try ledger.statement(at: index, transaction)
      guard entry.received == instant else { return nil }
      let names = Set(entry.envelope.signatures.compactMap { ledger.state.keys[$0.key]?.holder })
        .sorted().map(\.description).joined(separator: " and ")
      if isIt(parts.body) { return names }
      switch parts.body {
      case .proposalOpened(let body) where isIt(body.inner): return names
      case .proposalSigned: return "the admin quorum, completed by \(names),"
      default: continue
      }
    }
    return nil
  }
}
