import CanonicalJSON

extension Planner {
  /// Writes what evaluates a term to a register; a bound variable's own if no other is asked for.
  mutating func value(_ node: Node, into target: Register? = nil) -> Register {
    switch node {
    case .constant(let value):
      let register = target ?? newRegister()
      emit(.constant(register, constant(value)))
      return register
    case .local(let slot):
      guard let target else { return register(slot) }
      emit(.copy(target, from: register(slot)))
      return target
    case .input(let keys): return input(keys, into: target)
    case .data(let keys): return document(keys, into: target)
    case .select(let base, let keys):
      return path(value(base), keys[...], into: target)
    case .array(let nodes):
      let register = target ?? newRegister()
      let first = consecutive(nodes)
      emit(.makeArray(register, first: first, count: Int32(nodes.count)))
      return register
    case .set(let nodes):
      let register = target ?? newRegister()
      let first = consecutive(nodes)
      emit(.makeSet(register, first: first, count: Int32(nodes.count)))
      return register
    case .object(let pairs):
      let register = target ?? newRegister()
      let first = consecutive(pairs.flatMap { [$0.key, $0.value] })
      emit(.makeObject(register, first: first, count: Int32(pairs.count)))
      return register
    case .template(let nodes, let place):
      for node in nodes { checkPart(node, of: place) }
      let register = target ?? newRegister()
      let first = consecutive(nodes)
      emit(.template(register, first: first, count: Int32(nodes.count)), at: place)
      return register
    case .arrayComprehension(let head, let scope):
      return comprehension(scope, heads: [head], target) { (planner, builder) in
        let register = planner.value(head)
        planner.emit(.add(builder, register))
      } finish: {
        .finishArray($0, $1)
      }
    case .setComprehension(let head, let scope):
      return comprehension(scope, heads: [head], target) { (planner, builder) in
        let register = planner.value(head)
        planner.emit(.add(builder, register))
      } finish: {
        .finishSet($0, $1)
      }
    case .objectComprehension(let key, let value, let scope):
      return comprehension(scope, heads: [key, value], target) { (planner, builder) in
        let registers = planner.values([key, value])
        planner.emit(.addPair(builder, registers[0], registers[1]))
      } finish: {
        .finishObject($0, $1)
      }
    case .function(let group, let arguments, let place):
      let register = target ?? newRegister()
      let first = consecutive(arguments)
      emit(.function(register, group: Int32(group), first: first, fail), at: place)
      return register
    case .builtin(let number, let arguments, let place):
      return builtin(number, arguments, place, into: target)
    }
  }

  private mutating func builtin(
    _ number: Int, _ arguments: [Node], _ place: Place, into target: Register?
  ) -> Register {
    let register = target ?? newRegister()
    if number == Operators.print {
      emit(.constant(register, constant(.bool(true))))
      return register
    }
    if let comparison = Instruction.Comparison(rawValue: UInt8(truncatingIfNeeded: number)),
      number <= Operators.greaterOrEqual, arguments.count == 2,
      !mocked.contains(.builtin(number))
    {
      let sides = values(arguments)
      emit(.compareValue(comparison, register, sides[0], sides[1]), at: place)
      return register
    }
    let first = consecutive(arguments)
    guard program.builtins[number].isRelation else {
      emit(.builtin(register, number: Int32(number), first: first, fail), at: place)
      return register
    }
    // Each element of the answer is one way in which the call holds.
    let answers = newRegister()
    emit(.builtin(answers, number: Int32(number), first: first, fail), at: place)
    let iterator = newIterator()
    emit(.iterate(iterator, answers, fail))
    let again = newLabel()
    put(again)
    emit(.next(iterator, key: -1, value: register, fail))
    fail = again
    return register
  }

  /// Writes terms to registers, each when what it needs is bound: one may bind another's variable.
  mutating func values(_ nodes: [Node]) -> [Register] {
    guard nodes.count > 1 else { return nodes.map { value($0) } }
    var registers = [Register](repeating: -1, count: nodes.count)
    inOrder(nodes) { (planner, index) in registers[index] = planner.value(nodes[index]) }
    return registers
  }

