package import CanonicalJSON

extension Value {
  /// Reads one strict JSON document (RFC 8259, as `JSONParser` does) into a value of its own.
  ///
  /// - Throws: ``JSONFault``, the same as `JSONParser` gives.
  package init(
    json bytes: [UInt8], limits: JSONParser.Limits = JSONParser.Limits()
  ) throws(JSONFault) {
    // A document with a fault is read again by the parser that names it.
    let found = bytes.withUnsafeBufferPointer { buffer in
      var reader = InputReader(buffer, limits: limits)
      return reader.document()
    }
    if let found {
      self = found
    } else {
      self = Value(try JSONParser.parse(bytes, limits: limits))
    }
  }
}

/// A fast reader of what is plain: it gives up on whatever `JSONParser` might refuse or unescape.
private struct InputReader {
  private let bytes: UnsafeBufferPointer<UInt8>
  private let limits: JSONParser.Limits
  private var index = 0
  private var depth = 0

  init(_ bytes: UnsafeBufferPointer<UInt8>, limits: JSONParser.Limits) {
    self.bytes = bytes
    self.limits = limits
  }

  mutating func document() -> Value? {
    guard bytes.count <= limits.bytes else { return nil }
    skipSpace()
    guard let value = value() else { return nil }
    skipSpace()
    return index == bytes.count ? value : nil
  }

  private mutating func skipSpace() {
    while index < bytes.count {
      switch bytes[index] {
      case 0x20, 0x09, 0x0A, 0x0D: index += 1
      default: return
      }
    }
  }

  private mutating func skip(_ byte: UInt8) -> Bool {
    guard index < bytes.count, bytes[index] == byte else { return false }
    index += 1
    return true
  }

  private mutating func value() -> Value? {
    guard index < bytes.count else { return nil }
    switch bytes[index] {
    case UInt8(ascii: "{"): return object()
    case UInt8(ascii: "["): return array()
    case UInt8(ascii: "\""): return string().map(Value.string)
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return number()
    case UInt8(ascii: "t"): return literal("true", .bool(true))
    case UInt8(ascii: "f"): return literal("false", .bool(false))
    case UInt8(ascii: "n"): return literal("null", .null)
    default: return nil
    }
  }

  private mutating func literal(_ word: StaticString, _ value: Value) -> Value? {
    for offset in 0..<word.utf8CodeUnitCount {
      guard skip(word.utf8Start[offset]) else { return nil }
    }
    return value
  }

  /// Integers of at most 18 digits; others are left to the parser.
  private mutating func number() -> Value? {
    let isNegative = skip(UInt8(ascii: "-"))
    let start = index
    var value: Int64 = 0
    while index < bytes.count, index - start < 19 {
      let digit = bytes[index] &- UInt8(ascii: "0")
      guard digit < 10 else { break }
      value = value &* 10 &+ Int64(digit)
      index += 1
    }
    let count = index - start
    guard count > 0, count <= 18, bytes[start] != UInt8(ascii: "0") || count == 1 && !isNegative
    else { return nil }
    if index < bytes.count {
      switch bytes[index] {
      case UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"): return nil
      default: break
      }
    }
    return .number(.integer(isNegative ? -value : value))
  }

  private mutating func string() -> ByteString? {
    let start = index + 1
    var end = start
    while end < bytes.count {
      let byte = bytes[end]
      if byte == UInt8(ascii: "\"") { break }
      guard byte >= 0x20, byte < 0x80, byte != UInt8(ascii: "\\") else { return nil }
      end += 1
    }
    guard end < bytes.count else { return nil }
    index = end + 1
    return ByteString(ascii: UnsafeBufferPointer(rebasing: bytes[start..<end]))
  }

  private mutating func array() -> Value? {
    depth += 1
    guard depth <= limits.depth else { return nil }
    index += 1
    skipSpace()
    var elements: [Value] = []
    if !skip(UInt8(ascii: "]")) {
      repeat {
        skipSpace()
        guard let element = value() else { return nil }
        elements.append(element)
        skipSpace()
      } while skip(UInt8(ascii: ","))
      guard skip(UInt8(ascii: "]")) else { return nil }
    }
    depth -= 1
    return .array(elements)
  }

  private mutating func object() -> Value? {
    depth += 1
    guard depth <= limits.depth else { return nil }
    index += 1
    skipSpace()
    guard !skip(UInt8(ascii: "}")) else {
      depth -= 1
      return .emptyObject
    }
    var pairs: [ObjectValue.Pair] = []
    repeat {
      skipSpace()
      guard index < bytes.count, bytes[index] == UInt8(ascii: "\""), let name = string() else {
        return nil
      }
      skipSpace()
      guard skip(UInt8(ascii: ":")) else { return nil }
      skipSpace()
      guard let value = value() else { return nil }
      pairs.append(ObjectValue.Pair(key: .string(name), value: value))
      skipSpace()
    } while skip(UInt8(ascii: ","))
    guard skip(UInt8(ascii: "}")) else { return nil }
    depth -= 1
    let count = pairs.count
    let object = ObjectValue(unsorted: pairs)
    // A name that stands twice is refused.
    return object.count == count ? .object(object) : nil
  }
}
