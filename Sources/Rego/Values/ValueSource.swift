package import CanonicalJSON

extension Value {
  /// The value as OPA writes it in policies and messages: `{"a": [1, 2]}`, `{1, 2}`, `set()`.
  package var source: ByteString {
    var bytes: [UInt8] = []
    writeSource(into: &bytes)
    return ByteString(validating: bytes) ?? ByteString(String(decoding: bytes, as: UTF8.self))
  }

  private func writeSource(into bytes: inout [UInt8]) {
    func list(_ elements: [Value], _ open: StaticString, _ close: StaticString) {
      bytes += Array("\(open)".utf8)
      for (index, element) in elements.enumerated() {
        if index > 0 { bytes += [UInt8(ascii: ","), UInt8(ascii: " ")] }
        element.writeSource(into: &bytes)
      }
      bytes += Array("\(close)".utf8)
    }
    switch self {
    case .null: bytes += Array("null".utf8)
    case .bool(let flag): bytes += Array((flag ? "true" : "false").utf8)
    case .number(let number): bytes += number.text.bytes
    case .string(let text): bytes += Array(GoFormat.quoted(text.text).utf8)
    case .array(let elements): list(elements, "[", "]")
    case .set(let set):
      if set.isEmpty { bytes += Array("set()".utf8) } else { list(set.elements, "{", "}") }
    case .object(let object):
      bytes.append(UInt8(ascii: "{"))
      for (index, pair) in object.pairs.enumerated() {
        if index > 0 { bytes += [UInt8(ascii: ","), UInt8(ascii: " ")] }
        pair.key.writeSource(into: &bytes)
        bytes += [UInt8(ascii: ":"), UInt8(ascii: " ")]
        pair.value.writeSource(into: &bytes)
      }
      bytes.append(UInt8(ascii: "}"))
    }
  }
}
