import CanonicalJSON

/// What names stand for.
extension Resolver {
  /// Reports a variable with the name of a document.
  mutating func checkShadowing(_ name: String, _ place: Place) {
    guard name == "input" || name == "data" else { return }
    report(
      "rego_compile_error",
      "variables must not shadow \(name) (use a different variable name)", place)
  }

  /// Declares the variables of a pattern: of an argument, of `:=`, of `some ... in`.
  mutating func declarePattern(_ term: Term, kind: String, _ declared: inout Set<String>) {
    switch term.kind {
    case .variable(let name):
      if kind == "arg", declared.contains(name) { return }
      checkShadowing(name, term.place)
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

  /// A pattern whose variables are declared; it uses none of them.
  mutating func pattern(_ syntax: Term) -> Node {
    var declared: Set<String> = []
    var others: [String] = []
    syntax.collectPatternNames(into: &declared, others: &others)
    let node = term(syntax)
    for name in declared { lookup(name).map { uses[$0] -= 1 } }
    return node
  }

  mutating func variable(_ name: String, _ place: Place) -> Node {
    if let slot = lookup(name) {
      uses[slot] += 1
      return .local(slot)
    }
    if name == "input" { return .input([]) }
    if name == "data" { return dataReference([], place) }
    if later.last?.contains(name) == true, !isGlobal(name) {
      early.insert(name)
      return .local(newSlot(name))
    }
    if let path = imports[name] {
      usedImports.insert(name)
      return global(path, [], place)
    }
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
