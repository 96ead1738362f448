import Authority
import CanonicalJSON
import Cells
import Foundation
import Keys
import Statements
import Synchronization
import TestSupport
import Testing

@testable import Commands
@testable import Console
@testable import Registry

/// What the list of keys says of each: who enrolled it, when it was used last, how it stands.
@Suite struct KeyListTests {
  private let box: Sandbox
  private let database: RegistryDatabase
  private let reader: RegistryReader

  init() throws {
    box = try Sandbox()
    for name in ["alice", "bob"] {
      try box.countersign(
        "key", "new", "--operator", "user:\(name)", "--out", "\(box.home)/\(name).key",
        passphrase: name)
    }
    try box.asUser(
      "alice", "init", "--as", "user:alice", "--groups", "sre", "--may-grant", "a@b://c/**")
    try box.asUser(
      "alice", "operator", "enroll", "user:bob", "--public", "\(box.home)/bob.key.pub", "--groups",
      "sre", "--roles", "admin,approver")
    try box.asUser("alice", "agent", "register", "agent:bot", "--roles", "x")
    for name in ["old", "new"] {
      try box.countersign("key", "new", "--out", "\(box.home)/\(name).pem")
    }
    try box.asUser("alice", "key", "enroll", "agent:bot", "--agent-key", "\(box.home)/old.pem")
    database = try RegistryDatabase(box.registry, access: .readOnly)
    reader = RegistryReader(database, viewer: Principal("user:alice"))
  }

  private func page(selected: Target? = nil, ended: Bool = false) async -> ListPage? {
    let found = Mutex<ListPage?>(nil)
    await reader.page(
      ListRequest(
        view: .keys, serial: 1, anchor: .first, limit: 50, order: .name, isReversed: false,
        filter: "", showsEnded: ended, collapses: true, selected: selected)
    ) { message in if case .page(let page) = message { found.withLock { $0 = page } } }
    return found.withLock { $0 }
  }

  private func cell(_ row: ListRow, _ column: String) -> String {
    let index = View.keys.columns.firstIndex { $0.name == column }
    return index.map { row.cells[$0].shown(at: Clock.system.now()).text.text } ?? "no column"
  }

  @Test func `a rotated key is listed under who signed its rotation`() async throws {
    try box.asUser(
      "bob", "key", "rotate", "agent:bot", "--old-key", "\(box.home)/old.pem", "--new-key",
      "\(box.home)/new.pem")
    let rows = try #require(await page(ended: true)).rows.filter {
      cell($0, "holder") == "agent:bot"
    }
    #expect(rows.map { cell($0, "by") } == ["user:alice", "user:bob"])
    // In a registry of before, both stood there.
    let copy = try copied()
    try RawSQL.execute(
      """
      UPDATE key SET enrolled_by = 'user:alice user:bob' WHERE predecessor IS NOT NULL;
      DROP TABLE key_use; DELETE FROM grdb_migrations WHERE identifier = '9 keys'
      """, in: copy)
    let again = try RegistryDatabase(copy, access: .readWrite)
    let enrolled = try again.read { try $0.keys(holder: "agent:bot").map(\.enrolledBy) }
    #expect(enrolled == ["user:alice", "user:bob"])
  }

  private func copied() throws -> String {
    let copy = "\(box.home)/copy.db"
    try RawSQL.execute("VACUUM INTO '\(copy)'", in: box.registry)
    return copy
  }

  @Test func `operators' keys have a last use too, and those that signed nothing have none`()
    async throws
  {
    let rows = try #require(await page()).rows
    let used = Dictionary(uniqueKeysWithValues: rows.map { (cell($0, "holder"), cell($0, "used")) })
    #expect(used["user:bob"] == "-" && used["agent:bot"] == "-")
    #expect(used["user:alice"] != nil && used["user:alice"] != "-", "\(used)")
    // A registry of before is filled from its log.
    let copy = try copied()
    let key = try #require(rows.first { cell($0, "holder") == "user:alice" }).target
    guard case .key(let digest) = key else { return }
    let before = try database.read {
      try $0.lastUse(of: Fingerprint(digest: digest), by: .named("user:alice"))
    }
    try RawSQL.execute(
      "DROP TABLE key_use; DELETE FROM grdb_migrations WHERE identifier = '9 keys'", in: copy)
    let filled = try RegistryDatabase(copy, access: .readWrite)
    #expect(
      try filled.read { try $0.lastUse(of: Fingerprint(digest: digest), by: .named("user:alice")) }
        == before)
  }

  @Test
  func `a service's key was used when it decided, an agent's when it acted, however long ago`()
    async throws
  {
    try box.asUser(
      "alice", "service", "enroll", "service:gateway-1", "--out", "\(box.home)/gw.pem")
    func row(_ holder: String) async throws -> ListRow {
      let rows = try #require(await page()).rows
      return try #require(rows.first { cell($0, "holder") == holder })
    }
    #expect(cell(try await row("service:gateway-1"), "used") == "-")
    guard case .key(let bot) = try await row("agent:bot").target else { return }
    let now = Clock.system.now().milliseconds
    let decisions = "INSERT INTO decision SELECT 1000000 + i, x'00', x'00'"
    try RawSQL.execute(
      """
      INSERT INTO ui_service VALUES
        ('service:gateway-1', 'here', '/s', 1, \(now), \(now), \(now - 7_260_000), 1, 0, NULL, '');
      WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < 2000)
      \(decisions), CASE WHEN i = 0 THEN \(Fingerprint(digest: bot).marker) ELSE 0 END, 'agent:bot',
        'a', 'b://c', 'allow', '', '', \(now) - 10860000 + i, NULL FROM n;
      """, in: box.registry)
    #expect(cell(try await row("service:gateway-1"), "used") == "2h")
    // Another key of the same agent has acted since, and often.
    #expect(cell(try await row("agent:bot"), "used") == "3h")
  }

  @Test func `a key revoked under the cursor is told as revoked`() async throws {
    let rows = try #require(await page()).rows
    let target = try #require(rows.first { cell($0, "holder") == "agent:bot" }).target
    let listed = try #require(await page(selected: target))
    #expect(listed.departed == nil)
    guard case .key(let digest) = target else { return }
    try box.asUser(
      "alice", "key", "revoke", "ed25519:\(digest.hex)", "--reason", "retired", "--yes")
    let after = try #require(await page(selected: target))
    let departed = try #require(after.departed)
    let status = View.keys.columns.firstIndex { $0.name == "status" } ?? 0
    #expect(departed[status].shown(at: Clock.system.now()).text.text == "REVOKED")
  }
}
