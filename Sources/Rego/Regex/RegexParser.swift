/// Parses RE2's syntax as Go's `regexp` does; never recurses on the pattern.
struct RegexParser {
  /// How deep groups and repetitions may nest: what is made of a pattern recurses as deep.
  static let nestingLimit = 200
  static let repeatLimit = 1000

  private struct Flags {
    var foldsCase = false
    var isMultiline = false
    var dotMatchesNewline = false
    var isUngreedy = false
  }

  /// A group that is open: what it was before, and the alternatives so far.
  private struct Group {
    var flags: Flags
    var capture: Int?
    var alternatives: [RegexNode] = []
    var sequence: [Piece] = []
  }

  /// Part of a sequence, with how deep it nests and how often it repeats at most.
  private struct Piece {
    var node: RegexNode
    var depth = 0
    /// The greatest product of nested repeat counts in it.
    var repeats = 1
  }

  private let pattern: [Unicode.Scalar]
  private var index = 0
  private var flags = Flags()
  private var groups: [Group] = []
  private var alternativesDepth: [Int] = []
  private var alternativesRepeats: [Int] = []
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

  private func text(_ start: Int, _ end: Int? = nil) -> String {
    var view = String.UnicodeScalarView()
    view.append(contentsOf: pattern[start..<(end ?? pattern.count)])
    return String(view)
  }

  private func fault(_ code: RegexFault.Code, _ start: Int, _ end: Int? = nil) -> RegexFault {
    RegexFault(code: code, text: text(start, end))
  }

  private var isAtEnd: Bool { index >= pattern.count }

  private func isNext(_ scalar: Unicode.Scalar, after offset: Int = 0) -> Bool {
    index + offset < pattern.count && pattern[index + offset] == scalar
  }

  private mutating func append(_ node: RegexNode) {
    groups[groups.count - 1].sequence.append(Piece(node: node))
  }

  private mutating func appendLiteral(_ scalar: Unicode.Scalar) {
    if flags.foldsCase, !CaseFolding.others(of: scalar).isEmpty {
      append(.set(RegexSet([RegexSet.Item(scalar, scalar)], foldsCase: true)))
    } else {
      append(.scalar(scalar))
    }
  }

  private mutating func open(capture: Int?) {
    groups.append(Group(flags: flags, capture: capture))
    alternativesDepth.append(0)
    alternativesRepeats.append(1)
  }

