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
    let all = tree.allRules.sorted { $0.place < $1.place }
    let next = all.map { Set(dependencies(of: $0, in: tree).map(\.path)) }
    var edges: [[ByteString]: Set<[ByteString]>] = [:]
    for (rule, paths) in zip(all, next) { edges[rule.path, default: []].formUnion(paths) }
    let cycles = cycles(edges)
    for (rule, paths) in zip(all, next) {
      // What it rests on leads back to it exactly if both lie in one cycle.
      if paths.contains(rule.path)
        || paths.contains(where: { cycles[$0] != nil && cycles[$0] == cycles[rule.path] })
      {
        let name = rule.path.map(\.text).joined(separator: ".")
        report("rego_recursion_error", "rule data.\(name) is recursive", rule.place)
      }
    }
    return found
  }

  /// By path, the number of the strongly connected part it lies in (Tarjan), without recursion and in
  /// time linear in the rules: thousands may rest on each other.
  private static func cycles(
    _ edges: [[ByteString]: Set<[ByteString]>]
  ) -> [[ByteString]: Int] {
    var (order, low, part): ([[ByteString]: Int], [[ByteString]: Int], [[ByteString]: Int])
    (order, low, part) = ([:], [:], [:])
    var open: [[ByteString]] = []
    for root in edges.keys where order[root] == nil {
      var waiting = [(path: root, rest: Array(edges[root] ?? []))]
      order[root] = order.count
      low[root] = order[root]
      open.append(root)
      while let frame = waiting.popLast() {
        let path = frame.path
        var rest = frame.rest
        if let next = rest.popLast() {
          waiting.append((path, rest))
          if order[next] == nil {
            order[next] = order.count
            low[next] = order[next]
            open.append(next)
            waiting.append((next, Array(edges[next] ?? [])))
          } else if part[next] == nil {
            low[path] = min(low[path] ?? 0, order[next] ?? 0)
          }
          continue
        }
        if low[path] == order[path] {
          while let member = open.popLast() {
            part[member] = order[path]
            if member == path { break }
          }
        }
        if let above = waiting.last?.path { low[above] = min(low[above] ?? 0, low[path] ?? 0) }
      }
    }
    return part
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
