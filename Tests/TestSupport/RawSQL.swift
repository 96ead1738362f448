import Foundation
import GRDB
import Keys

/// SQL on a registry's file behind the program's back: what no command does.
package enum RawSQL {
  package static func execute(_ text: String, in path: String) throws {
    var configuration = Configuration()
    // Newer versions of SQLite have it; digests are all it is needed for.
    configuration.prepareDatabase { db in
      db.add(
        function: DatabaseFunction("unhex", argumentCount: 1, pure: true) { values in
          String.fromDatabaseValue(values[0]).flatMap { Digest(hex: $0.utf8) }.map {
            Data($0.bytes)
          }
        })
    }
    let queue = try DatabaseQueue(path: path, configuration: configuration)
    try queue.inDatabase { try $0.execute(sql: text) }
  }
}
