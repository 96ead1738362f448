import Decisions
import Foundation
import GRDB
import Keys
import Statements

/// Nodes whose digests were found right, so that they need not be read again; bounded.
final class CheckedNodes {
  private var upper: [DigestTree.Reference: [UInt8]] = [:]
  private var leaves: [DigestTree.Reference: [UInt8]] = [:]

  /// Nodes kept of each kind, of some 4 KiB each.
  private static let (upperLimit, leafLimit) = (4096, 256)

  subscript(reference: DigestTree.Reference) -> [UInt8]? {
    get { upper[reference] ?? leaves[reference] }
    set {
      // What is read for one record must not push out what is read for all.
      if newValue.map({ DigestNode(bytes: $0).level > 0 }) == true {
        if upper.count >= CheckedNodes.upperLimit { upper = [:] }
        upper[reference] = newValue
      } else {
        if leaves.count >= CheckedNodes.leafLimit { leaves = [:] }
        leaves[reference] = newValue
      }
    }
  }
}

/// The nodes of a shelf's tree, in its file.
struct ShelfNodes: DigestTree.Store {
  private let db: Database
  private let checked: CheckedNodes
  private var nextID: Int64?

  init(_ db: Database, _ checked: CheckedNodes) {
    self.db = db
    self.checked = checked
  }

  func node(_ reference: DigestTree.Reference) throws -> [UInt8]? {
    if let known = checked[reference] { return known }
    let statement = try db.cachedStatement(sql: "SELECT bytes FROM node WHERE id = ?")
    guard let row = try Row.fetchOne(statement, arguments: [reference.id]),
      case let bytes = Array(row.total("bytes") as Data), Digest.sha256(bytes) == reference.digest
    else { return nil }
    checked[reference] = bytes
    return bytes
  }

  func set(_ id: Int64, _ bytes: [UInt8]) throws {
    try db.cachedStatement(sql: "INSERT OR REPLACE INTO node (id, bytes) VALUES (?, ?)")
      .execute(arguments: [id, Data(bytes)])
  }

  func remove(_ id: Int64) throws {
    try db.cachedStatement(sql: "DELETE FROM node WHERE id = ?").execute(arguments: [id])
  }

  mutating func newID() throws -> Int64 {
    let id = try nextID ?? Int64.fetchOne(db, sql: "SELECT max(id) FROM node").map { $0 + 1 } ?? 1
    nextID = id + 1
    return id
  }
}

/// What is to be written to a shelf, gathered to be written in one go.
final class ShelfBatch: ShelfWriter {
  let tree: DigestTree
  private let nodes: ShelfNodes
  private var gathered: [[UInt8]: [UInt8]?] = [:]

  init(tree: DigestTree, nodes: ShelfNodes) {
    self.tree = tree
    self.nodes = nodes
  }

  var changes: [(key: [UInt8], value: [UInt8]?)] {
    gathered.map { ($0.key, $0.value) }.sorted { $0.key.lexicographicallyPrecedes($1.key) }
  }

  func record(_ table: TableName, _ id: [UInt8]) throws -> [UInt8]? {
    let key = ShelfKey.record(table, id)
    return try (gathered[key] ?? tree.value(of: key, in: nodes)).map(StateShelf.unpacked)
  }

  func set(_ table: TableName, _ id: [UInt8], _ record: [UInt8]?) {
    gathered[ShelfKey.record(table, id)] = .some(record.map(Packing.pack))
  }

  func tie(_ table: TableName, _ id: [UInt8], to link: Link) {
    gathered[ShelfKey.ties(table, link) + id] = .some([])
  }

  func untie(_ table: TableName, _ id: [UInt8], from link: Link) {
    gathered[ShelfKey.ties(table, link) + id] = .some(nil)
  }

  func forget(_ table: TableName, openUntil end: Timestamp) throws {
    let all = ShelfKey.ties(table, .open)
    let last = ShelfKey.ties(table, .open(until: end))
    try tree.visit(from: all, in: nodes) { key, _ in
      guard key.starts(with: all), key.lexicographicallyPrecedes(last) else { return false }
      gathered[key] = .some(nil)
      gathered[ShelfKey.record(table, ShelfKey.id(ofTie: key))] = .some(nil)
      return true
    }
  }
}

/// How records and their ties are named in the tree: those of a table lie together, and so do the ties
/// to one thing, in the order of what they are to.
enum ShelfKey {
  static func record(_ table: TableName, _ id: [UInt8]) -> [UInt8] {
    [UInt8(table.rawValue), 0] + id
  }

  static func ties(_ table: TableName, _ relation: Link.Relation) -> [UInt8] {
    [UInt8(table.rawValue), relation.rawValue]
  }

  /// Followed by the id of what is tied.
  static func ties(_ table: TableName, _ link: Link) -> [UInt8] {
    ties(table, link.relation) + [UInt8(link.bytes.count)] + link.bytes
  }

  static func id(ofTie key: [UInt8]) -> [UInt8] { Array(key[(3 + Int(key[2]))...]) }
}
