package import CanonicalJSON

extension CompiledPolicy {
  /// What one path of the document says, and the rules that made it so.
  package struct Answer: Sendable {
    /// nil if undefined.
    package let value: Value?
    /// Every rule at that path whose body held, as `file:line`, sorted by place.
    package let rules: [ByteString]
  }

  /// Asks for several documents over one input.
  ///
  /// `paths`: Below `data`, as `["agent", "authz", "allow"]`.
  /// - Throws: ``PolicyFault`` `evaluation`: a conflict, or more steps than allowed.
  package func answers(
    _ paths: [[ByteString]], input: JSONValue?, limits: EvaluationLimits = EvaluationLimits(),
    environment: BuiltinContext.Environment = BuiltinContext.Environment()
  ) throws(PolicyFault) -> [Answer] {
    try answers(
      paths, value: input.map(Value.init), limits: limits, environment: environment)
  }

  /// The same for an input that is a value already.
  package func answers(
    _ paths: [[ByteString]], value input: Value?,
    limits: EvaluationLimits = EvaluationLimits(),
    environment: BuiltinContext.Environment = BuiltinContext.Environment()
  ) throws(PolicyFault) -> [Answer] {
    var machine = Machine(
      policy: self, program: program, input: input, limits: limits, environment: environment,
      isStrict: false)
    var answers: [Answer] = []
    answers.reserveCapacity(paths.count)
    do throws(Machine.Fault) {
      for path in paths { answers.append(try answer(path, &machine)) }
    } catch {
      throw fault(error, program)
    }
    return answers
  }

  private func answer(
    _ path: [ByteString], _ machine: inout Machine
  ) throws(Machine.Fault) -> Answer {
    var node = RuleTree.root
    var index = 0
    while index < path.count, tree.nodes[node].group < 0 {
      guard let child = tree.nodes[node].children[path[index].text] else {
        node = -1
        break
      }
      node = child
      index += 1
    }
    if node < 0 {
      return Answer(value: Machine.walk(data, path.map(Value.string)), rules: [])
    }
    let group = tree.nodes[node].group
    guard group >= 0 else {
      for below in tree.groups(below: node) where tree.groups[below].kind != .function {
        try evaluate(below, &machine)
      }
      return Answer(value: machine.document(at: node, path.map(Value.string)), rules: [])
    }
    guard tree.groups[group].kind != .function else { return Answer(value: nil, rules: []) }
    try evaluate(group, &machine)
    guard case .known(let value) = machine.current.memo[group] else {
      return Answer(value: nil, rules: [])
    }
    if index < path.count {
      return Answer(value: Machine.walk(value, path[index...].map(Value.string)), rules: [])
    }
    var places: [SourcePlace] = []
    for definition in program.definitionsOfGroup[group] where machine.matched[definition] {
      if let place = place(program.definitions[definition].place), places.last != place {
        places.append(place)
      }
    }
    if places.count > 1 { places.sort() }
    return Answer(value: value, rules: places.map(\.rule))
  }

  private func evaluate(_ group: Int, _ machine: inout Machine) throws(Machine.Fault) {
    if case .unknown = machine.current.memo[group] { try machine.run(Int32(group)) }
  }
}
