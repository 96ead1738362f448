import Authority
import CanonicalJSON
import Decisions
import Delegations
import Foundation
import GRDB
import Keys
import Registry
import Statements
import TestSupport
import Testing
import TransparencyLog

/// Someone with write access to the registry file, and nothing else, against accounts that have seen it.
@Suite("the log against the owner of its file")
struct OwnerAttackTests {
  // MARK: the attacker's tools

  func sql(_ world: World, _ statements: String) throws {
    let queue = try DatabaseQueue(path: world.path)
    try queue.inDatabase { try $0.execute(sql: statements) }
    try queue.close()
  }

  /// The file's entries from an index on.
  func entries(_ world: World) throws -> [[UInt8]] {
    let database = try RegistryDatabase(world.path, access: .readOnly)
    var all: [[UInt8]] = []
    try database.read { try $0.entries(from: 0) { _, bytes in all.append(bytes) } }
    try database.close()
    return all
  }

  /// An old signed entry with another receipt time: it verifies, is refused as repeated, and counts as a
  /// leaf all the same.
  func copy(_ bytes: [UInt8], received: Timestamp) throws -> [UInt8] {
    try LogEntry(received: received, envelope: try LogEntry(bytes: bytes).envelope).bytes()
  }

  func append(_ world: World, _ bytes: [[UInt8]], at first: UInt64) throws {
    let database = try RegistryDatabase(world.path, access: .readWrite)
    try database.write { transaction in
      for (offset, bytes) in bytes.enumerated() {
        try transaction.append(bytes, at: first + UInt64(offset))
      }
    }
    try database.close()
  }

  /// Takes the newest entries away, fills the log with copies up to a full tile, and puts the original
  /// hashes in as that tile: what was seen of the log then "matches" for who believes stored hashes.
  func retile(_ world: World, dropping count: Int, to size: Int = 256) throws {
    let all = try entries(world)
    let kept = all.count - count
    let filler = try copy(all[3], received: try LogEntry(bytes: all[kept - 1]).received)
    try sql(world, "DELETE FROM entry WHERE idx >= \(kept)")
    try append(world, Array(repeating: filler, count: size - kept), at: UInt64(kept))
    var hashes = all.prefix(256).map { MerkleHash.leaf($0) }
    while hashes.count < 256 { hashes.append(MerkleHash.leaf(filler)) }
    let database = try RegistryDatabase(world.path, access: .readWrite)
    try database.write { try $0.store(tile: Tile(level: 0, index: 0, hashes: Array(hashes))) }
    try database.close()
  }

  /// A world in which everything was locked last, and an account has seen it.
  func locked() async throws -> World {
    let world = try World()
    try await world.decide(2)
    try world.sign(.lockPlaced(LockPlaced(target: .everything, reason: "leak", until: nil)))
    try world.ledger.storePin(in: world.pins)
    return world
  }

  func code(_ body: () throws -> Void) -> String? {
    do {
      try body()
      return nil
    } catch {
      return (error as? AuthorityFault)?.code ?? "\(error)"
    }
  }

  func asyncCode(_ body: () async throws -> Void) async -> String? {
    do {
      try await body()
      return nil
    } catch {
      return (error as? AuthorityFault)?.code ?? "\(error)"
    }
  }

  func open(_ world: World) throws -> Ledger {
    try Ledger(
      try RegistryDatabase(world.path, access: .readOnly), pins: world.pins, trust: world.registry)
  }

  func removeKeptState(_ world: World) {
    RegistryDatabase.remove("\(world.folder)/pins/\(world.registry.text).state.db")
  }

  // MARK: rollback and fork

  @Test(
    "never: a log that was rolled back and given the old hashes as tiles is taken",
    arguments: [true, false])
  func retiled(hasKeptState: Bool) async throws {
    let world = try await locked()
    if !hasKeptState { removeKeptState(world) }
    try retile(world, dropping: 1)
    #expect(code { _ = try open(world) } == "log_forked")
    #expect(code { _ = try world.authority() } == "log_forked")
    let report = try LogVerification.run(
      try RegistryDatabase(world.path, access: .readOnly), pins: world.pins)
    #expect(report.findings.contains { $0.contains("was rewritten") }, "\(report.findings)")
    // Nothing of the evidence was dropped: the second look finds the same.
    #expect(code { _ = try open(world) } == "log_forked")
  }

