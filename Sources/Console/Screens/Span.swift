package import Cells
package import Statements

/// Spans of time, short enough for a column.
package enum Span {
  /// Until then: `04:51`, `2h10m`, `29d`.
  package static func until(_ end: Timestamp, from now: Timestamp) -> String {
    let seconds = end.milliseconds(since: now) / 1000
    if seconds <= 0 { return "ended" }
    if seconds < 3600 { return "\(two(seconds / 60)):\(two(seconds % 60))" }
    if seconds < 86_400 { return "\(seconds / 3600)h\(two(seconds / 60 % 60))m" }
    return "\(seconds / 86_400)d"
  }

  /// Since then: `40s`, `12m`, `3h`, `9d`.
  package static func since(_ start: Timestamp, to now: Timestamp) -> String {
    let seconds = max(0, now.milliseconds(since: start) / 1000)
    if seconds < 60 { return "\(seconds)s" }
    if seconds < 3600 { return "\(seconds / 60)m" }
    if seconds < 86_400 { return "\(seconds / 3600)h" }
    return "\(seconds / 86_400)d"
  }

  /// A length of time, exactly: `90s`, `5m`, `2h`.
  package static func words(_ seconds: Int64) -> String {
    if seconds > 0, seconds % 3600 == 0 { return "\(seconds / 3600)h" }
    if seconds > 0, seconds % 60 == 0 { return "\(seconds / 60)m" }
    return "\(seconds)s"
  }

  private static func two(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
}

extension CellValue {
  /// What is drawn of it now.
  package func shown(at now: Timestamp) -> (text: SafeText, role: Role) {
    switch self {
    case .text(let text, let role): (text, role)
    case .clock(let time): (SafeText(time?.clock ?? "-"), .text)
    case .minute(let time): (SafeText(time?.minute ?? "-"), .text)
    case .ago(let time): (SafeText(time.map { Span.since($0, to: now) } ?? "-"), .text)
    case .until(let time):
      (
        SafeText(time.map { Span.until($0, from: now) } ?? "-"),
        time.map { $0.milliseconds(since: now) < 60_000 } ?? false ? .statePending : .text
      )
    }
  }
}
