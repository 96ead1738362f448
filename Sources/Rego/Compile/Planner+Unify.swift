import CanonicalJSON

extension Planner {
  mutating func test(_ node: Node, _ place: Place) {
    switch node {
    case .constant(.bool(false)): emit(.jump(fail))
    case .constant, .array, .object, .set, .arrayComprehension, .setComprehension,
      .objectComprehension, .template:
      // Always true, once it is defined.
      if case .constant = node { return }
      _ = value(node)
    case .builtin(let number, let arguments, let place)
    where number <= Operators.greaterOrEqual && arguments.count == 2
      && !mocked.contains(.builtin(number)):
      guard let comparison = Instruction.Comparison(rawValue: UInt8(number)) else { return }
      compare(comparison, arguments[0], arguments[1], place)
    case .builtin(Operators.member, let arguments, let place)
    where !mocked.contains(.builtin(Operators.member)):
      let registers = values(arguments)
      emit(.member(registers[0], of: registers[1], fail), at: place)
    default:
      let register = value(node)
      emit(.truthy(register, fail))
    }
  }

  mutating func compare(
    _ comparison: Instruction.Comparison, _ left: Node, _ right: Node, _ place: Place
  ) {
    if comparison == .equal {
      if case .constant(let value) = right, !value.isComposite {
        return equal(left, value)
      }
      if case .constant(let value) = left, !value.isComposite {
        return equal(right, value)
      }
    }
    let sides = values([left, right])
    emit(.compare(comparison, sides[0], sides[1], fail), at: place)
  }

  private mutating func equal(_ node: Node, _ value: Value) {
    if case .input(let keys) = node, let path = pathNumber(keys) {
      emit(.inputEquals(path: path, constant: constant(value), fail))
      return
    }
    let register = self.value(node)
    emit(.equalConstant(register, constant: constant(value), fail))
  }

  mutating func unify(_ left: Node, _ right: Node) {
    var missing: Set<Int> = []
    guard let plan = Unification.plan(left, right, bound: bound, missing: &missing) else {
      return
    }
    for part in plan.parts {
      switch part {
      case .compare(let a, let b): compare(.equal, a, b, Place(line: 0, column: 0))
      case .match(let pattern, let node):
        if case .local(let slot) = pattern, !bound.contains(slot) {
          _ = value(node, into: register(slot))
          bound.insert(slot)
        } else {
          let register = value(node)
          match(pattern, register)
        }
      }
    }
  }

  /// Matches a pattern to a register's value, binding its variables.
  mutating func match(_ pattern: Node, _ register: Register) {
    switch pattern {
    case .local(let slot) where !bound.contains(slot):
      emit(.copy(self.register(slot), from: register))
      bound.insert(slot)
    case .array(let nodes) where isPattern(pattern):
      emit(.arrayOf(register, count: Int32(nodes.count), fail))
      var composites: [(Node, Register)] = []
      for (index, node) in nodes.enumerated() {
        if case .local(let slot) = node, !bound.contains(slot) {
          emit(.item(self.register(slot), of: register, Int32(index)))
          bound.insert(slot)
        } else {
          let item = newRegister()
          emit(.item(item, of: register, Int32(index)))
          composites.append((node, item))
        }
      }
      matchEach(composites)
    case .object(let pairs) where isPattern(pattern):
      emit(.objectOf(register, count: Int32(pairs.count), fail))
      var composites: [(Node, Register)] = []
      for pair in pairs {
        let item = newRegister()
        if case .constant(let key) = pair.key {
          emit(.key(item, of: register, constant: constant(key), fail))
        } else {
          let key = value(pair.key)
          emit(.index(item, of: register, key: key, fail))
        }
        composites.append((pair.value, item))
      }
      matchEach(composites)
    case .constant(let value) where !value.isComposite:
      emit(.equalConstant(register, constant: constant(value), fail))
    default:
      let other = value(pattern)
      emit(.compare(.equal, other, register, fail))
    }
  }

