import CanonicalJSON

/// Versions, UUIDs and random numbers: bounded by the lengths of their texts.
extension BuiltinTable {
  package static let identifiers: [Builtin] = [
    Builtin("semver.compare", [.string, .string], .number) {
      (values, context) throws(BuiltinFailure) in
      try context.charge(reading: values)
      let (left, right) = (try values.string(0), try values.string(1))
      func version(_ text: ByteString, _ operand: Int) throws(BuiltinFailure) -> SemanticVersion {
        guard let version = SemanticVersion(text.text) else {
          throw .failed(
            "operand \(operand): string \(GoFormat.quoted(text.text)) is not a valid SemVer")
        }
        return version
      }
      return .integer(SemanticVersion.order(try version(left, 1), try version(right, 2)))
    },
    Builtin("semver.is_valid", [.any], .boolean) { (values, context) throws(BuiltinFailure) in
      guard case .string(let text) = values[0] else { return .bool(false) }
      try context.charge(text: text.count)
      return .bool(SemanticVersion(text.text) != nil)
    },
    Builtin("uuid.parse", [.string], .object([], rest: .init(key: .string, value: .any))) {
      (values, context) throws(BuiltinFailure) in
      let text = try values.string(0)
      try context.charge(text: text.count)
      return UUIDText.parts(text)
    },
    Builtin("uuid.rfc4122", [.string], .string, isNondeterministic: true) {
      (values, context) throws(BuiltinFailure) in
      let key = try values.string(0)
      var draws = try SeededDraws(key, context.environment)
      var high = draws.next()
      var low = draws.next()
      // Version 4 and the variant of RFC 4122.
      high = high & ~0xF000 | 0x4000
      low = low & ~(3 << 62) | 1 << 63
      let digits = [high, low].map { word in
        let text = String(word, radix: 16)
        return String(repeating: "0", count: 16 - text.count) + text
      }.joined()
      var result = ""
      for (index, digit) in digits.enumerated() {
        if [8, 12, 16, 20].contains(index) { result += "-" }
        result.append(digit)
      }
      return .string(ByteString(result))
    },
    Builtin("rand.intn", [.string, .number], .number, isNondeterministic: true) {
      (values, context) throws(BuiltinFailure) in
      let key = try values.string(0)
      let bound = try values.integer(1)
      if bound == 0 { return .integer(0) }
      var draws = try SeededDraws(
        ByteString("\(key.text)-\(bound.magnitude)"), context.environment)
      let draw = draws.next().multipliedFullWidth(by: UInt64(bound.magnitude)).high
      return .number(Number(BigInteger(isNegative: false, magnitude: BigNatural(draw))))
    },
  ]
}

/// Numbers drawn from the evaluation's seed and a key: the same on every machine.
private struct SeededDraws {
  private var state: UInt64 = 0xCBF2_9CE4_8422_2325

  init(
    _ key: ByteString, _ environment: BuiltinContext.Environment
  ) throws(BuiltinFailure) {
    guard let seed = environment.seed else {
      throw .failed("no seed is given to this evaluation")
    }
    // FNV-1a over the seed's length, the seed and the key.
    for byte in [UInt8(truncatingIfNeeded: seed.count)] + seed + key.bytes {
      state = (state ^ UInt64(byte)) &* 0x100_0000_01B3
    }
  }

  /// SplitMix64.
  mutating func next() -> UInt64 {
    state = state &+ 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return mixed ^ mixed >> 31
  }
}

/// A version as OPA reads it: three numbers, what comes before a release, and what does not count.
struct SemanticVersion: Sendable {
  private let numbers: [Int64]
  private let prerelease: [Substring]

  init?(_ text: String) {
    var rest = Substring(text)
    if rest.hasPrefix("v") { rest = rest.dropFirst() }
    if let plus = rest.firstIndex(of: "+") { rest = rest[..<plus] }
    var prerelease: [Substring] = []
    if let dash = rest.firstIndex(of: "-") {
      let after = rest[rest.index(after: dash)...]
      if !after.isEmpty {
        prerelease = after.split(separator: ".", omittingEmptySubsequences: false)
        if prerelease.contains(where: \.isEmpty) { return nil }
      }
      rest = rest[..<dash]
    }
    let parts = rest.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 3 else { return nil }
    var numbers: [Int64] = []
    for part in parts {
      guard !part.isEmpty, part.utf8.allSatisfy({ $0 &- 0x30 < 10 }), let number = Int64(part)
      else {
        return nil
      }
      numbers.append(number)
    }
    self.numbers = numbers
    self.prerelease = prerelease
  }

