import CanonicalJSON

/// Values put together from registers and by collecting.
extension Machine {
  mutating func makeArray(
    _ target: Int32, _ first: Int32, _ count: Int32, at pc: Int32
  ) throws(Fault) {
    try charge(bytes: 32 + 16 * Int(count), at: pc)
    var elements: [Value] = []
    elements.reserveCapacity(Int(count))
    for index in 0..<Int(count) {
      if let value = registers[base + Int(first) + index] { elements.append(value) }
    }
    let value = Value.array(elements)
    try checkNesting(value, at: pc)
    registers[base + Int(target)] = value
  }

  mutating func makeSet(
    _ target: Int32, _ first: Int32, _ count: Int32, at pc: Int32
  ) throws(Fault) {
    try charge(bytes: 32 + 16 * Int(count), at: pc)
    var elements: [Value] = []
    for index in 0..<Int(count) {
      if let value = registers[base + Int(first) + index] { elements.append(value) }
    }
    try chargeSort(elements, at: pc)
    let value = Value.set(SetValue(elements))
    try checkNesting(value, at: pc)
    registers[base + Int(target)] = value
  }

  mutating func makeObject(
    _ target: Int32, _ first: Int32, _ count: Int32, at pc: Int32
  ) throws(Fault) {
    try charge(bytes: 32 + 32 * Int(count), at: pc)
    var pairs: [ObjectValue.Pair] = []
    for index in 0..<Int(count) {
      guard let key = registers[base + Int(first) + 2 * index],
        let value = registers[base + Int(first) + 2 * index + 1]
      else { continue }
      try chargePart(value, at: pc)
      pairs.append(ObjectValue.Pair(key: key, value: value))
    }
    try chargeSort(pairs.map(\.key), at: pc)
    let object = ObjectValue(unsorted: pairs)
    if object.count < pairs.count {
      try checkConflicts(pairs, object, at: pc)
    }
    let value = Value.object(object)
    try checkNesting(value, at: pc)
    registers[base + Int(target)] = value
  }

  /// Refuses two values under one key.
  private mutating func checkConflicts(
    _ pairs: [ObjectValue.Pair], _ object: ObjectValue, at pc: Int32
  ) throws(Fault) {
    for pair in pairs {
      try chargeKey(pair.value, at: pc)
      guard object[pair.key] == pair.value else {
        throw Fault(
          code: "eval_conflict_error", message: "object keys must be unique", at: pc)
      }
    }
  }

  /// Sorting compares each element with some others: composites cost their size.
  private mutating func chargeSort(_ elements: [Value], at pc: Int32) throws(Fault) {
    for element in elements { try chargeKey(element, at: pc) }
  }

  mutating func add(_ builder: Int32, _ register: Int32, at pc: Int32) throws(Fault) {
    guard let value = registers[base + Int(register)] else { return }
    try charge(bytes: 16, at: pc)
    let place = builderBase + Int(builder)
    guard case .list(var list) = builders[place] else {
      builders[place] = .list([value])
      return
    }
    builders[place] = .none
    list.append(value)
    builders[place] = .list(list)
  }

  mutating func addPair(
    _ builder: Int32, _ key: Int32, _ value: Int32, at pc: Int32
  ) throws(Fault) {
    guard let key = registers[base + Int(key)], let value = registers[base + Int(value)] else {
      return
    }
    try charge(bytes: 32, at: pc)
    try chargePart(value, at: pc)
    let place = builderBase + Int(builder)
    guard case .pairs(var pairs) = builders[place] else {
      builders[place] = .pairs([ObjectValue.Pair(key: key, value: value)])
      return
    }
    builders[place] = .none
    pairs.append(ObjectValue.Pair(key: key, value: value))
    builders[place] = .pairs(pairs)
  }

  mutating func addPath(
    _ builder: Int32, _ first: Int32, _ count: Int32, _ value: Int32, isElement: Bool,
    isDefault: Bool, at pc: Int32
  ) throws(Fault) {
    guard let value = registers[base + Int(value)] else { return }
    try charge(bytes: 64 * (Int(count) + 1), at: pc)
    let place = builderBase + Int(builder)
    let root: PathTree
    if case .tree(let known) = builders[place] {
      root = known
    } else {
      root = PathTree()
      builders[place] = .tree(root)
    }
    var keys: [Value] = []
    for index in 0..<Int(count) {
      guard let key = registers[base + Int(first) + index] else { return }
      try chargeKey(key, at: pc)
      keys.append(key)
    }
    // Where another value stands already, both are compared.
    try chargeKey(value, at: pc)
    guard root.insert(keys[...], value, isElement: isElement, isDefault: isDefault) else {
      throw Fault(
        code: "eval_conflict_error", message: "object keys must be unique", at: pc)
    }
  }

