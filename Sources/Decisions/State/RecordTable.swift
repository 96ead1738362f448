package import CanonicalJSON
package import Keys
package import Statements

/// What a ``RecordTable`` holds: something with an id, found also by what it is tied to.
package protocol Tabled: Sendable, Hashable {
  associatedtype ID: RecordID

  static var table: TableName { get }
  var id: ID { get }
  var links: [Link] { get }
  /// The record as JSON, and back.
  var snapshot: JSONValue { get }
  init(snapshot: JSONValue) throws(FieldFault)
}

extension Tabled {
  init(shelved bytes: [UInt8]) throws {
    try self.init(snapshot: try JSONParser.parse(bytes))
  }
}

/// The id of a record, as bytes in the same order.
package protocol RecordID: Hashable, Comparable, Sendable {
  var idBytes: [UInt8] { get }
}

extension Principal: RecordID {
  package var idBytes: [UInt8] { text.bytes }
}

extension Digest: RecordID {
  package var idBytes: [UInt8] { bytes }
}

extension Fingerprint: RecordID {
  package var idBytes: [UInt8] { digest.bytes }
}

/// A tie of a record to something else, by which it is found without looking at all of them.
package struct Link: Sendable, Hashable {
  package enum Relation: UInt8, Sendable {
    case owner = 1
    case holder
    case issuer
    case parent
    case signer
    /// A key, to the one it replaced and the one that enrolled it.
    case origin
    case action
    /// A hold that nothing has ended, to the instant at which the clock does.
    case open
  }

  package let relation: Relation
  package let bytes: [UInt8]

  private init(_ relation: Relation, _ bytes: [UInt8]) {
    self.relation = relation
    self.bytes = bytes
  }

  package static func owner(_ principal: Principal) -> Link { Link(.owner, principal.text.bytes) }
  package static func holder(_ principal: Principal) -> Link { Link(.holder, principal.text.bytes) }
  package static func issuer(_ principal: Principal) -> Link { Link(.issuer, principal.text.bytes) }
  package static func parent(_ grant: Digest) -> Link { Link(.parent, grant.bytes) }
  package static func signer(_ key: Fingerprint) -> Link { Link(.signer, key.digest.bytes) }
  package static func origin(_ key: Fingerprint) -> Link { Link(.origin, key.digest.bytes) }
  package static func action(_ action: Digest) -> Link { Link(.action, action.bytes) }

  /// Links of this kind sort as their instants do.
  package static func open(until instant: Timestamp) -> Link {
    let number = UInt64(max(0, instant.milliseconds)).bigEndian
    return Link(.open, withUnsafeBytes(of: number, Array.init))
  }
}

