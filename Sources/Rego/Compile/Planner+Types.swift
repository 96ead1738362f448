import CanonicalJSON

/// What is known of the value of a rule, or of a function's arguments and value.
struct RuleType {
  var arguments: [RegoType] = []
  var value: RegoType?
  /// Whether a rule of it has an error: then nothing is said of what uses it.
  var isBroken = false
}

/// A term's type, with what is not known yet left open: variables, and composites that hold some.
indirect enum TypedTerm {
  case known(RegoType?)
  case local(Int)
  case array([TypedTerm])
  case object([(key: Value?, keyType: RegoType?, value: TypedTerm)])
  case set([TypedTerm])

  /// Of a constant, part by part: an object in a call need not have all members that may be there.
  init(_ value: Value) {
    switch value {
    case .array(let elements): self = .array(elements.map { TypedTerm($0) })
    case .object(let object):
      self = .object(
        object.pairs.map { ($0.key, TypeInference.type(of: $0.key), TypedTerm($0.value)) })
    case .set(let set): self = .set(set.elements.map { TypedTerm($0) })
    default: self = .known(TypeInference.type(of: value))
    }
  }
}

/// The types of variables are inferred from literal to literal, in the order in which they are run; what can
/// never hold is reported, as OPA's checker does.
extension Planner {
  // MARK: rules

  /// Notes what one branch of a rule says, for the groups that rest on it.
  mutating func noteHead(
    _ rule: ResolvedRule, _ branch: ResolvedRule.Branch, group: Int, kind: RuleGroup.Kind
  ) {
    var patterns = Safety.Variables()
    for argument in rule.arguments { Safety.collect(pattern: argument, into: &patterns) }
    let heads = (rule.keys.map { infer($0) }, rule.element.map { infer($0) }, infer(branch.value))
    // An argument that nothing says anything of may be anything.
    for slot in patterns.outputs where types[slot] == nil { types[slot] = .any }
    let keys = heads.0.map { (known($0) ?? .any).bounded }
    let element = heads.1.map { (known($0) ?? .any).bounded }
    let value = (known(heads.2) ?? .any).bounded
    let found: RegoType
    switch kind {
    case .complete, .function: found = value
    case .partialSet: found = .set(element ?? .any)
    case .object:
      var isOpen = keys.count == 1
      if case .constant? = rule.keys.first { isOpen = false }
      found = isOpen ? .object(keys[0], element.map { .set($0) } ?? value) : .object(.any, .any)
    }
    ruleTypes[group].value = RegoType.merged(ruleTypes[group].value, found.bounded)?.bounded
    guard kind == .function else { return }
    let arguments = rule.arguments.map { (known(infer($0)) ?? .any).bounded }
    if ruleTypes[group].arguments.isEmpty {
      ruleTypes[group].arguments = arguments
    } else {
      for (index, type) in arguments.enumerated()
      where index < ruleTypes[group].arguments.count {
        ruleTypes[group].arguments[index] =
          RegoType.union(ruleTypes[group].arguments[index], type)?.bounded ?? .any
      }
    }
  }

  // MARK: literals

  /// Infers the types of what a literal binds, and reports what can never hold.
  mutating func check(_ step: Step) {
    if isPlain(step) { return }
    for modifier in step.modifiers {
      if case .value(let node) = modifier.replacement { _ = infer(node) }
    }
    switch step.kind {
    case .test(.builtin(Operators.equal, let arguments, let place)) where arguments.count == 2:
      match(infer(arguments[0]), infer(arguments[1]), place)
    case .test(let node): _ = infer(node)
    case .inputEquals: break
    case .unify(let left, let right): match(infer(left), infer(right), step.place)
    case .iterate(let key, let value, let domain):
      let source = known(infer(domain))
      let keys = source.map { $0.keys } ?? .any
      let values = source.map { $0.elements } ?? .any
      guard let keys, let values else {
        return report("rego_type_error", "match error\n\tleft  : ???\n\tright : ???", step.place)
      }
      if let key { match(infer(key), .known(keys), step.place) }
      match(infer(value), .known(values), step.place)
    case .every(let key, let value, let domain, let scope):
      let source = known(infer(domain))
      let outer = types
      if let key { types[key] = .any }
      types[value] = source?.elements ?? .any
      // Of what stands in the body only nested bodies are looked at, as in OPA.
      for step in scope.steps { checkNested(step) }
      types = outer
    }
  }

