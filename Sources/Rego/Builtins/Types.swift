import CanonicalJSON

/// Types and casts: a step each, but for those that copy a collection or read a number.
extension BuiltinTable {
  package static let types: [Builtin] =
    [
      ("is_null", "null"), ("is_boolean", "boolean"), ("is_number", "number"),
      ("is_string", "string"), ("is_array", "array"), ("is_object", "object"), ("is_set", "set"),
    ].map { name, type in
      Builtin(name, [.any], .boolean) { (values, _) throws(BuiltinFailure) in
        .bool(values[0].typeName == type)
      }
    } + [
      cast("cast_null", .null), cast("cast_boolean", .boolean), cast("cast_string", .string),
      cast("cast_object", .object(.any, .any)),
      Builtin("cast_array", [.any], .array(of: .any)) { (values, context) throws(BuiltinFailure) in
        let elements = try values.elements(0)
        try context.charge(copying: elements.count)
        return .array(elements)
      },
      Builtin("cast_set", [.any], .set(.any)) { (values, context) throws(BuiltinFailure) in
        if case .set = values[0] { return values[0] }
        let elements = try values.elements(0)
        try context.charge(sorting: values[0], count: elements.count)
        return .set(SetValue(elements))
      },
      Builtin("type_name", [.any], .string) { (values, _) throws(BuiltinFailure) in
        .string(ByteString(values[0].typeName))
      },
      Builtin("to_number", [.anyOf([.null, .boolean, .number, .string])], .number) {
        (values, context) throws(BuiltinFailure) in
        switch values[0] {
        case .null: return .integer(0)
        case .bool(let flag): return .integer(flag ? 1 : 0)
        case .number: return values[0]
        case .string(let text):
          try context.charge(text: text.count)
          return .number(try number(from: text))
        default: throw .operand(0, "one of {null, boolean, number, string}", values[0])
        }
      },
    ]

  private static func cast(_ name: String, _ type: RegoType) -> Builtin {
    let expected = String(name.dropFirst("cast_".count))
    return Builtin(name, [.any], type) { (values, _) throws(BuiltinFailure) in
      guard values[0].typeName == expected else { throw .operand(0, expected, values[0]) }
      return values[0]
    }
  }

  private static func number(from text: ByteString) throws(BuiltinFailure) -> Number {
    let invalid = BuiltinFailure.failed(
      "strconv.ParseFloat: parsing \(GoFormat.quoted(text.text)): invalid syntax")
    var word = text.text.lowercased()
    if word.hasPrefix("+") || word.hasPrefix("-") { word.removeFirst() }
    if ["inf", "infinity", "nan"].contains(word) {
      throw .type("operand 1 must be valid number string but got string")
    }
    guard let number = Number(text: text) else { throw invalid }
    guard number.double.isFinite else {
      throw .failed("strconv.ParseFloat: parsing \(GoFormat.quoted(text.text)): value out of range")
    }
    return number
  }
}
