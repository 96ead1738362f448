import Authority
import CanonicalJSON
import Decisions
import Foundation
import Keys
import Registry
import Statements
import TestSupport
import Testing
import TransparencyLog

/// Mutated bytes for every reader: a trap ends the test process, and that is the test.
@Suite struct MalformedBytesTests {
  /// One mutation: a flipped bit, a cut, a repetition, or an extreme number for some digits.
  private func mutated(_ bytes: [UInt8], _ random: inout SeededRandom) -> [UInt8] {
    guard !bytes.isEmpty else { return [UInt8(random.below(256))] }
    var bytes = bytes
    for _ in 0...random.below(3) {
      guard !bytes.isEmpty else { break }
      let at = random.below(bytes.count)
      switch random.below(5) {
      case 0: bytes[at] ^= 1 << UInt8(random.below(8))
      case 1: bytes.removeSubrange(at..<min(bytes.count, at + 1 + random.below(40)))
      case 2: bytes.insert(contentsOf: bytes[at..<min(bytes.count, at + random.below(60))], at: at)
      case 3:
        let numbers = [
          "-9223372036854775808", "18446744073709551616", "1e999999999", "-1", "0",
          "9223372036854775807",
        ]
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        let start = bytes[at...].firstIndex(where: digits.contains) ?? at
        let end = bytes[start...].firstIndex { !digits.contains($0) } ?? bytes.count
        bytes.replaceSubrange(start..<end, with: numbers[random.below(numbers.count)].utf8)
      default: bytes[at] = UInt8(random.below(256))
      }
    }
    return bytes
  }

  private func read(_ bytes: [UInt8]) {
    if let json = try? JSONParser.parse(bytes) {
      _ = json.exactBytes
      _ = try? json.canonicalBytes()
    }
    _ = try? UnverifiedEnvelope(dsse: bytes)
    _ = try? Action(payload: bytes)
    for type in StatementType.allCases {
      _ = try? StatementParts(payloadType: type.payloadType, payload: bytes)
    }
    if let entry = try? LogEntry(bytes: bytes) {
      _ = try? entry.bytes()
      _ = (entry.received.text, entry.received.milliseconds(since: Timestamp(milliseconds: .min)))
    }
    if let note = try? SignedNote(bytes) { _ = try? Checkpoint(text: note.text) }
    _ = try? Receipt.parse(bytes)
    _ = try? PublicKey(text: bytes)
    _ = try? NoteVerifier(verifierKey: ByteString(validating: bytes) ?? "")
  }

  @Test func `no mutated entry, envelope, statement, note, proof or key ends its reader`() throws {
    var random = SeededRandom.announced("malformed bytes")
    let world = try World()
    var seeds: [[UInt8]] = [try world.action().dsse, try world.action().payload]
    try world.ledger.database.read { transaction in
      for index in 0..<world.ledger.state.size {
        guard let entry = try transaction.entry(index) else { continue }
        let parsed = try LogEntry(bytes: entry)
        seeds += [entry, parsed.envelope.dsse, parsed.envelope.payload]
      }
    }
    let key = try World.key(world.alice)
    let checkpoint = Checkpoint(
      origin: "countersign/test", size: 5, root: Digest.sha256([1])
    ).signed(by: key)
    let receipt = Receipt(index: 3, path: [Digest.sha256([2])], checkpoint: checkpoint)
    seeds += [
      checkpoint.bytes, Array(receipt.text.utf8), Array(key.publicKey.pem.utf8),
      Array(key.publicKey.openSSH.utf8),
    ]
    var count = 0
    for seed in seeds {
      for _ in 0..<12 {
        read(mutated(seed, &random))
        count += 1
      }
    }
    #expect(count > 200)
  }

  @Test func `a receipt time beyond the year 9999 is no entry`() throws {
    let world = try World()
    let envelope = try world.action()
    for time in [Int64.max, .min, -1, 253_402_300_800_000] {
      #expect(throws: StatementFault.self) {
        try LogEntry(received: Timestamp(milliseconds: time), envelope: envelope).bytes()
      }
      var bytes = try LogEntry(received: world.clock.now, envelope: envelope).bytes()
      bytes.replaceSubrange(1..<9, with: withUnsafeBytes(of: time.bigEndian, Array.init))
      #expect {
        try LogEntry(bytes: bytes)
      } throws: { error in
        (error as? StatementFault)?.code == "envelope_malformed"
      }
    }
  }

  @Test func `the distance of two instants never wraps and always has an absolute value`() {
    let (first, last) = (Timestamp(milliseconds: .min), Timestamp(milliseconds: .max))
    #expect(last.milliseconds(since: first) == .max)
    #expect(abs(first.milliseconds(since: last)) == .max)
    #expect(abs(first.milliseconds(since: Timestamp(milliseconds: 0))) == .max)
    #expect(first.advanced(byMilliseconds: -1) == first)
    #expect(first.advanced(bySeconds: .min) == first)
  }
}