  /// Ends the sequence at hand and makes it an alternative.
  private mutating func closeAlternative() {
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

  private mutating func close() throws(RegexFault) -> Piece {
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
  private mutating func repeatCounts() -> (Int, Int?)? {
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

  private mutating func number() -> Int? {
    let start = index
    while !isAtEnd, ("0"..."9").contains(pattern[index]) { index += 1 }
    guard index > start else { return nil }
    if index - start > 1, pattern[start] == "0" { return nil }
    return index - start > 8 ? -1 : Int(text(start, index))
  }

  private mutating func repeatLast(
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

  private mutating func perlGroup() throws(RegexFault) {
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

  // MARK: escapes and classes

  private mutating func escape() throws(RegexFault) {
    let start = index
    guard index + 1 < pattern.count else {
      throw fault(.trailingBackslash, pattern.count)
    }
    let letter = pattern[index + 1]
    let assertion: RegexAssertion? =
      switch letter {
      case "A": .textStart
      case "b": .wordBoundary
      case "B": .noWordBoundary
      case "z": .textEnd
      default: nil
      }
    if let assertion {
      index += 2
      append(.assertion(assertion))
      return
    }
    switch letter {
    case "C": throw fault(.escape, start, start + 2)
    case "Q":
      index += 2
      while !isAtEnd {
        if isNext("\\"), isNext("E", after: 1) {
          index += 2
          return
        }
        appendLiteral(pattern[index])
        index += 1
      }
    case "p", "P":
      append(.set(RegexSet([try unicodeClass()], foldsCase: flags.foldsCase)))
    default:
      if let item = RegexSet.Item.perl(letter) {
        index += 2
        append(.set(RegexSet([item], foldsCase: flags.foldsCase)))
      } else {
        appendLiteral(try escapedScalar())
      }
    }
  }

  /// `\pL`, `\p{Greek}`, `\P{^Lu}`.
  private mutating func unicodeClass() throws(RegexFault) -> RegexSet.Item {
    let start = index
    var isNegated = pattern[index + 1] == "P"
    index += 2
    guard !isAtEnd else { throw fault(.characterRange, start) }
    var name: String
    if isNext("{") {
      guard let end = pattern[index...].firstIndex(of: "}") else {
        throw fault(.characterRange, start)
      }
      name = text(index + 1, end)
      index = end + 1
    } else {
      name = text(index, index + 1)
      index += 1
    }
    if name.hasPrefix("^") {
      isNegated.toggle()
      name.removeFirst()
    }
    let kind: RegexSet.Item.Kind
    if name == "Any" {
      kind = .any
    } else if let category = UnicodeCategory(name) {
      kind = .category(category)
    } else if let ranges = UnicodeScripts.ranges(of: name) {
      kind = .script(ranges)
    } else {
      throw fault(.characterRange, start, index)
    }
    return RegexSet.Item(kinds: [kind], isNegated: isNegated)
  }

  private static func digit(_ scalar: Unicode.Scalar) -> UInt32? {
    switch scalar {
    case "0"..."9": scalar.value - 0x30
    case "a"..."f": scalar.value - 0x61 + 10
    case "A"..."F": scalar.value - 0x41 + 10
    default: nil
    }
  }

  /// One character behind a backslash.
  private mutating func escapedScalar() throws(RegexFault) -> Unicode.Scalar {
    let start = index
    index += 1
    guard !isAtEnd else { throw fault(.trailingBackslash, pattern.count) }
    let letter = pattern[index]
    index += 1
    switch letter {
    case "1"..."7":
      // A single digit would refer back, which no linear-time engine can; more are octal.
      guard !isAtEnd, ("0"..."7").contains(pattern[index]) else { break }
      return try octal(letter)
    case "0": return try octal(letter)
    case "x":
      guard !isAtEnd else { break }
      if isNext("{") {
        index += 1
        var value: UInt32 = 0
        var count = 0
        while !isAtEnd, let digit = RegexParser.digit(pattern[index]) {
          value = value * 16 + digit
          index += 1
          count += 1
          if value > 0x10FFFF { throw fault(.escape, start, index) }
        }
        guard count > 0, isNext("}"), let scalar = Unicode.Scalar(value) else {
          throw fault(.escape, start, min(index + 1, pattern.count))
        }
        index += 1
        return scalar
      }
      guard let high = RegexParser.digit(pattern[index]) else {
        throw fault(.escape, start, index + 1)
      }
      index += 1
      guard !isAtEnd, let low = RegexParser.digit(pattern[index]) else {
        throw fault(.escape, start, min(index + 1, pattern.count))
      }
      index += 1
      return Unicode.Scalar(high * 16 + low) ?? " "
    case "a": return "\u{07}"
    case "f": return "\u{0C}"
    case "n": return "\n"
    case "r": return "\r"
    case "t": return "\t"
    case "v": return "\u{0B}"
    default:
      let isAlphanumeric = letter.properties.isAlphabetic || ("0"..."9").contains(letter)
      if letter.isASCII, !isAlphanumeric { return letter }
    }
    throw fault(.escape, start, index)
  }

  private mutating func octal(_ first: Unicode.Scalar) throws(RegexFault) -> Unicode.Scalar {
    var value = first.value - 0x30
    for _ in 0..<2 {
      guard !isAtEnd, ("0"..."7").contains(pattern[index]) else { break }
      value = value * 8 + pattern[index].value - 0x30
      index += 1
    }
    return Unicode.Scalar(value) ?? " "
  }

  private mutating func characterClass() throws(RegexFault) -> RegexSet {
    let start = index
    index += 1
    var isNegated = false
    if isNext("^") {
      isNegated = true
      index += 1
    }
    var items: [RegexSet.Item] = []
    var ranges: [RegexSet.Item.Kind] = []
    var isFirst = true
    while isAtEnd || !isNext("]") || isFirst {
      guard !isAtEnd else { throw fault(.missingBracket, start) }
      isFirst = false
      if isNext("["), isNext(":", after: 1), let item = try namedClass() {
        items.append(item)
        continue
      }
      if isNext("\\"), index + 1 < pattern.count {
        if pattern[index + 1] == "p" || pattern[index + 1] == "P" {
          items.append(try unicodeClass())
          continue
        }
        if let item = RegexSet.Item.perl(pattern[index + 1]) {
          index += 2
          items.append(item)
          continue
        }
      }
      let rangeStart = index
      let low = try classScalar(start)
      var high = low
      if isNext("-"), index + 1 < pattern.count, pattern[index + 1] != "]" {
        index += 1
        high = try classScalar(start)
        if high < low { throw fault(.characterRange, rangeStart, index) }
      }
      ranges.append(.range(low.value, high.value))
    }
    index += 1
    if !ranges.isEmpty { items.append(RegexSet.Item(kinds: ranges)) }
    return RegexSet(items, isNegated: isNegated, foldsCase: flags.foldsCase)
  }

  private mutating func classScalar(_ classStart: Int) throws(RegexFault) -> Unicode.Scalar {
    guard !isAtEnd else { throw fault(.missingBracket, classStart) }
    if isNext("\\") { return try escapedScalar() }
    index += 1
    return pattern[index - 1]
  }

  private mutating func namedClass() throws(RegexFault) -> RegexSet.Item? {
    let start = index
    var end = index + 2
    while end + 1 < pattern.count, !(pattern[end] == ":" && pattern[end + 1] == "]") { end += 1 }
    guard end + 1 < pattern.count else { return nil }
    var name = text(index + 2, end)
    let isNegated = name.hasPrefix("^")
    if isNegated { name.removeFirst() }
    guard var item = RegexSet.Item.named(name) else {
      throw fault(.characterRange, start, end + 2)
    }
    item.isNegated = isNegated
    index = end + 2
    return item
  }
}
