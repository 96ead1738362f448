import CanonicalJSON

/// Everything that the machine runs: made once, then only read.
struct Program: Sendable {
  /// Where a rule's or a query's code begins, and what its frame holds.
  struct Procedure: Sendable {
    var entry: Int32 = 0
    var registers = 0
    var iterators = 0
    var builders = 0
  }

  /// One rule as written, for answers and explanations.
  struct Definition: Sendable {
    let group: Int
    let place: Place
    /// The line it ends on.
    let lastLine: Int32
    /// The code of its literals: where each begins, and where it stands.
    var literals: [(start: Int32, place: Place, range: Range<Int32>)] = []
    var end: Int32 = 0
    /// Where its code begins.
    var start: Int32 = 0
  }

  /// What stands in a replaced function's place.
  struct Replacement: Sendable {
    let target: MockTarget
    /// nil: the value in the register.
    let function: MockTarget?
  }

  var code: [Instruction] = []
  var labels: [Int32] = []
  var constants: [Value] = []
  var paths: [[Value]] = []
  var procedures: [Procedure] = []
  var definitions: [Definition] = []
  var replacements: [Replacement] = []
  var dispatches: [Dispatch] = []
  var hashIndexes: [HashIndex] = []
  var builtins: [Builtin] = []
  var mocked: Set<MockTarget> = []
  /// Places of instructions that may raise an error, in the order of the code.
  private(set) var places: [(at: Int32, place: Place)] = []
  /// By group, what is known of the types of its rules; for queries.
  var ruleTypes: [RuleType] = []
  /// Numbers of the definitions of each group, in order.
  var definitionsOfGroup: [[Int]] = []

  /// Notes where the next instruction comes from.
  mutating func note(_ place: Place) {
    places.append((Int32(code.count), place))
  }

  /// Where an instruction comes from, if that was noted.
  func place(of instruction: Int32) -> Place? {
    var (low, high) = (0, places.count)
    while low < high {
      let middle = (low + high) / 2
      if places[middle].at < instruction { low = middle + 1 } else { high = middle }
    }
    return low < places.count && places[low].at == instruction ? places[low].place : nil
  }
}

/// What a policy is run from; a class, so that evaluations share it without copying it.
final class Plan: Sendable {
  let program: Program
  let tree: RuleTree
  /// The number of the group whose rules stand at a path.
  let groups: [[ByteString]: Int]
  /// The keys of the program's paths one after another, and their marks.
  let pathKeys: [Value]
  let pathMarks: [UInt64]
  /// Where the text of each of these keys stands in ``textBytes``.
  let pathTexts: [(start: Int, count: Int)]
  /// Where each path's keys begin; one more than there are paths.
  let pathStarts: [Int]
  // What the machine reads all the time, so that the program is not copied for it.
  let code: [Instruction]
  let labels: [Int32]
  let constants: [Value]
  let dispatches: [Dispatch]
  /// Marks of the constants, as keys.
  let constantMarks: [UInt64]
  /// What comparing with each constant costs in steps.
  let constantCosts: [Int]
  /// Where the text of each constant stands in ``textBytes``; of what is no text, a count that none has.
  let constantTexts: [(start: Int, count: Int)]
  let textBytes: [UInt8]
  private let files: [String]

  init(program: Program, tree: RuleTree, files: [String]) {
    self.program = program
    self.files = files
    (pathKeys, pathMarks, pathStarts) = Plan.flat(program.paths)
    constantMarks = program.constants.map(\.mark)
    constantCosts = program.constants.map { Value.comparisonCost($0, $0, within: .max) }
    constants = program.constants
    dispatches = program.dispatches
    code = program.code
    labels = program.labels
    var bytes: [UInt8] = []
    constantTexts = Plan.texts(program.constants, &bytes)
    pathTexts = Plan.texts(pathKeys, &bytes)
    textBytes = bytes
    self.tree = tree
    var groups: [[ByteString]: Int] = [:]
    for (number, group) in tree.groups.enumerated() {
      groups[group.path.map { ByteString($0) }] = number
    }
    self.groups = groups
  }

  /// A definition as `file:line`.
  func text(ofRule number: Int) -> ByteString {
    let place = program.definitions[number].place
    return ByteString("\(files[Int(place.file)]):\(place.line)")
  }

  private static func flat(_ paths: [[Value]]) -> ([Value], [UInt64], [Int]) {
    var keys: [Value] = []
    var starts = [0]
    starts.reserveCapacity(paths.count + 1)
    for path in paths {
      keys += path
      starts.append(keys.count)
    }
    return (keys, keys.map(\.mark), starts)
  }

  private static func texts(
    _ values: [Value], _ bytes: inout [UInt8]
  ) -> [(start: Int, count: Int)] {
    var places: [(start: Int, count: Int)] = []
    places.reserveCapacity(values.count)
    for value in values {
      guard case .string(let text) = value else {
        places.append((0, -1))
        continue
      }
      places.append((bytes.count, text.count))
      bytes += text.bytes
    }
    return places
  }

  /// The same rules with a query's code.
  convenience init(_ other: Plan, program: Program) {
    self.init(program: program, tree: other.tree, files: other.files)
  }
}

/// Elements of a collection in the data by the value of one of their fields.
struct HashIndex: Sendable {
  let path: [Value]
  let field: [Value]
  /// Positions of elements, in order.
  var positions: [Value: [Int32]] = [:]
}
