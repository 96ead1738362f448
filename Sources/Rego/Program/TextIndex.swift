import CanonicalJSON

/// Numbers by text, in several tables: for texts of a policy that are looked for in each evaluation.
///
/// Arrays of numbers and bytes, so that a search counts no references. The hash has no secret: what is
/// looked for may come from outside, but what lies in a table comes from the policy, and texts that lie
/// badly get no table.
struct TextIndex: Sendable {
  /// Where a table's places begin, and how many there are less one; -1 for none.
  struct Table: Sendable {
    var start: Int32 = 0
    var mask: Int32 = -1
  }

  private struct Entry: Sendable {
    let start: Int32
    let count: Int32
    let number: Int32
  }

  /// Places that a search looks at at most.
  private static let mostProbes = 16

  private var bytes: [UInt8] = []
  private var entries: [Entry] = []
  /// By place, the position of an entry, or -1.
  private var places: [Int32] = []

  /// Adds a table, or none where the texts lie badly.
  mutating func add(_ texts: [(text: ByteString, number: Int32)]) -> Table {
    guard !texts.isEmpty, bytes.count + texts.reduce(0, { $0 + $1.text.count }) < 1 << 30 else {
      return Table()
    }
    var size = 8
    while size < texts.count * 2 { size *= 2 }
    var taken = [Int32](repeating: -1, count: size)
    var positions: [Int] = []
    positions.reserveCapacity(texts.count)
    for (position, entry) in texts.enumerated() {
      var place = entry.text.bytes.withUnsafeBytes(TextIndex.hash) & (size - 1)
      var probes = 1
      while taken[place] >= 0 {
        place = (place + 1) & (size - 1)
        probes += 1
        guard probes <= TextIndex.mostProbes else { return Table() }
      }
      taken[place] = Int32(entries.count + position)
      positions.append(place)
    }
    let table = Table(start: Int32(places.count), mask: Int32(size - 1))
    places += taken
    for entry in texts {
      entries.append(
        Entry(
          start: Int32(bytes.count), count: Int32(entry.text.count), number: entry.number))
      bytes += entry.text.bytes
    }
    return table
  }

  /// The number of a text in a table, or -1.
  @inline(__always)
  func number(of text: UnsafeRawBufferPointer, in table: Table) -> Int32 {
    let mask = Int(table.mask)
    var place = TextIndex.hash(text) & mask
    for _ in 0..<TextIndex.mostProbes {
      let position = Int(places[Int(table.start) + place])
      guard position >= 0 else { return -1 }
      let entry = entries[position]
      if Int(entry.count) == text.count,
        bytes.withUnsafeBytes({ InputText.areEqual($0, Int(entry.start), text) })
      {
        return entry.number
      }
      place = (place + 1) & mask
    }
    return -1
  }

  /// Of the first and the last 8 bytes and the length: not all of a long text is read.
  @inline(__always)
  private static func hash(_ bytes: UnsafeRawBufferPointer) -> Int {
    var first: UInt64 = 0
    var last: UInt64 = 0
    if bytes.count >= 8 {
      first = bytes.loadUnaligned(as: UInt64.self)
      last = bytes.loadUnaligned(fromByteOffset: bytes.count - 8, as: UInt64.self)
    } else {
      for byte in bytes { first = first << 8 | UInt64(byte) }
      last = first << 32 | first >> 32
    }
    // The halves of a product of 128 bits depend on every byte of both.
    let product = (first ^ UInt64(bytes.count) ^ 0x9E37_79B9_7F4A_7C15).multipliedFullWidth(
      by: last ^ 0xBF58_476D_1CE4_E5B9)
    return Int(truncatingIfNeeded: (product.high ^ product.low) & 0x7FFF_FFFF)
  }
}
