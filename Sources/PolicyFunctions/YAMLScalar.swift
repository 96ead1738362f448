import Rego

/// What a scalar stands for in YAML 1.1, as the reader of Kubernetes, which OPA uses, has it.
enum YAMLScalar: Equatable {
  case null
  case bool(Bool)
  case integer(Int64)
  /// Above 2^63 - 1.
  case unsigned(UInt64)
  case float(Double)
  case text

  private static let words: [String: YAMLScalar] = {
    var words: [String: YAMLScalar] = ["": .null, "~": .null, "y": .bool(true), "Y": .bool(true)]
    words["n"] = .bool(false)
    words["N"] = .bool(false)
    for (word, value) in [
      ("null", YAMLScalar.null), ("true", .bool(true)), ("yes", .bool(true)), ("on", .bool(true)),
      ("false", .bool(false)), ("no", .bool(false)), ("off", .bool(false)),
    ] {
      words[word] = value
      words[word.uppercased()] = value
      words[word.prefix(1).uppercased() + word.dropFirst()] = value
    }
    for word in [".nan", ".NaN", ".NAN"] { words[word] = .float(.nan) }
    for word in [".inf", ".Inf", ".INF"] {
      words[word] = .float(.infinity)
      words["+" + word] = .float(.infinity)
      words["-" + word] = .float(-.infinity)
    }
    return words
  }()

  /// Of a scalar that is not quoted, or has a tag that says what it must be.
  init(resolving text: String) {
    if let word = YAMLScalar.words[text] {
      self = word
      return
    }
    self = .text
    guard let first = text.utf8.first, first &- 0x30 < 10 || "+-.".utf8.contains(first) else {
      return
    }
    // In a number, underscores stand for nothing.
    let plain = text.utf8.contains(UInt8(ascii: "_")) ? text.replacing("_", with: "") : text
    if let integer = YAMLScalar.integer(plain) {
      self = integer
    } else if YAMLScalar.isFloat(plain), let double = Double(plain), double.isFinite {
      self = .float(double)
    }
  }

  /// The short form of the tag that such a value has.
  var tag: String {
    switch self {
    case .null: "!!null"
    case .bool: "!!bool"
    case .integer, .unsigned: "!!int"
    case .float: "!!float"
    case .text: "!!str"
    }
  }

  /// An integer of 64 bits, in the base that its beginning tells.
  private static func integer(_ text: String) -> YAMLScalar? {
    var digits = Substring(text)
    var isNegative = false
    if digits.hasPrefix("-") || digits.hasPrefix("+") {
      isNegative = digits.hasPrefix("-")
      digits = digits.dropFirst()
    }
    var radix = 10
    if digits.hasPrefix("0"), digits.utf8.count > 1 {
      switch digits.dropFirst().first {
      case "x", "X": (radix, digits) = (16, digits.dropFirst(2))
      case "b", "B": (radix, digits) = (2, digits.dropFirst(2))
      case "o", "O": (radix, digits) = (8, digits.dropFirst(2))
      default: (radix, digits) = (8, digits.dropFirst())
      }
    }
    guard let first = digits.first, first != "-", first != "+",
      let magnitude = UInt64(digits, radix: radix)
    else { return nil }
    guard !isNegative else {
      return magnitude <= 1 << 63 ? .integer(Int64(truncatingIfNeeded: 0 &- magnitude)) : nil
    }
    return Int64(exactly: magnitude).map { .integer($0) } ?? .unsigned(magnitude)
  }

  /// Whether a text is a decimal number of YAML: a sign, digits with a point, an exponent.
  private static func isFloat(_ text: String) -> Bool {
    let bytes = Array(text.utf8)
    var index = 0
    func isSign() -> Bool {
      index < bytes.count
        && (bytes[index] == UInt8(ascii: "-") || bytes[index] == UInt8(ascii: "+"))
    }
    func digits() -> Int {
      let start = index
      while index < bytes.count, bytes[index] &- 0x30 < 10 { index += 1 }
      return index - start
    }
    if isSign() { index += 1 }
    let whole = digits()
    if index < bytes.count, bytes[index] == UInt8(ascii: ".") {
      index += 1
      if digits() == 0, whole == 0 { return false }
    } else if whole == 0 {
      return false
    }
    if index < bytes.count, bytes[index] | 0x20 == UInt8(ascii: "e") {
      index += 1
      if isSign() { index += 1 }
      if digits() == 0 { return false }
    }
    return index == bytes.count
  }
}
