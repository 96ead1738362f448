/// A regular expression of RE2's syntax, parsed.
indirect enum RegexNode: Sendable {
  case empty
  case scalar(Unicode.Scalar)
  case set(RegexSet)
  case assertion(RegexAssertion)
  case capture(Int, RegexNode)
  case repetition(RegexNode, minimum: Int, maximum: Int?, isGreedy: Bool)
  case sequence([RegexNode])
  case alternatives([RegexNode])
}

/// What holds between two characters.
enum RegexAssertion: Sendable {
  case textStart
  case textEnd
  case lineStart
  case lineEnd
  case wordBoundary
  case noWordBoundary
}

/// Why a pattern is none, as Go's `regexp/syntax` says it.
struct RegexFault: Error, Sendable, Equatable {
  enum Code: String, Sendable {
    case characterClass = "invalid character class"
    case characterRange = "invalid character class range"
    case escape = "invalid escape sequence"
    case namedCapture = "invalid named capture"
    case perlSyntax = "invalid or unsupported Perl syntax"
    case repeatOperator = "invalid nested repetition operator"
    case repeatSize = "invalid repeat count"
    case missingBracket = "missing closing ]"
    case missingParenthesis = "missing closing )"
    case missingArgument = "missing argument to repetition operator"
    case trailingBackslash = "trailing backslash at end of expression"
    case unexpectedParenthesis = "unexpected )"
    case nesting = "expression nests too deeply"
    case tooLarge = "expression too large"
  }

  let code: Code
  let text: String

  var message: String {
    code == .trailingBackslash && text.isEmpty
      ? "error parsing regexp: \(code.rawValue): ``"
      : "error parsing regexp: \(code.rawValue): `\(text)`"
  }
}
