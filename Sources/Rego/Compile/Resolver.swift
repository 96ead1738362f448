import CanonicalJSON

/// The paths of all rules, and what they begin with.
struct RulePaths {
  let whole: Set<[ByteString]>
  private(set) var prefixes: Set<[ByteString]> = []

  init(_ paths: Set<[ByteString]>) {
    whole = paths
    for path in paths {
      for length in path.indices { prefixes.insert(Array(path[...length])) }
    }
  }
}

/// Gives every variable its slot and every reference its document, then orders bodies for safety.
struct Resolver {
  private let module: ModuleSyntax
  private let rules: RulePaths
  private var scopes: [[String: Int]] = []
  /// The names of the slots, for messages.
  private var slotNames: [String] = []

  init(module: ModuleSyntax, rules: RulePaths) {
    self.module = module
    self.rules = rules
  }

  // MARK: rules and bodies

  mutating func compile(_ rule: RuleSyntax) throws(PolicyFault) -> CompiledRule {
    var branches: [CompiledRule.Branch] = []
    var arguments: [Node] = []
    var key: Node?
    scopes = [[:]]
    for argument in rule.arguments { declareFree(in: argument) }
    for argument in rule.arguments { arguments.append(try node(argument)) }
    let bound = Set(arguments.flatMap { Safety.patternSlots($0) })
    for branch in rule.branches {
      scopes.append([:])
      defer { scopes.removeLast() }
      declare(branch.body)
      declareFree(in: branch.value)
      if let term = rule.key { declareFree(in: term) }
      let unordered = try steps(branch.body)
      var value = try node(branch.value)
      if let term = rule.key { key = try node(term) }
      var steps = try Safety.ordered(unordered, bound: bound, fault: unsafe)
      // References in the head are part of the body: `p := xs[i] if ...`
      if Safety.hasOutputs(value) {
        let slot = newSlot("value")
        steps = try Safety.ordered(
          steps + [Step(kind: .unify(.local(slot), value), modifiers: [], place: branch.place)],
          bound: bound, fault: unsafe)
        value = .local(slot)
      }
      let available = bound.union(steps.flatMap { Safety.outputs($0) })
      for node in [value] + (key.map { [$0] } ?? []) {
        if let slot = Safety.needs(node).subtracting(available).min() {
          throw unsafe(slot, branch.place)
        }
      }
      branches.append(CompiledRule.Branch(value: value, steps: steps, place: branch.place))
    }
    return CompiledRule(
      path: module.package + rule.path, shape: rule.shape, isDefault: rule.isDefault,
      arguments: arguments, key: key, branches: branches, slotCount: slotNames.count,
      place: rule.place)
  }

  /// Compiles a query; its variables come back by name.
  mutating func compile(
    query: Body
  ) throws(PolicyFault) -> (steps: [Step], slots: [String: Int], slotCount: Int) {
    scopes = [[:]]
    declare(query)
    let ordered = try Safety.ordered(try steps(query), bound: [], fault: unsafe)
    return (ordered, scopes[0], slotNames.count)
  }

  private func unsafe(_ slot: Int, _ place: SourcePlace) -> PolicyFault {
    let name = slotNames[slot].hasPrefix("$") ? "_" : slotNames[slot]
    return fault("rego_unsafe_var_error", "var \(name) is unsafe", place)
  }

  private func fault(_ code: String, _ message: String, _ place: SourcePlace) -> PolicyFault {
    Lexer.fault(module.file, message, place.line, place.column, code: code)
  }

  private mutating func newSlot(_ name: String) -> Int {
    slotNames.append(name)
    return slotNames.count - 1
  }

  private mutating func declare(name: String) {
    if scopes[scopes.count - 1][name] == nil {
      scopes[scopes.count - 1][name] = newSlot(name)
    }
  }

