import CanonicalJSON

extension Resolver {
  mutating func term(_ syntax: Term) -> Node {
    switch syntax.kind {
    case .constant(let value): return .constant(value)
    case .variable(let name): return variable(name, syntax.place)
    case .reference(let head, let keys):
      let resolved = keys.map { term($0) }
      if case .variable(let name) = head.kind, lookup(name) == nil,
        later.last?.contains(name) != true || isGlobal(name)
      {
        if name == "input" { return .input(resolved) }
        if name == "data" { return dataReference(resolved, head.place) }
        if let path = imports[name] {
          usedImports.insert(name)
          return global(path, resolved, head.place)
        }
        if package.ruleNames.contains(name) {
          return dataReference(
            (package.path + [name]).map { .constant(.string(ByteString($0))) } + resolved,
            head.place)
        }
      }
      switch term(head) {
      case .input(let first): return .input(first + resolved)
      case .data(let first): return dataReference(first + resolved, head.place)
      case .select(let base, let first): return .select(base, first + resolved)
      case let base: return .select(base, resolved)
      }
    case .array(let terms): return folded(.array(terms.map { term($0) }))
    case .set(let terms): return folded(.set(terms.map { term($0) }))
    case .object(let pairs):
      return folded(
        .object(pairs.map { Node.Pair(key: term($0.key), value: term($0.value)) }))
    case .arrayComprehension(let head, let body):
      let first = names.count
      open(body, heads: [head])
      let steps = literals(body)
      let value = term(head)
      close()
      return .arrayComprehension(
        value, Node.Scope(steps: steps, slots: first..<names.count))
    case .setComprehension(let head, let body): return setComprehension(head, body)
    case .objectComprehension(let key, let value, let body):
      let first = names.count
      open(body, heads: [key, value])
      let steps = literals(body)
      let (keyNode, valueNode) = (term(key), term(value))
      close()
      return .objectComprehension(
        keyNode, valueNode, Node.Scope(steps: steps, slots: first..<names.count))
    case .operation(let name, let terms):
      guard let number = builtins.number(name) else {
        report("rego_type_error", "undefined function \(name)", syntax.place)
        return .constant(.null)
      }
      return .builtin(number, terms.map { term($0) }, syntax.place)
    case .call(let callee, let arguments): return call(callee, arguments, syntax.place)
    case .template(let parts):
      return .template(parts.map { term($0) }, syntax.place)
    }
  }

  private mutating func setComprehension(_ head: Term, _ body: [Literal]) -> Node {
    let first = names.count
    open(body, heads: [head])
    let steps = literals(body)
    let value = term(head)
    close()
    return .setComprehension(value, Node.Scope(steps: steps, slots: first..<names.count))
  }

  /// A composite of constants is a constant.
  private func folded(_ node: Node) -> Node {
    func value(_ node: Node) -> Value? {
      if case .constant(let value) = node { value } else { nil }
    }
    switch node {
    case .array(let nodes):
      var values: [Value] = []
      for node in nodes {
        guard let constant = value(node) else { return .array(nodes) }
        values.append(constant)
      }
      return .constant(.array(values))
    case .set(let nodes):
      var values: [Value] = []
      for node in nodes {
        guard let constant = value(node) else { return .set(nodes) }
        values.append(constant)
      }
      return .constant(.set(SetValue(values)))
    case .object(let pairs):
      var values: [ObjectValue.Pair] = []
      for pair in pairs {
        guard let key = value(pair.key), let constant = value(pair.value) else {
          return .object(pairs)
        }
        values.append(ObjectValue.Pair(key: key, value: constant))
      }
      return .constant(.object(ObjectValue(unsorted: values)))
    default: return node
    }
  }

  // MARK: calls

  /// Builtins that version 1 of the language refuses.
  static let deprecated: Set<String> = [
    "all", "any", "cast_array", "cast_boolean", "cast_null", "cast_object", "cast_set",
    "cast_string", "net.cidr_overlap", "re_match", "set_diff",
  ]

