import Cells
package import Statements

/// How one instance of a deciding service stands, as far as this console can tell.
///
/// What each state rests on stands beside it. None of it is signed: it decides nothing, and what is
/// signed does not depend on it.
package struct ServiceReport: Sendable, Hashable {
  package enum State: Sendable, Hashable {
    /// A process listens at the registry's socket and keeps the connection open that is watched here.
    case deciding
    /// The same, and it says of itself that it cannot decide now.
    case refusing(since: Timestamp)
    /// It said so before its connection ended, or in its row.
    case stopped(at: Timestamp, by: String)
    /// Its connection has ended without a word, nobody listens, or it does not answer.
    case unreachable(since: Timestamp)
    /// It listens where this console cannot look: its row said a moment ago that it decides.
    case reported
    /// The same, and its row is older: it may be at rest, or gone.
    case silent(since: Timestamp)
  }

  /// Without `service:`.
  package let name: String
  /// The machine it runs on, if that is another one.
  package let host: String?
  package let state: State
  /// Decisions in ten seconds, as of ``beat``.
  package let tenths: Int64
  /// When its row was written; nil if there is none.
  package let beat: Timestamp?
  package let lastDecision: Timestamp?

  package init(
    name: String, host: String? = nil, state: State, tenths: Int64 = 0, beat: Timestamp? = nil,
    lastDecision: Timestamp? = nil
  ) {
    self.name = name
    self.host = host
    self.state = state
    self.tenths = tenths
    self.beat = beat
    self.lastDecision = lastDecision
  }

  /// A row is written each second while something is decided; what is older tells of no rate.
  package static let freshMilliseconds: Int64 = 3000

  /// Whether nothing is decided by it, as far as can be told.
  package var isDown: Bool {
    switch state {
    case .stopped, .unreachable, .refusing: true
    case .deciding, .reported, .silent: false
    }
  }

  package var isDeciding: Bool { state == .deciding || state == .reported }

  /// Decisions in ten seconds now.
  package func tenths(at now: Timestamp) -> Int64 {
    guard let beat, now.milliseconds(since: beat) <= ServiceReport.freshMilliseconds else {
      return 0
    }
    return max(0, tenths)
  }

  /// What a person calls it, short enough for row 1.
  package var label: String {
    func cut(_ text: String, _ room: Int) -> String {
      guard text.count > room else { return text }
      return "\(text.prefix(room / 2))\u{2026}\(text.suffix(room - room / 2 - 1))"
    }
    return cut(name, 20) + (host.map { "@\(cut($0, 12))" } ?? "")
  }

  /// How it stands, as row 1 says it.
  package var words: String {
    switch state {
    case .deciding, .reported: "\(label) deciding"
    case .refusing(let since): "\(label) REFUSING since \(since.clock.dropLast())"
    case .stopped(let at, let by):
      "\(label) STOPPED \(at.clock.dropLast())\(by.isEmpty ? "" : " by \(by)")"
    case .unreachable(let since): "\(label) UNREACHABLE since \(since.clock.dropLast())"
    case .silent(let since): "\(label) no heartbeat since \(since.clock.dropLast())"
    }
  }

  /// The same in a sentence; nil while it decides.
  package var problem: String? {
    switch state {
    case .deciding, .reported: nil
    case .refusing(let since):
      "\(label) answers, and has not been able to decide since \(since.clock.dropLast())"
    case .stopped(let at, let by):
      "\(label) stopped at \(at.clock.dropLast())\(by.isEmpty ? "" : " by \(by)")"
    case .unreachable(let since): "\(label) has been unreachable since \(since.clock.dropLast())"
    case .silent(let since): "\(label) has sent no heartbeat since \(since.clock.dropLast())"
    }
  }

  /// Decisions a second, and the time since the last: `12/s 0.4s`.
  package static func pace(_ tenths: Int64, _ last: Timestamp?, at now: Timestamp) -> String {
    let rate =
      tenths >= 100 || tenths % 10 == 0 ? "\(tenths / 10)/s" : "\(tenths / 10).\(tenths % 10)/s"
    guard let last else { return rate }
    let since = max(0, now.milliseconds(since: last))
    let ago =
      since < 10_000
      ? "\(since / 1000).\(since % 1000 / 100)s" : Span.since(last, to: now)
    return "\(rate) \(ago)"
  }
}

extension [ServiceReport] {
  /// The same for all of them together, from the longest form to the shortest.
  ///
  /// `isAlarm`: Whether one is down; it is then named whole, in every form.
  package func summary(at now: Timestamp) -> (forms: [String], isAlarm: Bool) {
    let down = filter(\.isDown)
    let deciding = filter(\.isDeciding)
    if let first = down.first {
      let others = down.count > 1 ? " (\(down.count - 1) more)" : ""
      let rest = deciding.isEmpty ? "" : "  \(deciding.count) deciding"
      return ([first.words + others + rest, first.words + others], true)
    }
    guard let first = deciding.first else {
      guard let silent = self.first else {
        return (["no deciding service", "no service"], false)
      }
      return ([silent.words, "\(silent.label) silent"], false)
    }
    let tenths = deciding.reduce(0) { $0 + $1.tenths(at: now) }
    let last = deciding.compactMap(\.lastDecision).max()
    let pace = ServiceReport.pace(tenths, last, at: now)
    let rate = pace.split(separator: " ").first.map(String.init) ?? ""
    let words = count == 1 ? first.words : "\(deciding.count) services deciding"
    return (["\(words) \(pace)", "\(words) \(rate)", words, "deciding"], false)
  }

  /// Whether what is said of them changes second by second.
  func isMoving(at now: Timestamp) -> Bool {
    contains { report in
      report.isDeciding && report.lastDecision.map { now.milliseconds(since: $0) < 60_000 } ?? false
    }
  }

  /// What an approval means while who would release the action decides nothing; nil if it decides.
  ///
  /// `name`: The service that the action is for, without `service:`; `until`: when the approval ends.
  package func approvalNotice(for name: String?, until: String) -> String? {
    let meant = name.map { name in filter { $0.name == name } } ?? self
    let known = meant.isEmpty && name == nil ? self : meant
    guard !known.contains(where: \.isDeciding), let problem = known.compactMap(\.problem).first
    else { return nil }
    return
      "\(problem): an approval is recorded now and released when the service runs again and the "
      + "agent asks, \(until)"
  }
}
