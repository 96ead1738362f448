import Authority
import CanonicalJSON
import Foundation
import Keys
import Registry
import Statements
import TestSupport
import Testing
import TransparencyLog

@Suite struct TamperTests {
  /// A registry with a decision, a vote, a release and a revoked key.
  private func eventful() async throws -> World {
    let world = try World()
    let authority = try world.authority()
    let envelope = try world.action()
    let hold = try #require(try await authority.decide(envelope).hold).digest
    try world.vote(.approve, on: hold)
    _ = try await authority.decide(envelope)
    try world.sign(
      .keyRevoked(
        KeyRevoked(
          key: try World.key(world.bot).publicKey.fingerprint, reason: .compromised,
          compromisedSince: nil, note: "")))
    _ = try await authority.decide(try world.action())
    return world
  }

  private func sql(_ world: World, _ statement: String) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/sqlite3")
    process.arguments = [world.path, statement]
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
  }

  private func findings(_ world: World) throws -> [String] {
    try LogVerification.run(
      RegistryDatabase(world.path, access: .readOnly), pins: world.pins
    ).findings
  }

  @Test func `an untouched registry verifies`() async throws {
    let world = try await eventful()
    #expect(try findings(world) == [])
  }

  @Test(arguments: [
    (
      "UPDATE key SET revoked = NULL, reason = NULL WHERE revoked IS NOT NULL", "table key, row "
    ),
    ("DELETE FROM entry WHERE idx = (SELECT max(idx) FROM entry)", "are missing"),
    (
      "UPDATE entry SET bytes = CAST(substr(bytes,1,300) || x'41' || substr(bytes,302) AS BLOB) WHERE idx = 9",
      "entry 9 of the log was altered"
    ),
    ("UPDATE vote SET reason = 'yes'", "table vote, row "),
    ("ALTER TABLE ui_presence RENAME COLUMN waits TO w4its", "the file has what no registry has"),
    ("UPDATE vote SET vote = 'deny'", "column vote: it is"),
    ("DELETE FROM entry WHERE idx = 4", "entry 4 of the log was altered (it is missing)"),
    ("DELETE FROM hold", "the log calls for it, and it is missing"),
    ("UPDATE decision SET verdict = 'allow' WHERE verdict = 'hold'", "table decision, row "),
    ("UPDATE body SET bytes = x'00' WHERE id = 1", "which it names, are missing"),
    ("UPDATE body SET bytes = x'00' WHERE id = 2", "are missing or altered"),
    ("UPDATE checkpoint SET note = x'00'", "the checkpoint:"),
    ("DELETE FROM checkpoint", "the signed checkpoint is missing"),
    ("INSERT INTO tile VALUES (0, 0, x'00')", "tiles that no entries call for"),
    (
      "CREATE TRIGGER t AFTER INSERT ON vote BEGIN DELETE FROM vote; END",
      "the file has what no registry has: trigger t"
    ),
    ("DROP TABLE vote", "the file lacks what every registry has"),
    ("DELETE FROM grdb_migrations WHERE rowid = 1", "lacks what every registry has: migration"),
  ])
  func `an edit is found and named`(edit: String, expected: String) async throws {
    let world = try await eventful()
    try sql(world, edit)
    let found = try findings(world)
    #expect(found.contains { $0.contains(expected) }, "\(found)")
  }

  @Test func `a deciding service believes no edited row`() async throws {
    let world = try await eventful()
    let authority = try world.authority()
    try sql(world, "UPDATE key SET revoked = NULL, reason = NULL")
    let answer = try await authority.decide(try world.action())
    #expect(answer.reasons.first?.code == "key_revoked")
  }

  @Test func `yesterday's file is refused by who has seen today's`() async throws {
    let world = try World()
    let authority = try world.authority()
    try await authority.close()
    let copy = world.folder + "/old.db"
    try sql(world, "VACUUM INTO '\(copy)'")
    let again = try world.authority()
    _ = try await again.decide(try world.action())
    try await again.close()
    #expect {
      _ = try Ledger(RegistryDatabase(copy, access: .readOnly), pins: world.pins)
    } throws: { error in
      (error as? AuthorityFault)?.code == "log_truncated"
    }
  }

  @Test func `an account without a pin must be told whom to trust`() async throws {
    let world = try World()
    let none = PinStore(folder: world.folder + "/none")
    #expect(throws: AuthorityFault.unpinned(registry: world.registry)) {
      _ = try Ledger(RegistryDatabase(world.path, access: .readOnly), pins: none)
    }
    #expect(throws: AuthorityFault.otherRegistry(expected: "00", found: world.registry)) {
      _ = try Ledger(RegistryDatabase(world.path, access: .readOnly), pins: none, trust: "00")
    }
  }

  @Test func `an entry of a kind this version does not know stops deciding`() async throws {
    let world = try World()
    let key = try World.key(world.alice)
    let payload = Array("{}".utf8)
    let type: ByteString = "application/vnd.countersign.future.thing.v1+json"
    let signature = key.sign(PreAuthEncoding.bytes(payloadType: type, payload: payload))
    let envelope = UnverifiedEnvelope(
      payloadType: type, payload: payload,
      signatures: [StatementSignature(key: key.publicKey.fingerprint, signature: signature)])
    let bytes = try LogEntry(received: world.clock.now, envelope: envelope).bytes()
    let size = world.ledger.tree.size
    try world.ledger.database.write { try $0.append(bytes, at: size) }
    let authority = try world.authority()
    await #expect {
      _ = try await authority.decide(try world.action())
    } throws: { error in
      (error as? AuthorityFault)?.code == "unsupported_entry"
    }
  }

  @Test func `a clock far behind the log decides nothing`() async throws {
    let world = try World()
    let authority = try world.authority()
    let envelope = try world.action()
    world.clock.advance(seconds: -6)
    await #expect {
      _ = try await authority.decide(envelope)
    } throws: { error in
      (error as? AuthorityFault)?.code == "clock_untrusted"
    }
  }
}
