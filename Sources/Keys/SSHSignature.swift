import CSodium

/// SSHSIG, the signatures of `ssh-keygen -Y`, in the namespace `countersign` with SHA-512.
///
/// - SeeAlso: openssh-portable, PROTOCOL.sshsig.
package enum SSHSignature {
  package static let namespace = "countersign"
  private static let magic = Array("SSHSIG".utf8)

  /// What the key signs: `SSHSIG`, namespace, reserved, hash name and SHA-512 of the message.
  package static func signedData(of message: [UInt8]) -> [UInt8] {
    Sodium.require()
    var hash = [UInt8](repeating: 0, count: 64)
    _ = crypto_hash_sha512(&hash, message, UInt64(message.count))
    return magic + SSHWire.string(Array(namespace.utf8)) + SSHWire.string([])
      + SSHWire.string(Array("sha512".utf8)) + SSHWire.string(hash)
  }

  /// The armored file that `ssh-keygen -Y verify` reads.
  package static func armored(_ signature: Signature, by key: PublicKey) -> String {
    let name = Array("ssh-ed25519".utf8)
    let blob =
      magic + [0, 0, 0, 1] + SSHWire.string(key.sshBlob)
      + SSHWire.string(Array(namespace.utf8)) + SSHWire.string([])
      + SSHWire.string(Array("sha512".utf8))
      + SSHWire.string(SSHWire.string(name) + SSHWire.string(signature.bytes))
    var rest = Base64.text(of: blob)[...]
    var lines = ["-----BEGIN SSH SIGNATURE-----"]
    while !rest.isEmpty {
      lines.append(String(rest.prefix(70)))
      rest = rest.dropFirst(70)
    }
    lines.append("-----END SSH SIGNATURE-----")
    return lines.joined(separator: "\n") + "\n"
  }
}

/// The types SSH messages are made of (RFC 4251 section 5).
enum SSHWire {
  static func number(_ value: Int) -> [UInt8] {
    (0..<4).reversed().map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
  }

  static func string(_ bytes: [UInt8]) -> [UInt8] { number(bytes.count) + bytes }
}

/// Reads the same types; every read says whether there was enough.
struct SSHReader {
  private var rest: ArraySlice<UInt8>

  init(_ bytes: [UInt8]) {
    rest = bytes[...]
  }

  var isAtEnd: Bool { rest.isEmpty }
  var remaining: [UInt8] { Array(rest) }

  mutating func take(_ count: Int) -> [UInt8]? {
    guard count >= 0, rest.count >= count else { return nil }
    defer { rest = rest.dropFirst(count) }
    return Array(rest.prefix(count))
  }

  mutating func byte() -> UInt8? { take(1)?[0] }

  mutating func number() -> Int? {
    take(4).map { $0.reduce(0) { $0 << 8 | Int($1) } }
  }

  mutating func string() -> [UInt8]? {
    guard let count = number() else { return nil }
    return take(count)
  }
}

extension PublicKey {
  /// The key's wire form (RFC 8709 section 4).
  var sshBlob: [UInt8] {
    SSHWire.string(Array("ssh-ed25519".utf8)) + SSHWire.string(bytes)
  }

  init?(sshBlob: [UInt8]) {
    var reader = SSHReader(sshBlob)
    guard reader.string() == Array("ssh-ed25519".utf8), let bytes = reader.string(),
      reader.isAtEnd, let key = try? PublicKey(bytes: bytes)
    else { return nil }
    self = key
  }
}
