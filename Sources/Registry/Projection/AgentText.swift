import Foundation
import GRDB
import Keys

/// The text that a filter looks through, of all agents: a line each, packed into blocks that are
/// read in one go, so that a million agents are looked through in milliseconds.
///
/// A block holds the lines of the agents whose hash falls to it, in order; what stands in the table
/// follows from the agents alone, not from how they came and changed.
enum AgentText {
  static let schema = """
    CREATE TABLE agent_text (block INTEGER PRIMARY KEY, text BLOB NOT NULL);
    """

  /// A million agents take blocks of about 10 KB.
  private static let blocks: UInt64 = 4096

  private static func block(of principal: String) -> Int64 {
    let bytes = Digest.sha256(Array(principal.utf8)).bytes
    return Int64((UInt64(bytes[0]) << 8 | UInt64(bytes[1])) % blocks)
  }

  /// `principal owner roles`, in lower case, ended by a line feed.
  private static func line(_ principal: String, owner: String, roles: String) -> [UInt8] {
    var line = Array("\(principal) \(owner) \(roles)".utf8).map(folded)
    for index in line.indices where line[index] < 0x20 { line[index] = 0x1F }
    return line + [0x0A]
  }

  /// As LIKE compares: only the letters of ASCII have two cases.
  static func folded(_ byte: UInt8) -> UInt8 {
    (0x41...0x5A).contains(byte) ? byte | 0x20 : byte
  }

  /// Writes an agent's line, or removes it.
  static func write(
    _ principal: String, _ texts: (owner: String, roles: String)?, _ db: Database
  ) throws {
    let block = block(of: principal)
    let old = try Data.fetchOne(
      db.cachedStatement(sql: "SELECT text FROM agent_text WHERE block = ?"), arguments: [block])
    var text = Array(old ?? Data())
    let (place, known) = find(Array("\(principal) ".utf8), in: text)
    let fresh = texts.map { line(principal, owner: $0.owner, roles: $0.roles) } ?? []
    text.replaceSubrange(place..<place + known, with: fresh)
    guard !text.isEmpty else {
      return try db.execute(sql: "DELETE FROM agent_text WHERE block = ?", arguments: [block])
    }
    try db.cachedStatement(sql: "INSERT OR REPLACE INTO agent_text VALUES (?, ?)")
      .execute(arguments: [block, Data(text)])
  }

  /// Where the line that begins so stands or belongs, and how long it is.
  private static func find(
    _ start: [UInt8], in text: [UInt8]
  ) -> (place: Int, count: Int) {
    text.withUnsafeBytes { raw in
      guard let base = raw.baseAddress else { return (0, 0) }
      var at = 0
      while at < raw.count {
        let feed = memchr(base + at, 0x0A, raw.count - at).map { UnsafeRawPointer($0) - base }
        let end = (feed ?? raw.count - 1) + 1
        let order = memcmp(base + at, start, min(start.count, end - at))
        if order == 0 { return (at, end - at) }
        if order > 0 { return (at, 0) }
        at = end
      }
      return (raw.count, 0)
    }
  }

  /// Fills the table from the agents there are.
  static func fill(_ db: Database) throws {
    var blocks: [Int64: Data] = [:]
    // In the order of the lines: a space, which ends a name, sorts before all that stand in one.
    let rows = try Row.fetchCursor(
      db, sql: "SELECT principal, owner, roles FROM agent ORDER BY principal || ' '")
    while let row = try rows.next() {
      let principal: String = row.total("principal")
      blocks[block(of: principal), default: Data()] += line(
        principal, owner: row.total("owner"), roles: row.total("roles"))
    }
    for (block, text) in blocks.sorted(by: { $0.key < $1.key }) {
      try db.execute(sql: "INSERT INTO agent_text VALUES (?, ?)", arguments: [block, text])
    }
  }
}
