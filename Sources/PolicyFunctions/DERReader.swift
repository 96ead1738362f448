/// Reads the outer shape of DER: enough to find the public key in a certificate.
struct DERReader {
  private let bytes: [UInt8]
  private var index: Int
  private let end: Int

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
    index = 0
    end = bytes.count
  }

  private init(_ bytes: [UInt8], _ range: Range<Int>) {
    self.bytes = bytes
    index = range.lowerBound
    end = range.upperBound
  }

  struct Element {
    let tag: UInt8
    /// The whole element, its tag and length included.
    let encoding: [UInt8]
    let content: [UInt8]
  }

  /// The next element; nil at the end or where the form is broken.
  mutating func next() -> Element? {
    guard index + 1 < end else { return nil }
    let start = index
    let tag = bytes[index]
    var length = Int(bytes[index + 1])
    index += 2
    if length >= 0x80 {
      let count = length & 0x7F
      guard (1...4).contains(count), index + count <= end else { return nil }
      length = bytes[index..<(index + count)].reduce(0) { $0 << 8 | Int($1) }
      index += count
    }
    guard length <= end - index else { return nil }
    let content = Array(bytes[index..<(index + length)])
    index += length
    return Element(tag: tag, encoding: Array(bytes[start..<index]), content: content)
  }

  static let sequence: UInt8 = 0x30

  /// The SubjectPublicKeyInfo of an X.509 certificate.
  static func publicKey(ofCertificate certificate: [UInt8]) -> [UInt8]? {
    var outer = DERReader(certificate)
    guard let whole = outer.next(), whole.tag == sequence else { return nil }
    var parts = DERReader(whole.content)
    guard let signed = parts.next(), signed.tag == sequence else { return nil }
    var fields = DERReader(signed.content)
    guard var field = fields.next() else { return nil }
    // An explicit version comes first where there is one.
    if field.tag == 0xA0 {
      guard let serial = fields.next() else { return nil }
      field = serial
    }
    // Serial number, algorithm, issuer, validity, subject, then the key.
    guard field.tag == 0x02 else { return nil }
    for _ in 0..<4 {
      guard let next = fields.next(), next.tag == sequence else { return nil }
    }
    guard let key = fields.next(), key.tag == sequence else { return nil }
    return key.encoding
  }

  /// The algorithm's identifier and its parameters' content of a SubjectPublicKeyInfo, and the key's
  /// own bits.
  static func parts(
    ofPublicKey key: [UInt8]
  ) -> (algorithm: [UInt8], parameters: [UInt8], bits: [UInt8])? {
    var outer = DERReader(key)
    guard let whole = outer.next(), whole.tag == sequence else { return nil }
    var fields = DERReader(whole.content)
    guard let algorithm = fields.next(), algorithm.tag == sequence, let bits = fields.next(),
      bits.tag == 0x03, bits.content.first == 0
    else { return nil }
    var identifiers = DERReader(algorithm.content)
    guard let identifier = identifiers.next(), identifier.tag == 0x06 else { return nil }
    return (identifier.content, identifiers.next()?.content ?? [], Array(bits.content.dropFirst()))
  }
}
