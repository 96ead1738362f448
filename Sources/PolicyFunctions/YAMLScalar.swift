import CanonicalJSON
import Rego

/// What an unquoted scalar stands for in YAML 1.1, as the reader of Kubernetes, which OPA uses, has it.
enum YAMLScalar {
  private static let words: [String: JSONValue] = {
    var words: [String: JSONValue] = ["": .null, "~": .null, "y": .bool(true), "Y": .bool(true)]
    words["n"] = .bool(false)
    words["N"] = .bool(false)
    for (word, value) in [
      ("null", JSONValue.null), ("true", .bool(true)), ("yes", .bool(true)), ("on", .bool(true)),
      ("false", .bool(false)), ("no", .bool(false)), ("off", .bool(false)),
    ] {
      words[word] = value
      words[word.uppercased()] = value
      words[word.prefix(1).uppercased() + word.dropFirst()] = value
    }
    return words
  }()

  private static let endless: Set<String> = [
    ".nan", ".NaN", ".NAN", ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf",
    "-.INF",
  ]

  /// nil: it has no JSON form (infinities, and what is no number).
  static func value(_ text: String) -> JSONValue? {
    if let word = words[text] { return word }
    if endless.contains(text) { return nil }
    guard let first = text.utf8.first, first &- 0x30 < 10 || "+-.".utf8.contains(first) else {
      return JSONValue(text)
    }
    let plain = text.utf8.contains(UInt8(ascii: "_")) ? text.replacing("_", with: "") : text
    if let integer = integer(plain) { return integer }
    guard isFloat(plain), let double = Double(plain), let number = Number(double) else {
      return JSONValue(text)
    }
    return Value.number(number).json
  }

  /// An integer of 64 bits, in the base that its beginning tells.
  private static func integer(_ text: String) -> JSONValue? {
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
      return magnitude <= 1 << 63 ? JSONValue(Int64(truncatingIfNeeded: 0 &- magnitude)) : nil
    }
    if let integer = Int64(exactly: magnitude) { return JSONValue(integer) }
    return JSONNumber(text: ByteString(String(magnitude))).map(JSONValue.number)
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
