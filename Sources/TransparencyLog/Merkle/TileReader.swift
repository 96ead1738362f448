package import Keys

/// A stored tile whose hashes are not those that a tree was made of.
package struct UnprovenTile: Error, Sendable, Hashable {
  package let level: Int
  package let index: UInt64

  package init(level: Int, index: UInt64) {
    self.level = level
    self.index = index
  }
}

/// Reads full tiles from where they are stored, which may be under someone else's control: a
/// ``MerkleTree`` checks each against its own hashes before it uses one.
package struct TileReader {
  let read: (_ level: Int, _ index: UInt64) throws -> [Digest]
  let cache: ProvenTiles

  /// `cache`: Tiles proven before, of the same tree; shared by the readers of one tree.
  package init(
    cache: ProvenTiles = ProvenTiles(),
    read: @escaping (_ level: Int, _ index: UInt64) throws -> [Digest]
  ) {
    self.read = read
    self.cache = cache
  }
}

/// Tiles that one tree has proven; bounded (64 tiles of 8 KiB).
///
/// A class because every reader of the tree shares it; not to be used by two threads at once.
package final class ProvenTiles {
  private struct Place: Hashable {
    let level: Int
    let index: UInt64
  }

  private var tiles: [Place: [Digest]] = [:]
  private static let limit = 64

  package init() {}

  subscript(level: Int, index: UInt64) -> [Digest]? {
    get { tiles[Place(level: level, index: index)] }
    set {
      if tiles.count >= ProvenTiles.limit { tiles.removeAll(keepingCapacity: true) }
      tiles[Place(level: level, index: index)] = newValue
    }
  }

  /// Forgets all of them: what follows is about another tree.
  package func removeAll() { tiles = [:] }
}
