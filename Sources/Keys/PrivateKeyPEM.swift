/// Ed25519 secret keys as PKCS#8 PEM (RFC 8410 section 7), the form agents and services use.
package enum PrivateKeyPEM {
  private static let begin = "-----BEGIN PRIVATE KEY-----"
  private static let end = "-----END PRIVATE KEY-----"
  /// `SEQUENCE { INTEGER 0, SEQUENCE { OID 1.3.101.112 }, OCTET STRING { OCTET STRING (32) } }`.
  private static let prefix: [UInt8] = [
    0x30, 0x2E, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
  ]

  /// Writes a key to a new file of mode 0600.
  package static func create(_ path: String, key: borrowing SigningKey) throws(KeyFault) {
    var der = prefix
    key.withSeed { der.append(contentsOf: $0) }
    var text = Array("\(begin)\n\(Base64.text(of: der))\n\(end)\n".utf8)
    SecretBytes.wipe(&der)
    defer { SecretBytes.wipe(&text) }
    try KeyFile.create(path, text)
  }

  /// Reads a key file that only its owner may read.
  package static func read(_ path: String) throws(KeyFault) -> SigningKey {
    var file = try KeyFile.readPrivate(path)
    defer { SecretBytes.wipe(&file) }
    guard var der = PEM.body(of: file, label: "PRIVATE KEY") else {
      throw .malformed(
        path: path,
        reason: "it is \(KeyFileKind.words(file)); a PEM private key is expected, as made by "
          + "`countersign key new --out FILE`")
    }
    defer { SecretBytes.wipe(&der) }
    guard der.count == prefix.count + 32, der.starts(with: prefix) else {
      throw .malformed(path: path, reason: "its PKCS#8 block holds no Ed25519 key")
    }
    var seed = Array(der.suffix(32))
    return try SigningKey(seed: SecretBytes(wiping: &seed))
  }
}

/// The armour around DER (RFC 7468).
enum PEM {
  static func body(of file: [UInt8], label: String) -> [UInt8]? {
    let lines = file.split { $0 == 0x0A || $0 == 0x0D }
    guard
      let first = lines.firstIndex(where: { $0.elementsEqual("-----BEGIN \(label)-----".utf8) }),
      let last = lines[first...].firstIndex(where: {
        $0.elementsEqual("-----END \(label)-----".utf8)
      })
    else { return nil }
    return Base64.bytes(of: Array(lines[(first + 1)..<last].joined()))
  }
}
