/// Text from outside: valid UTF-8 that compares, hashes and sorts by its bytes.
///
/// Swift's `String` compares by canonical equivalence, under which two different signed texts can be
/// "equal". Names, keys and URIs that reach a decision are therefore never a `String`.
package struct ByteString: Sendable {
  /// The UTF-8 bytes.
  package let bytes: [UInt8]

  /// Takes the UTF-8 of a Swift string, unchanged.
  package init(_ text: String) {
    bytes = Array(text.utf8)
  }

  /// Takes bytes that must be valid UTF-8, else gives nil.
  package init?(validating candidate: some Collection<UInt8>) {
    let array = Array(candidate)
    guard array.withUnsafeBufferPointer({ UTF8Check.firstInvalid(in: $0) }) == nil else {
      return nil
    }
    bytes = array
  }

  /// Takes bytes that the caller has already found to be valid UTF-8.
  package init(unchecked: UnsafeBufferPointer<UInt8>) {
    bytes = Array(unchecked)
  }

  /// Takes bytes that the caller has already found to be valid UTF-8.
  init(checked: [UInt8]) {
    bytes = checked
  }

  package var isEmpty: Bool { bytes.isEmpty }
  package var count: Int { bytes.count }

  /// The same text as a Swift string, for display and messages only.
  package var text: String { String(decoding: bytes, as: UTF8.self) }

  package func hasPrefix(_ prefix: ByteString) -> Bool { bytes.starts(with: prefix.bytes) }

  package func hasSuffix(_ suffix: ByteString) -> Bool {
    bytes.count >= suffix.bytes.count
      && bytes.suffix(suffix.bytes.count).elementsEqual(suffix.bytes)
  }

  /// The parts between occurrences of one ASCII byte, empty parts included.
  package func split(on separator: Character) -> [ByteString] {
    guard let byte = separator.asciiValue else { return [self] }
    return bytes.split(separator: byte, omittingEmptySubsequences: false)
      .map { ByteString(checked: Array($0)) }
  }

  /// The text after a prefix, or nil if it does not begin so.
  package func dropping(prefix: ByteString) -> ByteString? {
    hasPrefix(prefix) ? ByteString(checked: Array(bytes.dropFirst(prefix.count))) : nil
  }

  /// The longest beginning of at most so many bytes that ends between characters.
  package func prefix(_ limit: Int) -> ByteString {
    guard count > limit else { return self }
    var end = limit
    while end > 0, bytes[end] & 0xC0 == 0x80 { end -= 1 }
    return ByteString(checked: Array(bytes[..<end]))
  }

  package static func + (left: ByteString, right: ByteString) -> ByteString {
    ByteString(checked: left.bytes + right.bytes)
  }
}

extension ByteString: Hashable {
  package static func == (left: ByteString, right: ByteString) -> Bool {
    left.bytes == right.bytes
  }

  package func hash(into hasher: inout Hasher) {
    bytes.withUnsafeBytes { hasher.combine(bytes: $0) }
  }
}

extension ByteString: Comparable {
  package static func < (left: ByteString, right: ByteString) -> Bool {
    left.bytes.withUnsafeBytes { one in
      right.bytes.withUnsafeBytes { other in
        let shared = min(one.count, other.count)
        var index = 0
        while index + 8 <= shared {
          let first = UInt64(bigEndian: one.loadUnaligned(fromByteOffset: index, as: UInt64.self))
          let second = UInt64(
            bigEndian: other.loadUnaligned(fromByteOffset: index, as: UInt64.self))
          if first != second { return first < second }
          index += 8
        }
        while index < shared {
          if one[index] != other[index] { return one[index] < other[index] }
          index += 1
        }
        return one.count < other.count
      }
    }
  }

  /// Whether this text sorts before another by UTF-16 code units (RFC 8785 section 3.2.3).
  ///
  /// UTF-8 and UTF-16 order differ in one place only: supplementary characters (lead byte F0 and up)
  /// sort before U+E000 to U+FFFF (lead bytes EE and EF).
  package func precedesByUTF16(_ other: ByteString) -> Bool {
    let shared = min(bytes.count, other.bytes.count)
    for index in 0..<shared where bytes[index] != other.bytes[index] {
      let mine = bytes[index]
      let theirs = other.bytes[index]
      if mine >= 0xF0, theirs == 0xEE || theirs == 0xEF { return true }
      if theirs >= 0xF0, mine == 0xEE || mine == 0xEF { return false }
      return mine < theirs
    }
    return bytes.count < other.bytes.count
  }
}

extension ByteString: ExpressibleByStringLiteral, CustomStringConvertible {
  package init(stringLiteral value: String) {
    self.init(value)
  }

  package var description: String { text }
}