  /// Writes terms to registers that follow each other; gives the first.
  mutating func consecutive(_ nodes: [Node]) -> Register {
    let first = newRegister(nodes.count)
    inOrder(nodes) { (planner, index) in
      _ = planner.value(nodes[index], into: first + Register(index))
    }
    return first
  }

  private mutating func inOrder(_ nodes: [Node], _ write: (inout Planner, Int) -> Void) {
    var waiting: [Int] = []
    func isReady(_ node: Node) -> Bool {
      switch node {
      case .constant: return true
      case .local(let slot): return bound.contains(slot)
      default:
        var variables = Safety.Variables()
        Safety.collect(node, into: &variables)
        if variables.needs.isEmpty { return true }
        return variables.needs.subtracting(bound).subtracting(variables.outputs).isEmpty
      }
    }
    for index in nodes.indices {
      if isReady(nodes[index]) { write(&self, index) } else { waiting.append(index) }
    }
    while !waiting.isEmpty {
      let ready = waiting.filter { isReady(nodes[$0]) }
      // None: an unsafe variable, which is reported elsewhere.
      for index in ready.isEmpty ? waiting : ready { write(&self, index) }
      if ready.isEmpty { return }
      waiting.removeAll { ready.contains($0) }
    }
  }

  private mutating func comprehension(
    _ scope: Node.Scope, heads: [Node], _ target: Register?,
    _ yield: (inout Planner, Int32) -> Void,
    finish: (Int32, Register) -> Instruction
  ) -> Register {
    let register = target ?? newRegister()
    let builder = newBuilder()
    let (outerFail, outerBound) = (fail, bound)
    let done = newLabel()
    emit(.begin(builder))
    fail = done
    nesting += 1
    let faultsBefore = faults.count
    body(scope.steps)
    if faults.count == faultsBefore { checkHeads(heads) }
    yield(&self, builder)
    nesting -= 1
    emit(.jump(fail))
    put(done)
    emit(finish(builder, register), at: scope.steps.first?.place ?? Place(line: 0, column: 0))
    (fail, bound) = (outerFail, outerBound)
    return register
  }

  /// Reports variables in the heads of a comprehension that nothing binds.
  private mutating func checkHeads(_ heads: [Node]) {
    var variables = Safety.Variables()
    for head in heads { Safety.collect(head, into: &variables) }
    let lacking = variables.needs.subtracting(bound).subtracting(variables.outputs)
    for slot in lacking.sorted() { reportUnsafe(slot, literalPlace) }
  }

  /// Reports variables in an expression of a template that nothing outside of it binds.
  private mutating func checkPart(_ part: Node, of place: Place) {
    guard case .setComprehension(let head, let scope) = part, scope.steps.isEmpty else { return }
    // A variable alone is reported as unsafe by what is written for it.
    if case .local = head { return }
    var variables = Safety.Variables()
    Safety.collect(head, into: &variables)
    let names = names
    for slot in variables.needs.union(variables.outputs).subtracting(bound).sorted() {
      // It is not reported again as unsafe.
      bound.insert(slot)
      let name = slot < names.count ? names[slot] : "_"
      report(
        "rego_compile_error", "var \(name.hasPrefix("$") ? "_" : name) is undeclared", place)
    }
  }

  // MARK: references

  private mutating func input(_ keys: [Node], into target: Register?) -> Register {
    let (constants, rest) = Planner.constantPrefix(keys)
    let register = rest.isEmpty ? target ?? newRegister() : newRegister()
    emit(.input(register, path: path(constants), fail))
    return path(register, rest, into: target)
  }

  static func constantPrefix(_ keys: [Node]) -> ([Value], ArraySlice<Node>) {
    var constants: [Value] = []
    for key in keys {
      guard case .constant(let value) = key else { break }
      constants.append(value)
    }
    return (constants, keys[constants.count...])
  }

