import CanonicalJSON

/// Aggregates: bounded by the size of the collection.
extension BuiltinTable {
  private static let collection = RegoType.anyOf([.array(of: .any), .set(.any)])
  private static let numbersIn = RegoType.anyOf([.array(of: .number), .set(.number)])
  private static let setOrArray = "one of {set, array}"

  package static let aggregates: [Builtin] = [
    Builtin(
      "count", [.anyOf([.string, .array(of: .any), .object(.any, .any), .set(.any)])], .number
    ) { (values, context) throws(BuiltinFailure) in
      switch values[0] {
      case .string(let text):
        try context.charge(text: text.count)
        return .integer(text.bytes.reduce(0) { $1 & 0xC0 == 0x80 ? $0 : $0 + 1 })
      case .array(let elements): return .integer(elements.count)
      case .set(let set): return .integer(set.count)
      case .object(let object): return .integer(object.count)
      default: throw .operand(0, "one of {array, object, set, string}", values[0])
      }
    },
    Builtin("sum", [numbersIn], .number) { (values, context) throws(BuiltinFailure) in
      try fold(values, start: 0, precision: BigFloat.textPrecision, &context) {
        (left, right, context) throws(BuiltinFailure) in
        try Number.sum(left, right, &context)
      } rounded: {
        BigFloat.sum($0, $1, precision: $2)
      }
    },
    Builtin("product", [numbersIn], .number) { (values, context) throws(BuiltinFailure) in
      // OPA multiplies from a double: 53 bits.
      try fold(values, start: 1, precision: 53, &context) {
        (left, right, context) throws(BuiltinFailure) in
        try Number.product(left, right, &context)
      } rounded: {
        BigFloat.product($0, $1, precision: $2)
      }
    },
    Builtin("max", [collection], .any) { (values, context) throws(BuiltinFailure) in
      if case .set(let set) = values[0] { return set.elements.last }
      let elements = try values.elements(0, order: setOrArray)
      try context.charge(reading: values)
      // Of equal values the last, whose text may differ.
      var best: Value?
      for element in elements {
        if let known = best, Value.order(known, element) > 0 { continue }
        best = element
      }
      return best
    },
    Builtin("min", [collection], .any) { (values, context) throws(BuiltinFailure) in
      if case .set(let set) = values[0] { return set.elements.first }
      let elements = try values.elements(0, order: setOrArray)
      try context.charge(reading: values)
      var best: Value?
      for element in elements {
        if let known = best, Value.order(known, element) < 0 { continue }
        best = element
      }
      return best
    },
    Builtin("sort", [collection], .array(of: .any)) { (values, context) throws(BuiltinFailure) in
      if case .set(let set) = values[0] { return .array(set.elements) }
      let elements = try values.elements(0, order: setOrArray)
      try context.charge(sorting: values[0], count: elements.count)
      return .array(sorted(elements))
    },
    Builtin("all", [collection], .boolean) { (values, context) throws(BuiltinFailure) in
      let elements = try values.elements(0)
      try context.charge(steps: elements.count)
      return .bool(elements.allSatisfy { $0 == .bool(true) })
    },
    Builtin("any", [collection], .boolean) { (values, context) throws(BuiltinFailure) in
      let elements = try values.elements(0)
      try context.charge(steps: elements.count)
      return .bool(elements.contains(.bool(true)))
    },
  ]

  private typealias Operation =
    (Number, Number, inout BuiltinContext) throws(BuiltinFailure) -> Number

  /// Exact while all numbers are integers, else in floats from the beginning.
  private static func fold(
    _ values: [Value], start: Int64, precision: Int, _ context: inout BuiltinContext,
    exact: Operation, rounded: (BigFloat, BigFloat, Int) -> BigFloat
  ) throws(BuiltinFailure) -> Value {
    let elements = try values.elements(0, order: setOrArray)
    try context.charge(steps: elements.count)
    var isExact = true
    for element in elements {
      guard case .number(let number) = element else {
        throw .element(0, values[0], element, "number")
      }
      isExact = isExact && number.isInteger
    }
    if isExact {
      var total = Number.integer(start)
      for element in elements {
        guard case .number(let number) = element else { continue }
        total = try exact(total, number, &context)
      }
      return .number(total)
    }
    var total = BigFloat(BigInteger(start), precision: precision)
    for element in elements {
      guard case .number(let number) = element else { continue }
      try Number.charge(number, .integer(0), &context)
      total = rounded(total, number.float, precision)
      try Number.charge(width: min(Int(total.exponent.magnitude), 1 << 30) / 64, 1, &context)
    }
    return .number(Number(total))
  }

  /// Sorted so that equal values keep their order.
  static func sorted(_ elements: [Value]) -> [Value] {
    let order = elements.indices.sorted { left, right in
      let compared = Value.order(elements[left], elements[right])
      return compared == 0 ? left < right : compared < 0
    }
    return order.map { elements[$0] }
  }
}

extension BuiltinContext {
  /// Counts sorting: a comparison may look at all of what it compares.
  package mutating func charge(sorting value: Value, count: Int) throws(BuiltinFailure) {
    let (total, overflow) = value.size(within: stepsLeft).multipliedReportingOverflow(
      by: max(1, Int.bitWidth - count.leadingZeroBitCount))
    guard !overflow else { throw .limit(.steps) }
    try charge(steps: total)
    try charge(bytes: count * 16)
  }
}
