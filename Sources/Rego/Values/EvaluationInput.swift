package import CanonicalJSON

/// The input of an evaluation, as it is at hand: what a policy does not read is never made a value.
package enum EvaluationInput: Sendable {
  case value(Value)
  case json(JSONValue)
  case text(InputText)

  /// Reads one strict JSON document (RFC 8259, as `JSONParser` does).
  ///
  /// - Throws: ``JSONFault``, the same as `JSONParser` gives.
  package init(
    json bytes: [UInt8], limits: JSONParser.Limits = JSONParser.Limits()
  ) throws(JSONFault) {
    // A document with a fault is read again by the parser that names it.
    if let text = InputText(bytes, limits: limits) {
      self = text.isWide ? .value(text.value(at: 0)) : .text(text)
    } else {
      self = .json(try JSONParser.parse(bytes, limits: limits))
    }
  }

  /// The whole of it.
  package var value: Value {
    switch self {
    case .value(let value): value
    case .json(let json): Value(json)
    case .text(let text): text.value(at: 0)
    }
  }

  /// What stands under keys of a JSON value; nil if nothing does.
  static func element(of json: JSONValue, under keys: ArraySlice<Value>) -> JSONValue? {
    var json = json
    for key in keys {
      switch (json, key) {
      case (.object(let object), .string(let name)):
        guard let next = object[name] else { return nil }
        json = next
      case (.array(let elements), .number(let number)):
        guard let index = number.integer, index >= 0, index < elements.count else { return nil }
        json = elements[Int(index)]
      default: return nil
      }
    }
    return json
  }
}

extension Value {
  /// Reads one strict JSON document into a value of its own.
  ///
  /// - Throws: ``JSONFault``, the same as `JSONParser` gives.
  package init(
    json bytes: [UInt8], limits: JSONParser.Limits = JSONParser.Limits()
  ) throws(JSONFault) {
    self = try EvaluationInput(json: bytes, limits: limits).value
  }
}
