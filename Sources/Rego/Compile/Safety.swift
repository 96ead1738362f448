/// Which slots a step needs and which it binds; bodies are ordered so that needs come first.
enum Safety {
  /// Slots bound by matching a value against a pattern.
  static func patternSlots(_ node: Node) -> Set<Int> {
    switch node {
    case .local(let slot): [slot]
    case .array(let elements): elements.reduce(into: []) { $0.formUnion(patternSlots($1)) }
    case .object(let pairs): pairs.reduce(into: []) { $0.formUnion(patternSlots($1.value)) }
    default: []
    }
  }

  /// Slots bound by iterating over the references inside a term.
  static func referenceOutputs(_ node: Node) -> Set<Int> {
    switch node {
    case .constant, .local, .arrayComprehension, .setComprehension, .objectComprehension: []
    case .document(_, let keys): keyOutputs(keys)
    case .element(let base, let keys): referenceOutputs(base).union(keyOutputs(keys))
    case .array(let nodes), .set(let nodes), .builtin(_, let nodes, _), .function(_, let nodes, _):
      nodes.reduce(into: []) { $0.formUnion(referenceOutputs($1)) }
    case .object(let pairs):
      pairs.reduce(into: []) {
        $0.formUnion(referenceOutputs($1.key))
        $0.formUnion(referenceOutputs($1.value))
      }
    }
  }

  private static func keyOutputs(_ keys: [Node]) -> Set<Int> {
    keys.reduce(into: []) {
      $0.formUnion(patternSlots($1))
      $0.formUnion(referenceOutputs($1))
    }
  }

  static func hasOutputs(_ node: Node) -> Bool { !referenceOutputs(node).isEmpty }

  /// Every slot a term mentions, those of its own comprehensions left out.
  static func needs(_ node: Node) -> Set<Int> {
    switch node {
    case .constant: []
    case .local(let slot): [slot]
    case .document(_, let nodes), .array(let nodes), .set(let nodes), .builtin(_, let nodes, _),
      .function(_, let nodes, _):
      nodes.reduce(into: []) { $0.formUnion(needs($1)) }
    case .element(let base, let keys): keys.reduce(into: needs(base)) { $0.formUnion(needs($1)) }
    case .object(let pairs):
      pairs.reduce(into: []) {
        $0.formUnion(needs($1.key))
        $0.formUnion(needs($1.value))
      }
    case .arrayComprehension(let head, let scope), .setComprehension(let head, let scope):
      needs(head).union(needs(scope.steps)).subtracting(scope.slots)
    case .objectComprehension(let key, let value, let scope):
      needs(key).union(needs(value)).union(needs(scope.steps)).subtracting(scope.slots)
    }
  }

  static func needs(_ steps: [Step]) -> Set<Int> {
    steps.reduce(into: []) { $0.formUnion(mentions($1)) }
  }

  static func mentions(_ step: Step) -> Set<Int> {
    var slots: Set<Int>
    switch step.kind {
    case .test(let node): slots = needs(node)
    case .unify(let left, let right): slots = needs(left).union(needs(right))
    case .not(let inner): slots = needs(inner)
    case .iterate(let key, let value, let domain):
      slots = needs(value).union(needs(domain)).union(key.map(needs) ?? [])
    case .every(_, _, let domain, let scope):
      slots = needs(domain).union(needs(scope.steps).subtracting(scope.slots))
    }
    for modifier in step.modifiers { slots.formUnion(needs(modifier.value)) }
    return slots
  }

  /// What a step binds once what it needs is bound.
  static func outputs(_ step: Step) -> Set<Int> {
    switch step.kind {
    case .test(let node): referenceOutputs(node)
    case .unify(let left, let right):
      patternSlots(left).union(patternSlots(right)).union(referenceOutputs(left))
        .union(referenceOutputs(right))
    case .not, .every: []
    case .iterate(let key, let value, let domain):
      patternSlots(value).union(key.map(patternSlots) ?? []).union(referenceOutputs(domain))
    }
  }

  /// What would be bound after a step, or nil if it cannot run yet.
  private static func bound(after step: Step, _ bound: Set<Int>) -> Set<Int>? {
    for modifier in step.modifiers where !needs(modifier.value).isSubset(of: bound) { return nil }
    switch step.kind {
    case .unify(let left, let right): return unify(left, right, bound)
    case .every(_, _, let domain, let scope):
      let inner = needs(scope.steps).subtracting(scope.slots)
      return needs(domain).subtracting(referenceOutputs(domain)).union(inner).isSubset(of: bound)
        ? bound : nil
    default:
      let outputs = outputs(step)
      return mentions(step).subtracting(outputs).isSubset(of: bound) ? bound.union(outputs) : nil
    }
  }

