import CanonicalJSON

extension Number {
  /// Why an operation has no result, as OPA says it.
  package enum Fault {
    package static let divisionByZero = BuiltinFailure.failed("divide by zero")
    package static let moduloByZero = BuiltinFailure.failed("modulo by zero")
    package static let moduloOfFraction = BuiltinFailure.failed("modulo on floating-point number")
  }

  /// How many words it takes to compute with.
  private var width: Int {
    switch self {
    case .integer: 1
    case .decimal(let decimal): decimal.width
    }
  }

  /// Counts what an operation on long numbers takes: the product of their widths, and what its
  /// result takes to print.
  ///
  /// Two short numbers are the caller's own step.
  package static func charge(
    _ left: Number, _ right: Number, _ context: inout BuiltinContext
  ) throws(BuiltinFailure) {
    try charge(width: left.width, right.width, &context)
  }

  static func charge(
    width left: Int, _ right: Int, _ context: inout BuiltinContext
  ) throws(BuiltinFailure) {
    let total = left + right
    guard total > 8 else { return }
    guard total < 1 << 20 else { throw .limit(.steps) }
    try context.charge(steps: total * total / 4)
    try context.charge(bytes: total * 24)
  }

  /// The exact value of an integer, however written; nil for a fraction.
  ///
  /// Charge its width before.
  var bigInteger: BigInteger? {
    switch self {
    case .integer(let value): BigInteger(value)
    case .decimal(let decimal): decimal.isInteger ? decimal.integer : nil
    }
  }

  var isInteger: Bool {
    switch self {
    case .integer: true
    case .decimal(let decimal): decimal.isInteger
    }
  }

  var float: BigFloat {
    switch self {
    case .integer(let value): BigFloat(BigInteger(value), precision: BigFloat.textPrecision)
    case .decimal(let decimal): decimal.float
    }
  }

  init(_ value: BigInteger) {
    if let word = value.word {
      self = .integer(word)
      return
    }
    let digits = value.magnitude.digits.map { $0 + UInt8(ascii: "0") }
    self = Number(printed: (value.isNegative ? [UInt8(ascii: "-")] : []) + digits)
  }

  init(_ value: BigFloat) {
    if value.exponent == 0, let word = value.truncated.word, word != 0 {
      self = .integer(word)
      return
    }
    self = Number(printed: value.text)
  }

  /// Takes a text that this file has printed.
  private init(printed text: [UInt8]) {
    guard let text = ByteString(validating: text), let number = Number(text: text) else {
      preconditionFailure("a printed number is a number")
    }
    self = number
  }

  private static func combined(
    _ left: Number, _ right: Number, _ context: inout BuiltinContext,
    exact: (BigInteger, BigInteger) -> BigInteger,
    rounded: (BigFloat, BigFloat, Int) -> BigFloat
  ) throws(BuiltinFailure) -> Number {
    try charge(left, right, &context)
    if let a = left.bigInteger, let b = right.bigInteger { return Number(exact(a, b)) }
    return Number(rounded(left.float, right.float, BigFloat.textPrecision))
  }

  package static func sum(
    _ left: Number, _ right: Number, _ context: inout BuiltinContext
  ) throws(BuiltinFailure) -> Number {
    if case .integer(let a) = left, case .integer(let b) = right {
      let (sum, overflow) = a.addingReportingOverflow(b)
      if !overflow { return .integer(sum) }
    }
    return try combined(
      left, right, &context, exact: { $0 + $1 },
      rounded: { BigFloat.sum($0, $1, precision: $2) })
  }

  package static func difference(
    _ left: Number, _ right: Number, _ context: inout BuiltinContext
  ) throws(BuiltinFailure) -> Number {
    if case .integer(let a) = left, case .integer(let b) = right {
      let (difference, overflow) = a.subtractingReportingOverflow(b)
      if !overflow { return .integer(difference) }
    }
    return try combined(
      left, right, &context, exact: { $0 - $1 },
      rounded: {
        var negated = $1
        negated.isNegative.toggle()
        return BigFloat.sum($0, negated, precision: $2)
      })
  }

