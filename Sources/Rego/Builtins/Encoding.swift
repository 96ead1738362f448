package import CanonicalJSON

/// Encodings: bounded by the lengths of what they read and make.
extension BuiltinTable {
  package static let encoding: [Builtin] = [
    Builtin("json.marshal", [.any], .string) { (values, context) throws(BuiltinFailure) in
      .string(try JSONText.compact(values[0], &context))
    },
    Builtin(
      "json.marshal_with_options",
      [
        .any,
        .object(
          [
            RegoType.Property(key: .string("indent"), type: .string),
            RegoType.Property(key: .string("prefix"), type: .string),
            RegoType.Property(key: .string("pretty"), type: .boolean),
          ], rest: RegoType.Rest(key: .string, value: .any)),
      ], .string
    ) { (values, context) throws(BuiltinFailure) in
      var (prefix, indent) = (ByteString(""), ByteString("\t"))
      var pretty: Bool?
      var isImplied = false
      for (index, pair) in try values.object(1).pairs.enumerated() {
        guard case .string(let key) = pair.key else {
          throw .type(
            "operand 2 failed to stringify key \(pair.key.source) at index \(index): "
              + "operand \(index) must be string but got \(pair.key.typeName)")
        }
        switch (key, pair.value) {
        case ("prefix", .string(let text)): (prefix, isImplied) = (text, true)
        case ("indent", .string(let text)): (indent, isImplied) = (text, true)
        case ("pretty", .bool(let flag)): pretty = flag
        case ("prefix", _), ("indent", _):
          throw .type(
            "operand 2 key \(GoFormat.quoted(key.text)) failed cast to string: "
              + "operand \(index) must be string but got \(pair.value.typeName)")
        case ("pretty", _):
          throw .type("operand 2 key \(GoFormat.quoted(key.text)) failed cast to bool")
        default:
          throw .type("operand 2 object contained unknown key \(GoFormat.quoted(key.text))")
        }
      }
      guard pretty ?? isImplied else { return .string(try JSONText.compact(values[0], &context)) }
      return .string(
        try JSONText.indented(
          values[0], prefix: prefix.bytes, indent: indent.bytes, &context))
    },
    Builtin("json.unmarshal", [.string], .any) { (values, context) throws(BuiltinFailure) in
      let text = try values.string(0)
      try context.charge(making: text.count * 4)
      return try JSONText.value(text)
    },
    Builtin("json.is_valid", [.string], .boolean) { (values, context) throws(BuiltinFailure) in
      guard case .string(let text) = values[0] else { return .bool(false) }
      try context.charge(making: text.count * 4)
      return .bool((try? JSONText.value(text)) != nil)
    },
    Builtin("base64.encode", [.string], .string) { (values, context) throws(BuiltinFailure) in
      let text = try values.string(0)
      try context.charge(making: text.count * 4 / 3 + 4)
      return .text(Base64Text.encoded(text.bytes, .standard, isPadded: true))
    },
    Builtin("base64.decode", [.string], .string) { (values, context) throws(BuiltinFailure) in
      let text = try values.string(0)
      try context.charge(making: text.count)
      return .text(try Base64Text.decoded(text.bytes, .standard))
    },
    Builtin("base64.is_valid", [.string], .boolean) { (values, context) throws(BuiltinFailure) in
      guard case .string(let text) = values[0] else { return .bool(false) }
      try context.charge(making: text.count)
      return .bool((try? Base64Text.decoded(text.bytes, .standard)) != nil)
    },
    Builtin("base64url.encode", [.string], .string) { (values, context) throws(BuiltinFailure) in
      let text = try values.string(0)
      try context.charge(making: text.count * 4 / 3 + 4)
      return .text(Base64Text.encoded(text.bytes, .url, isPadded: true))
    },
    Builtin("base64url.encode_no_pad", [.string], .string) {
      (values, context) throws(BuiltinFailure) in
      let text = try values.string(0)
      try context.charge(making: text.count * 4 / 3 + 4)
      return .text(Base64Text.encoded(text.bytes, .url, isPadded: false))
    },
    Builtin("base64url.decode", [.string], .string) { (values, context) throws(BuiltinFailure) in
      let text = try values.string(0)
      try context.charge(making: text.count)
      return .text(try Base64Text.decodedURL(text))
    },
    Builtin("hex.encode", [.string], .string) { (values, context) throws(BuiltinFailure) in
      let text = try values.string(0)
      try context.charge(making: text.count * 2)
      let digits = Array("0123456789abcdef".utf8)
      return .text(text.bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
    },
    Builtin("hex.decode", [.string], .string) { (values, context) throws(BuiltinFailure) in
      let text = try values.string(0)
      try context.charge(making: text.count)
      var bytes: [UInt8] = []
      var high: UInt8?
      for byte in text.bytes {
        guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80 else {
          throw .failed("encoding/hex: invalid byte: \(goRune(byte, in: text))")
        }
        if let first = high {
          bytes.append(first << 4 | UInt8(digit))
          high = nil
        } else {
          high = UInt8(digit)
        }
      }
      if high != nil { throw .failed("encoding/hex: odd length hex string") }
      return .text(bytes)
    },
    Builtin("urlquery.encode", [.string], .string) { (values, context) throws(BuiltinFailure) in
      let text = try values.string(0)
      try context.charge(making: text.count * 3)
      return .text(URLQuery.escaped(text.bytes))
    },
    Builtin("urlquery.decode", [.string], .string) { (values, context) throws(BuiltinFailure) in
      let text = try values.string(0)
      try context.charge(making: text.count)
      return .text(try URLQuery.unescaped(text.bytes[...]))
    },
    Builtin(
      "urlquery.encode_object",
      [.object(.string, .anyOf([.string, .array(of: .string), .set(.string)]))], .string
    ) { (values, context) throws(BuiltinFailure) in
      let object = try values.object(0)
      try context.charge(reading: values)
      let wrong = BuiltinFailure.type(
        "operand 1 values must be string, array[string], or set[string]")
      var parts: [[UInt8]] = []
      for pair in object.pairs {
        let key = JSONText.key(pair.key)
        let texts: [Value]
        switch pair.value {
        case .string: texts = [pair.value]
        case .array(let elements): texts = elements
        case .set(let set): texts = set.elements
        default: throw wrong
        }
        for text in texts {
          guard case .string(let value) = text else { throw wrong }
          try context.charge(making: (key.count + value.count) * 3 + 2)
          parts.append(
            URLQuery.escaped(key) + [UInt8(ascii: "=")] + URLQuery.escaped(value.bytes))
        }
      }
      return .text(Array(parts.joined(separator: [UInt8(ascii: "&")])))
    },
    Builtin("urlquery.decode_object", [.string], .object(.string, .array(of: .string))) {
      (values, context) throws(BuiltinFailure) in
      let text = try values.string(0)
      try context.charge(making: text.count * 4)
      return .object(try URLQuery.parsed(text))
    },
  ]

  /// A byte as Go prints the rune of its value: `U+0067 'g'`.
  private static func goRune(_ byte: UInt8, in text: ByteString) -> String {
    let scalar = Unicode.Scalar(byte)
    let digits = String(byte, radix: 16, uppercase: true)
    let code = "U+" + String(repeating: "0", count: 4 - digits.count) + digits
    return GoFormat.isPrint(scalar) ? "\(code) '\(Character(scalar))'" : code
  }
}

/// Base64 as Go's `encoding/base64` reads and writes it.
package enum Base64Text {
  package enum Alphabet: Sendable {
    case standard
    case url
  }

  private static let common = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789".utf8)

  package static func encoded(
    _ bytes: [UInt8], _ alphabet: Alphabet, isPadded: Bool
  ) -> [UInt8] {
    let table = common + Array((alphabet == .standard ? "+/" : "-_").utf8)
    var result: [UInt8] = []
    result.reserveCapacity((bytes.count + 2) / 3 * 4)
    var index = 0
    while index < bytes.count {
      let count = min(3, bytes.count - index)
      var group: UInt32 = 0
      for offset in 0..<3 {
        group = group << 8 | (offset < count ? UInt32(bytes[index + offset]) : 0)
      }
      for place in 0..<4 {
        if place <= count {
          result.append(table[Int(group >> UInt32(18 - 6 * place) & 63)])
        } else if isPadded {
          result.append(UInt8(ascii: "="))
        }
      }
      index += 3
    }
    return result
  }

  private static func value(_ byte: UInt8, _ alphabet: Alphabet) -> UInt32? {
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): return UInt32(byte) - 65
    case UInt8(ascii: "a")...UInt8(ascii: "z"): return UInt32(byte) - 71
    case UInt8(ascii: "0")...UInt8(ascii: "9"): return UInt32(byte) + 4
    case UInt8(ascii: "+") where alphabet == .standard: return 62
    case UInt8(ascii: "/") where alphabet == .standard: return 63
    case UInt8(ascii: "-") where alphabet == .url: return 62
    case UInt8(ascii: "_") where alphabet == .url: return 63
    default: return nil
    }
  }

  /// Reads padded base64; line ends are passed over.
  package static func decoded(
    _ text: [UInt8], _ alphabet: Alphabet
  ) throws(BuiltinFailure) -> [UInt8] {
    func illegal(_ place: Int) -> BuiltinFailure {
      .failed("illegal base64 data at input byte \(place)")
    }
    var result: [UInt8] = []
    var index = 0
    while true {
      var group: UInt32 = 0
      var count = 0
      while count < 4 {
        guard index < text.count else {
          if count == 0 { return result }
          throw illegal(index - count)
        }
        let byte = text[index]
        index += 1
        if byte == 0x0A || byte == 0x0D { continue }
        if let value = value(byte, alphabet) {
          group = group << 6 | value
          count += 1
          continue
        }
        guard byte == UInt8(ascii: "=") else { throw illegal(index - 1) }
        if count < 2 { throw illegal(index - 1) }
        if count == 2 {
          while index < text.count, text[index] == 0x0A || text[index] == 0x0D { index += 1 }
          guard index < text.count else { throw illegal(text.count) }
          guard text[index] == UInt8(ascii: "=") else { throw illegal(index - 1) }
          index += 1
        }
        while index < text.count, text[index] == 0x0A || text[index] == 0x0D { index += 1 }
        guard index == text.count else { throw illegal(index) }
        if count == 2 {
          result.append(UInt8(truncatingIfNeeded: group >> 4))
        } else {
          result.append(UInt8(truncatingIfNeeded: group >> 10))
          result.append(UInt8(truncatingIfNeeded: group >> 2))
        }
        return result
      }
      result.append(UInt8(truncatingIfNeeded: group >> 16))
      result.append(UInt8(truncatingIfNeeded: group >> 8))
      result.append(UInt8(truncatingIfNeeded: group))
    }
  }

  /// Reads the URL alphabet, padded or not.
  package static func decodedURL(_ text: ByteString) throws(BuiltinFailure) -> [UInt8] {
    var bytes = text.bytes
    if bytes.last != UInt8(ascii: "=") {
      switch bytes.count % 4 {
      case 0: break
      case 2: bytes += Array("==".utf8)
      case 3: bytes += Array("=".utf8)
      default: throw .failed("illegal base64url string: \(text.text)")
      }
    }
    return try decoded(bytes, .url)
  }
}

