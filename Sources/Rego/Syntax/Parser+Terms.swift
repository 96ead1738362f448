import CanonicalJSON

extension Parser {
  /// A term with infix operators; in a list or object a comma never begins `k, v in xs`.
  mutating func infix(allowsPair: Bool = true) throws(SyntaxFault) -> Term {
    try nest { (parser) throws(SyntaxFault) in try parser.membership(allowsPair: allowsPair) }
  }

  private mutating func membership(allowsPair: Bool) throws(SyntaxFault) -> Term {
    var left = try binary(level: 0)
    if allowsPair, hasIn, current.kind == .comma {
      let saved = (index, wildcards)
      advance()
      if canBeginTerm, let middle = try? binary(level: 0), at(.inWord) {
        advance()
        let right = try binary(level: 0)
        left = try term(.operation("internal.member_3", [left, middle, right]), left.place)
      } else {
        (index, wildcards) = saved
      }
    }
    while at(.inWord) {
      advance()
      let right = try binary(level: 0)
      left = try term(.operation("internal.member_2", [left, right]), left.place)
    }
    return left
  }

  /// The operator that stands here, and how strongly it binds.
  private var infixOperator: (name: String, level: Int)? {
    switch current.kind {
    case .equal: ("equal", 0)
    case .notEqual: ("neq", 0)
    case .less: ("lt", 0)
    case .greater: ("gt", 0)
    case .lessOrEqual: ("lte", 0)
    case .greaterOrEqual: ("gte", 0)
    case .or: ("or", 1)
    case .and: ("and", 2)
    case .plus: ("plus", 3)
    case .minus: ("minus", 3)
    case .times: ("mul", 4)
    case .divide: ("div", 4)
    case .remainder: ("rem", 4)
    default: nil
    }
  }

  /// A term whose operators bind at least so strongly; those of one level join from the left.
  private mutating func binary(level: Int) throws(SyntaxFault) -> Term {
    var left = try unary()
    while let (name, found) = infixOperator, found >= level {
      advance()
      let right = try binary(level: found + 1)
      left = try term(.operation(name, [left, right]), left.place)
    }
    return left
  }

  private mutating func unary() throws(SyntaxFault) -> Term {
    guard current.kind == .minus else { return try primary() }
    let minus = advance()
    // As in OPA, a sign stands before a number or a name, and nothing else.
    if current.kind == .number { return try numberTerm(minus, "-" + textOf(advance())) }
    guard atName else { throw unexpected("expected number") }
    return try nest { (parser) throws(SyntaxFault) in
      let operand = try parser.primary()
      let zero = Term(
        kind: .constant(.number(Number(0))), place: parser.place(minus), levels: 0)
      return try parser.term(.operation("minus", [zero, operand]), parser.place(minus))
    }
  }

  private func numberTerm(_ token: RegoToken, _ text: String) throws(SyntaxFault) -> Term {
    guard let number = Number(text: ByteString(text)) else {
      throw fault("invalid number", token)
    }
    guard !number.isTooBigForSource else { throw fault("number too big", token) }
    return Term(kind: .constant(.number(number)), place: place(token), levels: 0)
  }

  var canBeginTerm: Bool {
    switch current.kind {
    case .identifier:
      if atName { return true }
      switch current.keyword {
      case .trueWord, .falseWord, .null: return true
      default: return false
      }
    case .number, .string, .rawString, .templateStart, .leftParen, .leftBracket, .leftBrace,
      .minus:
      return true
    default: return false
    }
  }

  /// A term without operators, and what follows it without space: keys, names, arguments.
  mutating func primary() throws(SyntaxFault) -> Term {
    let start = current
    let at = place(start)
    switch start.kind {
    case .identifier where !atName:
      switch start.keyword {
      case .trueWord, .falseWord:
        advance()
        return Term(
          kind: .constant(.bool(start.keyword == .trueWord)), place: at, levels: 0)
      case .null:
        advance()
        return try headless(Term(kind: .constant(.null), place: at, levels: 0))
      default: throw unexpected()
      }
    case .identifier:
      let name = textOf(advance())
      if name == "set", current.kind == .leftParen, !current.isSpaced,
        peek().kind == .rightParen
      {
        advance()
        advance()
        return try suffixed(try term(.set([]), at))
      }
      let variable: Term
      if name == "_" {
        wildcards += 1
        variable = Term(kind: .variable("$\(wildcards)"), place: at, levels: 0)
      } else {
        variable = Term(kind: .variable(name), place: at, levels: 0)
      }
      return try suffixed(variable)
    case .number:
      return try headless(try numberTerm(start, textOf(advance())))
    case .string, .rawString:
      return try headless(try string())
    case .templateStart: return try template()
    case .leftParen:
      advance()
      let inner = try infix()
      guard accept(.rightParen) else { throw fault("non-terminated expression", current) }
      return try suffixed(inner)
    case .leftBracket: return try suffixed(try array())
    case .leftBrace: return try suffixed(try braces())
    case .illegal: throw fault("illegal token", start)
    default: throw unexpected()
    }
  }

