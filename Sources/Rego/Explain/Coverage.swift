package import CanonicalJSON

/// What of a policy was evaluated, over any number of evaluations: the heads of rules whose bodies held,
/// and the literals that were reached.
package struct Coverage: Sendable {
  /// The lines of one file that say something, each once.
  package struct File: Sendable, Equatable {
    package let name: String
    package let covered: [Int]
    package let notCovered: [Int]
  }

  /// By instruction, whether it ran.
  private(set) var ran: [Bool]
  /// By definition, whether its body held.
  private(set) var held: [Bool]

  package init(of policy: CompiledPolicy) {
    ran = [Bool](repeating: false, count: policy.program.code.count)
    held = [Bool](repeating: false, count: policy.program.definitions.count)
  }

  mutating func note(_ pc: Int32) {
    if ran.indices.contains(Int(pc)) { ran[Int(pc)] = true }
  }

  mutating func note(held definition: Int32) {
    if held.indices.contains(Int(definition)) { held[Int(definition)] = true }
  }

  /// Every file's lines, in the order of the policy's files.
  package func files(of policy: CompiledPolicy) -> [File] {
    var covered = [Set<Int>](repeating: [], count: policy.modules.count)
    var missed = covered
    func take(_ place: Place, _ isCovered: Bool) {
      guard covered.indices.contains(Int(place.file)), place.line > 0 else { return }
      if isCovered {
        covered[Int(place.file)].insert(Int(place.line))
      } else {
        missed[Int(place.file)].insert(Int(place.line))
      }
    }
    for (number, definition) in policy.program.definitions.enumerated() {
      take(definition.place, held.indices.contains(number) && held[number])
      for literal in definition.literals {
        let start = Int(literal.start)
        take(literal.place, ran.indices.contains(start) && ran[start])
      }
    }
    return policy.modules.indices.map { index in
      File(
        name: policy.modules[index].file.name, covered: covered[index].sorted(),
        notCovered: missed[index].subtracting(covered[index]).sorted())
    }
  }
}

extension CompiledPolicy {
  /// Asks as ``answers(_:input:limits:environment:)`` does, and adds what was evaluated to a coverage.
  package func answers(
    _ paths: [[ByteString]], input: JSONValue?, limits: EvaluationLimits = EvaluationLimits(),
    environment: BuiltinContext.Environment = BuiltinContext.Environment(),
    coverage: inout Coverage
  ) throws(PolicyFault) -> [Answer] {
    var machine = Machine(
      plan: plan, data: data, input: input.map(EvaluationInput.json), limits: limits,
      environment: environment, isStrict: false)
    machine.coverage = coverage
    defer { coverage = machine.coverage ?? coverage }
    return try answers(documents(at: paths), &machine)
  }

  /// The rules whose names begin with `test_`, as paths below `data`, in order.
  package var tests: [[ByteString]] {
    tree.groups.filter {
      $0.kind == .complete && $0.path.last?.hasPrefix("test_") == true
    }.map { $0.path.map { ByteString($0) } }.sorted { $0.lexicographicallyPrecedes($1) }
  }
}