/// Query strings as Go's `net/url` reads and writes them.
enum URLQuery {
  private static func isFree(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"),
      UInt8(ascii: "."), UInt8(ascii: "~"):
      true
    default: false
    }
  }

  static func escaped(_ bytes: [UInt8]) -> [UInt8] {
    let digits = Array("0123456789ABCDEF".utf8)
    var result: [UInt8] = []
    for byte in bytes {
      if isFree(byte) {
        result.append(byte)
      } else if byte == UInt8(ascii: " ") {
        result.append(UInt8(ascii: "+"))
      } else {
        result += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
    return result
  }

  static func unescaped(_ bytes: ArraySlice<UInt8>) throws(BuiltinFailure) -> [UInt8] {
    var result: [UInt8] = []
    var index = bytes.startIndex
    while index < bytes.endIndex {
      let byte = bytes[index]
      index += 1
      if byte == UInt8(ascii: "+") {
        result.append(UInt8(ascii: " "))
      } else if byte == UInt8(ascii: "%") {
        let rest = bytes[index...].prefix(2)
        let digits = rest.compactMap { Character(Unicode.Scalar($0)).hexDigitValue }
        guard digits.count == 2, rest.allSatisfy({ $0 < 0x80 }) else {
          let wrong = String(decoding: bytes[(index - 1)...].prefix(3), as: UTF8.self)
          throw .failed("invalid URL escape \(GoFormat.quoted(wrong))")
        }
        result.append(UInt8(digits[0] << 4 | digits[1]))
        index += 2
      } else {
        result.append(byte)
      }
    }
    return result
  }

  static func parsed(_ text: ByteString) throws(BuiltinFailure) -> ObjectValue {
    var members: [Value: [Value]] = [:]
    var failure: BuiltinFailure?
    for part in text.bytes.split(separator: UInt8(ascii: "&")) {
      if part.contains(UInt8(ascii: ";")) {
        failure = failure ?? .failed("invalid semicolon separator in query")
        continue
      }
      let mark = part.firstIndex(of: UInt8(ascii: "=")) ?? part.endIndex
      do throws(BuiltinFailure) {
        let key = Value.text(try unescaped(part[..<mark]))
        let value = Value.text(try unescaped(part[mark...].dropFirst()))
        members[key, default: []].append(value)
      } catch {
        failure = failure ?? error
      }
    }
    if let failure { throw failure }
    return ObjectValue(
      unsorted: members.map { ObjectValue.Pair(key: $0.key, value: .array($0.value)) })
  }
}
