import CanonicalJSON
import Documents
import Rego

/// Reads the first document of a YAML text as the value that OPA makes of it.
///
/// Of two members with one key the last counts; merge keys (`<<`) set members where they stand; keys are
/// resolved like values, and become texts. Aliases are expanded: each value counts as often as it is met.
struct YAMLReader {
  private let tree: YAMLTree
  /// The values of scalars that were met, so that one with many aliases lies in memory once.
  private var scalars: [Int: Value] = [:]
  /// The nodes with anchors whose aliases are being expanded.
  private var open: Set<Int> = []
  private var count = 0
  private var aliasCount = 0
  private var aliasDepth = 0

  private init(_ tree: YAMLTree) {
    self.tree = tree
  }

  static func read(
    _ text: String, _ context: inout BuiltinContext
  ) throws(BuiltinFailure) -> Value {
    let tree: YAMLTree
    do throws(YAMLTree.Fault) {
      tree = try YAMLTree(text)
    } catch {
      throw YAMLReader.fault(error.reason)
    }
    guard let root = tree.root else { return .null }
    var reader = YAMLReader(tree)
    return try reader.value(root, 0, &context)
  }

  private static func fault(_ reason: String) -> BuiltinFailure { .failed("yaml: " + reason) }

  /// Counts a node that is met.
  private mutating func meet(
    _ depth: Int, _ context: inout BuiltinContext
  ) throws(BuiltinFailure) {
    try context.charge(steps: 1)
    count += 1
    if aliasDepth > 0 { aliasCount += 1 }
    guard count <= YAMLDocument.valueLimit else {
      throw YAMLReader.fault("it holds more than \(YAMLDocument.valueLimit) values")
    }
    guard depth <= YAMLDocument.depthLimit else {
      throw YAMLReader.fault("it is nested deeper than \(YAMLDocument.depthLimit) levels")
    }
    // OPA's reader refuses a document that is aliases almost whole.
    if aliasCount > 100, count > 1000, aliasCount * 100 > count * 99 {
      throw YAMLReader.fault("document contains excessive aliasing")
    }
  }

  private mutating func value(
    _ index: Int, _ depth: Int, _ context: inout BuiltinContext
  ) throws(BuiltinFailure) -> Value {
    try meet(depth, &context)
    switch tree.nodes[index] {
    case .scalar(let scalar):
      if let value = scalars[index] { return value }
      let value = try YAMLReader.value(scalar)
      scalars[index] = value
      return value
    case .sequence(let indexes):
      open.insert(index)
      var elements: [Value] = []
      for element in indexes { elements.append(try value(element, depth + 1, &context)) }
      open.remove(index)
      return .array(elements)
    case .mapping:
      var members = Members()
      try read(mapping: index, into: &members, depth, &context)
      return .object(ObjectValue(unsorted: members.pairs))
    case .alias(let target):
      return try expanding(target) { (reader) throws(BuiltinFailure) in
        try reader.value(target, depth, &context)
      }
    }
  }

  private mutating func expanding<Result>(
    _ target: Int, _ body: (inout YAMLReader) throws(BuiltinFailure) -> Result
  ) throws(BuiltinFailure) -> Result {
    guard !open.contains(target) else {
      throw YAMLReader.fault("an anchor's value contains itself")
    }
    aliasDepth += 1
    defer { aliasDepth -= 1 }
    return try body(&self)
  }

  // MARK: mappings

  private struct Members {
    private(set) var pairs: [ObjectValue.Pair] = []
    private var places: [ByteString: Int] = [:]

    mutating func set(_ key: ByteString, _ value: Value) {
      let pair = ObjectValue.Pair(key: .string(key), value: value)
      if let place = places[key] {
        pairs[place] = pair
      } else {
        places[key] = pairs.count
        pairs.append(pair)
      }
    }
  }

  private mutating func read(
    mapping index: Int, into members: inout Members, _ depth: Int,
    _ context: inout BuiltinContext
  ) throws(BuiltinFailure) {
    guard case .mapping(let pairs) = tree.nodes[index] else { return }
    open.insert(index)
    for pair in pairs {
      if isMergeKey(pair.key) {
        try merge(pair.value, into: &members, depth, &context)
        continue
      }
      let key = try key(pair.key, depth + 1, &context)
      try context.charge(steps: key.count / 8)
      members.set(key, try value(pair.value, depth + 1, &context))
    }
    open.remove(index)
  }

  private func isMergeKey(_ index: Int) -> Bool {
    guard case .scalar(let scalar) = tree.nodes[index], scalar.text == "<<" else { return false }
    switch scalar.tag {
    case nil: return scalar.isPlain
    case "!", "tag:yaml.org,2002:merge": return true
    default: return false
    }
  }

  /// A merge key takes a mapping, or a list of mappings of which the first counts most.
  private mutating func merge(
    _ index: Int, into members: inout Members, _ depth: Int, _ context: inout BuiltinContext
  ) throws(BuiltinFailure) {
    if case .sequence(let elements) = tree.nodes[index] {
      for element in elements.reversed() {
        try mergeOne(element, into: &members, depth + 1, &context)
      }
    } else {
      try mergeOne(index, into: &members, depth + 1, &context)
    }
  }

