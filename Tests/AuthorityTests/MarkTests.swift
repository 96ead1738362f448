import Authority
import CanonicalJSON
import Decisions
import Delegations
import Foundation
import GRDB
import Keys
import Statements
import TestSupport
import Testing

@testable import Registry

@Suite("verified-up-to marks and packed storage")
struct MarkTests {
  /// A world with something of everything in its state.
  func world() async throws -> World {
    let world = try World()
    let authority = try world.authority()
    let held = try world.action()
    let hold = try #require(try await authority.decide(held).hold?.digest)
    _ = try await authority.decide(try world.action(on: "stage://payments/api"))
    _ = try await authority.decide(try world.action(on: "prod://payments/other"))
    try await authority.close()
    try world.vote(.approve, on: hold)
    try world.sign(
      .lockPlaced(LockPlaced(target: .resource("git://repo/**"), reason: "x", until: nil)))
    let next = try SigningKey.derived(from: "second")
    try world.enrol(next, of: world.bot)
    try world.sign(
      .keyRevoked(
        KeyRevoked(
          key: next.publicKey.fingerprint, reason: .compromised,
          compromisedSince: world.clock.now, note: "x")))
    try world.sign(.settingsChanged(SettingsChanged(name: "renamed")))
    return world
  }

  func open(_ world: World, pins: PinStore?) throws -> Ledger {
    try Ledger(
      try RegistryDatabase(world.path, access: .readOnly), pins: pins, trust: world.registry)
  }

  @Test("a state read back is the state, and replay from a mark is replay from the start")
  func roundTrip() async throws {
    let world = try await world()
    let whole = try open(world, pins: nil).state.snapshot
    #expect(try AuthorityState(snapshot: whole).snapshot == whole)
    try open(world, pins: world.pins).storeMark()
    try world.sign(.lockPlaced(LockPlaced(target: .agent(world.bot), reason: "x", until: nil)))
    let fromStart = try open(world, pins: nil)
    let fromMark = try open(world, pins: world.pins)
    #expect(fromMark.state.snapshot == fromStart.state.snapshot)
    #expect(fromMark.head == fromStart.head)
  }

  /// Does something to the file in which the state is kept, as another program would.
  func alter(_ world: World, _ sql: String) throws {
    let queue = try DatabaseQueue(
      path: "\(world.folder)/pins/\(world.registry.text).state.db")
    try queue.write { try $0.execute(sql: sql) }
    try queue.close()
  }

  @Test(
    "a mark that was altered is not believed: everything is replayed",
    arguments: [
      "UPDATE mark SET bytes = CAST(replace(CAST(bytes AS TEXT), '\"approver\"', '\"admin\"') AS BLOB)",
      "UPDATE mark SET root = zeroblob(32)", "UPDATE mark SET size = size - 1",
      "UPDATE mark SET size = size + 1", "DELETE FROM mark",
      "UPDATE mark SET tree_digest = zeroblob(32)",
      "UPDATE mark SET tree = tree + 1", "DROP TABLE mark",
      // Found by flipped bits: values of another kind.
      "UPDATE mark SET tree = 'x'", "UPDATE mark SET tree = NULL, tree_digest = NULL",
      "UPDATE mark SET size = 'x'", "UPDATE mark SET bytes = 7", "UPDATE mark SET sum = 'x'",
    ])
  func alteredMark(sql: String) async throws {
    let world = try await world()
    try open(world, pins: world.pins).storeMark()
    try alter(world, sql)
    let ledger = try open(world, pins: world.pins)
    #expect(ledger.state.operators[world.bob]?.has(.admin) == false)
    #expect(ledger.state.snapshot == (try open(world, pins: nil)).state.snapshot)
  }