  package static func product(
    _ left: Number, _ right: Number, _ context: inout BuiltinContext
  ) throws(BuiltinFailure) -> Number {
    if case .integer(let a) = left, case .integer(let b) = right {
      let (product, overflow) = a.multipliedReportingOverflow(by: b)
      if !overflow { return .integer(product) }
    }
    return try combined(
      left, right, &context, exact: { $0 * $1 },
      rounded: { BigFloat.product($0, $1, precision: $2) })
  }

  /// - Throws: ``Fault/divisionByZero``.
  package static func quotient(
    _ left: Number, _ right: Number, _ context: inout BuiltinContext
  ) throws(BuiltinFailure) -> Number {
    if case .integer(let a) = left, case .integer(let b) = right {
      if b == 0 { throw Fault.divisionByZero }
      if a != 0 {
        let (quotient, overflow) = a.dividedReportingOverflow(by: b)
        if !overflow, quotient &* b == a { return .integer(quotient) }
      }
    }
    try charge(left, right, &context)
    let divisor = right.float
    if divisor.isZero { throw Fault.divisionByZero }
    return Number(BigFloat.quotient(left.float, divisor, precision: BigFloat.textPrecision))
  }

  /// - Throws: ``Fault/moduloByZero``, ``Fault/moduloOfFraction``.
  package static func remainder(
    _ left: Number, _ right: Number, _ context: inout BuiltinContext
  ) throws(BuiltinFailure) -> Number {
    if case .integer(let a) = left, case .integer(let b) = right {
      if b == 0 { throw Fault.moduloByZero }
      return .integer(a.remainderReportingOverflow(dividingBy: b).partialValue)
    }
    try charge(left, right, &context)
    guard let a = left.bigInteger, let b = right.bigInteger else { throw Fault.moduloOfFraction }
    if b.magnitude.isZero { throw Fault.moduloByZero }
    let remainder = a.magnitude.dividedBy(b.magnitude).remainder
    return Number(BigInteger(isNegative: a.isNegative, magnitude: remainder))
  }

  package enum Rounding: Sendable {
    case nearest
    case up
    case down
  }

  /// The integer near it, as OPA rounds: half away from zero; `up` and `down` keep OPA's own answers
  /// between -1 and 1.
  package func rounded(
    _ rounding: Rounding, _ context: inout BuiltinContext
  ) throws(BuiltinFailure) -> Number {
    if case .integer = self { return self }
    try Number.charge(self, .integer(0), &context)
    let value = float
    let one = BigFloat(BigInteger(1))
    let half = BigFloat(
      isNegative: value.isNegative, mantissa: BigNatural(1), exponent: -1, precision: 53)
    switch rounding {
    case .nearest:
      return Number(
        BigFloat(BigFloat.sum(value, half, precision: BigFloat.textPrecision).truncated))
    case .up:
      let integer = value.truncated
      if integer.isNegative || value.isInteger { return Number(BigFloat(integer)) }
      return Number(
        BigFloat.sum(BigFloat(integer), one, precision: BigFloat.textPrecision))
    case .down:
      let integer = value.truncated
      if !integer.isNegative || value.isInteger { return Number(BigFloat(integer)) }
      var minusOne = one
      minusOne.isNegative = true
      return Number(
        BigFloat.sum(BigFloat(integer), minusOne, precision: BigFloat.textPrecision))
    }
  }

  /// The number without its sign.
  package func absolute(_ context: inout BuiltinContext) throws(BuiltinFailure) -> Number {
    if case .integer(let value) = self, value != .min { return .integer(abs(value)) }
    try Number.charge(self, .integer(0), &context)
    var value = float
    value.isNegative = false
    return Number(value)
  }
}
