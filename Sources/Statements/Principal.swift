package import CanonicalJSON

/// Who acts: `user:alice`, `agent:deploy-bot`, `service:gateway-1`.
package struct Principal: Sendable, Hashable, Comparable, CustomStringConvertible {
  package enum Kind: String, Sendable, CaseIterable {
    case user
    case agent
    case service
  }

  package let kind: Kind
  /// The whole text, kind included.
  package let text: ByteString

  /// Reads `kind:name`, the name being 1 to 64 of `a-z 0-9 . _ -`.
  package init?(_ text: ByteString) {
    guard let colon = text.bytes.firstIndex(of: UInt8(ascii: ":")),
      let kind = Kind(rawValue: String(decoding: text.bytes[..<colon], as: UTF8.self)),
      (1...64).contains(text.count - colon - 1),
      text.bytes[(colon + 1)...].allSatisfy(Principal.isNameByte)
    else { return nil }
    self.kind = kind
    self.text = text
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
      UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
      true
    default: false
    }
  }

  /// The part after the colon.
  package var name: String { String(text.text.dropFirst(kind.rawValue.count + 1)) }
  package var json: JSONValue { JSONValue(text) }
  package var description: String { text.text }

  package static func < (left: Principal, right: Principal) -> Bool { left.text < right.text }
}
