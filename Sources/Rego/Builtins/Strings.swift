import CanonicalJSON

/// Strings: bounded by the lengths of what they read and make; searches are linear.
extension BuiltinTable {
  private static let stringsOf = RegoType.anyOf([.string, .array(of: .string), .set(.string)])

  package static let strings: [Builtin] = [
    test("startswith") { $0.hasPrefix($1) },
    test("endswith") { $0.hasSuffix($1) },
    test("contains") { ByteSearch.first($1.bytes, in: $0.bytes) != nil },
    Builtin("lower", [.string], .string) { (values, context) throws(BuiltinFailure) in
      let text = try values.string(0)
      try context.charge(making: text.count)
      return .string(mapped(text, ascii: 0x41...0x5A) { lower($0) })
    },
    Builtin("upper", [.string], .string) { (values, context) throws(BuiltinFailure) in
      let text = try values.string(0)
      try context.charge(making: text.count)
      return .string(mapped(text, ascii: 0x61...0x7A) { upper($0) })
    },
    Builtin(
      "concat", [.string, .anyOf([.array(of: .string), .set(.string)])], .string
    ) { (values, context) throws(BuiltinFailure) in
      let separator = try values.string(0)
      let parts = try values.strings(1, order: "one of {set, array}")
      let (gaps, overflow) = separator.count.multipliedReportingOverflow(by: parts.count)
      guard !overflow else { throw .limit(.bytes) }
      try context.charge(making: parts.reduce(gaps) { $0 + $1.count })
      return .text(Array(parts.map(\.bytes).joined(separator: separator.bytes)))
    },
    Builtin("split", [.string, .string], .array(of: .string)) {
      (values, context) throws(BuiltinFailure) in
      .array(try pieces(try values.string(0), try values.string(1), &context))
    },
    Builtin("strings.split_n", [.string, .string, .number], .array(of: .string)) {
      (values, context) throws(BuiltinFailure) in
      let (text, separator) = (try values.string(0), try values.string(1))
      let count = try values.integer(2)
      let parts = try pieces(text, separator, &context)
      return .array(
        Array(count < 0 ? parts.suffix(count == .min ? .max : -count) : parts.prefix(count)))
    },
    Builtin("replace", [.string, .string, .string], .string) {
      (values, context) throws(BuiltinFailure) in
      let (text, old, new) = (
        try values.string(0), try values.string(1), try values.string(2)
      )
      return .string(try replaced(text, [(old, new)], &context))
    },
    Builtin("strings.replace_n", [.object(.string, .string), .string], .string) {
      (values, context) throws(BuiltinFailure) in
      let patterns = try values.object(0)
      let text = try values.string(1)
      var pairs: [(ByteString, ByteString)] = []
      for pair in patterns.pairs {
        guard case .string(let old) = pair.key else {
          throw .type("operand 1 non-string key found in pattern object")
        }
        guard case .string(let new) = pair.value else {
          throw .type("operand 1 non-string value found in pattern object")
        }
        pairs.append((old, new))
      }
      return .string(try replaced(text, pairs, &context))
    },
    Builtin("indexof", [.string, .string], .number) { (values, context) throws(BuiltinFailure) in
      let (text, part) = (try values.string(0), try values.string(1))
      guard !part.isEmpty else { throw .failed("empty search character") }
      try context.charge(text: text.count + part.count)
      guard let place = ByteSearch.first(part.bytes, in: text.bytes) else { return .integer(-1) }
      return .integer(scalarCount(text.bytes[..<place]))
    },
    Builtin("indexof_n", [.string, .string], .array(of: .number)) {
      (values, context) throws(BuiltinFailure) in
      let (text, part) = (try values.string(0), try values.string(1))
      guard !part.isEmpty else { throw .failed("empty search character") }
      try context.charge(text: text.count + part.count)
      let places = ByteSearch.overlappingPlaces(part.bytes, in: text.bytes)
      try context.charge(copying: places.count)
      var results: [Value] = []
      var (count, last) = (0, 0)
      for place in places {
        count += scalarCount(text.bytes[last..<place])
        last = place
        results.append(.integer(count))
      }
      return .array(results)
    },
    Builtin("substring", [.string, .number, .number], .string) {
      (values, context) throws(BuiltinFailure) in
      let text = try values.string(0)
      let (start, length) = (try values.integer(1), try values.integer(2))
      guard start >= 0 else { throw .failed("negative offset") }
      try context.charge(text: text.count)
      let bytes = text.bytes
      guard let first = offset(of: start, in: bytes, from: 0) else { return .string("") }
      let last = length < 0 ? bytes.count : offset(of: length, in: bytes, from: first)
      return .text(bytes[first..<(last ?? bytes.count)])
    },
    Builtin("trim", [.string, .string], .string) { (values, context) throws(BuiltinFailure) in
      try trimmed(values, left: true, right: true, &context)
    },
    Builtin("trim_left", [.string, .string], .string) {
      (values, context) throws(BuiltinFailure) in
      try trimmed(values, left: true, right: false, &context)
    },
    Builtin("trim_right", [.string, .string], .string) {
      (values, context) throws(BuiltinFailure) in
      try trimmed(values, left: false, right: true, &context)
    },
    Builtin("trim_prefix", [.string, .string], .string) {
      (values, context) throws(BuiltinFailure) in
      let (text, prefix) = (try values.string(0), try values.string(1))
      try context.charge(text: text.count)
      return .string(text.dropping(prefix: prefix) ?? text)
    },
    Builtin("trim_suffix", [.string, .string], .string) {
      (values, context) throws(BuiltinFailure) in
      let (text, suffix) = (try values.string(0), try values.string(1))
      try context.charge(text: text.count)
      guard text.hasSuffix(suffix) else { return .string(text) }
      return .text(text.bytes.dropLast(suffix.count))
    },
    Builtin("trim_space", [.string], .string) { (values, context) throws(BuiltinFailure) in
      let text = try values.string(0)
      try context.charge(text: text.count)
      return .string(trimmed(text, left: true, right: true) { $0.properties.isWhitespace })
    },
    Builtin("sprintf", [.string, .array(of: .any)], .string) {
      (values, context) throws(BuiltinFailure) in
      let format = try values.string(0)
      return .string(try Sprintf.text(format, try values.array(1), &context))
    },
    Builtin("strings.reverse", [.string], .string) { (values, context) throws(BuiltinFailure) in
      let text = try values.string(0)
      try context.charge(making: text.count)
      var view = String.UnicodeScalarView()
      view.append(contentsOf: text.text.unicodeScalars.reversed())
      return .string(ByteString(String(view)))
    },
    Builtin("strings.count", [.string, .string], .number) {
      (values, context) throws(BuiltinFailure) in
      let (text, part) = (try values.string(0), try values.string(1))
      try context.charge(text: text.count + part.count)
      if part.isEmpty { return .integer(scalarCount(text.bytes[...]) + 1) }
      return .integer(ByteSearch.places(part.bytes, in: text.bytes).count)
    },
    Builtin("strings.any_prefix_match", [stringsOf, stringsOf], .boolean) {
      (values, context) throws(BuiltinFailure) in
      .bool(try beginsWithAny(values, &context) { $0 })
    },
    Builtin("strings.any_suffix_match", [stringsOf, stringsOf], .boolean) {
      (values, context) throws(BuiltinFailure) in
      .bool(try beginsWithAny(values, &context) { $0.reversed() })
    },
  ]

