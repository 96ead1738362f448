import CSodium
package import CanonicalJSON

/// An operator's key sealed under a passphrase: Argon2id (RFC 9106) and XChaCha20-Poly1305.
///
/// The file is canonical JSON; everything but the ciphertext is authenticated with it.
package struct SealedKey: Sendable {
  /// What Argon2id is given; stored in the file, so that it can be raised later.
  package struct Cost: Sendable, Equatable {
    package let operations: Int64
    package let memoryBytes: Int64

    /// libsodium's MODERATE: 3 passes over 256 MiB.
    package static let moderate = Cost(operations: 3, memoryBytes: 256 << 20)
    /// libsodium's INTERACTIVE: 2 passes over 64 MiB.
    package static let interactive = Cost(operations: 2, memoryBytes: 64 << 20)
    /// The least libsodium allows: for demonstration keys, whose passphrase is no secret.
    package static let minimal = Cost(operations: 1, memoryBytes: 8192)
  }

  /// Whose key it is, as `user:alice`.
  package let holder: ByteString
  package let publicKey: PublicKey
  /// Where it was read from, for messages.
  package let path: String
  private let cost: Cost
  private let salt: [UInt8]
  private let nonce: [UInt8]
  private let ciphertext: [UInt8]

  private static let format: JSONValue = "countersign-sealed-key"

  /// Reads a sealed key file.
  ///
  /// - Throws: ``KeyFault`` `exposed`, `unreadable` or `malformed`.
  package init(path: String) throws(KeyFault) {
    let bytes = try KeyFile.readPrivate(path)
    guard bytes.first == UInt8(ascii: "{") else {
      throw .malformed(
        path: path,
        reason:
          "it is \(KeyFileKind.words(bytes)); an operator's sealed key is expected, as made by "
          + "`countersign key new --operator user:NAME --out FILE`")
    }
    do {
      var fields = try JSONFields(try JSONParser.parse(bytes), path: "")
      guard try fields.value("format") == SealedKey.format, try fields.integer("v") == 1 else {
        throw KeyFault.malformed(path: path, reason: "it is no sealed key of version 1")
      }
      holder = try fields.string("holder")
      let open = try fields.string("public")
      guard let key = Hexadecimal.bytes(of: open.bytes) else {
        throw KeyFault.malformed(path: path, reason: "public is not hexadecimal")
      }
      publicKey = try PublicKey(bytes: key)
      var argon = try JSONFields(try fields.value("argon2id"), path: "argon2id")
      cost = Cost(
        operations: try argon.integer("operations", in: 1...16),
        memoryBytes: try argon.integer("memory", in: 8192...(1 << 30)))
      salt = try SealedKey.field(try argon.string("salt"), count: 16, "argon2id.salt", path)
      try argon.finish()
      nonce = try SealedKey.field(try fields.string("nonce"), count: 24, "nonce", path)
      ciphertext = try SealedKey.field(
        try fields.string("ciphertext"), count: 48, "ciphertext", path)
      try fields.finish()
    } catch let fault as KeyFault {
      throw fault
    } catch {
      throw .malformed(path: path, reason: "\(error)")
    }
    self.path = path
  }

  private static func field(
    _ text: ByteString, count: Int, _ name: String, _ path: String
  ) throws(KeyFault) -> [UInt8] {
    guard let bytes = Hexadecimal.bytes(of: text.bytes), bytes.count == count else {
      throw .malformed(path: path, reason: "\(name) is not \(count) bytes in hexadecimal")
    }
    return bytes
  }

  /// Seals a key and writes it to a new file of mode 0600.
  package static func create(
    _ path: String, key: borrowing SigningKey, holder: ByteString,
    passphrase: borrowing SecretBytes, cost: Cost = .moderate
  ) throws(KeyFault) {
    let salt = SecureRandom.bytes(16)
    let nonce = SecureRandom.bytes(24)
    let header = try headerBytes(
      holder: holder, publicKey: key.publicKey, cost: cost, salt: salt, nonce: nonce, path: path)
    let wrapping = try wrappingKey(passphrase, cost: cost, salt: salt, path: path)
    var ciphertext = [UInt8](repeating: 0, count: 48)
    key.withSeed { seed in
      wrapping.withBytes { wrap in
        _ = crypto_aead_xchacha20poly1305_ietf_encrypt(
          &ciphertext, nil, seed.octets, 32, header,
          UInt64(header.count), nil, nonce, wrap.octets)
      }
    }
    var file = try fileObject(
      holder: holder, publicKey: key.publicKey, cost: cost, salt: salt, nonce: nonce)
    file["ciphertext"] = JSONValue(Hexadecimal.text(of: ciphertext))
    guard let bytes = try? JSONValue.object(file).canonicalBytes() else {
      throw .malformed(path: path, reason: "it cannot be written as JSON")
    }
    try KeyFile.create(path, bytes + [0x0A])
  }

  /// Opens the key with its passphrase.
  ///
  /// - Throws: ``KeyFault`` `wrongPassphrase`.
  package func open(passphrase: borrowing SecretBytes) throws(KeyFault) -> SigningKey {
    let header = try SealedKey.headerBytes(
      holder: holder, publicKey: publicKey, cost: cost, salt: salt, nonce: nonce, path: path)
    let wrapping = try SealedKey.wrappingKey(passphrase, cost: cost, salt: salt, path: path)
    var opened = false
    let seed = SecretBytes(count: 32) { target in
      wrapping.withBytes { wrap in
        opened =
          crypto_aead_xchacha20poly1305_ietf_decrypt(
            target.octets, nil, nil, ciphertext,
            UInt64(ciphertext.count), header, UInt64(header.count), nonce,
            wrap.octets) == 0
      }
    }
    guard opened else { throw .wrongPassphrase(path: path) }
    let key = try SigningKey(seed: seed)
    guard key.publicKey == publicKey else { throw .wrongPassphrase(path: path) }
    return key
  }

  private static func fileObject(
    holder: ByteString, publicKey: PublicKey, cost: Cost, salt: [UInt8], nonce: [UInt8]
  ) throws(KeyFault) -> JSONObject {
    let value: JSONValue = [
      "format": format, "v": 1, "holder": JSONValue(holder), "public": JSONValue(publicKey.hex),
      "argon2id": [
        "operations": JSONValue(cost.operations), "memory": JSONValue(cost.memoryBytes),
        "salt": JSONValue(Hexadecimal.text(of: salt)),
      ],
      "nonce": JSONValue(Hexadecimal.text(of: nonce)),
    ]
    return value.object ?? JSONObject()
  }

  private static func headerBytes(
    holder: ByteString, publicKey: PublicKey, cost: Cost, salt: [UInt8], nonce: [UInt8],
    path: String
  ) throws(KeyFault) -> [UInt8] {
    let object = try fileObject(
      holder: holder, publicKey: publicKey, cost: cost, salt: salt, nonce: nonce)
    guard let bytes = try? JSONValue.object(object).canonicalBytes() else {
      throw .malformed(path: path, reason: "its header cannot be encoded")
    }
    return bytes
  }

  private static func wrappingKey(
    _ passphrase: borrowing SecretBytes, cost: Cost, salt: [UInt8], path: String
  ) throws(KeyFault) -> SecretBytes {
    var derived = false
    let key = SecretBytes(count: 32) { target in
      passphrase.withBytes { phrase in
        derived =
          crypto_pwhash(
            target.octets, 32,
            phrase.assumingMemoryBound(to: CChar.self).baseAddress.unsafelyUnwrapped,
            UInt64(phrase.count), salt,
            UInt64(cost.operations), Int(cost.memoryBytes), crypto_pwhash_ALG_ARGON2ID13) == 0
      }
    }
    guard derived else {
      throw .unreadable(
        path: path, reason: "opening it needs \(cost.memoryBytes >> 20) MiB of memory")
    }
    return key
  }
}
