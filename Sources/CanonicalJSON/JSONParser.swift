/// A strict JSON parser (RFC 8259): UTF-8 only, unique names, no lone surrogates, bounded.
package struct JSONParser {
  /// Bounds on what is accepted before any of it is believed.
  package struct Limits: Sendable {
    package var bytes: Int
    package var depth: Int

    package init(bytes: Int = 1 << 20, depth: Int = 64) {
      self.bytes = bytes
      self.depth = depth
    }
  }

  private let bytes: UnsafeBufferPointer<UInt8>
  private let limits: Limits
  private var index = 0
  private var depth = 0

  private init(_ bytes: UnsafeBufferPointer<UInt8>, limits: Limits) {
    self.bytes = bytes
    self.limits = limits
  }

  /// Parses one document; nothing but white space may follow it.
  ///
  /// - Throws: ``JSONFault`` with the first fault's place.
  package static func parse(
    _ bytes: [UInt8], limits: Limits = Limits()
  ) throws(JSONFault) -> JSONValue {
    try bytes.withUnsafeBufferPointer { (buffer) throws(JSONFault) -> JSONValue in
      var parser = JSONParser(buffer, limits: limits)
      return try parser.document()
    }
  }

  private mutating func document() throws(JSONFault) -> JSONValue {
    if bytes.count > limits.bytes { throw fault(.tooLarge(limit: limits.bytes), at: 0) }
    skipSpace()
    let value = try value()
    skipSpace()
    if index < bytes.count { throw unexpected("the end of the document") }
    return value
  }

  private mutating func value() throws(JSONFault) -> JSONValue {
    guard index < bytes.count else { throw unexpected("a value") }
    switch bytes[index] {
    case UInt8(ascii: "{"): return try object()
    case UInt8(ascii: "["): return try array()
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
    case UInt8(ascii: "t"): return try literal("true", .bool(true))
    case UInt8(ascii: "f"): return try literal("false", .bool(false))
    case UInt8(ascii: "n"): return try literal("null", .null)
    default: throw unexpected("a value")
    }
  }

  private mutating func literal(
    _ word: StaticString, _ value: JSONValue
  ) throws(JSONFault) -> JSONValue {
    for offset in 0..<word.utf8CodeUnitCount {
      guard index < bytes.count, bytes[index] == word.utf8Start[offset] else {
        throw unexpected("\(word)")
      }
      index += 1
    }
    return value
  }

  private mutating func enter() throws(JSONFault) {
    depth += 1
    if depth > limits.depth { throw fault(.tooDeep(limit: limits.depth), at: index) }
    index += 1
    skipSpace()
  }

  private mutating func array() throws(JSONFault) -> JSONValue {
    try enter()
    var elements: [JSONValue] = []
    if !skip("]") {
      repeat {
        skipSpace()
        elements.append(try value())
        skipSpace()
      } while skip(",")
      guard skip("]") else { throw unexpected("\",\" or \"]\"") }
    }
    depth -= 1
    return .array(elements)
  }

  private mutating func object() throws(JSONFault) -> JSONValue {
    try enter()
    var members: [JSONObject.Member] = []
    var sorted = true
    if !skip("}") {
      repeat {
        skipSpace()
        guard index < bytes.count, bytes[index] == UInt8(ascii: "\"") else {
          throw unexpected("a name in quotes")
        }
        let start = index
        let name = try string()
        skipSpace()
        guard skip(":") else { throw unexpected("\":\"") }
        skipSpace()
        if let last = members.last, !last.name.precedesByUTF16(name) {
          if last.name == name { throw fault(.duplicateKey(name), at: start) }
          sorted = false
        }
        members.append(JSONObject.Member(name: name, value: try value()))
        skipSpace()
      } while skip(",")
      guard skip("}") else { throw unexpected("\",\" or \"}\"") }
    }
    depth -= 1
    if !sorted {
      members.sort { $0.name.precedesByUTF16($1.name) }
      for (left, right) in zip(members, members.dropFirst()) where left.name == right.name {
        throw fault(.duplicateKey(left.name), at: max(0, index - 1))
      }
    }
    return .object(JSONObject(sorted: members))
  }

  private mutating func string() throws(JSONFault) -> ByteString {
    index += 1
    let start = index
    while index < bytes.count {
      let byte = bytes[index]
      if byte == UInt8(ascii: "\"") {
        let text = ByteString(checked: Array(bytes[start..<index]))
        index += 1
        return text
      }
      if byte == UInt8(ascii: "\\") { break }
      try plainByte(byte)
    }
    var text = Array(bytes[start..<index])
    while index < bytes.count {
      let byte = bytes[index]
      switch byte {
      case UInt8(ascii: "\""):
        index += 1
        return ByteString(checked: text)
      case UInt8(ascii: "\\"):
        try escape(into: &text)
      default:
        let before = index
        try plainByte(byte)
        text.append(contentsOf: bytes[before..<index])
      }
    }
    throw unexpected("a closing quote")
  }

  private mutating func plainByte(_ byte: UInt8) throws(JSONFault) {
    if byte < 0x20 { throw fault(.controlCharacter(byte), at: index) }
    if byte < 0x80 {
      index += 1
    } else if let length = UTF8Check.sequenceLength(at: index, in: bytes) {
      index += length
    } else {
      throw fault(.invalidUTF8, at: index)
    }
  }

  private mutating func escape(into text: inout [UInt8]) throws(JSONFault) {
    let start = index
    index += 1
    guard index < bytes.count else { throw unexpected("an escape") }
    let byte = bytes[index]
    index += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
    case UInt8(ascii: "b"): text.append(0x08)
    case UInt8(ascii: "f"): text.append(0x0C)
    case UInt8(ascii: "n"): text.append(0x0A)
    case UInt8(ascii: "r"): text.append(0x0D)
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "u"):
      var code = try hexadecimal()
      if code & 0xFC00 == 0xD800 {
        guard index + 1 < bytes.count, bytes[index] == UInt8(ascii: "\\"),
          bytes[index + 1] == UInt8(ascii: "u")
        else { throw fault(.loneSurrogate, at: start) }
        index += 2
        let low = try hexadecimal()
        guard low & 0xFC00 == 0xDC00 else { throw fault(.loneSurrogate, at: start) }
        code = 0x10000 + ((code & 0x3FF) << 10) + (low & 0x3FF)
      }
      guard let scalar = Unicode.Scalar(code) else { throw fault(.loneSurrogate, at: start) }
      text.append(contentsOf: Array(String(Character(scalar)).utf8))
    default:
      index -= 1
      throw unexpected("one of \" \\ / b f n r t u after a backslash")
    }
  }

  private mutating func hexadecimal() throws(JSONFault) -> UInt32 {
    var code: UInt32 = 0
    for _ in 0..<4 {
      guard index < bytes.count else { throw unexpected("four hexadecimal digits") }
      let byte = bytes[index]
      let digit: UInt8
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
      case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
      default: throw unexpected("four hexadecimal digits")
      }
      code = code << 4 | UInt32(digit)
      index += 1
    }
    return code
  }

  private mutating func number() throws(JSONFault) -> JSONValue {
    let start = index
    _ = skip("-")
    guard let first = peek(), isDigit(first) else { throw unexpected("a digit") }
    if first == UInt8(ascii: "0") {
      index += 1
      if let next = peek(), isDigit(next) { throw unexpected("no digit after a leading 0") }
    } else {
      digits()
    }
    if skip(".") {
      guard let next = peek(), isDigit(next) else { throw unexpected("a digit") }
      digits()
    }
    if let mark = peek(), mark | 0x20 == UInt8(ascii: "e") {
      index += 1
      if !skip("+") { _ = skip("-") }
      guard let next = peek(), isDigit(next) else { throw unexpected("a digit") }
      digits()
    }
    return .number(JSONNumber(checked: ByteString(checked: Array(bytes[start..<index]))))
  }

  private mutating func digits() {
    while let byte = peek(), isDigit(byte) { index += 1 }
  }

  private func isDigit(_ byte: UInt8) -> Bool {
    byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
  }

  private func peek() -> UInt8? { index < bytes.count ? bytes[index] : nil }

  private mutating func skip(_ scalar: Unicode.Scalar) -> Bool {
    guard index < bytes.count, bytes[index] == UInt8(ascii: scalar) else { return false }
    index += 1
    return true
  }

  private mutating func skipSpace() {
    while index < bytes.count {
      switch bytes[index] {
      case 0x20, 0x09, 0x0A, 0x0D: index += 1
      default: return
      }
    }
  }

  private func unexpected(_ expected: String) -> JSONFault {
    guard index < bytes.count else {
      return fault(.unexpected(found: "the end of the text", expected: expected), at: index)
    }
    let byte = bytes[index]
    if byte >= 0x80 {
      guard let length = UTF8Check.sequenceLength(at: index, in: bytes) else {
        return fault(.invalidUTF8, at: index)
      }
      let character = String(decoding: bytes[index..<index + length], as: UTF8.self)
      return fault(.unexpected(found: "\"\(character)\"", expected: expected), at: index)
    }
    let found =
      byte < 0x20 || byte == 0x7F
      ? "byte 0x\(String(byte, radix: 16))" : "\"\(Character(Unicode.Scalar(byte)))\""
    return fault(.unexpected(found: found, expected: expected), at: index)
  }

  private func fault(_ problem: JSONFault.Problem, at offset: Int) -> JSONFault {
    var line = 1
    var column = 1
    for byte in bytes.prefix(offset) {
      if byte == 0x0A {
        line += 1
        column = 1
      } else if byte & 0xC0 != 0x80 {
        column += 1
      }
    }
    return JSONFault(problem: problem, offset: offset, line: line, column: column)
  }
}
