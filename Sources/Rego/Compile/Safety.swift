/// Which variables a literal binds and which it needs bound.
enum Safety {
  struct Variables {
    var needs: Set<Int> = []
    var outputs: Set<Int> = []
  }

  /// Collects for a term that is evaluated.
  static func collect(_ node: Node, into variables: inout Variables) {
    switch node {
    case .constant: break
    case .local(let slot): variables.needs.insert(slot)
    case .input(let keys), .data(let keys): collect(keys: keys, into: &variables)
    case .select(let base, let keys):
      collect(base, into: &variables)
      collect(keys: keys, into: &variables)
    case .array(let nodes), .set(let nodes), .function(_, let nodes, _),
      .builtin(_, let nodes, _), .template(let nodes, _):
      for node in nodes { collect(node, into: &variables) }
    case .object(let pairs):
      for pair in pairs {
        collect(pair.key, into: &variables)
        collect(pair.value, into: &variables)
      }
    case .arrayComprehension(let head, let scope), .setComprehension(let head, let scope):
      collectFree(scope, [head], into: &variables.needs)
    case .objectComprehension(let key, let value, let scope):
      collectFree(scope, [key, value], into: &variables.needs)
    }
  }

  private static func collect(keys: [Node], into variables: inout Variables) {
    for key in keys {
      switch key {
      case .constant: break
      case .local(let slot): variables.outputs.insert(slot)
      case .array, .object, .set: collect(pattern: key, into: &variables)
      default: collect(key, into: &variables)
      }
    }
  }

  /// Collects for a term that is matched: its variables are bound by that.
  static func collect(pattern: Node, into variables: inout Variables) {
    switch pattern {
    case .local(let slot): variables.outputs.insert(slot)
    case .array(let nodes): for node in nodes { collect(pattern: node, into: &variables) }
    case .object(let pairs):
      for pair in pairs {
        collect(pair.key, into: &variables)
        collect(pattern: pair.value, into: &variables)
      }
    default: collect(pattern, into: &variables)
    }
  }

  /// Collects for the nested bodies and calls among the parts of a term, and for its references.
  private static func collect(evaluatedIn node: Node, into variables: inout Variables) {
    switch node {
    case .constant, .local: break
    case .array(let nodes), .set(let nodes):
      for node in nodes { collect(evaluatedIn: node, into: &variables) }
    case .object(let pairs):
      for pair in pairs {
        collect(evaluatedIn: pair.key, into: &variables)
        collect(evaluatedIn: pair.value, into: &variables)
      }
    case .function(_, let nodes, _), .builtin(_, let nodes, _):
      for node in nodes {
        // A set in a call waits for its variables, as in OPA.
        if case .set = node {
          collect(evaluatedIn: node, into: &variables)
        } else {
          collect(node, into: &variables)
        }
      }
    default: collect(node, into: &variables)
    }
  }

  /// The variables of a nested body that belong to bodies around it.
  private static func collectFree(
    _ scope: Node.Scope, _ heads: [Node], into needs: inout Set<Int>
  ) {
    var inner = Variables()
    for head in heads { collect(head, into: &inner) }
    for step in scope.steps { collect(step, into: &inner) }
    for slot in inner.needs where !scope.slots.contains(slot) { needs.insert(slot) }
    for slot in inner.outputs where !scope.slots.contains(slot) { needs.insert(slot) }
  }

  /// Collects every variable of a literal.
  static func collect(_ step: Step, into variables: inout Variables) {
    switch step.kind {
    case .test(let node): collect(node, into: &variables)
    case .inputEquals: break
    case .unify(let left, let right):
      collect(left, into: &variables)
      collect(right, into: &variables)
    case .iterate(let key, let value, let domain):
      if let key { collect(pattern: key, into: &variables) }
      collect(pattern: value, into: &variables)
      collect(domain, into: &variables)
    case .every(_, _, let domain, let scope):
      collect(domain, into: &variables)
      collectFree(scope, [], into: &variables.needs)
    }
    for modifier in step.modifiers {
      if case .value(let node) = modifier.replacement { collect(node, into: &variables) }
    }
  }

