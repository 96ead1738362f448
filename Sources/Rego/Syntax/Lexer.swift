import CanonicalJSON

/// Turns policy text into tokens.
struct Lexer {
  private let scalars: [Unicode.Scalar]
  private let file: SourceFile
  private var index = 0
  private var line = 1
  private var column = 1

  private static let symbols = [
    ":=", "==", "!=", "<=", ">=", "=", "<", ">", "+", "-", "*", "/", "%", "&", "|", "(", ")", "[",
    "]", "{", "}", ",", ";", ":", ".",
  ].map { Array($0.unicodeScalars) }

  init(_ file: SourceFile) throws(PolicyFault) {
    self.file = file
    guard file.text.count <= SourceFile.byteLimit else {
      throw Lexer.fault(file, "the file is larger than \(SourceFile.byteLimit) bytes", 1, 1)
    }
    guard let text = ByteString(validating: file.text) else {
      throw Lexer.fault(file, "the file is not valid UTF-8", 1, 1)
    }
    scalars = Array(text.text.unicodeScalars)
  }

  static func fault(
    _ file: SourceFile, _ message: String, _ line: Int, _ column: Int,
    code: String = "rego_parse_error"
  ) -> PolicyFault {
    .invalid([
      Diagnostic(
        code: code, message: message,
        place: SourcePlace(file: file.name, line: line, column: column), line: file.line(line))
    ])
  }

  mutating func tokens() throws(PolicyFault) -> [Token] {
    var tokens: [Token] = []
    while true {
      let startLine = line
      let before = index
      skipSpace()
      let startsLine = line > startLine || tokens.isEmpty
      let place = SourcePlace(file: file.name, line: line, column: column)
      let isSpaced = index > before
      let kind = try next()
      tokens.append(Token(kind: kind, place: place, startsLine: startsLine, isSpaced: isSpaced))
      if kind == .end { return tokens }
    }
  }

  private mutating func advance() {
    if scalars[index] == "\n" {
      line += 1
      column = 1
    } else {
      column += 1
    }
    index += 1
  }

  private mutating func skipSpace() {
    while index < scalars.count {
      switch scalars[index] {
      case " ", "\t", "\r", "\n": advance()
      case "#": while index < scalars.count, scalars[index] != "\n" { advance() }
      default: return
      }
    }
  }

  private mutating func next() throws(PolicyFault) -> Token.Kind {
    guard index < scalars.count else { return .end }
    let scalar = scalars[index]
    if Lexer.isLetter(scalar) { return .name(take { Lexer.isLetter($0) || Lexer.isDigit($0) }) }
    if Lexer.isDigit(scalar) { return .number(try number()) }
    if scalar == "\"" { return .string(try quoted()) }
    if scalar == "`" { return .string(try raw()) }
    for symbol in Lexer.symbols where scalars[index...].starts(with: symbol) {
      for _ in symbol { advance() }
      return .symbol(String(String.UnicodeScalarView(symbol)))
    }
    throw Lexer.fault(file, "illegal character \(scalar.debugDescription)", line, column)
  }

  private mutating func take(while test: (Unicode.Scalar) -> Bool) -> String {
    var text = String.UnicodeScalarView()
    while index < scalars.count, test(scalars[index]) {
      text.append(scalars[index])
      advance()
    }
    return String(text)
  }

  private mutating func number() throws(PolicyFault) -> String {
    let start = (line, column)
    var text = take(while: Lexer.isDigit)
    if text.utf8.count > 1, text.hasPrefix("0") {
      throw Lexer.fault(file, "a number cannot begin with 0", start.0, start.1)
    }
    if index + 1 < scalars.count, scalars[index] == ".", Lexer.isDigit(scalars[index + 1]) {
      advance()
      text += "." + take(while: Lexer.isDigit)
    }
    if index < scalars.count, scalars[index] == "e" || scalars[index] == "E" {
      advance()
      text += "e"
      if index < scalars.count, scalars[index] == "-" || scalars[index] == "+" {
        text.unicodeScalars.append(scalars[index])
        advance()
      }
      let exponent = take(while: Lexer.isDigit)
      guard !exponent.isEmpty else {
        throw Lexer.fault(file, "a number ends in its exponent's sign", start.0, start.1)
      }
      text += exponent
    }
    return text
  }

  private mutating func quoted() throws(PolicyFault) -> ByteString {
    let start = (line, column)
    var text = String.UnicodeScalarView()
    text.append("\"")
    advance()
    while index < scalars.count, scalars[index] != "\n" {
      let scalar = scalars[index]
      text.append(scalar)
      advance()
      if scalar == "\"" {
        guard let value = try? JSONParser.parse(Array(String(text).utf8)),
          case .string(let inner) = value
        else { throw Lexer.fault(file, "the string holds a wrong escape", start.0, start.1) }
        return inner
      }
      if scalar == "\\", index < scalars.count {
        text.append(scalars[index])
        advance()
      }
    }
    throw Lexer.fault(file, "the string is not closed on its line", start.0, start.1)
  }

  private mutating func raw() throws(PolicyFault) -> ByteString {
    let start = (line, column)
    advance()
    let text = take { $0 != "`" }
    guard index < scalars.count else {
      throw Lexer.fault(file, "the raw string is not closed", start.0, start.1)
    }
    advance()
    return ByteString(text)
  }

  private static func isLetter(_ scalar: Unicode.Scalar) -> Bool {
    scalar == "_" || ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar)
  }

  private static func isDigit(_ scalar: Unicode.Scalar) -> Bool {
    ("0"..."9").contains(scalar)
  }
}
