import CanonicalJSON

/// Checks a JSON text and makes the nodes of an ``InputText``; it gives up on whatever `JSONParser` refuses.
struct InputScanner {
  private let bytes: UnsafeBufferPointer<UInt8>
  private let depthLimit: Int
  private var index = 0
  private var depth = 0
  private(set) var nodes: [InputText.Node] = []
  private(set) var isWide = false

  init(_ bytes: UnsafeBufferPointer<UInt8>, depth: Int) {
    self.bytes = bytes
    depthLimit = depth
    nodes.reserveCapacity(bytes.count / 8 + 4)
  }

  mutating func document() -> Bool {
    skipSpace()
    guard value() else { return false }
    skipSpace()
    return index == bytes.count
  }

  @inline(__always)
  private mutating func skipSpace() {
    while index < bytes.count {
      switch bytes[index] {
      case 0x20, 0x09, 0x0A, 0x0D: index += 1
      default: return
      }
    }
  }

  @inline(__always)
  private mutating func skip(_ byte: UInt8) -> Bool {
    guard index < bytes.count, bytes[index] == byte else { return false }
    index += 1
    return true
  }

  @inline(__always)
  private mutating func append(_ kind: InputText.Node.Kind, _ start: Int, _ end: Int) {
    nodes.append(
      InputText.Node(
        kind: kind, start: UInt32(truncatingIfNeeded: start),
        end: UInt32(truncatingIfNeeded: end)))
  }

  private mutating func value() -> Bool {
    guard index < bytes.count else { return false }
    switch bytes[index] {
    case UInt8(ascii: "\""): return string(isName: false)
    case UInt8(ascii: "{"): return object()
    case UInt8(ascii: "["): return array()
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return number()
    case UInt8(ascii: "t"): return literal("true", .isTrue)
    case UInt8(ascii: "f"): return literal("false", .isFalse)
    case UInt8(ascii: "n"): return literal("null", .null)
    default: return false
    }
  }

  private mutating func literal(_ word: StaticString, _ kind: InputText.Node.Kind) -> Bool {
    for offset in 0..<word.utf8CodeUnitCount {
      guard skip(word.utf8Start[offset]) else { return false }
    }
    append(kind, 0, 0)
    return true
  }

  private mutating func digits() -> Int {
    let start = index
    while index < bytes.count, bytes[index] &- UInt8(ascii: "0") < 10 { index += 1 }
    return index - start
  }

  private mutating func number() -> Bool {
    let start = index
    let isNegative = skip(UInt8(ascii: "-"))
    let first = index < bytes.count ? bytes[index] : 0
    let count = digits()
    guard count > 0, count == 1 || first != UInt8(ascii: "0") else { return false }
    var isInteger = count <= 18 && !(isNegative && first == UInt8(ascii: "0"))
    if skip(UInt8(ascii: ".")) {
      isInteger = false
      guard digits() > 0 else { return false }
    }
    if index < bytes.count, bytes[index] | 0x20 == UInt8(ascii: "e") {
      isInteger = false
      index += 1
      if !skip(UInt8(ascii: "+")) { _ = skip(UInt8(ascii: "-")) }
      guard digits() > 0 else { return false }
    }
    append(isInteger ? .integer : .number, start, index)
    return true
  }

  private mutating func string(isName: Bool) -> Bool {
    let start = index + 1
    var end = start
    var isPlain = true
    while end < bytes.count {
      let byte = bytes[end]
      if byte == UInt8(ascii: "\"") { break }
      if byte < 0x20 || byte >= 0x80 || byte == UInt8(ascii: "\\") {
        isPlain = false
        guard byte >= 0x20 else { return false }
        // The byte after a backslash is no closing quote.
        if byte == UInt8(ascii: "\\") { end += 1 }
      }
      end += 1
    }
    guard end < bytes.count else { return false }
    index = end + 1
    if isPlain {
      append(.string, start, end)
      return true
    }
    return unusual(start, end, isName: isName)
  }

