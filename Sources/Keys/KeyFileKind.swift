/// What a file that was given as a key seems to be, to tell who gave it what they took instead.
enum KeyFileKind {
  private static let known: [(mark: String, words: String)] = [
    ("-----BEGIN PRIVATE KEY-----", "a PEM private key, as agents and services have"),
    ("-----BEGIN OPENSSH PRIVATE KEY-----", "an OpenSSH private key; add it to your ssh-agent"),
    ("-----BEGIN ENCRYPTED PRIVATE KEY-----", "an encrypted PEM private key"),
    ("-----BEGIN PUBLIC KEY-----", "a PEM public key"),
    ("-----BEGIN CERTIFICATE-----", "a certificate"),
    ("ssh-", "an OpenSSH public key"),
    ("SQLite format 3", "a database"),
  ]

  static func words(_ bytes: [UInt8]) -> String {
    guard !bytes.isEmpty else { return "an empty file" }
    for (mark, words) in known where bytes.starts(with: mark.utf8) { return words }
    if bytes.first == UInt8(ascii: "{") {
      let isSealed = contains("countersign-sealed-key", bytes)
      return isSealed ? "an operator's sealed key" : "JSON, but no sealed key"
    }
    if contains("-----BEGIN ", bytes) { return "a PEM file of another kind" }
    let isText = bytes.allSatisfy { $0 >= 0x20 || (0x09...0x0D).contains($0) }
    return isText ? "text without a key in it" : "a binary file"
  }

  private static func contains(_ text: String, _ bytes: [UInt8]) -> Bool {
    let wanted = Array(text.utf8)
    // What a key file is stands at its beginning.
    let head = bytes.prefix(4096)
    guard head.count >= wanted.count else { return false }
    return (0...(head.count - wanted.count)).contains { head[$0...].starts(with: wanted) }
  }
}

extension PublicKey {
  /// Reads a public key from a file, in any form that ``init(text:)`` takes.
  ///
  /// - Throws: ``KeyFault``; `unknownFormat` names the file and says what it is.
  package init(file path: String) throws(KeyFault) {
    let bytes = try KeyFile.readPublic(path)
    do {
      try self.init(text: bytes)
    } catch {
      guard case .unknownFormat = error else { throw error }
      throw .unknownFormat(what: "\(path) (it is \(KeyFileKind.words(bytes)))")
    }
  }
}
