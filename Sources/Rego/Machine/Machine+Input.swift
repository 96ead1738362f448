import CanonicalJSON

/// Reading paths of the input, in whatever form it is.
extension Machine {
  /// What stands at a path of the input.
  mutating func inputValue(_ path: Int32) -> Value? {
    let (first, end) = (plan.pathStarts[Int(path)], plan.pathStarts[Int(path) + 1])
    switch current.input {
    case nil: return nil
    case .value(let value)?:
      guard first < end else { return value }
      guard current.members.baseAddress != nil else {
        return Machine.walk(value, Array(plan.pathKeys[first..<end]))
      }
      guard let (found, next) = Machine.place(first..<end, in: current.members, plan) else {
        return nil
      }
      return next == end
        ? found.pointee.value
        : Machine.walk(found.pointee.value, Array(plan.pathKeys[next..<end]))
    case .json(let json)?:
      if let known = current.made[path] { return known }
      guard let found = EvaluationInput.element(of: json, under: plan.pathKeys[first..<end]) else {
        return nil
      }
      return keep(Value(found), path)
    case .text(let text)?:
      if let known = current.made[path] { return known }
      var isFar = false
      if let found = text.node(under: plan.pathKeys[first..<end], isFar: &isFar) {
        return keep(text.value(at: found), path)
      }
      guard isFar else { return nil }
      current.input = .value(text.value(at: 0))
      return inputValue(path)
    }
  }

  /// Keeps what took work to make, so that it is made once in an evaluation: a policy may read it in a loop.
  private mutating func keep(_ value: Value, _ path: Int32) -> Value {
    switch value {
    case .null, .bool, .number(.integer): break
    case .string(let text) where text.count <= 32: break
    default: current.made[path] = value
    }
    return value
  }

  /// Whether a constant stands at a path of the input.
  mutating func inputEquals(_ path: Int32, _ constant: Int32) -> Bool {
    let (first, end) = (plan.pathStarts[Int(path)], plan.pathStarts[Int(path) + 1])
    if first < end, current.members.baseAddress != nil {
      guard let (found, next) = Machine.place(first..<end, in: current.members, plan) else {
        return false
      }
      if next == end { return Machine.isEqual(found, constant, plan) }
      return inputValue(path) == plan.constants[Int(constant)]
    }
    let expected = plan.constants[Int(constant)]
    switch current.input {
    case nil: return false
    case .value?: break
    case .json(let json)?:
      if case .string(let text) = expected {
        return EvaluationInput.element(of: json, under: plan.pathKeys[first..<end])?.string == text
      }
    case .text(let text)?:
      var isFar = false
      if let found = text.node(under: plan.pathKeys[first..<end], isFar: &isFar) {
        if let result = text.isEqual(found, to: expected) { return result }
      } else if !isFar {
        return false
      }
    }
    return inputValue(path) == expected
  }

  /// Where the value at a path is that lies within objects, and how many keys are left to look up in it
  /// as it is no object.
  ///
  /// It stays there until the input changes.
  @inline(__always)
  static func place(
    _ keys: Range<Int>, in root: UnsafeBufferPointer<ObjectValue.Pair>, _ plan: Plan
  ) -> (pair: UnsafePointer<ObjectValue.Pair>, next: Int)? {
    var members = root
    var index = keys.lowerBound
    while true {
      guard let start = members.baseAddress, let found = position(index, in: members, plan) else {
        return nil
      }
      let pair = start + found
      index += 1
      guard index < keys.upperBound, case .object(let next) = pair.pointee.value else {
        return (pair, index)
      }
      members = next.pairs.withUnsafeBufferPointer { $0 }
    }
  }

  /// Whether a member's value is a constant.
  @inline(__always)
  private static func isEqual(
    _ pair: UnsafePointer<ObjectValue.Pair>, _ constant: Int32, _ plan: Plan
  ) -> Bool {
    guard let text = pair.pointee.value.textBytes else {
      return pair.pointee.value == plan.constants[Int(constant)]
    }
    let expected = plan.constantTexts[Int(constant)]
    guard text.count == expected.count else { return false }
    return plan.textBytes.withUnsafeBytes { InputText.areEqual($0, expected.start, text) }
  }

  @inline(__always)
  private static func position(
    _ key: Int, in members: UnsafeBufferPointer<ObjectValue.Pair>, _ plan: Plan
  ) -> Int? {
    let mark = plan.pathMarks[key]
    guard let first = ObjectValue.firstIndex(of: mark, in: members) else { return nil }
    return ObjectValue.isWhole(mark) ? first : longPosition(key, from: first, in: members, plan)
  }

  private static func longPosition(
    _ key: Int, from first: Int, in members: UnsafeBufferPointer<ObjectValue.Pair>, _ plan: Plan
  ) -> Int? {
    let (mark, expected) = (plan.pathMarks[key], plan.pathTexts[key])
    guard expected.count >= 0 else {
      return ObjectValue.index(of: plan.pathKeys[key], mark: mark, in: members)
    }
    // Of the texts with one beginning the first is looked at where it is.
    if let text = members[first].key.textBytes, text.count == expected.count,
      plan.textBytes.withUnsafeBytes({ InputText.areEqual($0, expected.start, text) })
    {
      return first
    }
    return ObjectValue.index(of: plan.pathKeys[key], mark: mark, in: members)
  }
}
