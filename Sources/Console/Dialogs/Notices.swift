package import Statements

/// What a dialog says for a while: nothing leaves the screen before it stood there for 5 s.
package struct Notices: Sendable, Hashable {
  private struct Shown: Sendable, Hashable {
    let text: String
    var since: Timestamp
  }

  /// What stands on the screen, the oldest first.
  private var shown: [Shown] = []
  /// What waits for room, the oldest first.
  private var waiting: [String] = []

  package static let leastMilliseconds: Int64 = 5_000
  /// Beyond so many waiting, the oldest of them are let go: they never were on the screen.
  private static let limit = 8

  package init() {}

  package var texts: [String] { shown.map(\.text) }
  /// The newest, whether or not it has room yet.
  package var newest: String { waiting.last ?? shown.last?.text ?? "" }

  package mutating func say(_ text: String, at now: Timestamp) {
    if let index = shown.firstIndex(where: { $0.text == text }) {
      shown[index].since = now
      return
    }
    guard !waiting.contains(text) else { return }
    waiting.append(text)
    if waiting.count > Notices.limit { waiting.removeFirst() }
  }

  /// Lets what waits take the place of what has been there long enough.
  ///
  /// `isPressed`: A key was pressed: what has been there long enough goes, whatever waits.
  package mutating func settle(rows: Int, at now: Timestamp, isPressed: Bool = false) {
    func isOld(_ one: Shown) -> Bool {
      now.milliseconds(since: one.since) >= Notices.leastMilliseconds
    }
    if isPressed { shown.removeAll(where: isOld) }
    while !waiting.isEmpty {
      if shown.count >= rows {
        guard let old = shown.firstIndex(where: isOld) else { return }
        shown.remove(at: old)
      }
      shown.append(Shown(text: waiting.removeFirst(), since: now))
    }
  }
}
