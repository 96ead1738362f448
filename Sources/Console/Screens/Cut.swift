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
      guard columns > Cut.shortAction,
        let arrow = text.glyphs.firstIndex(where: { $0.text == "\u{2192}" && !$0.isEscape })
      else { return Cut.middle.fitted(text, to: columns) }
      let before = text.glyphs[...arrow].reduce(0) { $0 + $1.width }
      let (action, resource) = (text.dropping(from: before), text.dropping(columns: before))
      // A long action gives way to its resource, which is what it is done to.
      let least = min(resource.width, (Cut.scheme(of: resource) ?? 0) + 1 + Cut.resourceEnd)
      let room = before <= Cut.shortAction ? before : min(before, max(4, columns - least))
      let head = before > room ? action.fitted(to: room - 1) + "\u{2192}" : action
      return head + Cut.resource(resource, to: max(0, columns - head.width))
    }
  }

  /// An action of so many columns, arrow and count included, is not cut: it says what is done.
  private static let shortAction = 12
  /// Columns of a resource's end that stay, however long the action is.
  private static let resourceEnd = 4

  /// The columns of `scheme://`.
  private static func scheme(of resource: SafeText) -> Int? {
    let glyphs = resource.glyphs
    return glyphs.indices.first { start in
      glyphs[start...].prefix(3).map(\.text) == [":", "/", "/"]
    }.map { glyphs[..<($0 + 3)].reduce(0) { $0 + $1.width } }
  }

  /// `scheme://` and the end of a resource stay where there is room for both.
  private static func resource(_ text: SafeText, to columns: Int) -> SafeText {
    guard text.width > columns, let scheme = scheme(of: text), columns > scheme + resourceEnd
    else { return Cut.middle.fitted(text, to: columns) }
    return text.dropping(from: scheme) + "\u{2026}"
      + text.dropping(columns: text.width - (columns - scheme - 1))
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
