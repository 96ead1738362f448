import CanonicalJSON

/// A comment, from after its `#` to the end of its line.
struct Comment {
  let text: String
  let line: Int32
  let column: Int32
}

/// What is wrong with a policy's text, at a place in one file.
struct SyntaxFault: Error {
  let message: String
  let line: Int32
  let column: Int32
  var code = "rego_parse_error"
}

/// Turns policy text into tokens, without recursion: templates nest on a stack of its own.
struct Scanner {
  private enum Mode {
    /// In a template's expression: how many braces are open in it, and whether the template is raw.
    case expression(braces: Int, raw: Bool)
    case template(raw: Bool)
  }

  private let text: [UInt8]
  private var index = 0
  private var line: Int32 = 1
  private var lineStart = 0
  /// Bytes of this line before `index` that continue a character.
  private var continuations = 0
  private var modes: [Mode] = []
  private(set) var tokens: [RegoToken] = []
  private(set) var comments: [Comment] = []

  static let templateDepth = 32

  init(_ text: [UInt8]) {
    self.text = text
    tokens.reserveCapacity(text.count / 4)
  }

  private var column: Int32 { Int32(index - lineStart - continuations + 1) }

  private func fault(_ message: String) -> SyntaxFault {
    SyntaxFault(message: message, line: line, column: column)
  }

  private func peek(_ distance: Int = 0) -> UInt8 {
    index + distance < text.count ? text[index + distance] : 0
  }

  private mutating func newline() {
    index += 1
    line += 1
    lineStart = index
    continuations = 0
  }

  /// All tokens; the last is the end.
  mutating func scan() throws(SyntaxFault) {
    var previousLine: Int32 = 0
    while true {
      if !modes.isEmpty, case .template(let raw)? = modes.last {
        try templateText(raw: raw)
        continue
      }
      let before = index
      try skipSpace()
      let spaced = index > before
      let startsLine = line != previousLine
      previousLine = line
      let start = index
      let (tokenLine, tokenColumn) = (line, column)
      var token = RegoToken(
        kind: .end, startsLine: startsLine, isSpaced: spaced, start: Int32(start),
        end: Int32(start), line: tokenLine, column: tokenColumn)
      guard index < text.count else {
        guard modes.isEmpty else { throw fault("unterminated template string") }
        tokens.append(token)
        return
      }
      try next(&token)
      token.end = Int32(index)
      tokens.append(token)
      previousLine = line
    }
  }

  @inline(__always)
  private mutating func skipSpace() throws(SyntaxFault) {
    while index < text.count {
      // Most tokens follow another at once.
      guard text[index] <= 0x23 else { return }
      switch text[index] {
      case 0x20, 0x09, 0x0D: index += 1
      case 0x0A: newline()
      case UInt8(ascii: "#"):
        let at = column
        let start = index + 1
        while index < text.count, text[index] != 0x0A { index += 1 }
        var end = index
        if end > start, text[end - 1] == 0x0D { end -= 1 }
        comments.append(
          Comment(
            text: String(decoding: text[start..<end], as: UTF8.self), line: line, column: at))
      default: return
      }
    }
  }

  private static func isLetter(_ byte: UInt8) -> Bool {
    (byte | 0x20) &- 0x61 < 26 || byte == 0x5F
  }

