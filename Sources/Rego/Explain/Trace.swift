/// What happened to each rule in one evaluation: how far its body came, and what did not hold.
struct Trace {
  struct Entry {
    /// The last literal that was begun.
    var reached = 0
    var holds = false
    /// What the last test that did not hold compared.
    var compared: [Value?] = []
  }

  /// By definition.
  private(set) var entries: [Int32: Entry] = [:]
  /// The definition and literal that an instruction begins.
  private var begins: [Int32: (definition: Int32, literal: Int)] = [:]
  private var starts: [(start: Int32, end: Int32, definition: Int32)] = []

  init(program: Program) {
    for (number, definition) in program.definitions.enumerated() {
      starts.append((definition.start, definition.end, Int32(number)))
      for (index, literal) in definition.literals.enumerated() {
        begins[literal.start] = (Int32(number), index)
      }
    }
    starts.sort { $0.start < $1.start }
  }

  mutating func step(_ pc: Int32) {
    guard let (definition, literal) = begins[pc] else { return }
    var entry = entries[definition] ?? Entry()
    if literal >= entry.reached {
      entry.reached = literal
      entries[definition] = entry
    } else if entries[definition] == nil {
      entries[definition] = entry
    }
  }

  mutating func held(_ definition: Int32) {
    entries[definition, default: Entry()].holds = true
  }

  /// Notes a test that did not hold, if it belongs to the furthest literal that was begun.
  mutating func missed(_ pc: Int32, _ compared: [Value?], in program: Program) {
    var low = 0
    var high = starts.count
    while low < high {
      let middle = (low + high) / 2
      if starts[middle].start <= pc { low = middle + 1 } else { high = middle }
    }
    guard low > 0, pc < starts[low - 1].end else { return }
    let number = starts[low - 1].definition
    let literals = program.definitions[Int(number)].literals
    guard var entry = entries[number], entry.reached < literals.count,
      pc >= literals[entry.reached].start
    else { return }
    entry.compared = compared
    entries[number] = entry
  }
}

extension Machine {
  /// Notes an instruction that is about to run, if that is asked for.
  @inline(never)
  mutating func observe(_ pc: Int32) {
    if contexts.isEmpty { trace?.step(pc) }
    coverage?.note(pc)
  }

  @inline(never)
  mutating func observe(held definition: Int32) {
    if contexts.isEmpty { trace?.held(definition) }
    coverage?.note(held: definition)
  }

  mutating func noteFailure(_ pc: Int32) {
    let compared: [Value?]
    switch program.code[Int(pc)] {
    case .compare(_, let left, let right, _):
      compared = [registers[base + Int(left)], registers[base + Int(right)]]
    case .equalConstant(let register, let constant, _):
      compared = [registers[base + Int(register)], program.constants[Int(constant)]]
    case .inputEquals(let path, let constant, _):
      compared = [inputValue(path), program.constants[Int(constant)]]
    case .member(let register, let collection, _):
      compared = [registers[base + Int(register)], registers[base + Int(collection)]]
    case .truthy(let register, _): compared = [registers[base + Int(register)]]
    case .input, .base, .key, .index, .rule, .function, .builtin, .documentKey: compared = [nil]
    default: compared = []
    }
    let plan = plan
    trace?.missed(pc, compared, in: plan.program)
  }
}
