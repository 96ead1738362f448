import CanonicalJSON

/// Parses one file of Rego: version 1, or version 0 where asked for.
struct Parser {
  /// How deep terms may nest, and operators follow each other.
  static let depthLimit: Int32 = 200
  static let pathLimit = 128

  let text: [UInt8]
  let number: Int32
  let tokens: [RegoToken]
  var index = 0
  var depth: Int32 = 0
  /// How many `_` were met: each is a variable of its own.
  var wildcards = 0
  /// Where no comprehension begins, although a `|` follows.
  var noHeads: Set<Int> = []
  /// Words that are keywords in this file beside those that always are.
  var hasIf: Bool
  var hasContains: Bool
  var hasIn: Bool
  var hasEvery: Bool
  var isVersion0: Bool
  /// Names that were met: most stand in many places.
  private var names = [ByteString?](repeating: nil, count: 256)
  /// Whether literals may be read as ``Literal/Kind/inputEquals(path:_:)``: a query needs their terms.
  var isModule = false
  /// Paths of the input that were met, and their numbers by their text.
  var inputPaths: [[Value]] = []
  var inputPathNumbers: [ByteString: Int32] = [:]
  /// For the paths met last: where each stood, and its number.
  var recentPaths = [(range: Range<Int>, number: Int32)](repeating: (0..<0, -1), count: 64)
  /// Faults that do not stop the parser.
  var faults: [SyntaxFault] = []

  init(tokens: [RegoToken], text: [UInt8], number: Int32, isVersion0: Bool) {
    self.tokens = tokens
    self.text = text
    self.number = number
    self.isVersion0 = isVersion0
    hasIf = !isVersion0
    hasContains = !isVersion0
    hasIn = !isVersion0
    hasEvery = !isVersion0
  }

  /// Parses a file; every fault found, sorted by place.
  static func module(
    _ file: SourceFile, number: Int32, isVersion0: Bool = false
  ) throws(PolicyFault) -> ModuleSyntax {
    var module = ModuleSyntax(file: file, number: number)
    var faults: [SyntaxFault] = []
    do throws(SyntaxFault) {
      var scanner = try scanned(file)
      swap(&module.comments, &scanner.1)
      var parser = Parser(
        tokens: scanner.0, text: file.text, number: number, isVersion0: isVersion0)
      parser.isModule = true
      do throws(SyntaxFault) {
        try parser.parse(into: &module)
        module.inputPaths = parser.inputPaths
        faults = parser.faults
      } catch {
        faults = parser.faults + [error]
      }
    } catch {
      faults = [error]
    }
    guard faults.isEmpty else { throw invalid(faults, file) }
    return module
  }

  /// Parses the body of a query.
  static func query(_ file: SourceFile, number: Int32) throws(PolicyFault) -> [Literal] {
    do throws(SyntaxFault) {
      var parser = Parser(
        tokens: try scanned(file).0, text: file.text, number: number, isVersion0: false)
      let body = try parser.body(until: .end)
      guard !body.isEmpty else { throw parser.fault("empty query", parser.current) }
      return body
    } catch {
      throw invalid([error], file)
    }
  }

  private static func scanned(
    _ file: SourceFile
  ) throws(SyntaxFault) -> ([RegoToken], [Comment]) {
    guard file.text.count <= SourceFile.byteLimit else {
      throw SyntaxFault(
        message: "the file is larger than \(SourceFile.byteLimit) bytes", line: 1, column: 1)
    }
    guard ByteString(validating: file.text) != nil else {
      throw SyntaxFault(message: "the file is not valid UTF-8", line: 1, column: 1)
    }
    var scanner = Scanner(file.text)
    try scanner.scan()
    return (scanner.tokens, scanner.comments)
  }

  private static func invalid(_ faults: [SyntaxFault], _ file: SourceFile) -> PolicyFault {
    .invalid(
      faults.map {
        Diagnostic(
          code: $0.code, message: $0.message,
          place: SourcePlace(file: file.name, line: Int($0.line), column: Int($0.column)),
          line: file.line(Int($0.line)))
      }.sorted { $0.place < $1.place })
  }
}

// MARK: - tokens
extension Parser {
  var current: RegoToken { tokens[index] }

  func peek(_ distance: Int = 1) -> RegoToken { tokens[min(index + distance, tokens.count - 1)] }

  @discardableResult
  mutating func advance() -> RegoToken {
    let token = tokens[index]
    if index < tokens.count - 1 { index += 1 }
    return token
  }

  func place(_ token: RegoToken) -> Place {
    Place(file: number, line: token.line, column: token.column)
  }

  func textOf(_ token: RegoToken) -> String {
    String(decoding: text[Int(token.start)..<Int(token.end)], as: UTF8.self)
  }

  /// The text of a name, shared with the places where it stood before.
  mutating func nameOf(_ token: RegoToken) -> ByteString {
    let range = Int(token.start)..<Int(token.end)
    var slot = range.count
    for index in range { slot = (slot &* 31 &+ Int(text[index])) & 255 }
    if let known = names[slot], isText(known, at: range) { return known }
    let name = slice(range)
    names[slot] = name
    return name
  }

