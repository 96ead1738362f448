import CanonicalJSON

/// Whether two simple patterns (characters, `.`, `[a-z]`, each with `+` or `*`) match a text in
/// common.
///
/// All pairs of places are tried once: time is the product of their lengths, and is counted.
enum GlobIntersection {
  private struct Token {
    /// nil: any character.
    var ranges: [ClosedRange<UInt32>]?
    var canRepeat = false
    var canBeAbsent = false

    func meets(_ other: Token) -> Bool {
      guard let mine = ranges, let theirs = other.ranges else {
        return (ranges?.isEmpty ?? false) == false && (other.ranges?.isEmpty ?? false) == false
      }
      return mine.contains { range in theirs.contains { $0.overlaps(range) } }
    }
  }

  static func isNonEmpty(
    _ left: ByteString, _ right: ByteString, _ context: inout BuiltinContext
  ) throws(BuiltinFailure) -> Bool {
    let a = try tokens(left, &context)
    let b = try tokens(right, &context)
    let (product, overflow) = (a.count + 1).multipliedReportingOverflow(by: b.count + 1)
    guard !overflow else { throw .limit(.steps) }
    try context.charge(steps: product)
    try context.charge(bytes: product / 4)
    // A place in a pattern: before a token; after one of a repeating token it is there still.
    var seen = Set<[Int]>()
    var open = [[0, 0, 0, 0]]
    // Each place has two forms: the token not yet taken, or taken at least once.
    func push(_ i: Int, _ iTaken: Int, _ j: Int, _ jTaken: Int) {
      let state = [i, iTaken, j, jTaken]
      if seen.insert(state).inserted { open.append(state) }
    }
    while let state = open.popLast() {
      try context.charge(steps: 2)
      let (i, iTaken, j, jTaken) = (state[0], state[1], state[2], state[3])
      if i == a.count, j == b.count { return true }
      // Leave a token that may be absent or has been taken.
      if i < a.count, a[i].canBeAbsent || iTaken == 1 { push(i + 1, 0, j, jTaken) }
      if j < b.count, b[j].canBeAbsent || jTaken == 1 { push(i, iTaken, j + 1, 0) }
      guard i < a.count, j < b.count, a[i].meets(b[j]) else { continue }
      if iTaken == 1, !a[i].canRepeat { continue }
      if jTaken == 1, !b[j].canRepeat { continue }
      try context.charge(steps: (a[i].ranges?.count ?? 1) * (b[j].ranges?.count ?? 1))
      push(i, 1, j, 1)
    }
    return false
  }

  private static func tokens(
    _ pattern: ByteString, _ context: inout BuiltinContext
  ) throws(BuiltinFailure) -> [Token] {
    try context.charge(text: pattern.count)
    let scalars = Array(pattern.text.unicodeScalars)
    var index = 0
    func fault(_ message: String) -> BuiltinFailure {
      .failed("input:\(pattern.text), pos:\(index), \(message): the input provided is invalid")
    }
    func next() throws(BuiltinFailure) -> (scalar: Unicode.Scalar, isEscaped: Bool) {
      if scalars[index] == "\\" {
        guard index + 1 < scalars.count else {
          throw fault("input ends with a \\ (escape) character")
        }
        index += 2
        return (scalars[index - 1], true)
      }
      index += 1
      return (scalars[index - 1], false)
    }
    var tokens: [Token] = []
    while index < scalars.count {
      let (scalar, isEscaped) = try next()
      var token: Token
      switch scalar {
      case "." where !isEscaped: token = Token(ranges: nil)
      case "]" where !isEscaped: throw fault("set-close ']' with no preceding '['")
      case "+" where !isEscaped, "*" where !isEscaped:
        throw fault("flag '\(scalar)' must be preceded by a non-flag")
      case "[" where !isEscaped:
        var ranges: [ClosedRange<UInt32>] = []
        var previous: Unicode.Scalar?
        var isClosed = false
        while index < scalars.count {
          let (member, isEscaped) = try next()
          if member == "]", !isEscaped {
            isClosed = true
            break
          }
          if member == "-", !isEscaped {
            guard let low = previous else {
              throw fault("range character '-' must be preceded by a Unicode character")
            }
            guard index < scalars.count - 1 else {
              throw fault("range character '-' must be followed by a Unicode character")
            }
            let (high, isEscaped) = try next()
            if !isEscaped, high == "]" || high == "-" {
              throw fault("range character '-' cannot be followed by a special symbol")
            }
            guard low <= high else {
              throw fault("range is out of order: '\(high)' comes before '\(low)' in Unicode")
            }
            ranges.append(low.value...high.value)
            previous = nil
            continue
          }
          ranges.append(member.value...member.value)
          previous = member
        }
        guard isClosed else { throw fault("found [ without matching ]") }
        token = Token(ranges: ranges)
      default: token = Token(ranges: [scalar.value...scalar.value])
      }
      if index < scalars.count, scalars[index] == "+" || scalars[index] == "*" {
        token.canRepeat = true
        token.canBeAbsent = scalars[index] == "*"
        index += 1
      }
      tokens.append(token)
    }
    return tokens
  }
}
