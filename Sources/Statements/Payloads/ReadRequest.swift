package import CanonicalJSON
package import Keys

/// What an agent or a service signs to read from a daemon: one path, once, now.
package struct ReadRequest: Sendable, Hashable {
  package let nonce: ByteString
  /// The request's target, as it stands in the HTTP request line.
  package let path: ByteString
  package let reader: Principal
  package let registry: ByteString
  package let timestamp: Timestamp

  package static let payloadType: ByteString = "application/vnd.countersign.read.v1+json"
  /// What an `authorization` header that carries one begins with.
  package static let scheme: ByteString = "Countersign "
  package static let limits = JSONParser.Limits(bytes: 4 << 10, depth: 2)
  private static let pathLimit = 1024

  package init(
    nonce: ByteString, path: ByteString, reader: Principal, registry: ByteString,
    timestamp: Timestamp
  ) {
    self.nonce = nonce
    self.path = path
    self.reader = reader
    self.registry = registry
    self.timestamp = timestamp
  }

  /// Parses a read request's payload: strict JSON, names in any order.
  package init(payload: [UInt8]) throws(StatementFault) {
    let json: JSONValue
    do {
      json = try JSONParser.parse(payload, limits: ReadRequest.limits)
    } catch {
      throw .malformedPayload(error)
    }
    do throws(FieldFault) {
      var fields = try JSONFields(json, path: "")
      guard try fields.integer("v") == 1 else { throw fields.fault("v", "is not 1") }
      nonce = try fields.string("nonce")
      guard nonce.count == 32, Hexadecimal.bytes(of: nonce.bytes) != nil else {
        throw fields.fault("nonce", "is not 16 random bytes in hexadecimal")
      }
      path = try fields.string("path")
      guard path.hasPrefix("/"), path.count <= ReadRequest.pathLimit,
        path.bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
      else { throw fields.fault("path", "is not the target of an HTTP request") }
      reader = try fields.principal("reader", .agent, .service)
      registry = try fields.string("registry")
      timestamp = try fields.timestamp("timestamp")
      try fields.finish()
    } catch {
      throw .field(error)
    }
  }

  package var json: JSONValue {
    [
      "nonce": JSONValue(nonce), "path": JSONValue(path), "reader": reader.json,
      "registry": JSONValue(registry), "timestamp": timestamp.json, "v": 1,
    ]
  }

  /// Signs the request as its reader would.
  package func signed(by key: borrowing SigningKey) throws(StatementFault) -> UnverifiedEnvelope {
    let payload: [UInt8]
    do {
      payload = try json.canonicalBytes()
    } catch {
      throw .malformedPayload(error)
    }
    let signature = key.sign(
      PreAuthEncoding.bytes(payloadType: ReadRequest.payloadType, payload: payload))
    return UnverifiedEnvelope(
      payloadType: ReadRequest.payloadType, payload: payload,
      signatures: [StatementSignature(key: key.publicKey.fingerprint, signature: signature)])
  }
}

extension UnverifiedEnvelope {
  /// The value of an `authorization` header that carries this envelope.
  package var credential: ByteString {
    ReadRequest.scheme + ByteString(Base64.text(of: dsse))
  }

  /// Reads the value of an `authorization` header.
  ///
  /// - Throws: ``StatementFault`` `malformedEnvelope`, `unnamedKey`, `tooLarge`.
  package init(credential: ByteString) throws(StatementFault) {
    guard let encoded = credential.dropping(prefix: ReadRequest.scheme) else {
      throw .malformedEnvelope("authorization does not begin with \"\(ReadRequest.scheme)\"")
    }
    // Four characters for three bytes of an envelope whose payload is itself in base64.
    guard encoded.count <= 4 * ReadRequest.limits.bytes else {
      throw .tooLarge(bytes: encoded.count, limit: 4 * ReadRequest.limits.bytes)
    }
    guard let bytes = Base64.bytes(of: encoded.bytes) else {
      throw .malformedEnvelope("authorization is not base64")
    }
    try self.init(dsse: bytes, limit: 4 * ReadRequest.limits.bytes)
  }
}
