/// What the compiler knows of the types of terms.
enum TypeInference {
  static func type(of node: Node, _ builtins: [Builtin]) -> RegoType {
    switch node {
    case .constant(let value): return type(of: value)
    case .local, .input, .data, .select, .function: return .any
    case .array(let nodes): return .array(nodes.map { type(of: $0, builtins) }, rest: nil)
    case .object, .objectComprehension: return .object(.any, .any)
    case .set, .setComprehension: return .set(.any)
    case .arrayComprehension: return .array(of: .any)
    case .builtin(let number, _, _): return builtins[number].result ?? .boolean
    case .template: return .string
    }
  }

  static func type(of value: Value) -> RegoType {
    switch value {
    case .null: .null
    case .bool: .boolean
    case .number: .number
    case .string: .string
    case .array(let elements): .array(elements.map { type(of: $0) }, rest: nil)
    case .object: .object(.any, .any)
    case .set: .set(.any)
    }
  }
}

extension RegoType {
  /// As OPA prints it.
  var text: String {
    switch self {
    case .any: "any"
    case .null: "null"
    case .boolean: "boolean"
    case .number: "number"
    case .string: "string"
    case .array(let items, let rest):
      if let rest {
        items.isEmpty
          ? "array[\(rest.text)]"
          : "array<\(items.map(\.text).joined(separator: ", "))>[\(rest.text)]"
      } else {
        items.isEmpty ? "array[any]" : "array<\(items.map(\.text).joined(separator: ", "))>"
      }
    case .object(let properties, let rest):
      if properties.isEmpty {
        "object[\(rest?.key.text ?? "any"): \(rest?.value.text ?? "any")]"
      } else {
        "object<\(properties.map { "\($0.key): \($0.type.text)" }.joined(separator: ", "))>"
          + (rest.map { "[\($0.key.text): \($0.value.text)]" } ?? "")
      }
    case .set(let element): "set[\(element.text)]"
    case .anyOf(let types): "any<\(types.map(\.text).joined(separator: ", "))>"
    }
  }
}

extension RegoType {
  /// Whether some value may be of both types.
  func mayBe(_ other: RegoType) -> Bool {
    switch (self, other) {
    case (.any, _), (_, .any): return true
    case (.anyOf(let types), _): return types.isEmpty || types.contains { $0.mayBe(other) }
    case (_, .anyOf(let types)): return types.isEmpty || types.contains { mayBe($0) }
    case (.null, .null), (.boolean, .boolean), (.number, .number), (.string, .string): return true
    case (.array(let items, let rest), .array(let others, let otherRest)):
      for index in 0..<max(items.count, others.count) {
        guard let one = index < items.count ? items[index] : rest,
          let other = index < others.count ? others[index] : otherRest
        else { return false }
        if !one.mayBe(other) { return false }
      }
      return true
    case (.object, .object), (.set, .set): return true
    default: return false
    }
  }
}

extension Planner {
  /// What is known of a term's type where it is written.
  func type(of node: Node) -> RegoType {
    switch node {
    case .local(let slot): return types[slot] ?? .any
    case .array(let nodes): return .array(nodes.map { type(of: $0) }, rest: nil)
    default: return TypeInference.type(of: node, program.builtins)
    }
  }

  /// Reports arguments that can never be of the type that a builtin takes.
  mutating func checkArguments(_ number: Int, _ arguments: [Node], _ place: Place) {
    let builtin = program.builtins[number]
    guard arguments.count == builtin.parameters.count else { return }
    for (argument, parameter) in zip(arguments, builtin.parameters)
    where !type(of: argument).mayBe(parameter) {
      let have = arguments.map { type(of: $0).text } + ["???"]
      let want = (builtin.parameters + [builtin.result].compactMap { $0 }).map(\.text)
      report(
        "rego_type_error",
        "\(builtin.name): invalid argument(s)\n\thave: (\(have.joined(separator: ", ")))\n\twant: (\(want.joined(separator: ", ")))",
        place)
      return
    }
  }

  /// Reports two terms that can never be equal.
  mutating func checkMatch(_ left: Node, _ right: Node, _ place: Place) {
    let (one, other) = (type(of: left), type(of: right))
    guard !one.mayBe(other) else { return }
    report(
      "rego_type_error", "match error\n\tleft  : \(one.text)\n\tright : \(other.text)", place)
  }
}