  /// A string with escapes or beyond ASCII, which the strict parser checks.
  private mutating func unusual(_ start: Int, _ end: Int, isName: Bool) -> Bool {
    let quoted = Array(bytes[start - 1...end])
    guard
      case .string(let text)? = try? JSONParser.parse(
        quoted, limits: JSONParser.Limits(bytes: quoted.count))
    else { return false }
    if text.count == end - start, !quoted.contains(UInt8(ascii: "\\")) {
      append(.string, start, end)
      return true
    }
    guard !isName else { return false }
    append(.escaped, start - 1, end + 1)
    return true
  }

  private mutating func array() -> Bool {
    depth += 1
    guard depth <= depthLimit else { return false }
    let number = nodes.count
    append(.array, 0, 0)
    index += 1
    skipSpace()
    var count: UInt32 = 0
    if !skip(UInt8(ascii: "]")) {
      repeat {
        skipSpace()
        guard value() else { return false }
        count += 1
        skipSpace()
      } while skip(UInt8(ascii: ","))
      guard skip(UInt8(ascii: "]")) else { return false }
    }
    depth -= 1
    nodes[number].start = count
    nodes[number].end = UInt32(truncatingIfNeeded: nodes.count)
    return true
  }

  private mutating func object() -> Bool {
    depth += 1
    guard depth <= depthLimit else { return false }
    let number = nodes.count
    append(.object, 0, 0)
    index += 1
    skipSpace()
    var count: UInt32 = 0
    if !skip(UInt8(ascii: "}")) {
      repeat {
        skipSpace()
        guard index < bytes.count, bytes[index] == UInt8(ascii: "\""), string(isName: true)
        else { return false }
        skipSpace()
        guard skip(UInt8(ascii: ":")) else { return false }
        skipSpace()
        guard value() else { return false }
        count += 1
        skipSpace()
      } while skip(UInt8(ascii: ","))
      guard skip(UInt8(ascii: "}")) else { return false }
    }
    depth -= 1
    nodes[number].start = count
    nodes[number].end = UInt32(truncatingIfNeeded: nodes.count)
    if count > InputText.mostScanned { isWide = true }
    return areNamesUnique(number, Int(count))
  }

  /// A name that stands twice is refused.
  private func areNamesUnique(_ object: Int, _ count: Int) -> Bool {
    guard count > 1 else { return true }
    guard count <= InputText.mostScanned else {
      var names: [ByteString] = []
      names.reserveCapacity(count)
      eachName(object) { names.append(ByteString(unchecked: text($0))) }
      names.sort()
      return zip(names, names.dropFirst()).allSatisfy { $0 != $1 }
    }
    let raw = UnsafeRawBufferPointer(bytes)
    return nodes.withUnsafeBufferPointer { nodes in
      let end = Int(nodes[object].end)
      var one = object + 1
      while one < end {
        let name = nodes[one]
        let next = after(one + 1, nodes)
        var other = next
        while other < end {
          let second = nodes[other]
          if second.end &- second.start == name.end &- name.start,
            InputText.areEqual(
              raw, Int(name.start),
              UnsafeRawBufferPointer(rebasing: raw[Int(second.start)..<Int(second.end)]))
          {
            return false
          }
          other = after(other + 1, nodes)
        }
        one = next
      }
      return true
    }
  }

  @inline(__always)
  private func after(_ index: Int, _ nodes: UnsafeBufferPointer<InputText.Node>) -> Int {
    let node = nodes[index]
    return node.kind.rawValue >= InputText.Node.Kind.array.rawValue ? Int(node.end) : index + 1
  }

  private func eachName(_ object: Int, _ body: (InputText.Node) -> Void) {
    nodes.withUnsafeBufferPointer { nodes in
      var index = object + 1
      while index < Int(nodes[object].end) {
        body(nodes[index])
        index = after(index + 1, nodes)
      }
    }
  }

  private func text(_ node: InputText.Node) -> UnsafeBufferPointer<UInt8> {
    UnsafeBufferPointer(rebasing: bytes[Int(node.start)..<Int(node.end)])
  }
}
