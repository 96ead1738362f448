/// Parses a glob (`*`, `**`, `?`, `[abc]`, `[!a-z]`, `{a,b}`, `\`) to what the pattern machine runs.
struct GlobParser {
  private let pattern: [Unicode.Scalar]
  private var index = 0
  private let exceptDelimiters: RegexNode
  private var groups: [Group] = [Group()]

  private struct Group {
    var alternatives: [RegexNode] = []
    var sequence: [RegexNode] = []
    /// How deep its members nest.
    var depth = 0

    mutating func closeAlternative() {
      alternatives.append(sequence.isEmpty ? .empty : .sequence(sequence))
      sequence = []
    }
  }

  private init(_ pattern: String, delimiters: [Unicode.Scalar]) {
    self.pattern = Array(pattern.unicodeScalars)
    let items = delimiters.map { RegexSet.Item($0, $0) }
    exceptDelimiters = .set(items.isEmpty ? .any : RegexSet(items, isNegated: true))
  }

  /// A pattern that matches whole texts.
  static func parse(
    _ pattern: String, delimiters: [Unicode.Scalar]
  ) throws(BuiltinFailure) -> RegexNode {
    var parser = GlobParser(pattern, delimiters: delimiters)
    try parser.parse()
    return .sequence([.assertion(.textStart), try parser.closeAll(), .assertion(.textEnd)])
  }

  private mutating func append(_ node: RegexNode) {
    groups[groups.count - 1].sequence.append(node)
  }

  private mutating func close() throws(BuiltinFailure) {
    var group = groups.removeLast()
    group.closeAlternative()
    let depth = group.depth + 1
    guard depth <= RegexParser.nestingLimit else { throw .failed("pattern nests too deeply") }
    groups[groups.count - 1].depth = max(groups[groups.count - 1].depth, depth)
    append(.alternatives(group.alternatives))
  }

  /// Ends what is still open: a brace need not be closed.
  private mutating func closeAll() throws(BuiltinFailure) -> RegexNode {
    while groups.count > 1 { try close() }
    groups[0].closeAlternative()
    return groups[0].alternatives[0]
  }

  private mutating func parse() throws(BuiltinFailure) {
    while index < pattern.count {
      let scalar = pattern[index]
      index += 1
      switch scalar {
      case "{":
        groups.append(Group())
      case "," where groups.count > 1:
        groups[groups.count - 1].closeAlternative()
      case "}" where groups.count > 1:
        try close()
      case "[": append(.set(try characters()))
      case "?": append(exceptDelimiters)
      case "*":
        if index < pattern.count, pattern[index] == "*" {
          index += 1
          append(.repetition(.set(.any), minimum: 0, maximum: nil, isGreedy: true))
        } else {
          append(.repetition(exceptDelimiters, minimum: 0, maximum: nil, isGreedy: true))
        }
      case "\\":
        guard index < pattern.count else { return }
        append(.scalar(pattern[index]))
        index += 1
      default: append(.scalar(scalar))
      }
    }
  }

  /// What stands between brackets: a range, or a list of characters.
  private mutating func characters() throws(BuiltinFailure) -> RegexSet {
    let end = BuiltinFailure.failed("unexpected end of input")
    var isNegated = false
    if index < pattern.count, pattern[index] == "!" {
      isNegated = true
      index += 1
    }
    guard index < pattern.count else { throw end }
    if index + 1 < pattern.count, pattern[index + 1] == "-" {
      guard index + 2 < pattern.count else { throw end }
      let (low, high) = (pattern[index], pattern[index + 2])
      index += 3
      guard index < pattern.count else { throw end }
      guard pattern[index] == "]" else { throw .failed("expected close range character") }
      index += 1
      guard low <= high else {
        throw .failed("hi character '\(high)' should be greater than lo '\(low)'")
      }
      return RegexSet([RegexSet.Item(low, high)], isNegated: isNegated)
    }
    var items: [RegexSet.Item] = []
    while index < pattern.count, pattern[index] != "]" {
      if pattern[index] == "\\" { index += 1 }
      guard index < pattern.count else { throw end }
      items.append(RegexSet.Item(pattern[index], pattern[index]))
      index += 1
    }
    guard index < pattern.count else { throw end }
    index += 1
    guard !items.isEmpty else { throw .failed("could not parse range") }
    return RegexSet(items, isNegated: isNegated)
  }
}
