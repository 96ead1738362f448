import CanonicalJSON

extension OldBuiltinTable {
  private static func text(_ scalars: some Sequence<Unicode.Scalar>) -> Value {
    var view = String.UnicodeScalarView()
    view.append(contentsOf: scalars)
    return .string(ByteString(String(view)))
  }

  private static func scalars(
    _ values: [Value], _ index: Int
  ) throws(OldBuiltinFault) -> [Unicode.Scalar] {
    Array(try string(values, index).text.unicodeScalars)
  }

  /// Where a needle stands, from the left and without overlap, in time linear in the hay (Knuth,
  /// Morris and Pratt): an agent may send both.
  private static func places<Element: Equatable>(
    of needle: [Element], in hay: [Element], limit: Int = .max
  ) -> [Int] {
    guard !needle.isEmpty else { return [0] }
    guard hay.count >= needle.count else { return [] }
    // How much of the needle still matches where a longer match fails.
    var fallback = [Int](repeating: 0, count: needle.count)
    var length = 0
    for index in needle.indices.dropFirst() {
      while length > 0, needle[index] != needle[length] { length = fallback[length - 1] }
      if needle[index] == needle[length] { length += 1 }
      fallback[index] = length
    }
    var found: [Int] = []
    length = 0
    for index in hay.indices {
      while length > 0, hay[index] != needle[length] { length = fallback[length - 1] }
      if hay[index] == needle[length] { length += 1 }
      guard length == needle.count else { continue }
      found.append(index - needle.count + 1)
      if found.count == limit { break }
      length = 0
    }
    return found
  }

  private static func find<Element: Equatable>(_ needle: [Element], in hay: [Element]) -> Int? {
    places(of: needle, in: hay, limit: 1).first
  }

  private static func pieces(_ hay: ByteString, _ separator: ByteString) -> [ByteString] {
    if separator.isEmpty {
      return hay.text.unicodeScalars.map { ByteString(String(Character($0))) }
    }
    var pieces: [ByteString] = []
    var start = 0
    for found in places(of: separator.bytes, in: hay.bytes) {
      pieces.append(ByteString(validating: hay.bytes[start..<found]) ?? "")
      start = found + separator.count
    }
    return pieces + [ByteString(validating: hay.bytes[start...]) ?? ""]
  }

  private static func join(_ pieces: [ByteString], _ separator: ByteString) -> Value {
    .string(
      ByteString(validating: Array(pieces.map(\.bytes).joined(separator: separator.bytes))) ?? "")
  }

  static let strings: [OldBuiltin] = [
    OldBuiltin("startswith", 2) { (values) throws(OldBuiltinFault) in
      .bool(try string(values, 0).hasPrefix(try string(values, 1)))
    },
    OldBuiltin("endswith", 2) { (values) throws(OldBuiltinFault) in
      .bool(try string(values, 0).hasSuffix(try string(values, 1)))
    },
    OldBuiltin("contains", 2) { (values) throws(OldBuiltinFault) in
      .bool(find(try string(values, 1).bytes, in: try string(values, 0).bytes) != nil)
    },
    OldBuiltin("lower", 1) { (values) throws(OldBuiltinFault) in
      .string(ByteString(try string(values, 0).text.lowercased()))
    },
    OldBuiltin("upper", 1) { (values) throws(OldBuiltinFault) in
      .string(ByteString(try string(values, 0).text.uppercased()))
    },
    OldBuiltin("concat", 2) { (values) throws(OldBuiltinFault) in
      join(try strings(values, 1), try string(values, 0))
    },
    OldBuiltin("split", 2) { (values) throws(OldBuiltinFault) in
      .array(pieces(try string(values, 0), try string(values, 1)).map(Value.string))
    },
    OldBuiltin("replace", 3) { (values) throws(OldBuiltinFault) in
      join(pieces(try string(values, 0), try string(values, 1)), try string(values, 2))
    },
    OldBuiltin("indexof", 2) { (values) throws(OldBuiltinFault) in
      let (hay, needle) = (try scalars(values, 0), try scalars(values, 1))
      guard !needle.isEmpty else { throw OldBuiltinFault(message: "empty search character") }
      return .number(.integer(Int64(find(needle, in: hay) ?? -1)))
    },
    OldBuiltin("substring", 3) { (values) throws(OldBuiltinFault) in
      let scalars = try scalars(values, 0)
      let (start, length) = (try integer(values, 1), try integer(values, 2))
      guard start >= 0 else { throw OldBuiltinFault(message: "negative offset") }
      guard start < scalars.count else { return .string("") }
      let rest = scalars[Int(start)...]
      return text(length < 0 ? rest : rest.prefix(Int(min(length, Int64(rest.count)))))
    },
    OldBuiltin("trim", 2) { (values) throws(OldBuiltinFault) in
      let cut = Set(try scalars(values, 1))
      let front = try scalars(values, 0).drop { cut.contains($0) }
      return text(front.reversed().drop { cut.contains($0) }.reversed())
    },
    OldBuiltin("trim_left", 2) { (values) throws(OldBuiltinFault) in
      let cut = Set(try scalars(values, 1))
      return text(try scalars(values, 0).drop { cut.contains($0) })
    },
    OldBuiltin("trim_right", 2) { (values) throws(OldBuiltinFault) in
      let cut = Set(try scalars(values, 1))
      return text(try scalars(values, 0).reversed().drop { cut.contains($0) }.reversed())
    },
    OldBuiltin("trim_space", 1) { (values) throws(OldBuiltinFault) in
      let front = try scalars(values, 0).drop { $0.properties.isWhitespace }
      return text(front.reversed().drop { $0.properties.isWhitespace }.reversed())
    },
    OldBuiltin("trim_prefix", 2) { (values) throws(OldBuiltinFault) in
      let whole = try string(values, 0)
      return .string(whole.dropping(prefix: try string(values, 1)) ?? whole)
    },
    OldBuiltin("trim_suffix", 2) { (values) throws(OldBuiltinFault) in
      let (whole, suffix) = (try string(values, 0), try string(values, 1))
      guard whole.hasSuffix(suffix) else { return .string(whole) }
      return ByteString(validating: whole.bytes.dropLast(suffix.count)).map(Value.string)
    },
    OldBuiltin("format_int", 2) { (values) throws(OldBuiltinFault) in
      let base = try integer(values, 1)
      guard [2, 8, 10, 16].contains(base) else {
        throw OldBuiltinFault(message: "operand 2 must be one of {2, 8, 10, 16}")
      }
      let number =
        switch try number(values, 0) {
        case .integer(let value): Optional(value)
        case .decimal(let value): Int64(exactly: (Double(value.text.text) ?? 0).rounded(.towardZero))
        }
      guard let number else { throw OldBuiltinFault(message: "operand 1 is beyond 64 bits") }
      return .string(ByteString(String(number, radix: Int(base))))
    },
  ]
}
