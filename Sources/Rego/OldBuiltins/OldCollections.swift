import CanonicalJSON

extension OldBuiltinTable {
  private static func set(_ values: [Value], _ index: Int) throws(OldBuiltinFault) -> SetValue {
    guard case .set(let set) = values[index] else { throw .type(index, "set", values[index]) }
    return set
  }

  static let collections: [OldBuiltin] = [
    OldBuiltin("and", 2) { (values) throws(OldBuiltinFault) in
      let (left, right) = (try set(values, 0), try set(values, 1))
      return .set(SetValue(left.elements.filter(right.contains)))
    },
    OldBuiltin("or", 2) { (values) throws(OldBuiltinFault) in
      .set(SetValue(try set(values, 0).elements + set(values, 1).elements))
    },
    OldBuiltin("union", 1) { (values) throws(OldBuiltinFault) in
      var all: [Value] = []
      for element in try set(values, 0).elements { all += try set([element], 0).elements }
      return .set(SetValue(all))
    },
    OldBuiltin("intersection", 1) { (values) throws(OldBuiltinFault) in
      var shared: [Value]?
      for element in try set(values, 0).elements {
        let next = try set([element], 0)
        shared = shared?.filter(next.contains) ?? next.elements
      }
      return .set(SetValue(shared ?? []))
    },
    OldBuiltin("array.concat", 2) { (values) throws(OldBuiltinFault) in
      .array(try array(values, 0) + array(values, 1))
    },
    OldBuiltin("array.reverse", 1) { (values) throws(OldBuiltinFault) in
      .array(try array(values, 0).reversed())
    },
    OldBuiltin("array.slice", 3) { (values) throws(OldBuiltinFault) in
      let elements = try array(values, 0)
      let low = max(0, min(try integer(values, 1), Int64(elements.count)))
      let high = max(low, min(try integer(values, 2), Int64(elements.count)))
      return .array(Array(elements[Int(low)..<Int(high)]))
    },
  ]

  static let objects: [OldBuiltin] = [
    OldBuiltin("object.get", 3) { (values) throws(OldBuiltinFault) in
      let object = try object(values, 0)
      guard case .array(let path) = values[1] else { return object[values[1]] ?? values[2] }
      var value: Value? = .object(object)
      for key in path { value = value?.element(key) }
      return value ?? values[2]
    },
    OldBuiltin("object.keys", 1) { (values) throws(OldBuiltinFault) in
      .set(SetValue(try object(values, 0).pairs.map(\.key)))
    },
    OldBuiltin("object.remove", 2) { (values) throws(OldBuiltinFault) in
      var object = try object(values, 0)
      for (key, value) in Evaluator.elements(values[1]) {
        if case .object = values[1] { object[key] = nil } else { object[value] = nil }
      }
      return .object(object)
    },
    OldBuiltin("object.filter", 2) { (values) throws(OldBuiltinFault) in
      let object = try object(values, 0)
      var result = ObjectValue()
      for (key, value) in Evaluator.elements(values[1]) {
        let name = if case .object = values[1] { key } else { value }
        result[name] = object[name]
      }
      return .object(result)
    },
    OldBuiltin("object.union", 2) { (values) throws(OldBuiltinFault) in
      merge(.object(try object(values, 0)), .object(try object(values, 1)))
    },
    OldBuiltin("object.union_n", 1) { (values) throws(OldBuiltinFault) in
      try array(values, 0).reduce(.emptyObject, merge)
    },
  ]

  private static func merge(_ left: Value, _ right: Value) -> Value {
    guard case .object(let first) = left, case .object(let second) = right else { return right }
    var members: [Value: Value] = [:]
    for pair in first.pairs { members[pair.key] = pair.value }
    for pair in second.pairs {
      members[pair.key] = members[pair.key].map { merge($0, pair.value) } ?? pair.value
    }
    return .object(ObjectValue(members))
  }

  static let types: [OldBuiltin] =
    [
      ("is_null", "null"), ("is_boolean", "boolean"), ("is_number", "number"),
      ("is_string", "string"), ("is_array", "array"), ("is_object", "object"), ("is_set", "set"),
    ].map { name, type in
      OldBuiltin(name, 1) { .bool($0[0].typeName == type) }
    } + [
      OldBuiltin("type_name", 1) { .string(ByteString($0[0].typeName)) },
      OldBuiltin("to_number", 1) { (values) throws(OldBuiltinFault) in
        switch values[0] {
        case .null: return .number(.integer(0))
        case .bool(let flag): return .number(.integer(flag ? 1 : 0))
        case .number: return values[0]
        case .string(let text):
          guard let json = try? JSONParser.parse(text.bytes), case .number = json else {
            throw OldBuiltinFault(message: "invalid number \(text.text)")
          }
          return Value(json)
        default: throw .type(0, "one of {null, boolean, number, string}", values[0])
        }
      },
    ]

  static let encoding: [OldBuiltin] = [
    OldBuiltin("json.marshal", 1) { (values) throws(OldBuiltinFault) in
      guard let bytes = try? values[0].json.canonicalBytes() else {
        throw OldBuiltinFault(message: "the value has no JSON form")
      }
      return ByteString(validating: bytes).map(Value.string)
    },
    OldBuiltin("json.unmarshal", 1) { (values) throws(OldBuiltinFault) in
      do {
        return Value(try JSONParser.parse(try string(values, 0).bytes))
      } catch let fault as OldBuiltinFault {
        throw fault
      } catch {
        throw OldBuiltinFault(message: "\(error)")
      }
    },
    OldBuiltin("json.is_valid", 1) { (values) throws(OldBuiltinFault) in
      .bool((try? JSONParser.parse(try string(values, 0).bytes)) != nil)
    },
  ]
}
