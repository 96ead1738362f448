import CanonicalJSON

/// Evaluates one query over one input: counted instructions over one array of registers.
struct Machine {
  /// What is known of a rule under the present modifiers.
  enum Memo {
    case unknown
    case undefined
    case known(Value)
  }

  /// The input and data as modifiers have them, and what rules said under them.
  struct Context {
    var input: EvaluationInput? {
      didSet { findMembers() }
    }
    /// The members of an input that is an object, where ``input`` keeps them.
    ///
    /// To count references to each object on the way to a value would cost more than to look it up.
    private(set) var members = UnsafeBufferPointer<ObjectValue.Pair>(start: nil, count: 0)
    /// What was made of an input that is no value yet, by the path it stands at.
    var made: [Int32: Value] = [:]
    var data: Value
    var memo: [Memo]
    /// Paths of the data that stand in place of rules.
    var shadows: [[Value]] = []
    var replaced: [MockTarget: Replacement]?

    init(input: EvaluationInput?, data: Value, memo: [Memo]) {
      self.input = input
      self.data = data
      self.memo = memo
      findMembers()
    }

    private mutating func findMembers() {
      if case .value(.object(let object))? = input {
        members = object.pairs.withUnsafeBufferPointer { $0 }
      } else {
        members = UnsafeBufferPointer(start: nil, count: 0)
      }
    }
  }

  /// What stands in a function's place: another function, or a value.
  struct Replacement {
    let function: MockTarget?
    let value: Value?
  }

  struct Frame {
    var returnTo: Int32
    var registers: Int
    var iterators: Int
    var builders: Int
    var procedure: Int32
    /// Where a function's value goes, and the label to go on at if it has none.
    var target: Int32 = -1
    var fail: Int32 = -1
    /// What was replaced before a replacement was called: within it, its own target is not.
    var replaced: [MockTarget: Replacement]?
  }

  /// Elements still to come of one collection.
  struct Iterator {
    enum Kind {
      case none
      case array
      case set
      case object
      case definitions
    }

    var kind = Kind.none
    var position = 0
    var elements: [Value] = []
    var pairs: [ObjectValue.Pair] = []
    /// Positions of elements chosen by an index; labels of rules.
    var chosen: [Int32]?
    /// The label of a rule that is the only one.
    var single: Int32 = -1

    /// Begins with the labels of rules, or with that of one.
    mutating func begin(definitions: [Int32]) {
      self = Iterator(kind: .definitions, chosen: definitions)
    }

    mutating func begin(definition: Int32) {
      kind = .definitions
      position = 0
      if chosen != nil { chosen = nil }
      single = definition
    }
  }

  enum Builder {
    case none
    case list([Value])
    case pairs([ObjectValue.Pair])
    case tree(PathTree)
  }

  /// An error that ends the evaluation.
  struct Fault: Error {
    let code: String
    let message: String
    let at: Int32
  }

  let plan: Plan
  var isStrict: Bool
  var limits: EvaluationLimits
  var current: Context
  var contexts: [Context] = []
  var registers: [Value?]
  var iterators: [Iterator]
  var builders: [Builder]
  var frames: [Frame] = []
  var base = 0
  var iteratorBase = 0
  var builderBase = 0
  var builtinContext: BuiltinContext
  /// The definitions that held without modifiers.
  var matched: [Int32] = []
  var rows: [[Value?]] = []
  /// What nondeterministic builtins answered.
  var answered: [BuiltinContext.KeptKey: Value?] = [:]
  /// What happened to each rule, if that is asked for.
  var trace: Trace?
  /// What was evaluated, if that is asked for.
  var coverage: Coverage?
  /// The groups of which something is known without modifiers.
  var known: [Int32] = []
  /// The groups below nodes of the rule tree, for documents that are asked for as a whole.
  var groupsBelow: [Int: [Int]] = [:]

