package import CanonicalJSON
import Yams

/// Reads YAML (configuration, themes, manifests) as the JSON values it stands for.
package enum YAMLDocument {
  /// Why a document was refused, with its place if the parser gave one.
  package struct Fault: Error, Sendable, CustomStringConvertible {
    package let file: String
    package let reason: String
    package var code: String { "yaml_malformed" }
    package var description: String { "\(file): \(reason)" }
  }

  /// A document's bytes; its values, an alias counting as often as it stands for something; its depth.
  package static let byteLimit = 1 << 20
  package static let valueLimit = 100_000
  package static let depthLimit = 64

  /// Parses one document.
  ///
  /// `plain`: What a scalar that is not quoted stands for, nil if that has no JSON form.
  package static func parse(
    _ text: String, file: String, plain: (String) -> JSONValue? = YAMLDocument.plain
  ) throws(Fault) -> JSONValue {
    guard text.utf8.count <= byteLimit else {
      throw Fault(file: file, reason: "it is larger than \(byteLimit) bytes")
    }
    guard !mayRepeatKeys(Array(text.utf8)) else {
      throw Fault(file: file, reason: "it has aliases, and a key of a mapping that is no scalar")
    }
    let node: Node
    do {
      guard let found = try Yams.compose(yaml: text) else { return .null }
      node = found
    } catch {
      throw Fault(file: file, reason: "\(error)")
    }
    var left = valueLimit
    var odd: String?
    guard let value = value(node, depth: 0, &left, plain, &odd) else {
      if let odd { throw Fault(file: file, reason: "\(odd) has no JSON form") }
      throw Fault(
        file: file,
        reason:
          "it is nested deeper than \(depthLimit) levels or holds more than \(valueLimit) values")
    }
    return value
  }

  /// A document with no more aliases than these is at most some twenty times as large when they are
  /// expanded.
  private static let aliasLimit = 8

  /// Whether hashing the keys of mappings may take unbounded work.
  ///
  /// The parser hashes a key whole, with every alias in it expanded. A key that is a list or a mapping, with
  /// anchors each of which holds two aliases of the one before, doubles that work with each anchor. The
  /// bytes are looked at before they are parsed; a quoted text may be taken for such a key by mistake.
  private static func mayRepeatKeys(_ bytes: [UInt8]) -> Bool {
    var aliases = 0
    var (hasAnchor, hasKey) = (false, false)
    /// Some characters beyond ASCII end a line in YAML (U+0085, U+2028, U+2029): all of them count.
    func isSpace(_ byte: UInt8) -> Bool {
      byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D || byte >= 0x80
    }
    /// Whether an alias or an anchor may stand there: in a scalar, as in `db://**`, none does.
    func isBeginning(_ index: Int) -> Bool {
      index == 0 || isSpace(bytes[index - 1]) || "[{,:".utf8.contains(bytes[index - 1])
    }
    /// Whether a colon comes next, behind space.
    func colon(after index: Int) -> Bool {
      var index = index
      while index < bytes.count, isSpace(bytes[index]) { index += 1 }
      return index < bytes.count && bytes[index] == UInt8(ascii: ":")
    }
    var index = 0
    while index < bytes.count {
      let byte = bytes[index]
      let start = index
      index += 1
      switch byte {
      case UInt8(ascii: "&"): if isBeginning(start) { hasAnchor = true }
      case UInt8(ascii: "*") where isBeginning(start):
        while index < bytes.count, !isSpace(bytes[index]), !",[]{}:".utf8.contains(bytes[index]) {
          index += 1
        }
        if index - start > 1 { aliases += 1 }
        if colon(after: index) { hasKey = true }
      case UInt8(ascii: "]"), UInt8(ascii: "}"): if colon(after: index) { hasKey = true }
      case UInt8(ascii: "?"):
        if index == bytes.count || isSpace(bytes[index]) { hasKey = true }
      default: break
      }
      if hasKey, hasAnchor, aliases > aliasLimit { return true }
    }
    return false
  }

  /// Nil where the document is deeper or holds more than is allowed.
  private static func value(
    _ node: Node, depth: Int, _ left: inout Int, _ plain: (String) -> JSONValue?,
    _ odd: inout String?
  ) -> JSONValue? {
    left -= 1
    guard left >= 0, depth <= depthLimit else { return nil }
    switch node {
    case .mapping(let mapping):
      var members: [JSONObject.Member] = []
      for pair in mapping {
        guard let value = value(pair.value, depth: depth + 1, &left, plain, &odd) else {
          return nil
        }
        members.append(
          JSONObject.Member(name: ByteString(pair.key.string ?? ""), value: value))
      }
      return .object(JSONObject(members))
    case .sequence(let sequence):
      var elements: [JSONValue] = []
      for element in sequence {
        guard let value = value(element, depth: depth + 1, &left, plain, &odd) else { return nil }
        elements.append(value)
      }
      return .array(elements)
    case .scalar(let scalar):
      guard scalar.style == .plain else { return JSONValue(scalar.string) }
      let value = plain(scalar.string)
      if value == nil { odd = scalar.string }
      return value
    case .alias: return .null
    }
  }

  /// The scalars of this product's own files: null, booleans, integers; all else is text.
  package static func plain(_ text: String) -> JSONValue? {
    switch text {
    case "", "~", "null": .null
    case "true": .bool(true)
    case "false": .bool(false)
    default: Int64(text).map { JSONValue($0) } ?? JSONValue(text)
    }
  }
}
