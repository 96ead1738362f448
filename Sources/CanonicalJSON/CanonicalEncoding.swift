extension JSONValue {
  /// This value as compact JSON in which every number keeps the text it was written with.
  ///
  /// For showing and handing on what somebody signed: canonical bytes round numbers to 64-bit floats
  /// and have no form for larger ones.
  package var exactBytes: [UInt8] {
    var output: [UInt8] = []
    // No number is refused, so that nothing is thrown.
    try? write(into: &output) { $0.text.bytes }
    return output
  }

  /// ``exactBytes`` as text.
  package var exactText: String { String(decoding: exactBytes, as: UTF8.self) }

  /// The canonical bytes of this value.
  ///
  /// - Throws: ``JSONFault`` `json_number_out_of_range` if a number is beyond a 64-bit float.
  /// - SeeAlso: RFC 8785 section 3.2.
  package func canonicalBytes() throws(JSONFault) -> [UInt8] {
    var output: [UInt8] = []
    output.reserveCapacity(256)
    try write(into: &output) { (number) throws(JSONFault) in
      guard number.double.isFinite else {
        throw JSONFault(problem: .numberOutOfRange(number.text), offset: 0, line: 1, column: 1)
      }
      return Array(ECMAScriptNumber.text(of: number.double).utf8)
    }
    return output
  }

  private func write(
    into output: inout [UInt8], number text: (JSONNumber) throws(JSONFault) -> [UInt8]
  ) throws(JSONFault) {
    switch self {
    case .null: output.append(contentsOf: "null".utf8)
    case .bool(let value): output.append(contentsOf: (value ? "true" : "false").utf8)
    case .number(let number): output += try text(number)
    case .string(let string): JSONValue.writeQuoted(string, into: &output)
    case .array(let elements):
      output.append(UInt8(ascii: "["))
      for (index, element) in elements.enumerated() {
        if index > 0 { output.append(UInt8(ascii: ",")) }
        try element.write(into: &output, number: text)
      }
      output.append(UInt8(ascii: "]"))
    case .object(let object):
      output.append(UInt8(ascii: "{"))
      for (index, member) in object.members.enumerated() {
        if index > 0 { output.append(UInt8(ascii: ",")) }
        JSONValue.writeQuoted(member.name, into: &output)
        output.append(UInt8(ascii: ":"))
        try member.value.write(into: &output, number: text)
      }
      output.append(UInt8(ascii: "}"))
    }
  }

  /// Appends a JSON string in its shortest canonical form (RFC 8785 section 3.2.2.2).
  package static func writeQuoted(_ text: ByteString, into output: inout [UInt8]) {
    output.append(UInt8(ascii: "\""))
    for byte in text.bytes {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"):
        output.append(UInt8(ascii: "\\"))
        output.append(byte)
      case 0x08: output.append(contentsOf: "\\b".utf8)
      case 0x09: output.append(contentsOf: "\\t".utf8)
      case 0x0A: output.append(contentsOf: "\\n".utf8)
      case 0x0C: output.append(contentsOf: "\\f".utf8)
      case 0x0D: output.append(contentsOf: "\\r".utf8)
      case 0..<0x20:
        output.append(contentsOf: "\\u00".utf8)
        output.append(contentsOf: (byte < 16 ? "0" : "1").utf8)
        output.append(contentsOf: String(byte & 15, radix: 16).utf8)
      default: output.append(byte)
      }
    }
    output.append(UInt8(ascii: "\""))
  }
}

/// Number to text as ECMAScript does it (ECMA-262 `Number::toString`, RFC 8785 section 3.2.2.3).
enum ECMAScriptNumber {
  static func text(of value: Double) -> String {
    if value == 0 { return "0" }
    if value.magnitude < 9_007_199_254_740_992, value == value.rounded(.towardZero) {
      return String(Int64(value))
    }
    // Swift's description has the same shortest digits, in another layout.
    let parts = value.magnitude.description.split(separator: "e")
    let mantissa = parts[0].split(separator: ".", omittingEmptySubsequences: false)
    var digits = Array(mantissa[0].utf8)
    var point = digits.count + (parts.count > 1 ? Int(parts[1]) ?? 0 : 0)
    if mantissa.count > 1 { digits.append(contentsOf: mantissa[1].utf8) }
    let zeros = digits.prefix { $0 == UInt8(ascii: "0") }.count
    digits.removeFirst(zeros)
    point -= zeros
    while digits.last == UInt8(ascii: "0") { digits.removeLast() }
    let sign = value < 0 ? "-" : ""
    return sign + layout(String(decoding: digits, as: UTF8.self), point: point)
  }

  /// Places the decimal point `point` digits from the left, as ECMA-262 lays numbers out.
  private static func layout(_ digits: String, point: Int) -> String {
    let count = digits.utf8.count
    if count <= point, point <= 21 {
      return digits + String(repeating: "0", count: point - count)
    }
    if 0 < point, point <= 21 {
      return "\(digits.prefix(point)).\(digits.dropFirst(point))"
    }
    if -6 < point, point <= 0 {
      return "0." + String(repeating: "0", count: -point) + digits
    }
    let exponent = point - 1
    let tail = "e\(exponent < 0 ? "-" : "+")\(exponent.magnitude)"
    return count == 1 ? digits + tail : "\(digits.prefix(1)).\(digits.dropFirst())\(tail)"
  }
}