  private func isText(_ name: ByteString, at range: Range<Int>) -> Bool {
    guard name.count == range.count else { return false }
    for (offset, index) in range.enumerated() where name.bytes[offset] != text[index] {
      return false
    }
    return true
  }

  func fault(_ message: String, _ token: RegoToken) -> SyntaxFault {
    SyntaxFault(message: message, line: token.line, column: token.column)
  }

  /// As OPA says it: `unexpected eof token: expected \n or ;`.
  func unexpected(_ expected: String? = nil) -> SyntaxFault {
    let token = current
    let what = "unexpected \(token.name) \(isKeyword(token) ? "keyword" : "token")"
    return fault(expected.map { "\(what): \($0)" } ?? what, token)
  }

  mutating func expect(_ kind: RegoToken.Kind, _ expected: String) throws(SyntaxFault) {
    guard current.kind == kind else { throw unexpected(expected) }
    advance()
  }

  mutating func accept(_ kind: RegoToken.Kind) -> Bool {
    guard current.kind == kind else { return false }
    advance()
    return true
  }

  /// Whether a token is a keyword here: of words that a reference may begin with, only where no
  /// reference goes on from it.
  func isKeyword(_ token: RegoToken) -> Bool {
    guard token.kind == .identifier else { return false }
    switch token.keyword {
    case .none: return false
    case .ifWord: return hasIf
    case .contains: return hasContains
    case .inWord: return hasIn
    case .every: return hasEvery
    default: return true
    }
  }

  /// Whether the current token is this keyword and no name that a reference goes on from.
  func at(_ keyword: RegoToken.Keyword) -> Bool {
    let token = current
    guard token.kind == .identifier, token.keyword == keyword, isKeyword(token) else {
      return false
    }
    return !goesOn(token)
  }

  /// Whether a word that may be a keyword is a name: a reference or a call goes on from it.
  private func goesOn(_ token: RegoToken) -> Bool {
    let next = peek()
    guard !next.isSpaced, next.line == token.line else { return false }
    return next.kind == .dot || next.kind == .leftParen && token.keyword == .contains
  }

  mutating func acceptKeyword(_ keyword: RegoToken.Keyword) -> Bool {
    guard at(keyword) else { return false }
    advance()
    return true
  }

  /// Whether the current token may stand as a name.
  var atName: Bool {
    let token = current
    guard token.kind == .identifier else { return false }
    guard isKeyword(token) else { return true }
    return goesOn(token)
  }

  mutating func nest<Result>(
    _ body: (inout Parser) throws(SyntaxFault) -> Result
  ) throws(SyntaxFault) -> Result {
    depth += 1
    guard depth <= Parser.depthLimit else { throw fault("max recursion depth exceeded", current) }
    let result = try body(&self)
    depth -= 1
    return result
  }

  func term(_ kind: Term.Kind, _ at: Place) throws(SyntaxFault) -> Term {
    let deepest: Int32
    switch kind {
    case .constant, .variable: return Term(kind: kind, place: at, levels: 0)
    case .reference(let head, let keys): deepest = max(head.levels, keys.deepest)
    case .array(let terms), .set(let terms), .operation(_, let terms), .template(let terms),
      .call(_, let terms):
      deepest = terms.deepest
    case .object(let pairs):
      deepest = pairs.reduce(0) { max($0, $1.key.levels, $1.value.levels) }
    case .arrayComprehension(let head, let body), .setComprehension(let head, let body):
      deepest = body.reduce(head.levels) { max($0, $1.levels) }
    case .objectComprehension(let key, let value, let body):
      deepest = body.reduce(max(key.levels, value.levels)) { max($0, $1.levels) }
    }
    guard deepest < Parser.depthLimit else {
      throw SyntaxFault(
        message: "max recursion depth exceeded", line: at.line, column: at.column)
    }
    return Term(kind: kind, place: at, levels: deepest + 1)
  }
}

extension [Term] {
  /// How deep the deepest of them nests.
  fileprivate var deepest: Int32 {
    var deepest: Int32 = 0
    for index in indices { deepest = Swift.max(deepest, self[index].levels) }
    return deepest
  }
}

extension Literal {
  /// How deep its terms nest.
  var levels: Int32 {
    var deepest: Int32 = 0
    switch kind {
    case .expression(let term): deepest = term.levels
    case .inputEquals: deepest = 2
    case .unify(let left, let right), .assign(let left, let right):
      deepest = max(left.levels, right.levels)
    case .someVariables: break
    case .someIn(let key, let value, let domain):
      deepest = max(key?.levels ?? 0, value.levels, domain.levels)
    case .every(_, _, let domain, let body):
      deepest = domain.levels
      for literal in body { deepest = max(deepest, literal.levels) }
      deepest += 1
    }
    for modifier in modifiers { deepest = max(deepest, modifier.value.levels) }
    return deepest
  }
}