  /// A scalar, from which no reference goes on.
  private func headless(_ scalar: Term) throws(SyntaxFault) -> Term {
    if !current.isSpaced, current.kind == .leftBracket || current.kind == .dot,
      case .constant(let value) = scalar.kind
    {
      throw SyntaxFault(
        message: "illegal ref (head cannot be \(value.typeName))", line: scalar.place.line,
        column: scalar.place.column)
    }
    return scalar
  }

  mutating func string() throws(SyntaxFault) -> Term {
    let token = advance()
    let inner = Int(token.start) + 1..<Int(token.end) - 1
    let decoded: ByteString?
    if token.kind == .rawString || isPlain(inner) {
      decoded = slice(inner)
    } else {
      decoded = StringLiteral.decoded(text[inner])
    }
    guard let decoded else { throw fault("illegal string literal: \(textOf(token))", token) }
    return Term(kind: .constant(.string(decoded)), place: place(token), levels: 0)
  }

  /// A part of the file, which is valid UTF-8, from one character to another.
  func slice(_ range: Range<Int>) -> ByteString {
    text.withUnsafeBufferPointer {
      ByteString(unchecked: UnsafeBufferPointer(rebasing: $0[range]))
    }
  }

  /// Whether a text stands for itself: it has no escapes and no control characters.
  func isPlain(_ range: Range<Int>) -> Bool {
    text.withUnsafeBufferPointer { text in
      for index in range where text[index] == UInt8(ascii: "\\") || text[index] < 0x20 {
        return false
      }
      return true
    }
  }

  private mutating func template() throws(SyntaxFault) -> Term {
    let start = advance()
    let isRaw = text[Int(start.start) + 1] == UInt8(ascii: "`")
    var parts: [Term] = []
    while true {
      let token = current
      switch token.kind {
      case .templateText:
        advance()
        let slice = text[Int(token.start)..<Int(token.end)]
        let decoded =
          isRaw
          ? StringLiteral.rawTemplate(slice) : StringLiteral.decoded(slice, template: true)
        guard let decoded else { throw fault("illegal string literal", token) }
        parts.append(
          Term(kind: .constant(.string(decoded)), place: place(token), levels: 0))
      case .templateOpen:
        advance()
        if current.kind == .templateClose {
          throw fault("invalid template string expression", token)
        }
        // One level more, so that a constant is told from text, and undefined has a value.
        let begin = current
        let inner = try infix()
        if at(.with) {
          wildcards += 1
          let name = Term(
            kind: .variable("$\(wildcards)"), place: inner.place, levels: 0)
          let literal = try finished(.unify(name, inner), begin)
          parts.append(try term(.setComprehension(name, [literal]), inner.place))
        } else {
          parts.append(try term(.setComprehension(inner, []), inner.place))
        }
        try expect(.templateClose, "expected } to end template string expression")
      case .templateEnd:
        advance()
        return try term(.template(parts), place(start))
      default: throw unexpected()
      }
    }
  }

  /// Keys, names and arguments that follow without space.
  mutating func suffixed(_ head: Term) throws(SyntaxFault) -> Term {
    var base = head
    var keys: [Term] = []
    func joined() throws(SyntaxFault) -> Term {
      keys.isEmpty ? base : try term(.reference(base, keys), base.place)
    }
    while !current.isSpaced {
      let token = current
      switch token.kind {
      case .dot:
        advance()
        guard current.kind == .identifier, !current.isSpaced else {
          throw unexpected("expected identifier")
        }
        let name = advance()
        keys.append(
          Term(
            kind: .constant(.string(nameOf(name))), place: place(name), levels: 0))
      case .leftBracket:
        advance()
        if current.kind == .rightBracket { throw unexpected() }
        keys.append(try infix())
        try expect(.rightBracket, "expected ]")
      case .leftParen:
        let callee = try joined()
        guard callee.isName else { return callee }
        advance()
        var arguments: [Term] = []
        while current.kind != .rightParen {
          arguments.append(try infix(allowsPair: false))
          if current.kind != .rightParen { try expect(.comma, "expected \",\" or \")\"") }
        }
        advance()
        base = try term(.call(callee, arguments), callee.place)
        keys = []
      default: return try joined()
      }
      guard keys.count <= Parser.pathLimit * 4 else {
        throw fault("a reference has more than \(Parser.pathLimit * 4) parts", token)
      }
    }
    return try joined()
  }

