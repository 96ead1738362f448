import CanonicalJSON

extension Parser {
  mutating func parse(into module: inout ModuleSyntax) throws(SyntaxFault) {
    guard at(.packageWord) else {
      if current.kind == .end {
        throw fault("empty module", current)
      }
      throw fault("package expected", current)
    }
    module.packagePlace = place(advance())
    module.package = try path()
    try endStatement()
    while current.kind != .end {
      if accept(.semicolon) { continue }
      if at(.importWord) {
        let found = try importStatement()
        apply(found)
        module.imports.append(found)
      } else {
        for rule in try rules() {
          module.rules.append(rule)
        }
      }
    }
    module.isVersion0 = isVersion0
  }

  private func endStatement() throws(SyntaxFault) {
    guard current.kind == .end || current.startsLine || current.kind == .semicolon else {
      throw unexpected("expected \\n or ;")
    }
  }

  /// A path of a package or an import: a name, then names or texts.
  private mutating func path() throws(SyntaxFault) -> [String] {
    guard current.kind == .identifier else { throw unexpected("expected identifier") }
    let start = current
    var parts = [textOf(advance())]
    while !current.isSpaced || current.kind == .dot {
      if current.kind == .dot, !current.isSpaced {
        advance()
        guard current.kind == .identifier else { throw unexpected("expected identifier") }
        parts.append(textOf(advance()))
      } else if current.kind == .leftBracket, !current.isSpaced {
        advance()
        guard current.kind == .string || current.kind == .rawString,
          case .constant(.string(let text)) = try string().kind
        else { throw unexpected("expected string") }
        parts.append(text.text)
        try expect(.rightBracket, "expected ]")
      } else {
        break
      }
      guard parts.count <= Parser.pathLimit else {
        throw fault("a path has more than \(Parser.pathLimit) parts", start)
      }
    }
    return parts
  }

  private mutating func importStatement() throws(SyntaxFault) -> ImportSyntax {
    let start = advance()
    let at = current
    let path = try path()
    guard ["data", "input", "future", "rego"].contains(path[0]) else {
      throw fault(
        "unexpected import path, must begin with one of: {data, future, input, rego}, got: \(path[0])",
        at)
    }
    if path[0] == "future" {
      guard path.count >= 2, path[1] == "keywords", path.count <= 3 else {
        throw fault("invalid import, must be `future.keywords`", at)
      }
      if path.count == 3, !["in", "every", "if", "contains", "not"].contains(path[2]) {
        throw fault(
          "unexpected keyword, must be one of [contains every if in], got: \(path[2])", at)
      }
    }
    if path[0] == "rego" {
      guard path == ["rego", "v1"] else {
        throw fault("invalid import, must be `rego.v1`", at)
      }
    }
    var alias: String?
    if acceptKeyword(.asWord) {
      guard atName else { throw unexpected("expected var") }
      alias = textOf(advance())
      if alias == "input" || alias == "data" { throw unexpected("expected var") }
    }
    try endStatement()
    return ImportSyntax(path: path, alias: alias, place: place(start))
  }

  private mutating func apply(_ found: ImportSyntax) {
    if found.path == ["rego", "v1"] {
      (hasIf, hasContains, hasIn, hasEvery) = (true, true, true, true)
      isVersion0 = false
    } else if found.path[0] == "future" {
      let word = found.path.count == 3 ? found.path[2] : nil
      if word == nil || word == "if" { hasIf = true }
      if word == nil || word == "contains" { hasContains = true }
      if word == nil || word == "in" || word == "every" { hasIn = true }
      if word == nil || word == "every" { hasEvery = true }
    }
  }

