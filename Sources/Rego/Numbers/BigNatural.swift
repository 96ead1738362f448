/// A natural number of any size: 64-bit limbs, the least first, none of them zero at the end.
package struct BigNatural: Sendable, Hashable {
  private(set) var limbs: [UInt64]

  static let zero = BigNatural(limbs: [])

  init(limbs: [UInt64]) {
    self.limbs = limbs
    normalize()
  }

  init(_ value: UInt64) {
    limbs = value == 0 ? [] : [value]
  }

  /// Reads decimal digits, given as their values 0 to 9.
  init(digits: some Collection<UInt8>) {
    limbs = []
    var chunk: UInt64 = 0
    var scale: UInt64 = 1
    for digit in digits {
      chunk = chunk &* 10 &+ UInt64(digit)
      scale = scale &* 10
      if scale == BigNatural.decimalChunk {
        multiplyAndAdd(scale, chunk)
        (chunk, scale) = (0, 1)
      }
    }
    if scale > 1 { multiplyAndAdd(scale, chunk) }
  }

  /// The greatest power of ten below 2^64: 19 digits at a time.
  private static let decimalChunk: UInt64 = 10_000_000_000_000_000_000

  var isZero: Bool { limbs.isEmpty }

  var bitWidth: Int {
    guard let last = limbs.last else { return 0 }
    return limbs.count * 64 - last.leadingZeroBitCount
  }

  var trailingZeroBitCount: Int {
    guard let index = limbs.firstIndex(where: { $0 != 0 }) else { return 0 }
    return index * 64 + limbs[index].trailingZeroBitCount
  }

  func bit(_ index: Int) -> Bool {
    let limb = index / 64
    return limb < limbs.count && limbs[limb] >> UInt64(index % 64) & 1 == 1
  }

  /// The value if it is below 2^64.
  var word: UInt64? {
    limbs.count > 1 ? nil : limbs.first ?? 0
  }

  private mutating func normalize() {
    while limbs.last == 0 { limbs.removeLast() }
  }

  private mutating func multiplyAndAdd(_ factor: UInt64, _ addend: UInt64) {
    var carry = addend
    for index in limbs.indices {
      let product = limbs[index].multipliedFullWidth(by: factor)
      let (low, overflow) = product.low.addingReportingOverflow(carry)
      limbs[index] = low
      carry = product.high &+ (overflow ? 1 : 0)
    }
    if carry != 0 { limbs.append(carry) }
    normalize()
  }

  /// Divides in place; the remainder comes back.
  private mutating func divide(by divisor: UInt64) -> UInt64 {
    var remainder: UInt64 = 0
    for index in limbs.indices.reversed() {
      (limbs[index], remainder) = divisor.dividingFullWidth((remainder, limbs[index]))
    }
    normalize()
    return remainder
  }

  /// The decimal digits as values 0 to 9, the greatest first; none for zero.
  var digits: [UInt8] {
    var rest = self
    var reversed: [UInt8] = []
    reversed.reserveCapacity(limbs.count * 20)
    while !rest.isZero {
      var chunk = rest.divide(by: BigNatural.decimalChunk)
      for _ in 0..<19 {
        reversed.append(UInt8(chunk % 10))
        chunk /= 10
      }
    }
    while reversed.last == 0 { reversed.removeLast() }
    return reversed.reversed()
  }

  /// The digits in base 2, 8 or 16 (`bits` 1, 3 or 4).
  func text(bitsPerDigit bits: Int) -> String {
    if isZero { return "0" }
    let count = (bitWidth + bits - 1) / bits
    var text = ""
    for place in (0..<count).reversed() {
      var digit = 0
      for offset in (0..<bits).reversed() {
        digit = digit * 2 + (bit(place * bits + offset) ? 1 : 0)
      }
      text += String(digit, radix: 16)
    }
    return text
  }
}

extension BigNatural: Comparable {
  package static func < (left: BigNatural, right: BigNatural) -> Bool {
    if left.limbs.count != right.limbs.count { return left.limbs.count < right.limbs.count }
    for index in left.limbs.indices.reversed() where left.limbs[index] != right.limbs[index] {
      return left.limbs[index] < right.limbs[index]
    }
    return false
  }
}

extension BigNatural {
  static func + (left: BigNatural, right: BigNatural) -> BigNatural {
    let (long, short) = left.limbs.count >= right.limbs.count ? (left, right) : (right, left)
    var result = long.limbs
    var carry = false
    for index in result.indices {
      if index >= short.limbs.count, !carry { break }
      let other = index < short.limbs.count ? short.limbs[index] : 0
      let (first, over) = result[index].addingReportingOverflow(other)
      let (second, more) = first.addingReportingOverflow(carry ? 1 : 0)
      result[index] = second
      carry = over || more
    }
    if carry { result.append(1) }
    return BigNatural(limbs: result)
  }

  /// The difference; the right must not be the greater.
  static func - (left: BigNatural, right: BigNatural) -> BigNatural {
    var result = left.limbs
    var borrow = false
    for index in result.indices {
      if index >= right.limbs.count, !borrow { break }
      let other = index < right.limbs.count ? right.limbs[index] : 0
      let (first, under) = result[index].subtractingReportingOverflow(other)
      let (second, more) = first.subtractingReportingOverflow(borrow ? 1 : 0)
      result[index] = second
      borrow = under || more
    }
    return BigNatural(limbs: result)
  }

