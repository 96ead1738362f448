import CanonicalJSON

/// Writes the instructions of one rule group, query or body.
struct Planner {
  typealias Register = Int32
  typealias Label = Int32

  let tree: RuleTree
  let mocked: Set<MockTarget>
  /// The data that indexes are made of; nil where its contents are not known.
  let data: Value
  /// The paths that literals compare with constants.
  var inputPaths: [[Value]] = [] {
    didSet { inputPathNumbers = [Int32](repeating: -1, count: inputPaths.count) }
  }
  /// Their numbers in the program; -1 for those it does not have yet.
  private var inputPathNumbers: [Int32] = []
  var program: Program
  var faults: [Compiler.Fault] = []
  private var constantNumbers: [Value: Int32] = [:]
  private var pathNumbers: [[Value]: Int32] = [:]
  private var recentTexts = [Int32?](repeating: nil, count: 256)
  private var recent = [Int32?](repeating: nil, count: Planner.recentPaths)

  // The procedure being written.
  /// The register of slot 0.
  var slotBase: Register = 1
  var nextRegister: Register = 0
  var nextIterator: Int32 = 0
  var nextBuilder: Int32 = 0
  var procedure = Program.Procedure()
  var bound: Set<Int> = []
  /// Types of variables, where something is known of them.
  var types: [Int: RegoType] = [:]
  /// By group, what its rules say, as far as they are written.
  var ruleTypes: [RuleType]
  /// Where the literal being written stands.
  var literalPlace = Place(line: 0, column: 0)
  var names: [String] = []
  /// Where to go on if what is being written does not hold.
  var fail: Label = 0
  /// How many bodies lie around the one being written.
  var nesting = 0
  /// How often a literal was tried that had been put off: the order of literals is looked for.
  private var attempts = 0
  private static let attemptLimit = 1_000_000
  /// The definition whose literals are noted, or nil.
  var definition: Int?

  init(tree: RuleTree, mocked: Set<MockTarget>, data: Value, program: Program) {
    self.tree = tree
    self.mocked = mocked
    self.data = data
    self.program = program
    ruleTypes = program.ruleTypes
    if ruleTypes.isEmpty { ruleTypes = [RuleType](repeating: RuleType(), count: tree.groups.count) }
    for (number, constant) in program.constants.enumerated() {
      constantNumbers[constant] = Int32(number)
    }
    for (number, path) in program.paths.enumerated() { pathNumbers[path] = Int32(number) }
  }

  mutating func report(_ code: String, _ message: String, _ place: Place) {
    faults.append(Compiler.Fault(code: code, message: message, place: place))
  }

  // MARK: pieces

  mutating func emit(_ instruction: Instruction) { program.code.append(instruction) }

  mutating func emit(_ instruction: Instruction, at place: Place) {
    program.note(place)
    program.code.append(instruction)
  }

  mutating func newLabel() -> Label {
    program.labels.append(-1)
    return Label(program.labels.count - 1)
  }

  mutating func put(_ label: Label) {
    program.labels[Int(label)] = Int32(program.code.count)
  }

  mutating func newRegister(_ count: Int = 1) -> Register {
    let register = nextRegister
    nextRegister += Register(count)
    procedure.registers = max(procedure.registers, Int(nextRegister))
    return register
  }

  mutating func newIterator() -> Int32 {
    nextIterator += 1
    procedure.iterators = max(procedure.iterators, Int(nextIterator))
    return nextIterator - 1
  }

  mutating func newBuilder() -> Int32 {
    nextBuilder += 1
    procedure.builders = max(procedure.builders, Int(nextBuilder))
    return nextBuilder - 1
  }

  mutating func constant(_ value: Value) -> Int32 {
    // A large literal is not looked for: it would be hashed for nothing.
    // Nor is a number that others equal in another text: each keeps its own.
    let isSmall: Bool
    switch value {
    case .array, .object, .set, .number(.decimal): isSmall = false
    case .string(let text): return constant(text)
    default: isSmall = true
    }
    if isSmall, let known = constantNumbers[value] { return known }
    program.constants.append(value)
    let number = Int32(program.constants.count - 1)
    if isSmall { constantNumbers[value] = number }
    return number
  }

