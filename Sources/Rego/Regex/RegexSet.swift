/// A set of characters: ranges, Unicode categories and scripts.
struct RegexSet: Sendable {
  /// Part of a set: what it contains, or all else.
  struct Item: Sendable {
    enum Kind: Sendable {
      case range(UInt32, UInt32)
      case category(UnicodeCategory)
      case script([ClosedRange<UInt32>])
      case any
    }

    let kinds: [Kind]
    var isNegated = false

    func contains(_ scalar: Unicode.Scalar) -> Bool {
      for kind in kinds {
        switch kind {
        case .range(let low, let high): if scalar.value >= low, scalar.value <= high { return true }
        case .category(let category): if category.contains(scalar) { return true }
        case .script(let ranges): if RegexSet.contains(scalar.value, in: ranges) { return true }
        case .any: return true
        }
      }
      return false
    }
  }

  private let items: [Item]
  private let isNegated: Bool
  private let foldsCase: Bool
  /// Which of the first 128 characters it contains.
  private var low: UInt64 = 0
  private var high: UInt64 = 0
  /// Whether characters beyond are all in it or all out, or must be looked for.
  private let beyond: Bool?

  init(_ items: [Item], isNegated: Bool = false, foldsCase: Bool = false) {
    self.items = items
    self.isNegated = isNegated
    self.foldsCase = foldsCase
    let isShort = items.allSatisfy { item in
      !item.isNegated
        && item.kinds.allSatisfy { kind in
          if case .range(_, let high) = kind { high < 128 } else { false }
        }
    }
    // Two characters beyond fold into the first 128: the long s and the Kelvin sign.
    beyond = isShort && !foldsCase ? isNegated : nil
    for value in 0..<128 {
      guard let scalar = Unicode.Scalar(UInt32(value)), find(scalar) else { continue }
      if value < 64 { low |= 1 << UInt64(value) } else { high |= 1 << UInt64(value - 64) }
    }
  }

  static let anyButNewline = RegexSet(
    [Item(kinds: [.range(0x0A, 0x0A)])], isNegated: true)
  static let any = RegexSet([Item(kinds: [.any])])

  @inline(__always)
  func contains(_ scalar: Unicode.Scalar) -> Bool {
    let value = scalar.value
    if value < 64 { return low >> UInt64(value) & 1 == 1 }
    if value < 128 { return high >> UInt64(value - 64) & 1 == 1 }
    return beyond ?? find(scalar)
  }

  private func find(_ scalar: Unicode.Scalar) -> Bool {
    for item in items {
      var isIn = item.contains(scalar)
      if !isIn, foldsCase {
        for other in CaseFolding.others(of: scalar) where item.contains(other) {
          isIn = true
          break
        }
      }
      if isIn != item.isNegated { return !isNegated }
    }
    return isNegated
  }

  static func contains(_ value: UInt32, in ranges: [ClosedRange<UInt32>]) -> Bool {
    var (low, high) = (0, ranges.count)
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].upperBound < value { low = middle + 1 } else { high = middle }
    }
    return low < ranges.count && ranges[low].contains(value)
  }
}

extension RegexSet.Item {
  init(_ low: Unicode.Scalar, _ high: Unicode.Scalar) {
    self.init(kinds: [.range(low.value, high.value)])
  }

  private static func ascii(_ ranges: [(Unicode.Scalar, Unicode.Scalar)]) -> RegexSet.Item {
    RegexSet.Item(kinds: ranges.map { .range($0.0.value, $0.1.value) })
  }

  /// `\d`, `\s`, `\w` and their opposites.
  static func perl(_ letter: Unicode.Scalar) -> RegexSet.Item? {
    var item: RegexSet.Item
    switch letter {
    case "d", "D": item = ascii([("0", "9")])
    case "s", "S": item = ascii([("\t", "\n"), ("\u{0C}", "\r"), (" ", " ")])
    case "w", "W": item = ascii([("0", "9"), ("A", "Z"), ("_", "_"), ("a", "z")])
    default: return nil
    }
    item.isNegated = letter.value < 0x61
    return item
  }

  /// A class named between `[:` and `:]`, without a caret.
  static func named(_ name: String) -> RegexSet.Item? {
    switch name {
    case "alnum": ascii([("0", "9"), ("A", "Z"), ("a", "z")])
    case "alpha": ascii([("A", "Z"), ("a", "z")])
    case "ascii": ascii([("\0", "\u{7F}")])
    case "blank": ascii([("\t", "\t"), (" ", " ")])
    case "cntrl": ascii([("\0", "\u{1F}"), ("\u{7F}", "\u{7F}")])
    case "digit": ascii([("0", "9")])
    case "graph": ascii([("!", "~")])
    case "lower": ascii([("a", "z")])
    case "print": ascii([(" ", "~")])
    case "punct": ascii([("!", "/"), (":", "@"), ("[", "`"), ("{", "~")])
    case "space": ascii([("\t", "\r"), (" ", " ")])
    case "upper": ascii([("A", "Z")])
    case "word": ascii([("0", "9"), ("A", "Z"), ("a", "z"), ("_", "_")])
    case "xdigit": ascii([("0", "9"), ("A", "F"), ("a", "f")])
    default: nil
    }
  }
}
