import CanonicalJSON

/// Reads the YAML that METADATA comments are written in.
///
/// Block mappings and sequences, scalars, flow collections; what it does not know it takes for text.
struct MetadataReader {
  private struct Line {
    let indent: Int
    let text: Substring
  }

  private var lines: [Line]
  private var index = 0
  private static let depthLimit = 32

  static func read(_ comments: [String]) -> Value? {
    var lines: [Line] = []
    for comment in comments {
      let text = Substring(comment)
      let content = text.drop { $0 == " " }
      var end = content
      while let last = end.last, last == " " || last == "\t" || last == "\r" { end.removeLast() }
      guard !end.isEmpty, !end.hasPrefix("#") else { continue }
      lines.append(Line(indent: text.count - content.count, text: end))
    }
    guard !lines.isEmpty else { return .emptyObject }
    var reader = MetadataReader(lines: lines)
    let value = reader.block(indent: reader.lines[0].indent, depth: 0)
    return reader.index == lines.count ? value : nil
  }

  private mutating func block(indent: Int, depth: Int) -> Value? {
    guard depth < MetadataReader.depthLimit, index < lines.count else { return nil }
    return lines[index].text.hasPrefix("- ") || lines[index].text == "-"
      ? sequence(indent: indent, depth: depth) : mapping(indent: indent, depth: depth)
  }

  private mutating func sequence(indent: Int, depth: Int) -> Value? {
    var elements: [Value] = []
    while index < lines.count, lines[index].indent == indent,
      lines[index].text.hasPrefix("- ") || lines[index].text == "-"
    {
      let rest = lines[index].text.dropFirst().drop { $0 == " " }
      if rest.isEmpty {
        index += 1
        guard index < lines.count, lines[index].indent > indent else {
          elements.append(.null)
          continue
        }
        guard let value = block(indent: lines[index].indent, depth: depth + 1) else { return nil }
        elements.append(value)
      } else if MetadataReader.key(rest) != nil {
        // A mapping that begins on the line of its dash.
        let inner = indent + (lines[index].text.count - rest.count)
        lines[index] = Line(indent: inner, text: rest)
        guard let value = mapping(indent: inner, depth: depth + 1) else { return nil }
        elements.append(value)
      } else {
        elements.append(MetadataReader.scalar(rest))
        index += 1
      }
    }
    return .array(elements)
  }

  private mutating func mapping(indent: Int, depth: Int) -> Value? {
    var object = ObjectValue()
    while index < lines.count, lines[index].indent == indent {
      guard let (key, rest) = MetadataReader.key(lines[index].text) else { return nil }
      index += 1
      if rest == "|" || rest == ">" || rest == "|-" || rest == ">-" {
        var parts: [String] = []
        while index < lines.count, lines[index].indent > indent {
          parts.append(String(lines[index].text))
          index += 1
        }
        let joined = parts.joined(separator: rest.hasPrefix("|") ? "\n" : " ")
        object[key] = .string(ByteString(rest.hasSuffix("-") ? joined : joined + "\n"))
      } else if rest.isEmpty {
        guard index < lines.count,
          lines[index].indent > indent
            || lines[index].indent == indent && lines[index].text.hasPrefix("-")
        else {
          object[key] = .null
          continue
        }
        guard let value = block(indent: lines[index].indent, depth: depth + 1) else { return nil }
        object[key] = value
      } else {
        var text = String(rest)
        // A plain scalar goes on in lines that are further in.
        while index < lines.count, lines[index].indent > indent {
          text += " " + lines[index].text
          index += 1
        }
        object[key] = MetadataReader.scalar(Substring(text))
      }
    }
    return .object(object)
  }

  /// A key and what follows its colon.
  private static func key(_ line: Substring) -> (ByteString, Substring)? {
    var quote: Character?
    var at = line.startIndex
    while at < line.endIndex {
      let character = line[at]
      if let open = quote {
        if character == open { quote = nil }
      } else if character == "\"" || character == "'" {
        if at == line.startIndex { quote = character }
      } else if character == "{" || character == "[", at == line.startIndex {
        return nil
      } else if character == ":" {
        let next = line.index(after: at)
        if next == line.endIndex || line[next] == " " {
          guard case .string(let name) = scalar(line[..<at], isKey: true) else { return nil }
          return (name, line[next...].drop { $0 == " " })
        }
      }
      at = line.index(after: at)
    }
    return nil
  }

