import CSodium
package import CanonicalJSON

/// An Ed25519 public key (RFC 8032): a canonical point of the prime-order group.
package struct PublicKey: Sendable, Hashable {
  /// 32 bytes.
  package let bytes: [UInt8]
  package let fingerprint: Fingerprint

  /// Takes 32 bytes that are a usable point.
  ///
  /// - Throws: ``KeyFault`` `wrongLength`, or `weakPublicKey` for a point that is not canonical, not
  ///   on the curve, or of small order.
  package init(bytes: some Collection<UInt8>) throws(KeyFault) {
    Sodium.require()
    let array = Array(bytes)
    guard array.count == 32 else {
      throw .wrongLength(what: "public key", expected: 32, actual: array.count)
    }
    guard crypto_core_ed25519_is_valid_point(array) == 1 else { throw .weakPublicKey }
    self.bytes = array
    fingerprint = Fingerprint(digest: Digest.sha256(array))
  }

  /// Whether a signature over a message was made by this key.
  ///
  /// Strict: a non-canonical S, and a small-order or non-canonical R, are refused.
  /// - SeeAlso: RFC 8032 section 5.1.7.
  package func verifies(_ signature: Signature, over message: [UInt8]) -> Bool {
    crypto_sign_verify_detached(signature.bytes, message, UInt64(message.count), bytes) == 0
  }

  package var hex: String { Hexadecimal.text(of: bytes) }
}

/// The name of a key: the SHA-256 of its 32 public bytes.
package struct Fingerprint: Sendable, Hashable, Comparable, CustomStringConvertible {
  package let digest: Digest

  package init(digest: Digest) {
    self.digest = digest
  }

  /// Reads `ed25519:` and 64 digits, or the 64 digits alone.
  package init?(_ text: ByteString) {
    let digits = text.dropping(prefix: "ed25519:") ?? text
    guard let digest = Digest(hex: digits.bytes) else { return nil }
    self.digest = digest
  }

  /// `ed25519:` and 64 hexadecimal digits.
  package var description: String { "ed25519:\(digest.hex)" }

  /// As `9f3c-19c2`, for display only.
  package var short: String { digest.short }

  package static func < (left: Fingerprint, right: Fingerprint) -> Bool {
    left.digest < right.digest
  }
}

/// An Ed25519 signature: 64 bytes.
package struct Signature: Sendable, Hashable {
  package let bytes: [UInt8]

  package init(bytes: some Collection<UInt8>) throws(KeyFault) {
    guard bytes.count == 64 else {
      throw .wrongLength(what: "signature", expected: 64, actual: bytes.count)
    }
    self.bytes = Array(bytes)
  }
}