  private mutating func array() throws(SyntaxFault) -> Term {
    let start = place(advance())
    if accept(.rightBracket) { return try term(.array([]), start) }
    var elements: [Term] = []
    if let (head, body) = try comprehension(until: .rightBracket) {
      return try term(.arrayComprehension(head, body), start)
    }
    while current.kind != .rightBracket {
      elements.append(try infix(allowsPair: false))
      if current.kind != .rightBracket {
        try expect(.comma, "expected \",\" or \"]\"")
      }
    }
    advance()
    return try term(.array(elements), start)
  }

  /// A comprehension's head, `|` and body, or nil (and nothing read) if none stands here.
  private mutating func comprehension(
    until end: RegoToken.Kind
  ) throws(SyntaxFault) -> (Term, [Literal])? {
    let saved = (index, wildcards)
    guard isHeadAhead() else { return nil }
    let head = try nest { (parser) throws(SyntaxFault) in try parser.headTerm() }
    guard current.kind == .or else {
      (index, wildcards) = saved
      noHeads.insert(headKey)
      return nil
    }
    advance()
    let body = try self.body(until: end)
    guard !body.isEmpty else { throw unexpected("found empty body") }
    try expect(end, end == .rightBracket ? "expected ]" : "expected }")
    return (head, body)
  }

  /// Where a head would begin, and how `in` is read there.
  private var headKey: Int { index * 2 + (hasIn ? 1 : 0) }

  /// Whether a comprehension's head may stand here: one that was found to be none is not read again, so
  /// that heads within heads are not read twice at each level.
  private func isHeadAhead() -> Bool { !noHeads.contains(headKey) && headEndsAtBar() }

  /// Whether a `|` follows at this level before a comma or the end: looked up, not tried.
  private func headEndsAtBar() -> Bool {
    var open = 0
    var at = index
    while at < tokens.count {
      switch tokens[at].kind {
      case .leftParen, .leftBracket, .leftBrace, .templateOpen: open += 1
      case .rightParen, .rightBracket, .rightBrace, .templateClose:
        open -= 1
        if open < 0 { return false }
      case .comma, .semicolon: if open == 0 { return false }
      case .or: if open == 0 { return true }
      case .end: return false
      default: break
      }
      at += 1
    }
    return false
  }

  /// The head of a comprehension: a term in which `|` ends it.
  private mutating func headTerm() throws(SyntaxFault) -> Term {
    var left = try binary(level: 2)
    while let (name, level) = infixOperator, level == 0 {
      advance()
      let right = try binary(level: 2)
      left = try term(.operation(name, [left, right]), left.place)
    }
    return left
  }

  /// What begins with `{`: an object, a set, or a comprehension of either.
  private mutating func braces() throws(SyntaxFault) -> Term {
    let start = place(advance())
    if accept(.rightBrace) { return try term(.object([]), start) }
    if isHeadAhead() {
      let saved = (index, wildcards)
      let head = try nest { (parser) throws(SyntaxFault) in try parser.headTerm() }
      if accept(.or) {
        let body = try self.body(until: .rightBrace)
        guard !body.isEmpty else { throw unexpected("found empty body") }
        try expect(.rightBrace, "expected }")
        return try term(.setComprehension(head, body), start)
      }
      if accept(.colon) {
        let value = try nest { (parser) throws(SyntaxFault) in try parser.headTerm() }
        if accept(.or) {
          let body = try self.body(until: .rightBrace)
          guard !body.isEmpty else { throw unexpected("found empty body") }
          try expect(.rightBrace, "expected }")
          return try term(.objectComprehension(head, value, body), start)
        }
      }
      (index, wildcards) = saved
      noHeads.insert(headKey)
    }
    let first = try infix(allowsPair: false)
    if current.kind == .colon {
      advance()
      var pairs = [Term.Pair(key: first, value: try infix(allowsPair: false))]
      while current.kind != .rightBrace {
        try expect(.comma, "expected \",\" or \"}\"")
        if current.kind == .rightBrace { break }
        let key = try infix(allowsPair: false)
        try expect(.colon, "expected :")
        pairs.append(Term.Pair(key: key, value: try infix(allowsPair: false)))
      }
      advance()
      return try term(.object(pairs), start)
    }
    var elements = [first]
    while current.kind != .rightBrace {
      try expect(.comma, "non-terminated set")
      if current.kind == .rightBrace { break }
      elements.append(try infix(allowsPair: false))
    }
    advance()
    return try term(.set(elements), start)
  }
}

extension Term {
  /// Whether it names something that can be called.
  var isName: Bool {
    switch kind {
    case .variable(let name): return !name.hasPrefix("$")
    case .reference(let head, let keys):
      guard case .variable = head.kind else { return false }
      return keys.allSatisfy {
        if case .constant(.string) = $0.kind { true } else { false }
      }
    default: return false
    }
  }
}
