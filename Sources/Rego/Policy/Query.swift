package import CanonicalJSON

extension CompiledPolicy {
  /// One way in which a query holds: the values of its expressions and of its variables.
  package struct Row: Sendable {
    package struct Expression: Sendable {
      package let value: Value
      package let text: String
      package let place: SourcePlace
    }

    package let expressions: [Expression]
    package let bindings: [(name: String, value: Value)]
  }

  /// Runs a query, as `opa eval` does.
  ///
  /// `isStrict`: Whether a built-in's error is an error, not "undefined".
  package func query(
    _ text: String, input: JSONValue?, isStrict: Bool = false,
    limits: EvaluationLimits = EvaluationLimits(),
    environment: BuiltinContext.Environment = BuiltinContext.Environment()
  ) throws(PolicyFault) -> [Row] {
    try query(
      text, value: input.map(Value.init), isStrict: isStrict, limits: limits,
      environment: environment)
  }

  /// The same for an input that is a value already.
  package func query(
    _ text: String, value input: Value?, isStrict: Bool = false,
    limits: EvaluationLimits = EvaluationLimits(),
    environment: BuiltinContext.Environment = BuiltinContext.Environment()
  ) throws(PolicyFault) -> [Row] {
    let file = SourceFile(name: "query", text: Array(text.utf8))
    let files = modules.map(\.file) + [file]
    let body = try Parser.query(file, number: Int32(modules.count))
    var numbers = Resolver.BuiltinNumbers(builtins)
    for builtin in program.builtins { _ = numbers.number(builtin.name) }
    var resolver = Resolver(
      tree: tree, package: PackageScope(path: [], ruleNames: []), imports: [:],
      annotations: nil, builtins: numbers)
    resolver.open(body, heads: [])
    var captured: [Place: Int] = [:]
    var steps: [Step] = []
    let resolved = body.map { ($0, resolver.literal($0)) }
    guard resolver.faults.isEmpty else { throw Compiler.invalid(resolver.faults, files) }
    var missing: Set<Int> = []
    let isLone =
      body.count == 1
      && resolved.allSatisfy { pair in
        guard let step = pair.1 else { return false }
        return Safety.outputs(of: step, bound: [], missing: &missing)?.isEmpty ?? true
      }
    let names = resolver.scopes.last ?? [:]
    for (_, step) in resolved {
      guard let step else { continue }
      if step.isNegated {
        steps += resolver.negation(step)
        continue
      }
      guard case .test(let node) = step.kind, !step.isNegated else {
        steps.append(step)
        continue
      }
      let slot = resolver.newSlot("$")
      captured[step.place] = slot
      steps.append(
        Step(
          kind: .unify(.local(slot), node), isNegated: false, modifiers: step.modifiers,
          place: step.place))
      if !isLone {
        steps.append(
          Step(kind: .test(.local(slot)), isNegated: false, modifiers: [], place: step.place))
      }
    }
    var program = program
    program.builtins = resolver.builtins.used
    var planner = Planner(
      tree: tree, mocked: program.mocked.union(resolver.mocked), data: data, program: program)
    planner.names = resolver.names
    let procedure = planner.query(steps, slots: resolver.names.count, captures: 0)
    guard planner.faults.isEmpty else {
      throw Compiler.invalid(Compiler.firstStage(planner.faults), files)
    }
    var machine = Machine(
      plan: Plan(plan, program: planner.program), data: data,
      input: input.map(EvaluationInput.value), limits: limits,
      environment: environment, isStrict: isStrict)
    do throws(Machine.Fault) {
      try machine.run(Int32(procedure))
      for row in machine.rows {
        for value in row { if let value { try machine.chargeKey(value, at: -1) } }
      }
    } catch {
      throw fault(error, planner.program)
    }
    let bound = planner.bound
    let shown = names.filter { !$0.key.hasPrefix("$") && bound.contains($0.value) }
      .sorted { $0.key < $1.key }
    let bytes = Array(text.utf8)
    return machine.rows.map { row in
      Row(
        expressions: resolved.compactMap { (literal, step) in
          guard step != nil else { return nil }
          let value = captured[literal.place].flatMap { row[$0] } ?? .bool(true)
          return Row.Expression(
            value: value,
            text: String(
              decoding: bytes[Int(literal.range.lowerBound)..<Int(literal.range.upperBound)],
              as: UTF8.self),
            place: SourcePlace(
              file: "query", line: Int(literal.place.line), column: Int(literal.place.column)))
        },
        bindings: shown.compactMap { name, slot in row[slot].map { (name: name, value: $0) } })
    }
  }
}
