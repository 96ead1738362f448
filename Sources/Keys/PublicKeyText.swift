extension PublicKey {
  /// `SEQUENCE { SEQUENCE { OID 1.3.101.112 }, BIT STRING (32) }` (RFC 8410 section 4).
  private static let spkiPrefix: [UInt8] = [
    0x30, 0x2A, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x03, 0x21, 0x00,
  ]
  /// The wire form's type and length (RFC 8709 section 4).
  private static let openSSHPrefix: [UInt8] =
    [0, 0, 0, 11] + Array("ssh-ed25519".utf8) + [0, 0, 0, 32]

  /// Reads a public key as SPKI PEM, an OpenSSH line, 64 hexadecimal digits or base64.
  ///
  /// - Throws: ``KeyFault`` `unknownFormat`, `weakPublicKey`.
  package init(text: [UInt8]) throws(KeyFault) {
    let trimmed = text.trimmingSpace()
    if let der = PEM.body(of: text, label: "PUBLIC KEY") {
      guard der.count == 44, der.starts(with: PublicKey.spkiPrefix) else {
        throw .unknownFormat(what: "the PEM block")
      }
      try self.init(bytes: der.suffix(32))
      return
    }
    let words = trimmed.split(separator: UInt8(ascii: " "))
    if words.count >= 2, words[0].elementsEqual("ssh-ed25519".utf8) {
      guard let blob = Base64.bytes(of: words[1]), blob.count == 51,
        blob.starts(with: PublicKey.openSSHPrefix)
      else { throw .unknownFormat(what: "the OpenSSH line") }
      try self.init(bytes: blob.suffix(32))
      return
    }
    if trimmed.count == 64, let bytes = Hexadecimal.bytes(of: trimmed) {
      try self.init(bytes: bytes)
      return
    }
    guard let bytes = Base64.bytes(of: trimmed) else {
      throw .unknownFormat(what: "the text given")
    }
    if bytes.count == 44, bytes.starts(with: PublicKey.spkiPrefix) {
      try self.init(bytes: bytes.suffix(32))
    } else if bytes.count == 32 {
      try self.init(bytes: bytes)
    } else {
      throw .unknownFormat(what: "the text given")
    }
  }

  /// SPKI PEM (RFC 8410 section 4), with a line feed at the end.
  package var pem: String {
    "-----BEGIN PUBLIC KEY-----\n\(Base64.text(of: PublicKey.spkiPrefix + bytes))\n"
      + "-----END PUBLIC KEY-----\n"
  }

  /// An OpenSSH line without a comment.
  package var openSSH: String {
    "ssh-ed25519 \(Base64.text(of: PublicKey.openSSHPrefix + bytes))"
  }
}

extension [UInt8] {
  fileprivate func trimmingSpace() -> [UInt8] {
    let isSpace: (UInt8) -> Bool = { $0 == 0x20 || (0x09...0x0D).contains($0) }
    return Array(drop(while: isSpace).reversed().drop(while: isSpace).reversed())
  }
}