  /// One rule, or several that share a head by bodies that follow each other.
  private mutating func rules() throws(SyntaxFault) -> [RuleSyntax] {
    let start = current
    let isDefault = acceptKeyword(.defaultWord)
    guard atName else {
      switch current.kind {
      case .identifier where !isDefault:
        throw fault("\(current.name) keyword cannot be used for rule name", current)
      case .number: throw fault("number cannot be used for rule name", current)
      case .string, .rawString: throw fault("string cannot be used for rule name", current)
      default: throw unexpected(isDefault ? "expected rule head" : nil)
      }
    }
    let nameToken = advance()
    let name = textOf(nameToken)
    if name == "_" { throw fault("rule head name cannot be a wildcard", nameToken) }
    var keys: [Term] = []
    var arguments: [Term]?
    suffix: while !current.isSpaced {
      switch current.kind {
      case .dot:
        advance()
        guard current.kind == .identifier, !current.isSpaced else {
          throw unexpected("expected identifier")
        }
        let key = advance()
        keys.append(
          Term(kind: .constant(.string(nameOf(key))), place: place(key), levels: 0))
      case .leftBracket:
        advance()
        keys.append(try infix())
        try expect(.rightBracket, "expected ]")
      case .leftParen:
        advance()
        var parsed: [Term] = []
        while current.kind != .rightParen {
          parsed.append(try infix(allowsPair: false))
          if current.kind != .rightParen { try expect(.comma, "expected \",\" or \")\"") }
        }
        advance()
        arguments = parsed
        break suffix
      default: break suffix
      }
      guard keys.count <= Parser.pathLimit else {
        throw fault("a rule's reference has more than \(Parser.pathLimit) parts", start)
      }
    }
    var element: Term?
    var value: Term?
    var hasValue = false
    if !isDefault, hasContains, at(.contains) {
      advance()
      element = try infix()
      if current.kind == .assign || current.kind == .unify {
        throw fault("cannot assign a value to a partial set rule", current)
      }
    } else if current.kind == .assign || current.kind == .unify {
      advance()
      value = try ruleValue()
      hasValue = true
    }
    if isDefault {
      guard hasValue else {
        throw fault("default rules must have a value (expected default value)", start)
      }
      try endStatement()
      try checkDefault(value, arguments ?? [], start)
      return [
        RuleSyntax(
          name: name, keys: keys, shape: arguments == nil ? .complete : .function,
          arguments: arguments ?? [], isDefault: true, element: nil,
          branches: [RuleSyntax.Branch(value: value, body: [], place: place(start))],
          place: place(start), lastLine: tokens[max(0, index - 1)].line)
      ]
    }
    var bodies: [[Literal]] = []
    if let body = try ruleBody(start) {
      bodies.append(body)
      while current.kind == .leftBrace, !current.startsLine {
        advance()
        bodies.append(try bracedBody())
      }
    }
    if bodies.isEmpty, !hasValue, element == nil {
      if isVersion0, keys.count == 1, arguments == nil {
        // `p["a"]` of version 0: an element of a set.
      } else if arguments == nil, keys.isEmpty, !isVersion0 || current.kind != .end {
        throw fault(
          "var cannot be used for rule name", nameToken)
      } else {
        throw fault("rule must have value assignment and/or body declaration", start)
      }
    }
    var shape = RuleSyntax.Shape.complete
    if arguments != nil { shape = .function }
    if element != nil { shape = .partialSet }
    if isVersion0, element == nil, !hasValue, arguments == nil, keys.count == 1,
      !hasIf || bodies.isEmpty
    {
      shape = .partialSet
      element = keys.removeLast()
    }
    var elses: [RuleSyntax.Branch] = []
    while at(.elseWord) {
      guard shape != .partialSet else {
        throw fault("else keyword cannot be used on multi-value rules", current)
      }
      guard !bodies.isEmpty else {
        throw fault("else keyword cannot be used on rules without a body", current)
      }
      let place = place(advance())
      var other: Term?
      if current.kind == .assign || current.kind == .unify {
        advance()
        other = try ruleValue()
      }
      let body = try ruleBody(start)
      elses.append(RuleSyntax.Branch(value: other, body: body ?? [], place: place))
      guard elses.count < Parser.elseLimit else {
        throw fault("more than \(Parser.elseLimit) else branches follow each other", current)
      }
    }
    if at(.with) {
      throw fault("expressions using with keyword cannot be used for rule head", start)
    }
    try endStatement()
    if bodies.isEmpty { bodies = [[]] }
    if bodies.count == 1, elses.isEmpty {
      return [
        RuleSyntax(
          name: name, keys: keys, shape: shape, arguments: arguments ?? [], isDefault: false,
          element: element,
          branches: [RuleSyntax.Branch(value: value, body: bodies[0], place: place(start))],
          place: place(start), lastLine: tokens[max(0, index - 1)].line)
      ]
    }
    return bodies.enumerated().map { number, body in
      let at =
        number == 0 || body.isEmpty ? place(start) : body[0].place
      return RuleSyntax(
        name: name, keys: keys, shape: shape, arguments: arguments ?? [], isDefault: false,
        element: element,
        branches: [RuleSyntax.Branch(value: value, body: body, place: at)]
          + (number == bodies.count - 1 ? elses : []), place: at,
        lastLine: tokens[max(0, index - 1)].line)
    }
  }

