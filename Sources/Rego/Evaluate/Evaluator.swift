import CanonicalJSON

/// How much one query may cost.
package struct EvaluationLimits: Sendable {
  package var steps: Int
  /// Rules and functions within each other.
  package var depth: Int
  /// Units of values made and read: see ``Value/weight``.
  package var weight: Int
  /// Calls of the evaluator within each other: what its stack must hold.
  var nesting = 1000

  package init(steps: Int = 2_000_000, depth: Int = 100, weight: Int = 16_000_000) {
    self.steps = steps
    self.depth = depth
    self.weight = weight
  }
}

/// Evaluates one query over one input; a class because its caches and counters span the recursion.
final class Evaluator {
  typealias Continue = () throws(PolicyFault) -> Bool
  typealias Visit = (Value) throws(PolicyFault) -> Bool

  /// The variables of one rule, query or function call.
  final class Frame {
    var slots: [Value?]

    init(count: Int) {
      slots = Array(repeating: nil, count: count)
    }
  }

  let policy: CompiledPolicy
  var input: Value?
  private var overrides: [(path: [ByteString], value: Value)] = []
  private var cache: [[ByteString]: Value?] = [:]
  private var steps = 0
  private var depth = 0
  private var weight = 0
  private var nesting = 0
  private let limits: EvaluationLimits
  let isStrict: Bool
  /// Places of the rules whose bodies held, by rule path.
  private(set) var matched: [[ByteString]: Set<SourcePlace>] = [:]

  init(
    policy: CompiledPolicy, input: Value?, limits: EvaluationLimits, isStrict: Bool = false
  ) {
    self.policy = policy
    self.input = input
    self.limits = limits
    self.isStrict = isStrict
  }

  private func count(_ place: SourcePlace? = nil) throws(PolicyFault) {
    steps += 1
    if steps > limits.steps {
      throw .evaluation(
        code: "eval_limit_error", message: "the policy took more than \(limits.steps) steps",
        place: place)
    }
  }

  private func limit(_ message: String, _ place: SourcePlace? = nil) -> PolicyFault {
    .evaluation(code: "eval_limit_error", message: message, place: place)
  }

  /// Counts a call within others; `leave` ends it.
  private func nest() throws(PolicyFault) {
    nesting += 1
    if nesting > limits.nesting {
      throw limit("the policy nests its iterations more than \(limits.nesting) deep")
    }
  }

  private func leave() { nesting -= 1 }

  private func charge(_ units: Int, _ place: SourcePlace? = nil) throws(PolicyFault) {
    let (sum, overflow) = weight.addingReportingOverflow(units)
    weight = sum
    if overflow || weight > limits.weight {
      throw limit("the policy made or read more than \(limits.weight) units of values", place)
    }
  }

  /// Charges for a value that was put together from others, and refuses it if it nests too deeply.
  private func made(
    _ value: Value, _ place: SourcePlace? = nil
  ) throws(PolicyFault) -> Value {
    guard let units = value.weight else {
      throw limit("the policy nests values more than \(Value.depthLimit) deep", place)
    }
    try charge(units, place)
    return value
  }

  // MARK: bodies

  /// Runs steps in order and calls `then` for every way in which all hold.
  ///
  /// Gives false to stop.
  func run(
    _ steps: ArraySlice<Step>, _ frame: Frame, _ then: Continue
  ) throws(PolicyFault) -> Bool {
    var steps = steps
    var bound: [Int] = []
    defer { for slot in bound { frame.slots[slot] = nil } }
    // What holds in one way only is done here; the rest of the body runs inside each way of others.
    while let step = steps.first, step.isPlain {
      try count(step.place)
      switch step.kind {
      case .test(let node):
        guard let value = try one(node, frame), value != .bool(false) else { return true }
      case .unify(.local(let slot), let node) where !isOpen(node, frame):
        guard let value = try one(node, frame) else { return true }
        if let known = frame.slots[slot] {
          guard known == value else { return true }
        } else {
          frame.slots[slot] = value
          bound.append(slot)
        }
      case .not:
        var holds = false
        _ = try run(step, frame) { () throws(PolicyFault) in
          holds = true
          return false
        }
        guard holds else { return true }
      default: return try runInside(steps, frame, then)
      }
      steps = steps.dropFirst()
    }
    return try runInside(steps, frame, then)
  }

