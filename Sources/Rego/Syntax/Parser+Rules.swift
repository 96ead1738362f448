import CanonicalJSON

extension Parser {
  static let always = Body(literals: [])

  /// One rule; its `else` branches belong to it.
  mutating func rule(package: [ByteString]) throws(PolicyFault) -> [RuleSyntax] {
    let place = token.place
    if isName("default") {
      advance()
      return [try defaultRule(at: place)]
    }
    guard case .name(let first) = token.kind, !Parser.keywords.contains(first) else {
      throw unexpected("a rule")
    }
    advance()
    var path = [ByteString(first)]
    var key: Term?
    var shape = RuleSyntax.Shape.complete
    var arguments: [Term] = []
    head: while key == nil {
      try checkPath(path.count)
      switch token.kind {
      case .symbol(".") where !token.startsLine:
        advance()
        guard case .name(let part) = token.kind else { throw unexpected("a name") }
        path.append(ByteString(part))
        advance()
      case .symbol("[") where !token.isSpaced:
        advance()
        let term = try term()
        try expect("]")
        if case .value(.string(let part)) = term, isSymbol("[") || isSymbol(".") {
          path.append(part)
        } else {
          key = term
          shape = .partialObject
        }
      default: break head
      }
    }
    if key == nil, isSymbol("("), !token.isSpaced {
      advance()
      shape = .function
      arguments = try terms(until: ")")
    }
    var value: Term = .value(.bool(true))
    if skip(name: "contains") {
      guard key == nil, shape == .complete else { throw unexpected("a rule body") }
      key = try term()
      shape = .partialSet
    } else if skip(":=") || skip("=") {
      value = try term()
    }
    var branches = [
      RuleSyntax.Branch(value: value, body: try ruleBody(), place: place)
    ]
    while isName("else") {
      let place = token.place
      guard shape == .complete || shape == .function else { throw unexpected("a new rule") }
      advance()
      var value: Term = .value(.bool(true))
      if skip(":=") || skip("=") { value = try term() }
      branches.append(RuleSyntax.Branch(value: value, body: try ruleBody(), place: place))
    }
    return [
      RuleSyntax(
        path: path, shape: shape, isDefault: false, arguments: arguments, key: key,
        branches: branches, place: place)
    ]
  }

  private mutating func defaultRule(at place: SourcePlace) throws(PolicyFault) -> RuleSyntax {
    let path = try dottedPath()
    var arguments: [Term] = []
    var shape = RuleSyntax.Shape.complete
    if isSymbol("("), !token.isSpaced {
      advance()
      shape = .function
      arguments = try terms(until: ")")
    }
    guard skip(":=") || skip("=") else { throw unexpected("\":=\"") }
    let value = try term()
    return RuleSyntax(
      path: path, shape: shape, isDefault: true, arguments: arguments, key: nil,
      branches: [RuleSyntax.Branch(value: value, body: Parser.always, place: place)], place: place)
  }

  private mutating func ruleBody() throws(PolicyFault) -> Body {
    guard isName("if") else {
      if isSymbol("{"), !token.startsLine {
        throw fault("`if` keyword is required before rule body", at: token.place)
      }
      return Parser.always
    }
    advance()
    guard isSymbol("{") else { return Body(literals: [try literal()]) }
    // `if {a | b}` is a set; a body never ends in `|`.
    advance()
    let body = try body(until: "}")
    try expect("}")
    return body
  }

  /// Literals parted by `;` or line ends.
  mutating func body(until end: String?) throws(PolicyFault) -> Body {
    var literals: [Literal] = []
    while true {
      while skip(";") {}
      if let end, isSymbol(end) { break }
      if token.kind == .end { break }
      if !literals.isEmpty, !token.startsLine, tokens[index - 1].kind != .symbol(";") {
        throw unexpected("\";\" or a new line")
      }
      literals.append(try literal())
    }
    guard !literals.isEmpty else { throw fault("found empty body", at: token.place) }
    return Body(literals: literals)
  }

  mutating func literal() throws(PolicyFault) -> Literal {
    try nested { (parser) throws(PolicyFault) in try parser.unguardedLiteral() }
  }

  private mutating func unguardedLiteral() throws(PolicyFault) -> Literal {
    let place = token.place
    var kind: Literal.Kind
    if skip(name: "not") {
      let inner = try literal()
      kind = .not(Body(literals: [inner]))
      return Literal(kind: kind, modifiers: [], place: place)
    } else if isName("some") {
      advance()
      kind = try some()
    } else if isName("every") {
      advance()
      kind = try every()
    } else {
      kind = .expression(try expression())
    }
    var modifiers: [(target: [ByteString], value: Term)] = []
    while isName("with") {
      advance()
      let place = token.place
      let target = try dottedPath()
      guard target.first == "input" || target.first == "data" else {
        throw fault("with must name input or data", at: place)
      }
      guard skip(name: "as") else { throw unexpected("\"as\"") }
      modifiers.append((target, try term()))
    }
    return Literal(kind: kind, modifiers: modifiers, place: place)
  }

  private mutating func some() throws(PolicyFault) -> Literal.Kind {
    let place = token.place
    let first = try term(allowsMembership: false)
    var second: Term?
    var names = [first]
    while skip(",") {
      second = try term(allowsMembership: false)
      if let second { names.append(second) }
    }
    if skip(name: "in") {
      guard names.count <= 2 else { throw unexpected("at most a key and a value") }
      let domain = try term()
      return .someIn(key: second == nil ? nil : first, value: second ?? first, domain: domain)
    }
    var variables: [String] = []
    for name in names {
      guard case .variable(let text, _) = name else {
        throw fault("some must name variables", at: place)
      }
      variables.append(text)
    }
    return .some(variables)
  }

  private mutating func every() throws(PolicyFault) -> Literal.Kind {
    let first = try identifier("a variable")
    var second: String?
    if skip(",") { second = try identifier("a variable") }
    guard skip(name: "in") else { throw unexpected("\"in\"") }
    let domain = try term()
    try expect("{")
    let body = try body(until: "}")
    try expect("}")
    return .every(
      key: second == nil ? nil : first, value: second ?? first, domain: domain, body: body)
  }
}
