import Authority
import CanonicalJSON
import Foundation
import Keys
import Statements
import TestSupport
import Testing
import TransparencyLog

@testable import Enforcement

/// A receipt proves one answer about one envelope, by keys that the agent's side has been given.
@Suite struct AnchorTests {
  let world: World
  let anchor: Anchor

  init() throws {
    world = try World()
    anchor = Anchor(
      registry: world.registry,
      services: [
        Anchor.Service(name: world.gateway, key: try World.key(world.gateway).publicKey)
      ])
  }

  func changed(_ answer: JSONValue, _ name: ByteString, _ value: JSONValue?) -> JSONValue {
    var object = answer.object ?? JSONObject()
    object[name] = value
    return .object(object)
  }

  @Test("an answer of the registry's service is verified, allowed, held or denied")
  func verified() async throws {
    let authority = try world.authority()
    for (resource, verdict) in [
      ("stage://payments/a", Verdict.allow), ("prod://payments/a", .hold), ("git://x/y", .deny),
    ] as [(ByteString, Verdict)] {
      let envelope = try world.action(on: resource)
      let answer = try await authority.decide(envelope).json
      let decision = try #require(try anchor.verify(answer, of: envelope))
      #expect(decision.verdict == verdict && decision.action == envelope.digest)
    }
    let stale = try world.action(at: world.clock.now.advanced(bySeconds: -90))
    let refused = try await authority.decide(stale).json
    #expect(try anchor.verify(refused, of: stale) == nil)
    try await authority.close()
  }

  @Test("never: an answer is believed that the log does not hold as it is")
  func forged() async throws {
    let authority = try world.authority()
    let (mine, other) = (
      try world.action(on: "stage://payments/a"), try world.action(on: "stage://payments/b")
    )
    let denied = try world.action(on: "git://x/y")
    let good = try await authority.decide(mine).json
    let others = try await authority.decide(other).json
    let no = try await authority.decide(denied).json
    try await authority.close()
    var forgeries = [
      changed(no, "verdict", "allow"), changed(no, "verdict", "hold"),
      changed(no, "verdict", "perhaps"), changed(no, "verdict", nil),
    ].map { ($0, denied) }
    forgeries += [
      others, changed(others, "action", good["action"]), changed(good, "verdict", "hold"),
      changed(good, "receipt", nil), changed(good, "entry", nil),
      changed(good, "receipt", others["receipt"]), changed(good, "entry", others["entry"]),
      changed(good, "log_index", others["log_index"]), changed(good, "log_index", -1),
      changed(good, "entry", "%%"), changed(good, "receipt", "x"),
    ].map { ($0, mine) }
    for (answer, envelope) in forgeries {
      #expect(throws: ReceiptFault.self, "\(answer)") {
        try anchor.verify(answer, of: envelope)
      }
    }
    // Any flipped character of the receipt or the entry.
    let receipt = try #require(good["receipt"]?.string?.bytes)
    for index in stride(from: 0, to: receipt.count, by: 5) {
      var bytes = receipt
      bytes[index] ^= 1
      guard let text = ByteString(validating: bytes) else { continue }
      #expect(throws: ReceiptFault.self, "character \(index)") {
        try anchor.verify(changed(good, "receipt", JSONValue(text)), of: mine)
      }
    }
    // An unlogged denial is proof of nothing else.
    let bare: JSONValue = ["verdict": "allow", "repeat": false]
    #expect(throws: ReceiptFault.self) { try anchor.verify(bare, of: mine) }
  }

  @Test("never: another registry's service, or one with another key, is believed")
  func otherKeys() async throws {
    let envelope = try world.action(on: "stage://payments/a")
    let authority = try world.authority()
    let answer = try await authority.decide(envelope).json
    try await authority.close()
    let key = try World.key(world.gateway).publicKey
    let mallory = try SigningKey.derived(from: "mallory").publicKey
    for wrong in [
      Anchor(registry: world.registry, services: []),
      Anchor(
        registry: world.registry, services: [Anchor.Service(name: world.gateway, key: mallory)]),
      Anchor(
        registry: world.registry,
        services: [Anchor.Service(name: .named("service:gateway-2"), key: key)]),
      Anchor(
        registry: ByteString(String(repeating: "0", count: 64)),
        services: [Anchor.Service(name: world.gateway, key: key)]),
    ] {
      #expect(throws: ReceiptFault.self) { try wrong.verify(answer, of: envelope) }
    }
  }

  @Test("never: an anchor that others can write is read, or one of another registry replaced")
  func file() throws {
    let path = "\(world.folder)/bot.pem.anchor"
    #expect(try Anchor.read(path) == nil)
    try anchor.write(path)
    #expect(try Anchor.read(path) == anchor)
    try anchor.write(path)
    let other = Anchor(registry: ByteString(String(repeating: "0", count: 64)), services: [])
    #expect(throws: Anchor.Fault.self) { try other.write(path) }
    #expect(try Anchor.read(path) == anchor)
    chmod(path, 0o666)
    #expect(throws: Anchor.Fault.self) { try Anchor.read(path) }
    chmod(path, 0o600)
    for text in ["", "{}", "{\"v\":1}", "{\"registry\":\"\",\"services\":[],\"v\":1}"] {
      try text.write(toFile: path, atomically: false, encoding: .utf8)
      #expect(throws: Anchor.Fault.self, "\(text)") { try Anchor.read(path) }
    }
  }
}