  private func runInside(
    _ steps: ArraySlice<Step>, _ frame: Frame, _ then: Continue
  ) throws(PolicyFault) -> Bool {
    guard let step = steps.first else { return try then() }
    let rest = steps.dropFirst()
    try nest()
    defer { leave() }
    try count(step.place)
    if step.modifiers.isEmpty {
      return try run(step, frame) { () throws(PolicyFault) in try run(rest, frame, then) }
    }
    let saved = (input, overrides, cache)
    for modifier in step.modifiers {
      guard let value = try one(modifier.value, frame) else { return true }
      switch modifier.root {
      case .input: input = Evaluator.patched(input, modifier.path[...], value)
      case .data: overrides.append((modifier.path, value))
      }
    }
    cache = [:]
    let changed = (input, overrides, cache)
    defer { (input, overrides, cache) = saved }
    return try run(step, frame) { () throws(PolicyFault) in
      (input, overrides, cache) = saved
      defer { (input, overrides, cache) = changed }
      return try run(rest, frame, then)
    }
  }

  private static func patched(
    _ base: Value?, _ path: ArraySlice<ByteString>, _ value: Value
  ) -> Value {
    guard let head = path.first else { return value }
    var object = ObjectValue()
    if case .object(let existing)? = base { object = existing }
    object[head] = patched(object[head], path.dropFirst(), value)
    return .object(object)
  }

  private func run(_ step: Step, _ frame: Frame, _ then: Continue) throws(PolicyFault) -> Bool {
    switch step.kind {
    case .test(let node):
      return try each(node, frame) { (value) throws(PolicyFault) in
        value == .bool(false) ? true : try then()
      }
    case .unify(let left, let right): return try unify(left, right, frame, then)
    case .not(let inner):
      var holds = false
      _ = try run(inner[...], frame) { () throws(PolicyFault) in
        holds = true
        return false
      }
      return holds ? true : try then()
    case .iterate(let key, let value, let domain):
      return try each(domain, frame) { (collection) throws(PolicyFault) in
        for (index, element) in Evaluator.elements(collection) {
          try count(step.place)
          let goOn = try match(value, element, frame) { () throws(PolicyFault) in
            guard let key else { return try then() }
            return try match(key, index, frame, then)
          }
          if !goOn { return false }
        }
        return true
      }
    case .every(let key, let value, let domain, let scope):
      return try each(domain, frame) { (collection) throws(PolicyFault) in
        switch collection {
        case .array, .object, .set: break
        default: return true
        }
        for (index, element) in Evaluator.elements(collection) {
          try count(step.place)
          var holds = false
          _ = try match(value, element, frame) { () throws(PolicyFault) in
            let body: Continue = { () throws(PolicyFault) in
              try self.run(scope.steps[...], frame) { () throws(PolicyFault) in
                holds = true
                return false
              }
            }
            guard let key else { return try body() }
            return try match(key, index, frame, body)
          }
          if !holds { return true }
        }
        return try then()
      }
    }
  }

  static func elements(_ collection: Value) -> [(key: Value, value: Value)] {
    switch collection {
    case .array(let elements):
      elements.enumerated().map { (.number(.integer(Int64($0.offset))), $0.element) }
    case .object(let object): object.pairs.map { ($0.key, $0.value) }
    case .set(let set): set.elements.map { ($0, $0) }
    default: []
    }
  }

  // MARK: unification

  private func unify(
    _ left: Node, _ right: Node, _ frame: Frame, _ then: Continue
  ) throws(PolicyFault) -> Bool {
    if case .array(let first) = left, case .array(let second) = right {
      guard first.count == second.count else { return true }
      return try unifyAll(first[...], second[...], frame, then)
    }
    if isOpen(left, frame) {
      if isOpen(right, frame), case .local = right {
        return try each(left, frame) { (value) throws(PolicyFault) in
          try match(right, value, frame, then)
        }
      }
      return try each(right, frame) { (value) throws(PolicyFault) in
        try match(left, value, frame, then)
      }
    }
    return try each(left, frame) { (value) throws(PolicyFault) in
      try match(right, value, frame, then)
    }
  }

  private func unifyAll(
    _ left: ArraySlice<Node>, _ right: ArraySlice<Node>, _ frame: Frame, _ then: Continue
  ) throws(PolicyFault) -> Bool {
    guard let first = left.first, let second = right.first else { return try then() }
    try nest()
    defer { leave() }
    return try unify(first, second, frame) { () throws(PolicyFault) in
      try unifyAll(left.dropFirst(), right.dropFirst(), frame, then)
    }
  }

