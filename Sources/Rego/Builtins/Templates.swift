import CanonicalJSON

/// `strings.render_template`: Go's text templates, of them what fills in values and repeats.
extension BuiltinTable {
  package static let templates: [Builtin] = [
    Builtin("strings.render_template", [.string, .object(.string, .any)], .string) {
      (values, context) throws(BuiltinFailure) in
      let text = try values.string(0)
      let object = try values.object(1)
      try context.charge(making: text.count * 4)
      let template = try TextTemplate(text.bytes)
      return .string(try template.rendered(.object(object), &context))
    }
  ]
}

/// A template as operations one after another; blocks are jumps, so that nothing recurses.
struct TextTemplate {
  /// What a value is taken from, and the fields below it.
  struct Operand {
    enum Root {
      case dot
      case variable(String)
      case constant(Value)
    }

    var root: Root
    var fields: [ByteString] = []
    let text: String
  }

  enum Operation {
    case text(Range<Int>)
    case show(Operand)
    case set(String, Operand, isNew: Bool)
    case jump(Int)
    /// Goes on at `otherwise` if the value is empty; `with` makes it the dot.
    case begin(Operand, name: String?, isWith: Bool, otherwise: Int)
    case range(Operand, key: String?, element: String?, otherwise: Int)
    case next(otherwise: Int)
    /// Ends the scope of a branch.
    case end
  }

  /// A block that is open while the template is read.
  private struct Block {
    enum Kind {
      case condition
      case with
      case range
    }

    let kind: Kind
    /// The operation that goes on elsewhere if the block is not entered; -1 after a final `else`.
    var start: Int
    /// Jumps to the block's end.
    var ends: [Int] = []
    /// How many scopes a branch closes: `else if` nests none.
    var hasElse = false
    var body = 0
  }

  private static let nestingLimit = 100

  private let source: [UInt8]
  private(set) var operations: [Operation] = []
  private var blocks: [Block] = []

  init(_ source: [UInt8]) throws(BuiltinFailure) {
    self.source = source
    var index = 0
    var trimsNext = false
    while index < source.count {
      let start = TextTemplate.double(UInt8(ascii: "{"), in: source, from: index)
      var (from, to) = (index, start ?? source.count)
      if trimsNext { while from < to, TextTemplate.isSpace(source[from]) { from += 1 } }
      trimsNext = false
      guard let start else {
        if from < to { operations.append(.text(from..<to)) }
        break
      }
      var inner = start + 2
      if inner + 1 < source.count, source[inner] == UInt8(ascii: "-"),
        TextTemplate.isSpace(source[inner + 1])
      {
        inner += 2
        while to > from, TextTemplate.isSpace(source[to - 1]) { to -= 1 }
      }
      if from < to { operations.append(.text(from..<to)) }
      guard let end = TextTemplate.end(of: source, from: inner) else {
        throw .failed("template: unclosed action")
      }
      var last = end
      if last >= inner + 2, source[last - 1] == UInt8(ascii: "-"),
        TextTemplate.isSpace(source[last - 2])
      {
        last -= 2
        trimsNext = true
      }
      try action(source[inner..<max(inner, last)])
      index = end + 2
    }
    guard blocks.isEmpty else { throw .failed("template: unexpected EOF") }
  }

  private static func isSpace(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D
  }

  /// Where a byte stands twice in a row.
  private static func double(_ byte: UInt8, in source: [UInt8], from start: Int) -> Int? {
    var index = start
    while index + 1 < source.count {
      if source[index] == byte, source[index + 1] == byte { return index }
      index += 1
    }
    return nil
  }

