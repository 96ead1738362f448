import Approvals
import Decisions
import Keys
import Registry
import Statements
import Synchronization
import TransparencyLog

// When the service looked at the log. Whoever appends chooses a receipt time; what was not there when the
// service looked cannot have been received before.
extension DecisionAuthority {
  /// Verifies what others appended, and notes when it looked.
  package func look() throws {
    guard !isClosed else { return }
    let looked = clock.now()
    do {
      try ledger.catchUp()
      try takeLateEntries()
    } catch {
      throw DecisionAuthority.named(error)
    }
    noteLook(at: looked)
    wakeChanged()
  }

  /// Once a second: looks while holds are open, so that a vote dated back onto one that has expired is
  /// told from one that was there; writes down which agents wait and that it decides.
  package func tick() {
    guard !isClosed else { return }
    if lastExpiry > (storedLook?.at ?? Timestamp(milliseconds: 0)) {
      do {
        try look()
        try storeLook()
      } catch {
        // Whoever asks next is told; deciding stops by itself where it must.
        wakeChanged()
      }
    }
    storeSurroundings()
  }

  /// Looks whenever another process has committed something, without asking again and again.
  ///
  /// Where the system has nothing left to watch a file with, ``tick()`` still looks once a second.
  package func watch() {
    guard let watch = RegistryWatch(path: ledger.database.path),
      let reader = try? RegistryDatabase(ledger.database.path, access: .readOnly)
    else { return }
    self.logWatch = watch
    let version = Mutex(try? reader.read { try $0.dataVersion() })
    watch.start(
      pause: 5,
      hasMoved: {
        let now = try? reader.read { try $0.dataVersion() }
        return version.withLock { known in
          defer { known = now }
          return known != now
        }
      },
      moved: { [weak self] in
        guard let self else { return }
        Task { try? await self.look() }
      })
  }

  func noteLook(at instant: Timestamp) {
    if let drift = clock.drift(), drift.magnitude > 60_000 { return }
    let last = ledger.lastLook ?? looks.last
    looks.last = LastLook(at: max(instant, last?.at ?? instant), size: ledger.tree.size)
    ledger.lastLook = looks.last
  }

  /// Takes over what the replay found late.
  ///
  /// - Throws: ``AuthorityFault`` `lateEntry` as long as one of them stops the service.
  func takeLateEntries() throws {
    if !ledger.lateEntries.isEmpty {
      try DecisionAuthority.take(ledger.lateEntries, into: &looks, accepted: [])
      ledger.lateEntries = []
      looks = try pins.store(looks, for: registry, by: service)
    }
    if let first = looks.blocking.first { throw first.fault }
  }

  static func take(
    _ entries: [LateEntry], into looks: inout LookRecord, accepted: [UInt64]
  ) throws {
    for entry in entries {
      switch entry.effect {
      case .narrowing: break
      case .approval: looks.lateVotes.insert(entry.digest)
      case .widening:
        guard !accepted.contains(entry.index) else { break }
        looks.blocking.append(
          LookRecord.Blocking(
            index: entry.index, received: entry.received, missing: entry.missing,
            reason: entry.reason))
      }
    }
  }

  /// Whether an approval that a hold rests on was found late.
  func isLate(_ hold: Hold) -> Bool {
    guard !looks.lateVotes.isEmpty else { return false }
    return hold.approvals.contains { looks.lateVotes.contains($0.digest) }
      || hold.brokenGlass.map { looks.lateVotes.contains($0.digest) } == true
  }

  /// Writes down when it last looked, if that is newer than what is written.
  func storeLook() throws {
    guard looks.last != storedLook else { return }
    let own = looks.last
    looks = try pins.store(looks, for: registry, by: service, keeping: isOfOpenHold)
    storedLook = own
  }

  /// Late votes are remembered as long as a hold could be released by them.
  private func isOfOpenHold(_ vote: Digest) -> Bool {
    let now = max(clock.now(), ledger.state.lastReceived)
    return ledger.state.openHolds(at: now).contains { hold in
      hold.approvals.contains { $0.digest == vote } || hold.brokenGlass?.digest == vote
    }
  }

  /// An agent that is told of an expiry may act on it: the look that saw the hold without its approvals
  /// is on disk first.
  func storeLook(before report: Answer.HoldReport) throws {
    guard case .expired = report.state, report.expires > storedLook?.at ?? .init(milliseconds: 0)
    else { return }
    try storeLook()
  }

  func storeLook(before answers: [Result<Answer, any Error>]) throws {
    for case .success(let answer) in answers {
      if let hold = answer.hold { try storeLook(before: hold) }
    }
  }
}