  /// Texts are only looked for among those met last: thousands of different ones would be hashed for
  /// nothing, and one that stands twice does no harm.
  private mutating func constant(_ text: ByteString) -> Int32 {
    let mark = text.mark
    let slot = Int(truncatingIfNeeded: (mark >> 8 ^ mark >> 27 ^ mark >> 45) & 255)
    if let number = recentTexts[slot], case .string(text) = program.constants[Int(number)] {
      return number
    }
    program.constants.append(.string(text))
    let number = Int32(program.constants.count - 1)
    recentTexts[slot] = number
    return number
  }

  mutating func path(_ keys: [Value]) -> Int32 {
    let isPlain = keys.allSatisfy { if case .number(.decimal) = $0 { false } else { true } }
    if isPlain, let known = pathNumbers[keys] { return known }
    program.paths.append(keys)
    let number = Int32(program.paths.count - 1)
    if isPlain { pathNumbers[keys] = number }
    return number
  }

  /// The number in the program of a path that literals compare with constants.
  mutating func programPath(_ path: Int32) -> Int32 {
    if inputPathNumbers[Int(path)] < 0 {
      inputPathNumbers[Int(path)] = self.path(inputPaths[Int(path)])
    }
    return inputPathNumbers[Int(path)]
  }

  private mutating func inputEquals(_ path: Int32, _ value: Value, _ place: Place) {
    guard mocked.contains(.builtin(Operators.equal)) else {
      emit(.inputEquals(path: programPath(path), constant: constant(value), fail))
      return
    }
    let keys = inputPaths[Int(path)].map(Node.constant)
    test(.builtin(Operators.equal, [.input(keys), .constant(value)], place), place)
  }

  /// The number of a path whose keys are all constants, or nil.
  ///
  /// Paths stand in many rules: those met last are found without hashing their keys.
  mutating func pathNumber(_ keys: [Node]) -> Int32? {
    var slot = keys.count
    for key in keys {
      guard case .constant(let value) = key else { return nil }
      slot = (slot &* 31) ^ Int(truncatingIfNeeded: value.mark >> 24)
    }
    slot = (slot ^ slot >> 16 ^ slot >> 32) & (Planner.recentPaths - 1)
    if let number = recent[slot], isPath(number, keys) { return number }
    let number = path(Planner.constantPrefix(keys).0)
    recent[slot] = number
    return number
  }

  private func isPath(_ number: Int32, _ keys: [Node]) -> Bool {
    let path = program.paths[Int(number)]
    guard path.count == keys.count else { return false }
    for (known, key) in zip(path, keys) {
      // Numbers that are equal may be written differently.
      guard case .constant(.string(let text)) = key, case .string(text) = known else {
        return false
      }
    }
    return true
  }

  private static let recentPaths = 256

  func register(_ slot: Int) -> Register { slotBase + Register(slot) }

  // MARK: bodies

  /// Writes literals in an order in which each has what it needs.
  mutating func body(_ steps: [Step]) {
    // Most bodies are in order already.
    var rest = steps[...]
    var waiting: [Step] = []
    // What was put off is tried again whenever something more is bound.
    func lacks(_ step: Step) -> Set<Int> {
      var missing: Set<Int> = []
      _ = Safety.outputs(of: step, bound: bound, missing: &missing)
      return missing
    }
    while true {
      var progressed = false
      if !waiting.isEmpty {
        var index = 0
        while index < waiting.count {
          attempts += 1
          guard attempts < Planner.attemptLimit else {
            report(
              "rego_compile_error", "the order of these expressions takes too long to find",
              waiting[index].place)
            return
          }
          if lacks(waiting[index]).isEmpty {
            let step = waiting.remove(at: index)
            write(step, following: [])
            progressed = true
            index = 0
          } else {
            index += 1
          }
        }
      }
      if let step = rest.popFirst() {
        if isPlain(step) || lacks(step).isEmpty {
          write(step, following: rest)
          if waiting.isEmpty { continue }
        } else {
          waiting.append(step)
        }
        progressed = true
      }
      if rest.isEmpty, !progressed || waiting.isEmpty { break }
    }
    var reported: Set<Int> = []
    for step in waiting {
      for slot in lacks(step).sorted() where reported.insert(slot).inserted {
        if slot < names.count, names[slot] == Resolver.partName { continue }
        if case .test(.builtin(Operators.print, _, _)) = step.kind, slot < names.count {
          report("rego_compile_error", "var \(names[slot]) is undeclared", step.place)
        } else {
          reportUnsafe(slot, step.place)
        }
      }
    }
  }

