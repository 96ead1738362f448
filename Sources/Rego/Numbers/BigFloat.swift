/// A binary floating-point number of a chosen precision, rounded to nearest even.
///
/// It answers what Go's `big.Float` answers, which OPA computes with, to the last bit: the value of
/// a decimal text, the four operations and the shortest decimal text.
struct BigFloat: Sendable {
  var isNegative: Bool
  /// The value is `mantissa * 2^exponent`; at most `precision` bits.
  private(set) var mantissa: BigNatural
  private(set) var exponent: Int
  let precision: Int

  /// The precision of a number read from its text.
  static let textPrecision = 64

  /// Rounds to the precision; `sticky`: something below the mantissa was cut off already.
  init(
    isNegative: Bool, mantissa: BigNatural, exponent: Int, precision: Int, sticky: Bool = false
  ) {
    self.isNegative = isNegative
    self.precision = precision
    let excess = mantissa.bitWidth - precision
    guard excess > 0 else {
      self.mantissa = mantissa
      self.exponent = mantissa.isZero ? 0 : exponent
      return
    }
    let half = mantissa.bit(excess - 1)
    let isTie = !sticky && mantissa.trailingZeroBitCount >= excess - 1
    var rounded = mantissa >> excess
    if half, !isTie || rounded.bit(0) { rounded = rounded + BigNatural(1) }
    self.mantissa = rounded
    self.exponent = exponent + excess
  }

  init(_ integer: BigInteger, precision: Int = 0) {
    self.init(
      isNegative: integer.isNegative, mantissa: integer.magnitude, exponent: 0,
      precision: precision > 0 ? precision : max(integer.magnitude.bitWidth, BigFloat.textPrecision)
    )
  }

  /// Reads `digits * 10^scale`, rounding where and as Go rounds.
  init(isNegative: Bool, digits: [UInt8], scale: Int, precision: Int = BigFloat.textPrecision) {
    let mantissa = BigNatural(digits: digits)
    if scale == 0 || mantissa.isZero {
      self.init(
        isNegative: isNegative, mantissa: mantissa, exponent: 0, precision: precision)
      return
    }
    let power = BigFloat.powerOfFive(scale.magnitude, precision: precision + 64)
    let unrounded = BigFloat(
      isNegative: isNegative, mantissa: mantissa, exponent: scale,
      precision: max(precision, mantissa.bitWidth))
    self =
      scale < 0
      ? BigFloat.quotient(unrounded, power, precision: precision)
      : BigFloat.product(unrounded, power, precision: precision)
  }

  /// Five to a power, rounded at each step beyond 5^27 as Go rounds it.
  private static func powerOfFive(_ exponent: UInt, precision: Int) -> BigFloat {
    let table: UInt = 27
    let start = BigNatural.powerOfFive(Int(min(exponent, table)))
    var result = BigFloat(
      isNegative: false, mantissa: start, exponent: 0, precision: precision)
    guard exponent > table else { return result }
    var rest = exponent - table
    var square = BigFloat(
      isNegative: false, mantissa: BigNatural(5), exponent: 0, precision: precision + 64)
    while rest > 0 {
      if rest & 1 == 1 { result = product(result, square, precision: precision) }
      square = product(square, square, precision: precision + 64)
      rest >>= 1
    }
    return result
  }

  var isZero: Bool { mantissa.isZero }

  static func sum(_ left: BigFloat, _ right: BigFloat, precision: Int) -> BigFloat {
    if left.isZero, right.isZero {
      return BigFloat(
        isNegative: left.isNegative && right.isNegative, mantissa: .zero, exponent: 0,
        precision: precision)
    }
    let exponent =
      left.isZero
      ? right.exponent : right.isZero ? left.exponent : min(left.exponent, right.exponent)
    let a = left.isZero ? .zero : left.mantissa << (left.exponent - exponent)
    let b = right.isZero ? .zero : right.mantissa << (right.exponent - exponent)
    let total =
      BigInteger(isNegative: left.isNegative, magnitude: a)
      + BigInteger(isNegative: right.isNegative, magnitude: b)
    return BigFloat(
      isNegative: total.isNegative, mantissa: total.magnitude, exponent: exponent,
      precision: precision)
  }

  static func product(_ left: BigFloat, _ right: BigFloat, precision: Int) -> BigFloat {
    BigFloat(
      isNegative: left.isNegative != right.isNegative, mantissa: left.mantissa * right.mantissa,
      exponent: left.exponent + right.exponent, precision: precision)
  }

  /// The quotient; the divisor must not be zero.
  static func quotient(_ left: BigFloat, _ right: BigFloat, precision: Int) -> BigFloat {
    let isNegative = left.isNegative != right.isNegative
    if left.isZero {
      return BigFloat(
        isNegative: isNegative, mantissa: .zero, exponent: 0, precision: precision)
    }
    let shift = max(0, precision + 2 + right.mantissa.bitWidth - left.mantissa.bitWidth)
    let (quotient, remainder) = (left.mantissa << shift).dividedBy(right.mantissa)
    return BigFloat(
      isNegative: isNegative, mantissa: quotient,
      exponent: left.exponent - right.exponent - shift, precision: precision,
      sticky: !remainder.isZero)
  }