  /// Patterns first: they bind what the others need.
  private mutating func matchEach(_ parts: [(Node, Register)]) {
    var waiting = parts
    while !waiting.isEmpty {
      var rest: [(Node, Register)] = []
      for (node, register) in waiting {
        var variables = Safety.Variables()
        Safety.collect(pattern: node, into: &variables)
        if variables.needs.subtracting(bound).isEmpty {
          match(node, register)
        } else {
          rest.append((node, register))
        }
      }
      guard rest.count < waiting.count else {
        for (node, register) in rest { match(node, register) }
        return
      }
      waiting = rest
    }
  }

  // MARK: indexes

  /// What serves `some g in data.list; g.field == value` without a scan, if the element's field is
  /// compared with what is known before: the next literals are looked at.
  mutating func lookUp(
    value: Node, domain: Node, following: ArraySlice<Step>
  ) -> (iterator: Int32, index: Int32, value: Register)? {
    guard case .local(let slot) = value, !bound.contains(slot), case .data(let keys) = domain,
      case (let path, let rest) = Planner.constantPrefix(keys), rest.isEmpty,
      isBaseOnly(path)
    else { return nil }
    guard let next = following.first, !next.isNegated, next.modifiers.isEmpty else { return nil }
    let sides: (Node, Node)
    switch next.kind {
    case .test(.builtin(Operators.equal, let arguments, _)) where arguments.count == 2:
      sides = (arguments[0], arguments[1])
    case .unify(let left, let right): sides = (left, right)
    default: return nil
    }
    for (field, other) in [sides, (sides.1, sides.0)] {
      guard case .select(.local(slot), let fieldKeys) = field,
        case (let fieldPath, let fieldRest) = Planner.constantPrefix(fieldKeys),
        fieldRest.isEmpty, !fieldPath.isEmpty, isKnown(other)
      else { continue }
      let index: Int32
      if let known = program.hashIndexes.firstIndex(where: {
        $0.path == path && $0.field == fieldPath
      }) {
        index = Int32(known)
      } else {
        guard program.hashIndexes.count < Planner.indexLimit,
          let made = HashIndex(path: path, field: fieldPath, in: data)
        else { return nil }
        program.hashIndexes.append(made)
        index = Int32(program.hashIndexes.count - 1)
      }
      let register = self.value(other)
      return (newIterator(), index, register)
    }
    return nil
  }

  static let indexLimit = 64

  /// Whether no rule can answer at or below a path of the data.
  private func isBaseOnly(_ path: [Value]) -> Bool {
    var node = RuleTree.root
    for key in path {
      if tree.nodes[node].group >= 0 { return false }
      guard case .string(let name) = key, let child = tree.nodes[node].children[name.text]
      else { return true }
      node = child
    }
    return tree.groups(below: node).isEmpty
  }

  /// Whether a term can be evaluated before the loop, and costs and raises nothing there.
  private func isKnown(_ node: Node) -> Bool {
    switch node {
    case .constant: true
    case .local(let slot): bound.contains(slot)
    case .input(let keys):
      keys.allSatisfy { if case .constant = $0 { true } else { false } }
    default: false
    }
  }
}

extension HashIndex {
  /// nil: there is no list or object at the path.
  init?(path: [Value], field: [Value], in data: Value) {
    self.path = path
    self.field = field
    var collection = data
    for key in path {
      guard let next = collection.element(key) else { return nil }
      collection = next
    }
    let elements: [Value]
    switch collection {
    case .array(let found): elements = found
    case .set(let set): elements = set.elements
    case .object(let object): elements = object.pairs.map(\.value)
    default: return nil
    }
    guard elements.count >= 8, elements.count < Int(Int32.max) else { return nil }
    positions.reserveCapacity(elements.count)
    for (index, element) in elements.enumerated() {
      var value = element
      var isThere = true
      for key in field {
        guard let next = value.element(key) else {
          isThere = false
          break
        }
        value = next
      }
      if isThere { positions[value, default: []].append(Int32(index)) }
    }
  }
}
