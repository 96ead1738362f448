import CanonicalJSON

/// Patterns: compiling is bounded by the program's length, matching by text times program, of which
/// every step is counted.
extension BuiltinTable {
  package static let regex: [Builtin] = [
    Builtin("regex.is_valid", [.string], .boolean) { (values, context) throws(BuiltinFailure) in
      guard case .string(let pattern) = values[0] else { return .bool(false) }
      try context.charge(text: pattern.count * 8)
      return .bool((try? RegexParser.parse(pattern.text)) != nil)
    },
    Builtin("regex.match", [.string, .string], .boolean, match),
    Builtin("re_match", [.string, .string], .boolean, match),
    Builtin("regex.split", [.string, .string], .array(of: .string)) {
      (values, context) throws(BuiltinFailure) in
      let program = try program(try values.string(0), &context)
      let text = try values.string(1).bytes
      if text.isEmpty { return .array([.string("")]) }
      var parts: [Value] = []
      var start = 0
      for bounds in try matches(program, text, captures: 2, limit: .max, &context) {
        if bounds[1] == 0 { continue }
        parts.append(.text(text[start..<bounds[0]]))
        start = bounds[1]
        // An empty match at the end has nothing behind it.
        if bounds[0] == text.count { return .array(parts) }
      }
      parts.append(.text(text[start...]))
      return .array(parts)
    },
    Builtin("regex.find_n", [.string, .string, .number], .array(of: .string)) {
      (values, context) throws(BuiltinFailure) in
      let (pattern, text) = (try values.string(0), try values.string(1).bytes)
      let limit = try values.integer(2)
      let program = try program(pattern, &context)
      let found = try matches(
        program, text, captures: 2, limit: limit < 0 ? .max : limit, &context)
      return .array(found.map { .text(text[$0[0]..<$0[1]]) })
    },
    Builtin(
      "regex.find_all_string_submatch_n", [.string, .string, .number],
      .array(of: .array(of: .string))
    ) { (values, context) throws(BuiltinFailure) in
      let (pattern, text) = (try values.string(0), try values.string(1).bytes)
      let limit = try values.integer(2)
      let program = try program(pattern, &context)
      let found = try matches(
        program, text, captures: program.groupCount * 2, limit: limit < 0 ? .max : limit, &context)
      var results: [Value] = []
      for bounds in found {
        try context.charge(making: bounds[1] - bounds[0] + program.groupCount * 16)
        results.append(
          .array(
            (0..<program.groupCount).map { group in
              let (start, end) = (bounds[group * 2], bounds[group * 2 + 1])
              return start < 0 || end < start ? .string("") : .text(text[start..<end])
            }))
      }
      return .array(results)
    },
    Builtin("regex.replace", [.string, .string, .string], .string) {
      (values, context) throws(BuiltinFailure) in
      let (base, pattern) = (try values.string(0), try values.string(1))
      let template = RegexTemplate(try values.string(2).bytes)
      return .string(
        try replaced(base, with: template, program: try program(pattern, &context), &context))
    },
    Builtin("regex.template_match", [.string, .string, .string, .string], .boolean) {
      (values, context) throws(BuiltinFailure) in
      let (template, text) = (try values.string(0), try values.string(1))
      let (start, end) = (try values.string(2), try values.string(3))
      guard start.count == 1 else {
        throw .failed(
          "start delimiter has to be exactly one character long but is \(start.count) long")
      }
      guard end.count == 1 else {
        // OPA names the length of the other delimiter here.
        throw .failed(
          "end delimiter has to be exactly one character long but is \(start.count) long")
      }
      try context.charge(text: template.count)
      let pattern = try RegexTemplate.pattern(template, start.bytes[0], end.bytes[0], &context)
      var machine = RegexMachine(try program(pattern, &context), text.bytes, captures: 0)
      return .bool(try machine.find(from: 0, &context) != nil)
    },
    Builtin("regex.globs_match", [.string, .string], .boolean) {
      (values, context) throws(BuiltinFailure) in
      .bool(
        try GlobIntersection.isNonEmpty(
          try values.string(0), try values.string(1), &context))
    },
  ]

  private static let match: Builtin.Body = { (values, context) throws(BuiltinFailure) in
    let (pattern, text) = (try values.string(0), try values.string(1))
    var machine = RegexMachine(
      try program(pattern, &context), text.bytes, captures: 0)
    return .bool(try machine.find(from: 0, &context) != nil)
  }

  /// The program of a pattern, compiled once in an evaluation.
  static func program(
    _ pattern: ByteString, _ context: inout BuiltinContext
  ) throws(BuiltinFailure) -> RegexProgram {
    let key = BuiltinContext.KeptKey(builtin: "regex", key: .string(pattern))
    if let program = context.kept[key] as? RegexProgram { return program }
    try context.charge(text: pattern.count * 8)
    let program: RegexProgram
    do {
      program = try RegexProgram(pattern.text)
    } catch {
      throw .failed(error.message)
    }
    try context.charge(steps: program.instructions.count)
    try context.charge(bytes: program.instructions.count * 48)
    context.kept[key] = program
    return program
  }

  /// All matches as Go's FindAll gives them: an empty one not where the one before ended.
  private static func matches(
    _ program: RegexProgram, _ text: [UInt8], captures: Int, limit: Int,
    _ context: inout BuiltinContext
  ) throws(BuiltinFailure) -> [[Int]] {
    var machine = RegexMachine(program, text, captures: captures)
    var found: [[Int]] = []
    var place = 0
    var end = -1
    while found.count < limit, place <= text.count,
      let bounds = try machine.find(from: place, &context)
    {
      var isNew = true
      if bounds[1] == place {
        if bounds[0] == end { isNew = false }
        place = place < text.count ? RegexMachine.decode(text, place).end : text.count + 1
      } else {
        place = bounds[1]
      }
      end = bounds[1]
      if isNew {
        try context.charge(bytes: captures * 8 + 32)
        found.append(bounds)
      }
    }
    return found
  }

  /// Replaces each match by the template, as Go's ReplaceAll does.
  private static func replaced(
    _ base: ByteString, with template: RegexTemplate, program: RegexProgram,
    _ context: inout BuiltinContext
  ) throws(BuiltinFailure) -> ByteString {
    let text = base.bytes
    var machine = RegexMachine(program, text, captures: program.groupCount * 2)
    var result: [UInt8] = []
    var lastEnd = 0
    var place = 0
    while place <= text.count, let bounds = try machine.find(from: place, &context) {
      result += text[lastEnd..<bounds[0]]
      // An empty match where the last one ended would be a second replacement of one place.
      if bounds[1] > lastEnd || bounds[0] == 0 {
        let expansion = template.expanded(text, bounds, program.captureNames)
        try context.charge(making: bounds[0] - lastEnd + expansion.count)
        result += expansion
      }
      lastEnd = bounds[1]
      let next = place < text.count ? RegexMachine.decode(text, place).end : place + 1
      place = next > bounds[1] ? next : bounds[1]
    }
    try context.charge(making: text.count - lastEnd)
    result += text[lastEnd...]
    return ByteString(validating: result) ?? base
  }
}