  init(
    plan: Plan, data: Value, input: EvaluationInput?, limits: EvaluationLimits,
    environment: BuiltinContext.Environment, isStrict: Bool
  ) {
    self.plan = plan
    self.isStrict = isStrict
    self.limits = limits
    current = Context(
      input: input, data: data,
      memo: [Memo](repeating: .unknown, count: plan.tree.groups.count))
    registers = []
    iterators = []
    builders = []
    builtinContext = BuiltinContext(
      environment: environment, steps: limits.steps, bytes: limits.bytes)
  }

  /// Notes what a group's rules say.
  @inline(__always)
  mutating func remember(_ group: Int32, _ memo: Memo) {
    current.memo[Int(group)] = memo
    if contexts.isEmpty { known.append(group) }
  }

  @inline(__always)
  var program: Program {
    _read { yield plan.program }
  }

  @inline(__always)
  var tree: RuleTree {
    _read { yield plan.tree }
  }

  // MARK: frames

  mutating func enter(
    _ procedure: Int32, returnTo: Int32, target: Int32 = -1, fail: Int32 = -1, at pc: Int32
  ) throws(Fault) {
    guard frames.count < limits.depth else {
      throw Fault(
        code: "eval_limit_error",
        message: "rules call each other more than \(limits.depth) deep", at: pc)
    }
    let called = program.procedures[Int(procedure)]
    let (registerTop, iteratorTop, builderTop) = tops()
    frames.append(
      Frame(
        returnTo: returnTo, registers: base, iterators: iteratorBase, builders: builderBase,
        procedure: procedure, target: target, fail: fail))
    base = registerTop
    iteratorBase = iteratorTop
    builderBase = builderTop
    let more =
      max(0, base + called.registers - registers.count)
      + 4 * max(0, iteratorBase + called.iterators - iterators.count)
    if more > 64 { try charge(bytes: 16 * more, at: pc) }
    grow(called)
  }

  /// Where the present frame's registers, iterators and builders end.
  private func tops() -> (Int, Int, Int) {
    guard let frame = frames.last else { return (0, 0, 0) }
    let procedure = program.procedures[Int(frame.procedure)]
    return (
      base + procedure.registers, iteratorBase + procedure.iterators,
      builderBase + procedure.builders
    )
  }

  private mutating func grow(_ procedure: Program.Procedure) {
    let registerCount = base + procedure.registers
    if registers.count < registerCount {
      registers.append(
        contentsOf: repeatElement(
          nil, count: max(registerCount - registers.count, registers.count)))
    }
    let iteratorCount = iteratorBase + procedure.iterators
    if iterators.count < iteratorCount {
      iterators.append(
        contentsOf: repeatElement(Iterator(), count: iteratorCount - iterators.count))
    }
    let builderCount = builderBase + procedure.builders
    if builders.count < builderCount {
      builders.append(
        contentsOf: repeatElement(Builder.none, count: builderCount - builders.count))
    }
    registers[base] = nil
  }

  mutating func leave() -> Frame? {
    guard let frame = frames.popLast() else { return nil }
    base = frame.registers
    iteratorBase = frame.iterators
    builderBase = frame.builders
    return frame
  }

  // MARK: limits

  func limitFault(_ limit: EvaluationLimit, at pc: Int32) -> Fault {
    let message =
      switch limit {
      case .steps: "the policy took more than \(limits.steps) steps"
      case .bytes: "the policy made or read more than \(limits.bytes) bytes of values"
      case .depth: "rules call each other more than \(limits.depth) deep"
      case .nesting: "the policy nests values more than \(Value.depthLimit) deep"
      case .time: "the evaluation took longer than it may"
      }
    let code = limit == .time ? PolicyFault.cancelled : "eval_limit_error"
    return Fault(code: code, message: message, at: pc)
  }