  /// Declares what a body's own literals bind: `:=`, `some`, and names seen nowhere before.
  private mutating func declare(_ body: Body) {
    for literal in body.literals {
      switch literal.kind {
      case .some(let names): for name in names { declare(name: name) }
      case .someIn(let key, let value, _):
        if let key { declareAll(in: key) }
        declareAll(in: value)
      case .expression(.call("assign", let sides, _)): declareAll(in: sides[0])
      default: break
      }
    }
    for literal in body.literals { declareFree(in: literal) }
  }

  private mutating func declareFree(in literal: Literal) {
    switch literal.kind {
    case .expression(let term): declareFree(in: term)
    case .not(let body): for inner in body.literals { declareFree(in: inner) }
    case .some: break
    case .someIn(_, _, let domain): declareFree(in: domain)
    case .every(_, _, let domain, _): declareFree(in: domain)
    }
    for modifier in literal.modifiers { declareFree(in: modifier.value) }
  }

  private mutating func declareAll(in pattern: Term) {
    switch pattern {
    case .variable(let name, _): declare(name: name)
    case .array(let elements): for element in elements { declareAll(in: element) }
    case .object(let pairs): for pair in pairs { declareAll(in: pair.value) }
    default: break
    }
  }

  private mutating func declareFree(in term: Term) {
    switch term {
    case .value, .arrayComprehension, .setComprehension, .objectComprehension: break
    case .variable(let name, _): if isFree(name) { declare(name: name) }
    case .reference(let head, let keys, _):
      declareFree(in: head)
      for key in keys { declareFree(in: key) }
    case .array(let elements), .set(let elements), .call(_, let elements, _):
      for element in elements { declareFree(in: element) }
    case .object(let pairs):
      for pair in pairs {
        declareFree(in: pair.key)
        declareFree(in: pair.value)
      }
    }
  }

  private func isFree(_ name: String) -> Bool {
    slot(name) == nil && documentPath(name) == nil
  }

  private func slot(_ name: String) -> Int? {
    for scope in scopes.reversed() {
      if let slot = scope[name] { return slot }
    }
    return nil
  }

  /// The document a bare name stands for, its root included.
  private func documentPath(_ name: String) -> [ByteString]? {
    if name == "input" || name == "data" { return [ByteString(name)] }
    if let path = module.imports[name] { return path }
    let prefix = module.package + [ByteString(name)]
    guard rules.prefixes.contains(prefix) else { return nil }
    return ["data"] + prefix
  }

  private mutating func scope(_ body: Body, _ heads: Term...) throws(PolicyFault) -> (
    Node.Scope, [Node]
  ) {
    let first = slotNames.count
    scopes.append([:])
    defer { scopes.removeLast() }
    declare(body)
    for head in heads { declareFree(in: head) }
    let steps = try steps(body)
    var nodes: [Node] = []
    for head in heads { nodes.append(try node(head)) }
    return (Node.Scope(steps: steps, slots: first..<slotNames.count), nodes)
  }

  private mutating func steps(_ body: Body) throws(PolicyFault) -> [Step] {
    var steps: [Step] = []
    for literal in body.literals {
      if let step = try step(literal) { steps.append(step) }
    }
    return steps
  }

  private mutating func step(_ literal: Literal) throws(PolicyFault) -> Step? {
    let kind: Step.Kind
    switch literal.kind {
    case .expression(.call("assign", let sides, _)), .expression(.call("eq", let sides, _)):
      kind = .unify(try node(sides[0]), try node(sides[1]))
    case .expression(let term): kind = .test(try node(term))
    case .not(let body): kind = .not(try steps(body))
    case .some: return nil
    case .someIn(let key, let value, let domain):
      var keyNode: Node?
      if let key { keyNode = try node(key) }
      kind = .iterate(key: keyNode, value: try node(value), domain: try node(domain))
    case .every(let key, let value, let domain, let body):
      let domain = try node(domain)
      let first = slotNames.count
      scopes.append([:])
      defer { scopes.removeLast() }
      if let key { declare(name: key) }
      declare(name: value)
      let keyNode = key.flatMap { slot($0) }.map(Node.local)
      let valueNode = Node.local(slot(value) ?? 0)
      declare(body)
      let inner = Node.Scope(steps: try steps(body), slots: first..<slotNames.count)
      kind = .every(key: keyNode, value: valueNode, domain: domain, inner)
    }
    var modifiers: [Step.Modifier] = []
    for modifier in literal.modifiers {
      modifiers.append(
        Step.Modifier(
          root: modifier.target[0] == "input" ? .input : .data,
          path: Array(modifier.target.dropFirst()), value: try node(modifier.value)))
    }
    return Step(kind: kind, modifiers: modifiers, place: literal.place)
  }

