import CanonicalJSON

/// Documents in which rules and data mix. A register holds the data there, the one after it the number
/// of the rule tree's node; without a node it is plain data.
extension Machine {
  mutating func document(_ target: Int32, _ node: Int32) {
    let path = tree.path(of: Int(node)).map { Value.string(ByteString($0)) }
    registers[base + Int(target)] = Machine.walk(current.data, path)
    registers[base + Int(target) + 1] =
      isShadowed(path) ? nil : .number(Number(Int(node)))
  }

  private func isShadowed(_ path: [Value]) -> Bool {
    current.shadows.contains { $0.count <= path.count && path.starts(with: $0) }
  }

  private func node(_ register: Int32) -> Int? {
    guard case .number(let number)? = registers[base + Int(register) + 1],
      let node = number.integer
    else { return nil }
    return Int(node)
  }

  mutating func documentKey(_ target: Int32, _ source: Int32, _ key: Int32) -> Lookup {
    guard let key = registers[base + Int(key)] else { return .missing }
    let data = registers[base + Int(source)]?.element(key)
    guard let node = node(source), case .string(let name) = key,
      let child = tree.nodes[node].children[name.text]
    else {
      guard let data else { return .missing }
      registers[base + Int(target)] = data
      registers[base + Int(target) + 1] = nil
      return .found
    }
    let group = tree.nodes[child].group
    if group >= 0 {
      guard tree.groups[group].kind != .function else { return .missing }
      switch rule(group) {
      case .unknown: return .rule(group)
      case .undefined: return .missing
      case .known(let value):
        registers[base + Int(target)] = value
        registers[base + Int(target) + 1] = nil
        return .found
      }
    }
    registers[base + Int(target)] = data
    let isReplaced =
      !current.shadows.isEmpty
      && isShadowed(tree.path(of: child).map { .string(ByteString($0)) })
    registers[base + Int(target) + 1] = isReplaced ? nil : .number(Number(child))
    return isReplaced && data == nil ? .missing : .found
  }

  /// Iterates over the keys of data and rules alike.
  mutating func documentIterate(
    _ iterator: Int32, _ source: Int32, at pc: Int32
  ) throws(Fault) -> Bool {
    var keys: [Value] = []
    switch registers[base + Int(source)] {
    case .object(let object)?: keys = object.pairs.map(\.key)
    case .array(let elements)?: keys = elements.indices.map { .number(Number($0)) }
    case .set(let set)?: keys = set.elements
    default: break
    }
    try charge(steps: keys.count / 8, at: pc)
    if let node = node(source) {
      try charge(steps: keys.count + tree.nodes[node].children.count, at: pc)
      keys += tree.nodes[node].children.keys.map { .string(ByteString($0)) }
      keys = SetValue(keys).elements
    }
    iterators[iteratorBase + Int(iterator)] = Iterator(kind: .set, elements: keys)
    return !keys.isEmpty
  }

  /// The whole document: rules not known yet are asked for one after another; the register after the
  /// target counts those that are.
  mutating func materialise(_ target: Int32, _ source: Int32, at pc: Int32) throws(Fault) -> Lookup
  {
    guard let node = node(source) else {
      guard let value = registers[base + Int(source)] else { return .missing }
      registers[base + Int(target)] = value
      return .found
    }
    let groups = try groups(below: node, at: pc)
    var done = 0
    if case .number(let number)? = registers[base + Int(target) + 1] {
      done = Int(number.integer ?? 0)
    }
    while done < groups.count {
      if tree.groups[groups[done]].kind != .function, case .unknown = rule(groups[done]) {
        registers[base + Int(target) + 1] = .number(Number(done))
        return .rule(groups[done])
      }
      done += 1
    }
    guard let value = assembled(node, registers[base + Int(source)]) else { return .missing }
    try charge(steps: groups.count, at: pc)
    try checkNesting(value, at: pc)
    registers[base + Int(target)] = value
    return .found
  }

  /// The groups below a node, which are looked for once.
  private mutating func groups(below node: Int, at pc: Int32) throws(Fault) -> [Int] {
    if let known = groupsBelow[node] { return known }
    let groups = tree.groups(below: node)
    groupsBelow[node] = groups
    try charge(steps: groups.count, at: pc)
    return groups
  }

  /// Data and rules below a node in one value; it nests as deep as packages do.
  private func assembled(_ node: Int, _ data: Value?) -> Value? {
    var members: [Value: Value] = [:]
    if case .object(let object)? = data {
      for pair in object.pairs { members[pair.key] = pair.value }
    } else if let data, data != .emptyObject {
      return data
    }
    for (name, child) in tree.nodes[node].children {
      let key = Value.string(ByteString(name))
      let group = tree.nodes[child].group
      if group >= 0 {
        guard tree.groups[group].kind != .function else { continue }
        switch rule(group) {
        case .known(let value): members[key] = value
        case .undefined, .unknown: continue
        }
      } else if !current.shadows.isEmpty,
        isShadowed(tree.path(of: child).map { .string(ByteString($0)) })
      {
        continue
      } else if let value = assembled(child, members[key]) {
        members[key] = value
      }
    }
    return .object(ObjectValue(members))
  }
}

extension Machine {
  /// The document at a node whose rules are all known.
  func document(at node: Int, _ path: [Value]) -> Value? {
    assembled(node, Machine.walk(current.data, path))
  }
}