  private mutating func ruleValue() throws(SyntaxFault) -> Term {
    do throws(SyntaxFault) {
      return try infix()
    } catch {
      // OPA tells what it met, and then what it looked for.
      faults.append(error)
      throw unexpected("expected rule value term (e.g., x := <VALUE> { ... })")
    }
  }

  /// A default's value and arguments are known without evaluating anything.
  private func checkDefault(
    _ value: Term?, _ arguments: [Term], _ start: RegoToken
  ) throws(SyntaxFault) {
    if let value, let found = value.firstEvaluated {
      throw fault("illegal default rule (value cannot contain \(found))", start)
    }
    var names: Set<String> = []
    for argument in arguments {
      guard case .variable(let name) = argument.kind else {
        throw fault(
          "illegal default rule (arguments cannot contain \(argument.constantName))", start)
      }
      guard names.insert(name).inserted else {
        throw fault("illegal default rule (arguments cannot be repeated \(name))", start)
      }
    }
  }

  static let elseLimit = 10_000

  private mutating func bracedBody() throws(SyntaxFault) -> [Literal] {
    let body = try self.body(until: .rightBrace)
    guard !body.isEmpty else { throw unexpected("found empty body") }
    try expect(.rightBrace, "expected }")
    return body
  }

  /// Whether the brace here begins a pattern that something is assigned to or unified with.
  private func isObjectPattern() -> Bool {
    var open = 0
    var at = index
    while at < tokens.count {
      switch tokens[at].kind {
      case .leftBrace, .templateOpen: open += 1
      case .rightBrace, .templateClose:
        open -= 1
        if open == 0 {
          guard at + 1 < tokens.count else { return false }
          return tokens[at + 1].kind == .assign || tokens[at + 1].kind == .unify
        }
      default: break
      }
      at += 1
    }
    return false
  }

  /// The body of a rule or of an else branch, or nil if none stands here.
  private mutating func ruleBody(_ start: RegoToken) throws(SyntaxFault) -> [Literal]? {
    if hasIf, at(.ifWord) {
      advance()
      if current.kind == .leftBrace, !isObjectPattern() {
        advance()
        return try bracedBody()
      }
      return [try literal()]
    }
    guard current.kind == .leftBrace else { return nil }
    guard isVersion0 else {
      throw fault("`if` keyword is required before rule body", current)
    }
    advance()
    return try bracedBody()
  }
}

extension Term {
  /// The kind of a part that is known only when it is evaluated; those in comprehensions aside.
  fileprivate var firstEvaluated: String? {
    switch kind {
    case .constant, .arrayComprehension, .setComprehension, .objectComprehension, .template:
      return nil
    case .variable: return "var"
    case .reference: return "ref"
    case .call, .operation: return "call"
    case .array(let terms), .set(let terms):
      for term in terms { if let found = term.firstEvaluated { return found } }
      return nil
    case .object(let pairs):
      for pair in pairs {
        if let found = pair.key.firstEvaluated ?? pair.value.firstEvaluated { return found }
      }
      return nil
    }
  }

  fileprivate var constantName: String {
    if case .constant(let value) = kind { value.typeName } else { kindName }
  }
}
