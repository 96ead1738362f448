import CanonicalJSON

extension Machine {
  enum Lookup {
    case found
    case missing
    /// This rule is to be evaluated first; the same instruction then runs again.
    case rule(Int)
  }

  // MARK: rules

  /// What is known of a rule; where a modifier replaced its document, what stands there.
  func rule(_ group: Int) -> Memo {
    if !current.shadows.isEmpty, let value = shadowed(tree.groups[group].path) {
      return value
    }
    return current.memo[group]
  }

  private func shadowed(_ path: [String]) -> Memo? {
    for shadow in current.shadows where shadow.count <= path.count {
      var matches = true
      for (key, name) in zip(shadow, path) where key != .string(ByteString(name)) {
        matches = false
        break
      }
      guard matches else { continue }
      let keys = path.map { Value.string(ByteString($0)) }
      return Machine.walk(current.data, keys).map(Memo.known) ?? .undefined
    }
    return nil
  }

  mutating func result(_ register: Int32, at pc: Int32) throws(Fault) {
    guard let value = registers[base + Int(register)] else { return }
    guard let other = registers[base] else {
      registers[base] = value
      return
    }
    let cost = Value.comparisonCost(value, other, within: builtinContext.stepsLeft)
    if cost > 0 { try charge(steps: cost, at: pc) }
    guard other == value else {
      let group = frames.last.map { Int($0.procedure) } ?? 0
      let isFunction = group < tree.groups.count && tree.groups[group].kind == .function
      throw Fault(
        code: "eval_conflict_error",
        message: isFunction
          ? "functions must not produce multiple outputs for same inputs"
          : "complete rules must not produce multiple outputs", at: pc)
    }
  }

  // MARK: functions

  /// Calls a function or builtin, or what a modifier put in its place; gives where to go on.
  mutating func call(
    _ callee: MockTarget, _ target: Int32, _ first: Int32, _ count: Int, fail: Int32,
    next: Int32, at pc: Int32
  ) throws(Fault) -> Int32 {
    if let replacement = current.replaced?[callee] {
      if let value = replacement.value {
        registers[base + Int(target)] = value
        return next
      }
      guard let function = replacement.function else { return miss(pc, fail) }
      let entry = try callPlain(function, target, first, count, fail: fail, next: next, at: pc)
      if case .function = function {
        frames[frames.count - 1].replaced = current.replaced
        current.replaced?[callee] = nil
      }
      return entry
    }
    return try callPlain(callee, target, first, count, fail: fail, next: next, at: pc)
  }

  private mutating func callPlain(
    _ callee: MockTarget, _ target: Int32, _ first: Int32, _ count: Int, fail: Int32,
    next: Int32, at pc: Int32
  ) throws(Fault) -> Int32 {
    switch callee {
    case .function(let group):
      let arguments = base + Int(first)
      try enter(Int32(group), returnTo: next, target: target, fail: fail, at: pc)
      let arity = min(count, tree.groups[group].arity)
      for index in 0..<arity { registers[base + 1 + index] = registers[arguments + index] }
      return program.procedures[group].entry
    case .builtin(let number):
      guard let value = try builtin(number, first, count, at: pc) else {
        return miss(pc, fail)
      }
      registers[base + Int(target)] = value
      return next
    }
  }

  private mutating func builtin(
    _ number: Int, _ first: Int32, _ count: Int, at pc: Int32
  ) throws(Fault) -> Value? {
    let builtin = program.builtins[number]
    var arguments: [Value] = []
    arguments.reserveCapacity(count)
    for index in 0..<count {
      guard let value = registers[base + Int(first) + index] else { return nil }
      arguments.append(value)
    }
    let key =
      builtin.isNondeterministic
      ? BuiltinContext.KeptKey(builtin: builtin.name, key: .array(arguments)) : nil
    if let key {
      for argument in arguments { try chargeKey(argument, at: pc) }
      if let known = answered[key] { return known }
    }
    let result: Value?
    do throws(BuiltinFailure) {
      result = try builtin.body(arguments, &builtinContext)
    } catch {
      switch error {
      case .limit(let limit): throw limitFault(limit, at: pc)
      case .failed(let message):
        guard isStrict else { return nil }
        throw Fault(
          code: "eval_builtin_error", message: "\(builtin.name): \(message)", at: pc)
      case .type(let message):
        guard isStrict else { return nil }
        throw Fault(code: "eval_type_error", message: "\(builtin.name): \(message)", at: pc)
      }
    }
    if let result, result.isComposite { try checkNesting(result, at: pc) }
    if let key { answered[key] = .some(result) }
    return result
  }

  // MARK: modifiers

  mutating func enterContext(at pc: Int32) throws(Fault) {
    guard contexts.count < limits.depth else { throw limitFault(.depth, at: pc) }
    try charge(steps: current.memo.count / 8, at: pc)
    // What is made of the input is made once for all modifiers.
    if let input = current.input { current.input = .value(input.value) }
    contexts.append(current)
    for index in current.memo.indices { current.memo[index] = .unknown }
  }

  mutating func setInput(_ path: Int32, _ register: Int32, at pc: Int32) throws(Fault) {
    guard let value = registers[base + Int(register)] else { return }
    let whole = current.input.map(\.value) ?? .emptyObject
    current.input = .value(try replacing(whole, program.paths[Int(path)], value, at: pc))
    current.made = [:]
  }

  mutating func setData(_ path: Int32, _ register: Int32, at pc: Int32) throws(Fault) {
    guard let value = registers[base + Int(register)] else { return }
    let keys = program.paths[Int(path)]
    current.data = try replacing(current.data, keys, value, at: pc)
    current.shadows.append(keys)
  }

  /// A document with a value at a path; what stands in the way is replaced.
  ///
  /// Each object on the path is copied, and counted; the whole nests no deeper than any value.
  private mutating func replacing(
    _ document: Value, _ path: [Value], _ value: Value, at pc: Int32
  ) throws(Fault) -> Value {
    var parents: [(ObjectValue, Value)] = []
    var here: Value? = document
    for key in path {
      var object = ObjectValue()
      if case .object(let found)? = here { object = found }
      try charge(steps: 1 + object.count / 8, at: pc)
      try charge(bytes: 64 + 32 * object.count, at: pc)
      parents.append((object, key))
      here = object[key]
    }
    var result = value
    for (object, key) in parents.reversed() {
      var changed = object
      changed[key] = result
      result = .object(changed)
    }
    try checkNesting(result, at: pc)
    return result
  }
}
