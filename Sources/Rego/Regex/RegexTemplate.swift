import CanonicalJSON

/// What stands for a match: text with `$1`, `${name}` and `$$` as Go's `Expand` reads them.
struct RegexTemplate {
  private enum Part {
    case text([UInt8])
    case group(Int)
    case name(String)
  }

  private var parts: [Part] = []

  init(_ bytes: [UInt8]) {
    var text: [UInt8] = []
    var index = 0
    while index < bytes.count {
      guard bytes[index] == UInt8(ascii: "$") else {
        text.append(bytes[index])
        index += 1
        continue
      }
      if index + 1 < bytes.count, bytes[index + 1] == UInt8(ascii: "$") {
        text.append(UInt8(ascii: "$"))
        index += 2
        continue
      }
      let isBraced = index + 1 < bytes.count && bytes[index + 1] == UInt8(ascii: "{")
      let start = index + (isBraced ? 2 : 1)
      var end = start
      while end < bytes.count {
        let (scalar, next) = RegexMachine.decode(bytes, end)
        let isWord =
          scalar == "_" || scalar.properties.generalCategory == .decimalNumber
          || UnicodeCategory("L")?.contains(scalar) == true
        if !isWord { break }
        end = next
      }
      let isClosed = !isBraced || (end < bytes.count && bytes[end] == UInt8(ascii: "}"))
      guard end > start, isClosed else {
        text.append(UInt8(ascii: "$"))
        index += 1
        continue
      }
      if !text.isEmpty { parts.append(.text(text)) }
      text = []
      let name = String(decoding: bytes[start..<end], as: UTF8.self)
      let isNumber = name.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 }
      if isNumber, name.utf8.count == 1 || !name.hasPrefix("0"), name.utf8.count < 9,
        let number = Int(name)
      {
        parts.append(.group(number))
      } else {
        parts.append(.name(name))
      }
      index = isBraced ? end + 1 : end
    }
    if !text.isEmpty { parts.append(.text(text)) }
  }

  func expanded(_ text: [UInt8], _ bounds: [Int], _ names: [String?]) -> [UInt8] {
    var result: [UInt8] = []
    func append(_ group: Int) {
      guard group * 2 + 1 < bounds.count, bounds[group * 2] >= 0 else { return }
      result += text[bounds[group * 2]..<bounds[group * 2 + 1]]
    }
    for part in parts {
      switch part {
      case .text(let text): result += text
      case .group(let group): append(group)
      case .name(let name):
        for group in names.indices where names[group] == name && bounds[group * 2] >= 0 {
          append(group)
          break
        }
      }
    }
    return result
  }

  /// A template with patterns between delimiters made into one pattern (`regex.template_match`).
  static func pattern(
    _ template: ByteString, _ open: UInt8, _ close: UInt8, _ context: inout BuiltinContext
  ) throws(BuiltinFailure) -> ByteString {
    let bytes = template.bytes
    let unbalanced = BuiltinFailure.failed("unbalanced braces in \(GoFormat.quoted(template.text))")
    var pieces: [(start: Int, end: Int)] = []
    var level = 0
    var start = 0
    for (index, byte) in bytes.enumerated() {
      if byte == open {
        level += 1
        if level == 1 { start = index }
      } else if byte == close {
        level -= 1
        if level == 0 { pieces.append((start, index + 1)) }
        if level < 0 { throw unbalanced }
      }
    }
    guard level == 0 else { throw unbalanced }
    var pattern = [UInt8(ascii: "^")]
    var end = 0
    for piece in pieces {
      let inner = bytes[(piece.start + 1)..<(piece.end - 1)]
      // Each must be a pattern by itself.
      let alone = [UInt8(ascii: "^")] + inner + [UInt8(ascii: "$")]
      _ = try BuiltinTable.program(ByteString(validating: alone) ?? "(", &context)
      pattern += quoted(bytes[end..<piece.start])
      pattern += [UInt8(ascii: "(")] + inner + [UInt8(ascii: ")")]
      end = piece.end
    }
    pattern += quoted(bytes[end...]) + [UInt8(ascii: "$")]
    return ByteString(validating: pattern) ?? "("
  }

  private static let special = Set(#"\.+*?()|[]{}^$"#.utf8)

  private static func quoted(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
    var result: [UInt8] = []
    for byte in bytes {
      if special.contains(byte) { result.append(UInt8(ascii: "\\")) }
      result.append(byte)
    }
    return result
  }
}
