import CanonicalJSON

/// A recursive-descent parser for Rego as OPA 1.x reads it (rego.v1).
struct Parser {
  let file: SourceFile
  var tokens: [Token]
  var index = 0
  var depth = 0
  /// How many wildcards have been named so far.
  var wildcards = 0
  /// Operators that one literal of a rule may hold in all: chains of them nest to the left.
  static let operatorLimit = 256
  static let depthLimit = 64
  /// Names in a path, and keys behind a reference.
  static let pathLimit = 64
  var operators = 0

  static let keywords: Set<String> = [
    "as", "contains", "default", "else", "every", "false", "if", "import", "in", "not", "null",
    "package", "some", "true", "with",
  ]

  init(_ file: SourceFile) throws(PolicyFault) {
    self.file = file
    var lexer = try Lexer(file)
    tokens = try lexer.tokens()
  }

  /// Parses a whole file.
  static func module(_ file: SourceFile) throws(PolicyFault) -> ModuleSyntax {
    var parser = try Parser(file)
    return try parser.module()
  }

  /// Parses a query: a body without a rule around it.
  static func query(_ file: SourceFile) throws(PolicyFault) -> Body {
    var parser = try Parser(file)
    let body = try parser.body(until: nil)
    guard parser.token.kind == .end else { throw parser.unexpected("the end of the query") }
    return body
  }

  var token: Token { tokens[index] }

  mutating func advance() {
    if index < tokens.count - 1 { index += 1 }
  }

  func isSymbol(_ symbol: String) -> Bool { token.kind == .symbol(symbol) }
  func isName(_ name: String) -> Bool { token.kind == .name(name) }

  mutating func skip(_ symbol: String) -> Bool {
    guard isSymbol(symbol) else { return false }
    advance()
    return true
  }

  mutating func skip(name: String) -> Bool {
    guard isName(name) else { return false }
    advance()
    return true
  }

  mutating func expect(_ symbol: String) throws(PolicyFault) {
    guard skip(symbol) else { throw unexpected("\"\(symbol)\"") }
  }

  func unexpected(_ expected: String) -> PolicyFault {
    fault("unexpected \(token.words): expected \(expected)", at: token.place)
  }

  func fault(_ message: String, at place: SourcePlace) -> PolicyFault {
    Lexer.fault(file, message, place.line, place.column)
  }

  mutating func identifier(_ what: String) throws(PolicyFault) -> String {
    guard case .name(let name) = token.kind, !Parser.keywords.contains(name) else {
      throw unexpected(what)
    }
    advance()
    return name
  }

  mutating func nested<Result>(
    _ body: (inout Parser) throws(PolicyFault) -> Result
  ) throws(PolicyFault) -> Result {
    if depth == 0 { operators = 0 }
    depth += 1
    defer { depth -= 1 }
    guard depth <= Parser.depthLimit else {
      throw fault("nested deeper than \(Parser.depthLimit) levels", at: token.place)
    }
    return try body(&self)
  }

  /// Counts one more operator of the literal that is being read.
  mutating func countOperator() throws(PolicyFault) {
    operators += 1
    guard operators <= Parser.operatorLimit else {
      throw fault("more than \(Parser.operatorLimit) operators in one expression", at: token.place)
    }
  }

  func checkPath(_ count: Int) throws(PolicyFault) {
    guard count <= Parser.pathLimit else {
      throw fault("more than \(Parser.pathLimit) names or keys in one reference", at: token.place)
    }
  }

  private mutating func module() throws(PolicyFault) -> ModuleSyntax {
    guard skip(name: "package") else { throw unexpected("\"package\"") }
    var path = try dottedPath()
    if path.first == "data" { path.removeFirst() }
    var imports: [String: [ByteString]] = [:]
    while isName("import") {
      advance()
      let place = token.place
      let target = try dottedPath()
      var name = target.last?.text ?? ""
      if skip(name: "as") { name = try identifier("a name") }
      switch target.first {
      case "rego", "future": continue
      case "input", "data": imports[name] = target
      default: throw fault("an import must begin with input, data, rego or future", at: place)
      }
    }
    var rules: [RuleSyntax] = []
    while token.kind != .end {
      guard token.startsLine || rules.isEmpty else { throw unexpected("a new line") }
      rules += try rule(package: path)
      _ = skip(";")
    }
    return ModuleSyntax(file: file, package: path, imports: imports, rules: rules)
  }

  /// Names parted by dots: `a.b["c"]`.
  mutating func dottedPath() throws(PolicyFault) -> [ByteString] {
    guard case .name(let first) = token.kind else { throw unexpected("a name") }
    advance()
    var path = [ByteString(first)]
    while true {
      try checkPath(path.count)
      if isSymbol("."), !token.startsLine {
        advance()
        guard case .name(let part) = token.kind else { throw unexpected("a name") }
        path.append(ByteString(part))
        advance()
      } else if isSymbol("["), !token.isSpaced {
        advance()
        guard case .string(let part) = token.kind else { throw unexpected("a string") }
        path.append(part)
        advance()
        try expect("]")
      } else {
        return path
      }
    }
  }
}
