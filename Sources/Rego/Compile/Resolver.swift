import CanonicalJSON

/// A rule whose names are resolved.
struct ResolvedRule: Sendable {
  struct Branch: Sendable {
    let steps: [Step]
    let value: Node
    let place: Place
  }

  let arguments: [Node]
  /// The keys below the group's path.
  let keys: [Node]
  let element: Node?
  let branches: [Branch]
  let isDefault: Bool
  let names: [String]
  let place: Place
  let lastLine: Int32
}

/// What the modules of one package share, to resolve names in.
struct PackageScope {
  let path: [String]
  let ruleNames: Set<String>
}

/// Resolves the names of one rule or query to slots, documents, functions and builtins.
struct Resolver {
  /// The builtins in use, by number; the operators come first.
  struct BuiltinNumbers {
    let table: BuiltinTable
    private(set) var used: [Builtin]
    private var numbers: [String: Int] = [:]

    init(_ table: BuiltinTable) {
      self.table = table
      used = Operators.all
      for (number, builtin) in used.enumerated() { numbers[builtin.name] = number }
    }

    mutating func number(_ name: String) -> Int? {
      if let known = numbers[name] { return known }
      guard let builtin = table[name] else { return nil }
      used.append(builtin)
      numbers[name] = used.count - 1
      return used.count - 1
    }
  }

  static let slotLimit = 4096

  let tree: RuleTree
  let package: PackageScope
  let imports: [String: [String]]
  let annotations: Annotations?
  var builtins: BuiltinNumbers
  var scopes: [[String: Int]] = []
  /// Names that the innermost scopes declare further down.
  var later: [Set<String>] = []
  /// Those of them that were met before their declaration.
  var early: Set<String> = []
  var names: [String] = []
  var faults: [Compiler.Fault] = []
  /// The groups that what is resolved rests on.
  var dependencies: Set<Int> = []
  /// Functions and builtins that some modifier replaces.
  var mocked: Set<MockTarget> = []
  var isVersion0 = false
  /// The rule, for its own annotations.
  var rulePlace: Place?
  var rulePath: [String] = []

  init(
    tree: RuleTree, package: PackageScope, imports: [String: [String]],
    annotations: Annotations?, builtins: BuiltinNumbers
  ) {
    self.tree = tree
    self.package = package
    self.imports = imports
    self.annotations = annotations
    self.builtins = builtins
  }

  mutating func report(_ code: String, _ message: String, _ place: Place) {
    faults.append(Compiler.Fault(code: code, message: message, place: place))
  }

  // MARK: rules

  mutating func rule(
    _ syntax: RuleSyntax, _ definition: RuleGroup.Definition, groupPath: [String]
  ) -> ResolvedRule {
    if syntax.name == "input" || syntax.name == "data" {
      report(
        "rego_compile_error",
        "rules must not shadow \(syntax.name) (use a different rule name)", syntax.place)
    }
    scopes = [[:]]
    early = []
    later = [[]]
    names = []
    rulePlace = syntax.place
    rulePath = package.path + [syntax.name]
    var declared: Set<String> = []
    for argument in syntax.arguments { declarePattern(argument, kind: "arg", &declared) }
    // An argument that is evaluated is compared with what was passed, after what it rests on.
    var evaluated: [(Int, Term)] = []
    let arguments = syntax.arguments.map { argument -> Node in
      switch argument.kind {
      case .template, .reference, .call, .operation:
        let slot = newSlot("$")
        evaluated.append((slot, argument))
        return .local(slot)
      default: return pattern(argument)
      }
    }
    let ownKeys = Array(syntax.keys.dropFirst(definition.groundKeys))
    var keys: [Node] = definition.between.map { .constant(.string(ByteString($0))) }
    var element: Node?
    var branches: [ResolvedRule.Branch] = []
    for (number, branch) in syntax.branches.enumerated() {
      let heads =
        number == 0
        ? ownKeys + [syntax.element, branch.value].compactMap { $0 }
        : [branch.value].compactMap { $0 }
      open(branch.body, heads: heads + evaluated.map(\.1), arguments: declared)
      var steps = evaluated.map { slot, argument in
        Step(
          kind: .unify(.local(slot), term(argument)), isNegated: false, modifiers: [],
          place: argument.place)
      }
      steps += branch.body.compactMap { literal($0) }
      if number == 0 {
        keys += ownKeys.map { term($0) }
        element = syntax.element.map { term($0) }
      }
      let value = branch.value.map { term($0) } ?? .constant(.bool(true))
      branches.append(ResolvedRule.Branch(steps: steps, value: value, place: branch.place))
      close()
    }
    if names.count > Resolver.slotLimit {
      report(
        "rego_parse_error", "a rule has more than \(Resolver.slotLimit) variables", syntax.place)
    }
    return ResolvedRule(
      arguments: arguments, keys: keys, element: element, branches: branches,
      isDefault: syntax.isDefault, names: names, place: syntax.place, lastLine: syntax.lastLine)
  }

