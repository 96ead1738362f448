/// A pattern made into instructions that a machine runs in time linear in the text.
package struct RegexProgram: Sendable {
  enum Instruction: Sendable {
    case scalar(UInt32, next: Int)
    case set(Int, next: Int)
    case assertion(RegexAssertion, next: Int)
    /// Two ways to go on, the preferred first.
    case fork(Int, Int)
    case save(Int, next: Int)
    case match
  }

  /// How long a program may be; what a match costs grows with it.
  static let sizeLimit = 20_000

  let instructions: [Instruction]
  let sets: [RegexSet]
  let start: Int
  /// The names of the groups; the first is the whole match.
  package let captureNames: [String?]
  /// Whether a match can begin only where the text begins.
  let isAnchored: Bool
  /// Bytes with which every match begins.
  let prefix: [UInt8]
  /// Whether the prefix is all there is to match.
  let isLiteral: Bool

  package var groupCount: Int { captureNames.count }

  /// - Throws: ``RegexFault`` as Go gives it.
  init(_ pattern: String) throws(RegexFault) {
    let (node, names) = try RegexParser.parse(pattern)
    try self.init(node, captureNames: names, pattern: pattern)
  }

  init(
    _ node: RegexNode, captureNames names: [String?], pattern: String
  ) throws(RegexFault) {
    var compiler = Compiler()
    let body = try compiler.fragment(node, pattern)
    let end = try compiler.emit(.match, pattern)
    compiler.patch(body.exits, end)
    instructions = compiler.instructions
    sets = compiler.sets
    start = body.entry
    captureNames = names
    var (literal, isWhole, isAnchored) = ([UInt8](), false, false)
    var place = body.entry
    scan: while true {
      switch instructions[place] {
      case .scalar(let value, let next):
        if isAnchored { break scan }
        literal += Unicode.Scalar(value).map { Array(String($0).utf8) } ?? []
        place = next
      case .assertion(.textStart, let next):
        guard literal.isEmpty else { break scan }
        isAnchored = true
        place = next
      case .save(_, let next): place = next
      case .match:
        isWhole = names.count == 1 && !isAnchored && !literal.isEmpty
        break scan
      default: break scan
      }
    }
    (prefix, isLiteral, self.isAnchored) = (literal, isWhole, isAnchored)
  }

  /// An entry and the instructions' ends that are still open.
  private struct Fragment {
    var entry: Int
    /// Instruction and which of its ways.
    var exits: [(Int, Int)]
    var isNullable: Bool
  }

  private struct Compiler {
    var instructions: [Instruction] = []
    var sets: [RegexSet] = []

    mutating func emit(_ instruction: Instruction, _ pattern: String) throws(RegexFault) -> Int {
      guard instructions.count < RegexProgram.sizeLimit else {
        throw RegexFault(code: .tooLarge, text: pattern)
      }
      instructions.append(instruction)
      return instructions.count - 1
    }

    mutating func patch(_ exits: [(Int, Int)], _ target: Int) {
      for (index, way) in exits {
        switch instructions[index] {
        case .scalar(let value, _): instructions[index] = .scalar(value, next: target)
        case .set(let set, _): instructions[index] = .set(set, next: target)
        case .assertion(let kind, _): instructions[index] = .assertion(kind, next: target)
        case .save(let slot, _): instructions[index] = .save(slot, next: target)
        case .fork(let first, let second):
          instructions[index] = way == 0 ? .fork(target, second) : .fork(first, target)
        case .match: break
        }
      }
    }

    private mutating func simple(
      _ instruction: Instruction, _ pattern: String, isNullable: Bool = false
    ) throws(RegexFault) -> Fragment {
      let index = try emit(instruction, pattern)
      return Fragment(entry: index, exits: [(index, 0)], isNullable: isNullable)
    }

    /// Something that holds everywhere and takes nothing.
    private mutating func nothing(_ pattern: String) throws(RegexFault) -> Fragment {
      let index = try emit(.fork(0, 0), pattern)
      return Fragment(entry: index, exits: [(index, 0), (index, 1)], isNullable: true)
    }

    private mutating func joined(_ left: Fragment, _ right: Fragment) -> Fragment {
      patch(left.exits, right.entry)
      return Fragment(
        entry: left.entry, exits: right.exits, isNullable: left.isNullable && right.isNullable)
    }

    /// Recurses as deep as the pattern nests, which the parser limits.
    mutating func fragment(
      _ node: RegexNode, _ pattern: String
    ) throws(RegexFault) -> Fragment {
      switch node {
      case .empty: return try nothing(pattern)
      case .scalar(let scalar): return try simple(.scalar(scalar.value, next: 0), pattern)
      case .set(let set):
        sets.append(set)
        return try simple(.set(sets.count - 1, next: 0), pattern)
      case .assertion(let kind):
        return try simple(.assertion(kind, next: 0), pattern, isNullable: true)
      case .capture(let group, let inner):
        let open = try simple(.save(group * 2, next: 0), pattern, isNullable: true)
        let body = try fragment(inner, pattern)
        let close = try simple(.save(group * 2 + 1, next: 0), pattern, isNullable: true)
        var whole = joined(joined(open, body), close)
        whole.isNullable = body.isNullable
        return whole
      case .sequence(let parts):
        guard let first = parts.first else { return try nothing(pattern) }
        var whole = try fragment(first, pattern)
        for part in parts.dropFirst() { whole = joined(whole, try fragment(part, pattern)) }
        return whole
      case .alternatives(let parts):
        // One fork after the other: `a|b|c` is a, or else b, or else c.
        var exits: [(Int, Int)] = []
        var isNullable = false
        var entry: Int?
        var open: (Int, Int)?
        for (index, part) in parts.enumerated() {
          let fork = index < parts.count - 1 ? try emit(.fork(0, 0), pattern) : nil
          let branch = try fragment(part, pattern)
          let place = fork ?? branch.entry
          if let open { patch([open], place) }
          entry = entry ?? place
          if let fork {
            patch([(fork, 0)], branch.entry)
            open = (fork, 1)
          }
          exits += branch.exits
          isNullable = isNullable || branch.isNullable
        }
        return Fragment(entry: entry ?? 0, exits: exits, isNullable: isNullable)
      case .repetition(let inner, let minimum, let maximum, let isGreedy):
        return try repetition(inner, minimum, maximum, isGreedy, pattern)
      }
    }

    private mutating func repetition(
      _ inner: RegexNode, _ minimum: Int, _ maximum: Int?, _ isGreedy: Bool, _ pattern: String
    ) throws(RegexFault) -> Fragment {
      if maximum == 0 { return try nothing(pattern) }
      var whole: Fragment?
      func join(_ next: Fragment, _ compiler: inout Compiler) {
        whole = whole.map { compiler.joined($0, next) } ?? next
      }
      guard let maximum else {
        for _ in 0..<max(0, minimum - 1) { join(try fragment(inner, pattern), &self) }
        let body = try fragment(inner, pattern)
        let last =
          minimum > 0
          ? try plus(body, isGreedy, pattern)
          : body.isNullable
            ? try optional(try plus(body, isGreedy, pattern), isGreedy, pattern)
            : try star(body, isGreedy, pattern)
        join(last, &self)
        if let whole { return whole }
        return try nothing(pattern)
      }
      for _ in 0..<minimum { join(try fragment(inner, pattern), &self) }
      // x{2,4} is xx(x(x)?)?: each fork leaves for the end.
      var exits: [(Int, Int)] = []
      for _ in minimum..<maximum {
        let fork = try emit(.fork(0, 0), pattern)
        let body = try fragment(inner, pattern)
        patch([(fork, isGreedy ? 0 : 1)], body.entry)
        exits.append((fork, isGreedy ? 1 : 0))
        join(Fragment(entry: fork, exits: body.exits, isNullable: true), &self)
      }
      guard var result = whole else { return try nothing(pattern) }
      result.exits += exits
      return result
    }

    private mutating func star(
      _ body: Fragment, _ isGreedy: Bool, _ pattern: String
    ) throws(RegexFault) -> Fragment {
      let fork = try emit(.fork(0, 0), pattern)
      patch([(fork, isGreedy ? 0 : 1)], body.entry)
      patch(body.exits, fork)
      return Fragment(entry: fork, exits: [(fork, isGreedy ? 1 : 0)], isNullable: true)
    }

    private mutating func plus(
      _ body: Fragment, _ isGreedy: Bool, _ pattern: String
    ) throws(RegexFault) -> Fragment {
      let loop = try star(body, isGreedy, pattern)
      return Fragment(entry: body.entry, exits: loop.exits, isNullable: body.isNullable)
    }

    private mutating func optional(
      _ body: Fragment, _ isGreedy: Bool, _ pattern: String
    ) throws(RegexFault) -> Fragment {
      let fork = try emit(.fork(0, 0), pattern)
      patch([(fork, isGreedy ? 0 : 1)], body.entry)
      return Fragment(
        entry: fork, exits: body.exits + [(fork, isGreedy ? 1 : 0)], isNullable: true)
    }
  }
}
