package import CanonicalJSON

/// Values as JSON text, written as Go's `encoding/json` writes it for OPA, numbers as they stand.
package enum JSONText {
  /// How deep a text may nest: what is made of it is compared and freed by recursion.
  static let depthLimit = Value.depthLimit - 4

  /// What JSON calls a member: a key that is no string is its own JSON text.
  static func key(_ value: Value) -> [UInt8] {
    if case .string(let text) = value { return text.bytes }
    var bytes: [UInt8] = []
    write(value, into: &bytes)
    return bytes
  }

  package static func compact(
    _ value: Value, _ context: inout BuiltinContext
  ) throws(BuiltinFailure) -> ByteString {
    try context.charge(reading: [value, value])
    var bytes: [UInt8] = []
    write(value, into: &bytes)
    try context.charge(bytes: bytes.count)
    return ByteString(validating: bytes) ?? ""
  }

  static func indented(
    _ value: Value, prefix: [UInt8], indent: [UInt8], _ context: inout BuiltinContext
  ) throws(BuiltinFailure) -> ByteString {
    let compact = try compact(value, &context).bytes
    let newline = [0x0A] + prefix
    var result = prefix
    var level = 0
    var isInString = false
    var index = 0
    func breakLine() throws(BuiltinFailure) {
      let (width, overflow) = indent.count.multipliedReportingOverflow(by: level)
      guard !overflow else { throw .limit(.bytes) }
      try context.charge(making: width + newline.count)
      result += newline
      for _ in 0..<level { result += indent }
    }
    while index < compact.count {
      let byte = compact[index]
      index += 1
      if isInString {
        result.append(byte)
        if byte == UInt8(ascii: "\\") {
          result.append(compact[index])
          index += 1
        } else if byte == UInt8(ascii: "\"") {
          isInString = false
        }
        continue
      }
      switch byte {
      case UInt8(ascii: "\""):
        isInString = true
        result.append(byte)
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        result.append(byte)
        if compact[index] == byte + 2 {
          result.append(compact[index])
          index += 1
        } else {
          level += 1
          try breakLine()
        }
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        level -= 1
        try breakLine()
        result.append(byte)
      case UInt8(ascii: ","):
        result.append(byte)
        try breakLine()
      case UInt8(ascii: ":"):
        result += [byte, UInt8(ascii: " ")]
      default: result.append(byte)
      }
    }
    return ByteString(validating: result) ?? ""
  }

  /// Recurses as deep as values nest, which is limited.
  static func write(_ value: Value, into bytes: inout [UInt8]) {
    switch value {
    case .null: bytes += Array("null".utf8)
    case .bool(let flag): bytes += Array((flag ? "true" : "false").utf8)
    case .number(let number): bytes += number.text.bytes
    case .string(let text): writeQuoted(text.bytes, into: &bytes)
    case .array(let elements): writeList(elements, into: &bytes)
    case .set(let set): writeList(set.elements, into: &bytes)
    case .object(let object):
      bytes.append(UInt8(ascii: "{"))
      // Members in the order of their names; OPA's own order is by value.
      var members = object.pairs.map { (name: key($0.key), value: $0.value) }
      if object.pairs.contains(where: { if case .string = $0.key { false } else { true } }) {
        // Of keys with one text the last counts, as in OPA.
        var last: [[UInt8]: Int] = [:]
        for (index, member) in members.enumerated() { last[member.name] = index }
        members = last.values.map { members[$0] }
        members.sort { $0.name.lexicographicallyPrecedes($1.name) }
      }
      for (index, member) in members.enumerated() {
        if index > 0 { bytes.append(UInt8(ascii: ",")) }
        writeQuoted(member.name, into: &bytes)
        bytes.append(UInt8(ascii: ":"))
        write(member.value, into: &bytes)
      }
      bytes.append(UInt8(ascii: "}"))
    }
  }

  private static func writeList(_ elements: [Value], into bytes: inout [UInt8]) {
    bytes.append(UInt8(ascii: "["))
    for (index, element) in elements.enumerated() {
      if index > 0 { bytes.append(UInt8(ascii: ",")) }
      write(element, into: &bytes)
    }
    bytes.append(UInt8(ascii: "]"))
  }

  private static func writeQuoted(_ text: [UInt8], into bytes: inout [UInt8]) {
    let digits = Array("0123456789abcdef".utf8)
    bytes.append(UInt8(ascii: "\""))
    var index = 0
    while index < text.count {
      let byte = text[index]
      index += 1
      switch byte {
      case UInt8(ascii: "\""): bytes += Array("\\\"".utf8)
      case UInt8(ascii: "\\"): bytes += Array("\\\\".utf8)
      case 0x08: bytes += Array("\\b".utf8)
      case 0x0C: bytes += Array("\\f".utf8)
      case 0x0A: bytes += Array("\\n".utf8)
      case 0x0D: bytes += Array("\\r".utf8)
      case 0x09: bytes += Array("\\t".utf8)
      case 0..<0x20, UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "&"):
        bytes += Array("\\u00".utf8) + [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      case 0xE2
      where index + 1 < text.count && text[index] == 0x80 && text[index + 1] & 0xFE == 0xA8:
        // U+2028 and U+2029 end lines in JavaScript.
        bytes += Array("\\u202".utf8) + [digits[Int(text[index + 1] & 15)]]
        index += 2
      default: bytes.append(byte)
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }

  /// Reads a JSON text as Go does: of two members of one name the later wins.
  package static func value(_ text: ByteString) throws(BuiltinFailure) -> Value {
    var reader = JSONReader(text.bytes)
    return try reader.document()
  }
}
