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
    _ paths: [[ByteString]], input: JSONValue?, limits: EvaluationLimits = EvaluationLimits()
  ) throws(PolicyFault) -> [Answer] {
    let evaluator = Evaluator(policy: self, input: input.map(Value.init), limits: limits)
    var answers: [Answer] = []
    for path in paths {
      let keys = path.map { Node.constant(.string($0)) }
      let value = try evaluator.one(.document(.data, keys), Evaluator.Frame(count: 0))
      let places = (evaluator.matched[path] ?? []).sorted()
      answers.append(Answer(value: value, rules: places.map(\.rule)))
    }
    return answers
  }

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
    limits: EvaluationLimits = EvaluationLimits()
  ) throws(PolicyFault) -> [Row] {
    let file = SourceFile(name: "query", text: Array(text.utf8))
    let body = try Parser.query(file)
    let module = ModuleSyntax(file: file, package: [], imports: [:], rules: [])
    var resolver = Resolver(module: module, rules: RulePaths(Set(tree.allRules.map(\.path))))
    let compiled = try resolver.compile(query: body)
    let evaluator = Evaluator(
      policy: self, input: input.map(Value.init), limits: limits, isStrict: isStrict)
    // A lone expression is told as it is, even false; among several, or iterating, each must hold.
    let isLone =
      body.literals.count == 1 && compiled.steps.allSatisfy { Safety.outputs($0).isEmpty }
    var captured: [SourcePlace: Int] = [:]
    var slotCount = compiled.slotCount
    let steps = compiled.steps.flatMap { step -> [Step] in
      guard case .test(let node) = step.kind else { return [step] }
      let slot = slotCount
      slotCount += 1
      captured[step.place] = slot
      let capture = Step(
        kind: .unify(.local(slot), node), modifiers: step.modifiers, place: step.place)
      return isLone
        ? [capture]
        : [capture, Step(kind: .test(.local(slot)), modifiers: [], place: step.place)]
    }
    let frame = Evaluator.Frame(count: slotCount)
    var rows: [Row] = []
    _ = try evaluator.run(steps[...], frame) { () throws(PolicyFault) in
      let texts = Query.texts(of: body, in: text)
      let bindings = compiled.slots.compactMap { name, slot in
        name.hasPrefix("$") ? nil : frame.slots[slot].map { (name: name, value: $0) }
      }
      rows.append(
        Row(
          expressions: texts.map { expression in
            let slot = captured[expression.place]
            return Row.Expression(
              value: slot.flatMap { frame.slots[$0] } ?? .bool(true), text: expression.text,
              place: expression.place)
          }, bindings: bindings.sorted { $0.name < $1.name }))
      return true
    }
    return rows
  }
}

enum Query {
  /// The source text of each literal of a query.
  static func texts(of body: Body, in text: String) -> [(text: String, place: SourcePlace)] {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map {
      Array($0.unicodeScalars)
    }
    func offset(_ place: SourcePlace) -> Int {
      lines.prefix(place.line - 1).reduce(0) { $0 + $1.count + 1 } + place.column - 1
    }
    let scalars = Array(text.unicodeScalars)
    let literals = body.literals.filter {
      if case .some = $0.kind { false } else { true }
    }
    let starts = literals.map { offset($0.place) } + [scalars.count]
    return zip(literals, starts.indices).map { literal, index in
      var slice = scalars[starts[index]..<starts[index + 1]]
      while let last = slice.last, last.properties.isWhitespace || last == ";" {
        slice.removeLast()
      }
      return (String(String.UnicodeScalarView(slice)), literal.place)
    }
  }
}
