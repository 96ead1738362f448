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
  /// Reads a window of a list by keyset.
  ///
  /// - Complexity: O(log n + limit) where an index gives the order and nothing is filtered.
  func window<Record>(
    _ source: ListSource<Record>, _ request: WindowRequest
  ) throws -> Window<Record> {
    let isAscending = source.isDescending == request.isReversed
    let (flips, comparison, place): (Bool, String, [PlaceValue]) =
      switch request.anchor {
      case .first: (false, "", [])
      case .last: (true, "", [])
      case .after(let place): (false, isAscending ? ">" : "<", place)
      case .before(let place): (true, isAscending ? "<" : ">", place)
      case .from(let place): (false, isAscending ? ">=" : "<=", place)
      }
    var conditions = source.conditions
    var arguments = StatementArguments(source.arguments)
    if !comparison.isEmpty, place.count == source.places.count {
      let names = place.indices.map { ":place\($0)" }.joined(separator: ", ")
      conditions.append("(\(source.places.joined(separator: ", "))) \(comparison) (\(names))")
      for (index, value) in place.enumerated() {
        arguments += StatementArguments(["place\(index)": value.database])
      }
    }
    if let (condition, pattern) = filter(source, request) {
      conditions.append(condition)
      arguments += StatementArguments(["pattern": pattern])
    }
    let direction = isAscending != flips ? "ASC" : "DESC"
    let order = source.places.map { "\($0) \(direction)" }.joined(separator: ", ")
    let places = source.places.enumerated().map { "\($1) AS place_\($0)" }.joined(separator: ", ")
    let sql = """
      SELECT \(source.select), \(places) FROM \(source.from)
      \(conditions.isEmpty ? "" : "WHERE " + conditions.joined(separator: " AND "))
      ORDER BY \(order) LIMIT \(request.limit + 1)
      """
    let cursor = try Row.fetchCursor(
      db.cachedStatement(sql: sql), arguments: arguments)
    var rows: [(record: Record, place: [PlaceValue])] = []
    var hasMore = false
    while let row = try cursor.next() {
      if rows.count == request.limit {
        hasMore = true
        break
      }
      let place = source.places.indices.map {
        PlaceValue(row["place_\($0)"] as DatabaseValue)
      }
      rows.append((source.record(row), place))
    }
    return Window(rows: flips ? rows.reversed() : rows, hasMore: hasMore)
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
