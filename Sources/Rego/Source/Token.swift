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
    case as_, default_, else_, false_, if_, import_, package_, not, null, some, true_, with
    case contains, every, in_
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
      case .as_: "as"
      case .default_: "default"
      case .else_: "else"
      case .false_: "false"
      case .if_: "if"
      case .import_: "import"
      case .package_: "package"
      case .not: "not"
      case .null: "null"
      case .some: "some"
      case .true_: "true"
      case .with: "with"
      case .contains: "contains"
      case .every: "every"
      case .in_: "in"
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
