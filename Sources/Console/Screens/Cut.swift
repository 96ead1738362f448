package import Cells

/// How a value that does not fit its column is cut: never at the part that tells it from others.
package enum Cut: Sendable, Hashable {
  /// Words: their end is cut.
  case end
  /// Names, ids, fingerprints and URIs: both ends stay, the end more of it, since the last segment
  /// and the number at the end of a name tell one from the next.
  case middle
  /// `file:line`: the line number says most.
  case start
  /// `action→resource`: the action stays, its resource is cut in the middle.
  case action
  /// Times and counts: a part of one is another one. What does not fit is not shown at all.
  case whole

  /// At most so many columns of a value.
  package func fitted(_ text: SafeText, to columns: Int) -> SafeText {
    guard text.width > columns else { return text }
    guard columns > 0 else { return "" }
    switch self {
    case .end: return text.fitted(to: columns)
    case .whole: return SafeText(String(repeating: "\u{2026}", count: min(2, columns)))
    case .start: return tail(of: text, columns)
    case .middle:
      guard columns > 4 else { return tail(of: text, columns) }
      let kept = columns - 1
      let head = kept * 2 / 5
      return text.fitted(to: head + 1) + text.dropping(columns: text.width - (kept - head))
    case .action:
      guard columns > 8,
        let arrow = text.glyphs.firstIndex(where: { $0.text == "\u{2192}" && !$0.isEscape })
      else { return Cut.middle.fitted(text, to: columns) }
      let before = text.glyphs[...arrow].reduce(0) { $0 + $1.width }
      // A long action gives way to its resource, which is what it is done to.
      let room = min(before, max(4, columns * 2 / 3))
      let action = text.dropping(from: before)
      let head = before > room ? action.fitted(to: room - 1) + "\u{2192}" : action
      return head
        + Cut.middle.fitted(text.dropping(columns: before), to: max(0, columns - head.width))
    }
  }

  private func tail(of text: SafeText, _ columns: Int) -> SafeText {
    columns == 1 ? "\u{2026}" : "\u{2026}" + text.dropping(columns: text.width - columns + 1)
  }
}

extension Column {
  /// What of a value must stay where the column is too narrow for it.
  package var cut: Cut {
    switch name {
    case "action": .action
    case "rule": .start
    case "id", "agent", "name", "owner", "holder", "key", "by", "signer", "about", "target", "hash",
      "scope":
      .middle
    case "time", "expires", "until", "last", "used", "since", "received", "published", "seen",
      "ttl",
      "index", "keys", "grants", "held", "signed", "check":
      .whole
    default: .end
    }
  }
}