  static func order(_ left: SemanticVersion, _ right: SemanticVersion) -> Int {
    for (a, b) in zip(left.numbers, right.numbers) where a != b { return a < b ? -1 : 1 }
    if left.prerelease.isEmpty || right.prerelease.isEmpty {
      return (left.prerelease.isEmpty ? 1 : 0) - (right.prerelease.isEmpty ? 1 : 0)
    }
    for (a, b) in zip(left.prerelease, right.prerelease) where a != b {
      switch (Int64(a), Int64(b)) {
      case (let x?, let y?): if x != y { return x < y ? -1 : 1 }
      case (_?, nil): return -1
      case (nil, _?): return 1
      case (nil, nil): return a.utf8.lexicographicallyPrecedes(b.utf8) ? -1 : 1
      }
    }
    let counts = left.prerelease.count - right.prerelease.count
    return counts < 0 ? -1 : counts > 0 ? 1 : 0
  }
}

/// UUIDs and what their bits say.
private enum UUIDText {
  /// The forms that are read: plain, in braces, as a URN, without dashes.
  private static func bytes(_ text: ByteString) -> [UInt8]? {
    var digits = text.bytes
    switch digits.count {
    case 36: break
    case 36 + 9:
      guard String(decoding: digits.prefix(9), as: UTF8.self).lowercased() == "urn:uuid:" else {
        return nil
      }
      digits.removeFirst(9)
    case 36 + 2: digits = Array(digits[1...36])
    case 32: return hexadecimal(digits)
    default: return nil
    }
    for place in [8, 13, 18, 23] where digits[place] != UInt8(ascii: "-") { return nil }
    return hexadecimal(
      digits.enumerated().filter { ![8, 13, 18, 23].contains($0.offset) }.map(\.element))
  }

  private static func hexadecimal(_ digits: [UInt8]) -> [UInt8]? {
    var bytes: [UInt8] = []
    for index in stride(from: 0, to: digits.count, by: 2) {
      let pair = digits[index...].prefix(2)
      guard pair.allSatisfy({ $0 < 0x80 }),
        let byte = UInt8(String(decoding: pair, as: UTF8.self), radix: 16),
        pair.first != UInt8(ascii: "+")
      else { return nil }
      bytes.append(byte)
    }
    return bytes
  }

  static func parts(_ text: ByteString) -> Value? {
    guard let bytes = bytes(text) else { return nil }
    let version = Int(bytes[6] >> 4)
    let variant =
      switch bytes[8] {
      case 0x80..<0xC0: "RFC4122"
      case 0xC0..<0xE0: "Microsoft"
      case 0xE0...: "Future"
      default: "Reserved"
      }
    var object = ObjectValue()
    object["version"] = .integer(version)
    object["variant"] = .string(ByteString(variant))
    guard version == 1 || version == 2 else { return .object(object) }
    let low = bytes[0..<4].reduce(0) { $0 << 8 | Int64($1) }
    let middle = bytes[4..<6].reduce(0) { $0 << 8 | Int64($1) }
    let high = bytes[6..<8].reduce(0) { $0 << 8 | Int64($1) } & 0xFFF
    // Since 15 October 1582, in steps of 100 ns.
    let ticks = (high << 48 | middle << 32 | low) - 0x01B2_1DD2_1381_4000
    object["time"] = .number(.integer(ticks &* 100))
    object["clocksequence"] = .integer(Int(bytes[8] & 0x3F) << 8 | Int(bytes[9]))
    object["nodeid"] = .string(
      ByteString(
        bytes[10...].map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: "-")))
    object["macvariables"] = .string(
      ByteString(
        (bytes[10] & 2 == 0 ? "global" : "local") + ":"
          + (bytes[10] & 1 == 0 ? "unicast" : "multicast")))
    if version == 2 {
      object["id"] = .number(.integer(low))
      let domains = ["Person", "Group", "Org"]
      object["domain"] = .string(
        ByteString(Int(bytes[9]) < 3 ? domains[Int(bytes[9])] : "Domain\(bytes[9])"))
    }
    return .object(object)
  }
}