  @Test(
    "a record that was altered decides nothing, and the state is made anew",
    arguments: [
      "UPDATE node SET bytes = zeroblob(9)", "UPDATE node SET bytes = 'x'", "DELETE FROM node",
      "UPDATE node SET bytes = CAST(replace(CAST(bytes AS TEXT), '10', '11') AS BLOB)",
      "DROP TABLE node", "ALTER TABLE node RENAME bytes TO other",
    ])
  func alteredRecord(sql: String) async throws {
    let world = try await world()
    let authority = try world.authority()
    try await authority.close()
    try alter(world, sql)
    // Whoever reads it first is refused, and nothing comes of what was read.
    let reader = try open(world, pins: world.pins)
    _ = reader.state.snapshot
    #expect { try reader.checkShelf() } throws: {
      ($0 as? AuthorityFault)?.code == "state_unreadable"
    }
    let size = try open(world, pins: nil).head.size
    let again = try world.authority()
    #expect(try await again.decide(try world.action()).verdict == .hold)
    try await again.close()
    let ledger = try open(world, pins: world.pins)
    #expect(ledger.head.size == size + 1)
    #expect(ledger.state.snapshot == (try open(world, pins: nil)).state.snapshot)
  }

  @Test("whatever bit of the kept state flips, the state is that of the log, or nothing is said")
  func flips() async throws {
    let seed = UInt64.random(in: 0..<1 << 32)
    var random = SeededRandom(seed: seed)
    let graph = try RandomGraph(agents: 12, &random)
    try await graph.hold(6, &random)
    let (refused, bits) = try KeptStateFlips.run(graph.world, count: 100, random: &random) {
      Issue.record("\($0)")
    }
    print("100 bits of \(bits), seed \(seed): \(refused) refused")
  }

  @Test(
    "an older state put in the file's place under a running service is noticed, and work goes on")
  func overwritten() async throws {
    let world = try await world()
    let path = "\(world.folder)/pins/\(world.registry.text).state.db"
    func read() throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path)) }
    let first = try open(world, pins: world.pins)
    try first.storeMark()
    try first.fold()
    let older = try read()
    try await world.decide(20)
    let running = try world.authority()
    _ = try await running.decide(try world.action(on: "stage://payments/a"))
    let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
    try file.write(contentsOf: older)
    try file.close()
    var refused = 0
    for index in 0..<6 {
      do {
        let answer = try await running.decide(
          try world.action(on: ByteString("stage://payments/b\(index)")))
        #expect(answer.verdict == .allow)
      } catch let fault as AuthorityFault {
        #expect(fault.code == "state_unreadable")
        refused += 1
      }
    }
    #expect(refused <= 1)
    try await running.close()
    #expect(
      try open(world, pins: world.pins).state.snapshot
        == (try open(world, pins: nil)).state.snapshot)
  }

  @Test(
    "where what was seen cannot be written down, what was decided is answered, and no more is decided"
  )
  func unwritablePin() async throws {
    let world = try await world()
    let authority = try world.authority()
    // What is written there first is in the way.
    let pin = "\(world.folder)/pins/\(world.registry.text).json.new"
    try FileManager.default.createDirectory(atPath: pin, withIntermediateDirectories: false)
    #expect(try await authority.decide(try world.action()).verdict == .hold)
    let size = await authority.size
    let next = try world.action(on: "stage://payments/x")
    await #expect { try await authority.decide(next) } throws: {
      ($0 as? AuthorityFault)?.code == "pin_unusable"
    }
    #expect(try open(world, pins: nil).head.size == size, "nothing was recorded")
    try FileManager.default.removeItem(atPath: pin)
    let answer = try await authority.decide(next)
    #expect(answer.verdict == .allow && !answer.isRepeat)
    try await authority.close()
  }

  @Test("opening a state that was written down keeps nothing of it in memory")
  func nothingInMemory() async throws {
    let world = try await world()
    try open(world, pins: world.pins).storeMark()
    let ledger = try open(world, pins: world.pins)
    #expect(ledger.state.changeCount == 0)
    #expect(ledger.state.agents[world.bot] != nil)
    #expect(ledger.state.changeCount == 0)
  }

  @Test("what is read after another process wrote a newer state is not believed")
  func moved() async throws {
    let world = try await world()
    let first = try open(world, pins: world.pins)
    try first.storeMark()
    first.rest()
    let second = try open(world, pins: world.pins)
    try world.sign(.grantRevoked(GrantRevoked(grant: world.grant, reason: "x")))
    try second.catchUp()
    try second.storeMark()
    #expect(first.state.grants[world.grant] == nil)
    #expect(throws: AuthorityFault.stateMoved) { try first.checkShelf() }
    try first.catchUp()
    try first.checkShelf()
    #expect(first.state.grants[world.grant]?.revoked != nil)
    #expect(first.state.snapshot == (try open(world, pins: nil)).state.snapshot)
  }

  @Test("a shelf that moved on is not read by who does not know what changed")
  func newerShelf() throws {
    let world = try World()
    let path = "\(world.folder)/shelf.db"
    func mark(_ size: UInt64) -> StateShelf.Mark {
      StateShelf.Mark(size: size, root: Digest.sha256([UInt8(size)]))
    }
    let (reader, writer) = (try StateShelf(path), try StateShelf(path))
    func write(_ size: UInt64, _ value: UInt8) throws -> Bool {
      try writer.write(
        mark(size), bytes: [], isPrefix: { _ in true }, { try $0.set(.agents, [1], [value]) })
    }
    #expect(try write(1, 10))
    #expect(reader.record(.agents, [1]) == nil && reader.fault == .moved, "it knows of no log yet")
    reader.forgive()
    reader.allow(upTo: 1)
    #expect(reader.record(.agents, [1]) == [10])
    #expect(try write(2, 20))
    #expect(reader.record(.agents, [1]) == [10] && reader.fault == nil, "as it was when it began")
    // Looking anew is not knowing more.
    #expect(try reader.refresh() == mark(2))
    #expect(reader.record(.agents, [1]) == nil && reader.fault == .moved)
    reader.forgive()
    // What is not further is not written, and changes nothing of what is looked at.
    #expect(
      try !reader.write(
        mark(1), bytes: [], isPrefix: { _ in true }, { try $0.set(.agents, [1], nil) }))
    reader.allow(upTo: 2)
    #expect(reader.record(.agents, [1]) == [20] && reader.fault == nil)
    reader.rest(upTo: 2)
    #expect(try write(3, 30))
    #expect(reader.record(.agents, [1]) == nil && reader.fault == .moved)
  }

  @Test("several processes that write it down in any order all have the state of the log")
  func interleaved() async throws {
    let seed = UInt64.random(in: 0..<1 << 32)
    print("seed \(seed)")
    var random = SeededRandom(seed: seed)
    let graph = try RandomGraph(agents: 6, &random)
    let world = graph.world
    try await graph.hold(4, &random)
    let authority = try world.authority()
    var ledgers = [world.ledger]
    for _ in 0..<2 { ledgers.append(try open(world, pins: world.pins)) }
    for _ in 0..<60 {
      // What runs out is tidied away by some of them, and by others not.
      world.clock.advance(seconds: Int64.random(in: 0...40, using: &random))
      let ledger = ledgers[Int.random(in: 0..<ledgers.count, using: &random)]
      switch Int.random(in: 0..<6, using: &random) {
      case 5: _ = try? await authority.decide(try world.action())
      case 0: _ = try? world.sign(try graph.change(&random))
      case 1:
        try ledger.catchUp()
        try ledger.storeMark()
      case 2: try ledger.storeMark()
      case 3: ledger.rest()
      default:
        try ledger.catchUp()
        let snapshot = ledger.state.snapshot
        try ledger.checkShelf()
        #expect(snapshot == (try open(world, pins: nil)).state.snapshot)
      }
    }
  }

  @Test("a refused statement leaves the state as it was")
  func refusedLeavesNothing() async throws {
    let world = try await world()
    let before = world.ledger.state.snapshot
    let bodies: [StatementBody] = [
      .agentRegistered(AgentRegistered(agent: world.bot, owner: world.alice, roles: [])),
      .operatorEnrolled(try world.enrolled(world.bob, roles: [.admin])),
      .operatorRemoved(OperatorRemoved(principal: world.alice, reason: "x")),
      .settingsChanged(SettingsChanged(adminQuorum: 5)),
      .grantRevoked(GrantRevoked(grant: Digest.sha256([]), reason: "x")),
      .lockLifted(LockLifted(lock: Digest.sha256([]), reason: "x")),
      .policyActivated(PolicyActivated(policy: Digest.sha256([]))),
      .approvalVoted(
        ApprovalVoted(hold: Digest.sha256([]), vote: .approve, reason: "", validUntil: nil)),
      .clockReset(ClockReset(to: world.clock.now.advanced(bySeconds: 999), reason: "x")),
      .logRestored(
        LogRestored(
          lost: TreeHead(size: 5, root: Digest.sha256([])),
          kept: TreeHead(size: 5, root: Digest.sha256([])), reason: "x")),
    ]
    for body in bodies {
      #expect(throws: (any Error).self) { try world.sign(body) }
      #expect(world.ledger.state.snapshot == before, "\(body.type.rawValue)")
    }
  }

  @Test("what is packed comes back as it was; what is damaged is refused")
  func packing() throws {
    var random = SystemRandomNumberGenerator()
    let samples: [[UInt8]] = [
      [], [0], Array("{\"at\":\"2026".utf8), Array(String(repeating: "0a", count: 200).utf8),
      Array("deadbeefdeadbee".utf8), Array("DEADBEEFDEADBEEFDEAD".utf8),
      Array((Base64.text(of: SecureRandom.bytes(64)) + "==").utf8),
      Array("é ünï \u{1F600} \u{202E}".utf8),
    ]
    for sample in samples { #expect(Packing.unpack(Packing.pack(sample)) == sample) }
    for _ in 0..<2000 {
      let pieces = (0..<Int.random(in: 0..<12, using: &random)).map { _ -> [UInt8] in
        switch Int.random(in: 0..<5, using: &random) {
        case 0: SecureRandom.bytes(Int.random(in: 0..<100, using: &random))
        case 1:
          Array(
            Hexadecimal.text(of: SecureRandom.bytes(Int.random(in: 0..<90, using: &random))).utf8)
        case 2: Array(Base64.text(of: SecureRandom.bytes(Bool.random() ? 32 : 64)).utf8)
        case 3: Array("\",\"key\":\"".utf8)
        default: Array("application/vnd.countersign.".utf8)
        }
      }
      let bytes = Array(pieces.joined())
      #expect(Packing.unpack(Packing.pack(bytes)) == bytes)
    }
    for _ in 0..<2000 { _ = Packing.unpack(SecureRandom.bytes(40)) }
    #expect(Packing.unpack([]) == nil)
    #expect(Packing.unpack([1, 0x05, 1]) == nil)
    #expect(Packing.unpack([2]) == nil)
  }
}
