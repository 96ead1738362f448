import Foundation
import GRDB
package import Statements

/// A value by which a list is ordered.
package enum PlaceValue: Sendable, Hashable {
  case integer(Int64)
  case text(String)
  case blob([UInt8])

  fileprivate var database: DatabaseValue {
    switch self {
    case .integer(let value): value.databaseValue
    case .text(let value): value.databaseValue
    case .blob(let value): Data(value).databaseValue
    }
  }

  fileprivate init(_ value: DatabaseValue) {
    switch value.storage {
    case .int64(let value): self = .integer(value)
    case .string(let value): self = .text(value)
    case .blob(let value): self = .blob(Array(value))
    case .null, .double: self = .integer(0)
    }
  }
}

/// Which part of a list: always by a place in its order, never by a row's number.
package struct WindowRequest: Sendable {
  package enum Anchor: Sendable {
    case first
    case last
    case after([PlaceValue])
    case before([PlaceValue])
    /// Itself included.
    case from([PlaceValue])
  }

  package enum Order: Sendable {
    case natural
    case expiry
    case received
    case name
    case owner
  }

  package let anchor: Anchor
  package var limit: Int
  package var order = Order.natural
  package var isReversed = false
  package var showsEnded = false
  /// What a row must have in it, all of it.
  package var terms: [WindowTerm] = []
  /// Only what was received since then.
  package var since: Timestamp?
  /// Only holds that this person could approve and has not voted on, as far as rows tell.
  package var needs: WindowViewer?
  package let now: Timestamp

  /// The same rows from another place.
  package func at(_ anchor: Anchor) -> WindowRequest {
    var copy = WindowRequest(anchor: anchor, limit: limit, now: now)
    (copy.order, copy.isReversed, copy.showsEnded) = (order, isReversed, showsEnded)
    (copy.terms, copy.since, copy.needs) = (terms, since, needs)
    return copy
  }

  package init(anchor: Anchor, limit: Int, now: Timestamp) {
    self.anchor = anchor
    self.limit = limit
    self.now = now
  }
}

/// One thing that a filter asks of a row's text.
package struct WindowTerm: Sendable, Hashable {
  /// A pattern for LIKE, with `\` as its escape.
  package let pattern: String
  /// What the pattern finds, where it is text that must stand there as it is.
  package let needle: String?
  /// Rows that do not match the pattern.
  package let isNegated: Bool
  /// The one column to look at; all of them if nil.
  package let column: String?

  package init(
    pattern: String, needle: String? = nil, isNegated: Bool = false, column: String? = nil
  ) {
    self.pattern = pattern
    self.needle = needle
    self.isNegated = isNegated
    self.column = column
  }
}

/// Who looks at the queue, as far as rows tell: enough to list what they could approve.
package struct WindowViewer: Sendable, Hashable {
  package let name: String
  /// Their groups at the instant of the request.
  package let groups: [String]
  package let isApprover: Bool

  package init(name: String, groups: [String], isApprover: Bool) {
    self.name = name
    self.groups = groups
    self.isApprover = isApprover
  }
}

/// Rows of a list with their places.
package struct Window<Record> {
  package let rows: [(record: Record, place: [PlaceValue])]
  /// Whether more follow in the direction asked.
  package let hasMore: Bool
}

/// Told how many rows a filter has been through; ends the search by throwing.
package typealias SearchProgress = (Int) throws -> Void

/// A list as SQL: where its rows come from, how they are ordered and searched.
struct ListSource<Record> {
  var select = "*"
  let from: String
  var conditions: [String] = []
  var arguments: [String: (any DatabaseValueConvertible)?] = [:]
  /// Expressions that order it, all in one direction, the last ones making each place unique.
  let places: [String]
  var isDescending = false
  /// What a filter looks through, by column: as the list shows it, and in what else one may look for
  /// it there.
  let texts: [(column: String, sql: String)]
  /// What only its own name looks through: who did it, whoever else the row names.
  var by: String?
  /// What is shown on demand, and only its own name looks through.
  var named: [String: String] = [:]
  /// When a row was received, for `since:`.
  var time: String?
  /// What a condition on a hold asks of a row that stands for several.
  var needing: ((String) -> String)?
  let record: (Row) -> Record
}

extension WindowRequest {
  /// Whether rows are left out that the list has.
  var isFiltered: Bool { !terms.isEmpty || since != nil || needs != nil }

  /// The only thing asked of a row's text, if it is one text that must stand there.
  var onlyNeedle: (needle: String, column: String?)? {
    guard terms.count == 1, since == nil, needs == nil, !terms[0].isNegated,
      let needle = terms[0].needle
    else { return nil }
    return (needle, terms[0].column)
  }
}

extension RegistryTransaction {
  /// Reads a window of a list by keyset; where rows are filtered, in steps that can be overtaken.
  ///
  /// - Complexity: O(log n + limit) where an index gives the order and nothing is filtered.
  func window<Record>(
    _ source: ListSource<Record>, _ request: WindowRequest, _ progress: SearchProgress = { _ in }
  ) throws -> Window<Record> {
    guard request.isFiltered else {
      return try read(source, Reading(source, request), request, request.limit, span: nil).window
    }
    var reading = Reading(source, request)
    var rows: [(record: Record, place: [PlaceValue])] = []
    var (searched, span) = (0, RegistryTransaction.spans.lowerBound)
    while true {
      let (found, end) = try read(source, reading, request, request.limit - rows.count, span: span)
      rows = reading.flips ? found.rows + rows : rows + found.rows
      guard !found.hasMore, let end else {
        return Window(rows: rows, hasMore: found.hasMore)
      }
      reading.goOn(after: end)
      searched += span
      try progress(searched)
      span = min(span * 2, RegistryTransaction.spans.upperBound)
    }
  }