  mutating func finishArray(_ builder: Int32, _ target: Int32, at pc: Int32) throws(Fault) {
    let value = Value.array(taken(builder))
    try checkNesting(value, at: pc)
    registers[base + Int(target)] = value
  }

  mutating func finishSet(_ builder: Int32, _ target: Int32, at pc: Int32) throws(Fault) {
    let elements = taken(builder)
    try chargeSort(elements, at: pc)
    let value = Value.set(SetValue(elements))
    try checkNesting(value, at: pc)
    registers[base + Int(target)] = value
  }

  mutating func finishObject(_ builder: Int32, _ target: Int32, at pc: Int32) throws(Fault) {
    var pairs: [ObjectValue.Pair] = []
    let place = builderBase + Int(builder)
    if case .pairs(let found) = builders[place] { pairs = found }
    builders[place] = .none
    try chargeSort(pairs.map(\.key), at: pc)
    let object = ObjectValue(unsorted: pairs)
    if object.count < pairs.count { try checkConflicts(pairs, object, at: pc) }
    let value = Value.object(object)
    try checkNesting(value, at: pc)
    registers[base + Int(target)] = value
  }

  mutating func finishTree(_ builder: Int32, _ target: Int32, at pc: Int32) throws(Fault) {
    let place = builderBase + Int(builder)
    var value = Value.emptyObject
    if case .tree(let root) = builders[place] { value = root.object }
    builders[place] = .none
    try checkNesting(value, at: pc)
    registers[base + Int(target)] = value
  }

  private mutating func taken(_ builder: Int32) -> [Value] {
    let place = builderBase + Int(builder)
    var elements: [Value] = []
    if case .list(let found) = builders[place] { elements = found }
    builders[place] = .none
    return elements
  }

  mutating func template(
    _ target: Int32, _ first: Int32, _ count: Int32, at pc: Int32
  ) throws(Fault) {
    var output: [UInt8] = []
    for index in 0..<Int(count) {
      switch registers[base + Int(first) + index] {
      case .string(let text)?:
        try charge(bytes: text.count, at: pc)
        output += text.bytes
      case .set(let set)?:
        guard let value = set.elements.first else {
          output += Array("<undefined>".utf8)
          continue
        }
        guard set.count == 1 else {
          throw Fault(
            code: "eval_conflict_error",
            message: "template-strings must not produce multiple outputs", at: pc)
        }
        let before = output.count
        if case .string(let text) = value {
          output += text.bytes
        } else {
          try chargeKey(value, at: pc)
          value.write(into: &output)
        }
        try charge(bytes: output.count - before, at: pc)
      default: break
      }
    }
    registers[base + Int(target)] = .string(ByteString(validating: output) ?? "")
  }
}

extension Value {
  /// Appends the value as OPA prints it: sets in braces, a space after each comma and colon.
  package func write(into output: inout [UInt8]) {
    switch self {
    case .null: output += "null".utf8
    case .bool(let value): output += (value ? "true" : "false").utf8
    case .number(let number): output += number.text.bytes
    case .string(let text): JSONValue.writeQuoted(text, into: &output)
    case .array(let elements):
      output.append(UInt8(ascii: "["))
      Value.write(elements, into: &output)
      output.append(UInt8(ascii: "]"))
    case .set(let set):
      if set.isEmpty {
        output += "set()".utf8
        return
      }
      output.append(UInt8(ascii: "{"))
      Value.write(set.elements, into: &output)
      output.append(UInt8(ascii: "}"))
    case .object(let object):
      output.append(UInt8(ascii: "{"))
      for (index, pair) in object.pairs.enumerated() {
        if index > 0 { output += ", ".utf8 }
        pair.key.write(into: &output)
        output += ": ".utf8
        pair.value.write(into: &output)
      }
      output.append(UInt8(ascii: "}"))
    }
  }

  private static func write(_ elements: [Value], into output: inout [UInt8]) {
    for (index, element) in elements.enumerated() {
      if index > 0 { output += ", ".utf8 }
      element.write(into: &output)
    }
  }
}
