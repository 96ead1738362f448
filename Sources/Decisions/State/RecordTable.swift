import CanonicalJSON
package import Keys
package import Statements

/// What a ``RecordTable`` holds: something with an id, found also by what it is tied to.
package protocol Tabled: Sendable, Hashable {
  associatedtype ID: RecordID

  var id: ID { get }
  var links: [Link] { get }
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
package struct RecordTable<Record: Tabled>: Sendable {
  private var records: [Record.ID: Record] = [:]
  private var tied: [Link: Set<Record.ID>] = [:]
  /// Ids that were set since ``watchChanges()``; nil before.
  package private(set) var touched: Set<Record.ID>?

  package subscript(id: Record.ID) -> Record? {
    get { records[id] }
    set {
      touched?.insert(id)
      let (before, after) = (records[id]?.links ?? [], newValue?.links ?? [])
      records[id] = newValue
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

  /// The records tied to something, in the order of their ids.
  package func all(_ link: Link) -> [Record] {
    (tied[link] ?? []).sorted().compactMap { records[$0] }
  }

  /// The records tied to this or to something later of its kind, in the order of their ids.
  package func all(from link: Link) -> [Record] {
    tied.filter {
      $0.key.relation == link.relation && !$0.key.bytes.lexicographicallyPrecedes(link.bytes)
    }
    .flatMap(\.value).sorted().compactMap { records[$0] }
  }

  /// Ids whose hexadecimal digits begin so, in their order.
  package func ids(beginning digits: String) -> [Record.ID] {
    let even = Hexadecimal.bytes(of: digits.utf8.prefix(digits.utf8.count / 2 * 2)) ?? []
    return records.keys.filter {
      let bytes = $0.idBytes
      return bytes.starts(with: even) && Hexadecimal.text(of: bytes).hasPrefix(digits)
    }.sorted()
  }

  /// Every record, in the order of their ids. There may be millions.
  package var all: [Record] { records.values.sorted { $0.id < $1.id } }

  /// From here on ``touched`` says what was set.
  package mutating func watchChanges() { touched = [] }
}
