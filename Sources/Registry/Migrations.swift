import GRDB

/// The schema, step by step.
///
/// The log's tables hold the truth; the others are derived from it.
enum Migrations {
  static let migrator: DatabaseMigrator = {
    var migrator = DatabaseMigrator()
    migrator.registerMigration("1 log") { db in
      try db.execute(
        sql: """
          CREATE TABLE entry (idx INTEGER PRIMARY KEY, bytes BLOB NOT NULL);
          CREATE TABLE body (id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, bytes BLOB NOT NULL);
          CREATE TABLE tile (
            level INTEGER NOT NULL, idx INTEGER NOT NULL, hashes BLOB NOT NULL,
            PRIMARY KEY (level, idx)) WITHOUT ROWID;
          CREATE TABLE checkpoint (size INTEGER PRIMARY KEY, note BLOB NOT NULL);
          CREATE TABLE restoration (kept INTEGER PRIMARY KEY);
          """)
    }
    migrator.registerMigration("1 projection") { db in
      try db.execute(sql: Projection.schema)
    }
    return migrator
  }()
}