  private mutating func mergeOne(
    _ index: Int, into members: inout Members, _ depth: Int, _ context: inout BuiltinContext
  ) throws(BuiltinFailure) {
    try meet(depth, &context)
    let wanted = YAMLReader.fault("map merge requires map or sequence of maps as the value")
    switch tree.nodes[index] {
    case .mapping: try read(mapping: index, into: &members, depth, &context)
    case .alias(let target):
      guard case .mapping = tree.nodes[target] else { throw wanted }
      try expanding(target) { (reader) throws(BuiltinFailure) in
        try reader.meet(depth, &context)
        try reader.read(mapping: target, into: &members, depth, &context)
      }
    default: throw wanted
    }
  }

  /// The text that a key becomes.
  private mutating func key(
    _ index: Int, _ depth: Int, _ context: inout BuiltinContext
  ) throws(BuiltinFailure) -> ByteString {
    try meet(depth, &context)
    switch tree.nodes[index] {
    case .alias(let target):
      return try expanding(target) { (reader) throws(BuiltinFailure) in
        try reader.key(target, depth, &context)
      }
    case .sequence, .mapping: throw YAMLReader.fault("invalid map key")
    case .scalar(let scalar):
      let (resolved, text) = try YAMLReader.resolved(scalar)
      switch resolved {
      case .text: return text
      case .bool(let flag): return flag ? "true" : "false"
      case .integer(let value): return ByteString(String(value))
      // Numbers of 32 bits, as OPA's reader has them.
      case .float(let value): return ByteString(YAMLReader.text(Float(value)))
      case .null: throw .failed("unsupported map key of type: null")
      case .unsigned: throw .failed("unsupported map key of type: uint64")
      }
    }
  }

  private static func text(_ value: Float) -> String {
    if value.isNaN { return ".nan" }
    if value.isInfinite { return value < 0 ? "-.inf" : ".inf" }
    return GoDouble.shortest(value)
  }

  // MARK: scalars

  private static func value(_ scalar: YAMLTree.Scalar) throws(BuiltinFailure) -> Value {
    let (resolved, text) = try resolved(scalar)
    switch resolved {
    case .null: return .null
    case .bool(let flag): return .bool(flag)
    case .integer(let value): return .number(Number(value))
    case .unsigned(let value):
      return Number(text: ByteString(String(value))).map(Value.number) ?? .null
    case .float(let value):
      guard let number = Number(value) else {
        let name = value.isNaN ? "NaN" : value < 0 ? "-Inf" : "+Inf"
        throw .failed("json: unsupported value: " + name)
      }
      return .number(number)
    case .text: return .string(text)
    }
  }

  /// What a scalar is, and its text if it is one.
  private static func resolved(
    _ scalar: YAMLTree.Scalar
  ) throws(BuiltinFailure) -> (YAMLScalar, ByteString) {
    let text = ByteString(scalar.text)
    guard let tag = scalar.tag else {
      return (scalar.isPlain ? YAMLScalar(resolving: scalar.text) : .text, text)
    }
    let family = "tag:yaml.org,2002:"
    guard tag.hasPrefix(family) else { return (.text, text) }
    let short = "!!" + tag.dropFirst(family.count)
    switch short {
    case "!!binary":
      guard let bytes = try? Base64Text.decoded(text.bytes, .standard) else {
        throw fault("!!binary value contains invalid base64 data")
      }
      return (.text, valid(bytes))
    case "!!bool", "!!int", "!!float", "!!null", "!!timestamp":
      let resolved = YAMLScalar(resolving: scalar.text)
      if resolved.tag == short { return (resolved, text) }
      if short == "!!float", case .integer(let value) = resolved {
        return (.float(Double(value)), text)
      }
      if short == "!!timestamp", resolved == .text, isTimestamp(text) { return (.text, text) }
      throw fault("cannot decode \(resolved.tag) `\(scalar.text)` as a \(short)")
    default: return (.text, text)
    }
  }

  /// Bytes as Go writes them into JSON: each that is no part of a character is replaced.
  private static func valid(_ bytes: [UInt8]) -> ByteString {
    if let text = ByteString(validating: bytes) { return text }
    var result: [UInt8] = []
    var index = 0
    while index < bytes.count {
      let first = bytes[index]
      let width = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4
      let end = min(index + width, bytes.count)
      if let character = ByteString(validating: bytes[index..<end]), end == index + width {
        result += character.bytes
        index = end
      } else {
        result += "\u{FFFD}".utf8
        index += 1
      }
    }
    return ByteString(validating: result) ?? ""
  }

  private static let timestamps = [
    "2006-1-2T15:4:5.999999999Z07:00", "2006-1-2t15:4:5.999999999Z07:00",
    "2006-1-2 15:4:5.999999999", "2006-1-2",
  ].map { Array($0.utf8) }

  private static func isTimestamp(_ text: ByteString) -> Bool {
    let digits = text.bytes.prefix { $0 &- 0x30 < 10 }.count
    guard digits == 4, text.count > 4, text.bytes[4] == UInt8(ascii: "-") else { return false }
    return timestamps.contains { (try? TimeParser.parse(text.bytes, layout: $0)) != nil }
  }
}