  /// Keys of a value in a register.
  mutating func path(
    _ base: Register, _ keys: ArraySlice<Node>, into target: Register? = nil
  ) -> Register {
    var current = base
    var keys = keys
    while let key = keys.popFirst() {
      let register = keys.isEmpty ? target ?? newRegister() : newRegister()
      step(register, current, key)
      current = register
    }
    if let target, current != target {
      emit(.copy(target, from: current))
      return target
    }
    return current
  }

  private mutating func step(_ register: Register, _ base: Register, _ key: Node) {
    switch key {
    case .constant(let value):
      emit(.key(register, of: base, constant: constant(value), fail))
    case .local(let slot) where !bound.contains(slot):
      let iterator = newIterator()
      emit(.iterate(iterator, base, fail))
      let again = newLabel()
      put(again)
      emit(.next(iterator, key: self.register(slot), value: register, fail))
      fail = again
      bound.insert(slot)
    default:
      guard isPattern(key) else {
        let keyRegister = value(key)
        emit(.index(register, of: base, key: keyRegister, fail))
        return
      }
      let iterator = newIterator()
      emit(.iterate(iterator, base, fail))
      let again = newLabel()
      put(again)
      let keyRegister = newRegister()
      emit(.next(iterator, key: keyRegister, value: register, fail))
      fail = again
      match(key, keyRegister)
    }
  }

  /// Whether a key is a composite with variables that are not bound yet.
  func isPattern(_ key: Node) -> Bool {
    switch key {
    case .array, .object, .set:
      var variables = Safety.Variables()
      Safety.collect(pattern: key, into: &variables)
      return !variables.outputs.subtracting(bound).isEmpty
    default: return false
    }
  }

  private mutating func document(_ keys: [Node], into target: Register?) -> Register {
    var node = RuleTree.root
    var index = 0
    while index < keys.count {
      guard tree.nodes[node].group < 0 else { break }
      guard case .constant(let value) = keys[index] else { break }
      guard case .string(let name) = value, let child = tree.nodes[node].children[name.text]
      else {
        node = -1
        break
      }
      node = child
      index += 1
    }
    if node >= 0, tree.nodes[node].group >= 0 {
      let group = tree.nodes[node].group
      let rest = keys[index...]
      let register = rest.isEmpty ? target ?? newRegister() : newRegister()
      if tree.groups[group].kind == .function {
        emit(.jump(fail))
      } else {
        emit(.rule(register, group: Int32(group), fail))
      }
      return path(register, rest, into: target)
    }
    if node < 0 {
      let (constants, rest) = Planner.constantPrefix(keys)
      let register = rest.isEmpty ? target ?? newRegister() : newRegister()
      emit(.base(register, path: path(constants), fail))
      return path(register, rest, into: target)
    }
    var current = newRegister(2)
    emit(.document(current, node: Int32(node)))
    for key in keys[index...] {
      let next = newRegister(2)
      switch key {
      case .local(let slot) where !bound.contains(slot):
        documentLoop(next, current, register(slot))
        bound.insert(slot)
      default:
        if isPattern(key) {
          let keyRegister = newRegister()
          documentLoop(next, current, keyRegister)
          match(key, keyRegister)
        } else {
          let keyRegister = value(key)
          emit(.documentKey(next, of: current, key: keyRegister, fail))
        }
      }
      current = next
    }
    let register = target ?? newRegister()
    // The second counts what is evaluated already.
    let progress = newRegister(2)
    emit(.constant(progress + 1, constant(.number(Number(0)))))
    emit(.materialise(progress, of: current, fail))
    emit(.copy(register, from: progress))
    return register
  }

  private mutating func documentLoop(
    _ next: Register, _ current: Register, _ key: Register
  ) {
    let iterator = newIterator()
    emit(.documentIterate(iterator, current, fail))
    let again = newLabel()
    put(again)
    emit(.documentNext(iterator, of: current, key: key, fail))
    fail = again
    emit(.documentKey(next, of: current, key: key, fail))
  }
}
