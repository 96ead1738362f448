import CSodium

/// Base64 per RFC 4648: written padded in the standard alphabet, read strictly.
package enum Base64 {
  package static func text(of bytes: [UInt8]) -> String {
    Sodium.require()
    let size = sodium_base64_encoded_len(bytes.count, sodium_base64_VARIANT_ORIGINAL)
    var output = [CChar](repeating: 0, count: size)
    sodium_bin2base64(
      &output, size, bytes, bytes.count, sodium_base64_VARIANT_ORIGINAL)
    return String(decoding: output.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// Reads the standard or the URL-safe alphabet, padded or not; nil for anything else.
  package static func bytes(of text: some BidirectionalCollection<UInt8>) -> [UInt8]? {
    Sodium.require()
    let characters = text.map { CChar(bitPattern: $0) }
    let isURLSafe = text.contains { $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") }
    let isPadded = text.last == UInt8(ascii: "=") || text.count % 4 == 0
    let variant =
      switch (isURLSafe, isPadded) {
      case (false, true): sodium_base64_VARIANT_ORIGINAL
      case (false, false): sodium_base64_VARIANT_ORIGINAL_NO_PADDING
      case (true, true): sodium_base64_VARIANT_URLSAFE
      case (true, false): sodium_base64_VARIANT_URLSAFE_NO_PADDING
      }
    var output = [UInt8](repeating: 0, count: characters.count / 4 * 3 + 3)
    var length = 0
    let status = sodium_base642bin(
      &output, output.count, characters, characters.count, nil, &length, nil, variant)
    guard status == 0 else { return nil }
    return Array(output.prefix(length))
  }
}
