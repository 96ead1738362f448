import CanonicalJSON

/// A built-in function's refusal; unless strict, it only makes the call undefined.
struct OldBuiltinFault: Error {
  let message: String
  /// `type` or `builtin`, as OPA names them.
  var kind = "builtin"

  static func type(_ index: Int, _ expected: String, _ got: Value) -> OldBuiltinFault {
    OldBuiltinFault(
      message: "operand \(index + 1) must be \(expected) but got \(got.typeName)", kind: "type")
  }
}

struct OldBuiltin: Sendable {
  let name: String
  /// nil: any number of arguments.
  let arity: Int?
  let body: @Sendable ([Value]) throws(OldBuiltinFault) -> Value?

  init(
    _ name: String, _ arity: Int?,
    _ body: @escaping @Sendable ([Value]) throws(OldBuiltinFault) -> Value?
  ) {
    self.name = name
    self.arity = arity
    self.body = body
  }
}

extension OldBuiltin {
  /// What its arguments weigh to read, and what it makes much of from little, before it is called.
  func cost(_ values: [Value]) -> Int {
    switch name {
    case "count", "is_null", "is_boolean", "is_number", "is_string", "is_array", "is_object",
      "is_set", "type_name", "object.get":
      return values.reduce(1) { $0 + $1.width }
    case "internal.member_2" where values[0].isScalar: return 1 + values[1].width
    case "equal", "eq", "neq", "lt", "gt", "lte", "gte":
      // One that is small ends the comparison soon.
      return 1 + (values.map(\.width).min() ?? 0 <= 1 ? 1 : values.reduce(0) { $0 + $1.oldSize })
    case "replace":
      guard case .string(let text) = values[0], case .string(let part) = values[1],
        case .string(let other) = values[2]
      else { return 1 }
      let (made, overflow) = (text.count / max(1, part.count) + 1)
        .multipliedReportingOverflow(by: other.count)
      return overflow ? .max : 1 + (text.count + made) / 8
    case "concat":
      guard case .string(let separator) = values[0] else { return values[1].oldSize }
      let (made, overflow) = values[1].width.multipliedReportingOverflow(by: separator.count)
      return overflow ? .max : values[1].oldSize + made / 8
    case "numbers.range":
      guard case .number(let low) = values[0], case .number(let high) = values[1] else { return 1 }
      return Int(min(1_000_000, (high.double - low.double).magnitude))
    default: return values.reduce(1) { $0 + $1.oldSize }
    }
  }
}

extension Value {
  fileprivate var isScalar: Bool {
    switch self {
    case .array, .object, .set: false
    default: true
    }
  }

  /// Its elements, or its text by 8 bytes.
  fileprivate var width: Int {
    switch self {
    case .null, .bool, .number: 1
    case .string(let text): 1 + text.count / 8
    case .array(let elements): 1 + elements.count
    case .object(let object): 1 + object.pairs.count
    case .set(let set): 1 + set.elements.count
    }
  }

  fileprivate var oldSize: Int { weight ?? .max / 8 }
}

enum OldBuiltinTable {
  static let builtins: [String: OldBuiltin] = {
    let families = [
      comparisons, numbers, aggregates, strings, collections, objects, types, encoding,
    ]
    var table: [String: OldBuiltin] = [:]
    for builtin in families.joined() { table[builtin.name] = builtin }
    return table
  }()

  static func string(_ values: [Value], _ index: Int) throws(OldBuiltinFault) -> ByteString {
    guard case .string(let text) = values[index] else {
      throw .type(index, "string", values[index])
    }
    return text
  }

  static func number(_ values: [Value], _ index: Int) throws(OldBuiltinFault) -> Number {
    guard case .number(let number) = values[index] else {
      throw .type(index, "number", values[index])
    }
    return number
  }

  static func integer(_ values: [Value], _ index: Int) throws(OldBuiltinFault) -> Int64 {
    guard let integer = try number(values, index).integer else {
      throw .type(index, "integer number", values[index])
    }
    return integer
  }

  static func array(_ values: [Value], _ index: Int) throws(OldBuiltinFault) -> [Value] {
    guard case .array(let elements) = values[index] else {
      throw .type(index, "array", values[index])
    }
    return elements
  }

  static func object(_ values: [Value], _ index: Int) throws(OldBuiltinFault) -> ObjectValue {
    guard case .object(let object) = values[index] else {
      throw .type(index, "object", values[index])
    }
    return object
  }

  /// The elements of an array or a set.
  static func elements(_ values: [Value], _ index: Int) throws(OldBuiltinFault) -> [Value] {
    switch values[index] {
    case .array(let elements): return elements
    case .set(let set): return set.elements
    default: throw .type(index, "one of {array, set}", values[index])
    }
  }

  static func strings(_ values: [Value], _ index: Int) throws(OldBuiltinFault) -> [ByteString] {
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
