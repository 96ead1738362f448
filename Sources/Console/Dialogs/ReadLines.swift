import Cells

/// What of a text has been on the screen, remembered by what it says: however wide it is laid out, what
/// was read stays read, and a line that says something else is unread.
package struct ReadLines: Sendable, Hashable {
  private struct Key: Sendable, Hashable {
    let label: String
    let text: String

    init(_ line: Line) {
      label = line.label
      text = line.text.text
    }
  }

  /// By line, the characters that have been shown: apart, in order.
  private var shown: [Key: [Range<Int>]] = [:]

  package init() {}

  /// Notes that some characters of a line stand on the screen.
  package mutating func note(_ characters: Range<Int>, of line: Line) {
    let key = Key(line)
    var merged = characters
    var others: [Range<Int>] = []
    for range in shown[key] ?? [] {
      if range.upperBound < merged.lowerBound || range.lowerBound > merged.upperBound {
        others.append(range)
      } else {
        merged = min(range.lowerBound, merged.lowerBound)..<max(range.upperBound, merged.upperBound)
      }
    }
    shown[key] = (others + [merged]).sorted { $0.lowerBound < $1.lowerBound }
  }

  /// Whether all these characters of a line have been on the screen.
  package func covers(_ characters: Range<Int>, of line: Line) -> Bool {
    (shown[Key(line)] ?? []).contains {
      $0.lowerBound <= characters.lowerBound && characters.upperBound <= $0.upperBound
    }
  }

  /// Forgets what no line says any more.
  package mutating func keep(_ lines: [Line]) {
    guard shown.count > 2 * lines.count + 64 else { return }
    let kept = Set(lines.map(Key.init))
    shown = shown.filter { kept.contains($0.key) }
  }
}
