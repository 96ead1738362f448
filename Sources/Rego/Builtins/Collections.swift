import CanonicalJSON

/// Arrays, sets and objects: bounded by the sizes of what they read and make.
extension BuiltinTable {
  package static let arrays: [Builtin] = [
    Builtin("array.concat", [.array(of: .any), .array(of: .any)], .array(of: .any)) {
      (values, context) throws(BuiltinFailure) in
      let (left, right) = (try values.array(0), try values.array(1))
      try context.charge(copying: left.count + right.count)
      return .array(left + right)
    },
    Builtin("array.flatten", [.array(of: .any)], .array(of: .any)) {
      (values, context) throws(BuiltinFailure) in
      var flat: [Value] = []
      for element in try values.array(0) {
        if case .array(let inner) = element {
          try context.charge(copying: inner.count)
          flat += inner
        } else {
          try context.charge(copying: 1)
          flat.append(element)
        }
      }
      return .array(flat)
    },
    Builtin("array.reverse", [.array(of: .any)], .array(of: .any)) {
      (values, context) throws(BuiltinFailure) in
      let elements = try values.array(0)
      try context.charge(copying: elements.count)
      return .array(elements.reversed())
    },
    Builtin("array.slice", [.array(of: .any), .number, .number], .array(of: .any)) {
      (values, context) throws(BuiltinFailure) in
      let elements = try values.array(0)
      let start = min(max(try values.integer(1), 0), elements.count)
      let stop = min(try values.integer(2), elements.count)
      guard start < stop else { return .array([]) }
      try context.charge(copying: stop - start)
      return .array(Array(elements[start..<stop]))
    },
  ]

  package static let sets: [Builtin] = [
    Builtin("and", [.set(.any), .set(.any)], .set(.any)) {
      (values, context) throws(BuiltinFailure) in
      let (left, right) = (try values.set(0), try values.set(1))
      try context.charge(searching: left.count < right.count ? values[0] : values[1], in: values)
      let (few, many) = left.count < right.count ? (left, right) : (right, left)
      return .set(SetValue(few.elements.filter(many.contains)))
    },
    Builtin("or", [.set(.any), .set(.any)], .set(.any)) {
      (values, context) throws(BuiltinFailure) in
      let (left, right) = (try values.set(0), try values.set(1))
      try context.charge(reading: values)
      return .set(merged(left, right))
    },
    Builtin("union", [.set(.set(.any))], .set(.any)) {
      (values, context) throws(BuiltinFailure) in
      let outer = try values.set(0)
      var all: [Value] = []
      for element in outer.elements {
        guard case .set(let set) = element else {
          throw .element(0, values[0], element, "set")
        }
        all += set.elements
      }
      try context.charge(sorting: values[0], count: all.count)
      return .set(SetValue(all))
    },
    Builtin("intersection", [.set(.set(.any))], .set(.any)) {
      (values, context) throws(BuiltinFailure) in
      let outer = try values.set(0)
      try context.charge(sorting: values[0], count: outer.count)
      var shared: [Value]?
      for element in outer.elements {
        guard case .set(let set) = element else {
          throw .element(0, values[0], element, "set")
        }
        shared = shared?.filter(set.contains) ?? set.elements
      }
      return .set(SetValue(shared ?? []))
    },
    Builtin("set_diff", [.set(.any), .set(.any)], .set(.any)) {
      (values, context) throws(BuiltinFailure) in
      let (left, right) = (try values.set(0), try values.set(1))
      try context.charge(searching: values[0], in: values)
      return .set(SetValue(left.elements.filter { !right.contains($0) }))
    },
  ]

  /// Two sorted lists into one.
  private static func merged(_ left: SetValue, _ right: SetValue) -> SetValue {
    var merged: [Value] = []
    merged.reserveCapacity(left.count + right.count)
    var (i, j) = (0, 0)
    while i < left.count, j < right.count {
      let order = Value.order(left.elements[i], right.elements[j])
      if order <= 0 { merged.append(left.elements[i]) } else { merged.append(right.elements[j]) }
      if order <= 0 { i += 1 }
      if order >= 0 { j += 1 }
    }
    merged += left.elements[i...]
    merged += right.elements[j...]
    return SetValue(merged)
  }
}

extension BuiltinContext {
  /// Counts copying elements, which are references.
  package mutating func charge(copying count: Int) throws(BuiltinFailure) {
    try charge(steps: count / 4 + 1)
    try charge(bytes: count * 16)
  }

  /// Counts looking for each element of one collection in another.
  mutating func charge(searching value: Value, in all: [Value]) throws(BuiltinFailure) {
    var most = 1
    for value in all {
      switch value {
      case .set(let set): most = max(most, set.count)
      case .object(let object): most = max(most, object.count)
      default: break
      }
    }
    try charge(sorting: value, count: most)
  }
}
