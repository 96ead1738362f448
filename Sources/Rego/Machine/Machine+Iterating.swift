import CanonicalJSON

/// Elements of collections, one after another, and rules chosen by an index.
extension Machine {
  mutating func iterate(_ iterator: Int32, _ register: Int32) -> Bool {
    guard let value = registers[base + Int(register)] else { return false }
    return start(iterator, value)
  }

  mutating func start(_ iterator: Int32, _ value: Value, chosen: [Int32]? = nil) -> Bool {
    let place = iteratorBase + Int(iterator)
    switch value {
    case .array(let elements):
      iterators[place] = Iterator(kind: .array, elements: elements, chosen: chosen)
    case .object(let object):
      iterators[place] = Iterator(kind: .object, pairs: object.pairs, chosen: chosen)
    case .set(let set):
      iterators[place] = Iterator(kind: .set, elements: set.elements, chosen: chosen)
    default: return false
    }
    return true
  }

  mutating func lookUp(_ iterator: Int32, _ index: Int32, _ value: Int32) -> Bool {
    guard
      let collection = Machine.walk(current.data, program.hashIndexes[Int(index)].path),
      let key = registers[base + Int(value)]
    else { return false }
    // Where modifiers have changed the data, every element is looked at.
    guard current.shadows.isEmpty else { return start(iterator, collection) }
    guard let positions = program.hashIndexes[Int(index)].positions[key] else { return false }
    return start(iterator, collection, chosen: positions)
  }

  mutating func next(_ iterator: Int32, _ key: Int32, _ value: Int32) -> Bool {
    let place = iteratorBase + Int(iterator)
    var position = iterators[place].position
    iterators[place].position = position + 1
    if iterators[place].chosen != nil {
      guard let count = iterators[place].chosen?.count, position < count else {
        return ended(place)
      }
      position = Int(iterators[place].chosen?[position] ?? 0)
    }
    switch iterators[place].kind {
    case .array:
      guard position < iterators[place].elements.count else { return ended(place) }
      if value >= 0 { registers[base + Int(value)] = iterators[place].elements[position] }
      if key >= 0 { registers[base + Int(key)] = .number(Number(position)) }
    case .object:
      guard position < iterators[place].pairs.count else { return ended(place) }
      if value >= 0 { registers[base + Int(value)] = iterators[place].pairs[position].value }
      if key >= 0 { registers[base + Int(key)] = iterators[place].pairs[position].key }
    case .set:
      guard position < iterators[place].elements.count else { return ended(place) }
      if value >= 0 { registers[base + Int(value)] = iterators[place].elements[position] }
      if key >= 0 { registers[base + Int(key)] = iterators[place].elements[position] }
    case .none, .definitions: return false
    }
    return true
  }

  private mutating func ended(_ place: Int) -> Bool {
    iterators[place] = Iterator()
    return false
  }

  // MARK: rules by index

  mutating func dispatch(_ iterator: Int32, _ table: Int, at pc: Int32) throws(Fault) {
    let dispatch = plan.dispatches[table]
    let place = iteratorBase + Int(iterator)
    guard trace == nil else {
      // An explanation tries every rule.
      iterators[place].begin(definitions: dispatch.entries)
      return
    }
    var first: Int32 = -1
    var found: [Int32] = []
    var waiting: [Int32] = []
    var number = 0
    while true {
      try charge(steps: 1, at: pc)
      let node = dispatch.nodes[number]
      for index in node.firstRule..<node.endOfRules {
        let rule = dispatch.rules[Int(index)]
        if first < 0 { first = rule } else { found.append(rule) }
      }
      var next: Int32 = -1
      if node.path >= 0 {
        next = try self.next(node, of: dispatch, at: pc)
        if node.otherwise >= 0 {
          if next >= 0 { waiting.append(node.otherwise) } else { next = node.otherwise }
        }
      }
      if next < 0 { next = waiting.popLast() ?? -1 }
      guard next >= 0 else { break }
      number = Int(next)
    }
    guard !found.isEmpty else {
      iterators[place].begin(definition: first < 0 ? -1 : label(of: first, in: dispatch))
      return
    }
    found.append(first)
    try charge(steps: found.count, at: pc)
    found.sort()
    for index in found.indices { found[index] = label(of: found[index], in: dispatch) }
    iterators[place].begin(definitions: found)
  }

  /// Where the code of a rule that was chosen begins; coverage is told of every literal.
  private func label(of rule: Int32, in dispatch: Dispatch) -> Int32 {
    coverage == nil ? dispatch.checked[Int(rule)] : dispatch.entries[Int(rule)]
  }

  /// The node of what stands at a node's path of the input, or -1.
  @inline(__always)
  private mutating func next(
    _ node: Dispatch.Node, of dispatch: Dispatch, at pc: Int32
  ) throws(Fault) -> Int32 {
    if node.texts.mask >= 0, current.members.baseAddress != nil {
      let (start, end) = (plan.pathStarts[Int(node.path)], plan.pathStarts[Int(node.path) + 1])
      guard let (pair, after) = Machine.place(start..<end, in: current.members, plan) else {
        return -1
      }
      if after == end, let text = pair.pointee.value.textBytes {
        if text.count >= 64 { try charge(steps: text.count / 64, at: pc) }
        return dispatch.next(node, for: text)
      }
    }
    guard let value = inputValue(node.path) else { return -1 }
    try chargeKey(value, at: pc)
    return dispatch.next(node, for: value)
  }

  mutating func nextDefinition(_ iterator: Int32) -> Int32? {
    let place = iteratorBase + Int(iterator)
    guard let count = iterators[place].chosen?.count else {
      let label = iterators[place].single
      iterators[place].single = -1
      return label < 0 ? nil : label
    }
    let position = iterators[place].position
    guard position < count else { return nil }
    iterators[place].position = position + 1
    return iterators[place].chosen?[position]
  }
}