  // MARK: scopes

  mutating func newSlot(_ name: String) -> Int {
    names.append(name)
    return names.count - 1
  }

  mutating func declare(_ name: String, _ kind: String, _ place: Place) -> Int {
    let scope = scopes.count - 1
    if scopes[scope][name] != nil, !name.hasPrefix("$") {
      report("rego_compile_error", "var \(name) \(kind) above", place)
    } else if scope == 1, kind != "arg", scopes[0][name] != nil {
      report("rego_compile_error", "arg \(name) redeclared", place)
    }
    if early.remove(name) != nil {
      report("rego_compile_error", "var \(name) referenced above", place)
    }
    later[scope].remove(name)
    let slot = newSlot(name)
    scopes[scope][name] = slot
    return slot
  }

  /// Opens the scope of a body: names used in it that nothing else explains are its own.
  mutating func open(_ body: [Literal], heads: [Term], arguments: Set<String> = []) {
    var used: [String] = []
    var declared: Set<String> = []
    for literal in body {
      switch literal.kind {
      case .expression(let term): term.collectNames(into: &used)
      case .unify(let left, let right):
        left.collectNames(into: &used)
        right.collectNames(into: &used)
      case .assign(let left, let right):
        left.collectPatternNames(into: &declared, others: &used)
        right.collectNames(into: &used)
      case .someVariables(let variables):
        for variable in variables {
          if case .variable(let name) = variable.kind { declared.insert(name) }
        }
      case .someIn(let key, let value, let domain):
        key?.collectPatternNames(into: &declared, others: &used)
        value.collectPatternNames(into: &declared, others: &used)
        domain.collectNames(into: &used)
      case .every(_, _, let domain, _): domain.collectNames(into: &used)
      }
      for modifier in literal.modifiers {
        if !names(aFunction: modifier.value) { modifier.value.collectNames(into: &used) }
      }
    }
    for head in heads { head.collectNames(into: &used) }
    scopes.append([:])
    later.append(declared)
    let scope = scopes.count - 1
    for name in used where !declared.contains(name) && lookup(name) == nil && !isGlobal(name) {
      scopes[scope][name] = newSlot(name)
    }
  }

  /// Whether a term is the name of a function or builtin, which a modifier may put in another's place.
  func names(aFunction term: Term) -> Bool {
    guard term.isName, let head = parts(term).first, lookup(head) == nil else { return false }
    let parts = parts(term)
    if let path = documentPath(parts) {
      guard let node = tree.node(at: path), tree.nodes[node].group >= 0 else { return false }
      return tree.groups[tree.nodes[node].group].kind == .function
    }
    return builtins.table[parts.joined(separator: ".")] != nil
  }

  mutating func close() {
    scopes.removeLast()
    later.removeLast()
  }

  func lookup(_ name: String) -> Int? {
    for scope in scopes.reversed() {
      if let slot = scope[name] { return slot }
    }
    return nil
  }

  func isGlobal(_ name: String) -> Bool {
    name == "input" || name == "data" || imports[name] != nil || package.ruleNames.contains(name)
  }

  // MARK: names

  /// Declares the variables of a pattern: of an argument, of `:=`, of `some ... in`.
  mutating func declarePattern(_ term: Term, kind: String, _ declared: inout Set<String>) {
    switch term.kind {
    case .variable(let name):
      if kind == "arg", declared.contains(name) { return }
      if name == "input" || name == "data" {
        report(
          "rego_compile_error",
          "variables must not shadow \(name) (use a different variable name)", term.place)
      }
      declared.insert(name)
      _ = declare(name, kind, term.place)
    case .array(let terms): for part in terms { declarePattern(part, kind: kind, &declared) }
    case .object(let pairs):
      for pair in pairs { declarePattern(pair.value, kind: kind, &declared) }
    case .set(let terms) where kind == "declared":
      for part in terms { declarePattern(part, kind: kind, &declared) }
    default: break
    }
  }

