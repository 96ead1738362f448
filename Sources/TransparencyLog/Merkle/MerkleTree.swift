package import Keys

/// A full tile: 256 hashes of one tile level (C2SP tlog-tiles); level n holds tree level 8n.
package struct Tile: Sendable, Hashable {
  package let level: Int
  package let index: UInt64
  package let hashes: [Digest]

  package static let width: UInt64 = 256

  package init(level: Int, index: UInt64, hashes: [Digest]) {
    self.level = level
    self.index = index
    self.hashes = hashes
  }
}

/// A growing Merkle tree that keeps only its unfinished tiles; finished ones are handed out.
///
/// Finished tiles are read back from where they are stored, and believed only once they hash up to the
/// unfinished ones (``TileReader``).
///
/// - Complexity: appending costs two hashes, amortised; root and proofs O(log n).
package struct MerkleTree: Sendable {
  package private(set) var size: UInt64 = 0
  /// By tile level, the hashes of the tile that is still growing.
  private var growing: [[Digest]] = []
  /// The roots of the complete subtrees that make up the tree, from the left (largest) on.
  private var frontier: [Digest] = []

  package init() {}

  /// The hashes that are enough to continue the tree: by tile level, those of the growing tile.
  package var parts: (size: UInt64, growing: [[Digest]]) { (size, growing) }

  /// Continues a tree from what ``parts`` gave; nil if the hashes are not as many as the size asks for.
  package init?(size: UInt64, growing: [[Digest]]) {
    guard size <= UInt64(Int64.max), growing.count <= 8 else { return nil }
    for (level, hashes) in growing.enumerated() {
      guard UInt64(hashes.count) == size >> UInt64(8 * level) % Tile.width else { return nil }
    }
    guard size >> UInt64(8 * growing.count) == 0 else { return nil }
    self.size = size
    self.growing = growing
    for hashes in growing.reversed() {
      var rest = hashes[...]
      for bit in (0..<8).reversed() where hashes.count >> bit & 1 == 1 {
        frontier.append(MerkleHash.complete(rest.prefix(1 << bit)))
        rest = rest.dropFirst(1 << bit)
      }
    }
  }

  /// The hashes of the newest leaves, of the tile that is still growing.
  package var newestLeaves: [Digest] { growing.first ?? [] }

  /// Adds a leaf and gives the tiles it finished.
  package mutating func append(leaf: Digest) -> [Tile] {
    var finished: [Tile] = []
    var hash = leaf
    var level = 0
    while true {
      if level == growing.count { growing.append([]) }
      growing[level].append(hash)
      guard growing[level].count == Int(Tile.width) else { break }
      let index = size >> UInt64(8 * (level + 1))
      finished.append(Tile(level: level, index: index, hashes: growing[level]))
      hash = MerkleHash.complete(growing[level])
      growing[level] = []
      level += 1
    }
    var node = leaf
    var bit = size
    while bit & 1 == 1 {
      node = MerkleHash.node(frontier.removeLast(), node)
      bit >>= 1
    }
    frontier.append(node)
    size += 1
    return finished
  }

  /// The root of the whole tree (RFC 6962 section 2.1).
  package var root: Digest {
    guard var hash = frontier.last else { return MerkleHash.empty }
    for left in frontier.dropLast().reversed() { hash = MerkleHash.node(left, hash) }
    return hash
  }

  /// The hash of the complete subtree of 2^level leaves with this index.
  ///
  /// - Throws: ``UnprovenTile``, and what the reader throws.
  func node(level: Int, index: UInt64, tiles: TileReader) throws -> Digest {
    let tileLevel = level / 8
    let within = level % 8
    let first = index << UInt64(within)
    let tileIndex = first / Tile.width
    let hashes =
      tileIndex < fullTiles(atLevel: tileLevel)
      ? try provenTile(tileLevel, tileIndex, tiles) : growing[tileLevel]
    let offset = Int(first % Tile.width)
    // A tile that holds too little is damaged: the hash of nothing meets no root.
    guard offset + (1 << within) <= hashes.count else { return MerkleHash.empty }
    return MerkleHash.complete(hashes[offset..<offset + (1 << within)])
  }

  /// How many tiles of a level are full.
  package func fullTiles(atLevel level: Int) -> UInt64 { size >> UInt64(8 * (level + 1)) }

  /// A full tile as it is stored, once its hashes are found to be what this tree was made of.
  ///
  /// - Precondition: the tile is full: `index < fullTiles(atLevel: level)`.
  /// - Throws: ``UnprovenTile`` if the stored hashes are others.
  package func provenTile(
    _ level: Int, _ index: UInt64, _ tiles: TileReader
  ) throws -> [Digest] {
    if let known = tiles.cache[level, index] { return known }
    let hashes = try tiles.read(level, index)
    // The parent's hash is in a growing tile, which this tree made itself, or in a full one above.
    guard hashes.count == Int(Tile.width),
      MerkleHash.complete(hashes) == (try node(level: 8 * (level + 1), index: index, tiles: tiles))
    else { throw UnprovenTile(level: level, index: index) }
    tiles.cache[level, index] = hashes
    return hashes
  }

  /// The root of the leaves from `low` up to, not including, `high`; `low` is aligned.
  private func root(_ low: UInt64, _ high: UInt64, _ tiles: TileReader) throws -> Digest {
    let count = high - low
    if count & (count - 1) == 0 {
      let level = count.trailingZeroBitCount
      return try node(level: level, index: low >> UInt64(level), tiles: tiles)
    }
    let middle = low + MerkleTree.split(count)
    return MerkleHash.node(
      try root(low, middle, tiles), try root(middle, high, tiles))
  }

  /// The largest power of two below a count of at least 2.
  private static func split(_ count: UInt64) -> UInt64 {
    1 << UInt64(63 - (count - 1).leadingZeroBitCount)
  }

  /// The root this tree had when it was smaller.
  ///
  /// - Precondition: `earlier` is at most ``size``.
  package func root(atSize earlier: UInt64, tiles: TileReader) throws -> Digest {
    precondition(earlier <= size, "the tree was never that large")
    if earlier == size { return root }
    return earlier == 0 ? MerkleHash.empty : try root(0, earlier, tiles)
  }

  /// The audit path of a leaf in the tree of a given size, from the leaf up.
  ///
  /// - Precondition: `index < size <= self.size`.
  /// - SeeAlso: RFC 6962 section 2.1.1.
  package func inclusionProof(
    of index: UInt64, inSize size: UInt64, tiles: TileReader
  ) throws -> [Digest] {
    precondition(index < size && size <= self.size, "no such leaf in a tree of that size")
    var low: UInt64 = 0
    var high = size
    var path: [Digest] = []
    while high - low > 1 {
      let middle = low + MerkleTree.split(high - low)
      if index < middle {
        path.append(try root(middle, high, tiles))
        high = middle
      } else {
        path.append(try root(low, middle, tiles))
        low = middle
      }
    }
    return path.reversed()
  }

  /// The proof that the tree of one size is a prefix of the tree of another.
  ///
  /// - Precondition: `0 < first <= second <= self.size`.
  /// - SeeAlso: RFC 6962 section 2.1.2.
  package func consistencyProof(
    from first: UInt64, to second: UInt64, tiles: TileReader
  ) throws -> [Digest] {
    precondition(0 < first && first <= second && second <= size, "no such sizes")
    var low: UInt64 = 0
    var high = second
    var path: [Digest] = []
    while first != high {
      let middle = low + MerkleTree.split(high - low)
      if first <= middle {
        path.append(try root(middle, high, tiles))
        high = middle
      } else {
        path.append(try root(low, middle, tiles))
        low = middle
      }
    }
    if low > 0 { path.append(try root(low, high, tiles)) }
    return path.reversed()
  }
}
