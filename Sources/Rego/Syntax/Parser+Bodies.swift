import CanonicalJSON

extension Parser {
  /// Literals separated by `;` or the ends of lines, up to a closing sign (not read) or the end.
  mutating func body(until end: RegoToken.Kind) throws(SyntaxFault) -> [Literal] {
    try nest { (parser) throws(SyntaxFault) in
      var literals: [Literal] = []
      literals.reserveCapacity(4)
      while parser.accept(.semicolon) {}
      while parser.current.kind != end {
        literals.append(try parser.literal())
        if parser.current.kind == .semicolon {
          while parser.accept(.semicolon) {}
        } else if parser.current.kind != end, !parser.current.startsLine {
          throw parser.unexpected("expected \\n or ; or }")
        }
        if parser.current.kind == .end, end != .end {
          throw parser.unexpected()
        }
      }
      return literals
    }
  }

  mutating func literal() throws(SyntaxFault) -> Literal {
    let start = current
    if let found = inputEquality() { return found }
    if at(.some) { return try some() }
    if at(.every) { return try every() }
    var isNegated = false
    if at(.not) {
      advance()
      isNegated = true
      if at(.not) { throw unexpected() }
    }
    let kind = try expression()
    if isNegated, case .assign = kind {
      throw SyntaxFault(
        message: "cannot assign vars inside negated expression", line: start.line,
        column: start.column, code: "rego_compile_error")
    }
    return try finished(kind, isNegated: isNegated, start)
  }

  mutating func finished(
    _ kind: Literal.Kind, isNegated: Bool = false, _ start: RegoToken
  ) throws(SyntaxFault) -> Literal {
    var modifiers: [Literal.Modifier] = []
    while at(.with) {
      advance()
      let target = try primary()
      switch target.kind {
      case .variable, .reference: break
      default: throw fault("expected with target path", start)
      }
      guard acceptKeyword(.asWord) else { throw unexpected("expected as keyword") }
      modifiers.append(Literal.Modifier(target: target, value: try infix()))
      guard modifiers.count <= Parser.pathLimit else {
        throw fault("more than \(Parser.pathLimit) modifiers on one expression", start)
      }
    }
    return Literal(
      kind: kind, isNegated: isNegated, modifiers: modifiers, place: place(start),
      range: start.start..<tokens[max(0, index - 1)].end)
  }

  private mutating func expression() throws(SyntaxFault) -> Literal.Kind {
    let left = try infix()
    switch current.kind {
    case .unify:
      advance()
      return .unify(left, try infix())
    case .assign:
      let token = advance()
      switch left.kind {
      case .variable, .array, .object, .set: break
      default:
        throw SyntaxFault(
          message: "cannot assign to \(left.kindName)", line: token.line, column: token.column,
          code: "rego_compile_error")
      }
      return .assign(left, try infix())
    default: return .expression(left)
    }
  }

  private mutating func some() throws(SyntaxFault) -> Literal {
    let start = advance()
    let saved = (index, wildcards)
    // `some k, v in xs` or `some v in xs`
    if hasIn {
      let first = try infixInList()
      var second: Term?
      if current.kind == .comma {
        let before = (index, wildcards)
        advance()
        if canBeginTerm { second = try infixInList() }
        if !at(.inWord) { (index, wildcards) = before }
      }
      if at(.inWord) {
        advance()
        let domain = try infix()
        return try finished(
          .someIn(
            key: second == nil ? nil : first, value: second ?? first, domain: domain),
          start)
      }
      (index, wildcards) = saved
    }
    var names: [Term] = []
    while true {
      guard atName else { throw unexpected("expected var") }
      let token = advance()
      var name = textOf(token)
      if name == "_" {
        wildcards += 1
        name = "$\(wildcards)"
      }
      names.append(Term(kind: .variable(name), place: place(token), levels: 0))
      guard accept(.comma) else { break }
    }
    return try finished(.someVariables(names), start)
  }

  /// A term in which `in` does not join.
  private mutating func infixInList() throws(SyntaxFault) -> Term {
    let saved = hasIn
    hasIn = false
    defer { hasIn = saved }
    // `in` is then a name: nothing follows a term without an operator.
    return try infix(allowsPair: false)
  }

  private mutating func every() throws(SyntaxFault) -> Literal {
    let start = advance()
    var key: Term?
    var value = try variable()
    if accept(.comma) {
      key = value
      value = try variable()
    }
    guard acceptKeyword(.inWord) else { throw unexpected("expected in keyword") }
    let domain = try infix()
    guard accept(.leftBrace) else { throw unexpected("missing body") }
    let body = try self.body(until: .rightBrace)
    guard !body.isEmpty else { throw unexpected("found empty body") }
    try expect(.rightBrace, "expected }")
    return try finished(.every(key: key, value: value, domain: domain, body), start)
  }

  private mutating func variable() throws(SyntaxFault) -> Term {
    guard atName else { throw unexpected("expected var") }
    let token = advance()
    var name = textOf(token)
    if name == "_" {
      wildcards += 1
      name = "$\(wildcards)"
    }
    return Term(kind: .variable(name), place: place(token), levels: 0)
  }
}

extension Term {
  /// What it is, in OPA's words.
  var kindName: String {
    switch kind {
    case .constant(let value): value.typeName
    case .variable: "var"
    case .reference: "ref"
    case .array: "array"
    case .object: "object"
    case .set: "set"
    case .arrayComprehension: "arraycomprehension"
    case .setComprehension: "setcomprehension"
    case .objectComprehension: "objectcomprehension"
    case .call, .operation: "call"
    case .template: "template-string"
    }
  }
}
