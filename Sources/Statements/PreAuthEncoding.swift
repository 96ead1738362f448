package import CanonicalJSON

/// What a DSSE signature is made over.
package enum PreAuthEncoding {
  /// `DSSEv1 SP LEN(type) SP type SP LEN(body) SP body`.
  /// - SeeAlso: DSSE v1.0.2, protocol.md, "Signature Definition".
  package static func bytes(payloadType: ByteString, payload: [UInt8]) -> [UInt8] {
    var output = Array("DSSEv1 \(payloadType.count) ".utf8)
    output.reserveCapacity(output.count + payloadType.count + payload.count + 8)
    output.append(contentsOf: payloadType.bytes)
    output.append(contentsOf: " \(payload.count) ".utf8)
    output.append(contentsOf: payload)
    return output
  }
}