  /// Where an action's closing braces stand; those in quotes or a comment do not count.
  private static func end(of source: [UInt8], from start: Int) -> Int? {
    var index = start
    while index < source.count {
      let byte = source[index]
      if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "`") {
        index += 1
        while index < source.count, source[index] != byte {
          index += byte == UInt8(ascii: "\"") && source[index] == UInt8(ascii: "\\") ? 2 : 1
        }
      } else if byte == UInt8(ascii: "}"), index + 1 < source.count,
        source[index + 1] == UInt8(ascii: "}")
      {
        return index
      }
      index += 1
    }
    return nil
  }

  // MARK: actions

  private mutating func action(_ bytes: ArraySlice<UInt8>) throws(BuiltinFailure) {
    let text = String(decoding: bytes, as: UTF8.self)
    let comment = text.split(whereSeparator: \.isWhitespace)
    if comment.first?.hasPrefix("/*") == true {
      guard comment.last?.hasSuffix("*/") == true else {
        throw .failed("template: unclosed comment")
      }
      return
    }
    var words = TemplateWords(bytes)
    let all = try words.all()
    guard let first = all.first else { throw .failed("template: missing value for command") }
    switch first {
    case "if", "with":
      try open(first == "if" ? .condition : .with)
      try begin(all.dropFirst(), of: first)
    case "range":
      var rest = all.dropFirst()
      var names: [String] = []
      if let mark = rest.firstIndex(of: ":=") {
        names = rest[..<mark].filter { $0 != "," }
        rest = rest[(mark + 1)...]
        guard (1...2).contains(names.count), names.allSatisfy({ $0.hasPrefix("$") }) else {
          throw .failed("template: range can only initialize variables")
        }
      }
      let operand = try operand(rest, of: first)
      try open(.range)
      operations.append(
        .range(
          operand, key: names.count == 2 ? names[0] : nil, element: names.last, otherwise: -1))
    case "else": try otherwise(all.dropFirst())
    case "end":
      guard all.count == 1, let block = blocks.popLast() else {
        throw .failed("template: unexpected {{end}}")
      }
      close(block)
    default:
      if all.count >= 3, first.hasPrefix("$"), all[1] == ":=" || all[1] == "=" {
        let value = try operand(all.dropFirst(2), of: "variable")
        operations.append(.set(first, value, isNew: all[1] == ":="))
        return
      }
      operations.append(.show(try operand(all[...], of: "command")))
    }
  }

  /// A condition, which may name its value.
  private mutating func begin(
    _ words: ArraySlice<String>, of context: String
  ) throws(BuiltinFailure) {
    var rest = words
    var name: String?
    if let first = rest.first, first.hasPrefix("$"), rest.dropFirst().first == ":=" {
      name = first
      rest = rest.dropFirst(2)
    }
    operations.append(
      .begin(
        try operand(rest, of: context), name: name, isWith: context == "with", otherwise: -1))
  }

  private mutating func open(_ kind: Block.Kind) throws(BuiltinFailure) {
    guard blocks.count < TextTemplate.nestingLimit else {
      throw .failed("template: blocks nest more than \(TextTemplate.nestingLimit) deep")
    }
    blocks.append(Block(kind: kind, start: operations.count, body: operations.count + 1))
  }

  /// Ends the branch before, from which one goes on at the block's end.
  private mutating func otherwise(_ rest: ArraySlice<String>) throws(BuiltinFailure) {
    guard var block = blocks.popLast(), !block.hasElse else {
      throw .failed("template: unexpected {{else}}")
    }
    finishBranch(&block)
    block.ends.append(operations.count)
    operations.append(.jump(-1))
    patch(block.start, to: operations.count)
    block.start = -1
    if let word = rest.first {
      guard word == "if" || word == "with", block.kind != .range else {
        throw .failed("template: unexpected <\(word)> in {{else}}")
      }
      block.start = operations.count
      try begin(rest.dropFirst(), of: word)
    } else {
      block.hasElse = true
    }
    blocks.append(block)
  }

  /// A range goes back for its next element; a branch's scope ends.
  private mutating func finishBranch(_ block: inout Block) {
    guard block.start >= 0 else { return }
    switch block.kind {
    case .range: operations.append(.next(otherwise: block.body))
    case .condition, .with: operations.append(.end)
    }
  }

  private mutating func close(_ block: Block) {
    var block = block
    finishBranch(&block)
    if block.start >= 0 { patch(block.start, to: operations.count) }
    for jump in block.ends { operations[jump] = .jump(operations.count) }
  }

  private mutating func patch(_ index: Int, to target: Int) {
    switch operations[index] {
    case .begin(let operand, let name, let isWith, _):
      operations[index] = .begin(operand, name: name, isWith: isWith, otherwise: target)
    case .range(let operand, let key, let element, _):
      operations[index] = .range(operand, key: key, element: element, otherwise: target)
    default: break
    }
  }

  private func operand(
    _ words: ArraySlice<String>, of context: String
  ) throws(BuiltinFailure) -> Operand {
    guard let word = words.first else {
      throw .failed("template: missing value for \(context)")
    }
    guard words.count == 1 else {
      throw .failed(
        "template: \(words.joined(separator: " ")): calls and pipelines are not supported")
    }
    if word == "." { return Operand(root: .dot, text: word) }
    switch word {
    case "true": return Operand(root: .constant(.bool(true)), text: word)
    case "false": return Operand(root: .constant(.bool(false)), text: word)
    case "nil": throw .failed("template: nil is not a command")
    default: break
    }
    if word.hasPrefix("\"") || word.hasPrefix("`") {
      return Operand(root: .constant(.string(try TemplateWords.unquoted(word))), text: word)
    }
    if let integer = Int64(word) {
      return Operand(root: .constant(.number(.integer(integer))), text: word)
    }
    let parts = word.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    guard parts.dropFirst().allSatisfy({ !$0.isEmpty }) else {
      throw .failed("template: unexpected <.> in operand")
    }
    let fields = parts.dropFirst().map { ByteString($0) }
    if parts[0].isEmpty { return Operand(root: .dot, fields: fields, text: word) }
    guard parts[0].hasPrefix("$") else {
      throw .failed("template: function \"\(parts[0])\" not defined")
    }
    return Operand(root: .variable(parts[0]), fields: fields, text: word)
  }

  func bytes(_ range: Range<Int>) -> ArraySlice<UInt8> { source[range] }
}

