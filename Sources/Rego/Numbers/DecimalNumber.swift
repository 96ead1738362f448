package import CanonicalJSON

/// A number that is not just a 64-bit integer in its shortest form: its text as written, and its
/// exact value as a decimal.
///
/// A class, since it is rare and would make every value larger.
package final class DecimalNumber: Sendable {
  package let text: ByteString
  let isNegative: Bool
  /// Digits as values 0 to 9 without zeros at either end; none for zero.
  let digits: [UInt8]
  /// Where the point stands before or after the digits: the value is `0.digits * 10^point`.
  let point: Int
  /// The value if it is an integer of 64 bits, however written (`1.0`, `1e3`, `-0`).
  let word: Int64?

  /// Exponents beyond this are all one: no arithmetic reaches them.
  static let greatestExponent = 1 << 40

  /// Reads a number as JSON writes it; nil if the text is none.
  init?(_ text: ByteString) {
    let bytes = text.bytes
    var index = 0
    func isDigit(_ index: Int) -> Bool {
      index < bytes.count && bytes[index] &- UInt8(ascii: "0") < 10
    }
    isNegative = bytes.first == UInt8(ascii: "-")
    if isNegative { index += 1 }
    guard isDigit(index) else { return nil }
    var digits: [UInt8] = []
    if bytes[index] == UInt8(ascii: "0") {
      index += 1
      if isDigit(index) { return nil }
    } else {
      while isDigit(index) {
        digits.append(bytes[index] - UInt8(ascii: "0"))
        index += 1
      }
    }
    var point = digits.count
    if index < bytes.count, bytes[index] == UInt8(ascii: ".") {
      index += 1
      guard isDigit(index) else { return nil }
      while isDigit(index) {
        let digit = bytes[index] - UInt8(ascii: "0")
        if digits.isEmpty, digit == 0 { point -= 1 } else { digits.append(digit) }
        index += 1
      }
    }
    if index < bytes.count, bytes[index] | 0x20 == UInt8(ascii: "e") {
      index += 1
      var isBelow = false
      if index < bytes.count, bytes[index] == UInt8(ascii: "-") || bytes[index] == UInt8(ascii: "+")
      {
        isBelow = bytes[index] == UInt8(ascii: "-")
        index += 1
      }
      guard isDigit(index) else { return nil }
      var exponent = 0
      while isDigit(index) {
        exponent = min(
          DecimalNumber.greatestExponent, exponent * 10 + Int(bytes[index] - UInt8(ascii: "0")))
        index += 1
      }
      point += isBelow ? -exponent : exponent
    }
    guard index == bytes.count else { return nil }
    while digits.last == 0 { digits.removeLast() }
    self.text = text
    self.digits = digits
    self.point = digits.isEmpty ? 0 : point
    word = DecimalNumber.word(isNegative, digits, digits.isEmpty ? 0 : point)
  }

  init(_ value: Int64) {
    text = ByteString(String(value))
    isNegative = value < 0
    var digits = Array(String(value.magnitude).utf8.map { $0 - UInt8(ascii: "0") })
    point = value == 0 ? 0 : digits.count
    while digits.last == 0 { digits.removeLast() }
    self.digits = digits
    word = value
  }

  private static func word(_ isNegative: Bool, _ digits: [UInt8], _ point: Int) -> Int64? {
    guard digits.count <= point || digits.isEmpty, point <= 19 else { return nil }
    var magnitude: UInt64 = 0
    for index in 0..<point {
      magnitude = magnitude * 10 + UInt64(index < digits.count ? digits[index] : 0)
    }
    if isNegative {
      return magnitude <= 1 << 63 ? Int64(truncatingIfNeeded: 0 &- magnitude) : nil
    }
    return Int64(exactly: magnitude)
  }

  /// Whether it has no fraction, however written.
  var isInteger: Bool { digits.count <= point || digits.isEmpty }

  /// How many 64-bit words its value takes to compute with: what an operation costs grows with it.
  var width: Int {
    let exponent = max(point.magnitude, (point - digits.count).magnitude)
    return (Int(exponent) + digits.count) / 19 + 1
  }

  /// Whether its binary exponent is beyond 100,000 either way; what is so small that Go's `big.Float`
  /// has it for zero is not too big.
  var isTooBigForSource: Bool {
    guard !digits.isEmpty, point.magnitude > 30_000 else { return false }
    func isBelow(_ text: StaticString, _ exponent: Int) -> Bool {
      if point != exponent { return point < exponent }
      for index in 0..<text.utf8CodeUnitCount {
        let other = text.utf8Start[index] - UInt8(ascii: "0")
        let digit = index < digits.count ? digits[index] : 0
        if digit != other { return digit < other }
      }
      return false
    }
    // 2^100000, 2^-100001 and 2^-2147483649 as 0.digits * 10^exponent.
    if !isBelow("9990020930143845079440327643", 30_103) { return true }
    return isBelow("5004994518993470834081323565", -30_103)
      && !isBelow("2838307763001865671909081474", -646_456_993)
  }

  /// The exact value; only where ``isInteger`` and its width has been charged.
  var integer: BigInteger {
    BigInteger(
      isNegative: isNegative,
      magnitude: BigNatural(
        digits: digits + [UInt8](repeating: 0, count: max(0, point - digits.count))))
  }

  /// The value at the precision of texts; its width must have been charged.
  var float: BigFloat {
    // From the text's own digits: where Go rounds depends on them.
    var written: [UInt8] = []
    var scale = 0
    var isFraction = false
    for byte in text.bytes {
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"):
        written.append(byte - UInt8(ascii: "0"))
        if isFraction { scale -= 1 }
      case UInt8(ascii: "."): isFraction = true
      default: break
      }
      if byte | 0x20 == UInt8(ascii: "e") { break }
    }
    // A zero has no width that was charged, whatever its exponent.
    guard !digits.isEmpty else { return BigFloat(isNegative: isNegative, digits: [0], scale: 0) }
    if let mark = text.bytes.firstIndex(where: { $0 | 0x20 == UInt8(ascii: "e") }) {
      scale += DecimalNumber.exponent(text.bytes[(mark + 1)...])
    }
    return BigFloat(isNegative: isNegative, digits: written, scale: scale)
  }

  /// An exponent as written, no further from zero than ``greatestExponent``.
  private static func exponent(_ text: ArraySlice<UInt8>) -> Int {
    var value = 0
    for byte in text {
      let digit = byte &- UInt8(ascii: "0")
      if digit < 10 { value = min(greatestExponent, value * 10 + Int(digit)) }
    }
    return text.first == UInt8(ascii: "-") ? -value : value
  }

  /// How two decimals compare: below, at or above zero.
  static func order(_ left: DecimalNumber, _ right: DecimalNumber) -> Int {
    if left.digits.isEmpty || right.digits.isEmpty || left.isNegative != right.isNegative {
      return left.sign - right.sign
    }
    let magnitudes: Int
    if left.point != right.point {
      magnitudes = left.point < right.point ? -1 : 1
    } else if left.digits == right.digits {
      magnitudes = 0
    } else {
      magnitudes = left.digits.lexicographicallyPrecedes(right.digits) ? -1 : 1
    }
    return left.isNegative ? -magnitudes : magnitudes
  }

  private var sign: Int { digits.isEmpty ? 0 : isNegative ? -1 : 1 }
}
