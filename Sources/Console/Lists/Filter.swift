/// What is typed after `/`: a text, `!` not, `~` letters in order, `column:text`.
package struct Filter: Sendable, Hashable {
  package enum Kind: Sendable, Hashable {
    case contains
    case lacks
    /// Its letters stand in this order.
    case fuzzy
  }

  package let kind: Kind
  package let text: String
  /// Only this column is looked at.
  package let column: String?

  package init(_ typed: String) {
    var rest = Substring(typed)
    if rest.first == "!" {
      kind = .lacks
      rest = rest.dropFirst()
    } else if rest.first == "~" {
      kind = .fuzzy
      rest = rest.dropFirst()
    } else {
      kind = .contains
    }
    if let colon = rest.firstIndex(of: ":"), rest[..<colon].allSatisfy(\.isLetter),
      colon != rest.startIndex
    {
      column = String(rest[..<colon])
      rest = rest[rest.index(after: colon)...]
    } else {
      column = nil
    }
    text = String(rest)
  }

  package var isEmpty: Bool { text.isEmpty }

  /// The text to mark where it stands, if it must stand somewhere.
  package var plain: String { kind == .contains ? text : "" }

  /// The pattern for SQL's LIKE, with `\` as its escape.
  package var pattern: String {
    Filter.pattern(of: text, separator: kind == .fuzzy ? "%" : "")
  }

  /// The pattern that finds a text as it was typed.
  package static func pattern(of text: String, separator: String = "") -> String {
    let parts = text.drop { $0 == "!" || $0 == "~" }.unicodeScalars.map { scalar in
      "%_\\".unicodeScalars.contains(scalar) ? "\\\(scalar)" : String(Character(scalar))
    }
    return "%" + parts.joined(separator: separator) + "%"
  }
}
