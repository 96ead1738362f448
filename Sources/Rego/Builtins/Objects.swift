import CanonicalJSON

/// Objects: bounded by the sizes of what they read and make.
extension BuiltinTable {
  private static let keys = RegoType.anyOf([.array(of: .any), .object(.any, .any), .set(.any)])
  private static let anyObject = RegoType.object(.any, .any)

  package static let objects: [Builtin] = [
    Builtin("object.get", [anyObject, .any, .any], .any) {
      (values, context) throws(BuiltinFailure) in
      let object = try values.object(0)
      guard case .array(let path) = values[1] else {
        try context.charge(reading: [values[1]])
        return object[values[1]] ?? values[2]
      }
      var value = values[0]
      for key in path {
        try context.charge(reading: [key])
        guard let next = value.element(key) else { return values[2] }
        value = next
      }
      return value
    },
    Builtin("object.keys", [anyObject], .set(.any)) { (values, context) throws(BuiltinFailure) in
      let object = try values.object(0)
      try context.charge(copying: object.count)
      return .set(SetValue(object.pairs.map(\.key)))
    },
    Builtin("object.remove", [anyObject, keys], .any) {
      (values, context) throws(BuiltinFailure) in
      let object = try values.object(0)
      let removed = try keySet(values, 1)
      try context.charge(searching: values[1], in: [values[0], .set(removed)])
      try context.charge(searching: values[0], in: [.set(removed)])
      return .object(
        ObjectValue(sorted: object.pairs.filter { !removed.contains($0.key) }))
    },
    Builtin("object.filter", [anyObject, keys], .any) {
      (values, context) throws(BuiltinFailure) in
      let object = try values.object(0)
      let kept = try keySet(values, 1)
      try context.charge(searching: values[1], in: [values[0], .set(kept)])
      try context.charge(searching: values[0], in: [.set(kept)])
      return .object(ObjectValue(sorted: object.pairs.filter { kept.contains($0.key) }))
    },
    Builtin("object.union", [anyObject, anyObject], .any) {
      (values, context) throws(BuiltinFailure) in
      let (left, right) = (try values.object(0), try values.object(1))
      return .object(try union(left, right, &context, level: 0))
    },
    Builtin("object.union_n", [.array(of: anyObject)], .any) {
      (values, context) throws(BuiltinFailure) in
      var merged = ObjectValue()
      for element in try values.array(0) {
        guard case .object(let object) = element else {
          throw .element(0, values[0], element, "object")
        }
        merged = try union(merged, object, &context, level: 0)
      }
      return .object(merged)
    },
    Builtin("object.subset", [keys, keys], .boolean) {
      (values, context) throws(BuiltinFailure) in
      switch (values[0], values[1]) {
      case (.object(let whole), .object(let part)):
        return .bool(try contains(whole, part, &context, level: 0))
      case (.set(let whole), .set(let part)):
        try context.charge(searching: values[1], in: values)
        return .bool(part.elements.allSatisfy(whole.contains))
      case (.array(let whole), .array(let part)):
        return .bool(try isRun(part, of: whole, &context))
      case (.array, .set(let part)):
        try context.charge(sorting: values[0], count: values[0].size(within: context.stepsLeft))
        try context.charge(searching: values[1], in: values)
        let whole = SetValue(try values.array(0))
        return .bool(part.elements.allSatisfy(whole.contains))
      default:
        throw .type(
          "both arguments object.subset must be of the same type or array and set")
      }
    },
  ]

  private static func keySet(_ values: [Value], _ index: Int) throws(BuiltinFailure) -> SetValue {
    switch values[index] {
    case .array(let keys): return SetValue(keys)
    case .set(let keys): return keys
    case .object(let object): return SetValue(object.pairs.map(\.key))
    default: throw .operand(index, "one of {object, set, array}", values[index])
    }
  }

  /// The right object's members win; objects under one key are merged.
  ///
  /// Recurses as deep as values nest, which is limited.
  private static func union(
    _ left: ObjectValue, _ right: ObjectValue, _ context: inout BuiltinContext, level: Int
  ) throws(BuiltinFailure) -> ObjectValue {
    guard level < Value.depthLimit else { throw .limit(.nesting) }
    try context.charge(copying: 4 * (left.count + right.count))
    var merged: [ObjectValue.Pair] = []
    merged.reserveCapacity(left.count + right.count)
    var (i, j) = (0, 0)
    while i < left.count, j < right.count {
      let (a, b) = (left.pairs[i], right.pairs[j])
      let order = Value.order(a.key, b.key)
      if order == 0 {
        if case .object(let inner) = a.value, case .object(let other) = b.value {
          let both = try union(inner, other, &context, level: level + 1)
          merged.append(ObjectValue.Pair(key: a.key, value: .object(both)))
        } else {
          merged.append(ObjectValue.Pair(key: a.key, value: b.value))
        }
        i += 1
        j += 1
      } else if order < 0 {
        merged.append(a)
        i += 1
      } else {
        merged.append(b)
        j += 1
      }
    }
    merged += left.pairs[i...]
    merged += right.pairs[j...]
    return ObjectValue(sorted: merged)
  }

  private static func contains(
    _ whole: ObjectValue, _ part: ObjectValue, _ context: inout BuiltinContext, level: Int
  ) throws(BuiltinFailure) -> Bool {
    guard level < Value.depthLimit else { throw .limit(.nesting) }
    for pair in part.pairs {
      try context.charge(reading: [pair.key, pair.value])
      guard let other = whole[pair.key] else { return false }
      switch (other, pair.value) {
      case (.object(let inner), .object(let wanted)):
        guard try contains(inner, wanted, &context, level: level + 1) else { return false }
      case (.set(let inner), .set(let wanted)):
        guard wanted.elements.allSatisfy(inner.contains) else { return false }
      case (.array(let inner), .array(let wanted)):
        guard try isRun(wanted, of: inner, &context) else { return false }
      default:
        guard other == pair.value else { return false }
      }
    }
    return true
  }

  /// Whether one array stands in another without gaps.
  private static func isRun(
    _ part: [Value], of whole: [Value], _ context: inout BuiltinContext
  ) throws(BuiltinFailure) -> Bool {
    guard !part.isEmpty else { return true }
    guard part.count <= whole.count else { return false }
    var fallback = [Int](repeating: 0, count: part.count)
    var length = 0
    // Comparing costs as much as the smaller value is large.
    try context.charge(reading: [.array(part), .array(part), .array(whole), .array(whole)])
    for index in part.indices.dropFirst() {
      while length > 0, part[index] != part[length] { length = fallback[length - 1] }
      if part[index] == part[length] { length += 1 }
      fallback[index] = length
    }
    length = 0
    for element in whole {
      while length > 0, element != part[length] { length = fallback[length - 1] }
      if element == part[length] { length += 1 }
      if length == part.count { return true }
    }
    return false
  }
}
