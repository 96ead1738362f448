import CanonicalJSON

extension BuiltinTable {
  private static func text(_ scalars: some Sequence<Unicode.Scalar>) -> Value {
    var view = String.UnicodeScalarView()
    view.append(contentsOf: scalars)
    return .string(ByteString(String(view)))
  }

  private static func scalars(
    _ values: [Value], _ index: Int
  ) throws(BuiltinFault) -> [Unicode.Scalar] {
    Array(try string(values, index).text.unicodeScalars)
  }

  private static func find(_ needle: [UInt8], in hay: [UInt8], from start: Int = 0) -> Int? {
    guard hay.count >= needle.count + start else { return nil }
    return (start...(hay.count - needle.count)).first { hay[$0...].starts(with: needle) }
  }

  private static func pieces(_ hay: ByteString, _ separator: ByteString) -> [ByteString] {
    if separator.isEmpty {
      return hay.text.unicodeScalars.map { ByteString(String(Character($0))) }
    }
    var pieces: [ByteString] = []
    var start = 0
    while let found = find(separator.bytes, in: hay.bytes, from: start) {
      pieces.append(ByteString(validating: hay.bytes[start..<found]) ?? "")
      start = found + separator.count
    }
    return pieces + [ByteString(validating: hay.bytes[start...]) ?? ""]
  }

  private static func join(_ pieces: [ByteString], _ separator: ByteString) -> Value {
    .string(
      ByteString(validating: Array(pieces.map(\.bytes).joined(separator: separator.bytes))) ?? "")
  }

  static let strings: [Builtin] = [
    Builtin("startswith", 2) { (values) throws(BuiltinFault) in
      .bool(try string(values, 0).hasPrefix(try string(values, 1)))
    },
    Builtin("endswith", 2) { (values) throws(BuiltinFault) in
      .bool(try string(values, 0).hasSuffix(try string(values, 1)))
    },
    Builtin("contains", 2) { (values) throws(BuiltinFault) in
      .bool(find(try string(values, 1).bytes, in: try string(values, 0).bytes) != nil)
    },
    Builtin("lower", 1) { (values) throws(BuiltinFault) in
      .string(ByteString(try string(values, 0).text.lowercased()))
    },
    Builtin("upper", 1) { (values) throws(BuiltinFault) in
      .string(ByteString(try string(values, 0).text.uppercased()))
    },
    Builtin("concat", 2) { (values) throws(BuiltinFault) in
      join(try strings(values, 1), try string(values, 0))
    },
    Builtin("split", 2) { (values) throws(BuiltinFault) in
      .array(pieces(try string(values, 0), try string(values, 1)).map(Value.string))
    },
    Builtin("replace", 3) { (values) throws(BuiltinFault) in
      join(pieces(try string(values, 0), try string(values, 1)), try string(values, 2))
    },
    Builtin("indexof", 2) { (values) throws(BuiltinFault) in
      let (hay, needle) = (try scalars(values, 0), try scalars(values, 1))
      guard !needle.isEmpty else { throw BuiltinFault(message: "empty search character") }
      guard hay.count >= needle.count else { return .number(.integer(-1)) }
      let found = (0...(hay.count - needle.count)).first { hay[$0...].starts(with: needle) }
      return .number(.integer(Int64(found ?? -1)))
    },
    Builtin("substring", 3) { (values) throws(BuiltinFault) in
      let scalars = try scalars(values, 0)
      let (start, length) = (try integer(values, 1), try integer(values, 2))
      guard start >= 0 else { throw BuiltinFault(message: "negative offset") }
      guard start < scalars.count else { return .string("") }
      let rest = scalars[Int(start)...]
      return text(length < 0 ? rest : rest.prefix(Int(min(length, Int64(rest.count)))))
    },
    Builtin("trim", 2) { (values) throws(BuiltinFault) in
      let cut = Set(try scalars(values, 1))
      let front = try scalars(values, 0).drop { cut.contains($0) }
      return text(front.reversed().drop { cut.contains($0) }.reversed())
    },
    Builtin("trim_left", 2) { (values) throws(BuiltinFault) in
      let cut = Set(try scalars(values, 1))
      return text(try scalars(values, 0).drop { cut.contains($0) })
    },
    Builtin("trim_right", 2) { (values) throws(BuiltinFault) in
      let cut = Set(try scalars(values, 1))
      return text(try scalars(values, 0).reversed().drop { cut.contains($0) }.reversed())
    },
    Builtin("trim_space", 1) { (values) throws(BuiltinFault) in
      let front = try scalars(values, 0).drop { $0.properties.isWhitespace }
      return text(front.reversed().drop { $0.properties.isWhitespace }.reversed())
    },
    Builtin("trim_prefix", 2) { (values) throws(BuiltinFault) in
      let whole = try string(values, 0)
      return .string(whole.dropping(prefix: try string(values, 1)) ?? whole)
    },
    Builtin("trim_suffix", 2) { (values) throws(BuiltinFault) in
      let (whole, suffix) = (try string(values, 0), try string(values, 1))
      guard whole.hasSuffix(suffix) else { return .string(whole) }
      return ByteString(validating: whole.bytes.dropLast(suffix.count)).map(Value.string)
    },
    Builtin("format_int", 2) { (values) throws(BuiltinFault) in
      let base = try integer(values, 1)
      guard [2, 8, 10, 16].contains(base) else {
        throw BuiltinFault(message: "operand 2 must be one of {2, 8, 10, 16}")
      }
      let number = Int64(try number(values, 0).double.rounded(.towardZero))
      return .string(ByteString(String(number, radix: Int(base))))
    },
  ]
}
