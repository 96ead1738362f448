/// Text as Go's `fmt` prints it.
package enum GoFormat {
  /// `strconv.Quote`: in double quotes, what cannot be printed escaped.
  package static func quoted(_ text: String, asciiOnly: Bool = false) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\u{07}": result += "\\a"
      case "\u{08}": result += "\\b"
      case "\u{0C}": result += "\\f"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case "\u{0B}": result += "\\v"
      default:
        if scalar.isASCII
          ? scalar.value >= 0x20 && scalar.value < 0x7F : !asciiOnly && isPrint(scalar)
        {
          result.unicodeScalars.append(scalar)
        } else if scalar.value < 0x80 {
          result += "\\x" + hexadecimal(scalar.value, 2)
        } else if scalar.value < 0x10000 {
          result += "\\u" + hexadecimal(scalar.value, 4)
        } else {
          result += "\\U" + hexadecimal(scalar.value, 8)
        }
      }
    }
    return result + "\""
  }

  /// As Go's `time` quotes what it could not read: beyond ASCII byte by byte.
  static func quotedBytes(_ bytes: some Collection<UInt8>) -> String {
    var result = "\""
    for byte in bytes {
      if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { result += "\\" }
      if byte >= 0x20, byte < 0x80 {
        result.unicodeScalars.append(Unicode.Scalar(byte))
      } else {
        result += "\\x" + hexadecimal(UInt32(byte), 2)
      }
    }
    return result + "\""
  }

  private static func hexadecimal(_ value: UInt32, _ width: Int) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }

  /// Whether Go prints it as it is: letters, marks, numbers, punctuation, symbols and the ASCII space.
  static func isPrint(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator,
      .paragraphSeparator, .spaceSeparator:
      scalar == " "
    default: true
    }
  }
}