  /// What a literal binds when it is run with `bound`, or nil if it cannot be run yet; `missing`
  /// takes the variables that it lacks.
  static func outputs(
    of step: Step, bound: Set<Int>, missing: inout Set<Int>
  ) -> Set<Int>? {
    var variables = Variables()
    for modifier in step.modifiers {
      if case .value(let node) = modifier.replacement { collect(node, into: &variables) }
    }
    if !variables.needs.isEmpty {
      variables.needs.subtract(bound)
      variables.needs.subtract(variables.outputs)
      guard variables.needs.isEmpty else {
        missing.formUnion(variables.needs)
        return nil
      }
    }
    if step.isPartOfNegation, case .unify(.local(let slot), let node) = step.kind {
      collect(node, into: &variables)
      let lacking = variables.needs.union(variables.outputs).subtracting(bound)
      guard lacking.isEmpty else {
        missing.formUnion(lacking)
        return nil
      }
      return Set([slot]).subtracting(bound)
    }
    if step.isNegated {
      var variables = Variables()
      collect(step, into: &variables)
      let lacking = variables.needs.union(variables.outputs).subtracting(bound)
      guard lacking.isEmpty else {
        missing.formUnion(lacking)
        return nil
      }
      return []
    }
    switch step.kind {
    case .test(let node): collect(node, into: &variables)
    case .inputEquals: break
    case .unify(let left, let right):
      // What nested bodies and calls need is bound before, as in OPA: not by this literal itself.
      var evaluated = Variables()
      collect(evaluatedIn: left, into: &evaluated)
      collect(evaluatedIn: right, into: &evaluated)
      if !evaluated.needs.isEmpty {
        let lacking = evaluated.needs.subtracting(bound).subtracting(evaluated.outputs)
        guard lacking.isEmpty else {
          missing.formUnion(lacking)
          return nil
        }
      }
      guard let plan = Unification.plan(left, right, bound: bound, missing: &missing) else {
        return nil
      }
      return plan.binds.union(variables.outputs.subtracting(bound))
    case .iterate(let key, let value, let domain):
      collect(domain, into: &variables)
      if let key { collect(pattern: key, into: &variables) }
      collect(pattern: value, into: &variables)
    case .every(_, _, let domain, let scope):
      collect(domain, into: &variables)
      collectFree(scope, [], into: &variables.needs)
    }
    if variables.needs.isEmpty { return variables.outputs.subtracting(bound) }
    let lacking = variables.needs.subtracting(bound).subtracting(variables.outputs)
    guard lacking.isEmpty else {
      missing.formUnion(lacking)
      return nil
    }
    return variables.outputs.subtracting(bound)
  }
}

/// How two terms are made equal: pairs in an order in which each has what it needs.
struct Unification {
  enum Part {
    /// Both are evaluated and compared.
    case compare(Node, Node)
    /// The second is evaluated, and the first matched to it.
    case match(Node, Node)
  }

  var parts: [Part] = []
  var binds: Set<Int> = []
  /// Whether they can never be equal.
  var isImpossible = false

  static func plan(
    _ left: Node, _ right: Node, bound: Set<Int>, missing: inout Set<Int>
  ) -> Unification? {
    var plan = Unification()
    var pairs: [(Node, Node)] = []
    var waiting = [(left, right)]
    while let (a, b) = waiting.popLast() {
      switch (a, b) {
      case (.array(let first), .array(let second)) where first.count == second.count:
        waiting += zip(first, second).reversed()
      case (.array(let nodes), .constant(.array(let values))) where nodes.count == values.count:
        waiting += zip(nodes, values.map(Node.constant)).reversed()
      case (.constant(.array(let values)), .array(let nodes)) where nodes.count == values.count:
        waiting += zip(values.map(Node.constant), nodes).reversed()
      case (.object, .object), (.object, .constant(.object)), (.constant(.object), .object):
        guard let first = members(a), let second = members(b) else {
          // Keys that are known only when it is run.
          pairs.append((a, b))
          continue
        }
        guard let matched = matched(first, second) else {
          guard isKnown(a, b, bound, &missing) else { return nil }
          pairs.append((a, b))
          continue
        }
        waiting += matched.reversed()
      case (.array, .array), (.array, .constant), (.constant, .array), (.object, .constant),
        (.constant, .object):
        // Never equal: as in OPA, nothing is bound by it.
        guard Unification.isKnown(a, b, bound, &missing) else { return nil }
        pairs.append((a, b))
      default: pairs.append((a, b))
      }
    }
    var known = bound
    while !pairs.isEmpty {
      var rest: [(Node, Node)] = []
      for (a, b) in pairs {
        if let part = part(a, b, &known, &plan.binds) {
          plan.parts.append(part)
        } else {
          rest.append((a, b))
        }
      }
      if rest.count == pairs.count {
        var variables = Safety.Variables()
        for (a, b) in rest {
          Safety.collect(a, into: &variables)
          Safety.collect(b, into: &variables)
        }
        missing.formUnion(variables.needs.union(variables.outputs).subtracting(known))
        return nil
      }
      pairs = rest
    }
    return plan
  }

