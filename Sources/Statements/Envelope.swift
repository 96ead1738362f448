package import CanonicalJSON
package import Keys

/// How a signature's bytes were made from the pre-authentication encoding.
package enum SignatureScheme: UInt8, Sendable {
  /// Ed25519 over the encoding itself.
  case dsse = 0
  /// Ed25519 over the SSHSIG signed data whose message is the encoding, namespace `countersign`.
  case sshsig = 1

  /// What the key signs, of a pre-authentication encoding.
  package func message(_ encoding: [UInt8]) -> [UInt8] {
    switch self {
    case .dsse: encoding
    case .sshsig: SSHSignature.signedData(of: encoding)
    }
  }
}

/// One signature, with the key that is said to have made it.
package struct StatementSignature: Sendable, Hashable {
  package let scheme: SignatureScheme
  package let key: Fingerprint
  package let signature: Signature

  package init(scheme: SignatureScheme = .dsse, key: Fingerprint, signature: Signature) {
    self.scheme = scheme
    self.key = key
    self.signature = signature
  }
}

/// A payload with signatures that nobody has checked yet.
package struct UnverifiedEnvelope: Sendable, Hashable {
  package let payloadType: ByteString
  /// The bytes that were signed, exactly as they came.
  package let payload: [UInt8]
  package let signatures: [StatementSignature]

  package init(payloadType: ByteString, payload: [UInt8], signatures: [StatementSignature]) {
    self.payloadType = payloadType
    self.payload = payload
    self.signatures = signatures
  }

  /// The SHA-256 of the payload: what every reference to this statement says.
  package var digest: Digest { Digest.sha256(payload) }

  /// Reads DSSE JSON.
  ///
  /// The `keyid` is a hint that says which key to try; it must be that key's fingerprint.
  /// - Throws: ``StatementFault`` `malformedEnvelope`, `unnamedKey`, `tooLarge`.
  package init(dsse bytes: [UInt8], limit: Int = 128 << 10) throws(StatementFault) {
    guard bytes.count <= limit else { throw .tooLarge(bytes: bytes.count, limit: limit) }
    do {
      let json = try JSONParser.parse(bytes, limits: JSONParser.Limits(bytes: limit, depth: 8))
      var fields = try JSONFields(json, path: "envelope")
      let payloadType = try fields.string("payloadType")
      guard let payload = Base64.bytes(of: try fields.string("payload").bytes) else {
        throw StatementFault.malformedEnvelope("payload is not base64")
      }
      var signatures: [StatementSignature] = []
      for (index, element) in try fields.array("signatures", limit: 32).enumerated() {
        var signature = try JSONFields(element, path: "envelope.signatures[\(index)]")
        guard let bytes = Base64.bytes(of: try signature.string("sig").bytes),
          let value = try? Signature(bytes: bytes)
        else { throw StatementFault.malformedEnvelope("signatures[\(index)].sig is not 64 bytes") }
        guard let hint = try signature.optionalString("keyid"), let key = Fingerprint(hint) else {
          throw StatementFault.unnamedKey
        }
        let scheme: SignatureScheme
        switch try signature.optionalString("scheme")?.text {
        case nil: scheme = .dsse
        case "sshsig": scheme = .sshsig
        case let other?:
          throw StatementFault.malformedEnvelope("signatures[\(index)].scheme is \"\(other)\"")
        }
        signatures.append(StatementSignature(scheme: scheme, key: key, signature: value))
      }
      self.init(payloadType: payloadType, payload: payload, signatures: signatures)
    } catch let fault as StatementFault {
      throw fault
    } catch {
      throw .malformedEnvelope("\(error)")
    }
  }

  /// The envelope as DSSE JSON, canonical.
  package var dsse: [UInt8] {
    let json: JSONValue = [
      "payload": JSONValue(Base64.text(of: payload)), "payloadType": JSONValue(payloadType),
      "signatures": .array(
        signatures.map {
          let element: JSONValue = [
            "keyid": JSONValue($0.key.description),
            "scheme": $0.scheme == .sshsig ? "sshsig" : .null,
            "sig": JSONValue(Base64.text(of: $0.signature.bytes)),
          ]
          return element.withoutNulls
        }),
    ]
    return (try? json.canonicalBytes()) ?? []
  }

  /// Checks every signature against the keys given.
  ///
  /// All must verify, by distinct keys; one that does not spoils the whole.
  package func verified(
    by keys: (Fingerprint) -> PublicKey?
  ) throws(StatementFault) -> VerifiedEnvelope {
    guard !signatures.isEmpty else { throw .unsigned }
    let message = PreAuthEncoding.bytes(payloadType: payloadType, payload: payload)
    var signers: Set<Fingerprint> = []
    for signature in signatures {
      guard signers.insert(signature.key).inserted else { throw .duplicateKey(signature.key) }
      guard let key = keys(signature.key) else { throw .unknownKey(signature.key) }
      guard key.verifies(signature.signature, over: signature.scheme.message(message)) else {
        throw .badSignature(signature.key)
      }
    }
    return VerifiedEnvelope(envelope: self)
  }
}

/// A payload whose every signature has been checked.
///
/// The initializer is out of reach: ``UnverifiedEnvelope/verified(by:)`` is the only way to get one.
package struct VerifiedEnvelope: Sendable, Hashable {
  package let envelope: UnverifiedEnvelope
  package let digest: Digest

  init(envelope: UnverifiedEnvelope) {
    self.envelope = envelope
    digest = envelope.digest
  }

  package var payload: [UInt8] { envelope.payload }
  package var payloadType: ByteString { envelope.payloadType }
  package var signers: [Fingerprint] { envelope.signatures.map(\.key) }
}
