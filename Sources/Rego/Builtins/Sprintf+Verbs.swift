import CanonicalJSON

/// What each verb makes of one argument.
extension Sprintf {
  mutating func format(
    _ argument: Argument, _ verb: Unicode.Scalar, _ context: inout BuiltinContext
  ) throws(BuiltinFailure) {
    switch argument {
    case .integer(let value): if formatInteger(value, verb) { return }
    case .big(let value):
      try Number.charge(width: value.magnitude.limbs.count, 1, &context)
      if formatBig(value, verb) { return }
    case .double(let value): if formatDouble(value, verb) { return }
    case .string(let text): if formatString(text, verb) { return }
    }
    write("%!\(verb)(")
    if case .big(let value) = argument {
      write("big.Int=")
      // Go prints a big.Int for a wrong verb without flags.
      output += Number(value).text.bytes
    } else {
      write(argument.typeName + "=")
      try format(argument, "v", &context)
    }
    write(")")
  }

  mutating func pad(_ text: [UInt8], zeros: Bool? = nil) {
    let count = text.reduce(0) { $1 & 0xC0 == 0x80 ? $0 : $0 + 1 }
    let missing = (flags.width ?? 0) - count
    guard missing > 0 else {
      output += text
      return
    }
    if flags.minus {
      output += text + [UInt8](repeating: UInt8(ascii: " "), count: missing)
    } else {
      let filler = zeros ?? flags.zero ? UInt8(ascii: "0") : UInt8(ascii: " ")
      output += [UInt8](repeating: filler, count: missing) + text
    }
  }

  static func base(_ verb: Unicode.Scalar) -> Int? {
    switch verb {
    case "v", "d": 10
    case "b": 2
    case "o", "O": 8
    case "x", "X": 16
    default: nil
    }
  }

  mutating func formatInteger(_ value: Int64, _ verb: Unicode.Scalar) -> Bool {
    if let base = Sprintf.base(verb) {
      writeInteger(
        isNegative: value < 0,
        digits: Array(
          String(value.magnitude, radix: base, uppercase: verb == "X").utf8),
        base: base, verb: verb)
      return true
    }
    let scalar = UInt32(exactly: value).flatMap(Unicode.Scalar.init) ?? "\u{FFFD}"
    switch verb {
    case "c": pad(Array(String(Character(scalar)).utf8))
    case "q":
      let quoted = GoFormat.quoted(String(Character(scalar)), asciiOnly: flags.plus)
      var inner = String(quoted.dropFirst().dropLast())
      if scalar == "\"" { inner = "\"" }
      if scalar == "'" { inner = "\\'" }
      pad(Array("'\(inner)'".utf8))
    case "U":
      var digits = String(value.magnitude, radix: 16, uppercase: true)
      let count = max(4, flags.precision ?? 4)
      digits = String(repeating: "0", count: max(0, count - digits.count)) + digits
      var text = "U+" + digits
      if flags.sharp, GoFormat.isPrint(scalar) { text += " '\(Character(scalar))'" }
      pad(Array(text.utf8), zeros: false)
    default: return false
    }
    return true
  }

  mutating func writeInteger(
    isNegative: Bool, digits: [UInt8], base: Int, verb: Unicode.Scalar
  ) {
    let isZero = digits == [UInt8(ascii: "0")]
    if flags.precision == 0, isZero {
      pad([], zeros: false)
      return
    }
    var least = flags.precision ?? 0
    if flags.precision == nil, flags.zero, !flags.minus, let width = flags.width {
      least = width
      if isNegative || flags.plus || flags.space { least -= 1 }
    }
    var text = [UInt8](repeating: UInt8(ascii: "0"), count: max(0, least - digits.count)) + digits
    if flags.sharp {
      switch base {
      case 2: text = Array("0b".utf8) + text
      case 8: if text.first != UInt8(ascii: "0") { text = [UInt8(ascii: "0")] + text }
      case 16: text = Array((verb == "X" ? "0X" : "0x").utf8) + text
      default: break
      }
    }
    if verb == "O" { text = Array("0o".utf8) + text }
    if isNegative {
      text = [UInt8(ascii: "-")] + text
    } else if flags.plus {
      text = [UInt8(ascii: "+")] + text
    } else if flags.space {
      text = [UInt8(ascii: " ")] + text
    }
    pad(text, zeros: false)
  }

  mutating func formatBig(_ value: BigInteger, _ verb: Unicode.Scalar) -> Bool {
    let base: Int
    switch verb {
    case "s", "v", "d": base = 10
    case "b": base = 2
    case "o", "O": base = 8
    case "x", "X": base = 16
    default: return false
    }
    let digits: [UInt8]
    if base == 10 {
      digits = Number(BigInteger(isNegative: false, magnitude: value.magnitude)).text.bytes
    } else {
      let text = value.magnitude.text(bitsPerDigit: base == 2 ? 1 : base == 8 ? 3 : 4)
      digits = Array((verb == "X" ? text.uppercased() : text).utf8)
    }
    writeInteger(isNegative: value.isNegative, digits: digits, base: base, verb: verb)
    return true
  }