  private static func test(
    _ name: String, _ test: @escaping @Sendable (ByteString, ByteString) -> Bool
  ) -> Builtin {
    Builtin(name, [.string, .string], .boolean) { (values, context) throws(BuiltinFailure) in
      let (text, part) = (try values.string(0), try values.string(1))
      try context.charge(steps: (name == "contains" ? text.count + part.count : part.count) / 16)
      return .bool(test(text, part))
    }
  }

  private static func scalarCount(_ bytes: ArraySlice<UInt8>) -> Int {
    bytes.reduce(0) { $1 & 0xC0 == 0x80 ? $0 : $0 + 1 }
  }

  /// Where so many characters on begin; nil if there are not as many.
  private static func offset(of count: Int, in bytes: [UInt8], from start: Int) -> Int? {
    var (index, left) = (start, count)
    while left > 0, index < bytes.count {
      index = RegexMachine.decode(bytes, index).end
      left -= 1
    }
    return left > 0 ? nil : index
  }

  private static func mapped(
    _ text: ByteString, ascii: ClosedRange<UInt8>, _ map: (Unicode.Scalar) -> Unicode.Scalar
  ) -> ByteString {
    var bytes = text.bytes
    if bytes.allSatisfy({ $0 < 0x80 }) {
      guard bytes.contains(where: { ascii.contains($0) }) else { return text }
      for index in bytes.indices where ascii.contains(bytes[index]) { bytes[index] ^= 0x20 }
      return ByteString(validating: bytes) ?? text
    }
    var view = String.UnicodeScalarView()
    view.append(contentsOf: text.text.unicodeScalars.map(map))
    return ByteString(String(view))
  }

  /// The one character that a character's lower form is or begins with.
  private static func lower(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
    scalar.properties.lowercaseMapping.unicodeScalars.first ?? scalar
  }

  /// The upper form where it is one character.
  private static func upper(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
    for mapping in [scalar.properties.uppercaseMapping, scalar.properties.titlecaseMapping] {
      let scalars = mapping.unicodeScalars
      if let first = scalars.first, scalars.count == 1 { return first }
    }
    return scalar
  }