  enum Callee {
    case function(Int, arity: Int)
    case builtin(Int)
  }

  /// The parts of a name that is called.
  func parts(_ callee: Term) -> [String] {
    switch callee.kind {
    case .variable(let name): return [name]
    case .reference(let head, let keys):
      var parts = parts(head)
      for key in keys {
        guard case .constant(.string(let text)) = key.kind else { return parts }
        parts.append(text.text)
      }
      return parts
    default: return []
    }
  }

  /// The document path that a name stands for, or nil if it names no document.
  func documentPath(_ parts: [String]) -> [String]? {
    guard let head = parts.first else { return nil }
    if head == "data" { return Array(parts.dropFirst()) }
    if let path = imports[head], path[0] == "data" {
      return Array(path.dropFirst()) + Array(parts.dropFirst())
    }
    if package.ruleNames.contains(head) { return package.path + parts }
    return nil
  }

  mutating func callee(_ callee: Term) -> Callee? {
    let parts = parts(callee)
    if let head = parts.first, imports[head] != nil { usedImports.insert(head) }
    if let path = documentPath(parts), let node = tree.node(at: path),
      tree.nodes[node].group >= 0, tree.groups[tree.nodes[node].group].kind == .function
    {
      let group = tree.nodes[node].group
      return .function(group, arity: tree.groups[group].arity)
    }
    return builtins.number(parts.joined(separator: ".")).map { .builtin($0) }
  }

  /// `allowsOutput`: whether an argument more than the function has takes its value.
  mutating func call(
    _ name: Term, _ arguments: [Term], _ place: Place, allowsOutput: Bool = false
  ) -> Node {
    let parts = parts(name)
    let text = parts.joined(separator: ".")
    if let annotations, text == "rego.metadata.rule" || text == "rego.metadata.chain" {
      usesAnnotations = true
      return .constant(
        text == "rego.metadata.rule"
          ? annotations.rule(at: rulePlace)
          : annotations.chain(at: rulePlace, path: rulePath, package: package.path))
    }
    guard let found = callee(name) else {
      if let reason = builtins.table.refused[text] {
        report("rego_type_error", "function \(text) is refused: \(reason)", place)
      } else {
        report("rego_type_error", "undefined function \(text)", place)
      }
      return .constant(.null)
    }
    if !isVersion0, Resolver.deprecated.contains(text), case .builtin = found {
      report(
        "rego_type_error", "deprecated built-in function calls in expression: \(text)", place)
    }
    let nodes = arguments.map { term($0) }
    switch found {
    case .function(let group, let arity):
      dependencies.insert(group)
      if nodes.count != arity, nodes.count != arity + 1 || !allowsOutput {
        report(
          "rego_type_error",
          "function data.\(tree.groups[group].path.joined(separator: ".")) has arity \(arity), got \(nodes.count) argument\(nodes.count == 1 ? "" : "s")",
          place)
      }
      return .function(group, nodes, place)
    case .builtin(let number):
      let builtin = builtins.used[number]
      let arity = builtin.parameters.count
      if builtin.name == "print", !allowsOutput {
        report("rego_type_error", "\(text)(...) used as value", place)
      }
      if builtin.name != "print", nodes.count != arity,
        nodes.count != arity + 1 || builtin.result == nil || !allowsOutput
      {
        arityFault(text, nodes, builtin.parameters, place, isValue: !allowsOutput)
      }
      return .builtin(number, nodes, place)
    }
  }

  private mutating func arityFault(
    _ name: String, _ have: [Node], _ want: [RegoType], _ place: Place, isValue: Bool
  ) {
    let have =
      have.map { TypeInference.type(of: $0, builtins.used).text } + (isValue ? ["???"] : [])
    report(
      "rego_type_error",
      "\(name): arity mismatch\n\thave: (\(have.joined(separator: ", ")))\n\twant: (\(want.map(\.text).joined(separator: ", ")))",
      place)
  }
}
