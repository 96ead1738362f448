/// An integer of any size.
package struct BigInteger: Sendable, Equatable {
  var isNegative: Bool
  var magnitude: BigNatural

  init(isNegative: Bool, magnitude: BigNatural) {
    self.isNegative = isNegative && !magnitude.isZero
    self.magnitude = magnitude
  }

  init(_ value: Int64) {
    self.init(isNegative: value < 0, magnitude: BigNatural(value.magnitude))
  }

  /// The value if it fits 64 bits.
  var word: Int64? {
    guard let word = magnitude.word else { return nil }
    if isNegative { return word <= 1 << 63 ? Int64(truncatingIfNeeded: 0 &- word) : nil }
    return Int64(exactly: word)
  }

  static func + (left: BigInteger, right: BigInteger) -> BigInteger {
    if left.isNegative == right.isNegative {
      return BigInteger(isNegative: left.isNegative, magnitude: left.magnitude + right.magnitude)
    }
    if left.magnitude < right.magnitude {
      return BigInteger(isNegative: right.isNegative, magnitude: right.magnitude - left.magnitude)
    }
    return BigInteger(isNegative: left.isNegative, magnitude: left.magnitude - right.magnitude)
  }

  static prefix func - (value: BigInteger) -> BigInteger {
    BigInteger(isNegative: !value.isNegative, magnitude: value.magnitude)
  }

  static func - (left: BigInteger, right: BigInteger) -> BigInteger { left + -right }

  static func * (left: BigInteger, right: BigInteger) -> BigInteger {
    BigInteger(
      isNegative: left.isNegative != right.isNegative, magnitude: left.magnitude * right.magnitude)
  }

  static func < (left: BigInteger, right: BigInteger) -> Bool {
    if left.isNegative != right.isNegative { return left.isNegative }
    return left.isNegative ? right.magnitude < left.magnitude : left.magnitude < right.magnitude
  }

  /// The bits as two's complement words, as many as asked for.
  private func words(_ count: Int) -> [UInt64] {
    var words = magnitude.limbs + [UInt64](repeating: 0, count: count - magnitude.limbs.count)
    guard isNegative else { return words }
    var carry = true
    for index in words.indices {
      let (sum, overflow) = (~words[index]).addingReportingOverflow(carry ? 1 : 0)
      words[index] = sum
      carry = overflow
    }
    return words
  }

  private init(words: [UInt64]) {
    guard words.last.map({ $0 >> 63 == 1 }) ?? false else {
      self.init(isNegative: false, magnitude: BigNatural(limbs: words))
      return
    }
    var magnitude = words
    var carry = true
    for index in magnitude.indices {
      let (sum, overflow) = (~magnitude[index]).addingReportingOverflow(carry ? 1 : 0)
      magnitude[index] = sum
      carry = overflow
    }
    self.init(isNegative: true, magnitude: BigNatural(limbs: magnitude))
  }

  enum BitOperation: Sendable {
    case and
    case or
    case xor
  }

  /// A bitwise operation, as on two's complement of unlimited length.
  static func bitwise(
    _ operation: BitOperation, _ left: BigInteger, _ right: BigInteger
  ) -> BigInteger {
    let count = max(left.magnitude.limbs.count, right.magnitude.limbs.count) + 1
    var words = left.words(count)
    let others = right.words(count)
    for index in words.indices {
      switch operation {
      case .and: words[index] &= others[index]
      case .or: words[index] |= others[index]
      case .xor: words[index] ^= others[index]
      }
    }
    return BigInteger(words: words)
  }

  static func << (value: BigInteger, bits: Int) -> BigInteger {
    BigInteger(isNegative: value.isNegative, magnitude: value.magnitude << bits)
  }

  /// An arithmetic shift: towards negative infinity.
  static func >> (value: BigInteger, bits: Int) -> BigInteger {
    guard value.isNegative else {
      return BigInteger(isNegative: false, magnitude: value.magnitude >> bits)
    }
    let shifted = (value.magnitude - BigNatural(1)) >> bits
    return BigInteger(isNegative: true, magnitude: shifted + BigNatural(1))
  }
}
