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
    migrator.registerMigration("2 console") { db in
      // Orders in which lists are read, and what consoles and daemons tell each other: the latter is
      // no trust state, stands in no log and is read by no decision.
      try db.execute(
        sql: """
          CREATE INDEX hold_index ON hold (idx);
          CREATE INDEX hold_received ON hold (received, digest);
          CREATE INDEX agent_owner ON agent (owner, principal);
          CREATE INDEX key_order ON key (holder, received, fingerprint);
          CREATE INDEX key_expiry ON key (not_after, fingerprint);
          CREATE INDEX grant_tree ON grant_link (parent, holder, digest);
          CREATE INDEX grant_root ON grant_link (issuer, holder, digest) WHERE parent IS NULL;
          CREATE INDEX review_order ON review (received, subject);
          CREATE TABLE ui_presence (
            hold BLOB PRIMARY KEY, waits INTEGER NOT NULL, asked INTEGER NOT NULL) WITHOUT ROWID;
          CREATE TABLE ui_claim (
            hold BLOB NOT NULL, who TEXT NOT NULL, at INTEGER NOT NULL,
            PRIMARY KEY (hold, who)) WITHOUT ROWID;
          CREATE TABLE ui_note (
            id INTEGER PRIMARY KEY, who TEXT NOT NULL, at INTEGER NOT NULL, text TEXT NOT NULL);
          """)
    }
    migrator.registerMigration("3 filter") { db in
      try db.execute(sql: AgentText.schema)
      try AgentText.fill(db)
    }
    migrator.registerMigration("4 counts") { db in
      // What an agent's row counts lies side by side in these, in the order agents are listed: a page
      // of them is a few pages of the file, not several for each agent.
      try db.execute(
        sql: """
          DROP INDEX key_holder;
          CREATE INDEX key_holder ON key (holder, revoked, not_before, not_after);
          DROP INDEX grant_holder;
          CREATE INDEX grant_holder ON grant_link (holder, revoked);
          DROP INDEX decision_agent;
          CREATE INDEX decision_agent ON decision (agent, idx, received);
          CREATE INDEX hold_agent ON hold (agent, expires) WHERE state = 'pending';
          """)
    }
    migrator.registerMigration("5 services") { db in
      // What deciding services write of themselves; like every ui_ table no trust state.
      try db.execute(
        sql: """
          CREATE TABLE ui_service (
            service TEXT NOT NULL, host TEXT NOT NULL, socket TEXT NOT NULL,
            process INTEGER NOT NULL, started INTEGER NOT NULL, beat INTEGER NOT NULL,
            decided INTEGER, decisions INTEGER NOT NULL, tenths INTEGER NOT NULL,
            ended INTEGER, cause TEXT NOT NULL,
            PRIMARY KEY (service, host, socket)) WITHOUT ROWID;
          """)
    }
    migrator.registerMigration("6 queue") { db in
      try db.execute(sql: HoldQueue.schema)
      try HoldQueue.fill(db)
    }
    migrator.registerMigration("7 reviews due") { db in
      try db.execute(sql: "CREATE INDEX review_due ON review (idx) WHERE completed IS NULL")
    }
    migrator.registerMigration("8 compromised keys") { db in
      try db.execute(sql: CompromisedKeys.schema)
      try CompromisedKeys.fill(db)
    }
    migrator.registerMigration("9 keys") { db in
      try db.execute(sql: KeyUseTable.schema)
      try KeyUseTable.fill(db)
      // An agent's next key was listed under everyone who had enrolled one before it; it is listed under
      // who signed its own rotation, who stands last.
      try db.execute(
        sql: """
          UPDATE key
          SET enrolled_by = substr(enrolled_by, length(rtrim(enrolled_by, replace(enrolled_by, ' ', ''))) + 1)
          WHERE predecessor IS NOT NULL AND holder LIKE 'agent:%'
          """)
    }
    return migrator
  }()
}