  private static func pieces(
    _ text: ByteString, _ separator: ByteString, _ context: inout BuiltinContext
  ) throws(BuiltinFailure) -> [Value] {
    try context.charge(making: text.count)
    let bytes = text.bytes
    if separator.isEmpty {
      try context.charge(copying: bytes.count * 2)
      return text.text.unicodeScalars.map { .string(ByteString(String(Character($0)))) }
    }
    let places = ByteSearch.places(separator.bytes, in: bytes)
    try context.charge(copying: (places.count + 1) * 2)
    if places.isEmpty { return [.string(text)] }
    var pieces: [Value] = []
    pieces.reserveCapacity(places.count + 1)
    var start = 0
    for place in places {
      pieces.append(.text(bytes[start..<place]))
      start = place + separator.count
    }
    pieces.append(.text(bytes[start...]))
    return pieces
  }

  /// Replaces from left to right; where several texts match, the one named first.
  private static func replaced(
    _ text: ByteString, _ pairs: [(ByteString, ByteString)], _ context: inout BuiltinContext
  ) throws(BuiltinFailure) -> ByteString {
    let bytes = text.bytes
    try context.charge(text: bytes.count)
    var result: [UInt8] = []
    if let (old, new) = pairs.first, pairs.count == 1, !old.isEmpty {
      let places = ByteSearch.places(old.bytes, in: bytes)
      if places.isEmpty { return text }
      let (made, overflow) = places.count.multipliedReportingOverflow(by: new.count)
      guard !overflow else { throw .limit(.bytes) }
      try context.charge(making: made + bytes.count)
      var start = 0
      for place in places {
        result += bytes[start..<place]
        result += new.bytes
        start = place + old.count
      }
      result += bytes[start...]
      return ByteString(validating: result) ?? text
    }
    let trie = ByteTrie(pairs.map(\.0.bytes))
    try context.charge(making: pairs.reduce(0) { $0 + $1.0.count * 32 })
    var index = 0
    var wasEmpty = false
    while index <= bytes.count {
      // Between the bytes of one character nothing begins.
      let isBoundary = index == bytes.count || bytes[index] & 0xC0 != 0x80
      let (found, visited) = trie.first(in: bytes, at: index, allowEmpty: !wasEmpty && isBoundary)
      try context.charge(steps: visited / 8 + 1)
      wasEmpty = false
      if let found {
        let (old, new) = pairs[found]
        try context.charge(making: new.count)
        result += new.bytes
        wasEmpty = old.isEmpty
        index += old.count
        continue
      }
      guard index < bytes.count else { break }
      result.append(bytes[index])
      index += 1
    }
    return ByteString(validating: result) ?? text
  }

  private static func trimmed(
    _ values: [Value], left: Bool, right: Bool, _ context: inout BuiltinContext
  ) throws(BuiltinFailure) -> Value {
    let (text, cutset) = (try values.string(0), try values.string(1))
    try context.charge(text: text.count + cutset.count * 8)
    let cut = Set(cutset.text.unicodeScalars)
    return .string(trimmed(text, left: left, right: right, where: cut.contains))
  }

  private static func trimmed(
    _ text: ByteString, left: Bool, right: Bool, where isCut: (Unicode.Scalar) -> Bool
  ) -> ByteString {
    let scalars = text.text.unicodeScalars
    var rest = scalars[...]
    if left { rest = rest.drop { isCut($0) } }
    if right { while let last = rest.last, isCut(last) { rest.removeLast() } }
    return ByteString(String(String.UnicodeScalarView(rest)))
  }

  /// Whether any of the first operand's texts begins with any of the second's.
  private static func beginsWithAny(
    _ values: [Value], _ context: inout BuiltinContext, _ turn: ([UInt8]) -> [UInt8]
  ) throws(BuiltinFailure) -> Bool {
    func texts(_ index: Int) throws(BuiltinFailure) -> [[UInt8]] {
      if case .string(let text) = values[index] { return [turn(text.bytes)] }
      return try values.strings(index, order: "one of {string, set, array}").map { turn($0.bytes) }
    }
    let wholes = try texts(0)
    let prefixes = try texts(1)
    try context.charge(sorting: values[0], count: wholes.count)
    try context.charge(sorting: values[1], count: wholes.count)
    let sorted = wholes.sorted { $0.lexicographicallyPrecedes($1) }
    for prefix in prefixes {
      var (low, high) = (0, sorted.count)
      while low < high {
        let middle = (low + high) / 2
        if sorted[middle].lexicographicallyPrecedes(prefix) {
          low = middle + 1
        } else {
          high = middle
        }
      }
      if low < sorted.count, sorted[low].starts(with: prefix) { return true }
    }
    return false
  }
}
