package import CanonicalJSON

extension CompiledPolicy {
  /// What one path of the document says, and the rules that made it so.
  package struct Answer: Sendable {
    /// nil if undefined.
    package let value: Value?
    /// Every rule at that path whose body held, as `file:line`, sorted by place.
    package let rules: [ByteString]
    /// The release of the time-zone database, if this or an earlier answer of the same evaluation
    /// rests on it.
    package var zones: ByteString?
  }

  /// Asks for several documents over one input.
  ///
  /// `paths`: Below `data`, as `["agent", "authz", "allow"]`. `isStrict`: Whether a builtin's error is an
  /// error, not "undefined".
  /// - Throws: ``PolicyFault`` `evaluation`: a conflict, or more steps than allowed.
  package func answers(
    _ paths: [[ByteString]], input: JSONValue?, isStrict: Bool = false,
    limits: EvaluationLimits = EvaluationLimits(),
    environment: BuiltinContext.Environment = BuiltinContext.Environment()
  ) throws(PolicyFault) -> [Answer] {
    try answers(
      paths, value: input.map(Value.init), isStrict: isStrict, limits: limits,
      environment: environment)
  }

  /// The same for an input that is a value already.
  package func answers(
    _ paths: [[ByteString]], value input: Value?, isStrict: Bool = false,
    limits: EvaluationLimits = EvaluationLimits(),
    environment: BuiltinContext.Environment = BuiltinContext.Environment()
  ) throws(PolicyFault) -> [Answer] {
    var machine = Machine(
      plan: plan, data: data, input: input, limits: limits, environment: environment,
      isStrict: isStrict)
    return try answers(paths, &machine)
  }

  func answers(
    _ paths: [[ByteString]], _ machine: inout Machine
  ) throws(PolicyFault) -> [Answer] {
    var answers: [Answer] = []
    answers.reserveCapacity(paths.count)
    do throws(Machine.Fault) {
      for path in paths {
        var found = try answer(path, &machine)
        if let value = found.value { try machine.chargeKey(value, at: -1) }
        found.zones = machine.builtinContext.zones
        answers.append(found)
      }
    } catch {
      throw fault(error, program)
    }
    return answers
  }

  private func answer(
    _ path: [ByteString], _ machine: inout Machine
  ) throws(Machine.Fault) -> Answer {
    if let group = plan.groups[path] { return try answer(group, &machine) }
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
    let keys = path.map(Value.string)
    if node < 0 { return Answer(value: Machine.walk(data, keys), rules: []) }
    let group = tree.nodes[node].group
    guard group >= 0 else {
      for below in tree.groups(below: node) where tree.groups[below].kind != .function {
        try evaluate(below, &machine)
      }
      return Answer(value: machine.document(at: node, keys), rules: [])
    }
    let whole = try answer(group, &machine)
    return Answer(value: whole.value.flatMap { Machine.walk($0, Array(keys[index...])) }, rules: [])
  }

  private func answer(_ group: Int, _ machine: inout Machine) throws(Machine.Fault) -> Answer {
    guard plan.tree.groups[group].kind != .function else { return Answer(value: nil, rules: []) }
    try evaluate(group, &machine)
    guard case .known(let value) = machine.current.memo[group] else {
      return Answer(value: nil, rules: [])
    }
    var found: [Int] = []
    for number in machine.matched
    where plan.program.definitions[Int(number)].group == group && found.last != Int(number) {
      found.append(Int(number))
    }
    if found.count > 1 { found = inOrder(found) }
    return Answer(value: value, rules: found.map { plan.ruleTexts[$0] })
  }

  /// Definitions by place, those of one place once.
  private func inOrder(_ numbers: [Int]) -> [Int] {
    let placed = numbers.compactMap { number in
      place(plan.program.definitions[number].place).map { (number, $0) }
    }.sorted { $0.1 < $1.1 }
    var unique: [Int] = []
    for (index, entry) in placed.enumerated()
    where index == 0
      || plan.ruleTexts[placed[index - 1].0] != plan.ruleTexts[entry.0]
      || placed[index - 1].1 != entry.1
    {
      unique.append(entry.0)
    }
    return unique
  }

  private func evaluate(_ group: Int, _ machine: inout Machine) throws(Machine.Fault) {
    if case .unknown = machine.current.memo[group] { try machine.run(Int32(group)) }
  }
}