  // MARK: terms

  private mutating func nodes(_ terms: [Term]) throws(PolicyFault) -> [Node] {
    var nodes: [Node] = []
    for term in terms { nodes.append(try node(term)) }
    return nodes
  }

  private mutating func node(_ term: Term) throws(PolicyFault) -> Node {
    switch term {
    case .value(let value): return .constant(value)
    case .variable(let name, let place): return try head(name, place, [])
    case .reference(.variable(let name, let place), let keys, _):
      return try head(name, place, try nodes(keys))
    case .reference(let base, let keys, _): return .element(try node(base), try nodes(keys))
    case .array(let elements):
      let nodes = try nodes(elements)
      return Resolver.constants(nodes).map { .constant(.array($0)) } ?? .array(nodes)
    case .set(let elements):
      let nodes = try nodes(elements)
      return Resolver.constants(nodes).map { .constant(.set(SetValue($0))) } ?? .set(nodes)
    case .object(let pairs):
      var nodes: [Node.Pair] = []
      for pair in pairs {
        nodes.append(Node.Pair(key: try node(pair.key), value: try node(pair.value)))
      }
      return .object(nodes)
    case .call(let name, let arguments, let place):
      return try call(name, try nodes(arguments), place)
    case .arrayComprehension(let head, let body):
      let (scope, heads) = try scope(body, head)
      return .arrayComprehension(heads[0], scope)
    case .setComprehension(let head, let body):
      let (scope, heads) = try scope(body, head)
      return .setComprehension(heads[0], scope)
    case .objectComprehension(let key, let value, let body):
      let (scope, heads) = try scope(body, key, value)
      return .objectComprehension(heads[0], heads[1], scope)
    }
  }

  /// The values of a literal that needs no evaluation: it may be large.
  private static func constants(_ nodes: [Node]) -> [Value]? {
    var values: [Value] = []
    for node in nodes {
      guard case .constant(let value) = node else { return nil }
      values.append(value)
    }
    return values
  }

  private func head(
    _ name: String, _ place: SourcePlace, _ keys: [Node]
  ) throws(PolicyFault) -> Node {
    if let slot = slot(name) { return keys.isEmpty ? .local(slot) : .element(.local(slot), keys) }
    guard let path = documentPath(name) else {
      throw fault("rego_unsafe_var_error", "var \(name) is unsafe", place)
    }
    let prefix = path.dropFirst().map { Node.constant(.string($0)) }
    return .document(path[0] == "input" ? .input : .data, prefix + keys)
  }

  private func call(
    _ name: String, _ arguments: [Node], _ place: SourcePlace
  ) throws(PolicyFault) -> Node {
    let parts = name.split(separator: ".").map { ByteString(String($0)) }
    var candidates = [module.package + parts]
    if let first = parts.first, let target = module.imports[first.text], target[0] == "data" {
      candidates.append(Array(target.dropFirst()) + Array(parts.dropFirst()))
    }
    if parts.first == "data" { candidates.append(Array(parts.dropFirst())) }
    for path in candidates where rules.whole.contains(path) {
      return .function(path, arguments, place)
    }
    guard let builtin = OldBuiltinTable.builtins[name] else {
      throw fault("rego_type_error", "undefined function \(name)", place)
    }
    guard builtin.arity == nil || builtin.arity == arguments.count else {
      throw fault(
        "rego_type_error",
        "\(name): arity mismatch: have \(arguments.count), want \(builtin.arity ?? 0)", place)
    }
    return .builtin(builtin, arguments, place)
  }
}
