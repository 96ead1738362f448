import CanonicalJSON

extension Planner {
  /// Writes the code of one group: every rule in order, then the default.
  mutating func group(_ number: Int, _ rules: [ResolvedRule]) {
    let group = tree.groups[number]
    procedure = Program.Procedure(entry: Int32(program.code.count))
    let arity = group.kind == .function ? group.arity : 0
    (nextRegister, nextIterator, nextBuilder) = (Register(1 + arity), 0, 0)
    procedure.registers = 1 + arity
    slotBase = Register(1 + arity)
    let end = newLabel()
    var builder: Int32 = -1
    if group.kind == .partialSet || group.kind == .object {
      builder = newBuilder()
      emit(.begin(builder))
    }
    let ordered = rules.indices.filter { !rules[$0].isDefault }
    let entries = ordered.map { _ in newLabel() }
    var dispatcher: Int32 = -1
    let choice = makeDispatch(ordered.map { rules[$0] })
    if choice != nil {
      dispatcher = newIterator()
      emit(.dispatch(dispatcher, table: Int32(program.dispatches.count)))
    }
    let keptIterators = nextIterator
    let keptBuilders = nextBuilder
    let advance = newLabel()
    if dispatcher >= 0 {
      put(advance)
      emit(.nextDefinition(dispatcher, end))
    }
    for (position, index) in ordered.enumerated() {
      let rule = rules[index]
      put(entries[position])
      let next =
        dispatcher >= 0 ? advance : position + 1 < entries.count ? entries[position + 1] : end
      names = rule.names
      nextRegister = slotBase + Register(rule.names.count)
      procedure.registers = max(procedure.registers, Int(nextRegister))
      (nextIterator, nextBuilder) = (keptIterators, keptBuilders)
      definition(rule, group: number, kind: group.kind, builder: builder, next: next)
    }
    if let choice {
      let checked = entries.indices.map {
        labelAfterChecks(entries[$0], choice.checked[$0], advance)
      }
      program.dispatches.append(
        Dispatch(
          nodes: choice.nodes, levels: choice.levels, rules: choice.rules, entries: entries,
          checked: checked))
    }
    put(end)
    for rule in rules where rule.isDefault {
      defaultRule(rule, group: number, kind: group.kind, builder: builder)
    }
    switch group.kind {
    case .complete: emit(.returnRule(Int32(number)))
    case .function: emit(.returnFunction)
    case .partialSet:
      emit(.finishSet(builder, 0), at: rules[0].place)
      emit(.returnRule(Int32(number)))
    case .object:
      emit(.finishTree(builder, 0), at: rules[0].place)
      emit(.returnRule(Int32(number)))
    }
    program.procedures[number] = procedure
  }

  private mutating func definition(
    _ rule: ResolvedRule, group: Int, kind: RuleGroup.Kind, builder: Int32, next: Label
  ) {
    fail = next
    bound = []
    for (position, argument) in rule.arguments.enumerated() {
      match(argument, Register(1 + position))
    }
    let afterArguments = bound
    let marker: Register = rule.branches.count > 1 ? newRegister() : -1
    if marker >= 0 { emit(.clear(marker)) }
    for (position, branch) in rule.branches.enumerated() {
      let isLast = position == rule.branches.count - 1
      let after = isLast ? next : newLabel()
      (fail, bound, types) = (after, afterArguments, [:])
      let number = program.definitions.count
      program.definitions.append(
        Program.Definition(
          group: group, place: branch.place, lastLine: rule.lastLine,
          start: Int32(program.code.count)))
      program.definitions[number].literals.reserveCapacity(branch.steps.count)
      definition = number
      nesting = 0
      let faultsBefore = faults.count
      body(branch.steps)
      definition = nil
      checkHead(rule, branch)
      literalPlace = branch.place
      noteHead(rule, branch, group: group, kind: kind)
      if faults.count > faultsBefore { ruleTypes[group].isBroken = true }
      yield(rule, branch, number, kind: kind, builder: builder, marker: marker)
      program.definitions[number].end = Int32(program.code.count)
      if case .constant = branch.value, kind == .complete || kind == .function {
        // Further ways in which it holds would say the same.
        emit(.jump(next))
      } else {
        emit(.jump(fail))
      }
      if !isLast {
        put(after)
        emit(.jumpIfDefined(marker, next))
      }
    }
  }

  private mutating func checkHead(_ rule: ResolvedRule, _ branch: ResolvedRule.Branch) {
    if rule.keys.isEmpty, rule.element == nil, case .constant = branch.value { return }
    var variables = Safety.Variables()
    for node in rule.keys + [rule.element, branch.value].compactMap({ $0 }) {
      Safety.collect(node, into: &variables)
    }
    let lacking = variables.needs.subtracting(bound).subtracting(variables.outputs)
    for slot in lacking.sorted() { reportUnsafe(slot, rule.place) }
  }

