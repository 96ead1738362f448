import CSodium

/// libsodium, initialised once before its first use.
enum Sodium {
  static let isReady: Bool = sodium_init() >= 0

  static func require() {
    precondition(isReady, "libsodium could not be initialised")
  }
}

/// Bytes from the system's random generator.
package enum SecureRandom {
  package static func bytes(_ count: Int) -> [UInt8] {
    Sodium.require()
    var bytes = [UInt8](repeating: 0, count: count)
    randombytes_buf(&bytes, count)
    return bytes
  }
}
