/// Doubles as Go formats them with `strconv.FormatFloat` and `fmt`.
package enum GoDouble {
  /// The shortest digits that read back as the double, without sign, and the power of ten of the
  /// first; no digits for zero.
  static func shortestDigits(_ value: Double) -> (digits: [UInt8], power: Int) {
    shortestDigits(printed: "\(value.magnitude)")
  }

  /// Swift prints the shortest digits too, in a form of its own.
  private static func shortestDigits(printed: String) -> (digits: [UInt8], power: Int) {
    var digits: [UInt8] = []
    var power = 0
    var pointAt: Int?
    var exponent = 0
    let text = Array(printed.utf8)
    var index = 0
    while index < text.count {
      let byte = text[index]
      if byte == UInt8(ascii: ".") {
        pointAt = digits.count
      } else if byte == UInt8(ascii: "e") {
        exponent = Int(String(decoding: text[(index + 1)...], as: UTF8.self)) ?? 0
        break
      } else {
        digits.append(byte - UInt8(ascii: "0"))
      }
      index += 1
    }
    power = (pointAt ?? digits.count) - 1 + exponent
    let zeros = digits.prefix { $0 == 0 }.count
    digits.removeFirst(zeros)
    power -= zeros
    while digits.last == 0 { digits.removeLast() }
    return (digits, digits.isEmpty ? 0 : power)
  }

  /// Go's `%v` of a double: form `g`, shortest.
  package static func shortest(_ value: Double, exponentFrom threshold: Int = 6) -> String {
    shortest(shortestDigits(value), isNegative: value.sign == .minus, exponentFrom: threshold)
  }

  /// A finite number of 32 bits, likewise.
  package static func shortest(_ value: Float) -> String {
    shortest(
      shortestDigits(printed: "\(value.magnitude)"), isNegative: value.sign == .minus,
      exponentFrom: 6)
  }

  private static func shortest(
    _ number: (digits: [UInt8], power: Int), isNegative: Bool, exponentFrom threshold: Int
  ) -> String {
    let (digits, power) = number
    let sign = isNegative ? "-" : ""
    if digits.isEmpty { return sign + "0" }
    if power < -4 || power >= threshold {
      return sign + scientific(digits, power)
    }
    return sign + positional(digits, power, fraction: max(0, digits.count - power - 1))
  }

  /// `d.ddde+dd`.
  static func scientific(_ digits: [UInt8], _ power: Int, mark: Character = "e") -> String {
    var text = String(digits[0])
    if digits.count > 1 { text += "." + digits[1...].map { String($0) }.joined() }
    let magnitude = String(power.magnitude)
    return text + String(mark) + (power < 0 ? "-" : "+") + (magnitude.count < 2 ? "0" : "")
      + magnitude
  }

  /// The digits around a point, with so many after it.
  static func positional(_ digits: [UInt8], _ power: Int, fraction: Int) -> String {
    var text = ""
    func digit(_ place: Int) -> String {
      let index = power - place
      return index >= 0 && index < digits.count ? String(digits[index]) : "0"
    }
    for place in stride(from: max(power, 0), through: 0, by: -1) { text += digit(place) }
    if fraction > 0 {
      text += "."
      for place in 1...fraction { text += digit(-place) }
    }
    return text
  }

  /// The exact decimal digits of a double, without sign, and the power of ten of the first.
  static func exactDigits(_ value: Double) -> (digits: [UInt8], power: Int) {
    if value == 0 { return ([], 0) }
    let exponent = Int(value.exponent) - 52
    let significand =
      value.isNormal ? value.significandBitPattern | 1 << 52 : value.significandBitPattern
    let scale = value.isNormal ? exponent : -1074
    let mantissa = BigNatural(significand)
    var digits: [UInt8]
    let power: Int
    if scale >= 0 {
      digits = (mantissa << scale).digits
      power = digits.count - 1
    } else {
      digits = (mantissa * BigNatural.powerOfFive(-scale)).digits
      power = digits.count - 1 + scale
    }
    while digits.last == 0 { digits.removeLast() }
    return (digits, power)
  }

  /// Digits cut to so many, rounded to nearest, a tie to even.
  static func rounded(
    _ digits: [UInt8], _ power: Int, count: Int
  ) -> (digits: [UInt8], power: Int) {
    guard count < digits.count else { return (digits, power) }
    guard count >= 0 else { return ([], 0) }
    var kept = Array(digits[..<count])
    let isTie = digits[count] == 5 && count + 1 == digits.count
    let up = isTie ? count > 0 && digits[count - 1] % 2 == 1 : digits[count] >= 5
    guard up else { return (kept, power) }
    while kept.last == 9 { kept.removeLast() }
    if kept.isEmpty { return ([1], power + 1) }
    kept[kept.count - 1] += 1
    return (kept, power)
  }
}
