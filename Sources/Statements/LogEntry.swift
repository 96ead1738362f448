import CanonicalJSON
import Keys

/// A statement at its place in the log: the bytes of a Merkle leaf.
///
/// ```
/// version      u8   1
/// received     u64  milliseconds since 1970, big-endian
/// payloadType  u16 length, bytes
/// signatures   u8 count; each: scheme u8, key digest 32, signature 64; sorted by key
/// payload      u16 length, bytes
/// ```
package struct LogEntry: Sendable, Hashable {
  /// When the log received it.
  package let received: Timestamp
  package let envelope: UnverifiedEnvelope

  package static let sizeLimit = 65_535
  /// Receipt times that have a date of four-digit years.
  static let times: ClosedRange<Int64> = 0...253_402_300_799_999
  /// What a payload may take and still leave room for thirty signatures.
  package static let payloadLimit = 62_000

  package init(received: Timestamp, envelope: UnverifiedEnvelope) {
    self.received = received
    self.envelope = envelope
  }

  /// - Throws: ``StatementFault`` `tooLarge`.
  package func bytes() throws(StatementFault) -> [UInt8] {
    guard let count = UInt8(exactly: envelope.signatures.count) else {
      throw .malformedEnvelope(
        "it has \(envelope.signatures.count) signatures, and at most 255 fit")
    }
    guard LogEntry.times.contains(received.milliseconds) else {
      throw .malformedEnvelope("the receipt time is not between 1970 and 9999")
    }
    var output: [UInt8] = [1]
    output.reserveCapacity(envelope.payload.count + 200)
    func big(_ value: UInt64, _ width: Int) -> [UInt8] {
      (0..<width).reversed().map { UInt8(truncatingIfNeeded: value >> UInt64($0 * 8)) }
    }
    output += big(UInt64(bitPattern: received.milliseconds), 8)
    output += big(UInt64(envelope.payloadType.count), 2) + envelope.payloadType.bytes
    output.append(count)
    for signature in envelope.signatures.sorted(by: { $0.key < $1.key }) {
      output.append(signature.scheme.rawValue)
      output += signature.key.digest.bytes + signature.signature.bytes
    }
    output += big(UInt64(min(envelope.payload.count, 65_535)), 2) + envelope.payload
    guard output.count <= LogEntry.sizeLimit else {
      throw .tooLarge(bytes: output.count, limit: LogEntry.sizeLimit)
    }
    return output
  }

  /// Reads an entry; nothing may follow it.
  package init(bytes: [UInt8]) throws(StatementFault) {
    var rest = bytes[...]
    func take(_ count: Int) throws(StatementFault) -> ArraySlice<UInt8> {
      guard rest.count >= count else { throw .malformedEnvelope("the entry is cut short") }
      defer { rest = rest.dropFirst(count) }
      return rest.prefix(count)
    }
    func number(_ width: Int) throws(StatementFault) -> UInt64 {
      var value: UInt64 = 0
      for byte in try take(width) { value = value << 8 | UInt64(byte) }
      return value
    }
    guard try number(1) == 1 else { throw .malformedEnvelope("the entry's version is not 1") }
    guard let milliseconds = Int64(exactly: try number(8)), LogEntry.times.contains(milliseconds)
    else {
      throw .malformedEnvelope("the receipt time is not between 1970 and 9999")
    }
    guard let payloadType = ByteString(validating: try take(Int(try number(2)))) else {
      throw .malformedEnvelope("the payload type is not UTF-8")
    }
    var signatures: [StatementSignature] = []
    for _ in 0..<(try number(1)) {
      guard let scheme = SignatureScheme(rawValue: UInt8(try number(1))) else {
        throw .unsupported(payloadType: payloadType)
      }
      guard let digest = Digest(bytes: try take(32)), let value = try? Signature(bytes: take(64))
      else { throw .malformedEnvelope("a signature is cut short") }
      let signature = StatementSignature(
        scheme: scheme, key: Fingerprint(digest: digest), signature: value)
      if let last = signatures.last, last.key >= signature.key {
        throw .malformedEnvelope("the signatures are not sorted by key")
      }
      signatures.append(signature)
    }
    let payload = Array(try take(Int(try number(2))))
    guard rest.isEmpty else { throw .malformedEnvelope("bytes follow the entry") }
    received = Timestamp(milliseconds: milliseconds)
    envelope = UnverifiedEnvelope(
      payloadType: payloadType, payload: payload, signatures: signatures)
  }
}
