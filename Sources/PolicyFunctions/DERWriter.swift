/// Writes the DER of a public key of RSA.
enum DERWriter {
  private static func element(_ tag: UInt8, _ content: [UInt8]) -> [UInt8] {
    var length: [UInt8] = []
    var count = content.count
    guard count >= 0x80 else { return [tag, UInt8(count)] + content }
    while count > 0 {
      length.insert(UInt8(truncatingIfNeeded: count), at: 0)
      count >>= 8
    }
    return [tag, 0x80 | UInt8(length.count)] + length + content
  }

  /// A number that is not negative.
  private static func integer(_ bytes: [UInt8]) -> [UInt8] {
    let digits = Array(bytes.drop { $0 == 0 })
    guard let first = digits.first else { return element(0x02, [0]) }
    return element(0x02, first >= 0x80 ? [0] + digits : digits)
  }

  /// SubjectPublicKeyInfo (RFC 8017, A.1).
  static func publicKey(modulus: [UInt8], exponent: [UInt8]) -> [UInt8] {
    let algorithm: [UInt8] =
      [0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01] + [0x05, 0x00]
    let key = element(0x30, integer(modulus) + integer(exponent))
    return element(0x30, element(0x30, algorithm) + element(0x03, [0] + key))
  }
}
