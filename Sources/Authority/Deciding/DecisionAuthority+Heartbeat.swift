import Registry
import Statements

/// What a running service tells consoles of itself, and how much of it is written down.
struct Heartbeat {
  private(set) var row: ServiceRow
  /// Decisions when the row was last written.
  private var written: Int64 = 0

  init(_ row: ServiceRow) {
    self.row = row
  }

  mutating func count(decisions: Int, at now: Timestamp) {
    guard decisions > 0 else { return }
    row.decisions += Int64(decisions)
    row.lastDecision = now
  }

  /// Whether anything has been decided since the row was last written.
  var isDue: Bool { row.decisions != written }

  /// Takes the row to write now.
  mutating func beat(at now: Timestamp) -> ServiceRow {
    let elapsed = max(1000, now.milliseconds(since: row.beat))
    row.tenths = (row.decisions - written) * 10_000 / elapsed
    row.beat = now
    written = row.decisions
    return row
  }
}

// A service says in a row of `ui_service` that it decides. It writes at most once a second, and nothing
// while it decides nothing, so that a registry at rest wakes nobody.
extension DecisionAuthority {
  /// Tells consoles that this service has begun to listen.
  ///
  /// `socket`: The absolute path it listens at; with the service and the host it names the instance.
  package func announce(host: String, socket: String, process: Int32) {
    let now = clock.now()
    let row = ServiceRow(
      service: service.description, host: host, socket: socket, process: Int64(process),
      started: now)
    heartbeat = Heartbeat(row)
    // What consoles are told is not worth a service that does not start.
    try? ledger.database.write { transaction in
      try transaction.forgetServices(at: now)
      try transaction.note(service: row)
    }
  }

  /// Writes down which agents wait, and that the service decides: both in one short transaction.
  func storeSurroundings() {
    let now = clock.now()
    if now.milliseconds(since: presenceRenewed) >= DecisionAuthority.presenceMilliseconds {
      presenceRenewed = now
      for hold in waiters.holds where presence[hold] == nil { presence[hold] = true }
    }
    let rows = presence.prefix(DecisionAuthority.presenceRows)
    let beat = heartbeat?.isDue == true ? heartbeat?.beat(at: now) : nil
    guard !rows.isEmpty || beat != nil else { return }
    for row in rows { presence[row.key] = nil }
    try? ledger.database.write { transaction in
      for (hold, waits) in rows { try transaction.note(presence: hold, waits: waits, at: now) }
      if let beat { try transaction.note(service: beat) }
    }
  }

  /// Writes down that the service has ended, and by what.
  func storeEnd(_ cause: String) {
    storeSurroundings()
    guard var row = heartbeat?.row else { return }
    let now = clock.now()
    (row.beat, row.ended, row.cause, row.tenths) = (now, now, cause, 0)
    let last = row
    try? ledger.database.write { try $0.note(service: last) }
  }
}
