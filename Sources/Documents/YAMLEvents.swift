import CYaml

/// What the YAML parser finds in a text, one after the other, in the dialect of YAML 1.1 that Go's readers
/// accept: a text that says it is of another version, or escapes a slash, is refused.
struct YAMLEvents {
  enum Event: Equatable {
    case documentStart
    case documentEnd
    case streamEnd
    case alias(String)
    case scalar(YAMLTree.Scalar, anchor: String?)
    case sequenceStart(anchor: String?)
    case mappingStart(anchor: String?)
    case collectionEnd
  }

  private var parser: UnsafeMutablePointer<yaml_parser_t>
  /// The text by its characters, as the marks of the parser count them; made where it is needed.
  private let text: String
  private var characters: [Unicode.Scalar]?

  init(_ text: String) {
    self.text = text
    parser = .allocate(capacity: 1)
    parser.initialize(to: yaml_parser_t())
  }

  /// The bytes must last until the last event is read.
  mutating func begin(_ bytes: UnsafeBufferPointer<UInt8>) throws(YAMLTree.Fault) {
    guard yaml_parser_initialize(parser) == 1 else {
      throw YAMLTree.Fault(reason: "there is no memory for the parser")
    }
    yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
    yaml_parser_set_input_string(parser, bytes.baseAddress, bytes.count)
    _ = try next()
  }

  mutating func end() {
    yaml_parser_delete(parser)
    parser.deinitialize(count: 1)
    parser.deallocate()
  }

  mutating func next() throws(YAMLTree.Fault) -> Event {
    var event = yaml_event_t()
    guard yaml_parser_parse(parser, &event) == 1 else { throw fault() }
    defer { yaml_event_delete(&event) }
    switch event.type {
    case YAML_STREAM_START_EVENT, YAML_DOCUMENT_START_EVENT:
      if event.type == YAML_DOCUMENT_START_EVENT,
        let version = event.data.document_start.version_directive,
        version.pointee.major != 1 || version.pointee.minor != 1
      {
        throw YAMLTree.Fault(reason: "found incompatible YAML document")
      }
      return .documentStart
    case YAML_DOCUMENT_END_EVENT: return .documentEnd
    case YAML_ALIAS_EVENT: return .alias(name(event.data.alias.anchor) ?? "")
    case YAML_SCALAR_EVENT:
      return .scalar(try scalar(event), anchor: name(event.data.scalar.anchor))
    case YAML_SEQUENCE_START_EVENT:
      return .sequenceStart(anchor: name(event.data.sequence_start.anchor))
    case YAML_MAPPING_START_EVENT:
      return .mappingStart(anchor: name(event.data.mapping_start.anchor))
    case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT: return .collectionEnd
    default: return .streamEnd
    }
  }

  private mutating func scalar(_ event: yaml_event_t) throws(YAMLTree.Fault) -> YAMLTree.Scalar {
    let data = event.data.scalar
    let value = String(
      decoding: UnsafeBufferPointer(start: data.value, count: data.length), as: UTF8.self)
    if data.style == YAML_DOUBLE_QUOTED_SCALAR_STYLE, value.utf8.contains(UInt8(ascii: "/")) {
      let characters = all()
      var index = min(event.start_mark.index, characters.count)
      let end = min(event.end_mark.index, characters.count)
      while index < end {
        if characters[index] == "\\" {
          index += 1
          if index < end, characters[index] == "/" {
            throw YAMLTree.Fault(reason: "found unknown escape character")
          }
        }
        index += 1
      }
    }
    return YAMLTree.Scalar(
      text: value, tag: name(data.tag), isPlain: data.style == YAML_PLAIN_SCALAR_STYLE)
  }

  private mutating func all() -> [Unicode.Scalar] {
    if let characters { return characters }
    let made = Array(text.unicodeScalars)
    characters = made
    return made
  }

  private func name(_ pointer: UnsafeMutablePointer<yaml_char_t>?) -> String? {
    guard let pointer else { return nil }
    return String(cString: UnsafePointer(pointer))
  }

  /// The parser's fault with its line, as Go's reader words it.
  private func fault() -> YAMLTree.Fault {
    let state = parser.pointee
    var line = state.context_mark.line != 0 ? state.context_mark.line : state.problem_mark.line
    if line != 0, state.error == YAML_SCANNER_ERROR { line += 1 }
    let problem =
      state.problem.map { String(cString: $0) } ?? "unknown problem parsing YAML content"
    return YAMLTree.Fault(reason: line == 0 ? problem : "line \(line): \(problem)")
  }
}
