import Keys

/// How entries and bodies lie in the file: smaller, and giving back exactly the bytes packed.
///
/// Hashes and signatures are over the bytes; this is storage only. Statements are JSON with fixed
/// member names, digests in hexadecimal and signatures in base64, so a table of phrases and two
/// ways back to binary take more than half away.
///
/// ```
/// 00            the bytes follow as they are
/// 01            tokens follow:
///   00...3F     1 to 64 bytes as they are
///   40...7F     8 to 71 bytes, written as lower-case hexadecimal
///   80, 81      32 or 64 bytes, written as padded base64
///   C0...FF     a phrase of the table
/// ```
enum Packing {
  /// The phrases, at most 64; a file depends on their order, so they are only ever appended to.
  private static let phrases: [[UInt8]] = [
    "{\"at\":\"", "\",\"body\":{\"", "\"head\":{\"root\":\"", "\",\"size\":", "},\"id\":\"",
    "\",\"registry\":\"", "\",\"signer\":\"", "\",\"type\":\"", "\",\"v\":1}",
    "application/vnd.countersign.", ".v1+json", "decision.made", "action\":\"", "\",\"chain\":[\"",
    "\"],\"key\":\"", "\",\"key\":\"", "\",\"policy\":{\"digest\":\"", "\",\"name\":\"",
    "\",\"version\":", "},\"reasons\":[{\"code\":\"", "\",\"detail\":\"",
    "\"}],\"resource\":{\"env\":\"", "\",\"uri\":\"", "\"},\"rules\":[\"", "\"],\"sig\":\"",
    "\",\"verdict\":\"", "allowed", "the policy allows it", "allow", "deny", "hold", "service:",
    "agent:", "user:", "production", "staging", "\"},", "\",\"", "\":\"", ".rego:", "policy_denied",
    "no rule of the policy allows it", "approval_required", "the policy asks for approval",
    "not_granted", "the grant does not cover ", "{\"action\":\"", "\",\"agent\":\"",
    "\",\"aud\":\"", "\",\"context\":{", "\"},\"grant\":\"", "},\"grant\":\"", "\",\"nonce\":\"",
    "\",\"params\":{", "\"},\"registry\":\"", "},\"registry\":\"", "\",\"resource\":\"",
    "\",\"timestamp\":\"", "justification\":\"", "gateway-1", "2026-", "\",\"votes\":[\"",
    "\",\"releases\":\"", "approved",
  ].map { Array($0.utf8) }

  /// By first byte, the phrases from the longest on.
  private static let byFirst: [[(code: UInt8, bytes: [UInt8])]] = {
    var table = [[(code: UInt8, bytes: [UInt8])]](repeating: [], count: 256)
    for (index, phrase) in phrases.enumerated() {
      table[Int(phrase[0])].append((0xC0 + UInt8(index), phrase))
    }
    return table.map { $0.sorted { $0.bytes.count > $1.bytes.count } }
  }()

  static func pack(_ bytes: [UInt8]) -> [UInt8] {
    var output: [UInt8] = [1]
    output.reserveCapacity(bytes.count)
    var literal: [UInt8] = []
    func flush() {
      var rest = literal[...]
      while !rest.isEmpty {
        let part = rest.prefix(64)
        output.append(UInt8(part.count - 1))
        output += part
        rest = rest.dropFirst(part.count)
      }
      literal.removeAll(keepingCapacity: true)
    }
    var at = 0
    while at < bytes.count {
      if let phrase = byFirst[Int(bytes[at])].first(where: { bytes[at...].starts(with: $0.bytes) })
      {
        flush()
        output.append(phrase.code)
        at += phrase.bytes.count
        continue
      }
      let hex = hexadecimalRun(bytes, at)
      if hex >= 8 {
        flush()
        output.append(0x40 + UInt8(hex - 8))
        output += Hexadecimal.bytes(of: bytes[at..<at + 2 * hex]) ?? []
        at += 2 * hex
        continue
      }
      if let (code, length, binary) = base64Run(bytes, at) {
        flush()
        output.append(code)
        output += binary
        at += length
        continue
      }
      literal.append(bytes[at])
      at += 1
    }
    flush()
    return output.count <= bytes.count ? output : [0] + bytes
  }

  /// Gives the bytes back; nil if what was packed is damaged.
  static func unpack(_ packed: [UInt8]) -> [UInt8]? {
    guard let first = packed.first, first <= 1 else { return nil }
    if first == 0 { return Array(packed.dropFirst()) }
    var output: [UInt8] = []
    output.reserveCapacity(packed.count * 2)
    var at = 1
    while at < packed.count {
      let code = packed[at]
      at += 1
      let count: Int
      switch code {
      case 0x00...0x3F: count = Int(code) + 1
      case 0x40...0x7F: count = Int(code) - 0x40 + 8
      case 0x80: count = 32
      case 0x81: count = 64
      case 0xC0...0xFF:
        guard Int(code) - 0xC0 < phrases.count else { return nil }
        output += phrases[Int(code) - 0xC0]
        continue
      default: return nil
      }
      guard packed.count - at >= count else { return nil }
      let part = packed[at..<at + count]
      at += count
      switch code {
      case 0x00...0x3F: output += part
      case 0x40...0x7F: output += Hexadecimal.text(of: part).utf8
      default: output += Base64.text(of: Array(part)).utf8
      }
    }
    return output
  }

  /// How many bytes stand here in lower-case hexadecimal, at most 71.
  private static func hexadecimalRun(_ bytes: [UInt8], _ start: Int) -> Int {
    var count = 0
    while count < 142, start + count < bytes.count {
      let byte = bytes[start + count]
      guard (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte) else { break }
      count += 1
    }
    return count / 2
  }

  /// 32 or 64 bytes in padded base64 that would be written the same again.
  private static func base64Run(
    _ bytes: [UInt8], _ start: Int
  ) -> (code: UInt8, length: Int, binary: [UInt8])? {
    for (code, length, count, padding) in [(0x81, 88, 64, 2), (0x80, 44, 32, 1)]
      as [(UInt8, Int, Int, Int)]
    where bytes.count - start >= length {
      let text = bytes[start..<start + length]
      guard text.suffix(padding).allSatisfy({ $0 == UInt8(ascii: "=") }),
        let binary = Base64.bytes(of: Array(text)), binary.count == count,
        Base64.text(of: binary).utf8.elementsEqual(text)
      else { continue }
      return (code, length, binary)
    }
    return nil
  }
}
