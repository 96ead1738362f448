/// One word or sign of a policy's text.
struct RegoToken {
  enum Kind: UInt8 {
    case end, identifier, number, string, rawString
    case templateStart, templateText, templateOpen, templateClose, templateEnd
    case assign, unify, equal, notEqual, lessOrEqual, greaterOrEqual, less, greater
    case plus, minus, times, divide, remainder, and, or
    case leftParen, rightParen, leftBracket, rightBracket, leftBrace, rightBrace
    case comma, semicolon, colon, dot
    case illegal
  }

  enum Keyword: UInt8 {
    case none
    case asWord, defaultWord, elseWord, falseWord, ifWord, importWord, packageWord, not, null, some,
      trueWord, with
    case contains, every, inWord
  }

  var kind: Kind
  var keyword: Keyword = .none
  /// Whether it is the first of its line.
  var startsLine: Bool
  /// Whether space stands before it.
  var isSpaced: Bool
  var start: Int32
  var end: Int32
  var line: Int32
  var column: Int32

  /// As OPA names it in its messages.
  var name: String {
    switch kind {
    case .end: "eof"
    case .identifier:
      switch keyword {
      case .none: "ident"
      case .asWord: "as"
      case .defaultWord: "default"
      case .elseWord: "else"
      case .falseWord: "false"
      case .ifWord: "if"
      case .importWord: "import"
      case .packageWord: "package"
      case .not: "not"
      case .null: "null"
      case .some: "some"
      case .trueWord: "true"
      case .with: "with"
      case .contains: "contains"
      case .every: "every"
      case .inWord: "in"
      }
    case .number: "number"
    case .string, .rawString: "string"
    case .templateStart, .templateText, .templateOpen, .templateClose, .templateEnd:
      "template-string"
    case .assign: "assign"
    case .unify: "eq"
    case .equal: "equal"
    case .notEqual: "neq"
    case .lessOrEqual: "lte"
    case .greaterOrEqual: "gte"
    case .less: "lt"
    case .greater: "gt"
    case .plus: "plus"
    case .minus: "minus"
    case .times: "mul"
    case .divide: "div"
    case .remainder: "rem"
    case .and: "and"
    case .or: "or"
    case .leftParen: "("
    case .rightParen: ")"
    case .leftBracket: "["
    case .rightBracket: "]"
    case .leftBrace: "{"
    case .rightBrace: "}"
    case .comma: ","
    case .semicolon: ";"
    case .colon: ":"
    case .dot: "."
    case .illegal: "illegal"
    }
  }
}
