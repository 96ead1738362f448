package import CanonicalJSON

/// The operands of a call, read as what the builtin takes; a wrong type fails as OPA says it.
extension [Value] {
  package func string(_ index: Int) throws(BuiltinFailure) -> ByteString {
    guard case .string(let text) = self[index] else {
      throw .operand(index, "string", self[index])
    }
    return text
  }

  package func number(_ index: Int) throws(BuiltinFailure) -> Number {
    guard case .number(let number) = self[index] else {
      throw .operand(index, "number", self[index])
    }
    return number
  }

  /// A number written as an integer of 64 bits.
  package func integer(_ index: Int) throws(BuiltinFailure) -> Int {
    guard let integer = try number(index).integer else {
      throw .fraction(index)
    }
    return Int(integer)
  }

  /// A number without a fraction, however written; its width is charged.
  func bigInteger(
    _ index: Int, _ context: inout BuiltinContext
  ) throws(BuiltinFailure) -> BigInteger {
    guard case .number(let number) = self[index] else {
      throw .operand(index, "integer", self[index])
    }
    guard number.isInteger else { throw .fraction(index) }
    try Number.charge(number, .integer(0), &context)
    guard let integer = number.bigInteger else { throw .fraction(index) }
    return integer
  }

  package func bool(_ index: Int) throws(BuiltinFailure) -> Bool {
    guard case .bool(let flag) = self[index] else {
      throw .operand(index, "boolean", self[index])
    }
    return flag
  }

  package func array(_ index: Int) throws(BuiltinFailure) -> [Value] {
    guard case .array(let elements) = self[index] else {
      throw .operand(index, "array", self[index])
    }
    return elements
  }

  package func object(_ index: Int) throws(BuiltinFailure) -> ObjectValue {
    guard case .object(let object) = self[index] else {
      throw .operand(index, "object", self[index])
    }
    return object
  }

  package func set(_ index: Int) throws(BuiltinFailure) -> SetValue {
    guard case .set(let set) = self[index] else {
      throw .operand(index, "set", self[index])
    }
    return set
  }

  /// The elements of an array or a set; `order`: how the message lists the two.
  package func elements(
    _ index: Int, order: String = "one of {array, set}"
  ) throws(BuiltinFailure) -> [Value] {
    switch self[index] {
    case .array(let elements): return elements
    case .set(let set): return set.elements
    default: throw .operand(index, order, self[index])
    }
  }

  /// The strings in an array or a set.
  package func strings(
    _ index: Int, order: String = "one of {array, set}"
  ) throws(BuiltinFailure) -> [ByteString] {
    var texts: [ByteString] = []
    for element in try elements(index, order: order) {
      guard case .string(let text) = element else {
        throw .element(index, self[index], element, "string")
      }
      texts.append(text)
    }
    return texts
  }
}

extension BuiltinFailure {
  /// `operand 1 must be integer number but got floating-point number`.
  static func fraction(_ index: Int) -> BuiltinFailure {
    .type("operand \(index + 1) must be integer number but got floating-point number")
  }

  /// `operand 2 must be array of strings but got array containing number`.
  package static func element(
    _ index: Int, _ whole: Value, _ got: Value, _ expected: String
  ) -> BuiltinFailure {
    let type = whole.typeName
    return .type(
      "operand \(index + 1) must be \(type) of \(expected)s but got \(type) containing "
        + got.typeName)
  }
}

extension Value {
  /// What reading all of it takes: a step for each value in it and for each 8 bytes of text.
  package func size(within most: Int) -> Int { weight(within: most) ?? .max / 8 }

  package static func integer(_ value: Int) -> Value { .number(.integer(Int64(value))) }

  /// Takes bytes that are valid UTF-8 since they were cut from or put together of valid UTF-8.
  package static func text(_ bytes: some Collection<UInt8>) -> Value {
    .string(ByteString(validating: bytes) ?? ByteString(String(decoding: bytes, as: UTF8.self)))
  }
}

extension BuiltinContext {
  /// Counts reading values to their ends.
  package mutating func charge(reading values: [Value]) throws(BuiltinFailure) {
    for value in values { try charge(weight: value) }
  }

  /// Counts looking at all of a value; no more of it is looked at than may be.
  package mutating func charge(weight value: Value) throws(BuiltinFailure) {
    try charge(steps: value.weight(within: stepsLeft) ?? .max)
  }

  /// Counts reading and writing bytes.
  package mutating func charge(text count: Int) throws(BuiltinFailure) {
    try charge(steps: count / 8 + 1)
  }

  /// Counts making a text: before it is made.
  package mutating func charge(making count: Int) throws(BuiltinFailure) {
    try charge(steps: count / 8 + 1)
    try charge(bytes: count)
  }
}