  @Test("never: a running service takes a shorter log after a write that was made to fail")
  func exchangedUnderFailingWrite() async throws {
    let world = try await locked()
    try world.sign(.lockPlaced(LockPlaced(target: .agent(world.bot), reason: "x", until: nil)))
    let authority = try world.authority()
    #expect(
      try await authority.decide(try world.action(on: "stage://payments/a")).reasons[0].code
        == "locked")
    let all = try entries(world)
    // The two locks are exchanged for copies of another entry, and the next write is made to fail.
    let last = try LogEntry(bytes: all[all.count - 1]).received
    let database = try RegistryDatabase(world.path, access: .readWrite)
    try database.write { transaction in
      for index in [all.count - 3, all.count - 2] {
        try transaction.overwrite(entry: UInt64(index), with: try copy(all[3], received: last))
      }
    }
    try database.close()
    try sql(
      world,
      "CREATE TRIGGER t BEFORE INSERT ON checkpoint BEGIN SELECT RAISE(ABORT, 'no'); END")
    let refused = await asyncCode {
      _ = try await authority.decide(try world.action(on: "stage://payments/b"))
    }
    #expect(refused == "log_forked", "\(refused ?? "-")")
    try sql(world, "DROP TRIGGER t")
    for _ in 0..<2 {
      #expect(
        await asyncCode {
          _ = try await authority.decide(try world.action(on: "stage://payments/c"))
        }
          == "log_forked", "the fault stands")
    }
    // Once the file is as it was, work goes on.
    let repaired = try RegistryDatabase(world.path, access: .readWrite)
    try repaired.write { transaction in
      for index in [all.count - 3, all.count - 2] {
        try transaction.overwrite(entry: UInt64(index), with: all[index])
      }
    }
    try repaired.close()
    #expect(
      try await authority.decide(try world.action(on: "stage://payments/d")).reasons[0].code
        == "locked")
  }

  @Test(
    "never: a tile that was altered under the mark makes a service forget what it has seen",
    arguments: [
      "UPDATE tile SET hashes = zeroblob(8192)", "DELETE FROM tile",
      "UPDATE tile SET hashes = zeroblob(12)", "UPDATE tile SET hashes = 'x'",
    ])
  func alteredTile(edit: String) async throws {
    let world = try World()
    while world.ledger.tree.size < 250 {
      try world.sign(
        .settingsChanged(SettingsChanged(name: ByteString("\(world.ledger.tree.size)"))))
    }
    let authority = try world.authority()
    try await authority.close()
    let pin = "\(world.folder)/pins/\(world.registry.text).json"
    let older = try Data(contentsOf: URL(fileURLWithPath: pin))
    while world.ledger.tree.size < 259 {
      try world.sign(
        .settingsChanged(SettingsChanged(name: ByteString("\(world.ledger.tree.size)"))))
    }
    try world.sign(.lockPlaced(LockPlaced(target: .everything, reason: "leak", until: nil)))
    let second = try world.authority()
    try await second.close()
    let running = try world.authority()
    try sql(world, edit)
    #expect(try open(world).state.isEverythingLocked(at: world.clock.now))
    // A pin that is older than the mark is proven by stored hashes.
    try older.write(to: URL(fileURLWithPath: pin))
    #expect(code { _ = try open(world) } == "registry_tampered")
    let answer = await asyncCode {
      let answer = try await running.decide(try world.action(on: "stage://payments/a"))
      #expect(answer.reasons[0].code == "locked", "what is replayed already stays known")
    }
    #expect(answer == nil || answer == "registry_tampered", "\(answer ?? "-")")
  }

  @Test("never: a replay judges a statement by a stored hash that is not the log's")
  func replayOverAlteredTile() throws {
    let world = try World()
    let early = world.ledger.head
    while world.ledger.tree.size < 257 {
      try world.sign(
        .settingsChanged(SettingsChanged(name: ByteString("\(world.ledger.tree.size)"))))
    }
    // A revocation whose signer had seen an early head: with a false tile its head looks unknown.
    let key = try World.key(world.bot).publicKey.fingerprint
    let draft = try StatementDraft(
      StatementHeader(
        at: world.clock.now, head: early,
        id: ByteString(Hexadecimal.text(of: SecureRandom.bytes(16))), registry: world.registry,
        signer: world.alice),
      .keyRevoked(KeyRevoked(key: key, reason: .unspecified, compromisedSince: nil, note: "")))
    try world.ledger.append(
      try draft.signed(by: try World.key(world.alice)), clock: world.clock.clock)
    try sql(world, "UPDATE tile SET hashes = zeroblob(8192)")
    var isRevoked = true
    let refused = code {
      let ledger = try Ledger(try RegistryDatabase(world.path, access: .readOnly), pins: nil)
      isRevoked = ledger.state.keys[key]?.revoked != nil
    }
    #expect(refused == "registry_tampered" && isRevoked)
  }

  // MARK: restores

  /// Puts a backup back and has the quorum say so; gives what was lost.
  func restore(_ world: World, _ backup: String, lost: TreeHead) throws -> Ledger {
    try? world.ledger.database.close()
    _ = try Backup.restore(backup, to: world.path, pins: world.pins, trust: nil)
    let restored = try Ledger(try RegistryDatabase(world.path, access: .readWrite), pins: nil)
    let kept = restored.head
    try restored.sign(
      .logRestored(LogRestored(lost: lost, kept: kept, reason: "disk")), by: world.alice,
      key: try World.key(world.alice), clock: world.clock.clock)
    return restored
  }

  @Test("never: a restore, once confirmed, excuses another rollback", arguments: [true, false])
  func restoreOnce(hasKeptState: Bool) async throws {
    let world = try World()
    let backup = "\(world.folder)/backup.db"
    _ = try Backup.make(world.ledger.database, to: backup)
    for name in ["a", "b", "c", "d", "e", "f"] as [ByteString] {
      try world.sign(.settingsChanged(SettingsChanged(name: name)))
    }
    try world.ledger.storePin(in: world.pins)
    let restored = try restore(world, backup, lost: world.ledger.head)
    let opened = try open(world)
    #expect(opened.state.restorations.count == 1, "excused once")
    let size = opened.head.size
    let yesterday = "\(world.folder)/yesterday.db"
    try restored.database.copy(to: yesterday)
    // On the new log something is locked, and this account sees it.
    try restored.sign(
      .lockPlaced(LockPlaced(target: .everything, reason: "leak", until: nil)), by: world.alice,
      key: try World.key(world.alice), clock: world.clock.clock)
    #expect(try open(world).head.size == size + 1)
    if !hasKeptState { removeKeptState(world) }
    try restored.database.close()
    try RegistryDatabase.replace(world.path, with: yesterday)
    #expect(code { _ = try open(world) } == "log_truncated")
    let report = try LogVerification.run(
      try RegistryDatabase(world.path, access: .readOnly), pins: world.pins)
    #expect(report.findings.contains { $0.contains("were cut off") }, "\(report.findings)")
    // Another log in the window between kept and lost is no better.
    let fork = try Ledger(try RegistryDatabase(world.path, access: .readWrite), pins: nil)
    for name in ["x", "y", "z"] as [ByteString] {
      try fork.sign(
        .settingsChanged(SettingsChanged(name: name)), by: world.alice,
        key: try World.key(world.alice), clock: world.clock.clock)
    }
    #expect(code { _ = try open(world) } == "log_forked")
  }

  @Test("never: a kept state that is longer than the log is dropped, and with it the evidence")
  func keptStateLongerThanLog() async throws {
    let world = try await locked()
    try open(world).storeMark()
    let pin = "\(world.folder)/pins/\(world.registry.text).json"
    // Even without the pin, what this account verified says that there was more.
    try FileManager.default.removeItem(atPath: pin)
    try sql(
      world, "DELETE FROM entry WHERE idx = (SELECT max(idx) FROM entry); DELETE FROM checkpoint")
    for _ in 0..<2 { #expect(code { _ = try open(world) } == "log_truncated") }
  }

  // MARK: pins

  @Test("never: an unreadable pin counts as none, so that --trust accepts a rollback")
  func unreadablePin() async throws {
    let world = try await locked()
    let pin = "\(world.folder)/pins/\(world.registry.text).json"
    removeKeptState(world)
    try sql(world, "DELETE FROM entry WHERE idx = (SELECT max(idx) FROM entry)")
    for text in ["", "{}", "{\"root\":\"00\",\"size\":1}", "x"] {
      try Data(text.utf8).write(to: URL(fileURLWithPath: pin))
      #expect(code { _ = try open(world) } == "pin_unusable", "\(text)")
      #expect(code { _ = try world.authority() } == "pin_unusable", "\(text)")
    }
    try FileManager.default.removeItem(atPath: pin)
    try FileManager.default.createDirectory(atPath: pin, withIntermediateDirectories: false)
    #expect(code { _ = try open(world) } == "pin_unusable")
  }

  @Test("never: a pin goes back, whoever writes it at the same time")
  func concurrentPins() throws {
    let world = try World()
    let pins = world.pins
    var heads: [TreeHead] = [world.ledger.head]
    for index in 0..<40 {
      try world.sign(.settingsChanged(SettingsChanged(name: ByteString("\(index)"))))
      heads.append(world.ledger.head)
    }
    let registry = world.registry
    let steps = heads
    DispatchQueue.concurrentPerform(iterations: 8) { worker in
      var random = SystemRandomNumberGenerator()
      var last: UInt64 = 0
      for _ in 0..<60 {
        let head = steps[Int.random(in: 0..<steps.count, using: &random)]
        _ = try? pins.store(Pin(head: head, restorations: []), for: registry) {
          $0.head.size <= head.size
        }
        let size = (try? pins.pin(for: registry))?.head.size ?? 0
        #expect(size >= last, "worker \(worker): from \(last) to \(size)")
        last = max(last, size)
      }
    }
    try world.ledger.storePin(in: pins)
    #expect(try pins.pin(for: registry)?.head == heads.last)
  }

  @Test("never: another process's pin of another log is written over")
  func pinOfAnotherLog() async throws {
    let world = try await locked()
    let ledger = try open(world)
    try world.pins.store(
      Pin(
        head: TreeHead(size: ledger.head.size, root: Digest.sha256([1])), restorations: []),
      for: world.registry
    ) { _ in true }
    #expect(code { try ledger.storePin() } == "log_forked")
    #expect(code { try ledger.catchUp() } == "log_forked")
  }

  // MARK: rows that cannot be

  static let impossible: [(edit: String, finding: String)] = [-1, Int64.min, Int64.max].flatMap {
    value in
    [
      (
        "UPDATE decision SET idx = \(value) WHERE idx = (SELECT max(idx) FROM decision)", "decision"
      ),
      ("INSERT INTO restoration VALUES (\(value))", "restoration"),
      (
        "INSERT INTO erasure SELECT action, \(value), 'x', 0 FROM decision LIMIT 1; "
          + "DELETE FROM body WHERE digest IN (SELECT action FROM erasure)", "erasure"
      ),
      ("INSERT INTO entry SELECT \(value), bytes FROM entry LIMIT 1", "entry"),
      ("UPDATE entry SET idx = \(value) WHERE idx = (SELECT max(idx) FROM entry)", "entry"),
      ("INSERT INTO tile VALUES (0, \(value), zeroblob(8192))", "tile"),
      ("INSERT INTO tile VALUES (-1, 0, zeroblob(8192))", "tile"),
      ("INSERT INTO checkpoint SELECT \(value), note FROM checkpoint", "checkpoint"),
      ("UPDATE hold SET idx = \(value)", "hold"), ("UPDATE vote SET idx = \(value)", "vote"),
      ("UPDATE roster SET idx = \(value) WHERE idx = (SELECT max(idx) FROM roster)", "roster"),
      ("UPDATE key SET idx = \(value)", "key"), ("UPDATE grant_link SET idx = \(value)", "grant"),
      ("UPDATE policy SET idx = \(value)", "policy"),
      ("UPDATE review SET idx = \(value)", "review"),
      ("UPDATE compromised_key SET revocation = \(value)", "compromised_key"),
      ("UPDATE compromised_key SET since = \(value), marker = \(value)", "compromised_key"),
    ]
  }

  @Test("never: a row that cannot be stops a program, or passes for good", arguments: impossible)
  func impossibleRow(edit: String, finding: String) async throws {
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
    let due = try world.ledger.database.read { try $0.reviews(all: false) }
    try world.sign(
      .reviewCompleted(
        ReviewCompleted(
          [.init(due[0].subject, index: Int64(due[0].index))], outcome: .justified, note: "x")),
      by: world.bob)
    try sql(world, edit)
    let report = try LogVerification.run(
      try RegistryDatabase(world.path, access: .readOnly), pins: world.pins)
    #expect(report.findings.contains { $0.contains(finding) }, "\(edit): \(report.findings)")
    // Whatever it answers, it answers.
    _ = await asyncCode { _ = try await authority.decide(envelope) }
    _ = await asyncCode { _ = try await authority.decide(try world.action()) }
    _ = code { _ = try open(world) }
    _ = code {
      let ledger = try Ledger(try RegistryDatabase(world.path, access: .readOnly), pins: nil)
      try ledger.database.read { transaction in
        for index in 0..<ledger.tree.size { _ = try? ledger.proof(of: index, transaction) }
        _ = try? ledger.dossier(hold, transaction)
        _ = try? transaction.holds(openAt: nil, limit: 100)
        _ = try? transaction.reviews(all: true)
        _ = try? transaction.decisions(limit: 100)
      }
    }
  }

  // MARK: faults that stay

  @Test("never: an erasure that no admitted entry makes is complained of once, and then passes")
  func erasureFaultStays() async throws {
    let world = try World()
    let authority = try world.authority()
    let envelope = try world.action(on: "stage://payments/api")
    _ = try await authority.decide(envelope)
    try await authority.close()
    removeKeptState(world)
    let running = try world.authority()
    _ = running
    // A proposal of an erasure that was never completed, named by a forged row.
    let carol = Principal.named("user:carol")
    try world.sign(
      .operatorEnrolled(try world.enrolled(carol, roles: [.admin, .approver])))
    try world.sign(.settingsChanged(SettingsChanged(adminQuorum: 2, acceptsNoSpare: true)))
    let action = try Action(payload: envelope.payload)
    try world.sign(
      .payloadErased(
        PayloadErased(action: envelope.digest, kept: action.withoutDetails, reason: "x")),
      alone: true)
    let index = world.ledger.tree.size - 1
    let digest = Hexadecimal.text(of: envelope.digest.bytes)
    try sql(
      world,
      "DELETE FROM body WHERE digest = x'\(digest)'; "
        + "INSERT INTO erasure VALUES (x'\(digest)', \(index), 'x', 0)")
    RegistryDatabase.remove("\(world.folder)/pins/\(world.registry.text).state.db")
    let ledger = try? Ledger(
      try RegistryDatabase(world.path, access: .readOnly), pins: nil)
    #expect(ledger == nil, "opening it is refused")
    let again = try LedgerThatMayFail(world)
    for _ in 0..<3 { #expect(code { try again.catchUp() } == "registry_tampered") }
  }
}

/// A ledger that was opened before its file was altered, and replays it anew.
private struct LedgerThatMayFail {
  private let ledger: Ledger

  init(_ world: World) throws {
    // An empty copy of the registry, into which the altered log is then put.
    let path = "\(world.folder)/later.db"
    let empty = try RegistryDatabase.create(path, group: nil)
    ledger = try Ledger(empty, pins: nil)
    let queue = try DatabaseQueue(path: path)
    try queue.inDatabase { db in
      try db.execute(
        sql: """
          ATTACH '\(world.path)' AS old;
          INSERT INTO entry SELECT * FROM old.entry; INSERT INTO body SELECT * FROM old.body;
          INSERT INTO erasure SELECT * FROM old.erasure; INSERT INTO tile SELECT * FROM old.tile;
          """)
    }
    try queue.close()
  }

  func catchUp() throws { try ledger.catchUp() }
}
