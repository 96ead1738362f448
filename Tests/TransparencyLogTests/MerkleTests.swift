import CanonicalJSON
import Foundation
import Keys
import TestSupport
import Testing
import TransparencyLog

@Suite struct MerkleTests {
  private func digest(_ value: JSONValue?) throws -> Digest? {
    Base64.bytes(of: try #require(value?.string?.bytes)).flatMap { Digest(bytes: $0) }
  }

  /// The suite's "don't care" roots are no digests; any that is the same for the same text will do.
  private func root(_ value: JSONValue?) throws -> Digest {
    let text = try #require(value?.string?.bytes)
    return try digest(value) ?? Digest.sha256(text)
  }

  private func path(_ value: JSONValue?) -> [Digest]? {
    let parts = (value?.array ?? []).map { $0.string.flatMap { Base64.bytes(of: $0.bytes) } }
    let digests = parts.compactMap { $0.flatMap { Digest(bytes: $0) } }
    return digests.count == parts.count ? digests : nil
  }

  private func size(_ value: JSONValue?) -> UInt64 {
    guard case .number(let number)? = value else { return 0 }
    return UInt64(number.text.text) ?? 0
  }

  @Test(.enabled(if: SharedSuites.has("merkle"), "the suite is not there"))
  func `proofs get the verdict of the suite, and roots are those of RFC 6962`() throws {
    let folder = SharedSuites.folder("merkle")
    var count = 0
    for probe in try SharedSuites.json(folder.appendingPathComponent("inclusion.json")).array ?? []
    {
      var isGood = false
      if let leaf = try digest(probe["leafHash"]), let root = try digest(probe["root"]),
        let path = path(probe["proof"])
      {
        isGood = MerkleProof.includes(
          leaf: leaf, at: size(probe["leafIdx"]), size: size(probe["treeSize"]), root: root,
          path: path)
      }
      #expect(isGood != (probe["wantErr"] == true), "\(probe["name"] ?? .null)")
      count += 1
    }
    for probe in try SharedSuites.json(folder.appendingPathComponent("consistency.json")).array
      ?? []
    {
      var isGood = false
      let (first, second) = (try root(probe["root1"]), try root(probe["root2"]))
      if let path = path(probe["proof"]) {
        isGood = MerkleProof.isConsistent(
          firstSize: size(probe["size1"]), firstRoot: first, secondSize: size(probe["size2"]),
          secondRoot: second, path: path)
      }
      #expect(isGood != (probe["wantErr"] == true), "\(probe["name"] ?? .null)")
      count += 1
    }
    let vectors = try SharedSuites.json(folder.appendingPathComponent("ct-roots.json"))
    var tree = MerkleTree()
    let roots = try #require(vectors["root_by_size_hex"]?.array)
    #expect(tree.root.hex == roots[0].string?.text)
    for (index, leaf) in try #require(vectors["leaves_hex"]?.array).enumerated() {
      let bytes = try #require(Hexadecimal.bytes(of: leaf.string?.bytes ?? []))
      _ = tree.append(leaf: MerkleHash.leaf(bytes))
      #expect(tree.root.hex == roots[index + 1].string?.text)
      count += 1
    }
    SharedSuites.ran("merkle", count)
  }

  @Test func `every proof of a tree over several tiles verifies, and no mutation of it does`()
    throws
  {
    var tree = MerkleTree()
    var tiles: [Tile] = []
    var roots = [tree.root]
    let leaves = (0..<700).map { MerkleHash.leaf(Array("leaf \($0)".utf8)) }
    for leaf in leaves {
      tiles += tree.append(leaf: leaf)
      roots.append(tree.root)
    }
    let find = TileReader { [tiles] level, index in
      tiles.first { $0.level == level && $0.index == index }?.hashes ?? []
    }
    for size in [1, 2, 3, 255, 256, 257, 511, 512, 513, 700] as [UInt64] {
      #expect(try tree.root(atSize: size, tiles: find) == roots[Int(size)])
      for index in stride(from: 0, to: size, by: 37) {
        let path = try tree.inclusionProof(of: index, inSize: size, tiles: find)
        let leaf = leaves[Int(index)]
        let root = roots[Int(size)]
        #expect(
          MerkleProof.includes(leaf: leaf, at: index, size: size, root: root, path: path))
        #expect(
          !MerkleProof.includes(
            leaf: leaf, at: index, size: size, root: root, path: path + [leaf]))
        for position in path.indices {
          var wrong = path
          wrong[position] = Digest.sha256(wrong[position].bytes)
          #expect(
            !MerkleProof.includes(leaf: leaf, at: index, size: size, root: root, path: wrong))
        }
      }
      for first in stride(from: 1, through: size, by: 31) {
        let path = try tree.consistencyProof(from: first, to: size, tiles: find)
        #expect(
          MerkleProof.isConsistent(
            firstSize: first, firstRoot: roots[Int(first)], secondSize: size,
            secondRoot: roots[Int(size)], path: path))
        if first < size {
          #expect(
            !MerkleProof.isConsistent(
              firstSize: first, firstRoot: roots[Int(first) - 1], secondSize: size,
              secondRoot: roots[Int(size)], path: path))
        }
      }
    }
  }
}

