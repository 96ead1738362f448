import CanonicalJSON

/// Checks that need all rules at once: kinds that clash, defaults given twice, recursion.
enum RuleChecks {
  static func diagnostics(_ tree: RuleTree, files: [SourceFile]) -> [Diagnostic] {
    var found: [Diagnostic] = []
    func report(_ code: String, _ message: String, _ place: SourcePlace) {
      let line = files.first { $0.name == place.file }?.line(place.line) ?? ""
      found.append(Diagnostic(code: code, message: message, place: place, line: line))
    }
    for rules in Dictionary(grouping: tree.allRules, by: \.path).values {
      let sorted = rules.sorted { $0.place < $1.place }
      let name = sorted[0].path.map(\.text).joined(separator: ".")
      if Set(sorted.map(\.shape)).count > 1 {
        report("rego_type_error", "conflicting rules data.\(name) found", sorted[0].place)
      }
      if Set(sorted.map(\.arguments.count)).count > 1 {
        report("rego_type_error", "conflicting rules data.\(name) found", sorted[0].place)
      }
      let defaults = sorted.filter(\.isDefault)
      if defaults.count > 1 {
        report("rego_type_error", "multiple default rules data.\(name) found", defaults[1].place)
      }
    }
    for rule in tree.allRules.sorted(by: { $0.place < $1.place }) {
      if isRecursive(rule, in: tree) {
        let name = rule.path.map(\.text).joined(separator: ".")
        report("rego_recursion_error", "rule data.\(name) is recursive", rule.place)
      }
    }
    return found
  }

  private static func isRecursive(_ rule: CompiledRule, in tree: RuleTree) -> Bool {
    var seen: Set<[ByteString]> = []
    var waiting = dependencies(of: rule, in: tree)
    while let next = waiting.popLast() {
      if next.path == rule.path { return true }
      guard seen.insert(next.path).inserted else { continue }
      for sibling in tree.node(at: next.path)?.rules ?? [] {
        waiting += dependencies(of: sibling, in: tree)
      }
    }
    return false
  }

  private static func dependencies(of rule: CompiledRule, in tree: RuleTree) -> [CompiledRule] {
    var found: [CompiledRule] = []
    func visit(_ node: Node) {
      switch node {
      case .constant, .local: break
      case .document(let root, let keys):
        for item in keys { visit(item) }
        guard root == .data else { return }
        var place = tree
        for key in keys {
          guard place.rules.isEmpty, case .constant(.string(let name)) = key else { break }
          guard let next = place.children[name] else { return }
          place = next
        }
        found += place.rules.isEmpty ? place.allRules : place.rules
      case .element(let base, let keys):
        visit(base)
        for item in keys { visit(item) }
      case .array(let nodes), .set(let nodes), .builtin(_, let nodes, _):
        for item in nodes { visit(item) }
      case .function(let path, let nodes, _):
        for item in nodes { visit(item) }
        found += tree.node(at: path)?.rules ?? []
      case .object(let pairs):
        for pair in pairs {
          visit(pair.key)
          visit(pair.value)
        }
      case .arrayComprehension(let head, let scope), .setComprehension(let head, let scope):
        visit(head)
        for item in scope.steps { visitStep(item) }
      case .objectComprehension(let key, let value, let scope):
        visit(key)
        visit(value)
        for item in scope.steps { visitStep(item) }
      }
    }
    func visitStep(_ step: Step) {
      switch step.kind {
      case .test(let node): visit(node)
      case .unify(let left, let right):
        visit(left)
        visit(right)
      case .not(let steps): for item in steps { visitStep(item) }
      case .iterate(_, _, let domain): visit(domain)
      case .every(_, _, let domain, let scope):
        visit(domain)
        for item in scope.steps { visitStep(item) }
      }
      for modifier in step.modifiers { visit(modifier.value) }
    }
    rule.key.map(visit)
    for branch in rule.branches {
      visit(branch.value)
      for item in branch.steps { visitStep(item) }
    }
    return found
  }
}
