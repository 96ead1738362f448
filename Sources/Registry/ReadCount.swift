import GRDB
import GRDBSQLite
import Synchronization

/// Counts what reading a registry costs, so that tests can hold a screen to it whatever the size of
/// the registry.
package final class ReadCount: Sendable {
  private struct Counts {
    var statements = 0
    var steps = 0
  }

  private let counts = Mutex(Counts())
  /// Instructions of SQLite's machine between two looks at it.
  private static let stride: Int32 = 10

  package init() {}

  /// Statements run.
  package var statements: Int { counts.withLock { $0.statements } }
  /// Instructions of SQLite's machine, to the next ten: each row read takes a handful.
  package var steps: Int { counts.withLock { $0.steps } }

  package func reset() { counts.withLock { $0 = Counts() } }

  func watch(_ db: Database) {
    db.trace { [self] event in
      if case .statement = event { counts.withLock { $0.statements += 1 } }
    }
    sqlite3_progress_handler(
      db.sqliteConnection, ReadCount.stride,
      { context in
        guard let context else { return 0 }
        Unmanaged<ReadCount>.fromOpaque(context).takeUnretainedValue().counts.withLock {
          $0.steps += Int(ReadCount.stride)
        }
        return 0
      }, Unmanaged.passRetained(self).toOpaque())
  }
}
