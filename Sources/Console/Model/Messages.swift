import Statements

/// What the lists say for a while, the newest last: nothing leaves the screen before it stood there for 5 s.
struct Messages: Sendable {
  struct Said: Sendable, Equatable {
    let text: String
    let isBad: Bool
    /// Whether it answers a key, and not only tells what the registry did.
    let isAnswer: Bool
    fileprivate var at: Timestamp
  }

  private var said: [Said] = []

  private static let leastMilliseconds: Int64 = 5_000
  private static let mostMilliseconds: Int64 = 8_000
  /// So many stand one above the other.
  private static let limit = 4

  private static func isNew(_ one: Said, at now: Timestamp) -> Bool {
    now.milliseconds(since: one.at) < leastMilliseconds
  }

  /// Those that stand on the screen.
  func shown(at now: Timestamp) -> [Said] {
    said.enumerated().filter { index, one in
      let age = now.milliseconds(since: one.at)
      return age
        < (index == said.count - 1 ? Messages.mostMilliseconds : Messages.leastMilliseconds)
    }.map(\.element)
  }

  /// Of what the registry does, one stands there at a time: in a flood the others are among the messages
  /// only.
  mutating func say(_ text: String, isBad: Bool, isAnswer: Bool, at now: Timestamp) {
    said = shown(at: now)
    if let same = said.firstIndex(where: { $0.text == text }) { said.remove(at: same) }
    guard !text.isEmpty else { return }
    if !isAnswer, !isBad, said.contains(where: { !$0.isAnswer && Messages.isNew($0, at: now) }) {
      return
    }
    said.append(Said(text: text, isBad: isBad, isAnswer: isAnswer, at: now))
    // A person who presses keys faster than one can read gives up the oldest answers.
    while said.count > Messages.limit, let oldest = said.firstIndex(where: \.isAnswer) {
      said.remove(at: oldest)
    }
  }

  /// A key was pressed: what has stood there long enough goes.
  mutating func settle(at now: Timestamp) { said.removeAll { !Messages.isNew($0, at: now) } }

  /// Something is true no longer.
  mutating func retract(_ text: String) { said.removeAll { $0.text == text } }
}
