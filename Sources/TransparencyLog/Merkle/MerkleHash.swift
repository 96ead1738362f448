package import Keys

/// The hashes of an RFC 6962 Merkle tree.
package enum MerkleHash {
  /// The root of a tree without leaves.
  package static let empty = Digest.sha256([])

  /// `SHA-256(0x00 || data)`.
  /// - SeeAlso: RFC 6962 section 2.1.
  package static func leaf(_ data: [UInt8]) -> Digest {
    var hasher = SHA256()
    hasher.update([0x00])
    hasher.update(data)
    return hasher.finish()
  }

  /// `SHA-256(0x01 || left || right)`.
  /// - SeeAlso: RFC 6962 section 2.1.
  package static func node(_ left: Digest, _ right: Digest) -> Digest {
    var hasher = SHA256()
    hasher.update([0x01])
    hasher.update(left)
    hasher.update(right)
    return hasher.finish()
  }

  /// The root of a complete subtree from its 2^n lowest hashes.
  static func complete(_ hashes: some Sequence<Digest>) -> Digest {
    var row = Array(hashes)
    while row.count > 1 {
      row = stride(from: 0, to: row.count, by: 2).map { node(row[$0], row[$0 + 1]) }
    }
    return row[0]
  }
}
