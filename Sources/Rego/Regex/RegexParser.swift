/// Parses RE2's syntax as Go's `regexp` does; never recurses on the pattern.
struct RegexParser {
  /// How deep groups and repetitions may nest: what is made of a pattern recurses as deep.
  static let nestingLimit = 200
  static let repeatLimit = 1000

  struct Flags {
    var foldsCase = false
    var isMultiline = false
    var dotMatchesNewline = false
    var isUngreedy = false
  }

  /// A group that is open: what it was before, and the alternatives so far.
  struct Group {
    var flags: Flags
    var capture: Int?
    var alternatives: [RegexNode] = []
    var sequence: [Piece] = []
  }

  /// Part of a sequence, with how deep it nests and how often it repeats at most.
  struct Piece {
    var node: RegexNode
    var depth = 0
    /// The greatest product of nested repeat counts in it.
    var repeats = 1
  }

  let pattern: [Unicode.Scalar]
  var index = 0
  var flags = Flags()
  var groups: [Group] = []
  var alternativesDepth: [Int] = []
  var alternativesRepeats: [Int] = []
  private(set) var captureNames: [String?] = [nil]

  private init(_ pattern: String) {
    self.pattern = Array(pattern.unicodeScalars)
  }

  static func parse(
    _ pattern: String
  ) throws(RegexFault) -> (node: RegexNode, captureNames: [String?]) {
    var parser = RegexParser(pattern)
    let node = try parser.parse()
    return (node, parser.captureNames)
  }

  func text(_ start: Int, _ end: Int? = nil) -> String {
    var view = String.UnicodeScalarView()
    view.append(contentsOf: pattern[start..<(end ?? pattern.count)])
    return String(view)
  }

  func fault(_ code: RegexFault.Code, _ start: Int, _ end: Int? = nil) -> RegexFault {
    RegexFault(code: code, text: text(start, end))
  }

  var isAtEnd: Bool { index >= pattern.count }

  func isNext(_ scalar: Unicode.Scalar, after offset: Int = 0) -> Bool {
    index + offset < pattern.count && pattern[index + offset] == scalar
  }

  mutating func append(_ node: RegexNode) {
    groups[groups.count - 1].sequence.append(Piece(node: node))
  }

  mutating func appendLiteral(_ scalar: Unicode.Scalar) {
    if flags.foldsCase, !CaseFolding.others(of: scalar).isEmpty {
      append(.set(RegexSet([RegexSet.Item(scalar, scalar)], foldsCase: true)))
    } else {
      append(.scalar(scalar))
    }
  }

  mutating func open(capture: Int?) {
    groups.append(Group(flags: flags, capture: capture))
    alternativesDepth.append(0)
    alternativesRepeats.append(1)
  }

  /// Ends the sequence at hand and makes it an alternative.
  mutating func closeAlternative() {
    let sequence = groups[groups.count - 1].sequence
    groups[groups.count - 1].sequence = []
    let node: RegexNode =
      sequence.count == 1 ? sequence[0].node : .sequence(sequence.map(\.node))
    groups[groups.count - 1].alternatives.append(sequence.isEmpty ? .empty : node)
    let last = alternativesDepth.count - 1
    for piece in sequence {
      alternativesDepth[last] = max(alternativesDepth[last], piece.depth)
      alternativesRepeats[last] = max(alternativesRepeats[last], piece.repeats)
    }
  }

  mutating func close() throws(RegexFault) -> Piece {
    closeAlternative()
    let group = groups.removeLast()
    let depth = alternativesDepth.removeLast() + 1
    let repeats = alternativesRepeats.removeLast()
    guard depth <= RegexParser.nestingLimit else { throw fault(.nesting, 0) }
    let inner: RegexNode =
      group.alternatives.count == 1 ? group.alternatives[0] : .alternatives(group.alternatives)
    flags = group.flags
    return Piece(
      node: group.capture.map { .capture($0, inner) } ?? inner, depth: depth, repeats: repeats)
  }

