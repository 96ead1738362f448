import CSodium

/// An Ed25519 private key in another program's file: OpenSSH's or minisign's.
///
/// - SeeAlso: openssh-portable, PROTOCOL.key; minisign's "Secret key format".
package struct ForeignKey: Sendable {
  package let path: String
  /// Whether the file is sealed under a passphrase.
  package let needsPassphrase: Bool
  private let content: Content

  private enum Content {
    case openSSH([UInt8])
    case minisign([UInt8])
  }

  /// Reads a private key's file, without opening it.
  ///
  /// - Throws: ``KeyFault`` `exposed`, `unreadable`, `malformed`, or `unsupported` for a cipher or
  ///   key type that this program does not have.
  package init(path: String) throws(KeyFault) {
    let text = try KeyFile.readPrivate(path)
    self.path = path
    if let body = PEM.body(of: text, label: "OPENSSH PRIVATE KEY") {
      content = .openSSH(body)
      needsPassphrase = false
      _ = try ForeignKey.openSSHParts(body, path)
      return
    }
    let lines = text.split(separator: 0x0A)
    guard lines.count >= 2, lines[0].starts(with: Array("untrusted comment:".utf8)),
      let blob = Base64.bytes(of: Array(lines[1])), blob.count == 158
    else {
      throw .malformed(
        path: path, reason: "it is neither an OpenSSH private key nor a minisign secret key")
    }
    guard blob[0..<2].elementsEqual("Ed".utf8), blob[4..<6].elementsEqual("B2".utf8) else {
      throw .unsupported(path: path, reason: "its algorithm is not minisign's Ed25519")
    }
    content = .minisign(blob)
    needsPassphrase = blob[2..<4].elementsEqual("Sc".utf8)
  }

  /// Opens the key; the passphrase is not looked at where the file has none.
  package func open(passphrase: borrowing SecretBytes) throws(KeyFault) -> SigningKey {
    switch content {
    case .openSSH(let body): try ForeignKey.openSSH(body, path)
    case .minisign(let blob): try ForeignKey.minisign(blob, passphrase, needsPassphrase, path)
    }
  }

  private static func openSSHParts(_ body: [UInt8], _ path: String) throws(KeyFault) -> [UInt8] {
    var reader = SSHReader(body)
    guard reader.take(15) == Array("openssh-key-v1\0".utf8), let cipher = reader.string(),
      reader.string() != nil, reader.string() != nil, let count = reader.number(),
      let open = reader.string(), let secret = reader.string()
    else { throw .malformed(path: path, reason: "its OpenSSH key is cut short") }
    guard cipher == Array("none".utf8) else {
      throw .unsupported(
        path: path,
        reason: "it is sealed with \(String(decoding: cipher, as: UTF8.self)) and bcrypt, which "
          + "libsodium does not have; take the passphrase off a copy (ssh-keygen -p -N '' -f COPY) "
          + "or use it through ssh-agent")
    }
    guard count == 1 else { throw .unsupported(path: path, reason: "it holds several keys") }
    guard PublicKey(sshBlob: open) != nil else {
      var inner = SSHReader(open)
      let type = String(decoding: inner.string() ?? [], as: UTF8.self)
      throw .unsupported(path: path, reason: "its type is \(type), and only ssh-ed25519 signs here")
    }
    return secret
  }

  private static func openSSH(_ body: [UInt8], _ path: String) throws(KeyFault) -> SigningKey {
    var reader = SSHReader(try openSSHParts(body, path))
    guard let first = reader.number(), let second = reader.number(), first == second,
      reader.string() == Array("ssh-ed25519".utf8), let open = reader.string(),
      var secret = reader.string(), secret.count == 64
    else { throw .malformed(path: path, reason: "its OpenSSH key is cut short") }
    return try key(seed: &secret, public: open, path)
  }

  private static func minisign(
    _ blob: [UInt8], _ passphrase: borrowing SecretBytes, _ isSealed: Bool, _ path: String
  ) throws(KeyFault) -> SigningKey {
    func number(_ at: Int) -> UInt64 {
      blob[at..<at + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
    var secret = Array(blob[54..<158])
    defer { SecretBytes.wipe(&secret) }
    if isSealed {
      let (operations, memory) = (number(38), number(46))
      guard memory <= 2 << 30 else {
        throw .unsupported(path: path, reason: "opening it needs more than 2 GiB of memory")
      }
      // minisign asks for 2^25; a file may not keep its reader at work for hours.
      guard operations <= 1 << 27 else {
        throw .unsupported(path: path, reason: "opening it needs more than 2^27 operations")
      }
      var stream = [UInt8](repeating: 0, count: 104)
      defer { SecretBytes.wipe(&stream) }
      let salt = Array(blob[6..<38])
      let status = passphrase.withBytes { phrase in
        crypto_pwhash_scryptsalsa208sha256(
          &stream, 104, phrase.assumingMemoryBound(to: CChar.self).baseAddress.unsafelyUnwrapped,
          UInt64(phrase.count), salt, operations, Int(memory))
      }
      guard status == 0 else {
        throw .unreadable(path: path, reason: "opening it needs \(memory >> 20) MiB of memory")
      }
      for index in secret.indices { secret[index] ^= stream[index] }
    }
    var check = [UInt8](repeating: 0, count: 32)
    let message = Array("Ed".utf8) + secret[0..<72]
    _ = crypto_generichash(&check, 32, message, UInt64(message.count), nil, 0)
    guard check.elementsEqual(secret[72..<104]) else { throw .wrongPassphrase(path: path) }
    var pair = Array(secret[8..<72])
    return try key(seed: &pair, public: Array(pair[32..<64]), path)
  }

  /// The key of a pair's seed, which must have the public half the file says.
  private static func key(
    seed pair: inout [UInt8], public open: [UInt8], _ path: String
  ) throws(KeyFault) -> SigningKey {
    defer { SecretBytes.wipe(&pair) }
    var seed = Array(pair[0..<32])
    let key = try SigningKey(seed: SecretBytes(wiping: &seed))
    guard key.publicKey.bytes.elementsEqual(open) else {
      throw .malformed(path: path, reason: "its public and secret halves do not belong together")
    }
    return key
  }
}