/// The words of one action.
struct TemplateWords {
  private let bytes: ArraySlice<UInt8>
  private var index: Int

  init(_ bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
    index = bytes.startIndex
  }

  mutating func all() throws(BuiltinFailure) -> [String] {
    var words: [String] = []
    while index < bytes.endIndex {
      let byte = bytes[index]
      let start = index
      switch byte {
      case 0x20, 0x09, 0x0A, 0x0D:
        index += 1
        continue
      case UInt8(ascii: ","), UInt8(ascii: "="), UInt8(ascii: "|"), UInt8(ascii: "("),
        UInt8(ascii: ")"):
        index += 1
      case UInt8(ascii: ":"):
        index += 1
        guard index < bytes.endIndex, bytes[index] == UInt8(ascii: "=") else {
          throw .failed("template: expected :=")
        }
        index += 1
      case UInt8(ascii: "\""), UInt8(ascii: "`"):
        index += 1
        while index < bytes.endIndex, bytes[index] != byte {
          index += byte == UInt8(ascii: "\"") && bytes[index] == UInt8(ascii: "\\") ? 2 : 1
        }
        guard index < bytes.endIndex else { throw .failed("template: unterminated quoted string") }
        index += 1
      default:
        while index < bytes.endIndex, !" \t\n\r,=|():\"`".utf8.contains(bytes[index]) { index += 1 }
      }
      words.append(String(decoding: bytes[start..<index], as: UTF8.self))
    }
    return words
  }

  static func unquoted(_ word: String) throws(BuiltinFailure) -> ByteString {
    if word.hasPrefix("`") { return ByteString(String(word.dropFirst().dropLast())) }
    guard case .string(let text)? = try? JSONText.value(ByteString(word)) else {
      throw .failed("template: bad character in \(word)")
    }
    return text
  }
}