/// Records of one kind by their ids, and by what they are tied to.
///
/// Those that were set are kept in memory; the others lie on a shelf, if there is one.
package struct RecordTable<Record: Tabled>: Sendable {
  /// What was set; nil for what was removed and may still lie on the shelf.
  private var changed: [Record.ID: Record?] = [:]
  /// Ties of what is in `changed`.
  private var tied: [Link: Set<Record.ID>] = [:]
  private var shelf: ShelfTable<Record>?
  /// Ids that were set since ``watchChanges()``; nil before.
  package private(set) var touched: Set<Record.ID>?

  package subscript(id: Record.ID) -> Record? {
    get { changed[id] ?? shelf?.record(id) }
    set {
      touched?.insert(id)
      let (before, after) = ((changed[id] ?? nil)?.links ?? [], newValue?.links ?? [])
      if newValue == nil, shelf == nil {
        changed[id] = nil
      } else {
        changed[id] = .some(newValue)
      }
      guard before != after else { return }
      for link in before {
        tied[link]?.remove(id)
        if tied[link]?.isEmpty == true { tied[link] = nil }
      }
      for link in after { tied[link, default: []].insert(id) }
    }
  }

  package mutating func set(_ record: Record) { self[record.id] = record }

  /// Removes a record; gives it back if there was one.
  package mutating func remove(_ id: Record.ID) -> Record? {
    guard let record = self[id] else { return nil }
    self[id] = nil
    return record
  }

  /// The records tied to something, in the order of their ids; not more than so many.
  package func all(_ link: Link, limit: Int = .max) -> [Record] {
    // Each that was changed may stand for one on the shelf.
    let shelved = shelf?.records(
      tied: link, limit: limit == .max ? .max : limit + changed.count)
    return Array(ordered(tied[link] ?? [], shelved ?? []).prefix(limit))
  }

  /// The records tied to this or to something later of its kind, in the order of their ids.
  package func all(from link: Link) -> [Record] {
    let links = tied.keys.filter {
      $0.relation == link.relation && !$0.bytes.lexicographicallyPrecedes(link.bytes)
    }
    return ordered(
      links.flatMap { tied[$0] ?? [] }, shelf?.records(tiedFrom: link) ?? [])
  }

  /// Ids whose hexadecimal digits begin so, in their order.
  package func ids(beginning digits: String) -> [Record.ID] {
    let whole = Hexadecimal.bytes(of: digits.utf8.prefix(digits.utf8.count / 2 * 2)) ?? []
    func begins(_ id: Record.ID) -> Bool {
      let bytes = id.idBytes
      return bytes.starts(with: whole) && Hexadecimal.text(of: bytes).hasPrefix(digits)
    }
    return ordered(
      changed.keys.filter(begins),
      shelf?.records(beginning: whole) { begins($0.id) } ?? []
    ).map(\.id)
  }

  /// Every record that is wanted, in the order of their ids; there may be millions.
  package func all(where isWanted: (Record) -> Bool = { _ in true }) -> [Record] {
    ordered(
      changed.compactMap { id, record in record.flatMap(isWanted) == true ? id : nil },
      shelf?.records(beginning: [], where: isWanted) ?? [])
  }

  /// What was changed stands for what lies on the shelf.
  private func ordered(_ ids: some Collection<Record.ID>, _ shelved: [Record]) -> [Record] {
    (ids.compactMap { changed[$0] ?? nil } + shelved.filter { changed[$0.id] == nil })
      .sorted { $0.id < $1.id }
  }

  // MARK: the shelf

  /// How many records are kept in memory because they were set.
  package var changeCount: Int { changed.count }

  /// From here on ``touched`` says what was set.
  package mutating func watchChanges() { touched = [] }

  /// Rests on a shelf what is not set from here on.
  mutating func rest(on shelf: any Shelf) { self.shelf = ShelfTable(shelf) }

  /// Lets go of what was set and means nothing any more, whether it is here or not.
  mutating func forget(where isOver: (Record) -> Bool) {
    for (id, record) in changed where record.map(isOver) == true {
      for link in record?.links ?? [] {
        tied[link]?.remove(id)
        if tied[link]?.isEmpty == true { tied[link] = nil }
      }
      changed[id] = nil
    }
  }

  /// Writes what was set to the shelf, and takes off what was open until before an instant.
  func write(to writer: any ShelfWriter, forgettingOpenUntil end: Timestamp? = nil) throws {
    if let end { try writer.forget(Record.table, openUntil: end) }
    for id in changed.keys.sorted() {
      let bytes = id.idBytes
      let record = changed[id] ?? nil
      let before =
        try writer.record(Record.table, bytes).map { try Record(shelved: $0).links } ?? []
      let after = record?.links ?? []
      for link in before where !after.contains(link) {
        try writer.untie(Record.table, bytes, from: link)
      }
      try writer.set(Record.table, bytes, record.map { try $0.snapshot.canonicalBytes() })
      for link in after where !before.contains(link) {
        try writer.tie(Record.table, bytes, to: link)
      }
    }
  }

  /// Lets go of what was written to the shelf.
  mutating func letGo() {
    changed = [:]
    tied = [:]
    shelf?.forget()
  }
}