  private static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }

  private mutating func next(_ token: inout RegoToken) throws(SyntaxFault) {
    let byte = text[index]
    if Scanner.isLetter(byte) {
      let start = index
      var end = index + 1
      while end < text.count, Scanner.isLetter(text[end]) || Scanner.isDigit(text[end]) { end += 1 }
      index = end
      token.kind = .identifier
      token.keyword = keyword(start..<index)
      return
    }
    if Scanner.isDigit(byte) {
      token.kind = .number
      try number()
      return
    }
    switch byte {
    case UInt8(ascii: "\""):
      token.kind = .string
      try string()
    case UInt8(ascii: "`"):
      token.kind = .rawString
      index += 1
      while index < text.count, text[index] != UInt8(ascii: "`") { step() }
      guard index < text.count else { throw fault("non-terminated string") }
      index += 1
    case UInt8(ascii: "$"):
      guard peek(1) == UInt8(ascii: "\"") || peek(1) == UInt8(ascii: "`") else {
        throw fault("illegal $ character")
      }
      guard modes.count < Scanner.templateDepth * 2 else {
        throw fault("template strings nest too deeply")
      }
      token.kind = .templateStart
      modes.append(.template(raw: peek(1) == UInt8(ascii: "`")))
      index += 2
    default: try sign(byte, &token)
    }
  }

  private mutating func sign(_ byte: UInt8, _ token: inout RegoToken) throws(SyntaxFault) {
    func followed(by other: UInt8) -> Bool { peek(1) == other }
    let equals = UInt8(ascii: "=")
    var length = 1
    switch byte {
    case UInt8(ascii: ":"):
      if followed(by: equals) { (token.kind, length) = (.assign, 2) } else { token.kind = .colon }
    case equals:
      if followed(by: equals) { (token.kind, length) = (.equal, 2) } else { token.kind = .unify }
    case UInt8(ascii: "!"):
      guard followed(by: equals) else { throw fault("illegal ! character") }
      (token.kind, length) = (.notEqual, 2)
    case UInt8(ascii: "<"):
      if followed(by: equals) {
        (token.kind, length) = (.lessOrEqual, 2)
      } else {
        token.kind = .less
      }
    case UInt8(ascii: ">"):
      if followed(by: equals) {
        (token.kind, length) = (.greaterOrEqual, 2)
      } else {
        token.kind = .greater
      }
    case UInt8(ascii: "+"): token.kind = .plus
    case UInt8(ascii: "-"): token.kind = .minus
    case UInt8(ascii: "*"): token.kind = .times
    case UInt8(ascii: "/"): token.kind = .divide
    case UInt8(ascii: "%"): token.kind = .remainder
    case UInt8(ascii: "&"): token.kind = .and
    case UInt8(ascii: "|"): token.kind = .or
    case UInt8(ascii: "("): token.kind = .leftParen
    case UInt8(ascii: ")"): token.kind = .rightParen
    case UInt8(ascii: "["): token.kind = .leftBracket
    case UInt8(ascii: "]"): token.kind = .rightBracket
    case UInt8(ascii: ","): token.kind = .comma
    case UInt8(ascii: ";"): token.kind = .semicolon
    case UInt8(ascii: "."): token.kind = .dot
    case UInt8(ascii: "{"):
      token.kind = .leftBrace
      if case .expression(let braces, let raw)? = modes.last {
        modes[modes.count - 1] = .expression(braces: braces + 1, raw: raw)
      }
    case UInt8(ascii: "}"):
      token.kind = .rightBrace
      if case .expression(let braces, let raw)? = modes.last {
        if braces == 0 {
          token.kind = .templateClose
          modes.removeLast()
          modes.append(.template(raw: raw))
        } else {
          modes[modes.count - 1] = .expression(braces: braces - 1, raw: raw)
        }
      }
    default:
      let shown =
        String(
          decoding: text[index..<min(text.count, index + 4)], as: UTF8.self
        ).unicodeScalars.first.map { String(Character($0)) } ?? ""
      throw fault("illegal token: \(shown)")
    }
    index += length
  }

  /// Steps over one byte of text that may span lines and hold characters of several bytes.
  private mutating func step() {
    if text[index] == 0x0A {
      newline()
    } else {
      if text[index] & 0xC0 == 0x80 { continuations += 1 }
      index += 1
    }
  }

  private mutating func string() throws(SyntaxFault) {
    let (startLine, startColumn) = (line, column)
    index += 1
    while true {
      guard index < text.count, text[index] != 0x0A else {
        throw SyntaxFault(
          message: "non-terminated string", line: startLine, column: startColumn)
      }
      // Most texts are plain ASCII.
      var end = index
      while end < text.count, text[end] != UInt8(ascii: "\""), text[end] != UInt8(ascii: "\\"),
        text[end] < 0x80, text[end] != 0x0A
      {
        end += 1
      }
      index = end
      guard index < text.count, text[index] != 0x0A else { continue }
      if text[index] == UInt8(ascii: "\"") { break }
      if text[index] == UInt8(ascii: "\\") {
        index += 1
        guard index < text.count, text[index] != 0x0A else {
          throw SyntaxFault(
            message: "non-terminated string", line: startLine, column: startColumn)
        }
      }
      step()
    }
    index += 1
  }

  private mutating func number() throws(SyntaxFault) {
    let start = index
    while Scanner.isDigit(peek()) { index += 1 }
    if text[start] == UInt8(ascii: "0"), index - start > 1 {
      throw fault("expected number")
    }
    if peek() == UInt8(ascii: "."), Scanner.isDigit(peek(1)) {
      index += 1
      while Scanner.isDigit(peek()) { index += 1 }
    } else if peek() == UInt8(ascii: ".") {
      throw fault("expected fraction")
    }
    if peek() | 0x20 == UInt8(ascii: "e") {
      index += 1
      if peek() == UInt8(ascii: "+") || peek() == UInt8(ascii: "-") { index += 1 }
      guard Scanner.isDigit(peek()) else { throw fault("expected exponent") }
      while Scanner.isDigit(peek()) { index += 1 }
    }
    if Scanner.isLetter(peek()) { throw fault("illegal number format") }
  }

  /// The text of a template up to an expression or its end.
  private mutating func templateText(raw: Bool) throws(SyntaxFault) {
    let start = index
    let (tokenLine, tokenColumn) = (line, column)
    let quote = raw ? UInt8(ascii: "`") : UInt8(ascii: "\"")
    func token(_ kind: RegoToken.Kind) -> RegoToken {
      RegoToken(
        kind: kind, startsLine: false, isSpaced: false, start: Int32(start), end: Int32(index),
        line: tokenLine, column: tokenColumn)
    }
    while index < text.count {
      let byte = text[index]
      if byte == quote {
        if index > start { tokens.append(token(.templateText)) }
        index += 1
        tokens.append(token(.templateEnd))
        modes.removeLast()
        return
      }
      if byte == UInt8(ascii: "{") {
        if index > start { tokens.append(token(.templateText)) }
        index += 1
        tokens.append(token(.templateOpen))
        modes.removeLast()
        modes.append(.expression(braces: 0, raw: raw))
        return
      }
      if byte == UInt8(ascii: "\\"), !raw || peek(1) == UInt8(ascii: "{") {
        index += 1
        guard index < text.count else { break }
      } else if byte == 0x0A, !raw {
        break
      }
      step()
    }
    throw SyntaxFault(
      message: "non-terminated string", line: tokenLine, column: tokenColumn)
  }

  private static let keywords: [(StaticString, RegoToken.Keyword)] = [
    ("as", .asWord), ("default", .defaultWord), ("else", .elseWord), ("false", .falseWord),
    ("if", .ifWord),
    ("import", .importWord), ("package", .packageWord), ("not", .not), ("null", .null),
    ("some", .some), ("true", .trueWord), ("with", .with), ("contains", .contains),
    ("every", .every), ("in", .inWord),
  ]

  private func keyword(_ range: Range<Int>) -> RegoToken.Keyword {
    guard range.count <= 8 else { return .none }
    switch Unicode.Scalar(text[range.lowerBound]) {
    case "a", "c", "d", "e", "f", "i", "n", "p", "s", "t", "w": break
    // No keyword begins with another letter.
    default: return .none
    }
    for (word, keyword) in Scanner.keywords where word.utf8CodeUnitCount == range.count {
      var index = range.lowerBound
      var matches = true
      word.withUTF8Buffer { buffer in
        for byte in buffer {
          if text[index] != byte {
            matches = false
            break
          }
          index += 1
        }
      }
      if matches { return keyword }
    }
    return .none
  }
}
