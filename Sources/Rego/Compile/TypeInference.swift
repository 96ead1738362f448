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
