import CanonicalJSON

extension Machine {
  /// Runs a procedure to its end.
  mutating func run(_ procedure: Int32) throws(Fault) {
    try enter(procedure, returnTo: -1, at: -1)
    let plan = plan
    let isObserved = trace != nil || coverage != nil
    var pc = program.procedures[Int(procedure)].entry
    while true {
      let here = pc
      try charge(steps: 1, at: here)
      if isObserved { observe(here) }
      pc += 1
      switch plan.code[Int(here)] {
      // Values
      case .constant(let target, let number):
        registers[base + Int(target)] = plan.constants[Int(number)]
      case .copy(let target, let source):
        registers[base + Int(target)] = registers[base + Int(source)]
      case .clear(let target): registers[base + Int(target)] = nil
      case .input(let target, let path, let fail):
        if let value = inputValue(path) {
          registers[base + Int(target)] = value
        } else {
          pc = miss(here, plan.labels[Int(fail)])
        }
      case .base(let target, let path, let fail):
        if let value = Machine.walkData(current.data, program.paths[Int(path)]) {
          registers[base + Int(target)] = value
        } else {
          pc = miss(here, plan.labels[Int(fail)])
        }
      case .key(let target, let source, let constant, let fail):
        if let found = element(of: source, under: constant) {
          registers[base + Int(target)] = found
        } else {
          pc = miss(here, plan.labels[Int(fail)])
        }
      case .index(let target, let source, let key, let fail):
        if let key = registers[base + Int(key)] { try chargeKey(key, at: here) }
        if let key = registers[base + Int(key)],
          let found = registers[base + Int(source)]?.element(key)
        {
          registers[base + Int(target)] = found
        } else {
          pc = miss(here, plan.labels[Int(fail)])
        }
      case .makeArray(let target, let first, let count):
        try makeArray(target, first, count, at: here)
      case .makeSet(let target, let first, let count):
        try makeSet(target, first, count, at: here)
      case .makeObject(let target, let first, let count):
        try makeObject(target, first, count, at: here)
      case .template(let target, let first, let count):
        try template(target, first, count, at: here)

      // Tests
      case .truthy(let register, let fail):
        switch registers[base + Int(register)] {
        case nil, .bool(false)?: pc = miss(here, plan.labels[Int(fail)])
        default: break
        }
      case .compare(let comparison, let left, let right, let fail):
        if try !compare(comparison, left, right, at: here) {
          pc = miss(here, plan.labels[Int(fail)])
        }
      case .compareValue(let comparison, let target, let left, let right):
        let holds = try compare(comparison, left, right, at: here)
        registers[base + Int(target)] = .bool(holds)
      case .equalConstant(let register, let constant, let fail):
        try chargeConstant(constant, at: here)
        if registers[base + Int(register)] != plan.constants[Int(constant)] {
          pc = miss(here, plan.labels[Int(fail)])
        }
      case .inputEquals(let path, let constant, let fail):
        try chargeConstant(constant, at: here)
        if !inputEquals(path, constant) {
          pc = miss(here, plan.labels[Int(fail)])
        }
      case .member(let register, let collection, let fail):
        if try !member(register, collection, at: here) { pc = miss(here, plan.labels[Int(fail)]) }
      case .arrayOf(let register, let count, let fail):
        if case .array(let elements)? = registers[base + Int(register)],
          elements.count == Int(count)
        {
        } else {
          pc = miss(here, plan.labels[Int(fail)])
        }
      case .item(let target, let source, let index):
        if case .array(let elements)? = registers[base + Int(source)],
          Int(index) < elements.count
        {
          registers[base + Int(target)] = elements[Int(index)]
        }
      case .objectOf(let register, let count, let fail):
        if case .object(let object)? = registers[base + Int(register)],
          object.count == Int(count)
        {
        } else {
          pc = miss(here, plan.labels[Int(fail)])
        }
      case .jump(let label): pc = plan.labels[Int(label)]
      case .jumpIfDefined(let register, let label):
        if registers[base + Int(register)] != nil { pc = plan.labels[Int(label)] }

      // Iteration
      case .iterate(let iterator, let register, let fail):
        if !iterate(iterator, register) { pc = miss(here, plan.labels[Int(fail)]) }
      case .lookUp(let iterator, let index, let value, let fail):
        if let key = registers[base + Int(value)] { try chargeKey(key, at: here) }
        if !lookUp(iterator, index, value) { pc = miss(here, plan.labels[Int(fail)]) }
      case .next(let iterator, let key, let value, let fail):
        if !next(iterator, key, value) { pc = plan.labels[Int(fail)] }

      // Documents
      case .document(let target, let node): document(target, node)
      case .documentKey(let target, let source, let key, let fail):
        if let key = registers[base + Int(key)] { try chargeKey(key, at: here) }
        switch documentKey(target, source, key) {
        case .found: break
        case .missing: pc = miss(here, plan.labels[Int(fail)])
        case .rule(let group):
          try enter(Int32(group), returnTo: here, at: here)
          pc = program.procedures[group].entry
        }
      case .documentIterate(let iterator, let source, let fail):
        if try !documentIterate(iterator, source, at: here) {
          pc = miss(here, plan.labels[Int(fail)])
        }
      case .documentNext(let iterator, _, let key, let fail):
        if !next(iterator, -1, key) { pc = plan.labels[Int(fail)] }
      case .materialise(let target, let source, let fail):
        switch try materialise(target, source, at: here) {
        case .found: break
        case .missing: pc = miss(here, plan.labels[Int(fail)])
        case .rule(let group):
          try enter(Int32(group), returnTo: here, at: here)
          pc = program.procedures[group].entry
        }

      // Calls
      case .rule(let target, let group, let fail):
        switch rule(Int(group)) {
        case .known(let value): registers[base + Int(target)] = value
        case .undefined: pc = miss(here, plan.labels[Int(fail)])
        case .unknown:
          try enter(group, returnTo: here, at: here)
          pc = program.procedures[Int(group)].entry
        }
      case .function(let target, let group, let first, let fail):
        pc = try call(
          .function(Int(group)), target, first, Int(tree.groups[Int(group)].arity),
          fail: plan.labels[Int(fail)], next: pc, at: here)
      case .builtin(let target, let number, let first, let fail):
        pc = try call(
          .builtin(Int(number)), target, first,
          program.builtins[Int(number)].parameters.count, fail: plan.labels[Int(fail)], next: pc,
          at: here)
      case .dispatch(let iterator, let table): try dispatch(iterator, Int(table), at: here)
      case .nextDefinition(let iterator, let end):
        if let label = nextDefinition(iterator) {
          pc = plan.labels[Int(label)]
        } else {
          pc = plan.labels[Int(end)]
        }
      case .mark(let register): registers[base + Int(register)] = .null
      case .matched(let definition):
        if isObserved { observe(held: definition) }
        if contexts.isEmpty, matched.last != definition { matched.append(definition) }
      case .result(let register): try result(register, at: here)
      case .returnRule(let group):
        remember(group, registers[base].map(Memo.known) ?? .undefined)
        guard let frame = leave() else { return }
        if frame.returnTo < 0 { return }
        pc = frame.returnTo
      case .returnFunction:
        let value = registers[base]
        guard let frame = leave() else { return }
        if let replaced = frame.replaced { current.replaced = replaced }
        if let value {
          registers[base + Int(frame.target)] = value
          pc = frame.returnTo
        } else {
          pc = miss(frame.returnTo - 1, frame.fail)
        }
      case .row(let count):
        try charge(bytes: 16 * Int(count) + 64, at: here)
        rows.append(Array(registers[base + 1..<base + 1 + Int(count)]))
      case .halt:
        _ = leave()
        return

      // Collections
      case .begin(let builder): builders[builderBase + Int(builder)] = .none
      case .add(let builder, let register): try add(builder, register, at: here)
      case .addPair(let builder, let key, let value):
        try addPair(builder, key, value, at: here)
      case .addPath(let builder, let first, let count, let value):
        try addPath(builder, first, count, value, isElement: false, isDefault: false, at: here)
      case .addToPath(let builder, let first, let count, let value):
        try addPath(builder, first, count, value, isElement: true, isDefault: false, at: here)
      case .addDefaultPath(let builder, let first, let count, let value):
        try addPath(builder, first, count, value, isElement: false, isDefault: true, at: here)
      case .finishArray(let builder, let target):
        try finishArray(builder, target, at: here)
      case .finishSet(let builder, let target): try finishSet(builder, target, at: here)
      case .finishObject(let builder, let target):
        try finishObject(builder, target, at: here)
      case .finishTree(let builder, let target): try finishTree(builder, target, at: here)

      // Modifiers
      case .enterContext: try enterContext(at: here)
      case .setInput(let path, let register): try setInput(path, register, at: here)
      case .setData(let path, let register): try setData(path, register, at: here)
      case .replace(let number, let value):
        let replacement = program.replacements[Int(number)]
        current.replaced = current.replaced ?? [:]
        current.replaced?[replacement.target] = Replacement(
          function: replacement.function,
          value: replacement.function == nil ? registers[base + Int(value)] : nil)
      case .leaveContext:
        if let outer = contexts.popLast() { current = outer }
      }
    }
  }