  private mutating func yield(
    _ rule: ResolvedRule, _ branch: ResolvedRule.Branch, _ number: Int, kind: RuleGroup.Kind,
    builder: Int32, marker: Register
  ) {
    switch kind {
    case .complete, .function:
      let register = value(branch.value)
      emit(.matched(Int32(number)))
      emit(.result(register), at: rule.place)
    case .partialSet:
      let register = value(rule.element ?? .constant(.null))
      emit(.matched(Int32(number)))
      emit(.add(builder, register))
    case .object:
      let first = consecutive(rule.keys + [rule.element ?? branch.value])
      let count = Int32(rule.keys.count)
      emit(.matched(Int32(number)))
      if rule.element != nil {
        emit(
          .addToPath(builder, first: first, count: count, value: first + count),
          at: rule.place)
      } else {
        emit(
          .addPath(builder, first: first, count: count, value: first + count), at: rule.place)
      }
    }
    if marker >= 0 { emit(.mark(marker)) }
  }

  private mutating func defaultRule(
    _ rule: ResolvedRule, group: Int, kind: RuleGroup.Kind, builder: Int32
  ) {
    names = rule.names
    nextRegister = slotBase + Register(rule.names.count)
    procedure.registers = max(procedure.registers, Int(nextRegister))
    let done = newLabel()
    fail = done
    bound = []
    types = [:]
    literalPlace = rule.place
    for branch in rule.branches { noteHead(rule, branch, group: group, kind: kind) }
    switch kind {
    case .complete, .function:
      emit(.jumpIfDefined(0, done))
      let register = value(rule.branches[0].value)
      emit(.result(register), at: rule.place)
    case .object:
      let first = consecutive(rule.keys + [rule.branches[0].value])
      let count = Int32(rule.keys.count)
      emit(
        .addDefaultPath(builder, first: first, count: count, value: first + count),
        at: rule.place)
    case .partialSet: break
    }
    put(done)
  }

  /// Writes a query: each way in which it holds is a row of the registers asked for.
  mutating func query(_ steps: [Step], slots: Int, captures: Int) -> Int {
    procedure = Program.Procedure(entry: Int32(program.code.count))
    slotBase = 1
    nextRegister = 1 + Register(slots)
    (nextIterator, nextBuilder) = (0, 0)
    procedure.registers = Int(nextRegister)
    (bound, types) = ([], [:])
    let end = newLabel()
    fail = end
    definition = nil
    body(steps)
    emit(.row(Int32(slots)))
    emit(.jump(fail))
    put(end)
    emit(.halt)
    program.procedures.append(procedure)
    return program.procedures.count - 1
  }

  // MARK: dispatch

  static let dispatchMinimum = 3
  /// So few rules are tried one after the other.
  private static let leafSize = 2

  /// A dispatch whose rules have no code yet.
  private struct Choice {
    let nodes: [Dispatch.Node]
    let levels: [[Value: Int32]]
    /// By node, the rules whose tests end there.
    let rules: [[Int32]]
    /// By rule, the one value that stands at a path wherever it is chosen.
    let checked: [[(path: Int32, value: Value)]]
  }

  private struct InputTest {
    let path: Int32
    let value: Value
    /// Further values that do as well.
    var others: [Value] = []
  }

  /// A tree over what rules require of the input, or nil if that would not save anything.
  private mutating func makeDispatch(_ rules: [ResolvedRule]) -> Choice? {
    guard rules.count >= Planner.dispatchMinimum, !mocked.contains(.builtin(Operators.equal)),
      !mocked.contains(.builtin(Operators.member))
    else { return nil }
    var tests: [[InputTest]] = []
    tests.reserveCapacity(rules.count)
    var tested = 0
    for rule in rules {
      var found: [InputTest] = []
      if rule.branches.count == 1 {
        found.reserveCapacity(min(8, rule.branches[0].steps.count))
        for step in rule.branches[0].steps where found.count < 8 {
          guard let test = inputTest(step), !found.contains(where: { $0.path == test.path })
          else { continue }
          found.append(test)
        }
      }
      if !found.isEmpty { tested += 1 }
      tests.append(found)
    }
    guard tested * 2 >= tests.count else { return nil }
    var nodes = [Dispatch.Node()]
    var rulesOfNode: [[Int32]] = [[]]
    var levels: [[Value: Int32]] = []
    var checked = [[Int32]?](repeating: nil, count: rules.count)
    var waiting = [(node: 0, rules: rules.indices.map { Int32($0) }, used: [Int32]())]
    /// A rule that ends at several nodes has only what was checked on the way to each.
    func note(_ used: [Int32], of rule: Int32) {
      func isTested(_ path: Int32) -> Bool { tests[Int(rule)].contains { $0.path == path } }
      let tested = used.allSatisfy(isTested) ? used : used.filter(isTested)
      checked[Int(rule)] = checked[Int(rule)]?.filter(tested.contains) ?? tested
    }
    while let (node, here, used) = waiting.popLast() {
      guard here.count > Planner.leafSize, used.count < 8,
        let path = Planner.bestPath(here, tests, used)
      else {
        rulesOfNode[node] = here
        for rule in here { note(used, of: rule) }
        continue
      }
      // Rules by the value that they ask for: each value has a node of its own.
      let first = Int32(nodes.count)
      var branches: [Value: Int32] = [:]
      branches.reserveCapacity(here.count)
      var parts: [[Int32]] = []
      parts.reserveCapacity(here.count)
      func add(_ rule: Int32, under value: Value) {
        let node = branches[value, default: -1]
        if node >= 0 {
          parts[Int(node - first)].append(rule)
        } else {
          branches[value] = first + Int32(parts.count)
          parts.append([rule])
        }
      }
      var others: [Int32] = []
      for rule in here {
        guard let test = tests[Int(rule)].first(where: { $0.path == path }) else {
          others.append(rule)
          continue
        }
        add(rule, under: test.value)
        for value in test.others { add(rule, under: value) }
      }
      let further = used + [path]
      for rules in parts {
        if rules.count > Planner.leafSize {
          waiting.append((nodes.count, rules, further))
        } else {
          for rule in rules { note(further, of: rule) }
        }
        nodes.append(Dispatch.Node())
        rulesOfNode.append(rules.count > Planner.leafSize ? [] : rules)
      }
      if !others.isEmpty {
        nodes[node].otherwise = Int32(nodes.count)
        waiting.append((nodes.count, others, further))
        nodes.append(Dispatch.Node())
        rulesOfNode.append([])
      }
      nodes[node].path = path
      nodes[node].level = Int32(levels.count)
      levels.append(branches)
      guard nodes.count < 4 * rules.count + 1024 else { return nil }
    }
    return Choice(
      nodes: nodes, levels: levels, rules: rulesOfNode,
      checked: zip(checked, tests).map { paths, tests in
        tests.filter { $0.others.isEmpty && paths?.contains($0.path) ?? false }
          .map { ($0.path, $0.value) }
      })
  }