  private static func scalar(_ text: Substring, isKey: Bool = false) -> Value {
    if text.hasPrefix("\""), text.hasSuffix("\""), text.count >= 2 {
      let inner = Array(text.dropFirst().dropLast().utf8)
      return .string(StringLiteral.decoded(inner[...]) ?? ByteString(String(text)))
    }
    if text.hasPrefix("'"), text.hasSuffix("'"), text.count >= 2 {
      let inner = String(text.dropFirst().dropLast())
      return .string(
        ByteString(
          inner.split(separator: "''", omittingEmptySubsequences: false)
            .joined(separator: "'")))
    }
    if isKey { return .string(ByteString(String(text))) }
    switch text {
    case "true": return .bool(true)
    case "false": return .bool(false)
    case "null", "~": return .null
    default: break
    }
    if text.hasPrefix("[") || text.hasPrefix("{") {
      var reader = FlowReader(text: Array(text.utf8))
      if let value = reader.whole() { return value }
    }
    if let first = text.utf8.first, first == UInt8(ascii: "-") || first &- 0x30 < 10,
      let number = Number(text: ByteString(String(text)))
    {
      return .number(number)
    }
    return .string(ByteString(String(text)))
  }
}

/// Reads a flow collection of YAML: JSON whose texts need no quotes.
private struct FlowReader {
  let text: [UInt8]
  var index = 0

  init(text: [UInt8]) { self.text = text }

  mutating func whole() -> Value? {
    guard let value = value(depth: 0) else { return nil }
    skip()
    return index == text.count ? value : nil
  }

  private mutating func skip() {
    while index < text.count, text[index] == 0x20 { index += 1 }
  }

  private mutating func accept(_ character: Unicode.Scalar) -> Bool {
    skip()
    guard index < text.count, text[index] == UInt8(ascii: character) else { return false }
    index += 1
    return true
  }

  private mutating func value(depth: Int) -> Value? {
    guard depth < 32 else { return nil }
    if accept("[") {
      var elements: [Value] = []
      if accept("]") { return .array([]) }
      while true {
        guard let element = value(depth: depth + 1) else { return nil }
        elements.append(element)
        if accept("]") { return .array(elements) }
        guard accept(",") else { return nil }
      }
    }
    if accept("{") {
      var object = ObjectValue()
      if accept("}") { return .object(object) }
      while true {
        guard case .string(let key)? = word(until: ":"), accept(":"),
          let element = value(depth: depth + 1)
        else { return nil }
        object[key] = element
        if accept("}") { return .object(object) }
        guard accept(",") else { return nil }
      }
    }
    return word(until: nil)
  }

  private mutating func word(until end: Unicode.Scalar?) -> Value? {
    skip()
    guard index < text.count else { return nil }
    if text[index] == UInt8(ascii: "\"") || text[index] == UInt8(ascii: "'") {
      let quote = text[index]
      let start = index + 1
      index += 1
      while index < text.count, text[index] != quote {
        index += text[index] == UInt8(ascii: "\\") && quote == UInt8(ascii: "\"") ? 2 : 1
      }
      guard index < text.count else { return nil }
      index += 1
      let inner = text[start..<index - 1]
      return
        (quote == UInt8(ascii: "\"")
        ? StringLiteral.decoded(inner) : ByteString(validating: inner)).map(Value.string)
    }
    let start = index
    while index < text.count, !"[]{},".utf8.contains(text[index]),
      end == nil || text[index] != UInt8(ascii: ":")
    {
      index += 1
    }
    var stop = index
    while stop > start, text[stop - 1] == 0x20 { stop -= 1 }
    guard let word = ByteString(validating: text[start..<stop]) else { return nil }
    if end != nil { return .string(word) }
    switch word {
    case "true": return .bool(true)
    case "false": return .bool(false)
    case "null", "": return .null
    default: return Number(text: word).map(Value.number) ?? .string(word)
    }
  }
}