  /// Rows looked through by the first step of a filter, and by the longest.
  static let spans = 1000...32_000

  /// Where a window begins, and which way it is read.
  struct Reading {
    /// Whether the rows are read against the order they are given in.
    let flips: Bool
    let direction: String
    private(set) var comparison: String
    private(set) var place: [PlaceValue]

    init<Record>(_ source: ListSource<Record>, _ request: WindowRequest) {
      let isAscending = source.isDescending == request.isReversed
      (flips, comparison, place) =
        switch request.anchor {
        case .first: (false, "", [])
        case .last: (true, "", [])
        case .after(let place): (false, isAscending ? ">" : "<", place)
        case .before(let place): (true, isAscending ? "<" : ">", place)
        case .from(let place): (false, isAscending ? ">=" : "<=", place)
        }
      direction = isAscending != flips ? "ASC" : "DESC"
    }

    mutating func goOn(after place: [PlaceValue]) {
      self.place = place
      comparison = direction == "ASC" ? ">" : "<"
    }
  }

  /// Reads rows from one place on; with a `span` only so many are looked at, and the place of the
  /// last of them is given if more follow.
  func read<Record>(
    _ source: ListSource<Record>, _ reading: Reading, _ request: WindowRequest, _ limit: Int,
    span: Int?
  ) throws -> (window: Window<Record>, end: [PlaceValue]?) {
    var conditions = source.conditions
    var arguments = StatementArguments(source.arguments)
    let tuple = "(\(source.places.joined(separator: ", ")))"
    func bound(_ comparison: String, _ name: String, _ place: [PlaceValue]) {
      let names = place.indices.map { ":\(name)\($0)" }.joined(separator: ", ")
      conditions.append("\(tuple) \(comparison) (\(names))")
      for (index, value) in place.enumerated() {
        arguments += StatementArguments(["\(name)\(index)": value.database])
      }
    }
    if !reading.comparison.isEmpty, reading.place.count == source.places.count {
      bound(reading.comparison, "place", reading.place)
    }
    let order = source.places.map { "\($0) \(reading.direction)" }.joined(separator: ", ")
    let places = source.places.enumerated().map { "\($1) AS place_\($0)" }.joined(separator: ", ")
    func sql(_ select: String) -> String {
      """
      SELECT \(select) FROM \(source.from)
      \(conditions.isEmpty ? "" : "WHERE " + conditions.joined(separator: " AND "))
      ORDER BY \(order) LIMIT :limit OFFSET :skipped
      """
    }
    func place(_ row: Row) -> [PlaceValue] {
      source.places.indices.map { PlaceValue(row["place_\($0)"] as DatabaseValue) }
    }
    var end: [PlaceValue]?
    if let span {
      // A step of bounded length, not a page far down: its place is where the next one begins.
      end = try Row.fetchOne(
        db.cachedStatement(sql: sql(places)),
        arguments: arguments + ["limit": 1, "skipped": span - 1]
      ).map(place)
      if let end { bound(reading.direction == "ASC" ? "<=" : ">=", "end", end) }
    }
    filter(source, request, &conditions, &arguments)
    let cursor = try Row.fetchCursor(
      db.cachedStatement(sql: sql("\(source.select), \(places)")),
      arguments: arguments + ["limit": limit + 1, "skipped": 0])
    var rows: [(record: Record, place: [PlaceValue])] = []
    var hasMore = false
    while let row = try cursor.next() {
      if rows.count == limit {
        hasMore = true
        break
      }
      rows.append((source.record(row), place(row)))
    }
    return (Window(rows: reading.flips ? rows.reversed() : rows, hasMore: hasMore), end)
  }

  /// Adds what a filter asks for to the conditions of a query.
  func filter<Record>(
    _ source: ListSource<Record>, _ request: WindowRequest, _ conditions: inout [String],
    _ arguments: inout StatementArguments
  ) {
    for (number, term) in request.terms.enumerated() {
      let wanted = source.texts.first { $0.column == term.column }?.sql
      let named = term.column.flatMap { $0 == "by" ? source.by : source.named[$0] }
      let text =
        wanted ?? named
        ?? source.texts.map { "coalesce(\($0.sql), '')" }.joined(separator: " || ' ' || ")
      conditions.append(
        "coalesce(\(text), '') \(term.isNegated ? "NOT LIKE" : "LIKE") :pattern\(number) ESCAPE '\\'"
      )
      arguments += StatementArguments(["pattern\(number)": term.pattern])
    }
    if let since = request.since, let time = source.time {
      conditions.append("\(time) >= :since")
      arguments += StatementArguments(["since": since.milliseconds])
    }
    if let viewer = request.needs {
      let (condition, more) = RegistryTransaction.need(of: viewer)
      conditions.append(source.needing?(condition) ?? condition)
      arguments += StatementArguments(more)
    }
  }

  /// How many rows a list has, counted up to a limit.
  func count<Record>(
    _ source: ListSource<Record>, _ request: WindowRequest, upTo limit: Int
  ) throws -> Int {
    var conditions = source.conditions
    var arguments = StatementArguments(source.arguments)
    filter(source, request, &conditions, &arguments)
    let sql = """
      SELECT count(*) FROM (SELECT 1 FROM \(source.from)
      \(conditions.isEmpty ? "" : "WHERE " + conditions.joined(separator: " AND "))
      LIMIT \(limit))
      """
    // Counting needs no more arguments than the conditions name.
    let statement = try db.cachedStatement(sql: sql)
    return try Int.fetchOne(statement, arguments: arguments) ?? 0
  }
}
