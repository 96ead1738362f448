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
      !Filter.kinds.contains(String(rest[..<colon]))
    {
      column = String(rest[..<colon])
      rest = rest[rest.index(after: colon)...]
    } else {
      column = nil
    }
    text = String(rest)
  }

  /// `agent:x` is a name, not a column.
  private static let kinds: Set<String> = ["agent", "user", "service"]

  package var isEmpty: Bool { text.isEmpty }

  /// The text to mark where it stands, if it must stand somewhere.
  package var plain: String { kind == .contains ? text : "" }

  /// The pattern for SQL's LIKE, with `\` as its escape.
  package var pattern: String {
    let parts = text.unicodeScalars.map { scalar in
      "%_\\".unicodeScalars.contains(scalar) ? "\\\(scalar)" : String(Character(scalar))
    }
    return "%" + parts.joined(separator: kind == .fuzzy ? "%" : "") + "%"
  }
}
