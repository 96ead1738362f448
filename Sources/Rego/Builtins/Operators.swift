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
      if arguments[0].isComposite { try context.charge(weight: arguments[0]) }
      guard let found = arguments[2].element(arguments[0]) else { return .bool(false) }
      try context.charge(
        steps: Value.comparisonCost(found, arguments[1], within: context.stepsLeft))
      return .bool(found == arguments[1])
    },
    Builtin("print", [], nil) { (_, _) throws(BuiltinFailure) in .bool(true) },
  ]

  private static func comparison(
    _ name: String, _ holds: @escaping @Sendable (Int) -> Bool
  ) -> Builtin {
    Builtin(name, [.any, .any], .boolean) { (arguments, context) throws(BuiltinFailure) in
      try context.charge(
        steps: Value.comparisonCost(
          arguments[0], arguments[1], within: context.stepsLeft))
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
          try context.charge(steps: Value.comparisonCost(element, value, within: context.stepsLeft))
        }
        if element == value { return true }
      }
      return false
    case .set(let set):
      if value.isComposite { try context.charge(weight: value) }
      return set.contains(value)
    case .object(let object):
      try context.charge(steps: object.count)
      for pair in object.pairs {
        if pair.value.isComposite {
          try context.charge(
            steps: Value.comparisonCost(pair.value, value, within: context.stepsLeft))
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
  static func comparisonCost(_ left: Value, _ right: Value, within most: Int) -> Int {
    guard left.isComposite, right.isComposite else {
      if case .string(let a) = left, case .string(let b) = right {
        return min(a.count, b.count) / 64
      }
      return 0
    }
    // The lighter of both, without looking at much more of the other.
    var budget = 64
    while true {
      let (one, other) = (left.weight(within: budget), right.weight(within: budget))
      if let one { return min(one, other ?? one) }
      if let other { return other }
      guard budget < most else { return .max }
      budget = min(most, budget * 4)
    }
  }
}
