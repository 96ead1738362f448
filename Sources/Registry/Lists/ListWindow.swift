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
  package let limit: Int
  package var order = Order.natural
  package var isReversed = false
  package var showsEnded = false
  /// A pattern for LIKE, with `\` as its escape.
  package var pattern: String?
  /// The pattern of what was typed whole, where the list has no column of that name.
  package var literal: String?
  /// What the pattern finds, where it is text that must stand there as it is.
  package var needle: String?
  /// Rows that do not match the pattern.
  package var isNegated = false
  /// The one column to look at.
  package var column: String?
  package let now: Timestamp
  /// Whose votes sink a hold in the queue.
  package var viewer: String?

  package init(anchor: Anchor, limit: Int, now: Timestamp) {
    self.anchor = anchor
    self.limit = limit
    self.now = now
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
  /// What a filter looks through, by column.
  let texts: [(column: String, sql: String)]
  let record: (Row) -> Record
}

extension RegistryTransaction {
  /// Reads a window of a list by keyset; where rows are filtered, in steps that can be overtaken.
  ///
  /// - Complexity: O(log n + limit) where an index gives the order and nothing is filtered.
  func window<Record>(
    _ source: ListSource<Record>, _ request: WindowRequest, _ progress: SearchProgress = { _ in }
  ) throws -> Window<Record> {
    guard request.pattern != nil else {
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
    if let (condition, pattern) = filter(source, request) {
      conditions.append(condition)
      arguments += StatementArguments(["pattern": pattern])
    }
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

  private func filter<Record>(
    _ source: ListSource<Record>, _ request: WindowRequest
  ) -> (condition: String, pattern: String)? {
    guard let pattern = request.pattern else { return nil }
    let wanted: (column: String, sql: String)? = request.column.flatMap { name in
      source.texts.first { $0.column == name }
    }
    let text =
      wanted?.sql ?? source.texts.map { "coalesce(\($0.sql), '')" }.joined(separator: " || ' ' || ")
    let isUnknown = request.column != nil && wanted == nil
    return (
      "(\(text)) \(request.isNegated ? "NOT LIKE" : "LIKE") :pattern ESCAPE '\\'",
      isUnknown ? request.literal ?? pattern : pattern
    )
  }

  /// How many rows a list has, counted up to a limit.
  func count<Record>(
    _ source: ListSource<Record>, _ request: WindowRequest, upTo limit: Int
  ) throws -> Int {
    var conditions = source.conditions
    var arguments = StatementArguments(source.arguments)
    if let (condition, pattern) = filter(source, request) {
      conditions.append(condition)
      arguments += StatementArguments(["pattern": pattern])
    }
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
