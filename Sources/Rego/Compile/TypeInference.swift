import CanonicalJSON

/// What is known of the types of terms without looking at rules.
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
    case .null: return .null
    case .bool: return .boolean
    case .number: return .number
    case .string: return .string
    case .array(let elements):
      return elements.isEmpty
        ? .array(of: .any) : .array(elements.map { type(of: $0) }, rest: nil)
    case .object(let object):
      return object.isEmpty
        ? .object(.any, .any)
        : .object(
          object.pairs.map { RegoType.Property(key: $0.key, type: type(of: $0.value)) }, rest: nil)
    case .set(let set):
      var element: RegoType?
      for value in set.elements { element = RegoType.union(element, type(of: value)) }
      return .set(element ?? .any)
    }
  }
}

extension RegoType {
  /// As OPA prints it.
  var text: String {
    switch self {
    case .any: return "any"
    case .null: return "null"
    case .boolean: return "boolean"
    case .number: return "number"
    case .string: return "string"
    case .array(let items, let rest):
      let known = items.isEmpty ? "" : "<\(items.map(\.text).joined(separator: ", "))>"
      let more = rest.map { "[\($0.text)]" } ?? ""
      return known.isEmpty && more.isEmpty ? "array[any]" : "array\(known)\(more)"
    case .object(let properties, let rest):
      let known = properties.map { property in
        let name: String =
          if case .string(let text) = property.key {
            text.text
          } else {
            property.key.source.text
          }
        return "\(name): \(property.type.text)"
      }.joined(separator: ", ")
      let more = rest.map { "[\($0.key.text): \($0.value.text)]" } ?? ""
      if known.isEmpty { return "object" + (more.isEmpty ? "[any: any]" : more) }
      return "object<\(known)>\(more)"
    case .set(let element): return "set[\(element.text)]"
    case .anyOf(let types): return "any<\(types.map(\.text).joined(separator: ", "))>"
    }
  }
}
