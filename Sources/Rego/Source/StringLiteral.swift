import CanonicalJSON

/// The text that a literal stands for.
enum StringLiteral {
  /// Decodes the escapes of JSON; nil if one is malformed.
  ///
  /// `template`: `\{` and `\}` too.
  static func decoded(_ bytes: ArraySlice<UInt8>, template: Bool = false) -> ByteString? {
    guard bytes.contains(UInt8(ascii: "\\")) else {
      guard !bytes.contains(where: { $0 < 0x20 && $0 != 0x09 }) || template else { return nil }
      return ByteString(validating: bytes)
    }
    var output: [UInt8] = []
    output.reserveCapacity(bytes.count)
    var index = bytes.startIndex
    func unit(at start: Int) -> UInt32? {
      guard start + 4 <= bytes.endIndex else { return nil }
      var value: UInt32 = 0
      for byte in bytes[start..<start + 4] {
        guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else { return nil }
        value = value << 4 | UInt32(digit)
      }
      return value
    }
    while index < bytes.endIndex {
      let byte = bytes[index]
      index += 1
      guard byte == UInt8(ascii: "\\") else {
        output.append(byte)
        continue
      }
      guard index < bytes.endIndex else { return nil }
      let escape = bytes[index]
      index += 1
      switch escape {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): output.append(escape)
      case UInt8(ascii: "{"), UInt8(ascii: "}"):
        guard template else { return nil }
        output.append(escape)
      case UInt8(ascii: "b"): output.append(0x08)
      case UInt8(ascii: "f"): output.append(0x0C)
      case UInt8(ascii: "n"): output.append(0x0A)
      case UInt8(ascii: "r"): output.append(0x0D)
      case UInt8(ascii: "t"): output.append(0x09)
      case UInt8(ascii: "u"):
        guard var value = unit(at: index) else { return nil }
        index += 4
        if value & 0xFC00 == 0xD800, index + 6 <= bytes.endIndex,
          bytes[index] == UInt8(ascii: "\\"), bytes[index + 1] == UInt8(ascii: "u"),
          let low = unit(at: index + 2), low & 0xFC00 == 0xDC00
        {
          value = 0x10000 + (value - 0xD800) << 10 + (low - 0xDC00)
          index += 6
        }
        let scalar = Unicode.Scalar(value) ?? "\u{FFFD}"
        output.append(contentsOf: String(Character(scalar)).utf8)
      default: return nil
      }
    }
    return ByteString(validating: output)
  }

  /// A raw template's text: only `\{` is an escape.
  static func rawTemplate(_ bytes: ArraySlice<UInt8>) -> ByteString? {
    var output: [UInt8] = []
    var index = bytes.startIndex
    while index < bytes.endIndex {
      if bytes[index] == UInt8(ascii: "\\"), index + 1 < bytes.endIndex,
        bytes[index + 1] == UInt8(ascii: "{")
      {
        index += 1
      }
      output.append(bytes[index])
      index += 1
    }
    return ByteString(validating: output)
  }
}
