import Keys
import TestSupport
import Testing

@testable import Registry

/// Nodes in memory, with a way to spoil them.
private struct Nodes: DigestTree.Store {
  var bytes: [Int64: [UInt8]] = [:]
  var last: Int64 = 0

  func node(_ reference: DigestTree.Reference) throws -> [UInt8]? {
    bytes[reference.id].flatMap { Digest.sha256($0) == reference.digest ? $0 : nil }
  }

  mutating func set(_ id: Int64, _ bytes: [UInt8]) { self.bytes[id] = bytes }
  mutating func remove(_ id: Int64) { bytes[id] = nil }

  mutating func newID() -> Int64 {
    last += 1
    return last
  }
}

@Suite struct DigestTreeTests {
  private func key(_ random: inout SeededRandom) -> [UInt8] {
    let number = Int.random(in: 0..<3000, using: &random)
    return Array("key \(number % 7) ".utf8) + Digest.sha256(Array("\(number)".utf8)).bytes.prefix(9)
  }

  private func all(_ tree: DigestTree, _ nodes: Nodes, from key: [UInt8] = []) throws -> [[UInt8]] {
    var found: [[UInt8]] = []
    try tree.visit(from: key, in: nodes) { key, value in
      found.append(key + value)
      return true
    }
    return found
  }

  /// A tree after random batches, beside the same in a dictionary.
  private func grown(
    _ random: inout SeededRandom, batches: Int
  ) throws -> (DigestTree, Nodes, [[UInt8]: [UInt8]]) {
    var (tree, nodes, known) = (DigestTree(root: nil), Nodes(), [[UInt8]: [UInt8]]())
    for _ in 0..<batches {
      var changes: [[UInt8]: [UInt8]?] = [:]
      let removes = Int.random(in: 0..<4, using: &random)
      for _ in 0..<Int.random(in: 1...400, using: &random) {
        let value = [UInt8](repeating: UInt8.random(in: 0...255, using: &random), count: 60)
        changes[key(&random)] =
          Int.random(in: 0..<4, using: &random) < removes ? .some(nil) : value
      }
      try tree.apply(
        changes.map { ($0.key, $0.value) }.sorted { $0.0.lexicographicallyPrecedes($1.0) },
        in: &nodes)
      for (key, value) in changes { known[key] = value }
    }
    return (tree, nodes, known)
  }

  @Test func `it holds what was set, in order, and what is removed is gone with its nodes`() throws
  {
    let seed = UInt64.random(in: 0..<1 << 32)
    print("seed \(seed)")
    var random = SeededRandom(seed: seed)
    for _ in 0..<8 {
      var (tree, nodes, known) = try grown(&random, batches: 12)
      let sorted = known.sorted { $0.key.lexicographicallyPrecedes($1.key) }
      #expect(try all(tree, nodes) == sorted.map { $0.key + $0.value })
      for _ in 0..<200 {
        let key = key(&random)
        #expect(try tree.value(of: key, in: nodes) == known[key])
        let later = sorted.filter { !$0.key.lexicographicallyPrecedes(key) }
        #expect(try all(tree, nodes, from: key) == later.map { $0.key + $0.value })
      }
      try tree.apply(sorted.map { ($0.key, nil) }, in: &nodes)
      #expect(tree.root == nil && nodes.bytes.isEmpty)
    }
  }

  @Test func `whatever is changed or left out, nothing is said that was not set`() throws {
    let seed = UInt64.random(in: 0..<1 << 32)
    print("seed \(seed)")
    var random = SeededRandom(seed: seed)
    var found = 0
    let (tree, nodes, known) = try grown(&random, batches: 12)
    let sorted = known.sorted { $0.key.lexicographicallyPrecedes($1.key) }
    for round in 0..<300 {
      var spoiled = nodes
      let id = try #require(nodes.bytes.keys.sorted().randomElement(using: &random))
      switch round % 3 {
      case 0: spoiled.bytes[id] = nil
      case 1:
        let bit = Int.random(in: 0..<8 * (nodes.bytes[id]?.count ?? 1), using: &random)
        spoiled.bytes[id]?[bit / 8] ^= 1 << (bit % 8)
      default: spoiled.bytes[id] = nodes.bytes.values.first { $0 != nodes.bytes[id] }
      }
      for _ in 0..<20 {
        let key = key(&random)
        do {
          #expect(try tree.value(of: key, in: spoiled) == known[key])
        } catch is DigestTree.Altered {
          found += 1
        }
      }
      #expect(throws: DigestTree.Altered.self) { try all(tree, spoiled) }
    }
    #expect(found > 0 && sorted.count > 100)
  }
}
