import CanonicalJSON

/// A built-in function's refusal; unless strict, it only makes the call undefined.
struct BuiltinFault: Error {
  let message: String
  /// `type` or `builtin`, as OPA names them.
  var kind = "builtin"

  static func type(_ index: Int, _ expected: String, _ got: Value) -> BuiltinFault {
    BuiltinFault(
      message: "operand \(index + 1) must be \(expected) but got \(got.typeName)", kind: "type")
  }
}

struct Builtin: Sendable {
  let name: String
  /// nil: any number of arguments.
  let arity: Int?
  let body: @Sendable ([Value]) throws(BuiltinFault) -> Value?

  init(
    _ name: String, _ arity: Int?,
    _ body: @escaping @Sendable ([Value]) throws(BuiltinFault) -> Value?
  ) {
    self.name = name
    self.arity = arity
    self.body = body
  }
}

enum BuiltinTable {
  static let builtins: [String: Builtin] = {
    let families = [
      comparisons, numbers, aggregates, strings, collections, objects, types, encoding,
    ]
    var table: [String: Builtin] = [:]
    for builtin in families.joined() { table[builtin.name] = builtin }
    return table
  }()

  static func string(_ values: [Value], _ index: Int) throws(BuiltinFault) -> ByteString {
    guard case .string(let text) = values[index] else {
      throw .type(index, "string", values[index])
    }
    return text
  }

  static func number(_ values: [Value], _ index: Int) throws(BuiltinFault) -> Number {
    guard case .number(let number) = values[index] else {
      throw .type(index, "number", values[index])
    }
    return number
  }

  static func integer(_ values: [Value], _ index: Int) throws(BuiltinFault) -> Int64 {
    guard let integer = try number(values, index).integer else {
      throw .type(index, "integer number", values[index])
    }
    return integer
  }

  static func array(_ values: [Value], _ index: Int) throws(BuiltinFault) -> [Value] {
    guard case .array(let elements) = values[index] else {
      throw .type(index, "array", values[index])
    }
    return elements
  }

  static func object(_ values: [Value], _ index: Int) throws(BuiltinFault) -> ObjectValue {
    guard case .object(let object) = values[index] else {
      throw .type(index, "object", values[index])
    }
    return object
  }

  /// The elements of an array or a set.
  static func elements(_ values: [Value], _ index: Int) throws(BuiltinFault) -> [Value] {
    switch values[index] {
    case .array(let elements): return elements
    case .set(let set): return set.elements
    default: throw .type(index, "one of {array, set}", values[index])
    }
  }

  static func strings(_ values: [Value], _ index: Int) throws(BuiltinFault) -> [ByteString] {
    var texts: [ByteString] = []
    for element in try elements(values, index) {
      guard case .string(let text) = element else {
        throw .type(index, "a collection of strings", element)
      }
      texts.append(text)
    }
    return texts
  }
}
