package import CanonicalJSON
package import Keys

/// Why bytes are not a statement, or not one that counts.
package enum StatementFault: Error, Sendable, Equatable {
  case malformedEnvelope(String)
  case malformedPayload(JSONFault)
  case field(FieldFault)
  /// The payload's declared type does not match its envelope's.
  case typeMismatch(envelope: ByteString, payload: ByteString)
  case unsupported(payloadType: ByteString)
  case notCanonical
  case unsigned
  case unnamedKey
  case unknownKey(Fingerprint)
  case duplicateKey(Fingerprint)
  case badSignature(Fingerprint)
  case tooLarge(bytes: Int, limit: Int)

  /// The stable name of the fault.
  package var code: String {
    switch self {
    case .malformedEnvelope: "envelope_malformed"
    case .malformedPayload, .field, .typeMismatch, .notCanonical: "payload_malformed"
    case .unsupported: "unsupported_entry"
    case .unsigned: "unsigned"
    case .unnamedKey, .unknownKey: "key_unknown"
    case .duplicateKey: "signature_duplicate"
    case .badSignature: "signature_invalid"
    case .tooLarge: "statement_too_large"
    }
  }
}

extension StatementFault: CustomStringConvertible {
  package var description: String {
    switch self {
    case .malformedEnvelope(let reason): "the envelope is malformed: \(reason)"
    case .malformedPayload(let fault): "the payload is not strict JSON: \(fault)"
    case .field(let fault): "\(fault)"
    case .typeMismatch(let envelope, let payload):
      "the envelope says \(envelope.text) and its payload \(payload.text)"
    case .unsupported(let payloadType):
      "\(payloadType.text) is unknown to this version; a newer countersign wrote it"
    case .notCanonical: "the payload is not canonical JSON (RFC 8785)"
    case .unsigned: "the statement has no signature"
    case .unnamedKey: "a signature names no key; put the key's fingerprint in keyid"
    case .unknownKey(let key): "no key \(key) is enrolled"
    case .duplicateKey(let key): "the key \(key) signed twice"
    case .badSignature(let key): "the signature by \(key) does not verify"
    case .tooLarge(let bytes, let limit):
      "the statement takes \(bytes) bytes, and at most \(limit) are allowed"
    }
  }
}