  private mutating func parse() throws(RegexFault) -> RegexNode {
    open(capture: nil)
    // Where the repetition just read begins: another may not follow it.
    var lastRepeat: Int?
    while !isAtEnd {
      let start = index
      var isRepeat = false
      switch pattern[index] {
      case "(":
        if isNext("?", after: 1) {
          try perlGroup()
        } else {
          index += 1
          captureNames.append(nil)
          open(capture: captureNames.count - 1)
        }
      case "|":
        index += 1
        closeAlternative()
      case ")":
        guard groups.count > 1 else { throw fault(.unexpectedParenthesis, 0) }
        index += 1
        let piece = try close()
        groups[groups.count - 1].sequence.append(piece)
      case "^":
        index += 1
        append(.assertion(flags.isMultiline ? .lineStart : .textStart))
      case "$":
        index += 1
        append(.assertion(flags.isMultiline ? .lineEnd : .textEnd))
      case ".":
        index += 1
        append(.set(flags.dotMatchesNewline ? .any : .anyButNewline))
      case "[":
        append(.set(try characterClass()))
      case "*", "+", "?":
        let sign = pattern[index]
        index += 1
        try repeatLast(
          from: start, minimum: sign == "+" ? 1 : 0, maximum: sign == "?" ? 1 : nil,
          counted: false, last: lastRepeat)
        isRepeat = true
      case "{":
        guard let (minimum, maximum) = repeatCounts() else {
          index += 1
          appendLiteral("{")
          break
        }
        guard minimum >= 0, minimum <= RegexParser.repeatLimit,
          maximum.map({ $0 <= RegexParser.repeatLimit && minimum <= $0 }) ?? true
        else { throw fault(.repeatSize, start, index) }
        try repeatLast(
          from: start, minimum: minimum, maximum: maximum, counted: true, last: lastRepeat)
        isRepeat = true
      case "\\": try escape()
      default:
        appendLiteral(pattern[index])
        index += 1
      }
      lastRepeat = isRepeat ? start : nil
    }
    guard groups.count == 1 else { throw fault(.missingParenthesis, 0) }
    return try close().node
  }

  /// `{n}`, `{n,}` or `{n,m}`; nil where the brace is just a character.
  ///
  /// -1: a number beyond limits.
  mutating func repeatCounts() -> (Int, Int?)? {
    let start = index
    index += 1
    guard let minimum = number() else {
      index = start
      return nil
    }
    var maximum: Int? = minimum
    if isNext(",") {
      index += 1
      if isNext("}") {
        maximum = nil
      } else if let number = number() {
        maximum = number < 0 ? RegexParser.repeatLimit + 1 : number
      } else {
        index = start
        return nil
      }
    }
    guard isNext("}") else {
      index = start
      return nil
    }
    index += 1
    return (minimum, maximum)
  }

  mutating func number() -> Int? {
    let start = index
    while !isAtEnd, ("0"..."9").contains(pattern[index]) { index += 1 }
    guard index > start else { return nil }
    if index - start > 1, pattern[start] == "0" { return nil }
    return index - start > 8 ? -1 : Int(text(start, index))
  }

  mutating func repeatLast(
    from start: Int, minimum: Int, maximum: Int?, counted: Bool, last: Int?
  ) throws(RegexFault) {
    var isGreedy = !flags.isUngreedy
    if isNext("?") {
      index += 1
      isGreedy.toggle()
    }
    if let last { throw fault(.repeatOperator, last, index) }
    guard var piece = groups[groups.count - 1].sequence.popLast() else {
      throw fault(.missingArgument, start, index)
    }
    if counted, minimum >= 2 || maximum ?? 0 >= 2 {
      piece.repeats *= max(1, maximum ?? minimum)
      guard piece.repeats <= RegexParser.repeatLimit else { throw fault(.repeatSize, start, index) }
    }
    piece.depth += 1
    guard piece.depth <= RegexParser.nestingLimit else { throw fault(.nesting, 0) }
    piece.node = .repetition(
      piece.node, minimum: minimum, maximum: maximum, isGreedy: isGreedy)
    groups[groups.count - 1].sequence.append(piece)
  }

  // MARK: groups

  mutating func perlGroup() throws(RegexFault) {
    let start = index
    let isNamedAsInPython =
      isNext("P", after: 2) && isNext("<", after: 3) && start + 4 < pattern.count
    if isNamedAsInPython || (isNext("<", after: 2) && start + 3 < pattern.count) {
      let nameStart = start + (isNamedAsInPython ? 4 : 3)
      guard let end = pattern[nameStart...].firstIndex(of: ">") else {
        throw fault(.namedCapture, start)
      }
      let name = text(nameStart, end)
      let isWord = name.unicodeScalars.allSatisfy { scalar in
        scalar == "_" || (scalar.isASCII && scalar.properties.isAlphabetic)
          || ("0"..."9").contains(scalar)
      }
      guard !name.isEmpty, isWord else {
        throw fault(.namedCapture, start, end + 1)
      }
      index = end + 1
      captureNames.append(name)
      open(capture: captureNames.count - 1)
      return
    }
    index += 2
    let before = flags
    var changed = flags
    var isOn = true
    var hasFlag = false
    while !isAtEnd {
      let scalar = pattern[index]
      index += 1
      switch scalar {
      case "i": changed.foldsCase = isOn
      case "m": changed.isMultiline = isOn
      case "s": changed.dotMatchesNewline = isOn
      case "U": changed.isUngreedy = isOn
      case "-":
        guard isOn else { throw fault(.perlSyntax, start, index) }
        isOn = false
        hasFlag = false
        continue
      case ":", ")":
        if !isOn, !hasFlag { throw fault(.perlSyntax, start, index) }
        if scalar == ":" {
          flags = before
          open(capture: nil)
        }
        flags = changed
        return
      default: throw fault(.perlSyntax, start, index)
      }
      hasFlag = true
    }
    throw fault(.perlSyntax, start, index)
  }
}
