package import CanonicalJSON
package import Keys

// The field types every payload is made of.
extension JSONFields {
  package mutating func timestamp(_ name: ByteString) throws(FieldFault) -> Timestamp {
    guard let time = Timestamp(try string(name)) else {
      throw fault(name, "is not a UTC time with three decimals, as 2026-11-23T10:15:21.123Z")
    }
    return time
  }

  package mutating func optionalTimestamp(_ name: ByteString) throws(FieldFault) -> Timestamp? {
    optional(name) == nil ? nil : try timestamp(name)
  }

  package mutating func principal(
    _ name: ByteString, _ kinds: Principal.Kind...
  ) throws(FieldFault) -> Principal {
    guard let principal = Principal(try string(name)),
      kinds.isEmpty || kinds.contains(principal.kind)
    else {
      let expected = (kinds.isEmpty ? Principal.Kind.allCases : kinds)
        .map { "\($0.rawValue):NAME" }.joined(separator: " or ")
      throw fault(name, "is not \(expected) with a name of a-z 0-9 . _ -")
    }
    return principal
  }

  package mutating func digest(_ name: ByteString) throws(FieldFault) -> Digest {
    guard let digest = Digest(hex: try string(name).bytes) else {
      throw fault(name, "is not a digest of 64 lower-case hexadecimal digits")
    }
    return digest
  }

  package mutating func optionalDigest(_ name: ByteString) throws(FieldFault) -> Digest? {
    optional(name) == nil ? nil : try digest(name)
  }

  package mutating func digests(_ name: ByteString) throws(FieldFault) -> [Digest] {
    var digests: [Digest] = []
    for text in try strings(name) {
      guard let digest = Digest(hex: text.bytes) else {
        throw fault(name, "holds a digest that is not 64 lower-case hexadecimal digits")
      }
      digests.append(digest)
    }
    return digests
  }

  package mutating func publicKey(_ name: ByteString) throws(FieldFault) -> PublicKey {
    guard let bytes = Hexadecimal.bytes(of: try string(name).bytes),
      let key = try? PublicKey(bytes: bytes)
    else { throw fault(name, "is not an Ed25519 public key in hexadecimal") }
    return key
  }

  package mutating func capabilities(_ name: ByteString) throws(FieldFault) -> [Capability] {
    var capabilities: [Capability] = []
    for (index, element) in try array(name, limit: 64).enumerated() {
      capabilities.append(try Capability(element, path: "\(place(name))[\(index)]"))
    }
    return capabilities
  }

  package mutating func attributes(_ name: ByteString) throws(FieldFault) -> JSONObject {
    guard let value = optional(name) else { return JSONObject() }
    guard let object = value.object else {
      throw fault(name, "is \(value.kind), and must be an object")
    }
    return object
  }
}

extension Sequence<ByteString> {
  package var json: JSONValue { .array(map { JSONValue($0) }) }
}

extension Sequence<Digest> {
  package var json: JSONValue { .array(map { JSONValue($0.hex) }) }
}

extension Optional {
  /// A JSON value, null if there is none.
  package func json(_ encode: (Wrapped) -> JSONValue) -> JSONValue { map(encode) ?? .null }
}
