import CanonicalJSON

extension OldBuiltinTable {
  static let comparisons: [OldBuiltin] = [
    OldBuiltin("equal", 2) { .bool($0[0] == $0[1]) },
    OldBuiltin("eq", 2) { .bool($0[0] == $0[1]) },
    OldBuiltin("neq", 2) { .bool($0[0] != $0[1]) },
    OldBuiltin("lt", 2) { .bool($0[0] < $0[1]) },
    OldBuiltin("gt", 2) { .bool($0[1] < $0[0]) },
    OldBuiltin("lte", 2) { .bool(!($0[1] < $0[0])) },
    OldBuiltin("gte", 2) { .bool(!($0[0] < $0[1])) },
    OldBuiltin("internal.member_2", 2) { values in
      .bool(Evaluator.elements(values[1]).contains { $0.value == values[0] })
    },
    OldBuiltin("internal.member_3", 3) { values in
      .bool(
        Evaluator.elements(values[2]).contains { $0.key == values[0] && $0.value == values[1] })
    },
  ]

  private static func arithmetic(
    _ name: String,
    _ exact: @escaping @Sendable (Int64, Int64) -> (partialValue: Int64, overflow: Bool),
    _ inexact: @escaping @Sendable (Double, Double) -> Double
  ) -> OldBuiltin {
    OldBuiltin(name, 2) { (values) throws(OldBuiltinFault) in
      let (left, right) = (try number(values, 0), try number(values, 1))
      if case .integer(let a) = left, case .integer(let b) = right {
        let result = exact(a, b)
        if !result.overflow { return .number(.integer(result.partialValue)) }
      }
      return .number(Number(inexact(left.double, right.double)) ?? .integer(0))
    }
  }

  static let numbers: [OldBuiltin] = [
    arithmetic("plus", { $0.addingReportingOverflow($1) }, { $0 + $1 }),
    arithmetic("mul", { $0.multipliedReportingOverflow(by: $1) }, { $0 * $1 }),
    OldBuiltin("minus", 2) { (values) throws(OldBuiltinFault) in
      if case .set(let left) = values[0], case .set(let right) = values[1] {
        return .set(SetValue(left.elements.filter { !right.contains($0) }))
      }
      let (left, right) = (try number(values, 0), try number(values, 1))
      if case .integer(let a) = left, case .integer(let b) = right {
        let result = a.subtractingReportingOverflow(b)
        if !result.overflow { return .number(.integer(result.partialValue)) }
      }
      return .number(Number(left.double - right.double) ?? .integer(0))
    },
    OldBuiltin("div", 2) { (values) throws(OldBuiltinFault) in
      let (left, right) = (try number(values, 0), try number(values, 1))
      guard right.double != 0 else { throw OldBuiltinFault(message: "divide by zero") }
      if case .integer(let a) = left, case .integer(let b) = right,
        a.remainderReportingOverflow(dividingBy: b).partialValue == 0,
        !a.dividedReportingOverflow(by: b).overflow
      {
        return .number(.integer(a / b))
      }
      return .number(Number(left.double / right.double) ?? .integer(0))
    },
    OldBuiltin("rem", 2) { (values) throws(OldBuiltinFault) in
      guard let left = try number(values, 0).integer, let right = try number(values, 1).integer
      else { throw OldBuiltinFault(message: "modulo on floating-point number") }
      guard right != 0 else { throw OldBuiltinFault(message: "modulo by zero") }
      return .number(.integer(left.remainderReportingOverflow(dividingBy: right).partialValue))
    },
    OldBuiltin("abs", 1) { (values) throws(OldBuiltinFault) in
      let value = try number(values, 0)
      if case .integer(let integer) = value, integer != .min {
        return .number(.integer(abs(integer)))
      }
      return .number(Number(value.double.magnitude) ?? .integer(0))
    },
    rounding("round") { $0.rounded(.toNearestOrAwayFromZero) },
    rounding("ceil") { $0.rounded(.up) },
    rounding("floor") { $0.rounded(.down) },
    OldBuiltin("numbers.range", 2) { (values) throws(OldBuiltinFault) in
      let (low, high) = (try integer(values, 0), try integer(values, 1))
      let (first, last) = (min(low, high), max(low, high))
      let (length, overflow) = last.subtractingReportingOverflow(first)
      guard !overflow, length < 1_000_000 else {
        throw OldBuiltinFault(message: "the range is longer than a million numbers")
      }
      let numbers = (0...length).map { Value.number(.integer(first + $0)) }
      return .array(low <= high ? numbers : numbers.reversed())
    },
  ]

  private static func rounding(
    _ name: String, _ body: @escaping @Sendable (Double) -> Double
  ) -> OldBuiltin {
    OldBuiltin(name, 1) { (values) throws(OldBuiltinFault) in
      let value = try number(values, 0)
      if case .integer = value { return .number(value) }
      return .number(Number(body(value.double)) ?? .integer(0))
    }
  }

  static let aggregates: [OldBuiltin] = [
    OldBuiltin("count", 1) { (values) throws(OldBuiltinFault) in
      switch values[0] {
      case .string(let text): return .number(.integer(Int64(text.text.unicodeScalars.count)))
      case .array(let elements): return .number(.integer(Int64(elements.count)))
      case .set(let set): return .number(.integer(Int64(set.elements.count)))
      case .object(let object): return .number(.integer(Int64(object.pairs.count)))
      default: throw .type(0, "one of {array, object, set, string}", values[0])
      }
    },
    fold("sum", .integer(0), "plus"),
    fold("product", .integer(1), "mul"),
    OldBuiltin("max", 1) { (values) throws(OldBuiltinFault) in try elements(values, 0).max() },
    OldBuiltin("min", 1) { (values) throws(OldBuiltinFault) in try elements(values, 0).min() },
    OldBuiltin("sort", 1) { (values) throws(OldBuiltinFault) in
      .array(try elements(values, 0).sorted())
    },
  ]

  private static func fold(_ name: String, _ start: Number, _ operation: String) -> OldBuiltin {
    OldBuiltin(name, 1) { (values) throws(OldBuiltinFault) in
      var total = Value.number(start)
      guard let combine = numbers.first(where: { $0.name == operation }) else { return nil }
      for element in try elements(values, 0) {
        guard let next = try combine.body([total, element]) else { return nil }
        total = next
      }
      return total
    }
  }
}
