import CanonicalJSON

extension Resolver {
  /// A literal resolved, or nil if it only declares.
  mutating func literal(_ syntax: Literal) -> Step? {
    let modifiers = syntax.modifiers.compactMap { modifier($0) }
    func step(_ kind: Step.Kind) -> Step {
      // What only prints holds, negated or not.
      var isNegated = syntax.isNegated
      if case .test(.builtin(Operators.print, _, _)) = kind { isNegated = false }
      return Step(
        kind: kind, isNegated: isNegated, modifiers: modifiers, place: syntax.place,
        range: syntax.range)
    }
    switch syntax.kind {
    case .expression(let expression): return step(test(expression))
    case .inputEquals(let path, let value):
      return step(.inputEquals(path: firstInputPath + path, value))
    case .unify(let left, let right):
      let sides = (term(left), term(right))
      return step(.unify(sides.0, sides.1))
    case .assign(let left, let right):
      let value = term(right)
      var declared: Set<String> = []
      declarePattern(left, kind: "assigned", &declared)
      return step(.unify(pattern(left), value))
    case .someVariables(let variables):
      for variable in variables {
        if case .variable(let name) = variable.kind {
          checkShadowing(name, variable.place)
          let slot = declare(name, "declared", variable.place)
          if let last = declarations.last?.indices.last,
            declarations[declarations.count - 1][last].slot == slot
          {
            declarations[declarations.count - 1][last].isSome = true
          }
        }
      }
      return nil
    case .someIn(let key, let value, let domain):
      let source = term(domain)
      var declared: Set<String> = []
      if let key { declarePattern(key, kind: "declared", &declared) }
      if case .variable(let name) = value.kind, declared.contains(name) {
        report("rego_compile_error", "var \(name) declared above", value.place)
      } else {
        declarePattern(value, kind: "declared", &declared)
      }
      let patterns = (key.map { pattern($0) }, pattern(value))
      // What an iteration binds need not be used.
      for name in declared { lookup(name).map { uses[$0] += 1 } }
      return step(.iterate(key: patterns.0, value: patterns.1, domain: source))
    case .every(let key, let value, let domain, let body):
      let source = term(domain)
      let first = names.count
      scopes.append([:])
      later.append([])
      declarations.append([])
      direct.append(DirectNames([]))
      func slot(_ term: Term) -> Int {
        guard case .variable(let name) = term.kind else { return newSlot("$") }
        // OPA lets these pass, and reads the documents all the same.
        checkShadowing(name, term.place)
        return declare(name, "declared", term.place)
      }
      let keySlot = key.map { slot($0) }
      let valueSlot = slot(value)
      open(body, heads: [])
      let steps = literals(body)
      close()
      close()
      return step(
        .every(
          key: keySlot, value: valueSlot, domain: source,
          Node.Scope(steps: steps, slots: first..<names.count)))
    }
  }

  /// An expression; a call with one argument more than its function has unifies its value with it.
  private mutating func test(_ expression: Term) -> Step.Kind {
    if case .call(let callee, let arguments) = expression.kind,
      case .variable("eq") = callee.kind, arguments.count == 2
    {
      let sides = (term(arguments[0]), term(arguments[1]))
      return .unify(sides.0, sides.1)
    }
    let node: Node
    if case .call(let callee, let arguments) = expression.kind {
      node = call(callee, arguments, expression.place, allowsOutput: true)
    } else {
      node = term(expression)
    }
    switch node {
    case .function(let group, let nodes, let place)
    where nodes.count == tree.groups[group].arity + 1:
      return .unify(.function(group, Array(nodes.dropLast()), place), nodes[nodes.count - 1])
    case .builtin(let number, let nodes, let place)
    where builtins.used[number].name != "print"
      && nodes.count == builtins.used[number].parameters.count + 1:
      return .unify(.builtin(number, Array(nodes.dropLast()), place), nodes[nodes.count - 1])
    default: return .test(node)
    }
  }

  /// The name of a variable that holds a part of a negated literal.
  static let partName = "$not"

  /// The literals of a body resolved; those that only declare leave nothing.
  mutating func literals(_ body: [Literal]) -> [Step] {
    var steps: [Step] = []
    for syntax in body {
      guard let step = literal(syntax) else { continue }
      if step.isNegated { steps += negation(step) } else { steps.append(step) }
    }
    return steps
  }