  private static func unify(_ left: Node, _ right: Node, _ bound: Set<Int>) -> Set<Int>? {
    let pairs = parts(left, right)
    if pairs.count != 1 {
      var known = bound
      var waiting = pairs
      while true {
        let before = waiting.count
        waiting.removeAll { pair in
          guard let more = unify(pair.0, pair.1, known) else { return false }
          known = more
          return true
        }
        if waiting.isEmpty || waiting.count == before { break }
      }
      return needs(left).union(needs(right)).isSubset(of: known) ? known : nil
    }
    let (left, right) = pairs[0]
    func isReady(_ node: Node) -> Bool {
      needs(node).subtracting(referenceOutputs(node)).isSubset(of: bound)
    }
    func matches(_ pattern: Node, _ source: Node) -> Set<Int>? {
      guard isReady(source) else { return nil }
      let known = bound.union(referenceOutputs(source))
      let slots = patternSlots(pattern)
      guard
        needs(pattern).subtracting(slots).subtracting(referenceOutputs(pattern))
          .isSubset(of: known)
      else { return nil }
      return known.union(slots).union(referenceOutputs(pattern))
    }
    return matches(left, right) ?? matches(right, left)
  }

  /// The pairs of terms that two array patterns match with each other, those of inner ones included.
  private static func parts(_ left: Node, _ right: Node) -> [(Node, Node)] {
    guard case .array(let first) = left, case .array(let second) = right,
      first.count == second.count
    else { return [(left, right)] }
    return zip(first, second).flatMap { parts($0, $1) }
  }

  /// Orders steps so that each has what it needs, nested bodies too.
  static func ordered(
    _ steps: [Step], bound: Set<Int>, fault: (Int, SourcePlace) -> PolicyFault
  ) throws(PolicyFault) -> [Step] {
    var known = bound
    var waiting = steps
    var result: [Step] = []
    while !waiting.isEmpty {
      guard let index = waiting.firstIndex(where: { Safety.bound(after: $0, known) != nil }) else {
        let step = waiting[0]
        let missing = mentions(step).subtracting(known)
        throw fault(missing.min() ?? 0, step.place)
      }
      let step = waiting.remove(at: index)
      known = Safety.bound(after: step, known) ?? known
      result.append(try orderedInside(step, known, fault))
    }
    return result
  }

  private static func orderedInside(
    _ step: Step, _ known: Set<Int>, _ fault: (Int, SourcePlace) -> PolicyFault
  ) throws(PolicyFault) -> Step {
    func inside(_ node: Node) throws(PolicyFault) -> Node {
      try orderedInside(node, known, step.place, fault)
    }
    let kind: Step.Kind
    switch step.kind {
    case .test(let node): kind = .test(try inside(node))
    case .unify(let left, let right): kind = .unify(try inside(left), try inside(right))
    case .not(let steps): kind = .not(try ordered(steps, bound: known, fault: fault))
    case .iterate(let key, let value, let domain):
      kind = .iterate(key: key, value: value, domain: try inside(domain))
    case .every(let key, let value, let domain, let scope):
      let inner = known.union(patternSlots(value)).union(key.map(patternSlots) ?? [])
      kind = .every(
        key: key, value: value, domain: try inside(domain),
        Node.Scope(
          steps: try ordered(scope.steps, bound: inner, fault: fault), slots: scope.slots))
    }
    return Step(kind: kind, modifiers: step.modifiers, place: step.place)
  }

  /// Orders the bodies of the comprehensions inside a term.
  static func orderedInside(
    _ node: Node, _ known: Set<Int>, _ place: SourcePlace,
    _ fault: (Int, SourcePlace) -> PolicyFault
  ) throws(PolicyFault) -> Node {
    func all(_ nodes: [Node]) throws(PolicyFault) -> [Node] {
      var result: [Node] = []
      for node in nodes { result.append(try orderedInside(node, known, place, fault)) }
      return result
    }
    func body(_ scope: Node.Scope, _ heads: [Node]) throws(PolicyFault) -> Node.Scope {
      let steps = try ordered(scope.steps, bound: known, fault: fault)
      let available = known.union(steps.flatMap { outputs($0) })
      for head in heads {
        let missing = needs(head).subtracting(referenceOutputs(head)).subtracting(available)
        if let slot = missing.min() { throw fault(slot, place) }
      }
      return Node.Scope(steps: steps, slots: scope.slots)
    }
    switch node {
    case .constant, .local: return node
    case .document(let root, let keys): return .document(root, try all(keys))
    case .element(let base, let keys):
      return .element(try orderedInside(base, known, place, fault), try all(keys))
    case .array(let nodes): return .array(try all(nodes))
    case .set(let nodes): return .set(try all(nodes))
    case .object(let pairs):
      var result: [Node.Pair] = []
      for pair in pairs {
        let both = try all([pair.key, pair.value])
        result.append(Node.Pair(key: both[0], value: both[1]))
      }
      return .object(result)
    case .builtin(let builtin, let nodes, let place):
      return .builtin(builtin, try all(nodes), place)
    case .function(let path, let nodes, let place): return .function(path, try all(nodes), place)
    case .arrayComprehension(let head, let scope):
      return .arrayComprehension(head, try body(scope, [head]))
    case .setComprehension(let head, let scope):
      return .setComprehension(head, try body(scope, [head]))
    case .objectComprehension(let key, let value, let scope):
      return .objectComprehension(key, value, try body(scope, [key, value]))
    }
  }
}
