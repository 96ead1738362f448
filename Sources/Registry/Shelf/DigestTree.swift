import Keys

/// An ordered map, in nodes that are named by their digests up to the root: whoever knows the digest of
/// the root notices whatever was changed or left out, also of what is not there.
///
/// A B+ tree that is written in batches: each node that a batch touches is written once. Nodes that
/// have become small are left so until something is added to them.
struct DigestTree {
  /// Where a node lies, and what its bytes hash to.
  struct Reference: Sendable, Hashable {
    let id: Int64
    let digest: Digest
  }

  struct Altered: Error {}

  /// Where the nodes lie.
  protocol Store {
    /// The bytes of a node, if they hash to what they should.
    func node(_ reference: Reference) throws -> [UInt8]?
    mutating func set(_ id: Int64, _ bytes: [UInt8]) throws
    mutating func remove(_ id: Int64) throws
    mutating func newID() throws -> Int64
  }

  private(set) var root: Reference?

  /// Bytes of a node beyond which it is split.
  private static let nodeSize = 4096

  // MARK: reading

  func value(of key: [UInt8], in store: some Store) throws -> [UInt8]? {
    guard var next = root else { return nil }
    while true {
      let node = try DigestTree.load(next, store)
      guard let child = node.child(for: key) else { return node.value(of: key) }
      next = child
    }
  }

  /// Visits what has a key from one on, in order, until told to stop by `false`.
  func visit(
    from key: [UInt8], in store: some Store, _ visit: ([UInt8], [UInt8]) throws -> Bool
  ) throws {
    if let root { _ = try DigestTree.visit(root, from: key, store, visit) }
  }

  private static func visit(
    _ reference: Reference, from key: [UInt8], _ store: some Store,
    _ visit: ([UInt8], [UInt8]) throws -> Bool
  ) throws -> Bool {
    let node = try load(reference, store)
    if node.level == 0 {
      for entry in node.entries where !entry.key.lexicographicallyPrecedes(key) {
        guard try visit(entry.key, entry.value) else { return false }
      }
      return true
    }
    let children = node.children
    let first = children.lastIndex { !key.lexicographicallyPrecedes($0.key) } ?? 0
    for child in children[first...] {
      guard try self.visit(child.reference, from: key, store, visit) else { return false }
    }
    return true
  }

  private static func load(_ reference: Reference, _ store: some Store) throws -> DigestNode {
    guard let bytes = try store.node(reference) else { throw Altered() }
    return DigestNode(bytes: bytes)
  }

  // MARK: writing

  /// Sets or, where there is no value, removes keys; they come in order, each once.
  mutating func apply(
    _ changes: [(key: [UInt8], value: [UInt8]?)], in store: inout some Store
  ) throws {
    guard !changes.isEmpty else { return }
    var level = 0
    var nodes: [DigestNode.Child]
    if let root {
      level = try DigestTree.load(root, store).level
      nodes = try DigestTree.rewrite(root, changes[...], &store)
    } else {
      let entries = changes.compactMap { change in change.value.map { (change.key, $0) } }
      nodes = try DigestTree.write(entries, level: 0, DigestNode.encode(entry:), ids: [], &store)
    }
    while nodes.count > 1 {
      level += 1
      nodes = try DigestTree.write(nodes, level: level, DigestNode.encode(child:), ids: [], &store)
    }
    root = nodes.first?.reference
  }

  /// What stands in a node's place after some changes; nothing if nothing is left of it.
  private static func rewrite(
    _ reference: Reference, _ changes: ArraySlice<(key: [UInt8], value: [UInt8]?)>,
    _ store: inout some Store
  ) throws -> [DigestNode.Child] {
    let node = try load(reference, store)
    if node.level == 0 {
      return try write(
        merged(node.entries, changes), level: 0, DigestNode.encode(entry:), ids: [reference.id],
        &store)
    }
    var children: [DigestNode.Child] = []
    var rest = changes
    for (index, child) in node.children.enumerated() {
      let end =
        index + 1 < node.children.count
        ? rest.firstIndex { !$0.key.lexicographicallyPrecedes(node.children[index + 1].key) }
          ?? rest.endIndex : rest.endIndex
      if end == rest.startIndex {
        children.append(child)
      } else {
        children += try rewrite(child.reference, rest[..<end], &store)
        rest = rest[end...]
      }
    }
    return try write(
      children, level: node.level, DigestNode.encode(child:), ids: [reference.id], &store)
  }

