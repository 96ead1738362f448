/// Escapes, and the sets of characters that they and brackets name.
extension RegexParser {
  mutating func escape() throws(RegexFault) {
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
  mutating func unicodeClass() throws(RegexFault) -> RegexSet.Item {
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

  static func digit(_ scalar: Unicode.Scalar) -> UInt32? {
    switch scalar {
    case "0"..."9": scalar.value - 0x30
    case "a"..."f": scalar.value - 0x61 + 10
    case "A"..."F": scalar.value - 0x41 + 10
    default: nil
    }
  }

  /// One character behind a backslash.
  mutating func escapedScalar() throws(RegexFault) -> Unicode.Scalar {
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

  mutating func octal(_ first: Unicode.Scalar) throws(RegexFault) -> Unicode.Scalar {
    var value = first.value - 0x30
    for _ in 0..<2 {
      guard !isAtEnd, ("0"..."7").contains(pattern[index]) else { break }
      value = value * 8 + pattern[index].value - 0x30
      index += 1
    }
    return Unicode.Scalar(value) ?? " "
  }

  mutating func characterClass() throws(RegexFault) -> RegexSet {
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

  mutating func classScalar(_ classStart: Int) throws(RegexFault) -> Unicode.Scalar {
    guard !isAtEnd else { throw fault(.missingBracket, classStart) }
    if isNext("\\") { return try escapedScalar() }
    index += 1
    return pattern[index - 1]
  }

  mutating func namedClass() throws(RegexFault) -> RegexSet.Item? {
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
