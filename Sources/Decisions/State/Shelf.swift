package import Statements
import Synchronization

/// Which table of the state a record stands in.
package enum TableName: Int, Sendable {
  case agents = 1
  case keys
  case grants
  case holds
  case unfinished
  case spent
}

/// Where the records of a verified state lie that nothing has changed since, by the bytes of their ids.
///
/// What it cannot read it gives as absent and remembers: whoever rests a decision or an admission on
/// it asks ``fault`` before anything comes of it.
package protocol Shelf: AnyObject, Sendable {
  func record(_ table: TableName, _ id: [UInt8]) -> [UInt8]?
  /// Records tied to something, in the order of their ids, at most so many.
  func records(_ table: TableName, tied link: Link, limit: Int) -> [[UInt8]]
  /// Records tied to something or to something of its kind that sorts after it.
  func records(_ table: TableName, tiedFrom link: Link) -> [[UInt8]]
  /// Records whose ids begin so, in the order of their ids.
  func records(_ table: TableName, beginning id: [UInt8], _ take: ([UInt8]) -> Void)
  /// Says that something read is not what was written.
  func distrust(_ reason: String)
}

/// What a shelf is written by, in one transaction.
package protocol ShelfWriter {
  func record(_ table: TableName, _ id: [UInt8]) throws -> [UInt8]?
  func set(_ table: TableName, _ id: [UInt8], _ record: [UInt8]?) throws
  func tie(_ table: TableName, _ id: [UInt8], to link: Link) throws
  func untie(_ table: TableName, _ id: [UInt8], from link: Link) throws
  /// Removes the records, and their ties, that are tied to an instant before this.
  func forget(_ table: TableName, openUntil end: Timestamp) throws
}

/// A table's part of a shelf, with the records that were last read.
final class ShelfTable<Record: Tabled>: Sendable {
  private let shelf: any Shelf
  private let known = Mutex<[Record.ID: Record]>([:])

  /// Records kept as read: those that one busy agent or chain needs, not all there are.
  private static var limit: Int { 4096 }

  init(_ shelf: any Shelf) {
    self.shelf = shelf
  }

  func record(_ id: Record.ID) -> Record? {
    if let record = known.withLock({ $0[id] }) { return record }
    guard let record = shelf.record(Record.table, id.idBytes).flatMap(decode) else { return nil }
    known.withLock {
      if $0.count >= ShelfTable.limit { $0.removeAll(keepingCapacity: true) }
      $0[id] = record
    }
    return record
  }

  func records(tied link: Link, limit: Int) -> [Record] {
    shelf.records(Record.table, tied: link, limit: limit).compactMap(decode)
  }

  func records(tiedFrom link: Link) -> [Record] {
    shelf.records(Record.table, tiedFrom: link).compactMap(decode)
  }

  func records(beginning id: [UInt8], where isWanted: (Record) -> Bool) -> [Record] {
    var found: [Record] = []
    shelf.records(Record.table, beginning: id) { bytes in
      if let record = decode(bytes), isWanted(record) { found.append(record) }
    }
    return found
  }

  /// Forgets what was read: it has been written anew.
  func forget() { known.withLock { $0 = [:] } }

  private func decode(_ bytes: [UInt8]) -> Record? {
    do {
      return try Record(shelved: bytes)
    } catch {
      shelf.distrust("\(error)")
      return nil
    }
  }
}
