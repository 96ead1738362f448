import CanonicalJSON
import Foundation
import Keys
import TestSupport
import Testing

@Suite struct Ed25519Tests {
  @Test(.enabled(if: SharedSuites.has("ed25519"), "the suite is not there"))
  func `verification is as strict as the suites ask`() throws {
    let folder = SharedSuites.folder("ed25519")
    var count = 0
    let suite = try SharedSuites.json(folder.appendingPathComponent("wycheproof-ed25519.json"))
    for group in suite["testGroups"]?.array ?? [] {
      let hex = try #require(group["publicKey"]?["pk"]?.string)
      let key = try? PublicKey(bytes: try #require(Hexadecimal.bytes(of: hex.bytes)))
      for test in group["tests"]?.array ?? [] {
        let message = try #require(Hexadecimal.bytes(of: test["msg"]?.string?.bytes ?? []))
        let bytes = try #require(Hexadecimal.bytes(of: test["sig"]?.string?.bytes ?? []))
        let signature = try? Signature(bytes: bytes)
        let isValid = signature.flatMap { key?.verifies($0, over: message) } ?? false
        #expect(isValid == (test["result"]?.string == "valid"), "\(test["comment"] ?? .null)")
        count += 1
      }
    }
    for line in try SharedSuites.bytes(folder.appendingPathComponent("djb-sign.input"))
      .split(separator: 0x0A)
    {
      let parts = line.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
      var seed = try #require(Hexadecimal.bytes(of: parts[0].prefix(64)))
      let message = try #require(Hexadecimal.bytes(of: parts[2]))
      let expected = try #require(Hexadecimal.bytes(of: parts[3].prefix(128)))
      let key = try SigningKey(seed: SecretBytes(wiping: &seed))
      let signature = key.sign(message)
      #expect(signature.bytes == expected)
      let isOwn = key.publicKey.verifies(signature, over: message)
      let isOther = key.publicKey.verifies(signature, over: message + [0])
      #expect(isOwn && !isOther)
      count += 1
    }
    SharedSuites.ran("ed25519", count)
  }

  @Test(arguments: [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  ])
  func `small-order and non-canonical points are no keys`(hex: String) {
    #expect(throws: KeyFault.weakPublicKey) {
      try PublicKey(bytes: Hexadecimal.bytes(of: hex.utf8) ?? [])
    }
  }

  @Test func `what PyNaCl signed over sorted compact JSON verifies, and one changed byte does not`()
    throws
  {
    // SigningKey(bytes(range(32))).sign(json.dumps({"action": "deploy", "n": 1},
    //   separators=(",", ":"), sort_keys=True).encode())
    let message = Array("{\"action\":\"deploy\",\"n\":1}".utf8)
    let key = try PublicKey(text: Array(PyNaClVector.publicKey.utf8))
    let signature = try Signature(
      bytes: try #require(Hexadecimal.bytes(of: PyNaClVector.signature.utf8)))
    #expect(key.verifies(signature, over: message))
    var changed = message
    changed[2] ^= 1
    #expect(!key.verifies(signature, over: changed))
  }

  @Test func `every public form reads back as the same key`() throws {
    let key = try SigningKey.derived(from: "forms").publicKey
    for text in [key.hex, Base64.text(of: key.bytes), key.pem, key.openSSH + " me@host\n"] {
      #expect(try PublicKey(text: Array(text.utf8)) == key)
    }
    #expect(throws: KeyFault.self) { try PublicKey(text: Array("not a key".utf8)) }
  }
}

@Suite struct KeyFileTests {
  private let folder = NSTemporaryDirectory() + "keys-" + UUID().uuidString

  init() throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  }

  private func passphrase(_ text: String) -> SecretBytes {
    var bytes = Array(text.utf8)
    return SecretBytes(wiping: &bytes)
  }

  @Test func `a sealed key opens with its passphrase only`() throws {
    let path = folder + "/a.key"
    let key = try SigningKey.generate()
    try SealedKey.create(
      path, key: key, holder: "user:alice", passphrase: passphrase("right"), cost: .minimal)
    let sealed = try SealedKey(path: path)
    #expect(sealed.holder == "user:alice")
    let opened = try sealed.open(passphrase: passphrase("right"))
    let isSame = opened.publicKey == key.publicKey
    #expect(isSame)
    #expect(throws: KeyFault.wrongPassphrase(path: path)) {
      _ = try sealed.open(passphrase: passphrase("wrong"))
    }
    let text = try String(contentsOfFile: path, encoding: .utf8)
    let altered = folder + "/b.key"
    try KeyFile.create(
      altered, Array(text.replacingOccurrences(of: "user:alice", with: "user:mallo").utf8))
    #expect(throws: KeyFault.wrongPassphrase(path: altered)) {
      _ = try SealedKey(path: altered).open(passphrase: passphrase("right"))
    }
  }

  @Test func `a key file others can read is refused, and none is overwritten`() throws {
    let path = folder + "/c.pem"
    try PrivateKeyPEM.create(path, key: try SigningKey.generate())
    #expect(throws: KeyFault.exists(path: path)) {
      try PrivateKeyPEM.create(path, key: try SigningKey.generate())
    }
    chmod(path, 0o640)
    #expect(throws: KeyFault.exposed(path: path, mode: 0o640)) { _ = try PrivateKeyPEM.read(path) }
  }
}
