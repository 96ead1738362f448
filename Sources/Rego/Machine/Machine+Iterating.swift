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
    guard trace == nil else {
      // An explanation tries every rule.
      iterators[iteratorBase + Int(iterator)] = Iterator(
        kind: .definitions, chosen: program.dispatches[table].entries)
      return
    }
    let place = iteratorBase + Int(iterator)
    var first: Int32 = -1
    var found: [Int32] = []
    var waiting: [Int32] = []
    var node = 0
    while true {
      try charge(steps: 1, at: pc)
      for rule in program.dispatches[table].nodes[node].rules {
        if first < 0 { first = rule } else { found.append(rule) }
      }
      var next: Int32 = -1
      if let path = program.dispatches[table].nodes[node].level?.path {
        if let value = inputValue(path) {
          try chargeKey(value, at: pc)
          next = program.dispatches[table].nodes[node].level?.branches[value] ?? -1
        }
        if let otherwise = program.dispatches[table].nodes[node].level?.otherwise, otherwise >= 0 {
          if next >= 0 { waiting.append(otherwise) } else { next = otherwise }
        }
      }
      if next < 0 { next = waiting.popLast() ?? -1 }
      guard next >= 0 else { break }
      node = Int(next)
    }
    guard !found.isEmpty else {
      iterators[place] = Iterator(
        kind: .definitions,
        single: first < 0 ? -1 : program.dispatches[table].entries[Int(first)])
      return
    }
    found.append(first)
    try charge(steps: found.count, at: pc)
    found.sort()
    for index in found.indices {
      found[index] = program.dispatches[table].entries[Int(found[index])]
    }
    iterators[place] = Iterator(kind: .definitions, chosen: found)
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
