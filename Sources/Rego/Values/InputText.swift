import CanonicalJSON

/// The text of one strict JSON document (RFC 8259), checked whole; values are made of it when they are read.
///
/// A policy reads few members of its input: what is not read costs no memory and no reference counts.
package struct InputText: Sendable {
  struct Node {
    enum Kind: UInt8 {
      case null
      case isFalse
      case isTrue
      /// At most 18 digits, without leading zeros.
      case integer
      case number
      /// Without escapes; the text between the quotes.
      case string
      /// With escapes; the text and its quotes.
      case escaped
      case array
      case object
    }

    let kind: Kind
    /// Where its text begins; of an array or object, how many elements or members it has.
    var start: UInt32
    /// Where its text ends; of an array or object, the number of the node after it.
    var end: UInt32
  }

  private let bytes: [UInt8]
  /// In the order of the text: after an array its elements, after an object its names and values in turn.
  private let nodes: [Node]

  /// Members of an object, and places in an array, that are looked through one by one.
  static let mostScanned = 32

  /// Whether an object has more members than may be looked through for each read.
  let isWide: Bool

  /// Reads a document; nil if it has a fault, which `JSONParser` names, or a name with an escape.
  init?(_ bytes: [UInt8], limits: JSONParser.Limits) {
    guard bytes.count <= limits.bytes, bytes.count < Int(Int32.max) else { return nil }
    let made: ([Node], Bool)? = bytes.withUnsafeBufferPointer { buffer in
      var scanner = InputScanner(buffer, depth: limits.depth)
      return scanner.document() ? (scanner.nodes, scanner.isWide) : nil
    }
    guard let made else { return nil }
    self.bytes = bytes
    (nodes, isWide) = made
  }

  // MARK: reading

  /// The value that a node stands for.
  func value(at index: Int) -> Value {
    var index = index
    return take(&index)
  }

  private func take(_ index: inout Int) -> Value {
    let node = nodes[index]
    index += 1
    switch node.kind {
    case .null: return .null
    case .isFalse: return .bool(false)
    case .isTrue: return .bool(true)
    case .integer: return .number(.integer(integer(node)))
    case .number:
      return ByteString(validating: text(node)).flatMap { Number(text: $0) }.map(Value.number)
        ?? .null
    case .string: return .string(string(node))
    case .escaped: return .string((try? JSONParser.parse(Array(text(node))))?.string ?? "")
    case .array:
      var elements: [Value] = []
      elements.reserveCapacity(Int(node.start))
      while index < Int(node.end) { elements.append(take(&index)) }
      return .array(elements)
    case .object:
      var pairs: [ObjectValue.Pair] = []
      pairs.reserveCapacity(Int(node.start))
      while index < Int(node.end) {
        let name = string(nodes[index])
        index += 1
        pairs.append(ObjectValue.Pair(key: .string(name), value: take(&index)))
      }
      return .object(ObjectValue(unsorted: pairs))
    }
  }

  private func text(_ node: Node) -> ArraySlice<UInt8> { bytes[Int(node.start)..<Int(node.end)] }

  private func string(_ node: Node) -> ByteString {
    bytes.withUnsafeBufferPointer {
      ByteString(
        unchecked: UnsafeBufferPointer(rebasing: $0[Int(node.start)..<Int(node.end)]))
    }
  }

  private func integer(_ node: Node) -> Int64 {
    var value: Int64 = 0
    let isNegative = bytes[Int(node.start)] == UInt8(ascii: "-")
    for byte in text(node).dropFirst(isNegative ? 1 : 0) {
      value = value &* 10 &+ Int64(byte &- UInt8(ascii: "0"))
    }
    return isNegative ? -value : value
  }

  /// The node under keys; nil if there is none.
  ///
  /// Arrays are not looked into further than ``mostScanned`` elements: `isFar` says that it was asked for.
  func node(under keys: ArraySlice<Value>, isFar: inout Bool) -> Int? {
    var index = 0
    for key in keys {
      let node = nodes[index]
      switch (node.kind, key) {
      case (.object, .string(let name)):
        guard let found = member(name, of: index) else { return nil }
        index = found
      case (.array, .number(let number)):
        guard let position = number.integer, position >= 0, position < Int64(node.start) else {
          return nil
        }
        guard position < Int64(InputText.mostScanned) else {
          isFar = true
          return nil
        }
        index += 1
        for _ in 0..<position { index = after(index) }
      default: return nil
      }
    }
    return index
  }

  private func member(_ name: ByteString, of object: Int) -> Int? {
    name.bytes.withUnsafeBytes { name in
      bytes.withUnsafeBytes { bytes in
        nodes.withUnsafeBufferPointer { nodes in
          var index = object + 1
          let end = Int(nodes[object].end)
          while index < end {
            let node = nodes[index]
            if Int(node.end &- node.start) == name.count,
              InputText.areEqual(bytes, Int(node.start), name)
            {
              return index + 1
            }
            let value = nodes[index + 1]
            index = value.kind.rawValue >= Node.Kind.array.rawValue ? Int(value.end) : index + 2
          }
          return nil
        }
      }
    }
  }

  private func after(_ index: Int) -> Int {
    let node = nodes[index]
    return node.kind.rawValue >= Node.Kind.array.rawValue ? Int(node.end) : index + 1
  }

  /// Whether a node is a constant; nil if only its value can tell.
  func isEqual(_ index: Int, to constant: Value) -> Bool? {
    let node = nodes[index]
    switch (node.kind, constant) {
    case (.string, .string(let text)):
      guard Int(node.end - node.start) == text.count else { return false }
      return text.bytes.withUnsafeBytes { text in
        bytes.withUnsafeBytes { InputText.areEqual($0, Int(node.start), text) }
      }
    case (.string, _), (.escaped, .null), (.escaped, .bool), (.escaped, .number): return false
    case (.isTrue, .bool(let value)): return value
    case (.isFalse, .bool(let value)): return !value
    case (.null, .null): return true
    case (.isTrue, _), (.isFalse, _), (.null, _): return false
    case (.integer, .number(.integer(let value))): return integer(node) == value
    default: return nil
    }
  }

  /// Whether a text stands at a place.
  @inline(__always)
  static func areEqual(
    _ bytes: UnsafeRawBufferPointer, _ start: Int, _ text: UnsafeRawBufferPointer
  ) -> Bool {
    guard let one = bytes.baseAddress, let other = text.baseAddress else { return text.isEmpty }
    var offset = 0
    while offset + 8 <= text.count {
      if one.loadUnaligned(fromByteOffset: start + offset, as: UInt64.self)
        != other.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
      {
        return false
      }
      offset += 8
    }
    while offset < text.count {
      if one.load(fromByteOffset: start + offset, as: UInt8.self)
        != other.load(fromByteOffset: offset, as: UInt8.self)
      {
        return false
      }
      offset += 1
    }
    return true
  }
}

extension Value {
  /// Where the bytes of a text are kept; only valid while the value is.
  @inline(__always)
  var textBytes: UnsafeRawBufferPointer? {
    if case .string(let text) = self { text.bytes.withUnsafeBytes { $0 } } else { nil }
  }
}
