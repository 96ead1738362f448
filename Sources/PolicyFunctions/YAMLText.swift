import CanonicalJSON
import Rego

/// YAML: reading is bounded by the steps of the evaluation and the reader's own limits, writing by the size of
/// the value.
extension PolicyFunctions {
  static let yaml: [Builtin] = [
    Builtin("yaml.marshal", [.any], .string) { (values, context) throws(BuiltinFailure) in
      try context.charge(reading: [values[0], values[0]])
      var writer = YAMLWriter()
      writer.write(values[0], indent: 0)
      try context.charge(making: writer.output.utf8.count)
      return .string(ByteString(writer.output))
    },
    Builtin("yaml.unmarshal", [.string], .any) { (values, context) throws(BuiltinFailure) in
      try read(try values.string(0), &context)
    },
    Builtin("yaml.is_valid", [.string], .boolean) { (values, context) throws(BuiltinFailure) in
      guard case .string(let text) = values[0] else { return .bool(false) }
      do throws(BuiltinFailure) {
        _ = try read(text, &context)
      } catch {
        if case .limit = error { throw error }
        return .bool(false)
      }
      return .bool(true)
    },
  ]

  /// Aliases let little text stand for many values: what is made is counted besides the text.
  private static func read(
    _ text: ByteString, _ context: inout BuiltinContext
  ) throws(BuiltinFailure) -> Value {
    try context.charge(making: text.count * 8)
    let value = try YAMLReader.read(text.text, &context)
    try context.charge(reading: [value])
    return value
  }
}

/// Writes values as `sigs.k8s.io/yaml` does: blocks, indented by two, keys sorted.
private struct YAMLWriter {
  var output = ""

  private func isEmpty(_ value: Value) -> Bool {
    switch value {
    case .array(let elements): elements.isEmpty
    case .set(let set): set.isEmpty
    case .object(let object): object.isEmpty
    default: false
    }
  }

  /// Writes a block that begins where the line is; recurses as deep as values nest.
  mutating func write(_ value: Value, indent: Int) {
    let margin = String(repeating: " ", count: indent)
    switch value {
    case .array(let elements): writeList(elements, margin, indent)
    case .set(let set): writeList(set.elements, margin, indent)
    case .object(let object) where !object.isEmpty:
      var members = object.pairs.map { (name: key($0.key), value: $0.value) }
      // Of keys with one text the last counts.
      var last: [ByteString: Int] = [:]
      for (index, member) in members.enumerated() { last[member.name] = index }
      if last.count < members.count { members = last.values.map { members[$0] } }
      members.sort { $0.name < $1.name }
      for (index, member) in members.enumerated() {
        if index > 0 { output += margin }
        output += scalar(member.name.text, indent: indent) + ":"
        switch member.value {
        case .object where !isEmpty(member.value):
          output += "\n" + margin + "  "
          write(member.value, indent: indent + 2)
        case .array where !isEmpty(member.value), .set where !isEmpty(member.value):
          output += "\n" + margin
          write(member.value, indent: indent)
        default:
          output += " "
          write(member.value, indent: indent)
        }
      }
    case .object: output += "{}\n"
    case .null: output += "null\n"
    case .bool(let flag): output += flag ? "true\n" : "false\n"
    case .number(let number): output += self.number(number) + "\n"
    case .string(let text): output += scalar(text.text, indent: indent) + "\n"
    }
  }

  private func key(_ value: Value) -> ByteString {
    if case .string(let text) = value { return text }
    return value.source
  }

  private func number(_ number: Number) -> String {
    if number.integer != nil { return number.text.text }
    return Number(number.double)?.text.text ?? number.text.text
  }

  private mutating func writeList(_ elements: [Value], _ margin: String, _ indent: Int) {
    if elements.isEmpty {
      output += "[]\n"
      return
    }
    for (index, element) in elements.enumerated() {
      if index > 0 { output += margin }
      output += "- "
      write(element, indent: indent + 2)
    }
  }

  private static let words: Set<String> = [
    "", "~", "null", "true", "false", "y", "n", "yes", "no", "on", "off", ".nan", ".inf", "-.inf",
    "+.inf", "<<",
  ]

  /// A text, in quotes where it would be read as something else.
  private func scalar(_ text: String, indent: Int) -> String {
    let scalars = Array(text.unicodeScalars)
    let isResolved =
      YAMLWriter.words.contains(text.lowercased())
      || (scalars.first.map { "0123456789+-.".unicodeScalars.contains($0) } ?? false)
        && looksLikeNumber(text)
    let needsEscapes = scalars.contains { scalar in
      (scalar.value < 0x20 && scalar != "\n") || (0x7F...0x9F).contains(scalar.value)
        || scalar == "\u{FEFF}" || scalar == "\u{2028}" || scalar == "\u{2029}"
    }
    if isResolved || needsEscapes { return doubleQuoted(scalars) }
    if scalars.contains("\n") {
      let margin = String(repeating: " ", count: indent + 2)
      let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
      let end = text.hasSuffix("\n") ? (text.hasSuffix("\n\n") ? "+" : "") : "-"
      let kept = text.hasSuffix("\n") ? lines.dropLast() : lines[...]
      return "|" + end + "\n"
        + kept.map { $0.isEmpty ? "" : margin + $0 }.joined(separator: "\n")
    }
    let opening = "-?:,[]{}#&*!|>'\"%@`".unicodeScalars
    let begins =
      scalars.first.map { first in
        opening.contains(first)
          && !("-?:".unicodeScalars.contains(first) && scalars.count > 1 && scalars[1] != " ")
      } ?? false
    let isSpaced = scalars.first == " " || scalars.last == " "
    let breaks = text.contains(": ") || text.contains(" #") || text.hasSuffix(":")
    if begins || isSpaced || breaks {
      return "'" + text.replacing("'", with: "''") + "'"
    }
    return text
  }

  private func looksLikeNumber(_ text: String) -> Bool {
    let plain = text.replacing("_", with: "")
    if Double(plain) != nil { return true }
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] where plain.hasPrefix(prefix) {
      return Int(plain.dropFirst(2), radix: radix) != nil
    }
    // A date, as YAML 1.1 has them.
    let parts = text.prefix(10).split(separator: "-")
    return parts.count == 3 && parts.map(\.count) == [4, 2, 2]
      && parts.allSatisfy { $0.allSatisfy(\.isNumber) }
  }

  private func doubleQuoted(_ scalars: [Unicode.Scalar]) -> String {
    var result = "\""
    for scalar in scalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\t": result += "\\t"
      case "\r": result += "\\r"
      case "\0": result += "\\0"
      case "\u{07}": result += "\\a"
      case "\u{08}": result += "\\b"
      case "\u{0B}": result += "\\v"
      case "\u{0C}": result += "\\f"
      case "\u{1B}": result += "\\e"
      case "\u{85}": result += "\\N"
      case "\u{2028}": result += "\\L"
      case "\u{2029}": result += "\\P"
      default:
        if scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) || scalar == "\u{FEFF}" {
          let digits = String(scalar.value, radix: 16, uppercase: true)
          result +=
            scalar.value < 0x100
            ? "\\x" + String(repeating: "0", count: 2 - digits.count) + digits
            : "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        } else {
          result.unicodeScalars.append(scalar)
        }
      }
    }
    return result + "\""
  }
}
