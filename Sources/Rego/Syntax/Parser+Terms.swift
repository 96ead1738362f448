import CanonicalJSON

// Precedence, loosest first: `:=` `=`; `in`; comparisons; `|`; `&`; `+ -`; `* / %`.
extension Parser {
  private static let comparisons = [
    "==": "equal", "!=": "neq", "<": "lt", ">": "gt", "<=": "lte", ">=": "gte",
  ]

  /// A whole line of a body.
  mutating func expression() throws(PolicyFault) -> Term {
    let left = try term()
    let place = token.place
    if skip(":=") { return .call("assign", [left, try term()], place) }
    if skip("=") { return .call("eq", [left, try term()], place) }
    return left
  }

  mutating func term(allowsMembership: Bool = true) throws(PolicyFault) -> Term {
    try nested { (parser) throws(PolicyFault) in
      try parser.membership(allowsMembership: allowsMembership, allowsUnion: true)
    }
  }

  private mutating func membership(
    allowsMembership: Bool, allowsUnion: Bool
  ) throws(PolicyFault) -> Term {
    var left = try comparison(allowsUnion: allowsUnion)
    while allowsMembership, isName("in") {
      let place = token.place
      try countOperator()
      advance()
      left = .call(
        "internal.member_2", [left, try comparison(allowsUnion: allowsUnion)], place)
    }
    return left
  }

  private mutating func comparison(allowsUnion: Bool) throws(PolicyFault) -> Term {
    var left = try union(allowed: allowsUnion)
    while case .symbol(let symbol) = token.kind, let name = Parser.comparisons[symbol] {
      let place = token.place
      try countOperator()
      advance()
      left = .call(name, [left, try union(allowed: allowsUnion)], place)
    }
    return left
  }

  private mutating func union(allowed: Bool) throws(PolicyFault) -> Term {
    var left = try intersection()
    while allowed, isSymbol("|") {
      let place = token.place
      try countOperator()
      advance()
      left = .call("or", [left, try intersection()], place)
    }
    return left
  }

  private mutating func intersection() throws(PolicyFault) -> Term {
    var left = try sum()
    while isSymbol("&") {
      let place = token.place
      try countOperator()
      advance()
      left = .call("and", [left, try sum()], place)
    }
    return left
  }

  private mutating func sum() throws(PolicyFault) -> Term {
    var left = try product()
    while isSymbol("+") || isSymbol("-") {
      let place = token.place
      let name = isSymbol("+") ? "plus" : "minus"
      try countOperator()
      advance()
      left = .call(name, [left, try product()], place)
    }
    return left
  }

  private mutating func product() throws(PolicyFault) -> Term {
    var left = try unary()
    while isSymbol("*") || isSymbol("/") || isSymbol("%") {
      let place = token.place
      let name = isSymbol("*") ? "mul" : isSymbol("/") ? "div" : "rem"
      try countOperator()
      advance()
      left = .call(name, [left, try unary()], place)
    }
    return left
  }

  private mutating func unary() throws(PolicyFault) -> Term {
    let place = token.place
    guard isSymbol("-") else { return try postfix() }
    advance()
    if case .number(let text) = token.kind, !token.isSpaced {
      advance()
      return .value(Parser.number("-" + text))
    }
    let operand = try nested { (parser) throws(PolicyFault) in try parser.unary() }
    return .call("minus", [.value(.number(.integer(0))), operand], place)
  }

  static func number(_ text: String) -> Value {
    .number(Int64(text).map(Number.integer) ?? Number(Double(text) ?? .infinity))
  }

  private mutating func postfix() throws(PolicyFault) -> Term {
    let place = token.place
    let head = try primary()
    var keys: [Term] = []
    while true {
      try checkPath(keys.count)
      if isSymbol("."), !token.startsLine {
        advance()
        guard case .name(let name) = token.kind else { throw unexpected("a name") }
        advance()
        keys.append(.value(.string(ByteString(name))))
      } else if isSymbol("["), !token.isSpaced {
        advance()
        keys.append(try term())
        try expect("]")
      } else if isSymbol("("), !token.isSpaced, let name = Parser.functionName(head, keys) {
        advance()
        let call = Term.call(name, try terms(until: ")"), place)
        guard isSymbol("["), !token.isSpaced else { return call }
        return .reference(call, try brackets(), place)
      } else {
        return keys.isEmpty ? head : .reference(head, keys, place)
      }
    }
  }

