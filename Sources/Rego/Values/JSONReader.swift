import CanonicalJSON

/// Reads JSON as Go's decoder does for OPA: more is let pass than the strict parser of signed texts
/// allows (names twice, lone surrogates), numbers keep their text, and faults are Go's.
struct JSONReader {
  private let bytes: [UInt8]
  private var index = 0
  private var depth = 0

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
  }

  mutating func document() throws(BuiltinFailure) -> Value {
    skipSpace()
    if index == bytes.count { throw .failed("EOF") }
    let value = try value("looking for beginning of value")
    skipSpace()
    guard index < bytes.count else { return value }
    // OPA reads on: what could begin a value is named otherwise than what could not.
    let mark = bytes[index]
    let beginnings = Array("{[\"tfn-0123456789".utf8)
    guard beginnings.contains(mark) else { throw unexpected("looking for beginning of value") }
    if mark == UInt8(ascii: "\"") { index = min(index + 1, bytes.count - 1) }
    guard case .failed(let reason) = unexpected("after top-level value") else { return value }
    throw .failed("error: " + reason)
  }

  private func unexpected(_ place: String) -> BuiltinFailure {
    guard index < bytes.count else { return .failed("unexpected EOF") }
    let (scalar, _) = RegexMachine.decode(bytes, index)
    let byte = bytes[index]
    let name: String
    switch byte {
    case UInt8(ascii: "'"): name = #"'\''"#
    case UInt8(ascii: "\""): name = "'\"'"
    case 0x80...:
      name =
        "'" + GoFormat.quoted(String(Character(Unicode.Scalar(byte)))).dropFirst().dropLast() + "'"
    default: name = "'" + GoFormat.quoted(String(Character(scalar))).dropFirst().dropLast() + "'"
    }
    return .failed("invalid character \(name) \(place)")
  }

  private mutating func skipSpace() {
    while index < bytes.count {
      switch bytes[index] {
      case 0x20, 0x09, 0x0A, 0x0D: index += 1
      default: return
      }
    }
  }

  private mutating func value(_ place: String) throws(BuiltinFailure) -> Value {
    guard index < bytes.count else { throw unexpected(place) }
    switch bytes[index] {
    case UInt8(ascii: "{"): return try object()
    case UInt8(ascii: "["): return try array()
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try literal("true", .bool(true))
    case UInt8(ascii: "f"): return try literal("false", .bool(false))
    case UInt8(ascii: "n"): return try literal("null", .null)
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
    default: throw unexpected(place)
    }
  }

  private mutating func literal(_ word: String, _ value: Value) throws(BuiltinFailure) -> Value {
    for (offset, byte) in word.utf8.enumerated() {
      guard index < bytes.count, bytes[index] == byte else {
        let letters = Array(word)
        throw unexpected("in literal \(word) (expecting '\(letters[offset])')")
      }
      index += 1
    }
    return value
  }

  private func isDigit() -> Bool { index < bytes.count && bytes[index] &- 0x30 < 10 }

  private mutating func number() throws(BuiltinFailure) -> Value {
    let start = index
    if bytes[index] == UInt8(ascii: "-") { index += 1 }
    guard isDigit() else { throw unexpected("in numeric literal") }
    if bytes[index] == UInt8(ascii: "0") {
      index += 1
    } else {
      while isDigit() { index += 1 }
    }
    if index < bytes.count, bytes[index] == UInt8(ascii: ".") {
      index += 1
      guard isDigit() else { throw unexpected("after decimal point in numeric literal") }
      while isDigit() { index += 1 }
    }
    if index < bytes.count, bytes[index] | 0x20 == UInt8(ascii: "e") {
      index += 1
      if index < bytes.count, bytes[index] == UInt8(ascii: "+") || bytes[index] == UInt8(ascii: "-")
      {
        index += 1
      }
      guard isDigit() else { throw unexpected("in exponent of numeric literal") }
      while isDigit() { index += 1 }
    }
    guard let text = ByteString(validating: bytes[start..<index]), let number = Number(text: text)
    else { throw unexpected("in numeric literal") }
    return .number(number)
  }

  private mutating func enter() throws(BuiltinFailure) {
    depth += 1
    guard depth <= JSONText.depthLimit else { throw .limit(.nesting) }
    index += 1
    skipSpace()
  }

  private mutating func array() throws(BuiltinFailure) -> Value {
    try enter()
    defer { depth -= 1 }
    var elements: [Value] = []
    if index < bytes.count, bytes[index] == UInt8(ascii: "]") {
      index += 1
      return .array([])
    }
    while true {
      skipSpace()
      elements.append(try value("looking for beginning of value"))
      skipSpace()
      guard index < bytes.count else { throw unexpected("") }
      switch bytes[index] {
      case UInt8(ascii: ","): index += 1
      case UInt8(ascii: "]"):
        index += 1
        return .array(elements)
      default: throw unexpected("after array element")
      }
    }
  }

  private mutating func object() throws(BuiltinFailure) -> Value {
    try enter()
    defer { depth -= 1 }
    var pairs: [ObjectValue.Pair] = []
    if index < bytes.count, bytes[index] == UInt8(ascii: "}") {
      index += 1
      return .emptyObject
    }
    var place = "looking for beginning of object key string"
    while true {
      skipSpace()
      guard index < bytes.count, bytes[index] == UInt8(ascii: "\"") else {
        throw unexpected(place)
      }
      place = "looking for beginning of object key string"
      let name = try string()
      skipSpace()
      guard index < bytes.count, bytes[index] == UInt8(ascii: ":") else {
        throw unexpected("after object key")
      }
      index += 1
      skipSpace()
      let member = try value("looking for beginning of value")
      pairs.append(ObjectValue.Pair(key: .string(name), value: member))
      skipSpace()
      guard index < bytes.count else { throw unexpected("") }
      switch bytes[index] {
      case UInt8(ascii: ","): index += 1
      case UInt8(ascii: "}"):
        index += 1
        return .object(ObjectValue(unsorted: pairs))
      default: throw unexpected("after object key:value pair")
      }
    }
  }

  private mutating func string() throws(BuiltinFailure) -> ByteString {
    index += 1
    var text: [UInt8] = []
    while index < bytes.count {
      let byte = bytes[index]
      switch byte {
      case UInt8(ascii: "\""):
        index += 1
        return ByteString(validating: text) ?? ByteString(String(decoding: text, as: UTF8.self))
      case 0..<0x20: throw unexpected("in string literal")
      case UInt8(ascii: "\\"):
        index += 1
        try escape(into: &text)
      default:
        text.append(byte)
        index += 1
      }
    }
    throw unexpected("")
  }

  private mutating func escape(into text: inout [UInt8]) throws(BuiltinFailure) {
    guard index < bytes.count else { throw unexpected("") }
    let letter = bytes[index]
    switch letter {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(letter)
    case UInt8(ascii: "b"): text.append(0x08)
    case UInt8(ascii: "f"): text.append(0x0C)
    case UInt8(ascii: "n"): text.append(0x0A)
    case UInt8(ascii: "r"): text.append(0x0D)
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "u"):
      index += 1
      var unit = try hexadecimal()
      if unit & 0xFC00 == 0xD800, index + 1 < bytes.count, bytes[index] == UInt8(ascii: "\\"),
        bytes[index + 1] == UInt8(ascii: "u")
      {
        let start = index
        index += 2
        let second = try hexadecimal()
        if second & 0xFC00 == 0xDC00 {
          unit = 0x10000 + (unit & 0x3FF) << 10 + second & 0x3FF
        } else {
          index = start
        }
      }
      text += Array(String(Character(Unicode.Scalar(unit) ?? "\u{FFFD}")).utf8)
      return
    default: throw unexpected("in string escape code")
    }
    index += 1
  }

  private mutating func hexadecimal() throws(BuiltinFailure) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard index < bytes.count, bytes[index] < 0x80,
        let digit = Character(Unicode.Scalar(bytes[index])).hexDigitValue
      else { throw unexpected("in \\u hexadecimal character escape") }
      value = value << 4 | UInt32(digit)
      index += 1
    }
    return value
  }
}