  mutating func formatString(
    _ text: [UInt8], _ verb: Unicode.Scalar, plain: Bool = false
  ) -> Bool {
    switch verb {
    case "v" where flags.sharp: return formatString(text, "q", plain: true)
    case "v", "s": pad(truncated(text))
    case "x", "X":
      var bytes = text
      if let precision = flags.precision { bytes = Array(bytes.prefix(precision)) }
      let alphabet = Array((verb == "X" ? "0123456789ABCDEF" : "0123456789abcdef").utf8)
      let prefix = Array((verb == "X" ? "0X" : "0x").utf8)
      var result: [UInt8] = flags.sharp && !bytes.isEmpty ? prefix : []
      for (index, byte) in bytes.enumerated() {
        if flags.space, index > 0 {
          result.append(UInt8(ascii: " "))
          if flags.sharp { result += prefix }
        }
        result += [alphabet[Int(byte >> 4)], alphabet[Int(byte & 15)]]
      }
      pad(result)
    case "q":
      let string = String(decoding: truncated(text), as: UTF8.self)
      let canBackquote = string.unicodeScalars.allSatisfy {
        $0 != "`" && $0 != "\u{7F}" && $0 != "\u{FEFF}" && ($0.value >= 0x20 || $0 == "\t")
      }
      if flags.sharp, !plain, canBackquote {
        pad(Array("`\(string)`".utf8))
      } else {
        pad(Array(GoFormat.quoted(string, asciiOnly: flags.plus).utf8))
      }
    default: return false
    }
    return true
  }

  func truncated(_ text: [UInt8]) -> [UInt8] {
    guard let precision = flags.precision, precision < text.count else { return text }
    var left = precision
    var end = 0
    while end < text.count, left > 0 {
      end = RegexMachine.decode(text, end).end
      left -= 1
    }
    return Array(text[..<end])
  }

  mutating func formatDouble(_ value: Double, _ verb: Unicode.Scalar) -> Bool {
    var text: String
    let magnitude = value.magnitude
    switch verb {
    case "v", "g", "G":
      if let precision = flags.precision {
        text = Sprintf.general(magnitude, max(1, precision))
      } else {
        text = GoDouble.shortest(magnitude)
      }
      if verb == "G" { text = text.uppercased() }
    case "e", "E":
      let precision = flags.precision ?? 6
      var (digits, power) = GoDouble.exactDigits(magnitude)
      (digits, power) = GoDouble.rounded(digits, power, count: precision + 1)
      if digits.isEmpty { (digits, power) = ([0], 0) }
      digits += [UInt8](repeating: 0, count: max(0, precision + 1 - digits.count))
      text = GoDouble.scientific(digits, power, mark: verb == "E" ? "E" : "e")
    case "f", "F":
      let precision = flags.precision ?? 6
      var (digits, power) = GoDouble.exactDigits(magnitude)
      (digits, power) = GoDouble.rounded(digits, power, count: power + 1 + precision)
      text = GoDouble.positional(digits, power, fraction: precision)
    case "b":
      let bits = magnitude.bitPattern
      let exponent = Int(bits >> 52)
      let fraction = bits & 0xF_FFFF_FFFF_FFFF
      let power = max(exponent, 1) - 1075
      text = "\(exponent == 0 ? fraction : fraction | 1 << 52)p\(power < 0 ? "" : "+")\(power)"
    case "x", "X":
      guard flags.precision == nil, !flags.sharp else { return false }
      text = Sprintf.hexadecimal(magnitude)
      if verb == "X" { text = text.uppercased() }
    default: return false
    }
    if flags.sharp, verb != "v", !text.contains("."), verb != "g", verb != "G" { text += "." }
    var bytes = Array(text.utf8)
    let sign: UInt8? =
      value.sign == .minus
      ? UInt8(ascii: "-")
      : flags.plus ? UInt8(ascii: "+") : flags.space ? UInt8(ascii: " ") : nil
    if flags.zero, !flags.minus, let width = flags.width, let sign {
      // The sign stands before the zeros.
      bytes = [UInt8](repeating: UInt8(ascii: "0"), count: max(0, width - 1 - bytes.count)) + bytes
      pad([sign] + bytes, zeros: false)
    } else {
      pad((sign.map { [$0] } ?? []) + bytes)
    }
    return true
  }

  /// `0x1.8p+01`, as many digits as there are.
  static func hexadecimal(_ value: Double) -> String {
    if value == 0 { return "0x0p+00" }
    let significand = value.significand.bitPattern & 0xF_FFFF_FFFF_FFFF
    var digits = String(significand, radix: 16)
    digits = String(repeating: "0", count: 13 - digits.count) + digits
    while digits.hasSuffix("0") { digits.removeLast() }
    let power = Int(value.exponent)
    let magnitude = String(power.magnitude)
    return "0x1" + (digits.isEmpty ? "" : "." + digits) + "p" + (power < 0 ? "-" : "+")
      + (magnitude.count < 2 ? "0" : "") + magnitude
  }

  static func general(_ value: Double, _ precision: Int) -> String {
    var (digits, power) = GoDouble.exactDigits(value)
    (digits, power) = GoDouble.rounded(digits, power, count: precision)
    while digits.last == 0 { digits.removeLast() }
    if digits.isEmpty { return "0" }
    var threshold = precision
    if threshold > digits.count, digits.count >= power + 1 { threshold = digits.count }
    if power < -4 || power >= threshold { return GoDouble.scientific(digits, power) }
    return GoDouble.positional(digits, power, fraction: max(0, digits.count - power - 1))
  }
}