  private mutating func brackets() throws(PolicyFault) -> [Term] {
    var keys: [Term] = []
    while isSymbol("["), !token.isSpaced {
      advance()
      keys.append(try term())
      try checkPath(keys.count)
      try expect("]")
    }
    return keys
  }

  private static func functionName(_ head: Term, _ keys: [Term]) -> String? {
    guard case .variable(var name, _) = head else { return nil }
    for key in keys {
      guard case .value(.string(let part)) = key else { return nil }
      name += ".\(part.text)"
    }
    return name
  }

  private mutating func primary() throws(PolicyFault) -> Term {
    let place = token.place
    switch token.kind {
    case .number(let text):
      advance()
      return .value(Parser.number(text))
    case .string(let text):
      advance()
      return .value(.string(text))
    case .name("true"), .name("false"):
      let value = isName("true")
      advance()
      return .value(.bool(value))
    case .name("null"):
      advance()
      return .value(.null)
    case .name("set") where tokens[index + 1].kind == .symbol("("):
      advance()
      advance()
      try expect(")")
      return .value(.set(SetValue()))
    case .name("contains") where tokens[index + 1].kind == .symbol("("):
      advance()
      return .variable("contains", place)
    case .name(let name) where !Parser.keywords.contains(name):
      advance()
      guard name == "_" else { return .variable(name, place) }
      wildcards += 1
      return .variable("$\(wildcards)", place)
    case .symbol("("):
      advance()
      let first = try term()
      if skip(",") {
        let second = try term(allowsMembership: false)
        guard skip(name: "in") else { throw unexpected("\"in\"") }
        let domain = try term()
        try expect(")")
        return .call("internal.member_3", [first, second, domain], place)
      }
      try expect(")")
      return first
    case .symbol("["): return try arrayTerm()
    case .symbol("{"): return try braceTerm()
    default: throw unexpected("a term")
    }
  }

  private mutating func first() throws(PolicyFault) -> Term {
    try nested { (parser) throws(PolicyFault) in
      try parser.membership(allowsMembership: true, allowsUnion: false)
    }
  }

  private mutating func arrayTerm() throws(PolicyFault) -> Term {
    advance()
    if skip("]") { return .array([]) }
    let head = try first()
    if skip("|") {
      let body = try body(until: "]")
      try expect("]")
      return .arrayComprehension(head, body)
    }
    var elements = [head]
    while skip(",") {
      if isSymbol("]") { break }
      elements.append(try term())
    }
    try expect("]")
    return .array(elements)
  }

  private mutating func braceTerm() throws(PolicyFault) -> Term {
    advance()
    if skip("}") { return .object([]) }
    let head = try first()
    if skip(":") {
      let value = try first()
      if skip("|") {
        let body = try body(until: "}")
        try expect("}")
        return .objectComprehension(head, value, body)
      }
      var pairs = [(key: head, value: value)]
      while skip(",") {
        if isSymbol("}") { break }
        let key = try term()
        try expect(":")
        pairs.append((key, try term()))
      }
      try expect("}")
      return .object(pairs)
    }
    if skip("|") {
      let body = try body(until: "}")
      try expect("}")
      return .setComprehension(head, body)
    }
    var elements = [head]
    while skip(",") {
      if isSymbol("}") { break }
      elements.append(try term())
    }
    try expect("}")
    return .set(elements)
  }

  /// Comma-separated terms, up to and including a closing symbol.
  mutating func terms(until end: String) throws(PolicyFault) -> [Term] {
    var terms: [Term] = []
    while !skip(end) {
      if !terms.isEmpty {
        try expect(",")
        if skip(end) { break }
      }
      terms.append(try term())
    }
    return terms
  }
}
