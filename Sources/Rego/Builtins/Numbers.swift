import CanonicalJSON

/// Arithmetic: long numbers are charged by the product of their widths; shifts and ranges by what
/// they make, before it is made.
extension BuiltinTable {
  package static let numbers: [Builtin] = [
    arithmetic("plus") { (left, right, context) throws(BuiltinFailure) in
      try Number.sum(left, right, &context)
    },
    arithmetic("mul") { (left, right, context) throws(BuiltinFailure) in
      try Number.product(left, right, &context)
    },
    arithmetic("div") { (left, right, context) throws(BuiltinFailure) in
      try Number.quotient(left, right, &context)
    },
    arithmetic("rem") { (left, right, context) throws(BuiltinFailure) in
      try Number.remainder(left, right, &context)
    },
    Builtin(
      "minus", [.anyOf([.number, .set(.any)]), .anyOf([.number, .set(.any)])],
      .anyOf([.number, .set(.any)])
    ) { (values, context) throws(BuiltinFailure) in
      switch (values[0], values[1]) {
      case (.number(let left), .number(let right)):
        return .number(try Number.difference(left, right, &context))
      case (.set(let left), .set(let right)):
        try context.charge(reading: values)
        return .set(SetValue(left.elements.filter { !right.contains($0) }))
      case (.number, _): throw .operand(1, "number", values[1])
      case (.set, .number): throw .operand(1, "set", values[1])
      case (.set, _): throw .operand(1, "number", values[1])
      default: throw .operand(0, "one of {number, set}", values[0])
      }
    },
    rounding("round", .nearest),
    rounding("ceil", .up),
    rounding("floor", .down),
    Builtin("abs", [.number], .number) { (values, context) throws(BuiltinFailure) in
      .number(try values.number(0).absolute(&context))
    },
    Builtin("numbers.range", [.number, .number], .array(of: .number)) {
      (values, context) throws(BuiltinFailure) in
      let (low, high) = (
        try values.bigInteger(0, &context), try values.bigInteger(1, &context)
      )
      return try range(low, high, step: BigInteger(1), &context)
    },
    Builtin("numbers.range_step", [.number, .number, .number], .array(of: .number)) {
      (values, context) throws(BuiltinFailure) in
      let (low, high) = (
        try values.bigInteger(0, &context), try values.bigInteger(1, &context)
      )
      let step = try values.bigInteger(2, &context)
      guard !step.isNegative, !step.magnitude.isZero else {
        throw .failed("numbers.range_step: step must be a positive integer")
      }
      return try range(low, high, step: step, &context)
    },
    bitwise("bits.and", .and),
    bitwise("bits.or", .or),
    bitwise("bits.xor", .xor),
    Builtin("bits.negate", [.number], .number) { (values, context) throws(BuiltinFailure) in
      .number(Number(-(try values.bigInteger(0, &context)) - BigInteger(1)))
    },
    Builtin("bits.lsh", [.number, .number], .number) {
      (values, context) throws(BuiltinFailure) in
      let integer = try values.bigInteger(0, &context)
      let shift = try shift(values, &context)
      guard shift <= 1 << 22 else { throw .limit(.bytes) }
      try Number.charge(width: integer.magnitude.limbs.count + shift / 64, 1, &context)
      return .number(Number(integer << shift))
    },
    Builtin("bits.rsh", [.number, .number], .number) {
      (values, context) throws(BuiltinFailure) in
      let integer = try values.bigInteger(0, &context)
      return .number(Number(integer >> (try shift(values, &context))))
    },
    Builtin("format_int", [.number, .number], .string) {
      (values, context) throws(BuiltinFailure) in
      let (number, base) = (try values.number(0), try values.number(1))
      let bits: Int
      switch base.text {
      case "2": bits = 1
      case "8": bits = 3
      case "10": bits = 0
      case "16": bits = 4
      default: throw .type("operand 2 must be one of {2, 8, 10, 16}")
      }
      if case .integer(let value) = number {
        return .string(ByteString(String(value, radix: bits == 0 ? 10 : 1 << bits)))
      }
      try Number.charge(number, .integer(0), &context)
      let integer = number.float.truncated
      try context.charge(making: integer.magnitude.bitWidth)
      if bits == 0 { return .string(Number(integer).text) }
      return .string(
        ByteString((integer.isNegative ? "-" : "") + integer.magnitude.text(bitsPerDigit: bits)))
    },
  ]

  private static func arithmetic(
    _ name: String,
    _ operation:
      @escaping @Sendable (Number, Number, inout BuiltinContext) throws(BuiltinFailure) -> Number
  ) -> Builtin {
    Builtin(name, [.number, .number], .number) { (values, context) throws(BuiltinFailure) in
      .number(try operation(try values.number(0), try values.number(1), &context))
    }
  }

  private static func rounding(_ name: String, _ rounding: Number.Rounding) -> Builtin {
    Builtin(name, [.number], .number) { (values, context) throws(BuiltinFailure) in
      .number(try values.number(0).rounded(rounding, &context))
    }
  }

  private static func bitwise(_ name: String, _ operation: BigInteger.BitOperation) -> Builtin {
    Builtin(name, [.number, .number], .number) { (values, context) throws(BuiltinFailure) in
      let (left, right) = (
        try values.bigInteger(0, &context), try values.bigInteger(1, &context)
      )
      return .number(Number(BigInteger.bitwise(operation, left, right)))
    }
  }

  private static func shift(
    _ values: [Value], _ context: inout BuiltinContext
  ) throws(BuiltinFailure) -> Int {
    let shift = try values.bigInteger(1, &context)
    guard !shift.isNegative else {
      throw .type("operand 2 must be an unsigned integer number but got a negative integer")
    }
    return shift.word.map { Int($0) } ?? .max
  }

  private static func range(
    _ first: BigInteger, _ last: BigInteger, step: BigInteger, _ context: inout BuiltinContext
  ) throws(BuiltinFailure) -> Value {
    let isUp = !(last < first)
    let distance = isUp ? last - first : first - last
    let (quotient, _) = distance.magnitude.dividedBy(step.magnitude)
    guard let word = quotient.word, let count = Int(exactly: word), count < 1 << 40 else {
      throw .limit(.steps)
    }
    try context.charge(steps: count + 1)
    try context.charge(bytes: (count + 1) * 24)
    var numbers: [Value] = []
    numbers.reserveCapacity(count + 1)
    var next = first
    for _ in 0...count {
      numbers.append(.number(Number(next)))
      next = isUp ? next + step : next - step
    }
    return .array(numbers)
  }
}
