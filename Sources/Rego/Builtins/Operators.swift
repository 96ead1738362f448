import CanonicalJSON

/// The builtins that the machine knows by number: comparison, membership, `print`.
enum Operators {
  static let equal = 0
  static let notEqual = 1
  static let less = 2
  static let lessOrEqual = 3
  static let greater = 4
  static let greaterOrEqual = 5
  static let member = 6
  static let memberWithKey = 7
  static let print = 8

  static let all: [Builtin] = [
    comparison("equal") { $0 == 0 }, comparison("neq") { $0 != 0 },
    comparison("lt") { $0 < 0 }, comparison("lte") { $0 <= 0 },
    comparison("gt") { $0 > 0 }, comparison("gte") { $0 >= 0 },
    Builtin("internal.member_2", [.any, .any], .boolean) {
      (arguments, context) throws(BuiltinFailure) in
      .bool(try isMember(arguments[0], of: arguments[1], &context))
    },
    Builtin("internal.member_3", [.any, .any, .any], .boolean) {
      (arguments, context) throws(BuiltinFailure) in
      if arguments[0].isComposite { try context.charge(steps: arguments[0].weight ?? .max) }
      guard let found = arguments[2].element(arguments[0]) else { return .bool(false) }
      try context.charge(steps: Value.comparisonCost(found, arguments[1]))
      return .bool(found == arguments[1])
    },
    Builtin("print", [], nil) { (_, _) throws(BuiltinFailure) in .bool(true) },
  ]

  private static func comparison(
    _ name: String, _ holds: @escaping @Sendable (Int) -> Bool
  ) -> Builtin {
    Builtin(name, [.any, .any], .boolean) { (arguments, context) throws(BuiltinFailure) in
      try context.charge(steps: Value.comparisonCost(arguments[0], arguments[1]))
      return .bool(holds(Value.order(arguments[0], arguments[1])))
    }
  }

  static func isMember(
    _ value: Value, of collection: Value, _ context: inout BuiltinContext
  ) throws(BuiltinFailure) -> Bool {
    switch collection {
    case .array(let elements):
      try context.charge(steps: elements.count)
      for element in elements {
        if element.isComposite {
          try context.charge(steps: Value.comparisonCost(element, value))
        }
        if element == value { return true }
      }
      return false
    case .set(let set):
      if value.isComposite { try context.charge(steps: value.weight ?? .max) }
      return set.contains(value)
    case .object(let object):
      try context.charge(steps: object.count)
      for pair in object.pairs {
        if pair.value.isComposite {
          try context.charge(steps: Value.comparisonCost(pair.value, value))
        }
        if pair.value == value { return true }
      }
      return false
    default: return false
    }
  }
}

extension Value {
  var isComposite: Bool {
    switch self {
    case .array, .object, .set: true
    default: false
    }
  }

  /// Steps that comparing two values takes: none for scalars, else as many as the smaller has parts.
  static func comparisonCost(_ left: Value, _ right: Value) -> Int {
    guard left.isComposite, right.isComposite else {
      if case .string(let a) = left, case .string(let b) = right {
        return min(a.count, b.count) / 64
      }
      return 0
    }
    return min(left.weight ?? .max, right.weight ?? .max)
  }
}