@Suite struct ProvenTileTests {
  /// A tree of so many leaves, with its full tiles.
  private func tree(_ count: Int) -> (tree: MerkleTree, tiles: [Tile]) {
    var tree = MerkleTree()
    var tiles: [Tile] = []
    for number in 0..<count {
      tiles += tree.append(leaf: Digest.sha256([UInt8(number & 255), UInt8(number >> 8 & 255)]))
    }
    return (tree, tiles)
  }

  private func reader(_ tiles: [Tile]) -> TileReader {
    TileReader { level, index in
      tiles.first { $0.level == level && $0.index == index }?.hashes ?? []
    }
  }

  @Test(arguments: [256, 257, 512, 700, 65_536, 65_537, 66_000])
  func `no stored hash is believed that does not hash up to the tree`(count: Int) throws {
    let (tree, tiles) = tree(count)
    let root = try tree.root(atSize: 255, tiles: reader(tiles))
    for tile in tiles where tile.index < 2 || tile.index > 254 {
      for position in [0, 128, 255] {
        var hashes = tile.hashes
        hashes[position] = Digest.sha256(hashes[position].bytes)
        let altered = tiles.map {
          $0.level == tile.level && $0.index == tile.index
            ? Tile(level: $0.level, index: $0.index, hashes: hashes) : $0
        }
        #expect(throws: UnprovenTile(level: tile.level, index: tile.index)) {
          _ = try tree.provenTile(tile.level, tile.index, reader(altered))
        }
      }
    }
    // Whole tiles of another log in their place, as an attacker inserts them.
    let other = Tile(
      level: 0, index: 0, hashes: (0..<256).map { Digest.sha256([1, 2, UInt8($0)]) })
    let replaced = tiles.map { $0.level == 0 && $0.index == 0 ? other : $0 }
    #expect(throws: UnprovenTile(level: 0, index: 0)) {
      _ = try tree.root(atSize: 255, tiles: reader(replaced))
    }
    #expect(try tree.root(atSize: 255, tiles: reader(tiles)) == root)
  }

  @Test func `a tree continues from its growing tiles alone`() throws {
    for count in [0, 1, 2, 7, 255, 256, 257, 511, 700, 65_535, 65_536, 65_793] {
      let (tree, _) = tree(count)
      let (size, growing) = tree.parts
      var again = try #require(MerkleTree(size: size, growing: growing))
      #expect(again.root == tree.root, "\(count)")
      var longer = tree
      _ = longer.append(leaf: Digest.sha256([9]))
      _ = again.append(leaf: Digest.sha256([9]))
      #expect(again.root == longer.root, "\(count)")
      #expect(MerkleTree(size: size + 1, growing: growing) == nil, "\(count)")
      if size > 0 { #expect(MerkleTree(size: size - 1, growing: growing) == nil, "\(count)") }
    }
    #expect(MerkleTree(size: .max, growing: []) == nil)
  }
}

@Suite struct SignedNoteTests {
  @Test(.enabled(if: SharedSuites.has("notes"), "the suite is not there"))
  func `notes, keys, checkpoints and proofs get the verdict of the suite`() throws {
    let folder = SharedSuites.folder("notes")
    var count = 0
    for probe in try SharedSuites.json(folder.appendingPathComponent("vectors.json")).array ?? [] {
      let isGood = probe["ok"] == true
      let name = "\(probe["desc"] ?? probe["vkey"] ?? .null)"
      count += 1
      switch probe["kind"]?.string?.text {
      case "vkey":
        let key = try? NoteVerifier(verifierKey: try #require(probe["vkey"]?.string))
        #expect((key != nil) == isGood, "\(name)")
        if let key { #expect(key.verifierKey == probe["vkey"]?.string?.text) }
      case "note":
        let encoded = probe["note_b64"]?.string.flatMap { Base64.bytes(of: $0.bytes) }
        let bytes = try #require(encoded ?? probe["note"]?.string?.bytes)
        let verifiers = (probe["verifiers"]?.array ?? []).compactMap {
          $0.string.flatMap { try? NoteVerifier(verifierKey: $0) }
        }
        let result = try? SignedNote(bytes).verified(by: verifiers)
        #expect((result != nil) == isGood, "\(name)")
        if let result {
          #expect(result.verified.count == Int(probe["sigs"]?.integer ?? -1), "\(name)")
        }
      case "checkpoint-body":
        let text = try #require(probe["body"]?.string)
        // C2SP asks for a SHA-256 root; the suite's own valid ones have other lengths.
        let isSHA256 =
          Base64.bytes(of: text.split(on: "\n").dropFirst(2).first?.bytes ?? [])?.count == 32
        let checkpoint = try? Checkpoint(text: text)
        #expect((checkpoint != nil) == (isGood && isSHA256), "\(name)")
      case "tlog-proof":
        let proof = try? Receipt.parse(try #require(probe["proof"]?.string?.bytes))
        #expect((proof != nil) == isGood, "\(name)")
        if let proof {
          #expect(proof.index == UInt64(probe["index"]?.integer ?? -1), "\(name)")
          #expect(proof.path.count == Int(probe["hashes"]?.integer ?? -1), "\(name)")
        }
      default: Issue.record("unknown kind in \(name)")
      }
    }
    SharedSuites.ran("notes", count)
  }
}
