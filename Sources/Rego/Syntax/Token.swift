import CanonicalJSON

struct Token {
  enum Kind: Equatable {
    case name(String)
    case number(String)
    case string(ByteString)
    /// Operators and punctuation: `:=`, `{`, `==`, ...
    case symbol(String)
    case end
  }

  let kind: Kind
  let place: SourcePlace
  /// Whether a line ended between the token before and this one.
  let startsLine: Bool
  /// Whether white space or a comment stands before it.
  let isSpaced: Bool

  var words: String {
    switch kind {
    case .name(let name): "\"\(name)\""
    case .number(let text): text
    case .string: "a string"
    case .symbol(let symbol): "\"\(symbol)\""
    case .end: "the end of the file"
    }
  }
}