  /// Checks the comprehensions in a literal, and nothing else of it.
  mutating func checkNested(_ step: Step) {
    let place = literalPlace
    literalPlace = step.place
    switch step.kind {
    case .test(let node): checkNested(node)
    case .inputEquals: break
    case .unify(let left, let right):
      checkNested(left)
      checkNested(right)
    case .iterate(_, _, let domain): checkNested(domain)
    case .every(_, _, let domain, let scope):
      checkNested(domain)
      for step in scope.steps { checkNested(step) }
    }
    literalPlace = place
  }

  mutating func checkNested(_ node: Node) {
    switch node {
    case .arrayComprehension, .setComprehension, .objectComprehension: _ = infer(node)
    case .array(let nodes), .set(let nodes), .function(_, let nodes, _),
      .builtin(_, let nodes, _), .template(let nodes, _):
      for node in nodes { checkNested(node) }
    case .object(let pairs):
      for pair in pairs {
        checkNested(pair.key)
        checkNested(pair.value)
      }
    case .select(let base, let keys):
      checkNested(base)
      for key in keys { checkNested(key) }
    case .input(let keys), .data(let keys): for key in keys { checkNested(key) }
    case .constant, .local: break
    }
  }

  /// Whether a literal compares the input with a scalar, of which nothing is to be said.
  func isPlain(_ step: Step) -> Bool {
    if case .inputEquals = step.kind { return step.modifiers.isEmpty }
    guard step.modifiers.isEmpty, case .test(.builtin(let number, let arguments, _)) = step.kind,
      number <= Operators.greaterOrEqual, arguments.count == 2
    else { return false }
    var hasInput = false
    for argument in arguments {
      switch argument {
      case .constant: continue
      case .input(let keys):
        hasInput = true
        for key in keys { guard case .constant = key else { return false } }
      default: return false
      }
    }
    return hasInput
  }

  /// Reports two terms that can never be equal.
  mutating func match(_ left: TypedTerm, _ right: TypedTerm, _ place: Place) {
    // As they were before: what is unified binds variables. Their text is made only where it is told.
    let (one, other) = (known(left), known(right))
    guard !unify(left, right) else { return }
    report(
      "rego_type_error",
      "match error\n\tleft  : \(one?.text ?? "???")\n\tright : \(other?.text ?? "???")", place)
  }

  // MARK: terms

  /// What is known of a typed term; nil if a part of it is not.
  func known(_ term: TypedTerm) -> RegoType? {
    switch term {
    case .known(let type): return type
    case .local(let slot): return types[slot]
    case .array(let terms):
      var items: [RegoType] = []
      for term in terms {
        guard let type = known(term) else { return nil }
        items.append(type)
      }
      return items.isEmpty ? .array(of: .any) : .array(items, rest: nil)
    case .object(let members):
      var properties: [RegoType.Property] = []
      var rest: RegoType.Rest?
      for member in members {
        guard let value = known(member.value) else { return nil }
        if let key = member.key {
          properties.append(RegoType.Property(key: key, type: value))
        } else {
          rest = RegoType.Rest(key: member.keyType ?? .any, value: value)
        }
      }
      if properties.isEmpty, rest == nil { return .object(.any, .any) }
      return .object(properties.sorted { $0.key < $1.key }, rest: rest)
    case .set(let terms):
      var element: RegoType?
      for term in terms {
        guard let type = known(term) else { return nil }
        element = RegoType.union(element, type)
      }
      return .set(element ?? .any)
    }
  }

