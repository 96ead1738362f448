import CanonicalJSON

/// Amounts with units: exponents have at most six digits, and what they make is charged.
extension BuiltinTable {
  package static let units: [Builtin] = [
    Builtin("units.parse", [.string], .number) { (values, context) throws(BuiltinFailure) in
      let text = try values.string(0)
      try context.charge(text: text.count * 4)
      let (amount, unit) = try split(text, name: "units.parse", isLowered: false)
      // Only the first letter tells `m` from `M`.
      let folded = String(unit.prefix(1)) + unit.dropFirst().lowercased()
      guard let factor = factor(folded) else {
        throw .failed("units.parse: unit \(folded) not recognized")
      }
      return .number(try exact(amount, factor, &context))
    },
    Builtin("units.parse_bytes", [.string], .number) { (values, context) throws(BuiltinFailure) in
      let text = try values.string(0)
      try context.charge(text: text.count * 4)
      let (amount, unit) = try split(text, name: "units.parse_bytes", isLowered: true)
      guard let factor = byteFactor(unit) else {
        throw .failed("units.parse_bytes: byte unit \(unit) not recognized")
      }
      guard let decimal = decimal(amount) else {
        throw .failed("units.parse_bytes: could not parse byte amount to a number")
      }
      try Number.charge(width: decimal.width, 1, &context)
      let product = BigFloat.product(
        decimal.float, BigFloat(BigInteger(isNegative: false, magnitude: factor)),
        precision: BigFloat.textPrecision)
      return .number(Number(product.truncated))
    },
  ]

  private static func split(
    _ text: ByteString, name: String, isLowered: Bool
  ) throws(BuiltinFailure) -> (amount: ArraySlice<UInt8>, unit: String) {
    let kept = text.bytes.filter { $0 != UInt8(ascii: "\"") }
    let bytes =
      isLowered ? Array(String(decoding: kept, as: UTF8.self).lowercased().utf8) : kept
    if bytes.contains(UInt8(ascii: " ")) {
      throw .failed("\(name): spaces not allowed in resource strings")
    }
    func isDigit(_ index: Int) -> Bool { index < bytes.count && bytes[index] &- 0x30 < 10 }
    func isSign(_ index: Int) -> Bool {
      index < bytes.count
        && (bytes[index] == UInt8(ascii: "+") || bytes[index] == UInt8(ascii: "-"))
    }
    var end = bytes.count
    var index = 0
    while index < bytes.count {
      if bytes[index] | 0x20 == UInt8(ascii: "e") {
        guard isDigit(index + 1) || isSign(index + 1) else {
          end = index
          break
        }
        if isSign(index + 1) { index += 1 }
        let digits = bytes[(index + 1)...].prefix { $0 &- 0x30 < 10 }.count
        if digits > 6 { throw .failed("\(name): exponent too large") }
      } else if !isDigit(index), !isSign(index), bytes[index] != UInt8(ascii: ".") {
        end = index
        break
      }
      index += 1
    }
    if end == 0 {
      throw .failed(
        name == "units.parse" ? "\(name): no amount provided" : "\(name): no byte amount provided")
    }
    return (bytes[..<end], String(decoding: bytes[end...], as: UTF8.self))
  }

  /// Go reads `.5`, `5.` and `+5` too.
  private static func decimal(_ amount: ArraySlice<UInt8>) -> DecimalNumber? {
    var bytes = Array(amount)
    if bytes.first == UInt8(ascii: "+") { bytes.removeFirst() }
    let isNegative = bytes.first == UInt8(ascii: "-")
    if isNegative { bytes.removeFirst() }
    let mark = bytes.firstIndex { $0 | 0x20 == UInt8(ascii: "e") } ?? bytes.count
    var mantissa = Array(bytes[..<mark])
    let parts = mantissa.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard parts.count <= 2, parts.contains(where: { !$0.isEmpty }) else { return nil }
    var whole = Array(parts[0].drop { $0 == UInt8(ascii: "0") })
    if whole.isEmpty { whole = [UInt8(ascii: "0")] }
    mantissa = whole
    if parts.count == 2, !parts[1].isEmpty { mantissa += [UInt8(ascii: ".")] + parts[1] }
    let text = (isNegative ? [UInt8(ascii: "-")] : []) + mantissa + bytes[mark...]
    return ByteString(validating: text).flatMap { DecimalNumber($0) }
  }

  private static func binary(_ power: Int) -> BigNatural { BigNatural(1) << (10 * power) }

  private static func thousands(_ power: Int) -> BigNatural {
    (0..<power).reduce(BigNatural(1)) { product, _ in product * BigNatural(1000) }
  }

  private static let letters = Array("kmgtpe")

  /// nil as value: a thousandth.
  private static func factor(_ unit: String) -> BigNatural?? {
    if unit == "m" { return .some(nil) }
    if unit.isEmpty { return BigNatural(1) }
    let lowered = unit.lowercased()
    guard let first = lowered.first, let place = letters.firstIndex(of: first) else { return nil }
    switch lowered.dropFirst() {
    case "": return unit == "m" ? nil : thousands(place + 1)
    case "i": return binary(place + 1)
    default: return nil
    }
  }

  private static func byteFactor(_ unit: String) -> BigNatural? {
    if unit.isEmpty { return BigNatural(1) }
    guard let first = unit.first, let place = letters.firstIndex(of: first) else { return nil }
    switch unit.dropFirst() {
    case "", "b": return thousands(place + 1)
    case "i", "ib": return binary(place + 1)
    default: return nil
    }
  }

  /// The exact product: an integer in full, else with ten places.
  private static func exact(
    _ amount: ArraySlice<UInt8>, _ factor: BigNatural?, _ context: inout BuiltinContext
  ) throws(BuiltinFailure) -> Number {
    guard let decimal = decimal(amount) else {
      throw .failed("units.parse: could not parse amount to a number")
    }
    try Number.charge(width: decimal.width, 4, &context)
    var numerator = BigNatural(digits: decimal.digits)
    var denominator = BigNatural(1)
    let scale = decimal.point - decimal.digits.count
    let power = BigNatural.powerOfFive(abs(scale)) << abs(scale)
    if scale >= 0 { numerator = numerator * power } else { denominator = power }
    if let factor {
      numerator = numerator * factor
    } else {
      // OPA's thousandth is the double nearest to it.
      numerator = numerator * BigNatural(1_152_921_504_606_847)
      denominator = denominator << 60
    }
    let (quotient, remainder) = numerator.dividedBy(denominator)
    if remainder.isZero {
      return Number(BigInteger(isNegative: decimal.isNegative, magnitude: quotient))
    }
    let places = BigNatural(10_000_000_000)
    var (scaled, rest) = (numerator * places).dividedBy(denominator)
    if !(rest + rest < denominator) { scaled = scaled + BigNatural(1) }
    let digits = scaled.digits.map { $0 + 0x30 }
    let padded = [UInt8](repeating: 0x30, count: max(0, 11 - digits.count)) + digits
    let text =
      (decimal.isNegative ? [UInt8(ascii: "-")] : []) + padded.dropLast(10)
      + [UInt8(ascii: ".")] + padded.suffix(10)
    guard let result = ByteString(validating: text).flatMap({ Number(text: $0) }) else {
      throw .failed("units.parse: could not parse amount to a number")
    }
    return result
  }
}