  private static func merged(
    _ entries: [DigestNode.Entry], _ changes: ArraySlice<(key: [UInt8], value: [UInt8]?)>
  ) -> [DigestNode.Entry] {
    var result: [DigestNode.Entry] = []
    result.reserveCapacity(entries.count + changes.count)
    var rest = entries[...]
    for change in changes {
      while let entry = rest.first, entry.key.lexicographicallyPrecedes(change.key) {
        result.append(entry)
        rest.removeFirst()
      }
      if rest.first?.key == change.key { rest.removeFirst() }
      if let value = change.value { result.append((change.key, value)) }
    }
    return result + rest
  }

  /// Writes items as nodes of about the same size, under the given numbers first.
  private static func write<Item>(
    _ items: [Item], level: Int, _ encode: (Item) -> (key: [UInt8], bytes: [UInt8]), ids: [Int64],
    _ store: inout some Store
  ) throws -> [DigestNode.Child] {
    var ids = ids[...]
    let encoded = items.map(encode)
    let total = encoded.reduce(0) { $0 + $1.bytes.count }
    let aim = total / max(1, (total + nodeSize - 1) / nodeSize)
    var nodes: [DigestNode.Child] = []
    var index = 0
    while index < encoded.count {
      let key = encoded[index].key
      var bytes = [UInt8(level)]
      repeat {
        bytes += encoded[index].bytes
        index += 1
      } while index < encoded.count && bytes.count + encoded[index].bytes.count / 2 <= aim + 1
      let id = try ids.popFirst() ?? store.newID()
      try store.set(id, bytes)
      nodes.append((key, Reference(id: id, digest: Digest.sha256(bytes))))
    }
    for id in ids { try store.remove(id) }
    return nodes
  }
}

/// The bytes of one node: its level, then entries with their values or, above level 0, with the nodes
/// they begin.
struct DigestNode {
  typealias Entry = (key: [UInt8], value: [UInt8])
  typealias Child = (key: [UInt8], reference: DigestTree.Reference)

  private let bytes: [UInt8]
  var level: Int { Int(bytes[0]) }

  /// Takes bytes whose digest was found right.
  init(bytes: [UInt8]) {
    self.bytes = bytes
  }

  static func encode(entry: Entry) -> (key: [UInt8], bytes: [UInt8]) {
    (entry.key, length(entry.key) + entry.key + length(entry.value) + entry.value)
  }

  static func encode(child: Child) -> (key: [UInt8], bytes: [UInt8]) {
    let id = withUnsafeBytes(of: child.reference.id.bigEndian, Array.init)
    return (child.key, length(child.key) + child.key + id + child.reference.digest.bytes)
  }

  private static func length(_ bytes: [UInt8]) -> [UInt8] {
    withUnsafeBytes(of: UInt32(bytes.count).bigEndian, Array.init)
  }

  var entries: [Entry] {
    var reader = Reader(bytes)
    var entries: [Entry] = []
    while !reader.isAtEnd {
      let key = reader.next(reader.length())
      entries.append((Array(key), Array(reader.next(reader.length()))))
    }
    return entries
  }

  var children: [Child] {
    var reader = Reader(bytes)
    var children: [Child] = []
    while !reader.isAtEnd {
      let key = Array(reader.next(reader.length()))
      children.append((key, reader.reference()))
    }
    return children
  }

  /// The value of a key in a node of level 0.
  func value(of key: [UInt8]) -> [UInt8]? {
    var reader = Reader(bytes)
    while !reader.isAtEnd {
      let isIt = reader.next(reader.length()).elementsEqual(key)
      let value = reader.next(reader.length())
      if isIt { return Array(value) }
    }
    return nil
  }

  /// The node under this one where a key belongs; nil at level 0.
  func child(for key: [UInt8]) -> DigestTree.Reference? {
    guard level > 0 else { return nil }
    var reader = Reader(bytes)
    var found: DigestTree.Reference?
    while !reader.isAtEnd {
      let isBeyond = key.lexicographicallyPrecedes(reader.next(reader.length()))
      if isBeyond, let found { return found }
      found = reader.reference()
    }
    return found
  }

  private struct Reader {
    let bytes: [UInt8]
    var at = 1

    init(_ bytes: [UInt8]) {
      self.bytes = bytes
    }

    var isAtEnd: Bool { at >= bytes.count }

    mutating func next(_ count: Int) -> ArraySlice<UInt8> {
      defer { at += count }
      return bytes[at..<at + count]
    }

    private mutating func number(_ count: Int) -> UInt64 {
      next(count).reduce(0) { $0 << 8 | UInt64($1) }
    }

    mutating func length() -> Int { Int(number(4)) }

    mutating func reference() -> DigestTree.Reference {
      let id = Int64(bitPattern: number(8))
      let digest = Digest(bytes: next(Digest.byteCount)) ?? Digest.sha256([])
      return DigestTree.Reference(id: id, digest: digest)
    }
  }
}
