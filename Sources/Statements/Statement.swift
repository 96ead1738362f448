package import CanonicalJSON
package import Keys

/// The tree head a signer saw when signing: how many entries, and their root.
package struct TreeHead: Sendable, Hashable {
  package let size: UInt64
  package let root: Digest

  package init(size: UInt64, root: Digest) {
    self.size = size
    self.root = root
  }

  package var json: JSONValue {
    ["root": JSONValue(Base64.text(of: root.bytes)), "size": JSONValue(size)]
  }
}

/// What every statement says before its own matter.
package struct StatementHeader: Sendable, Hashable {
  package let at: Timestamp
  package let head: TreeHead
  /// 16 random bytes in hexadecimal; admitted once.
  package let id: ByteString
  /// The registry's id in hexadecimal; empty in the genesis statement.
  package let registry: ByteString
  package let signer: Principal

  package init(
    at: Timestamp, head: TreeHead, id: ByteString, registry: ByteString, signer: Principal
  ) {
    self.at = at
    self.head = head
    self.id = id
    self.registry = registry
    self.signer = signer
  }
}

/// A statement before it is signed: its canonical bytes are what a person reviews and signs.
package struct StatementDraft: Sendable {
  package let payloadType: ByteString
  package let payload: [UInt8]
  package let header: StatementHeader
  package let body: StatementBody

  /// - Throws: ``StatementFault`` `tooLarge` if it would not fit an entry.
  package init(_ header: StatementHeader, _ body: StatementBody) throws(StatementFault) {
    let json: JSONValue = [
      "at": header.at.json, "body": body.json.withoutNulls, "head": header.head.json,
      "id": JSONValue(header.id), "registry": JSONValue(header.registry),
      "signer": header.signer.json, "type": JSONValue(body.type.rawValue), "v": 1,
    ]
    do {
      payload = try json.canonicalBytes()
    } catch {
      throw .malformedPayload(error)
    }
    guard payload.count <= LogEntry.payloadLimit else {
      throw .tooLarge(bytes: payload.count, limit: LogEntry.payloadLimit)
    }
    self.header = header
    self.body = body
    payloadType = body.type.payloadType
  }

  /// What the signer's key signs.
  package var signedBytes: [UInt8] {
    PreAuthEncoding.bytes(payloadType: payloadType, payload: payload)
  }

  package var digest: Digest { Digest.sha256(payload) }

  /// Signs with whatever holds the key.
  package func signed<Signer: StatementSigner & ~Copyable>(
    by signer: borrowing Signer
  ) throws(KeyFault) -> UnverifiedEnvelope {
    envelope(try signature(by: signer))
  }

  /// The draft with signatures made elsewhere, sorted by key as the log keeps them.
  package func envelope(_ signatures: StatementSignature...) -> UnverifiedEnvelope {
    envelope(signatures)
  }

  package func envelope(_ signatures: [StatementSignature]) -> UnverifiedEnvelope {
    UnverifiedEnvelope(
      payloadType: payloadType, payload: payload,
      signatures: signatures.sorted { $0.key < $1.key })
  }

  package func signature<Signer: StatementSigner & ~Copyable>(
    by signer: borrowing Signer
  ) throws(KeyFault) -> StatementSignature {
    StatementSignature(
      scheme: signer.scheme, key: signer.publicKey.fingerprint,
      signature: try signer.signature(over: signer.scheme.message(signedBytes)))
  }
}

/// What holds a key that signs statements: the key itself, or an ssh-agent that keeps it.
package protocol StatementSigner: ~Copyable {
  var publicKey: PublicKey { get }
  var scheme: SignatureScheme { get }
  func signature(over message: [UInt8]) throws(KeyFault) -> Signature
}

extension SigningKey: StatementSigner {
  package var scheme: SignatureScheme { .dsse }

  package func signature(over message: [UInt8]) throws(KeyFault) -> Signature { sign(message) }
}

extension SSHAgent.Key: StatementSigner {
  package var scheme: SignatureScheme { .sshsig }
}

/// A statement whose signatures have been checked, parsed from the very bytes that were signed.
package struct VerifiedStatement: Sendable {
  package let header: StatementHeader
  package let body: StatementBody
  package let digest: Digest
  package let signatures: [StatementSignature]
  package let payload: [UInt8]

  package var signers: [Fingerprint] { signatures.map(\.key) }

  /// Parses what was verified.
  ///
  /// - Throws: ``StatementFault`` `unsupported` for an unknown type, `notCanonical`,
  ///   `malformedPayload`, `field`, `typeMismatch`.
  package init(_ verified: VerifiedEnvelope) throws(StatementFault) {
    let parts = try StatementParts(
      payloadType: verified.payloadType, payload: verified.payload)
    header = parts.header
    body = parts.body
    digest = verified.digest
    signatures = verified.envelope.signatures
    payload = verified.payload
  }
}

/// A payload taken apart; says nothing about who signed it.
package struct StatementParts: Sendable {
  package let header: StatementHeader
  package let body: StatementBody

  package init(payloadType: ByteString, payload: [UInt8]) throws(StatementFault) {
    guard let type = StatementType(payloadType: payloadType) else {
      throw .unsupported(payloadType: payloadType)
    }
    let json: JSONValue
    let canonical: [UInt8]
    do {
      json = try JSONParser.parse(payload)
      canonical = try json.canonicalBytes()
    } catch {
      throw .malformedPayload(error)
    }
    guard canonical == payload else { throw .notCanonical }
    do {
      var fields = try JSONFields(json, path: "")
      let named = try fields.string("type")
      guard named == ByteString(type.rawValue) else {
        throw StatementFault.typeMismatch(envelope: payloadType, payload: named)
      }
      guard try fields.integer("v") == 1 else {
        throw StatementFault.unsupported(payloadType: payloadType)
      }
      let head = try TreeHead(try fields.value("head"), path: "head")
      let id = try fields.string("id")
      guard id.count == 32, Hexadecimal.bytes(of: id.bytes) != nil else {
        throw fields.fault("id", "is not 16 bytes in hexadecimal")
      }
      header = StatementHeader(
        at: try fields.timestamp("at"), head: head, id: id,
        registry: try fields.string("registry"), signer: try fields.principal("signer"))
      body = try StatementBody(type: type, json: try fields.value("body"))
      try fields.finish()
    } catch let fault as StatementFault {
      throw fault
    } catch let fault as FieldFault {
      throw .field(fault)
    } catch {
      throw .malformedEnvelope("\(error)")
    }
  }
}