  /// A pattern whose variables are declared.
  mutating func pattern(_ syntax: Term) -> Node { term(syntax) }

  mutating func variable(_ name: String, _ place: Place) -> Node {
    if let slot = lookup(name) { return .local(slot) }
    if name == "input" { return .input([]) }
    if name == "data" { return dataReference([], place) }
    if later.last?.contains(name) == true, !isGlobal(name) {
      early.insert(name)
      return .local(newSlot(name))
    }
    if let path = imports[name] { return global(path, [], place) }
    if package.ruleNames.contains(name) {
      return dataReference(
        (package.path + [name]).map { .constant(.string(ByteString($0))) }, place)
    }
    // Not met where the scope was opened: in a closure's head or a modifier's target.
    let slot = newSlot(name)
    scopes[scopes.count - 1][name] = slot
    return .local(slot)
  }

  /// A path of an import, and keys below it.
  mutating func global(_ path: [String], _ keys: [Node], _ place: Place) -> Node {
    let all = path.dropFirst().map { Node.constant(.string(ByteString($0))) } + keys
    return path[0] == "input" ? .input(all) : dataReference(all, place)
  }

  mutating func dataReference(_ keys: [Node], _ place: Place) -> Node {
    depend(on: keys[...], at: RuleTree.root)
    var node = RuleTree.root
    for key in keys {
      guard case .constant(.string(let name)) = key,
        let child = tree.nodes[node].children[name.text]
      else {
        node = RuleTree.root
        break
      }
      node = child
    }
    if tree.nodes[node].group >= 0, case let group = tree.groups[tree.nodes[node].group],
      group.kind == .function
    {
      let types = Array(repeating: "any", count: group.arity).joined(separator: ", ")
      report(
        "rego_type_error",
        "function data.\(group.path.joined(separator: ".")) used as reference, not called\n\thave: (\(types)) => any",
        place)
    }
    return .data(keys)
  }

  /// Adds every group that a reference may read.
  private mutating func depend(on keys: ArraySlice<Node>, at start: Int) {
    var nodes = [start]
    for key in keys {
      if nodes.isEmpty { return }
      var next: [Int] = []
      for node in nodes {
        if tree.nodes[node].group >= 0 { dependencies.insert(tree.nodes[node].group) }
        if case .constant(let value) = key {
          if case .string(let text) = value, let child = tree.nodes[node].children[text.text] {
            next.append(child)
          }
        } else {
          next += tree.nodes[node].children.values
        }
      }
      nodes = next
    }
    for node in nodes { dependencies.formUnion(tree.groups(below: node)) }
  }
}

/// A function or builtin that a modifier replaces.
enum MockTarget: Hashable, Sendable {
  case function(Int)
  case builtin(Int)
}

extension Term {
  /// The names of its variables, those in nested bodies aside.
  func collectNames(into names: inout [String]) {
    switch kind {
    case .constant, .arrayComprehension, .setComprehension, .objectComprehension: break
    case .variable(let name): names.append(name)
    case .reference(let head, let keys):
      head.collectNames(into: &names)
      for key in keys { key.collectNames(into: &names) }
    case .array(let terms), .set(let terms), .operation(_, let terms), .template(let terms):
      for term in terms { term.collectNames(into: &names) }
    case .call(_, let terms): for term in terms { term.collectNames(into: &names) }
    case .object(let pairs):
      for pair in pairs {
        pair.key.collectNames(into: &names)
        pair.value.collectNames(into: &names)
      }
    }
  }

  /// The names that it declares as a pattern, and those that it only uses.
  func collectPatternNames(into names: inout Set<String>, others: inout [String]) {
    switch kind {
    case .variable(let name): names.insert(name)
    case .array(let terms), .set(let terms):
      for term in terms { term.collectPatternNames(into: &names, others: &others) }
    case .object(let pairs):
      for pair in pairs {
        pair.key.collectNames(into: &others)
        pair.value.collectPatternNames(into: &names, others: &others)
      }
    default: collectNames(into: &others)
    }
  }
}
