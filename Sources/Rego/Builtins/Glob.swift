import CanonicalJSON

/// Globs: run by the machine of patterns, with its bounds.
extension BuiltinTable {
  package static let glob: [Builtin] = [
    Builtin("glob.match", [.string, .anyOf([.null, .array(of: .string)]), .string], .boolean) {
      (values, context) throws(BuiltinFailure) in
      let pattern = try values.string(0)
      var delimiters: [Unicode.Scalar] = []
      switch values[1] {
      case .null: break
      case .array(let elements):
        for element in elements {
          guard case .string(let text) = element else {
            throw .element(1, values[1], element, "string")
          }
          let scalars = text.text.unicodeScalars
          guard let first = scalars.first, scalars.count == 1 else {
            throw .element(1, values[1], element, "rune")
          }
          delimiters.append(first)
        }
        if delimiters.isEmpty { delimiters = ["."] }
      default: throw .operand(1, "one of {array, null}", values[1])
      }
      let text = try values.string(2)
      let key = BuiltinContext.KeptKey(
        builtin: "glob", key: .array([.string(pattern), values[1]]))
      let program: RegexProgram
      if let kept = context.kept[key] as? RegexProgram {
        program = kept
      } else {
        try context.charge(text: pattern.count * 8 * (delimiters.count + 1))
        program = try globProgram(pattern.text, delimiters)
        try context.charge(steps: program.instructions.count)
        try context.charge(bytes: program.instructions.count * 48)
        context.kept[key] = program
      }
      var machine = RegexMachine(program, text.bytes, captures: 0)
      return .bool(try machine.find(from: 0, &context) != nil)
    },
    Builtin("glob.quote_meta", [.string], .string) { (values, context) throws(BuiltinFailure) in
      let text = try values.string(0)
      try context.charge(making: text.count * 2)
      var quoted: [UInt8] = []
      for byte in text.bytes {
        if globSpecials.contains(byte) { quoted.append(UInt8(ascii: "\\")) }
        quoted.append(byte)
      }
      return .text(quoted)
    },
  ]

  private static let globSpecials = Set(#"*?\[]{}"#.utf8)

  private static func globProgram(
    _ pattern: String, _ delimiters: [Unicode.Scalar]
  ) throws(BuiltinFailure) -> RegexProgram {
    let node = try GlobParser.parse(pattern, delimiters: delimiters)
    do {
      return try RegexProgram(node, captureNames: [nil], pattern: pattern)
    } catch {
      throw .failed(error.code.rawValue)
    }
  }
}