  /// Whether a pattern has a variable without a value.
  private func isOpen(_ node: Node, _ frame: Frame) -> Bool {
    switch node {
    case .local(let slot): frame.slots[slot] == nil
    case .array(let nodes): nodes.contains { isOpen($0, frame) }
    case .object(let pairs): pairs.contains { isOpen($0.value, frame) }
    default: false
    }
  }

  /// Matches a value against a pattern, binding its open variables while `then` runs.
  func match(
    _ pattern: Node, _ value: Value, _ frame: Frame, _ then: Continue
  ) throws(PolicyFault) -> Bool {
    switch pattern {
    case .local(let slot):
      if let bound = frame.slots[slot] { return bound == value ? try then() : true }
      frame.slots[slot] = value
      defer { frame.slots[slot] = nil }
      return try then()
    case .array(let nodes):
      guard case .array(let elements) = value, elements.count == nodes.count else { return true }
      return try matchAll(nodes[...], elements[...], frame, then)
    case .object(let pairs) where isOpen(pattern, frame):
      guard case .object(let object) = value, object.pairs.count == pairs.count else {
        return true
      }
      var nodes: [Node] = []
      var values: [Value] = []
      for pair in pairs {
        guard let key = try one(pair.key, frame), let element = object[key] else { return true }
        nodes.append(pair.value)
        values.append(element)
      }
      return try matchAll(nodes[...], values[...], frame, then)
    default:
      return try each(pattern, frame) { (other) throws(PolicyFault) in
        other == value ? try then() : true
      }
    }
  }

  private func matchAll(
    _ nodes: ArraySlice<Node>, _ values: ArraySlice<Value>, _ frame: Frame, _ then: Continue
  ) throws(PolicyFault) -> Bool {
    guard let node = nodes.first, let value = values.first else { return try then() }
    try nest()
    defer { leave() }
    return try match(node, value, frame) { () throws(PolicyFault) in
      try matchAll(nodes.dropFirst(), values.dropFirst(), frame, then)
    }
  }

  // MARK: terms

  /// The first value of a term, or nil if it is undefined.
  func one(_ node: Node, _ frame: Frame) throws(PolicyFault) -> Value? {
    var found: Value?
    _ = try each(node, frame) { (value) throws(PolicyFault) in
      found = value
      return false
    }
    return found
  }

  /// Visits every value of a term, with its references' open keys bound meanwhile.
  func each(_ node: Node, _ frame: Frame, _ visit: Visit) throws(PolicyFault) -> Bool {
    try count()
    try nest()
    defer { leave() }
    switch node {
    case .constant(let value): return try visit(value)
    case .local(let slot):
      guard let value = frame.slots[slot] else { return true }
      return try visit(value)
    case .document(.input, let keys):
      guard let input else { return true }
      return try descend(input, keys[...], frame, visit)
    case .document(.data, let keys):
      return try document(policy.tree, policy.data, [], keys[...], frame, visit)
    case .element(let base, let keys):
      return try each(base, frame) { (value) throws(PolicyFault) in
        try descend(value, keys[...], frame, visit)
      }
    case .array(let nodes):
      return try eachOf(nodes[...], [], frame) { (values) throws(PolicyFault) in
        try visit(try made(.array(values)))
      }
    case .set(let nodes):
      return try eachOf(nodes[...], [], frame) { (values) throws(PolicyFault) in
        try visit(try made(.set(SetValue(values))))
      }
    case .object(let pairs):
      let nodes = pairs.flatMap { [$0.key, $0.value] }
      return try eachOf(nodes[...], [], frame) { (values) throws(PolicyFault) in
        var object = ObjectValue()
        for index in stride(from: 0, to: values.count, by: 2) {
          object[values[index]] = values[index + 1]
        }
        return try visit(try made(.object(object)))
      }
    case .builtin(let builtin, let nodes, let place):
      return try eachOf(nodes[...], [], frame) { (values) throws(PolicyFault) in
        guard let value = try call(builtin, values, place) else { return true }
        return try visit(value)
      }
    case .function(let path, let nodes, let place):
      return try eachOf(nodes[...], [], frame) { (values) throws(PolicyFault) in
        guard let value = try function(path, values, place) else { return true }
        return try visit(value)
      }
    case .arrayComprehension(let head, let scope):
      var values: [Value] = []
      _ = try run(scope.steps[...], frame) { () throws(PolicyFault) in
        try each(head, frame) { (value) throws(PolicyFault) in
          values.append(value)
          return true
        }
      }
      return try visit(try made(.array(values)))
    case .setComprehension(let head, let scope):
      var values: [Value] = []
      _ = try run(scope.steps[...], frame) { () throws(PolicyFault) in
        try each(head, frame) { (value) throws(PolicyFault) in
          values.append(value)
          return true
        }
      }
      return try visit(try made(.set(SetValue(values))))
    case .objectComprehension(let key, let value, let scope):
      var object: [Value: Value] = [:]
      _ = try run(scope.steps[...], frame) { () throws(PolicyFault) in
        guard let name = try one(key, frame), let element = try one(value, frame) else {
          return true
        }
        if let existing = object[name], existing != element {
          throw .evaluation(
            code: "eval_conflict_error", message: "object keys must be unique", place: nil)
        }
        object[name] = element
        return true
      }
      return try visit(try made(.object(ObjectValue(object))))
    }
  }