  /// Whether all variables of two terms are bound, or bound by references in them.
  private static func isKnown(
    _ left: Node, _ right: Node, _ bound: Set<Int>, _ missing: inout Set<Int>
  ) -> Bool {
    var variables = Safety.Variables()
    Safety.collect(left, into: &variables)
    Safety.collect(right, into: &variables)
    let lacking = variables.needs.subtracting(bound).subtracting(variables.outputs)
    missing.formUnion(lacking)
    return lacking.isEmpty
  }

  /// The members of an object whose keys are constants, or nil.
  private static func members(_ node: Node) -> [Value: Node]? {
    var members: [Value: Node] = [:]
    switch node {
    case .object(let pairs):
      for pair in pairs {
        guard case .constant(let key) = pair.key else { return nil }
        members[key] = pair.value
      }
    case .constant(.object(let object)):
      for pair in object.pairs { members[pair.key] = .constant(pair.value) }
    default: return nil
    }
    return members
  }

  /// Values of two objects under the same keys, in the order of keys, or nil if the keys differ.
  private static func matched(
    _ first: [Value: Node], _ second: [Value: Node]
  ) -> [(Node, Node)]? {
    guard first.count == second.count else { return nil }
    var pairs: [(Node, Node)] = []
    for key in first.keys.sorted() {
      guard let one = first[key], let other = second[key] else { return nil }
      pairs.append((one, other))
    }
    return pairs
  }

  private static func part(
    _ left: Node, _ right: Node, _ known: inout Set<Int>, _ binds: inout Set<Int>
  ) -> Part? {
    func lacking(_ node: Node) -> Safety.Variables? {
      var variables = Safety.Variables()
      Safety.collect(node, into: &variables)
      variables.needs.subtract(known)
      variables.needs.subtract(variables.outputs)
      variables.outputs.subtract(known)
      return variables
    }
    func pattern(_ node: Node) -> Safety.Variables {
      var variables = Safety.Variables()
      Safety.collect(pattern: node, into: &variables)
      variables.outputs.subtract(known)
      variables.needs.subtract(known)
      variables.needs.subtract(variables.outputs)
      return variables
    }
    guard let first = lacking(left), let second = lacking(right) else { return nil }
    func bind(_ sets: Set<Int>...) {
      for set in sets {
        known.formUnion(set)
        binds.formUnion(set)
      }
    }
    if first.needs.isEmpty, second.needs.isEmpty {
      bind(first.outputs, second.outputs)
      return .compare(left, right)
    }
    if second.needs.isEmpty {
      let matched = pattern(left)
      guard matched.needs.subtracting(second.outputs).isEmpty else { return nil }
      bind(second.outputs, matched.outputs)
      return .match(left, right)
    }
    if first.needs.isEmpty {
      let matched = pattern(right)
      guard matched.needs.subtracting(first.outputs).isEmpty else { return nil }
      bind(first.outputs, matched.outputs)
      return .match(right, left)
    }
    // Each binds a part of the other.
    let (one, other) = (pattern(left), pattern(right))
    if case .local = left, other.needs.isEmpty { return nil }
    _ = one
    return nil
  }
}
