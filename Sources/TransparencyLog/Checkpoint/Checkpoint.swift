package import CanonicalJSON
package import Keys

/// A tree head as the world sees it: whose log, how many entries, which root.
///
/// - SeeAlso: C2SP tlog-checkpoint.
package struct Checkpoint: Sendable, Hashable {
  package let origin: ByteString
  package let size: UInt64
  package let root: Digest
  /// Further lines, of no meaning here.
  package let extensions: [ByteString]

  package init(origin: ByteString, size: UInt64, root: Digest) {
    self.origin = origin
    self.size = size
    self.root = root
    extensions = []
  }

  /// Reads the text of a note.
  package init(text: ByteString) throws(LogFault) {
    let lines = text.split(on: "\n")
    guard lines.count >= 4, lines.last?.isEmpty == true else {
      throw .malformedCheckpoint("it has fewer than three lines")
    }
    guard !lines[0].isEmpty else { throw .malformedCheckpoint("it names no log") }
    guard let size = UInt64(lines[1].text), String(size) == lines[1].text else {
      throw .malformedCheckpoint("\"\(lines[1].text)\" is not a size")
    }
    guard let hash = Base64.bytes(of: lines[2].bytes), let root = Digest(bytes: hash) else {
      throw .malformedCheckpoint("its root is not 32 bytes of base64")
    }
    origin = lines[0]
    self.size = size
    self.root = root
    extensions = Array(lines[3...].dropLast())
    guard !extensions.contains(where: \.isEmpty) else {
      throw .malformedCheckpoint("it holds an empty line")
    }
  }

  package var text: ByteString {
    let head = "\(origin.text)\n\(size)\n\(Base64.text(of: root.bytes))\n"
    return ByteString(head + extensions.map { "\($0.text)\n" }.joined())
  }

  /// The log's name in checkpoints of one registry.
  package static func origin(registry: ByteString) -> ByteString {
    ByteString("countersign/\(registry.text)")
  }

  /// Signs the checkpoint under the log's own name.
  package func signed(by key: borrowing SigningKey) -> SignedNote {
    SignedNote(text: text, signer: origin, key: key)
  }
}

/// Where an entry stands in the log, and the proof of it.
///
/// - SeeAlso: C2SP tlog-proof.
package struct Receipt: Sendable, Hashable {
  package let index: UInt64
  package let path: [Digest]
  package let checkpoint: SignedNote
  package let extra: [UInt8]?

  private static let header: ByteString = "c2sp.org/tlog-proof@v1"

  package init(index: UInt64, path: [Digest], checkpoint: SignedNote) {
    self.index = index
    self.path = path
    self.checkpoint = checkpoint
    extra = nil
  }

  package var text: String {
    var lines = [Receipt.header.text]
    if let extra { lines.append("extra \(Base64.text(of: extra))") }
    lines.append("index \(index)")
    lines += path.map { Base64.text(of: $0.bytes) }
    return lines.joined(separator: "\n") + "\n\n"
      + String(decoding: checkpoint.bytes, as: UTF8.self)
  }

  /// Whether an entry's bytes stand in the log at this place, its checkpoint signed by one of these.
  ///
  /// - Throws: ``LogFault`` if the checkpoint or its signature is wrong.
  package func proves(_ entry: [UInt8], by verifiers: [NoteVerifier]) throws(LogFault) -> Bool {
    _ = try checkpoint.verified(by: verifiers)
    let head = try Checkpoint(text: checkpoint.text)
    return MerkleProof.includes(
      leaf: MerkleHash.leaf(entry), at: index, size: head.size, root: head.root, path: path)
  }

  /// Reads a tlog-proof down to its checkpoint, whose signatures are not looked at.
  package static func parse(
    _ text: [UInt8]
  ) throws(LogFault) -> (index: UInt64, path: [Digest], extra: [UInt8]?, checkpoint: [UInt8]) {
    var rest = text[...]
    func line() throws(LogFault) -> ByteString {
      guard let end = rest.firstIndex(of: 0x0A), end - rest.startIndex <= 1024 else {
        throw .malformedProof("a line is cut short or too long")
      }
      defer { rest = rest[(end + 1)...] }
      guard let text = ByteString(validating: rest[..<end]) else {
        throw .malformedProof("it is not UTF-8")
      }
      return text
    }
    guard try line() == header else { throw .malformedProof("its first line is not \(header)") }
    var extra: [UInt8]?
    var next = try line()
    if let encoded = next.dropping(prefix: "extra ") {
      guard let bytes = Base64.bytes(of: encoded.bytes) else {
        throw .malformedProof("extra is not base64")
      }
      extra = bytes
      next = try line()
    }
    guard let digits = next.dropping(prefix: "index "), let index = UInt64(digits.text),
      String(index) == digits.text
    else { throw .malformedProof("it has no index") }
    var path: [Digest] = []
    while true {
      let next = try line()
      if next.isEmpty { break }
      guard path.count < 63, let hash = Base64.bytes(of: next.bytes), hash.count == 32,
        let digest = Digest(bytes: hash)
      else { throw .malformedProof("a hash is not 32 bytes of base64") }
      path.append(digest)
    }
    return (index, path, extra, Array(rest))
  }
}
