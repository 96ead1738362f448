package import Keys

/// Checks Merkle proofs; a proof of the wrong length is refused before anything is hashed.
package enum MerkleProof {
  /// Whether a leaf hash stands at an index of the tree with this size and root.
  ///
  /// - SeeAlso: RFC 9162 section 2.1.3.2.
  package static func includes(
    leaf: Digest, at index: UInt64, size: UInt64, root: Digest, path: [Digest]
  ) -> Bool {
    guard index < size, path.count <= 64 else { return false }
    var node = index
    var last = size - 1
    var hash = leaf
    for sibling in path {
      guard last != 0 else { return false }
      if node & 1 == 1 || node == last {
        hash = MerkleHash.node(sibling, hash)
        while node & 1 == 0, node != 0 {
          node >>= 1
          last >>= 1
        }
      } else {
        hash = MerkleHash.node(hash, sibling)
      }
      node >>= 1
      last >>= 1
    }
    return last == 0 && hash == root
  }

  /// Whether the tree of the first size and root is a prefix of the second.
  ///
  /// - SeeAlso: RFC 9162 section 2.1.4.2.
  package static func isConsistent(
    firstSize: UInt64, firstRoot: Digest, secondSize: UInt64, secondRoot: Digest, path: [Digest]
  ) -> Bool {
    guard firstSize <= secondSize, path.count <= 128 else { return false }
    if firstSize == secondSize { return path.isEmpty && firstRoot == secondRoot }
    // Every tree extends the empty one; there is nothing to prove and nothing proven.
    guard firstSize > 0 else { return path.isEmpty && firstRoot == MerkleHash.empty }
    var rest = path[...]
    if firstSize & (firstSize - 1) == 0 { rest = ([firstRoot] + path)[...] }
    guard var first = rest.popFirst() else { return false }
    var second = first
    var node = firstSize - 1
    var last = secondSize - 1
    while node & 1 == 1 {
      node >>= 1
      last >>= 1
    }
    for sibling in rest {
      guard last != 0 else { return false }
      if node & 1 == 1 || node == last {
        first = MerkleHash.node(sibling, first)
        second = MerkleHash.node(sibling, second)
        while node & 1 == 0, node != 0 {
          node >>= 1
          last >>= 1
        }
      } else {
        second = MerkleHash.node(second, sibling)
      }
      node >>= 1
      last >>= 1
    }
    return last == 0 && first == firstRoot && second == secondRoot
  }
}