  @inline(__always)
  mutating func charge(steps: Int, at pc: Int32) throws(Fault) {
    do throws(BuiltinFailure) {
      try builtinContext.charge(steps: steps)
    } catch {
      throw limitFault(error == .limit(.time) ? .time : .steps, at: pc)
    }
  }

  @inline(__always)
  mutating func charge(bytes: Int, at pc: Int32) throws(Fault) {
    do throws(BuiltinFailure) {
      try builtinContext.charge(bytes: bytes)
    } catch {
      throw limitFault(.bytes, at: pc)
    }
  }

  /// Refuses a value that was put together too deep; looking at arrays counts.
  @inline(__always)
  mutating func checkNesting(_ value: Value, at pc: Int32) throws(Fault) {
    guard value.isComposite else { return }
    let left = builtinContext.stepsLeft
    let most = left > 1 << 30 ? 1 << 34 : 16 * left + 16
    var count = LevelCount(most: most)
    let levels = count.levels(of: value)
    let looked = count.looked
    if looked > most { throw limitFault(.steps, at: pc) }
    guard levels <= UInt8(Value.depthLimit) else { throw limitFault(.nesting, at: pc) }
    if looked >= 16 { try charge(steps: looked / 16, at: pc) }
  }

  /// Counts what comparing or hashing a key costs: nothing but for composites and long texts.
  @inline(__always)
  mutating func chargeKey(_ key: Value, at pc: Int32) throws(Fault) {
    switch key {
    case .null, .bool, .number: return
    case .string(let text): if text.count >= 64 { try charge(steps: text.count / 64, at: pc) }
    case .array, .object, .set:
      try charge(steps: key.weight(within: builtinContext.stepsLeft) ?? .max, at: pc)
    }
  }

  /// Counts what measuring a value costs that is put into another: its arrays are looked at again.
  @inline(__always)
  mutating func chargePart(_ value: Value, at pc: Int32) throws(Fault) {
    if case .array = value { try checkNesting(value, at: pc) }
  }

  /// Counts what comparing a value with a constant costs.
  @inline(__always)
  mutating func chargeConstant(_ constant: Int32, at pc: Int32) throws(Fault) {
    let cost = plan.constantCosts[Int(constant)]
    if cost > 0 { try charge(steps: cost, at: pc) }
  }
}

/// An object in the making: values and sets under paths of keys.
final class PathTree {
  enum Leaf {
    case value(Value)
    case set([Value])
    case tree(PathTree)
  }

  private(set) var leaves: [Value: Leaf] = [:]

  /// Whether a value fits under a path: one that differs from what is there does not.
  func insert(
    _ keys: ArraySlice<Value>, _ value: Value, isElement: Bool, isDefault: Bool
  ) -> Bool {
    var tree = self
    var keys = keys
    while let key = keys.popFirst() {
      if keys.isEmpty {
        switch tree.leaves[key] {
        case nil: tree.leaves[key] = isElement ? .set([value]) : .value(value)
        case .value(let other): return !isElement && (isDefault || other == value)
        case .set(var elements):
          guard isElement else { return isDefault }
          tree.leaves[key] = nil
          elements.append(value)
          tree.leaves[key] = .set(elements)
        case .tree: return isDefault
        }
        return true
      }
      switch tree.leaves[key] {
      case nil:
        let next = PathTree()
        tree.leaves[key] = .tree(next)
        tree = next
      case .tree(let next): tree = next
      case .value, .set: return isDefault
      }
    }
    return true
  }

  /// The object; it nests no deeper than the keys of rules' heads.
  var object: Value {
    var members: [ObjectValue.Pair] = []
    members.reserveCapacity(leaves.count)
    for (key, leaf) in leaves {
      let value: Value =
        switch leaf {
        case .value(let value): value
        case .set(let elements): .set(SetValue(elements))
        case .tree(let tree): tree.object
        }
      members.append(ObjectValue.Pair(key: key, value: value))
    }
    return .object(ObjectValue(unsorted: members))
  }
}
