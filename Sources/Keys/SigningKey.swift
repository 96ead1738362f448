import CSodium

/// An Ed25519 secret key in guarded memory, wiped when it goes out of scope.
///
/// It cannot be copied, logged or encoded by accident.
package struct SigningKey: ~Copyable, Sendable {
  /// Seed and public key: 64 bytes, as libsodium keeps them.
  private let secret: SecretBytes
  package let publicKey: PublicKey

  /// Makes the key of a 32-byte seed (RFC 8032 section 5.1.5).
  package init(seed: borrowing SecretBytes) throws(KeyFault) {
    guard seed.count == 32 else {
      throw .wrongLength(what: "secret key", expected: 32, actual: seed.count)
    }
    var open = [UInt8](repeating: 0, count: 32)
    let pair = SecretBytes(count: 64) { target in
      seed.withBytes { bytes in
        _ = crypto_sign_seed_keypair(
          &open, target.octets,
          bytes.octets)
      }
    }
    // All that can throw comes before the fields are set: half a noncopyable value cannot be undone.
    let publicKey: PublicKey
    do {
      publicKey = try PublicKey(bytes: open)
    } catch {
      throw error
    }
    secret = pair
    self.publicKey = publicKey
  }

  /// Makes a new key.
  package static func generate() throws(KeyFault) -> SigningKey {
    try SigningKey(seed: SecretBytes(count: 32) { randombytes_buf($0.octets, 32) })
  }

  /// Makes the key of a seed that is no secret: for fixtures and demonstrations.
  package static func derived(from phrase: String) throws(KeyFault) -> SigningKey {
    var seed = Digest.sha256(Array(phrase.utf8)).bytes
    return try SigningKey(seed: SecretBytes(wiping: &seed))
  }

  package func sign(_ message: [UInt8]) -> Signature {
    var bytes = [UInt8](repeating: 0, count: 64)
    secret.withBytes { key in
      _ = crypto_sign_detached(
        &bytes, nil, message, UInt64(message.count),
        key.octets)
    }
    guard let signature = try? Signature(bytes: bytes) else {
      preconditionFailure("a signature is 64 bytes")
    }
    return signature
  }

  /// Hands the 32-byte seed to a closure, for sealing and writing key files.
  package func withSeed<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows
    -> Result
  {
    try secret.withBytes { try body(UnsafeRawBufferPointer(rebasing: $0[0..<32])) }
  }
}
