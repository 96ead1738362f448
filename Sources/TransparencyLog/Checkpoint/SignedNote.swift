package import CanonicalJSON
package import Keys

/// A key that signs notes: its name, and the Ed25519 key behind it.
///
/// - SeeAlso: C2SP signed-note, "Verifier keys".
package struct NoteVerifier: Sendable, Hashable {
  package let name: ByteString
  /// The first four bytes of `SHA-256(name || 0x0A || 0x01 || key)`.
  package let keyHash: UInt32
  package let key: PublicKey

  private static let ed25519: UInt8 = 0x01

  package init(name: ByteString, key: PublicKey) {
    self.name = name
    self.key = key
    keyHash = NoteVerifier.hash(name: name, key: key)
  }

  private static func hash(name: ByteString, key: PublicKey) -> UInt32 {
    let digest = Digest.sha256(name.bytes + [0x0A, ed25519] + key.bytes).bytes
    return digest[0..<4].reduce(0) { $0 << 8 | UInt32($1) }
  }

  /// Reads `NAME+HASH+BASE64`.
  package init(verifierKey text: ByteString) throws(LogFault) {
    let parts = text.bytes.split(
      separator: UInt8(ascii: "+"), maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count == 3, let name = ByteString(validating: parts[0]),
      SignedNote.isValid(name: name)
    else { throw .malformedVerifierKey("it is not NAME+HASH+KEY") }
    guard let hash = Hexadecimal.bytes(of: parts[1]), hash.count == 4 else {
      throw .malformedVerifierKey("its hash is not eight hexadecimal digits")
    }
    guard let bytes = Base64.bytes(of: parts[2]), bytes.first == NoteVerifier.ed25519,
      let key = try? PublicKey(bytes: bytes.dropFirst())
    else { throw .malformedVerifierKey("its key is not Ed25519") }
    self.init(name: name, key: key)
    guard keyHash == hash.reduce(0, { $0 << 8 | UInt32($1) }) else {
      throw .malformedVerifierKey("its hash is not that of its key")
    }
  }

  /// `NAME+HASH+BASE64`, to hand to other verifiers.
  package var verifierKey: String {
    let hash = Hexadecimal.text(of: keyHash.bigEndianBytes)
    return "\(name.text)+\(hash)+\(Base64.text(of: [NoteVerifier.ed25519] + key.bytes))"
  }
}

/// Text with signature lines, as checkpoints travel.
///
/// - SeeAlso: C2SP signed-note.
package struct SignedNote: Sendable, Hashable {
  package struct Line: Sendable, Hashable {
    package let name: ByteString
    package let keyHash: UInt32
    package let signature: [UInt8]
  }

  /// What is signed, its final line feed included.
  package let text: ByteString
  package let lines: [Line]

  private static let dash: ByteString = "\u{2014} "

  /// Signs a text that ends in a line feed.
  package init(text: ByteString, signer: ByteString, key: borrowing SigningKey) {
    self.text = text
    let verifier = NoteVerifier(name: signer, key: key.publicKey)
    lines = [
      Line(name: signer, keyHash: verifier.keyHash, signature: key.sign(text.bytes).bytes)
    ]
  }

  /// The note over a signature made elsewhere, of the text's bytes.
  package init(text: ByteString, signer: ByteString, by key: PublicKey, signature: Signature) {
    self.text = text
    let verifier = NoteVerifier(name: signer, key: key)
    lines = [Line(name: signer, keyHash: verifier.keyHash, signature: signature.bytes)]
  }

  /// Reads a note; at most 100 signature lines.
  package init(_ bytes: [UInt8]) throws(LogFault) {
    guard let note = ByteString(validating: bytes) else {
      throw .malformedNote("it is not UTF-8")
    }
    guard !bytes.contains(where: { $0 < 0x20 && $0 != 0x0A || $0 == 0x7F }) else {
      throw .malformedNote("it holds a control character")
    }
    guard bytes.last == 0x0A else { throw .malformedNote("it does not end in a line feed") }
    let gaps = bytes.indices.dropLast().filter { bytes[$0] == 0x0A && bytes[$0 + 1] == 0x0A }
    guard let gap = gaps.last else { throw .malformedNote("no empty line parts the signatures") }
    guard let text = ByteString(validating: bytes[...gap]) else {
      throw .malformedNote("it is not UTF-8")
    }
    let rest = note.bytes[(gap + 2)...].split(separator: 0x0A, omittingEmptySubsequences: false)
      .dropLast()
    guard !rest.isEmpty else { throw .malformedNote("it has no signature") }
    guard rest.count <= 100 else { throw .malformedNote("it has over 100 signatures") }
    var lines: [Line] = []
    for line in rest {
      guard
        let words = ByteString(validating: line)?.dropping(prefix: SignedNote.dash)?
          .split(on: " "), words.count == 2, SignedNote.isValid(name: words[0]),
        let blob = Base64.bytes(of: words[1].bytes), blob.count >= 5
      else { throw .malformedNote("a signature line is not \u{2014} NAME BASE64") }
      lines.append(
        Line(
          name: words[0], keyHash: blob[0..<4].reduce(0) { $0 << 8 | UInt32($1) },
          signature: Array(blob.dropFirst(4))))
    }
    self.text = text
    self.lines = lines
  }

  static func isValid(name: ByteString) -> Bool {
    !name.isEmpty
      && !name.text.unicodeScalars.contains { $0 == "+" || $0.properties.isWhitespace }
  }

  package struct Verification: Sendable {
    package let verified: [NoteVerifier]
    /// Lines by keys nobody vouched for.
    package let unverified: Int
  }

  /// Checks the note: at least one line by a known key, and none of those wrong.
  ///
  /// - Throws: ``LogFault`` `ambiguousKey`, `invalidSignature`, `unverifiedNote`.
  package func verified(by verifiers: [NoteVerifier]) throws(LogFault) -> Verification {
    var seen: Set<NoteVerifier> = []
    var unverified = 0
    for line in lines {
      let known = verifiers.filter { $0.name == line.name && $0.keyHash == line.keyHash }
      guard known.count <= 1 else { throw .ambiguousKey(name: line.name.text) }
      guard let verifier = known.first else {
        unverified += 1
        continue
      }
      if seen.contains(verifier) { continue }
      guard let signature = try? Signature(bytes: line.signature),
        verifier.key.verifies(signature, over: text.bytes)
      else { throw .invalidSignature(name: line.name.text) }
      seen.insert(verifier)
    }
    guard !seen.isEmpty else { throw .unverifiedNote }
    return Verification(verified: Array(seen), unverified: unverified)
  }

  package var bytes: [UInt8] {
    var output = text.bytes + [0x0A]
    for line in lines {
      output += SignedNote.dash.bytes + line.name.bytes + [0x20]
      output += Array(Base64.text(of: line.keyHash.bigEndianBytes + line.signature).utf8) + [0x0A]
    }
    return output
  }
}

extension UInt32 {
  var bigEndianBytes: [UInt8] { [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: self >> $0) } }
}