  /// A label after the literals with which a rule begins that hold wherever it is chosen.
  ///
  /// These compare one of the checked paths with its value, and do not hold where the rule does not: an
  /// equation that `not` negates leads elsewhere.
  private mutating func labelAfterChecks(
    _ entry: Label, _ checked: [(path: Int32, value: Value)], _ miss: Label
  ) -> Label {
    let start = program.labels[Int(entry)]
    var pc = start
    while Int(pc) < program.code.count,
      case .inputEquals(let path, let constant, let label) = program.code[Int(pc)], label == miss,
      let known = checked.first(where: { $0.path == path }),
      known.value == program.constants[Int(constant)]
    {
      pc += 1
    }
    guard pc > start else { return entry }
    let label = newLabel()
    program.labels[Int(label)] = pc
    return label
  }

  /// The path that tells most of these rules apart: by how many test it, and into how many values.
  private static func bestPath(
    _ rules: [Int32], _ tests: [[InputTest]], _ used: [Int32]
  ) -> Int32? {
    var uses: [(path: Int32, count: Int, values: Set<Value>)] = []
    for rule in rules {
      for test in tests[Int(rule)] where !used.contains(test.path) {
        if let index = uses.firstIndex(where: { $0.path == test.path }) {
          uses[index].count += 1
          if uses[index].values.count < 64 { uses[index].values.insert(test.value) }
        } else if uses.count < 16 {
          uses.append((test.path, 1, [test.value]))
        }
      }
    }
    return uses.filter { $0.count * 2 >= rules.count }
      .max {
        $0.count * $0.values.count == $1.count * $1.values.count
          ? $0.path > $1.path : $0.count * $0.values.count < $1.count * $1.values.count
      }?.path
  }

  /// What a literal requires of one path of the input: one of some values.
  private mutating func inputTest(_ step: Step) -> InputTest? {
    guard !step.isNegated, step.modifiers.isEmpty else { return nil }
    func known(_ node: Node) -> Value? {
      if case .constant(let value) = node { value } else { nil }
    }
    func isInputPath(_ node: Node) -> Bool {
      guard case .input(let keys) = node, !keys.isEmpty else { return false }
      return keys.allSatisfy { if case .constant = $0 { true } else { false } }
    }
    func number(_ node: Node) -> Int32? {
      guard case .input(let keys) = node else { return nil }
      return pathNumber(keys)
    }
    let sides: (Node, Node)
    switch step.kind {
    case .inputEquals(let path, let value):
      return InputTest(path: programPath(path), value: value)
    case .test(.builtin(Operators.equal, let arguments, _)) where arguments.count == 2:
      sides = (arguments[0], arguments[1])
    case .unify(let left, let right): sides = (left, right)
    case .test(.builtin(Operators.member, let arguments, _)) where arguments.count == 2:
      guard isInputPath(arguments[0]), case .constant(let list) = arguments[1] else {
        return nil
      }
      let values: [Value]
      switch list {
      case .array(let elements): values = SetValue(elements).elements
      case .set(let set): values = set.elements
      default: return nil
      }
      guard values.count <= 16, let first = values.first, let path = number(arguments[0]) else {
        return nil
      }
      return InputTest(path: path, value: first, others: Array(values.dropFirst()))
    default: return nil
    }
    for (node, other) in [sides, (sides.1, sides.0)] where isInputPath(node) {
      if let value = known(other), let path = number(node) {
        return InputTest(path: path, value: value)
      }
    }
    return nil
  }
}