  /// Infers the type of a term and of all its parts, once.
  mutating func infer(_ node: Node) -> TypedTerm {
    switch node {
    case .constant(let value): return TypedTerm(value)
    case .local(let slot): return .local(slot)
    case .input(let keys):
      return .known(select(.any, node, keys[...], place: literalPlace))
    case .data(let keys): return .known(document(node, keys))
    case .select(let base, let keys):
      let found = known(infer(base)) ?? .any
      return .known(select(found, node, keys[...], place: literalPlace))
    case .array(let nodes): return .array(nodes.map { infer($0) })
    case .set(let nodes): return .set(nodes.map { infer($0) })
    case .object(let pairs):
      return .object(
        pairs.map { pair in
          let key = infer(pair.key)
          let constant: Value? = if case .constant(let value) = pair.key { value } else { nil }
          return (constant, known(key), infer(pair.value))
        })
    case .template(let nodes, _):
      for node in nodes { _ = infer(node) }
      return .known(.string)
    case .arrayComprehension(let head, let scope):
      return .known(.array(of: inferBody(scope, [head])[0]))
    case .setComprehension(let head, let scope): return .known(.set(inferBody(scope, [head])[0]))
    case .objectComprehension(let key, let value, let scope):
      let found = inferBody(scope, [key, value])
      return .known(.object(found[0], found[1]))
    case .function(let group, let arguments, let place):
      guard ruleTypes[group].value != nil, !ruleTypes[group].isBroken else {
        for argument in arguments { _ = infer(argument) }
        return .known(.any)
      }
      let name = "data." + tree.groups[group].path.joined(separator: ".")
      let result = ruleTypes[group].value ?? .any
      let isRight = checkCall(name, arguments, ruleTypes[group].arguments, place, result: result)
      return .known(isRight ? result : .any)
    case .builtin(let number, let arguments, let place):
      let builtin = program.builtins[number]
      guard number != Operators.print, arguments.count == builtin.parameters.count else {
        for argument in arguments { _ = infer(argument) }
        return .known(.any)
      }
      let result = builtin.result ?? .boolean
      let isRight = checkCall(
        builtin.name, arguments, builtin.parameters, place, result: result)
      return .known(isRight ? result : .any)
    }
  }

  /// Infers a nested body and gives the types of its heads; what it binds is forgotten.
  mutating func inferBody(_ scope: Node.Scope, _ heads: [Node]) -> [RegoType] {
    let outer = types
    let outerPlace = literalPlace
    for step in ordered(scope.steps) {
      literalPlace = step.place
      check(step)
    }
    literalPlace = outerPlace
    let found = heads.map { (known(infer($0)) ?? .any).bounded }
    types = outer
    return found
  }

  /// Reports arguments that can never be of the types that are taken.
  @discardableResult
  mutating func checkCall(
    _ name: String, _ arguments: [Node], _ parameters: [RegoType], _ place: Place,
    result: RegoType? = nil
  ) -> Bool {
    let terms = arguments.map { infer($0) }
    for (term, parameter) in zip(terms, parameters) where !unify(term, with: parameter) {
      let have = terms.map { known($0)?.text ?? "???" } + (result == nil ? [] : ["???"])
      let want = (parameters + [result].compactMap { $0 }).map(\.text)
      report(
        "rego_type_error",
        "\(name): invalid argument(s)\n\thave: (\(have.joined(separator: ", ")))\n\twant: (\(want.joined(separator: ", ")))",
        place)
      return false
    }
    return true
  }
}

extension RegoType {
  /// The type of a document that several rules make: objects are put together by their keys.
  fileprivate static func merged(_ left: RegoType?, _ right: RegoType?) -> RegoType? {
    guard case .object(let one, let rest)? = left, case .object(let other, let otherRest)? = right,
      one.isEmpty, other.isEmpty, let rest, let otherRest
    else {
      if case .set(let one)? = left, case .set(let other)? = right {
        return .set(union(one, other) ?? .any)
      }
      return union(left, right)
    }
    return .object(
      union(rest.key, otherRest.key) ?? .any, union(rest.value, otherRest.value) ?? .any)
  }
}
