import GRDB

// Indexes and sizes as SQLite keeps them: 64 bits with a sign. What stands in a row may have been written
// by anyone who can write the file.
extension UInt64 {
  /// An index or size read from a row.
  ///
  /// - Throws: ``RegistryFault`` `tampered` for a value that no log has.
  init(row value: Int64, table: String, column: String) throws(RegistryFault) {
    guard value >= 0, value < Int64.max else {
      throw .tampered(table: table, column: column, value: value)
    }
    self = UInt64(value)
  }

  /// The same number for a query; one that no row can have becomes the largest, which none has.
  var sql: Int64 { Int64(clamping: self) }
}

extension Row {
  /// An index that stands in a row of a list.
  func index(_ table: String, _ column: String = "idx") throws(RegistryFault) -> UInt64 {
    let value = Int64.fromDatabaseValue(self[column] as DatabaseValue) ?? -1
    return try UInt64(row: value, table: table, column: column)
  }
}
