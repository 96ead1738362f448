import Decisions
package import Registry
package import Statements
import TransparencyLog

/// The registry as it was after one entry: its log up to there, replayed into memory.
package struct PastRegistry {
  package let ledger: Ledger
  /// Its derived tables; the log itself stays in the live file.
  package let tables: RegistryDatabase
  package let index: UInt64
  /// When the log received that entry.
  package let at: Timestamp

  /// Replays a log up to an entry, itself included.
  ///
  /// `verified`: The log as this account has verified it; what is replayed must be a prefix of it.
  /// `progress`: Told now and then how many entries are done and how many there are; may throw to
  /// stop.
  package init(
    _ live: RegistryDatabase, upTo index: UInt64, of verified: Ledger,
    progress: (UInt64, UInt64) throws -> Void = { _, _ in }
  ) throws {
    let tables = try RegistryDatabase.scratch()
    let ledger = try Ledger(tables, pins: nil)
    try live.read { transaction in
      let size = try transaction.size()
      guard index < size else {
        throw AuthorityFault.refused(
          .unknownSubject(what: "log entry", name: "#\(index) (the last one is #\(size - 1))"))
      }
      try tables.write { rebuilt in
        try transaction.entries(from: 0, to: index + 1) { at, bytes in
          if at & 255 == 0 { try progress(at, index + 1) }
          guard let taken = try ledger.replay(bytes, transaction) else { return }
          try Projection.apply(
            taken.changes, of: taken.statement, at: at, received: taken.received,
            state: ledger.state, bodies: { ledger.payload($0, transaction) }, in: rebuilt)
        }
      }
    }
    let root = try verified.database.read { try verified.root(atSize: index + 1, $0) }
    guard root == ledger.tree.root else { throw AuthorityFault.forked(size: index + 1) }
    self.ledger = ledger
    self.tables = tables
    self.index = index
    at = ledger.state.lastReceived
  }
}
