import CanonicalJSON

/// The types of what stands under keys, and references as messages name them.
extension Planner {
  /// The type of a path of the data, where rules may stand.
  mutating func document(_ node: Node, _ keys: [Node]) -> RegoType? {
    var place = RuleTree.root
    for (index, key) in keys.enumerated() {
      if tree.nodes[place].group >= 0 { return rule(place, node, keys[index...]) }
      guard case .constant(let value) = key else {
        // Names of packages and rules, and of what the data has beside them.
        _ = select(.object(.string, .any), node, keys[index...], place: literalPlace)
        return .any
      }
      guard case .string(let name) = value, let child = tree.nodes[place].children[name.text]
      else {
        return select(.any, node, keys[index...], place: literalPlace)
      }
      place = child
    }
    if tree.nodes[place].group >= 0 { return rule(place, node, []) }
    return .object(.string, .any)
  }

  mutating func rule(
    _ place: Int, _ node: Node, _ keys: ArraySlice<Node>
  ) -> RegoType? {
    let type = ruleTypes[tree.nodes[place].group]
    let value = type.isBroken ? .any : type.value ?? .any
    return select(value, node, keys, place: literalPlace)
  }

  /// The type of what stands under keys; a key that can be none is reported.
  mutating func select(
    _ base: RegoType, _ node: Node, _ keys: ArraySlice<Node>, place: Place
  ) -> RegoType? {
    var type = base
    for (offset, key) in zip(keys.indices, keys) {
      guard let wanted = type.keys else {
        let text = referenceText(node)
        let before = referenceText(node, upTo: offset)
        report(
          "rego_type_error",
          "undefined ref: \(text)\n\t\(text)\n\t\(String(repeating: "^", count: before.count))\n\thave: \(type.text)",
          place)
        return .any
      }
      let term = infer(key)
      var next: RegoType?
      switch key {
      case .constant(let value) where !value.isComposite: next = type.element(value)
      default: next = unify(term, with: wanted) ? type.elements : nil
      }
      guard let next else {
        reportKey(node, offset, key, known(term), type, place)
        return .any
      }
      type = next
    }
    return type
  }

  mutating func reportKey(
    _ node: Node, _ offset: Int, _ key: Node, _ have: RegoType?, _ type: RegoType, _ place: Place
  ) {
    let text = referenceText(node)
    let pad = String(repeating: " ", count: referenceText(node, upTo: offset).count + 1)
    var lines = ["undefined ref: \(text)", text, pad + "^"]
    if case .constant(let value) = key, !value.isComposite {
      lines.append("\(pad)have: \(value.source.text)")
    } else {
      lines.append("\(pad)have (type): \(have?.text ?? "???")")
    }
    if case .object(let properties, nil) = type {
      let names = properties.map { $0.key.source.text }.joined(separator: ", ")
      lines.append("\(pad)want (one of): [\(names)]")
    } else {
      lines.append("\(pad)want (type): \(type.keys?.text ?? "any")")
    }
    report("rego_type_error", lines.joined(separator: "\n\t"), place)
  }

  /// A reference as OPA prints it, up to its key number `upTo`.
  func referenceText(_ node: Node, upTo: Int = .max) -> String {
    let (head, keys): (String, [Node]) =
      switch node {
      case .input(let keys): ("input", keys)
      case .data(let keys): ("data", keys)
      case .select(let base, let keys): (termText(base), keys)
      default: (termText(node), [])
      }
    var text = head
    for (index, key) in keys.enumerated() where index < upTo {
      if case .constant(.string(let name)) = key, Planner.isName(name.bytes) {
        text += "." + name.text
      } else {
        text += "[\(termText(key))]"
      }
    }
    return text
  }

  static func isName(_ bytes: [UInt8]) -> Bool {
    guard let first = bytes.first, first | 0x20 &- 0x61 < 26 || first == 0x5F else { return false }
    return bytes.allSatisfy { ($0 | 0x20) &- 0x61 < 26 || $0 == 0x5F || $0 &- 0x30 < 10 }
  }

  func termText(_ node: Node) -> String {
    func list(_ nodes: [Node]) -> String { nodes.map { termText($0) }.joined(separator: ", ") }
    switch node {
    case .constant(let value): return value.source.text
    case .local(let slot):
      let name = slot < names.count ? names[slot] : "_"
      return name.hasPrefix("$") ? "_" : name
    case .input, .data, .select: return referenceText(node)
    case .array(let nodes): return "[\(list(nodes))]"
    case .set(let nodes): return "{\(list(nodes))}"
    case .object(let pairs):
      return
        "{\(pairs.map { "\(termText($0.key)): \(termText($0.value))" }.joined(separator: ", "))}"
    case .function(let group, let nodes, _):
      return "data.\(tree.groups[group].path.joined(separator: "."))(\(list(nodes)))"
    case .builtin(let number, let nodes, _):
      return "\(program.builtins[number].name)(\(list(nodes)))"
    case .arrayComprehension(let head, _): return "[\(termText(head)) | ...]"
    case .setComprehension(let head, _): return "{\(termText(head)) | ...}"
    case .objectComprehension(let key, let value, _):
      return "{\(termText(key)): \(termText(value)) | ...}"
    case .template: return "$\"...\""
    }
  }
}