  static func * (left: BigNatural, right: BigNatural) -> BigNatural {
    if left.isZero || right.isZero { return .zero }
    var result = [UInt64](repeating: 0, count: left.limbs.count + right.limbs.count)
    for i in left.limbs.indices {
      var carry: UInt64 = 0
      let factor = left.limbs[i]
      for j in right.limbs.indices {
        let product = factor.multipliedFullWidth(by: right.limbs[j])
        let (first, over) = product.low.addingReportingOverflow(result[i + j])
        let (second, more) = first.addingReportingOverflow(carry)
        result[i + j] = second
        carry = product.high &+ (over ? 1 : 0) &+ (more ? 1 : 0)
      }
      result[i + right.limbs.count] = carry
    }
    return BigNatural(limbs: result)
  }

  static func << (value: BigNatural, bits: Int) -> BigNatural {
    if value.isZero || bits == 0 { return value }
    let (whole, part) = (bits / 64, UInt64(bits % 64))
    var result = [UInt64](repeating: 0, count: whole)
    result.reserveCapacity(whole + value.limbs.count + 1)
    if part == 0 { return BigNatural(limbs: result + value.limbs) }
    var carry: UInt64 = 0
    for limb in value.limbs {
      result.append(limb << part | carry)
      carry = limb >> (64 - part)
    }
    result.append(carry)
    return BigNatural(limbs: result)
  }

  static func >> (value: BigNatural, bits: Int) -> BigNatural {
    let (whole, part) = (bits / 64, UInt64(bits % 64))
    if whole >= value.limbs.count { return .zero }
    var result = Array(value.limbs[whole...])
    if part > 0 {
      for index in result.indices {
        let above = index + 1 < result.count ? result[index + 1] << (64 - part) : 0
        result[index] = result[index] >> part | above
      }
    }
    return BigNatural(limbs: result)
  }

  /// Quotient and remainder; the divisor must not be zero (Knuth's algorithm D).
  func dividedBy(_ divisor: BigNatural) -> (quotient: BigNatural, remainder: BigNatural) {
    if self < divisor { return (.zero, self) }
    if let word = divisor.word {
      var quotient = self
      let remainder = quotient.divide(by: word)
      return (quotient, BigNatural(remainder))
    }
    let shift = divisor.limbs[divisor.limbs.count - 1].leadingZeroBitCount
    let v = (divisor << shift).limbs
    var u = (self << shift).limbs
    if u.count == limbs.count { u.append(0) }
    let n = v.count
    var quotient = [UInt64](repeating: 0, count: u.count - n)
    for j in (0..<(u.count - n)).reversed() {
      var estimate: UInt64
      if u[j + n] >= v[n - 1] {
        estimate = .max
      } else {
        var remainder: UInt64
        (estimate, remainder) = v[n - 1].dividingFullWidth((u[j + n], u[j + n - 1]))
        while true {
          let product = estimate.multipliedFullWidth(by: v[n - 2])
          if product.high < remainder
            || (product.high == remainder && product.low <= u[j + n - 2])
          {
            break
          }
          estimate &-= 1
          let (sum, overflow) = remainder.addingReportingOverflow(v[n - 1])
          if overflow { break }
          remainder = sum
        }
      }
      if BigNatural.subtract(v, times: estimate, from: &u, at: j) {
        estimate &-= 1
        BigNatural.add(v, to: &u, at: j)
        if u[j + n] != 0 {
          // The estimate may be two too great where it was cut to the greatest word.
          estimate &-= 1
          BigNatural.add(v, to: &u, at: j)
        }
      }
      quotient[j] = estimate
    }
    return (BigNatural(limbs: quotient), BigNatural(limbs: u) >> shift)
  }

  /// Subtracts a multiple in place; whether it borrowed beyond the end.
  private static func subtract(
    _ v: [UInt64], times factor: UInt64, from u: inout [UInt64], at offset: Int
  ) -> Bool {
    var carry: UInt64 = 0
    for index in v.indices {
      let product = factor.multipliedFullWidth(by: v[index])
      let (low, over) = product.low.addingReportingOverflow(carry)
      carry = product.high &+ (over ? 1 : 0)
      let (difference, under) = u[offset + index].subtractingReportingOverflow(low)
      u[offset + index] = difference
      if under { carry &+= 1 }
    }
    let (difference, under) = u[offset + v.count].subtractingReportingOverflow(carry)
    u[offset + v.count] = difference
    return under
  }

  private static func add(_ v: [UInt64], to u: inout [UInt64], at offset: Int) {
    var carry = false
    for index in v.indices {
      let (first, over) = u[offset + index].addingReportingOverflow(v[index])
      let (second, more) = first.addingReportingOverflow(carry ? 1 : 0)
      u[offset + index] = second
      carry = over || more
    }
    if carry { u[offset + v.count] &+= 1 }
  }

  /// Five to a power, exactly.
  static func powerOfFive(_ exponent: Int) -> BigNatural {
    var result = BigNatural(1)
    var square = BigNatural(5)
    var rest = exponent
    while rest > 0 {
      if rest & 1 == 1 { result = result * square }
      rest >>= 1
      if rest > 0 { square = square * square }
    }
    return result
  }
}