  private func eachOf(
    _ nodes: ArraySlice<Node>, _ values: [Value], _ frame: Frame,
    _ visit: ([Value]) throws(PolicyFault) -> Bool
  ) throws(PolicyFault) -> Bool {
    var (nodes, values) = (nodes, values)
    while let node = nodes.first, node.isPlain {
      guard let value = try one(node, frame) else { return true }
      values.append(value)
      nodes = nodes.dropFirst()
    }
    guard let node = nodes.first else { return try visit(values) }
    let (rest, known) = (nodes.dropFirst(), values)
    try charge(known.count)
    return try each(node, frame) { (value) throws(PolicyFault) in
      try eachOf(rest, known + [value], frame, visit)
    }
  }

  private func call(
    _ builtin: OldBuiltin, _ values: [Value], _ place: SourcePlace
  ) throws(PolicyFault) -> Value? {
    try charge(builtin.cost(values), place)
    let value: Value?
    do {
      value = try builtin.body(values)
    } catch {
      // As OPA does unless told to be strict: a built-in's error is "undefined".
      guard isStrict else { return nil }
      throw .evaluation(
        code: "eval_\(error.kind)_error", message: "\(builtin.name): \(error.message)",
        place: place)
    }
    return try value.map { (value) throws(PolicyFault) in try made(value, place) }
  }

  /// Walks into a plain value along keys, open ones iterating.
  private func descend(
    _ value: Value, _ keys: ArraySlice<Node>, _ frame: Frame, _ visit: Visit
  ) throws(PolicyFault) -> Bool {
    var (value, keys) = (value, keys)
    while case .constant(let name)? = keys.first {
      guard let element = value.element(name) else { return true }
      value = element
      keys = keys.dropFirst()
    }
    guard let key = keys.first else { return try visit(value) }
    try nest()
    defer { leave() }
    let rest = keys.dropFirst()
    if isOpen(key, frame) {
      for (index, element) in Evaluator.elements(value) {
        try count()
        let goOn = try match(key, index, frame) { () throws(PolicyFault) in
          try descend(element, rest, frame, visit)
        }
        if !goOn { return false }
      }
      return true
    }
    return try each(key, frame) { (name) throws(PolicyFault) in
      guard let element = value.element(name) else { return true }
      return try descend(element, rest, frame, visit)
    }
  }

  // MARK: documents

  private func document(
    _ tree: RuleTree, _ base: Value?, _ path: [ByteString], _ keys: ArraySlice<Node>,
    _ frame: Frame, _ visit: Visit
  ) throws(PolicyFault) -> Bool {
    if let override = overrides.last(where: { $0.path == path }) {
      return try descend(override.value, keys, frame, visit)
    }
    if !tree.rules.isEmpty {
      guard tree.rules[0].shape != .function else { return true }
      guard let value = try rule(tree, path) else { return true }
      return try descend(value, keys, frame, visit)
    }
    let isVirtual =
      !tree.children.isEmpty || overrides.contains { $0.path.starts(with: path) }
    guard isVirtual else {
      guard let base else { return true }
      return try descend(base, keys, frame, visit)
    }
    guard let key = keys.first else {
      return try visit(try whole(tree, base, path))
    }
    func step(_ name: Value) throws(PolicyFault) -> Bool {
      guard case .string(let text) = name else { return true }
      return try document(
        tree.children[text] ?? RuleTree(), base?.element(name), path + [text], keys.dropFirst(),
        frame, visit)
    }
    guard isOpen(key, frame) else {
      return try each(key, frame) { (name) throws(PolicyFault) in try step(name) }
    }
    for name in names(tree, base, path) {
      let goOn = try match(key, .string(name), frame) { () throws(PolicyFault) in
        try step(.string(name))
      }
      if !goOn { return false }
    }
    return true
  }