  /// Literals in an order in which each has what it needs, as ``body(_:)`` finds it.
  mutating func ordered(_ steps: [Step]) -> [Step] {
    var (known, waiting, result): (Set<Int>, [Step], [Step]) = (bound, steps, [])
    for slot in types.keys { known.insert(slot) }
    while !waiting.isEmpty {
      let next = waiting.firstIndex { step in
        attempts += 1
        var missing: Set<Int> = []
        guard let outputs = Safety.outputs(of: step, bound: known, missing: &missing) else {
          return false
        }
        known.formUnion(outputs)
        return true
      }
      guard let next, attempts < Planner.attemptLimit else { return result + waiting }
      result.append(waiting.remove(at: next))
    }
    return result
  }

  mutating func reportUnsafe(_ slot: Int, _ place: Place) {
    let name = slot < names.count ? names[slot] : "_"
    report(
      "rego_unsafe_var_error", "var \(name.hasPrefix("$") ? "_" : name) is unsafe", place)
  }

  /// Writes one literal.
  ///
  /// `following`: what comes after it, to find what an index may serve.
  private mutating func write(_ step: Step, following: ArraySlice<Step>) {
    literalPlace = step.place
    if nesting == 0, !isPlain(step) { check(step) }
    // The parts of a negated literal are noted as one with it.
    if let definition, nesting == 0,
      step.range.isEmpty
        || program.definitions[definition].literals.last?.range != step.range
    {
      program.definitions[definition].literals.append(
        (start: Int32(program.code.count), place: step.place, range: step.range))
    }
    if step.isNegated {
      negated(step)
    } else if step.modifiers.isEmpty {
      plain(step, following: following)
    } else {
      modified(step)
    }
  }

  private mutating func negated(_ step: Step) {
    let (outerFail, outerBound) = (fail, bound)
    let holds = newLabel()
    fail = holds
    nesting += 1
    let inner = Step(
      kind: step.kind, isNegated: false, modifiers: step.modifiers, place: step.place)
    if inner.modifiers.isEmpty { plain(inner, following: []) } else { modified(inner) }
    nesting -= 1
    emit(.jump(outerFail))
    put(holds)
    (fail, bound) = (outerFail, outerBound)
  }

  mutating func plain(_ step: Step, following: ArraySlice<Step>) {
    switch step.kind {
    case .test(let node): test(node, step.place)
    case .inputEquals(let path, let value): inputEquals(path, value, step.place)
    case .unify(let left, let right): unify(left, right)
    case .iterate(let key, let value, let domain):
      iterate(key: key, value: value, domain: domain, following: following)
    case .every(let key, let value, let domain, let scope):
      every(key: key, value: value, domain: domain, scope)
    }
  }

  private mutating func every(key: Int?, value: Int, domain: Node, _ scope: Node.Scope) {
    let source = self.value(domain)
    let (outerFail, outerBound) = (fail, bound)
    let iterator = newIterator()
    let (again, done) = (newLabel(), newLabel())
    emit(.iterate(iterator, source, fail))
    put(again)
    emit(
      .next(
        iterator, key: key.map { register($0) } ?? -1, value: register(value), done))
    bound.insert(value)
    if let key { bound.insert(key) }
    nesting += 1
    body(scope.steps)
    nesting -= 1
    emit(.jump(again))
    put(done)
    (fail, bound) = (outerFail, outerBound)
  }

  private mutating func iterate(
    key: Node?, value: Node, domain: Node, following: ArraySlice<Step>
  ) {
    if key == nil, let found = lookUp(value: value, domain: domain, following: following) {
      emit(.lookUp(found.iterator, index: found.index, value: found.value, fail))
      loop(found.iterator, key: nil, value: value)
      return
    }
    let source = self.value(domain)
    let iterator = newIterator()
    emit(.iterate(iterator, source, fail))
    loop(iterator, key: key, value: value)
  }

