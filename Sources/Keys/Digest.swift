import CSodium

/// A SHA-256 digest (FIPS 180-4): 32 bytes, compared and sorted as bytes.
package struct Digest: Sendable, Hashable {
  private let words: (UInt64, UInt64, UInt64, UInt64)

  package static let byteCount = 32

  /// Takes exactly 32 bytes, else gives nil.
  package init?(bytes: some Collection<UInt8>) {
    // One look at contiguous storage: going through a generic collection byte by byte costs more
    // than hashing what it holds.
    if let found = bytes.withContiguousStorageIfAvailable({
      Digest(raw: UnsafeRawBufferPointer($0))
    }) {
      guard let found else { return nil }
      self = found
    } else {
      guard let found = Array(bytes).withUnsafeBytes({ Digest(raw: $0) }) else { return nil }
      self = found
    }
  }

  private init?(raw: UnsafeRawBufferPointer) {
    guard raw.count == Digest.byteCount else { return nil }
    self = Digest.load(raw)
  }

  /// Reads digests that lie one after the other; what is left over at the end is not read.
  package static func list(in raw: UnsafeRawBufferPointer) -> [Digest] {
    stride(from: 0, through: raw.count - byteCount, by: byteCount).map { start in
      load(UnsafeRawBufferPointer(rebasing: raw[start..<start + byteCount]))
    }
  }

  /// Takes exactly 64 lower-case hexadecimal digits, else gives nil.
  package init?(hex: some Collection<UInt8>) {
    func read(_ text: UnsafeBufferPointer<UInt8>) -> Digest? {
      guard text.count == 64, !text.contains(where: { $0 >= UInt8(ascii: "A") && $0 <= 0x5A }),
        let bytes = Hexadecimal.bytes(of: text)
      else { return nil }
      return Digest(bytes: bytes)
    }
    guard
      let digest = hex.withContiguousStorageIfAvailable(read)
        ?? Array(hex).withUnsafeBufferPointer(read)
    else { return nil }
    self = digest
  }

  private init(_ words: (UInt64, UInt64, UInt64, UInt64)) {
    self.words = words
  }

  /// The digest of some bytes.
  package static func sha256(_ bytes: [UInt8]) -> Digest {
    var hasher = SHA256()
    hasher.update(bytes)
    return hasher.finish()
  }

  fileprivate static func load(_ raw: UnsafeRawBufferPointer) -> Digest {
    func word(_ index: Int) -> UInt64 {
      UInt64(bigEndian: raw.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self))
    }
    return Digest((word(0), word(1), word(2), word(3)))
  }

  /// The 32 bytes.
  package var bytes: [UInt8] { withBytes { Array($0) } }

  /// Gives the 32 bytes without an array of their own.
  fileprivate func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    let stored = (
      words.0.bigEndian, words.1.bigEndian, words.2.bigEndian, words.3.bigEndian
    )
    return withUnsafeBytes(of: stored, body)
  }

  /// 64 lower-case hexadecimal digits.
  package var hex: String { Hexadecimal.text(of: bytes) }

  /// The first eight digits as `9f3c-19c2`, for display only.
  package var short: String {
    let digits = hex.prefix(8)
    return "\(digits.prefix(4))-\(digits.suffix(4))"
  }

  package static func == (left: Digest, right: Digest) -> Bool { left.words == right.words }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(words.0)
    hasher.combine(words.1)
  }
}

extension Digest: Comparable, CustomStringConvertible {
  package static func < (left: Digest, right: Digest) -> Bool { left.words < right.words }

  package var description: String { hex }
}

/// SHA-256 over several pieces.
package struct SHA256 {
  private var state = crypto_hash_sha256_state()

  package init() {
    Sodium.require()
    crypto_hash_sha256_init(&state)
  }

  package mutating func update(_ bytes: [UInt8]) {
    crypto_hash_sha256_update(&state, bytes, UInt64(bytes.count))
  }

  package mutating func update(_ digest: Digest) {
    digest.withBytes { raw in
      let bytes = raw.bindMemory(to: UInt8.self)
      crypto_hash_sha256_update(&state, bytes.baseAddress.unsafelyUnwrapped, UInt64(raw.count))
    }
  }

  package mutating func finish() -> Digest {
    withUnsafeTemporaryAllocation(byteCount: 32, alignment: 8) { buffer in
      let output = buffer.bindMemory(to: UInt8.self)
      crypto_hash_sha256_final(&state, output.baseAddress.unsafelyUnwrapped)
      return Digest.load(UnsafeRawBufferPointer(buffer))
    }
  }
}
