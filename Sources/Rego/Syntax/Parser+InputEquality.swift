import CanonicalJSON

/// `input.a.b == "x"`: of policies with many rules most literals are of this kind, so that they are read
/// without making terms. Whatever is not exactly this is left to the other functions of the parser.
extension Parser {
  /// Such a literal, or nil (and nothing read) if none stands here.
  mutating func inputEquality() -> Literal? {
    // In a query the terms are needed; nested bodies are few.
    guard isModule, depth <= 1 else { return nil }
    let start = tokens[index]
    guard start.kind == .identifier, start.end - start.start == 5, isInput(start) else {
      return nil
    }
    var at = index + 1
    while tokens[at].kind == .dot, !tokens[at].isSpaced, tokens[at + 1].kind == .identifier,
      !tokens[at + 1].isSpaced
    {
      at += 2
    }
    let parts = (at - index - 1) / 2
    guard parts > 0, parts <= Parser.pathLimit, tokens[at].kind == .equal,
      let constant = scalar(tokens[at + 1]), endsLiteral(at + 2)
    else { return nil }
    let path = inputPath(index + 2, to: at)
    index = at + 2
    return Literal(
      kind: .inputEquals(path: path, constant), isNegated: false, modifiers: [],
      place: place(start), range: start.start..<tokens[at + 1].end)
  }

  private func isInput(_ token: RegoToken) -> Bool {
    let start = Int(token.start)
    return text[start] == UInt8(ascii: "i") && text[start + 1] == UInt8(ascii: "n")
      && text[start + 2] == UInt8(ascii: "p") && text[start + 3] == UInt8(ascii: "u")
      && text[start + 4] == UInt8(ascii: "t")
  }

  /// A text without escapes, or a boolean.
  private func scalar(_ token: RegoToken) -> Value? {
    switch (token.kind, token.keyword) {
    case (.string, _):
      let inner = Int(token.start) + 1..<Int(token.end) - 1
      return isPlain(inner) ? .string(slice(inner)) : nil
    case (.identifier, .trueWord): return .bool(true)
    case (.identifier, .falseWord): return .bool(false)
    default: return nil
    }
  }

  /// Whether nothing goes on from the literal before a token.
  private func endsLiteral(_ index: Int) -> Bool {
    let token = tokens[index]
    switch token.kind {
    case .rightBrace, .semicolon, .end: return true
    case .identifier: return token.startsLine && token.keyword == .none
    default: return false
    }
  }

  /// The number of the path whose names stand from one token up to another.
  private mutating func inputPath(_ first: Int, to end: Int) -> Int32 {
    let range = Int(tokens[first].start)..<Int(tokens[end - 1].end)
    var slot = range.count
    for index in range { slot = (slot &* 31 &+ Int(text[index])) & 63 }
    let recent = recentPaths[slot]
    if recent.number >= 0, isSame(recent.range, range) { return recent.number }
    let name = slice(range)
    let number: Int32
    if let known = inputPathNumbers[name] {
      number = known
    } else {
      number = Int32(inputPaths.count)
      inputPaths.append(
        stride(from: first, to: end, by: 2).map { .string(nameOf(tokens[$0])) })
      inputPathNumbers[name] = number
    }
    recentPaths[slot] = (range, number)
    return number
  }

  private func isSame(_ one: Range<Int>, _ other: Range<Int>) -> Bool {
    guard one.count == other.count else { return false }
    for offset in 0..<one.count
    where text[one.lowerBound + offset] != text[other.lowerBound + offset] {
      return false
    }
    return true
  }
}