  /// The rest of the body runs for every element.
  mutating func loop(_ iterator: Int32, key: Node?, value: Node?) {
    let again = newLabel()
    put(again)
    func target(_ node: Node?) -> (Register, isDirect: Bool) {
      guard let node else { return (-1, true) }
      if case .local(let slot) = node, !bound.contains(slot) {
        return (register(slot), true)
      }
      return (newRegister(), false)
    }
    let keyTarget = target(key)
    let valueTarget = target(value)
    emit(.next(iterator, key: keyTarget.0, value: valueTarget.0, fail))
    fail = again
    if let key, case .local(let slot) = key, keyTarget.isDirect { bound.insert(slot) }
    if let key, !keyTarget.isDirect { match(key, keyTarget.0) }
    if let value, case .local(let slot) = value, valueTarget.isDirect {
      bound.insert(slot)
    }
    if let value, !valueTarget.isDirect { match(value, valueTarget.0) }
  }

  // MARK: modifiers

  private mutating func modified(_ step: Step) {
    var registers: [Register?] = []
    for modifier in step.modifiers {
      if case .value(let node) = modifier.replacement {
        registers.append(value(node))
      } else {
        registers.append(nil)
      }
    }
    var missing: Set<Int> = []
    let outputs = (Safety.outputs(of: step, bound: bound, missing: &missing) ?? []).sorted()
    let inner = Step(kind: step.kind, isNegated: false, modifiers: [], place: step.place)
    let outerFail = fail
    let leave = newLabel()
    let builder = outputs.isEmpty ? -1 : newBuilder()
    if builder >= 0 { emit(.begin(builder)) }
    emit(.enterContext, at: step.place)
    for (modifier, register) in zip(step.modifiers, registers) {
      apply(modifier, register)
    }
    fail = leave
    nesting += 1
    plain(inner, following: [])
    nesting -= 1
    if builder < 0 {
      let done = newLabel()
      emit(.leaveContext)
      emit(.jump(done))
      put(leave)
      emit(.leaveContext)
      emit(.jump(outerFail))
      put(done)
      fail = outerFail
      return
    }
    // Every way in which it holds is found under the modifiers; what follows runs without them.
    let first = newRegister(outputs.count + 1)
    for (index, slot) in outputs.enumerated() {
      emit(.copy(first + 1 + Register(index), from: register(slot)))
    }
    emit(.makeArray(first, first: first + 1, count: Int32(outputs.count)))
    emit(.add(builder, first))
    emit(.jump(fail))
    put(leave)
    emit(.leaveContext)
    let list = newRegister(2)
    emit(.finishArray(builder, list), at: step.place)
    fail = outerFail
    let iterator = newIterator()
    emit(.iterate(iterator, list, fail))
    let again = newLabel()
    put(again)
    emit(.next(iterator, key: -1, value: list + 1, fail))
    fail = again
    for (index, slot) in outputs.enumerated() {
      emit(.item(register(slot), of: list + 1, Int32(index)))
      bound.insert(slot)
    }
  }

  private mutating func apply(_ modifier: Step.Modifier, _ register: Register?) {
    func keys(_ path: [String]) -> [Value] { path.map { .string(ByteString($0)) } }
    switch modifier.target {
    case .input(let names): emit(.setInput(path: path(keys(names)), register ?? 0))
    case .data(let names): emit(.setData(path: path(keys(names)), register ?? 0))
    case .function(let group): replace(.function(group), modifier.replacement, register)
    case .builtin(let number): replace(.builtin(number), modifier.replacement, register)
    }
  }

  private mutating func replace(
    _ target: MockTarget, _ replacement: Step.Modifier.Replacement, _ register: Register?
  ) {
    let function: MockTarget?
    switch replacement {
    case .value: function = nil
    case .function(let group): function = .function(group)
    case .builtin(let number): function = .builtin(number)
    }
    program.replacements.append(Program.Replacement(target: target, function: function))
    emit(.replace(Int32(program.replacements.count - 1), value: register ?? 0))
  }
}