  /// A negated literal, and before it what evaluates its parts.
  ///
  /// As in OPA, `not` negates only the last operation of its literal, and the operands of that operation must
  /// be defined. The sides of an equation that are references are not evaluated before it: `not input.a == 1`
  /// holds where there is no `input.a`.
  mutating func negation(_ step: Step) -> [Step] {
    var parts: [Step] = []
    let kind: Step.Kind
    switch step.kind {
    case .test(.builtin(Operators.equal, let sides, let place)) where sides.count == 2:
      kind = .test(
        .builtin(Operators.equal, sides.map { operand($0, step, &parts) }, place))
    case .test(.builtin(let number, let arguments, let place)):
      kind = .test(.builtin(number, arguments.map { part($0, step, &parts) }, place))
    case .test(.function(let group, let arguments, let place)):
      kind = .test(.function(group, arguments.map { part($0, step, &parts) }, place))
    case .test(let node): kind = .test(operand(node, step, &parts))
    case .unify(let left, let right):
      kind = .unify(operand(left, step, &parts), operand(right, step, &parts))
    case .inputEquals, .iterate, .every: return [step]
    }
    return parts + [
      Step(
        kind: kind, isNegated: true, modifiers: step.modifiers, place: step.place,
        range: step.range)
    ]
  }

  /// A reference whose keys are evaluated before; anything else is evaluated whole.
  private mutating func operand(_ node: Node, _ step: Step, _ parts: inout [Step]) -> Node {
    switch node {
    case .input(let keys): .input(keys.map { part($0, step, &parts) })
    case .data(let keys): .data(keys.map { part($0, step, &parts) })
    case .select(let base, let keys):
      .select(part(base, step, &parts), keys.map { part($0, step, &parts) })
    default: part(node, step, &parts)
    }
  }

  /// What stands for a term that is evaluated before.
  private mutating func part(_ node: Node, _ step: Step, _ parts: inout [Step]) -> Node {
    switch node {
    case .constant, .local, .arrayComprehension, .setComprehension, .objectComprehension, .template:
      return node
    case .array(let nodes): return .array(nodes.map { part($0, step, &parts) })
    case .set(let nodes): return .set(nodes.map { part($0, step, &parts) })
    case .object(let pairs):
      return .object(
        pairs.map {
          Node.Pair(key: part($0.key, step, &parts), value: part($0.value, step, &parts))
        })
    case .input, .data, .select, .function, .builtin:
      let slot = newSlot(Resolver.partName)
      var found = Step(
        kind: .unify(.local(slot), node), isNegated: false, modifiers: step.modifiers,
        place: step.place, range: step.range)
      found.isPartOfNegation = true
      parts.append(found)
      return .local(slot)
    }
  }

  private func arity(_ callee: Callee) -> Int {
    switch callee {
    case .function(_, let arity): arity
    case .builtin(let number): builtins.used[number].parameters.count
    }
  }

  private mutating func modifier(_ syntax: Literal.Modifier) -> Step.Modifier? {
    let parts = parts(syntax.target)
    let isWhole: Bool
    switch syntax.target.kind {
    case .variable: isWhole = true
    case .reference(_, let keys): isWhole = parts.count == keys.count + 1
    default: isWhole = false
    }
    guard isWhole, let head = parts.first else {
      report(
        "rego_type_error", "with keyword target must be a static reference", syntax.target.place)
      return nil
    }
    let target: Step.Modifier.Target
    if head == "input" {
      target = .input(Array(parts.dropFirst()))
    } else if let path = imports[head], path[0] == "input" {
      usedImports.insert(head)
      target = .input(Array(path.dropFirst()) + Array(parts.dropFirst()))
    } else if let found = callee(syntax.target) {
      switch found {
      case .function(let group, _):
        target = .function(group)
        mocked.insert(.function(group))
      case .builtin(let number):
        target = .builtin(number)
        mocked.insert(.builtin(number))
      }
      // A function, named and not called, may stand in its place.
      if names(aFunction: syntax.value), let other = callee(syntax.value) {
        let (want, have) = (arity(found), arity(other))
        if want != have {
          report(
            "rego_type_error",
            "\(parts.joined(separator: ".")): arity mismatch\n\thave: \(have)\n\twant: \(want)",
            syntax.target.place)
        }
        switch other {
        case .function(let group, _):
          dependencies.insert(group)
          return Step.Modifier(target: target, replacement: .function(group))
        case .builtin(let number):
          return Step.Modifier(target: target, replacement: .builtin(number))
        }
      }
    } else if let path = documentPath(parts) {
      usedImports.insert(head)
      target = .data(path)
    } else {
      report(
        "rego_type_error",
        "with keyword target must reference existing input, data, or a function",
        syntax.target.place)
      return nil
    }
    return Step.Modifier(target: target, replacement: .value(term(syntax.value)))
  }
}
