import Approvals
import Decisions
package import Keys
import Registry
package import Statements

/// Holds that entries changed, in the order they were found.
///
/// A class because the ledger tells it and the service empties it; both are of one actor.
final class ChangedHolds {
  private(set) var digests: Set<Digest> = []

  func take(_ changes: [Change]) {
    for case .hold(let digest) in changes { digests.insert(digest) }
  }

  func empty() -> Set<Digest> {
    defer { digests = [] }
    return digests
  }
}

/// Requests that wait for people: a row in memory each, found by their hold.
struct Waiters {
  typealias Reply = CheckedContinuation<Void, Never>

  private var replies: [Digest: [Int: Reply]] = [:]
  private var numbers: [Principal: Int] = [:]
  private var next = 0
  private(set) var count = 0

  func count(of agent: Principal) -> Int { numbers[agent, default: 0] }

  /// The holds that requests wait for.
  var holds: some Sequence<Digest> { replies.keys }

  mutating func enter(_ agent: Principal) {
    numbers[agent, default: 0] += 1
    count += 1
  }

  mutating func leave(_ agent: Principal) {
    let left = numbers[agent, default: 1] - 1
    numbers[agent] = left > 0 ? left : nil
    count -= 1
  }

  mutating func add(_ reply: Reply, for hold: Digest) -> Int {
    next += 1
    replies[hold, default: [:]][next] = reply
    return next
  }

  mutating func wake(_ hold: Digest) {
    for reply in replies.removeValue(forKey: hold)?.values ?? [:].values { reply.resume() }
  }

  mutating func wake(_ hold: Digest, _ number: Int) {
    replies[hold]?.removeValue(forKey: number)?.resume()
    if replies[hold]?.isEmpty == true { replies[hold] = nil }
  }

  mutating func wakeAll() {
    for hold in Array(replies.keys) { wake(hold) }
  }
}

// Requests that wait for people are woken by what changes their hold; nothing asks again and again.
extension DecisionAuthority {
  /// Waits for a held action's answer to change, deciding it again when it does.
  ///
  /// - Returns: The last answer; with a reason in ``Answer/notWaited`` where it could not wait.
  package func waitForAnswer(
    _ envelope: UnverifiedEnvelope, _ first: Answer, agent: Principal,
    until deadline: ContinuousClock.Instant
  ) async throws -> Answer {
    guard let hold = first.hold?.digest, first.isOpen else { return first }
    if waiters.count(of: agent) >= limits.waitingPerAgent {
      return first.notWaiting(
        "too_many_waiting",
        "\(limits.waitingPerAgent) requests of \(agent) wait for people already")
    }
    if waiters.count >= limits.waiting {
      return first.notWaiting(
        "too_many_waiting", "\(limits.waiting) requests wait for people already")
    }
    waiters.enter(agent)
    note(presence: hold, waits: true)
    defer {
      waiters.leave(agent)
      if waiters.count(of: agent) == 0 { note(presence: hold, waits: false) }
    }
    var answer = first
    while answer.isOpen, let known = answer.hold, ContinuousClock.now < deadline,
      !Task.isCancelled, !isDraining
    {
      guard await change(of: known, until: deadline) else { break }
      answer = try await decide(envelope)
    }
    return answer
  }

  /// Waits until a hold is in another state than it was told to be in.
  ///
  /// - Returns: Whether it is; else the deadline has come, or the service ends.
  private func change(
    of known: Answer.HoldReport, until deadline: ContinuousClock.Instant
  ) async -> Bool {
    while ContinuousClock.now < deadline, !Task.isCancelled, !isDraining {
      let now = max(clock.now(), ledger.state.lastReceived)
      guard let hold = ledger.state.holds[known.digest], hold.state(at: now) == known.state else {
        return true
      }
      // The clock ends a hold without an entry that says so.
      let end = hold.approvedUntil ?? hold.terms.expires
      let left = max(1, end.milliseconds(since: now))
      await changed(known.digest, until: min(deadline, .now + .milliseconds(left)))
    }
    return false
  }

  /// Waits until something changes a hold, or until an instant.
  private func changed(_ hold: Digest, until instant: ContinuousClock.Instant) async {
    var number: Int?
    var timer: Task<Void, Never>?
    await withTaskCancellationHandler {
      await withCheckedContinuation { reply in
        let mine = waiters.add(reply, for: hold)
        number = mine
        timer = Task {
          try? await Task.sleep(until: instant, clock: .continuous)
          self.wake(hold, mine)
        }
      }
    } onCancel: {
      Task { await self.wake(hold) }
    }
    timer?.cancel()
    if let number { wake(hold, number) }
  }

  private func wake(_ hold: Digest, _ number: Int) { waiters.wake(hold, number) }
  private func wake(_ hold: Digest) { waiters.wake(hold) }

  /// Wakes the requests whose hold an entry changed.
  func wakeChanged() {
    for hold in changedHolds.empty() {
      let now = max(clock.now(), ledger.state.lastReceived)
      if let record = ledger.state.holds[hold], record.state(at: now).isOpen {
        openHolds.insert(hold, of: record.agent)
        // Also one that another process of this service made: it may be released here.
        lastExpiry = max(lastExpiry, record.terms.expires)
      }
      waiters.wake(hold)
    }
  }

  /// Answers all who wait, because the service ends.
  package func drain() {
    isDraining = true
    waiters.wakeAll()
  }

  // MARK: presence

  /// Tells consoles that an agent waits for a hold, or has asked for it.
  ///
  /// No trust state: nothing rests on it, and a failure to write it is none of the agent's concern. It
  /// is written once a second for all, and every ten seconds anew while an agent waits: what a service
  /// that was killed had said must not stand.
  package func note(presence hold: Digest, waits: Bool) {
    guard presence.count < limits.waiting else { return }
    presence[hold] = waits
  }

  /// Rows written in one transaction: others wait for it.
  static let presenceRows = 500
  /// How often it is said anew that an agent waits.
  static let presenceMilliseconds: Int64 = 10_000
}
