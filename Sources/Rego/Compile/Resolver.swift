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

/// A variable that a scope declares.
struct Declaration {
  let slot: Int
  /// As in OPA's messages: `arg`, `assigned` or `declared`.
  let kind: String
  let place: Place
  /// Whether it is of `some x`, which gives it no value.
  var isSome = false
}

/// Names that stand in a scope's own literals and heads; only closures look for them.
struct DirectNames {
  private let listed: [String]
  private var sorted: Set<String>?

  init(_ names: [String]) { listed = names }

  mutating func contains(_ name: String) -> Bool {
    if sorted == nil { sorted = Set(listed) }
    return sorted?.contains(name) ?? false
  }
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
  var usesAnnotations = false
  var builtins: BuiltinNumbers
  var scopes: [[String: Int]] = []
  /// Names that the innermost scopes declare further down.
  var later: [Set<String>] = []
  /// Those of them that were met before their declaration.
  var early: Set<String> = []
  var names: [String] = []
  /// By slot, how often it is used other than by its declaration.
  var uses: [Int] = []
  /// What the open scopes declare, to tell what is not used.
  var declarations: [[Declaration]] = []
  /// By open scope, the names that stand in its own literals and heads, closures aside.
  var direct: [DirectNames] = []
  /// Whether what OPA's strict mode refuses is refused: arguments, assigned variables and imports that
  /// nothing uses.
  var isStrict = false
  var usedImports: Set<String> = []
  var faults: [Compiler.Fault] = []
  /// The groups that what is resolved rests on.
  var dependencies: Set<Int> = []
  /// Functions and builtins that some modifier replaces.
  var mocked: Set<MockTarget> = []
  var isVersion0 = false
  /// The number of the module's first path among those of all modules.
  var firstInputPath: Int32 = 0
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
    if let plain = plain(syntax) { return plain }
    scopes = [[:]]
    early = []
    later = [[]]
    names = []
    uses = []
    declarations = [[]]
    direct = [DirectNames([])]
    let faultsBefore = faults.count
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
      steps += literals(branch.body)
      if number == 0 {
        keys += ownKeys.map { term($0) }
        element = syntax.element.map { term($0) }
      }
      let value = branch.value.map { term($0) } ?? .constant(.bool(true))
      branches.append(ResolvedRule.Branch(steps: steps, value: value, place: branch.place))
      close()
    }
    if let arguments = declarations.popLast() { reportUnused(arguments, in: syntax.place) }
    // What is not used is told only where nothing else is wrong, as OPA does.
    let others = faults[faultsBefore...].filter { !$0.isUnused }
    if !others.isEmpty { faults.replaceSubrange(faultsBefore..., with: others) }
    if names.count > Resolver.slotLimit {
      report(
        "rego_parse_error", "a rule has more than \(Resolver.slotLimit) variables", syntax.place)
    }
    return ResolvedRule(
      arguments: arguments, keys: keys, element: element, branches: branches,
      isDefault: syntax.isDefault, names: names, place: syntax.place, lastLine: syntax.lastLine)
  }

  /// A rule without variables, whose literals compare the input with constants; nil for any other.
  private func plain(_ syntax: RuleSyntax) -> ResolvedRule? {
    guard syntax.keys.isEmpty, syntax.arguments.isEmpty, syntax.shape == .complete,
      syntax.element == nil, syntax.branches.count == 1
    else { return nil }
    let branch = syntax.branches[0]
    var value = Node.constant(.bool(true))
    if let term = branch.value {
      guard case .constant(let constant) = term.kind else { return nil }
      value = .constant(constant)
    }
    var steps: [Step] = []
    steps.reserveCapacity(branch.body.count)
    for literal in branch.body {
      guard case .inputEquals(let path, let constant) = literal.kind else { return nil }
      steps.append(
        Step(
          kind: .inputEquals(path: firstInputPath + path, constant), isNegated: false,
          modifiers: [], place: literal.place, range: literal.range))
    }
    return ResolvedRule(
      arguments: [], keys: [], element: nil,
      branches: [ResolvedRule.Branch(steps: steps, value: value, place: branch.place)],
      isDefault: syntax.isDefault, names: [], place: syntax.place, lastLine: syntax.lastLine)
  }

  // MARK: scopes

  mutating func newSlot(_ name: String) -> Int {
    names.append(name)
    uses.append(0)
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
    if !name.hasPrefix("$"), scope < declarations.count {
      declarations[scope].append(Declaration(slot: slot, kind: kind, place: place))
    }
    return slot
  }

  /// Reports what a scope declares and nothing uses.
  private mutating func reportUnused(_ declared: [Declaration], in place: Place? = nil) {
    for declaration in declared where uses[declaration.slot] <= 0 {
      let name = names[declaration.slot]
      switch declaration.kind {
      case "declared": unused("declared var \(name) unused", declaration.place)
      case "assigned" where isStrict: unused("assigned var \(name) unused", declaration.place)
      case "arg" where isStrict:
        unused(
          "unused argument \(name). (hint: use _ (wildcard variable) instead)",
          place ?? declaration.place)
      default: continue
      }
    }
  }

  private mutating func unused(_ message: String, _ place: Place) {
    faults.append(
      Compiler.Fault(code: "rego_compile_error", message: message, place: place, isUnused: true))
  }

  /// Opens the scope of a body: names used in it that nothing else explains are its own.
  mutating func open(_ body: [Literal], heads: [Term], arguments: Set<String> = []) {
    var used: [String] = []
    var declared: Set<String> = []
    for literal in body {
      switch literal.kind {
      case .expression(let term): term.collectNames(into: &used)
      case .inputEquals: break
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
    let own = used.filter { name in
      !declared.contains(name) && (lookup(name) == nil && !isGlobal(name) || takesOver(name))
    }
    scopes.append([:])
    later.append(declared)
    declarations.append([])
    direct.append(DirectNames(used))
    for name in own where scopes[scopes.count - 1][name] == nil {
      scopes[scopes.count - 1][name] = newSlot(name)
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

  /// Whether a variable that a body around declares by `some`, and does not use itself, is a closure's
  /// own; it then counts as used.
  private mutating func takesOver(_ name: String) -> Bool {
    guard let scope = scopes.lastIndex(where: { $0[name] != nil }), let slot = scopes[scope][name],
      !direct[scope].contains(name),
      declarations[scope].contains(where: { $0.slot == slot && $0.isSome })
    else { return false }
    uses[slot] += 1
    return true
  }

  mutating func close() {
    scopes.removeLast()
    direct.removeLast()
    later.removeLast()
    if let declared = declarations.popLast() { reportUnused(declared) }
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
}

/// A function or builtin that a modifier replaces.
enum MockTarget: Hashable, Sendable {
  case function(Int)
  case builtin(Int)
}

extension Term {
  fileprivate var isConstant: Bool { if case .constant = kind { true } else { false } }

  /// The names of its variables, those in nested bodies aside.
  func collectNames(into names: inout [String]) {
    switch kind {
    case .constant, .arrayComprehension, .setComprehension, .objectComprehension: break
    case .variable(let name): names.append(name)
    case .reference(let head, let keys):
      head.collectNames(into: &names)
      for index in keys.indices where !keys[index].isConstant {
        keys[index].collectNames(into: &names)
      }
    case .array(let terms), .set(let terms), .operation(_, let terms), .template(let terms),
      .call(_, let terms):
      for index in terms.indices where !terms[index].isConstant {
        terms[index].collectNames(into: &names)
      }
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