  /// Notes that an instruction did not hold, if that is asked for; gives where to go on.
  @inline(__always)
  mutating func miss(_ pc: Int32, _ target: Int32) -> Int32 {
    if trace != nil { noteFailure(pc) }
    return target
  }

  // MARK: reading

  static func walk(_ start: Value, _ path: [Value]) -> Value? {
    var value = start
    for key in path {
      guard let next = value.element(key) else { return nil }
      value = next
    }
    return value
  }

  /// As ``walk(_:_:)``, where an object of the data has a number's text for a key.
  static func walkData(_ start: Value, _ path: [Value]) -> Value? {
    var value = start
    for key in path {
      if let next = value.element(key) {
        value = next
      } else if case .number(let number) = key, case .object(let object) = value,
        let next = object[number.text]
      {
        value = next
      } else {
        return nil
      }
    }
    return value
  }

  /// The element of a register's value under a constant key.
  @inline(__always)
  private func element(of register: Int32, under constant: Int32) -> Value? {
    guard case .object(let object)? = registers[base + Int(register)] else {
      return registers[base + Int(register)]?.element(plan.constants[Int(constant)])
    }
    return object.value(
      of: plan.constants[Int(constant)], mark: plan.constantMarks[Int(constant)])
  }

  mutating func compare(
    _ comparison: Instruction.Comparison, _ left: Int32, _ right: Int32, at pc: Int32
  ) throws(Fault) -> Bool {
    guard let one = registers[base + Int(left)], let other = registers[base + Int(right)] else {
      return false
    }
    let cost = Value.comparisonCost(one, other, within: builtinContext.stepsLeft)
    if cost > 0 { try charge(steps: cost, at: pc) }
    switch comparison {
    case .equal: return one == other
    case .notEqual: return one != other
    case .less: return Value.order(one, other) < 0
    case .lessOrEqual: return Value.order(one, other) <= 0
    case .greater: return Value.order(one, other) > 0
    case .greaterOrEqual: return Value.order(one, other) >= 0
    }
  }

  mutating func member(_ register: Int32, _ collection: Int32, at pc: Int32) throws(Fault) -> Bool {
    guard let value = registers[base + Int(register)],
      let collection = registers[base + Int(collection)]
    else { return false }
    do throws(BuiltinFailure) {
      return try Operators.isMember(value, of: collection, &builtinContext)
    } catch {
      throw limitFault(error == .limit(.time) ? .time : .steps, at: pc)
    }
  }
}
