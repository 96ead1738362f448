import CanonicalJSON
import Foundation
import Keys
import Statements
import TestSupport
import Testing

@Suite struct PreAuthEncodingTests {
  @Test(.enabled(if: SharedSuites.has("dsse"), "the suite is not there"))
  func `the encoding is DSSE's`() throws {
    let folder = SharedSuites.folder("dsse")
    let vector = try SharedSuites.json(folder.appendingPathComponent("pae.json"))
    let bytes = PreAuthEncoding.bytes(
      payloadType: try #require(vector["payloadType"]?.string),
      payload: try #require(vector["payload"]?.string?.bytes))
    #expect(bytes == vector["pae"]?.string?.bytes)
    SharedSuites.ran("dsse", 1)
  }
}

@Suite struct TimestampTests {
  @Test(
    arguments: [
      ("1970-01-01T00:00:00.000Z", 0), ("2026-11-23T10:15:21.123Z", 1_795_428_921_123),
      ("2000-02-29T23:59:59.999Z", 951_868_799_999), ("1969-12-31T23:59:59.999Z", -1),
    ] as [(ByteString, Int64)])
  func `times read and write the same`(text: ByteString, milliseconds: Int64) {
    #expect(Timestamp(text)?.milliseconds == milliseconds)
    #expect(Timestamp(milliseconds: milliseconds).text == text.text)
  }

  @Test(
    arguments: [
      "2026-11-23T10:15:21Z", "2026-02-29T00:00:00.000Z", "2026-13-01T00:00:00.000Z",
      "2026-11-23T24:00:00.000Z", "2026-11-23T10:15:60.000Z", "2026-11-23 10:15:21.123Z",
      "2026-11-23T10:15:21.123+00:00", "", "2026-11-23T10:15:21.1234Z",
    ] as [ByteString])
  func `what is not a strict time is none`(text: ByteString) {
    #expect(Timestamp(text) == nil)
  }
}

@Suite struct EnvelopeTests {
  private func draft() throws -> StatementDraft {
    try StatementDraft(
      StatementHeader(
        at: Timestamp(milliseconds: 1), head: TreeHead(size: 0, root: Digest.sha256([])),
        id: ByteString(String(repeating: "ab", count: 16)), registry: "",
        signer: Principal.named("user:alice")),
      .grantRevoked(GrantRevoked(grant: Digest.sha256([1]), reason: "test")))
  }

  @Test func `one changed payload byte, type or signature spoils a statement`() throws {
    let key = try SigningKey.derived(from: "alice")
    let envelope = try draft().signed(by: key)
    let publicKey = key.publicKey
    let keys: (Fingerprint) -> PublicKey? = { $0 == publicKey.fingerprint ? publicKey : nil }
    _ = try VerifiedStatement(try envelope.verified(by: keys))
    for index in envelope.payload.indices {
      var payload = envelope.payload
      payload[index] ^= 0x20
      let changed = UnverifiedEnvelope(
        payloadType: envelope.payloadType, payload: payload, signatures: envelope.signatures)
      #expect(throws: StatementFault.badSignature(publicKey.fingerprint)) {
        try changed.verified(by: keys)
      }
    }
    let retyped = UnverifiedEnvelope(
      payloadType: StatementType.keyRevoked.payloadType, payload: envelope.payload,
      signatures: envelope.signatures)
    #expect(throws: StatementFault.badSignature(publicKey.fingerprint)) {
      try retyped.verified(by: keys)
    }
    let twice = UnverifiedEnvelope(
      payloadType: envelope.payloadType, payload: envelope.payload,
      signatures: envelope.signatures + envelope.signatures)
    #expect(throws: StatementFault.duplicateKey(publicKey.fingerprint)) {
      try twice.verified(by: keys)
    }
    #expect(throws: StatementFault.unsigned) {
      try UnverifiedEnvelope(
        payloadType: envelope.payloadType, payload: envelope.payload, signatures: []
      ).verified(by: keys)
    }
  }

  @Test func `an entry reads back as it was written, and torn ones are refused`() throws {
    let envelope = try draft().signed(by: try SigningKey.derived(from: "alice"))
    let entry = LogEntry(received: Timestamp(milliseconds: 99), envelope: envelope)
    let bytes = try entry.bytes()
    #expect(try LogEntry(bytes: bytes) == entry)
    for length in 0..<bytes.count {
      #expect(throws: StatementFault.self) { try LogEntry(bytes: Array(bytes.prefix(length))) }
    }
    #expect(throws: StatementFault.self) { try LogEntry(bytes: bytes + [0]) }
  }

  @Test func `DSSE JSON reads back, whichever base64 alphabet`() throws {
    let envelope = try draft().signed(by: try SigningKey.derived(from: "alice"))
    #expect(try UnverifiedEnvelope(dsse: envelope.dsse) == envelope)
    var json = try #require(try JSONParser.parse(envelope.dsse).object)
    let standard = try #require(json["payload"]?.string?.text)
    json["payload"] = JSONValue(
      standard.replacingOccurrences(of: "+", with: "-").replacingOccurrences(of: "/", with: "_")
        .replacingOccurrences(of: "=", with: ""))
    let urlSafe = try JSONValue.object(json).canonicalBytes()
    #expect(try UnverifiedEnvelope(dsse: urlSafe) == envelope)
    #expect(throws: StatementFault.self) { try UnverifiedEnvelope(dsse: Array("{}".utf8)) }
  }

  @Test func `a payload that is not canonical is no statement`() throws {
    let draft = try draft()
    let spaced = Array(" ".utf8) + draft.payload
    #expect(throws: StatementFault.notCanonical) {
      try StatementParts(payloadType: draft.payloadType, payload: spaced)
    }
    #expect(throws: StatementFault.unsupported(payloadType: "application/x")) {
      try StatementParts(payloadType: "application/x", payload: draft.payload)
    }
  }
}
