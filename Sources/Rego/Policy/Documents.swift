package import CanonicalJSON

extension CompiledPolicy {
  /// Paths of documents below `data`, as `["agent", "authz", "allow"]`, resolved once for many evaluations.
  package struct Documents: Sendable {
    enum Place: Sendable {
      /// Rules of one group, or a value within theirs.
      case rules(group: Int, within: [Value])
      /// Several groups and the data at a node of the rule tree.
      case node(Int, groups: [Int], keys: [Value])
      case data([Value])
    }

    let places: [Place]
  }

  /// Resolves paths below `data`.
  package func documents(at paths: [[ByteString]]) -> Documents {
    Documents(places: paths.map(place))
  }

  private func place(of path: [ByteString]) -> Documents.Place {
    if let group = plan.groups[path] { return .rules(group: group, within: []) }
    var node = RuleTree.root
    var index = 0
    while index < path.count, tree.nodes[node].group < 0 {
      guard let child = tree.nodes[node].children[path[index].text] else {
        return .data(path.map(Value.string))
      }
      node = child
      index += 1
    }
    let group = tree.nodes[node].group
    guard group < 0 else {
      return .rules(group: group, within: path[index...].map(Value.string))
    }
    return .node(
      node, groups: tree.groups(below: node).filter { tree.groups[$0].kind != .function },
      keys: path.map(Value.string))
  }

  /// Asks for several documents over one input.
  ///
  /// `isStrict`: Whether a builtin's error is an error, not "undefined".
  /// - Throws: ``PolicyFault`` `evaluation`: a conflict, or more steps than allowed.
  package func answers(
    _ documents: Documents, input: EvaluationInput?, isStrict: Bool = false,
    limits: EvaluationLimits = EvaluationLimits(),
    environment: BuiltinContext.Environment = BuiltinContext.Environment()
  ) throws(PolicyFault) -> [Answer] {
    let entry: MachinePool.Entry
    if let idle = machines.take() {
      entry = idle
      entry.machine.pointee.begin(input, limits, environment, isStrict: isStrict)
    } else {
      entry = MachinePool.Entry(
        Machine(
          plan: plan, data: data, input: input, limits: limits, environment: environment,
          isStrict: isStrict))
    }
    let found = try answers(documents, &entry.machine.pointee)
    machines.give(back: entry)
    return found
  }

  func answers(
    _ documents: Documents, _ machine: inout Machine
  ) throws(PolicyFault) -> [Answer] {
    var answers: [Answer] = []
    answers.reserveCapacity(documents.places.count)
    do throws(Machine.Fault) {
      for place in documents.places {
        var found = try answer(place, &machine)
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
    _ place: Documents.Place, _ machine: inout Machine
  ) throws(Machine.Fault) -> Answer {
    switch place {
    case .rules(let group, let keys):
      let whole = try answer(group, &machine)
      guard !keys.isEmpty else { return whole }
      return Answer(value: whole.value.flatMap { Machine.walk($0, keys) })
    case .node(let node, let groups, let keys):
      for below in groups { try evaluate(below, &machine) }
      return Answer(value: machine.document(at: node, keys))
    case .data(let keys): return Answer(value: Machine.walk(data, keys))
    }
  }

  private func answer(_ group: Int, _ machine: inout Machine) throws(Machine.Fault) -> Answer {
    guard plan.tree.groups[group].kind != .function else { return Answer(value: nil) }
    try evaluate(group, &machine)
    guard case .known(let value) = machine.current.memo[group] else {
      return Answer(value: nil)
    }
    // Most answers rest on one rule.
    var first: Int32 = -1
    var others: [Int] = []
    for number in machine.matched where plan.program.definitions[Int(number)].group == group {
      if first < 0 {
        first = number
      } else if others.last ?? Int(first) != Int(number) {
        others.append(Int(number))
      }
    }
    guard first >= 0 else { return Answer(value: value) }
    guard !others.isEmpty else {
      return Answer(value: value, rule: first, others: [], in: plan)
    }
    let sorted = inOrder([Int(first)] + others)
    return Answer(
      value: value, rule: Int32(sorted.first ?? -1), others: Array(sorted.dropFirst()), in: plan)
  }

  /// Definitions by place, those of one place once.
  private func inOrder(_ numbers: [Int]) -> [Int] {
    let placed = numbers.compactMap { number in
      place(plan.program.definitions[number].place).map { (number, $0) }
    }.sorted { $0.1 < $1.1 }
    var unique: [Int] = []
    for (index, entry) in placed.enumerated()
    where index == 0
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
