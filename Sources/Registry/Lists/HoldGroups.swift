import Foundation
import GRDB
package import Keys
package import Statements

/// A line of the approval queue: the open holds of one agent with the same action and resource.
package struct HoldGroupRow: Sendable, Hashable {
  package let id: Digest
  /// The one of its holds that expires first.
  package let head: HoldRow
  /// Its open holds, counted up to ``countLimit``.
  package let count: Int

  package static let countLimit = 100
}

extension RegistryTransaction {
  /// What keeps a hold `h` from needing a person, as far as rows tell; the review judges by the log.
  static func need(
    of viewer: WindowViewer
  ) -> (condition: String, arguments: [String: (any DatabaseValueConvertible)?]) {
    guard viewer.isApprover else { return ("0", [:]) }
    var fits = ["h.needs = '*'"]
    var arguments: [String: (any DatabaseValueConvertible)?] = [
      "viewer": viewer.name, "excluded": " \(viewer.name) ",
    ]
    for (number, group) in viewer.groups.enumerated() {
      fits.append("instr(h.needs, :group\(number)) > 0")
      arguments["group\(number)"] = " \(group) "
    }
    return (
      """
      (\(fits.joined(separator: " OR "))) AND instr(h.excluded, :excluded) = 0
      AND NOT EXISTS (SELECT 1 FROM vote v WHERE v.hold = h.digest AND v.voter = :viewer
        AND v.withdrawn IS NULL)
      """, arguments
    )
  }

  private static let groupPlaces = ["g.rank", "g.ends", "g.head"]

  /// The groups whose first hold is the one they are filed under.
  private static func freshGroups(_ request: WindowRequest) -> ListSource<HoldGroupRow> {
    ListSource(
      select: groupColumns, from: "hold_group g JOIN hold h ON h.digest = g.head",
      conditions: ["g.ends > :now"], arguments: ["now": request.now.milliseconds],
      places: groupPlaces, texts: holdTexts, by: holdVoters, time: "h.received",
      needing: anyMember, record: HoldGroupRow.init)
  }

  /// Groups whose first hold has ended since the last statement: filed under the next one, as it is.
  private static func movedGroups(_ request: WindowRequest) -> ListSource<HoldGroupRow> {
    ListSource(
      select: groupColumns,
      from: """
        (SELECT o.id AS id, o.rank AS rank, m.ends AS ends, m.digest AS head
          FROM hold_group o INDEXED BY hold_group_end JOIN hold m ON m.digest = (
            SELECT digest FROM hold WHERE grp = o.id AND ends > :now ORDER BY ends, digest LIMIT 1)
          WHERE o.ends <= :now) g JOIN hold h ON h.digest = g.head
        """,
      arguments: ["now": request.now.milliseconds], places: groupPlaces, texts: holdTexts,
      by: holdVoters, time: "h.received", needing: anyMember, record: HoldGroupRow.init)
  }

  /// That one of the first holds of a group `g` meets a condition.
  private static func anyMember(_ condition: String) -> String {
    """
    EXISTS (SELECT 1 FROM (SELECT * FROM hold WHERE grp = g.id AND ends > :now
      ORDER BY ends, digest LIMIT \(HoldGroupRow.countLimit)) h WHERE \(condition))
    """
  }

  private static let groupColumns = """
    h.*, g.id AS group_id, (SELECT count(*) FROM (SELECT 1 FROM hold c
      WHERE c.grp = g.id AND c.ends > :now LIMIT \(HoldGroupRow.countLimit))) AS members
    """

  /// A page of the queue: what waits for people first, then by risk, then by what expires first.
  ///
  /// - Complexity: O(page + groups whose first hold ended since the last statement), however many
  ///   holds there are.
  package func holdGroups(
    _ request: WindowRequest, _ progress: SearchProgress = { _ in }
  ) throws -> Window<HoldGroupRow> {
    let source = RegistryTransaction.freshGroups(request)
    let fresh = try window(source, request, progress)
    let moved = try read(
      RegistryTransaction.movedGroups(request), Reading(source, request), request, request.limit,
      span: nil
    ).window
    guard !moved.rows.isEmpty else { return fresh }
    let reading = Reading(source, request)
    var rows = (fresh.rows + moved.rows).sorted {
      request.isReversed
        ? RegistryTransaction.precedes($1.place, $0.place)
        : RegistryTransaction.precedes($0.place, $1.place)
    }
    // What comes after the last row that was read may come after others that were not.
    let isCut = rows.count > request.limit
    rows = Array(reading.flips ? rows.suffix(request.limit) : rows.prefix(request.limit))
    return Window(rows: rows, hasMore: fresh.hasMore || moved.hasMore || isCut)
  }

  /// Whether a place comes before another in the queue's own order.
  static func precedes(_ left: [PlaceValue], _ right: [PlaceValue]) -> Bool {
    for (one, other) in zip(left, right) where one != other {
      switch (one, other) {
      case (.integer(let a), .integer(let b)): return a < b
      case (.text(let a), .text(let b)): return Array(a.utf8).lexicographicallyPrecedes(b.utf8)
      case (.blob(let a), .blob(let b)): return a.lexicographicallyPrecedes(b)
      default: return false
      }
    }
    return left.count < right.count
  }

