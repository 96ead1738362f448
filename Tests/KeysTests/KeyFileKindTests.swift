import Foundation
import Keys
import TestSupport
import Testing

/// A file that is no key of the kind asked for: the answer says what it is and what is expected.
@Suite struct KeyFileKindTests {
  private func file(_ text: String) throws -> String {
    let path = NSTemporaryDirectory() + "key-" + UUID().uuidString
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    chmod(path, 0o600)
    return path
  }

  private func fault(_ body: () throws -> Void) -> String {
    do {
      try body()
      return "none"
    } catch {
      return "\(error)"
    }
  }

  private static let pem = """
    -----BEGIN PRIVATE KEY-----
    MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
    -----END PRIVATE KEY-----
    """

  @Test(
    arguments: [
      (pem, "it is a PEM private key, as agents and services have"),
      ("# Countersign\n\nThe identity control plane\n", "it is text without a key in it"),
      ("", "it is an empty file"), ("ssh-ed25519 AAAA x", "it is an OpenSSH public key"),
    ] as [(String, String)])
  func `a file given as an operator's key`(text: String, words: String) throws {
    let path = try file(text)
    defer { try? FileManager.default.removeItem(atPath: path) }
    let said = fault { _ = try SealedKey(path: path) }
    #expect(said.contains(path) && said.contains(words), "\(said)")
    #expect(said.contains("an operator's sealed key is expected"), "\(said)")
  }

  @Test func `a file given as an agent's key`() throws {
    let path = try file(#"{"format":"countersign-sealed-key","v":1}"#)
    defer { try? FileManager.default.removeItem(atPath: path) }
    let said = fault { _ = try PrivateKeyPEM.read(path) }
    #expect(
      said.contains("it is an operator's sealed key; a PEM private key is expected"), "\(said)")
  }

  @Test func `a file given as a public key`() throws {
    let path = try file(Self.pem)
    defer { try? FileManager.default.removeItem(atPath: path) }
    let said = fault { _ = try PublicKey(file: path) }
    #expect(said.contains("\(path) (it is a PEM private key"), "\(said)")
    #expect(said.contains("is not an Ed25519 public key: give SPKI PEM"), "\(said)")
  }
}
