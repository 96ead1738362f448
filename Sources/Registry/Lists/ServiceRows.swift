import GRDB
package import Statements

/// What one instance of a deciding service last wrote of itself.
///
/// Unsigned, outside the log and read by no decision: whoever can write the file can write it.
package struct ServiceRow: Sendable, Hashable {
  package var service: String
  package var host: String
  /// The socket it listens at, as an absolute path.
  package var socket: String
  package var process: Int64
  package var started: Timestamp
  /// When the row was written; while it decides nothing, nothing is written.
  package var beat: Timestamp
  package var lastDecision: Timestamp?
  /// Decisions since it started.
  package var decisions: Int64
  /// Decisions in ten seconds, over the time before ``beat``.
  package var tenths: Int64
  /// When it ended by itself; nil while it runs, and after a crash.
  package var ended: Timestamp?
  /// What ended it, as `SIGTERM`.
  package var cause: String

  package init(
    service: String, host: String, socket: String, process: Int64, started: Timestamp
  ) {
    self.service = service
    self.host = host
    self.socket = socket
    self.process = process
    self.started = started
    beat = started
    decisions = 0
    tenths = 0
    cause = ""
  }
}

extension RegistryTransaction {
  /// Rows of instances that have not been heard of for so long are removed.
  private static let keptMilliseconds: Int64 = 7 * 86_400_000

  /// Writes what a service says of itself in the place of what it said before.
  package func note(service row: ServiceRow) throws {
    try db.cachedStatement(
      sql: "INSERT OR REPLACE INTO ui_service VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    ).execute(arguments: [
      row.service, row.host, row.socket, row.process, row.started.milliseconds,
      row.beat.milliseconds, row.lastDecision?.milliseconds, row.decisions, row.tenths,
      row.ended?.milliseconds, row.cause,
    ])
  }

  /// Removes what instances wrote that have long been gone.
  package func forgetServices(at now: Timestamp) throws {
    try db.execute(
      sql: "DELETE FROM ui_service WHERE beat < ?",
      arguments: [now.milliseconds - RegistryTransaction.keptMilliseconds])
  }

  /// The instances that were heard of last, the newest first.
  package func services(limit: Int) throws -> [ServiceRow] {
    // A file that was opened for reading only may not have the table yet.
    guard try db.tableExists("ui_service") else { return [] }
    return try Row.fetchAll(
      db.cachedStatement(sql: "SELECT * FROM ui_service ORDER BY beat DESC LIMIT ?"),
      arguments: [limit]
    ).map { row in
      var found = ServiceRow(
        service: row.total("service"), host: row.total("host"), socket: row.total("socket"),
        process: row.total("process"), started: row.time("started") ?? Row.epoch)
      found.beat = row.time("beat") ?? Row.epoch
      found.lastDecision = row.time("decided")
      found.decisions = row.total("decisions")
      found.tenths = row.total("tenths")
      found.ended = row.time("ended")
      found.cause = row.total("cause")
      return found
    }
  }
}
