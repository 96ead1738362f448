/// One instruction of the machine.
///
/// `Register` counts from the frame's first; `Label` is a number in the program's table of labels, to
/// which an instruction goes on when what it tests does not hold or is undefined.
enum Instruction: Sendable {
  typealias Register = Int32
  typealias Label = Int32

  // Values
  case constant(Register, Int32)
  case copy(Register, from: Register)
  case clear(Register)
  case input(Register, path: Int32, Label)
  case base(Register, path: Int32, Label)
  /// The element under a constant key, or under a register's value.
  case key(Register, of: Register, constant: Int32, Label)
  case index(Register, of: Register, key: Register, Label)
  case makeArray(Register, first: Register, count: Int32)
  case makeSet(Register, first: Register, count: Int32)
  case makeObject(Register, first: Register, count: Int32)
  case template(Register, first: Register, count: Int32)

  // Tests
  case truthy(Register, Label)
  case compare(Comparison, Register, Register, Label)
  case compareValue(Comparison, Register, Register, Register)
  case equalConstant(Register, constant: Int32, Label)
  case inputEquals(path: Int32, constant: Int32, Label)
  case member(Register, of: Register, Label)
  case arrayOf(Register, count: Int32, Label)
  case item(Register, of: Register, Int32)
  case objectOf(Register, count: Int32, Label)
  case jump(Label)
  case jumpIfDefined(Register, Label)

  // Iteration
  case iterate(Int32, Register, Label)
  case lookUp(Int32, index: Int32, value: Register, Label)
  case next(Int32, key: Register, value: Register, Label)

  // Documents in which rules and data mix: a register, and after it the rule tree's node.
  case document(Register, node: Int32)
  case documentKey(Register, of: Register, key: Register, Label)
  case documentIterate(Int32, Register, Label)
  case documentNext(Int32, of: Register, key: Register, Label)
  case materialise(Register, of: Register, Label)

  // Calls
  case rule(Register, group: Int32, Label)
  case function(Register, group: Int32, first: Register, Label)
  case builtin(Register, number: Int32, first: Register, Label)
  case dispatch(Int32, table: Int32)
  case nextDefinition(Int32, Label)
  case mark(Register)
  case matched(Int32)
  case result(Register)
  case returnRule(Int32)
  case returnFunction
  case row(Int32)
  case halt

  // Collections
  case begin(Int32)
  case add(Int32, Register)
  case addPair(Int32, Register, Register)
  case addPath(Int32, first: Register, count: Int32, value: Register)
  case addToPath(Int32, first: Register, count: Int32, value: Register)
  case addDefaultPath(Int32, first: Register, count: Int32, value: Register)
  case finishArray(Int32, Register)
  case finishSet(Int32, Register)
  case finishObject(Int32, Register)
  case finishTree(Int32, Register)

  // Modifiers
  case enterContext
  case setInput(path: Int32, Register)
  case setData(path: Int32, Register)
  case replace(Int32, value: Register)
  case leaveContext

  enum Comparison: UInt8, Sendable {
    case equal, notEqual, less, lessOrEqual, greater, greaterOrEqual
  }
}