  /// The open holds of a group, by what expires first.
  package func holdMembers(of group: Digest, _ request: WindowRequest) throws -> Window<HoldRow> {
    let source = ListSource(
      select: "h.*", from: "hold h", conditions: ["h.grp = :group", "h.ends > :now"],
      arguments: ["group": group.blob, "now": request.now.milliseconds],
      places: ["h.ends", "h.digest"], texts: RegistryTransaction.holdTexts, record: HoldRow.init)
    return try window(source, request)
  }

  /// The group a hold is in, as of its last entry.
  package func group(of hold: Digest) throws -> Digest? {
    try Row.fetchOne(
      db.cachedStatement(sql: "SELECT grp FROM hold WHERE digest = ?"), arguments: [hold.blob]
    )?.digest("grp")
  }

  /// A group as it is now, if it has open holds.
  package func holdGroup(_ id: Digest, at now: Timestamp) throws -> HoldGroupRow? {
    try Row.fetchOne(
      db.cachedStatement(
        sql: """
          SELECT h.*, h.grp AS group_id, (SELECT count(*) FROM (SELECT 1 FROM hold c
            WHERE c.grp = :id AND c.ends > :now LIMIT \(HoldGroupRow.countLimit))) AS members
          FROM hold h WHERE h.grp = :id AND h.ends > :now ORDER BY h.ends, h.digest LIMIT 1
          """), arguments: ["id": id.blob, "now": now.milliseconds]
    ).map(HoldGroupRow.init)
  }

  /// Whether a hold, or one of the first of a group, needs a person, as far as rows tell.
  package func isNeeded(
    hold: Digest? = nil, group: Digest? = nil, by viewer: WindowViewer, at now: Timestamp
  ) throws -> Bool {
    let (condition, arguments) = RegistryTransaction.need(of: viewer)
    var all = StatementArguments(arguments)
    let from: String
    if let group {
      from = """
        (SELECT * FROM hold WHERE grp = :id AND ends > :now
          ORDER BY ends, digest LIMIT \(HoldGroupRow.countLimit)) h WHERE
        """
      all += ["id": group.blob, "now": now.milliseconds]
    } else {
      from = "hold h WHERE h.digest = :id AND h.ends > :now AND"
      all += ["id": (hold ?? Row.noDigest).blob, "now": now.milliseconds]
    }
    return try Bool.fetchOne(
      db.cachedStatement(sql: "SELECT EXISTS (SELECT 1 FROM \(from) \(condition))"),
      arguments: all) ?? false
  }

  /// The open holds of a group that wait for people, by what expires first; at most so many.
  package func pending(in group: Digest, at now: Timestamp, limit: Int) throws -> [Digest] {
    try Row.fetchAll(
      db,
      sql: """
        SELECT digest FROM hold WHERE grp = ? AND ends > ? AND state = 'pending'
        ORDER BY ends, digest LIMIT \(limit)
        """, arguments: [group.blob, now.milliseconds]
    ).compactMap { $0.digest("digest") }
  }

  /// How many holds an agent has got since an instant, counted up to a limit.
  package func holdCount(of agent: String, since: Timestamp, upTo limit: Int) throws -> Int {
    try Int.fetchOne(
      db.cachedStatement(
        sql: """
          SELECT count(*) FROM (SELECT 1 FROM hold WHERE agent = ? AND received >= ?
            LIMIT \(limit))
          """), arguments: [agent, since.milliseconds]) ?? 0
  }

  /// How many lines the queue has, counted up to a limit.
  func groupCount(_ request: WindowRequest, upTo limit: Int) throws -> Int {
    var counted = try count(RegistryTransaction.freshGroups(request), request, upTo: limit)
    counted += try count(RegistryTransaction.movedGroups(request), request, upTo: limit)
    return min(counted, limit)
  }

  /// How many holds wait for people, and how many of them for this person; each counted up to a
  /// limit, those that expire first.
  ///
  /// - Returns: Whether there are more than were counted.
  package func waiting(
    for viewer: WindowViewer?, at now: Timestamp, upTo limit: Int
  ) throws -> (all: Int, viewers: Int, hasMore: Bool) {
    let open = "SELECT h.* FROM hold h WHERE h.ends > :now ORDER BY h.ends, h.digest LIMIT \(limit)"
    let all =
      try Int.fetchOne(
        db.cachedStatement(
          sql: "SELECT count(*) FROM (\(open)) h WHERE h.state = 'pending'"),
        arguments: ["now": now.milliseconds]) ?? 0
    let counted =
      try Int.fetchOne(
        db.cachedStatement(sql: "SELECT count(*) FROM (\(open))"),
        arguments: ["now": now.milliseconds]) ?? 0
    let hasMore = counted == limit
    guard let viewer else { return (all, 0, hasMore) }
    let (condition, arguments) = RegistryTransaction.need(of: viewer)
    let viewers =
      try Int.fetchOne(
        db.cachedStatement(
          sql: "SELECT count(*) FROM (\(open)) h WHERE h.state = 'pending' AND \(condition)"),
        arguments: StatementArguments(arguments) + ["now": now.milliseconds]) ?? 0
    return (all, viewers, hasMore)
  }

  /// What rows tell of somebody who may vote.
  package func operatorRow(_ principal: String) throws -> OperatorRow? {
    try Row.fetchOne(
      db.cachedStatement(sql: "SELECT * FROM operator WHERE principal = ?"),
      arguments: [principal]
    ).map(OperatorRow.init)
  }
}

extension HoldGroupRow {
  fileprivate init(_ row: Row) {
    self.init(
      id: row.digest("group_id") ?? Row.noDigest, head: HoldRow(row), count: row.total("members"))
  }
}
