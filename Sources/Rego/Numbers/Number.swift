package import CanonicalJSON

/// A number of any size and precision, with the text it was written in.
///
/// Two numbers are equal if their exact values are, however written: `1`, `1.0` and `1e0`.
package enum Number: Sendable {
  /// A 64-bit integer in its shortest form; every number that has one is this.
  case integer(Int64)
  case decimal(DecimalNumber)

  package init(_ value: Int) { self = .integer(Int64(value)) }
  package init(_ value: Int64) { self = .integer(value) }

  /// Reads a number as JSON writes it, exactly; nil if the text is none.
  package init?(text: ByteString) {
    let bytes = text.bytes
    if bytes.count < 20, let value = Number.shortInteger(bytes) {
      self = .integer(value)
      return
    }
    guard let decimal = DecimalNumber(text) else { return nil }
    if let word = decimal.word, ByteString(String(word)) == text {
      self = .integer(word)
    } else {
      self = .decimal(decimal)
    }
  }

  /// An integer of at most 18 digits in its shortest form.
  private static func shortInteger(_ bytes: [UInt8]) -> Int64? {
    let isNegative = bytes.first == UInt8(ascii: "-")
    let start = isNegative ? 1 : 0
    let count = bytes.count - start
    guard count > 0, count <= 18 else { return nil }
    if bytes[start] == UInt8(ascii: "0"), count > 1 || isNegative { return nil }
    var value: Int64 = 0
    for index in start..<bytes.count {
      let digit = bytes[index] &- UInt8(ascii: "0")
      guard digit < 10 else { return nil }
      value = value &* 10 &+ Int64(digit)
    }
    return isNegative ? -value : value
  }

  /// The shortest text of a finite double (Go's `%g`); nil for infinities and what is no number.
  package init?(_ value: Double) {
    guard value.isFinite else { return nil }
    if let integer = Int64(exactly: value) {
      self = .integer(integer)
      return
    }
    guard let number = Number(text: ByteString(GoDouble.shortest(value, exponentFrom: 21))) else {
      return nil
    }
    self = number
  }

  /// The value if it fits 64 bits and is written without an exponent and without a fraction but
  /// zeros, as an index must be.
  package var integer: Int64? {
    switch self {
    case .integer(let value): return value
    case .decimal(let decimal):
      guard let word = decimal.word, decimal.text.bytes.allSatisfy({ $0 | 0x20 != 0x65 }) else {
        return nil
      }
      // OPA takes at most 17 digits before a point.
      let hasPoint = decimal.text.bytes.contains(UInt8(ascii: "."))
      return hasPoint && word.magnitude >= 100_000_000_000_000_000 ? nil : word
    }
  }

  /// The nearest double; infinite beyond its range.
  package var double: Double {
    switch self {
    case .integer(let value): Double(value)
    case .decimal(let decimal): Double(decimal.text.text) ?? .infinity
    }
  }

  /// The number as OPA prints it.
  package var text: ByteString {
    switch self {
    case .integer(let value): ByteString(String(value))
    case .decimal(let decimal): decimal.text
    }
  }

  /// Whether OPA's parser refuses it in source text ("number too big").
  package var isTooBigForSource: Bool {
    switch self {
    case .integer: false
    case .decimal(let decimal): decimal.isTooBigForSource
    }
  }

  /// How two numbers compare: below, at or above zero.
  package static func order(_ left: Number, _ right: Number) -> Int {
    switch (left, right) {
    case (.integer(let a), .integer(let b)): a < b ? -1 : a == b ? 0 : 1
    case (.integer(let a), .decimal(let b)): DecimalNumber.order(DecimalNumber(a), b)
    case (.decimal(let a), .integer(let b)): DecimalNumber.order(a, DecimalNumber(b))
    case (.decimal(let a), .decimal(let b)): DecimalNumber.order(a, b)
    }
  }
}

extension Number: Comparable {
  @inline(__always)
  package static func == (left: Number, right: Number) -> Bool {
    if case .integer(let a) = left, case .integer(let b) = right { return a == b }
    return order(left, right) == 0
  }

  @inline(__always)
  package static func < (left: Number, right: Number) -> Bool {
    if case .integer(let a) = left, case .integer(let b) = right { return a < b }
    return order(left, right) < 0
  }
}

extension Number: Hashable {
  package func hash(into hasher: inout Hasher) {
    switch self {
    case .integer(let value): hasher.combine(value)
    case .decimal(let decimal):
      if let word = decimal.word {
        hasher.combine(word)
      } else {
        hasher.combine(decimal.isNegative)
        hasher.combine(decimal.point)
        hasher.combine(decimal.digits)
      }
    }
  }
}