  /// The integer part, towards zero.
  var truncated: BigInteger {
    BigInteger(
      isNegative: isNegative,
      magnitude: exponent >= 0 ? mantissa << exponent : mantissa >> -exponent)
  }

  var isInteger: Bool { exponent >= 0 || mantissa.trailingZeroBitCount >= -exponent }

  /// Whether the values are the same, of whatever precision.
  static func isEqual(_ left: BigFloat, _ right: BigFloat) -> Bool {
    sum(
      left,
      BigFloat(
        isNegative: !right.isNegative, mantissa: right.mantissa, exponent: right.exponent,
        precision: right.precision), precision: 4
    ).isZero
  }
}

extension BigFloat {
  /// An exact decimal: `0.digits * 10^point`, no zeros at either end.
  private struct Decimal {
    var digits: [UInt8]
    var point: Int

    init(_ mantissa: BigNatural, exponent: Int) {
      let zeros = exponent < 0 ? min(-exponent, mantissa.trailingZeroBitCount) : 0
      let reduced = mantissa >> zeros
      let power = exponent + zeros
      if power >= 0 {
        digits = (reduced << power).digits
        point = digits.count
      } else {
        digits = (reduced * BigNatural.powerOfFive(-power)).digits
        point = digits.count + power
      }
      trim()
    }

    func at(_ index: Int) -> UInt8 { index < digits.count ? digits[index] : 0 }

    private mutating func trim() {
      while digits.last == 0 { digits.removeLast() }
      if digits.isEmpty { point = 0 }
    }

    mutating func roundDown(_ count: Int) {
      digits.removeSubrange(count...)
      trim()
    }

    mutating func roundUp(_ count: Int) {
      var end = count
      while end > 0, digits[end - 1] == 9 { end -= 1 }
      if end == 0 {
        digits = [1]
        point += 1
        return
      }
      digits[end - 1] += 1
      digits.removeSubrange(end...)
    }

    /// To nearest, a tie to even.
    mutating func round(_ count: Int) {
      guard count < digits.count else { return }
      let isTie = digits[count] == 5 && count + 1 == digits.count
      let up = isTie ? count > 0 && digits[count - 1] % 2 == 1 : digits[count] >= 5
      if up { roundUp(count) } else { roundDown(count) }
    }
  }

  /// The shortest decimal that reads back as this number at its precision.
  private var shortest: Decimal {
    var decimal = Decimal(mantissa, exponent: exponent)
    if mantissa.isZero { return decimal }
    // One bit more than the precision: its lowest is half a unit in the last place.
    let shift = precision + 1 - mantissa.bitWidth
    let widened = mantissa << shift
    let scale = exponent - shift
    let lower = Decimal(widened - BigNatural(1), exponent: scale)
    let upper = Decimal(widened + BigNatural(1), exponent: scale)
    let isInclusive = !widened.bit(1)
    for index in decimal.digits.indices {
      let digit = decimal.digits[index]
      let (low, high) = (lower.at(index), upper.at(index))
      let down = low != digit || (isInclusive && index + 1 == lower.digits.count)
      let up =
        digit != high && (isInclusive || digit + 1 < high || index + 1 < upper.digits.count)
      switch (down, up) {
      case (true, true): decimal.round(index + 1)
      case (true, false): decimal.roundDown(index + 1)
      case (false, true): decimal.roundUp(index + 1)
      case (false, false): continue
      }
      return decimal
    }
    return decimal
  }

  /// The text as OPA prints it: an integer in full, else the shortest in the form of `%g`.
  var text: [UInt8] {
    let decimal = shortest
    var text: [UInt8] = isNegative ? [UInt8(ascii: "-")] : []
    let digits = decimal.digits.map { $0 + UInt8(ascii: "0") }
    let zero = UInt8(ascii: "0")
    if digits.isEmpty { return text + [zero] }
    let power = decimal.point - 1
    if !isInteger, power < -4 || power >= 6 {
      text.append(digits[0])
      if digits.count > 1 { text += [UInt8(ascii: ".")] + digits[1...] }
      text += [UInt8(ascii: "e"), power < 0 ? UInt8(ascii: "-") : UInt8(ascii: "+")]
      if power.magnitude < 10 { text.append(zero) }
      return text + Array(String(power.magnitude).utf8)
    }
    if decimal.point <= 0 {
      text += [zero, UInt8(ascii: ".")] + [UInt8](repeating: zero, count: -decimal.point) + digits
    } else if decimal.point >= digits.count {
      text += digits + [UInt8](repeating: zero, count: decimal.point - digits.count)
    } else {
      text += digits[..<decimal.point] + [UInt8(ascii: ".")] + digits[decimal.point...]
    }
    return text
  }
}