  private func names(_ tree: RuleTree, _ base: Value?, _ path: [ByteString]) -> [ByteString] {
    var names = Set(tree.children.keys)
    if case .object(let object)? = base {
      for case .string(let name) in object.pairs.map(\.key) { names.insert(name) }
    }
    for override in overrides where override.path.count > path.count {
      if override.path.starts(with: path) { names.insert(override.path[path.count]) }
    }
    return names.sorted()
  }

  /// A package as one object.
  private func whole(
    _ tree: RuleTree, _ base: Value?, _ path: [ByteString]
  ) throws(PolicyFault) -> Value {
    var object = ObjectValue()
    for name in names(tree, base, path) {
      _ = try document(
        tree.children[name] ?? RuleTree(), base?.element(.string(name)), path + [name], [],
        Frame(count: 0)
      ) { (value) throws(PolicyFault) in
        object[name] = value
        return false
      }
    }
    return .object(object)
  }

  private func enter(_ place: SourcePlace?) throws(PolicyFault) {
    depth += 1
    if depth > limits.depth {
      throw .evaluation(
        code: "eval_limit_error", message: "rules call each other more than \(limits.depth) deep",
        place: place)
    }
  }

  /// The value of the rules at one path, or nil if they are undefined.
  private func rule(_ tree: RuleTree, _ path: [ByteString]) throws(PolicyFault) -> Value? {
    if let known = cache[path] { return known }
    try enter(tree.rules.first?.place)
    defer { depth -= 1 }
    let value: Value?
    switch tree.rules[0].shape {
    case .complete, .function: value = try complete(tree.rules, path, arguments: [])
    case .partialSet:
      var elements: [Value] = []
      try partial(tree.rules, path) { (element, _) throws(PolicyFault) in
        elements.append(element)
      }
      value = try made(.set(SetValue(elements)), tree.rules[0].place)
    case .partialObject:
      var object: [Value: Value] = [:]
      try partial(tree.rules, path) { (key, element) throws(PolicyFault) in
        if let existing = object[key], existing != element {
          throw .evaluation(
            code: "eval_conflict_error", message: "object keys must be unique",
            place: tree.rules[0].place)
        }
        object[key] = element
      }
      value = try made(.object(ObjectValue(object)), tree.rules[0].place)
    }
    cache[path] = .some(value)
    return value
  }

  private func partial(
    _ rules: [CompiledRule], _ path: [ByteString],
    _ add: (Value, Value) throws(PolicyFault) -> Void
  ) throws(PolicyFault) {
    for rule in rules {
      guard let key = rule.key else { continue }
      let frame = Frame(count: rule.slotCount)
      let branch = rule.branches[0]
      _ = try run(branch.steps[...], frame) { () throws(PolicyFault) in
        try each(key, frame) { (name) throws(PolicyFault) in
          guard let value = try one(branch.value, frame) else { return true }
          matched[path, default: []].insert(rule.place)
          try add(name, value)
          return true
        }
      }
    }
  }

  private func function(
    _ path: [ByteString], _ arguments: [Value], _ place: SourcePlace
  ) throws(PolicyFault) -> Value? {
    guard let rules = policy.tree.node(at: path)?.rules else { return nil }
    try enter(place)
    defer { depth -= 1 }
    return try complete(rules, path, arguments: arguments)
  }

  /// The one value of complete rules or functions; two different ones are a conflict.
  private func complete(
    _ rules: [CompiledRule], _ path: [ByteString], arguments: [Value]
  ) throws(PolicyFault) -> Value? {
    var found: Value?
    for rule in rules where !rule.isDefault {
      guard rule.arguments.count == arguments.count else { continue }
      let frame = Frame(count: rule.slotCount)
      _ = try matchAll(rule.arguments[...], arguments[...], frame) { () throws(PolicyFault) in
        for branch in rule.branches {
          var holds = false
          _ = try run(branch.steps[...], frame) { () throws(PolicyFault) in
            guard let value = try one(branch.value, frame) else { return true }
            holds = true
            matched[path, default: []].insert(branch.place)
            if let other = found, other != value {
              throw .evaluation(
                code: "eval_conflict_error",
                message: arguments.isEmpty
                  ? "complete rules must not produce multiple outputs"
                  : "functions must not produce multiple outputs for same inputs",
                place: rule.place)
            }
            found = value
            if case .constant = branch.value { return false }
            return true
          }
          if holds { break }
        }
        return false
      }
    }
    if found == nil, let fallback = rules.first(where: \.isDefault) {
      found = try one(fallback.branches[0].value, Frame(count: fallback.slotCount))
    }
    return found
  }
}
