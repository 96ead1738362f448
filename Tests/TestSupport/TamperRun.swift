import Authority
import CanonicalJSON
import Decisions
import Foundation
import GRDB
package import Keys
import Registry
import Statements
import TransparencyLog

/// Edits of a registry file by someone who can write it and knows its format, each tried against a running
/// service, one that is started afterwards, and `log verify`.
///
/// What the file said before is the truth: one key was revoked and one resource locked last. An edit is
/// *believed* if a service lets either through, or if a service that decides refuses what is allowed.
package final class TamperRun {
  package enum Kind: String, CaseIterable, Sendable {
    /// No edit: the services decide, and the log verifies.
    case none
    case dropNewest, dropOne, copyOver, reorder, redate, retile, forgeRow, impossibleRow, alterBody
    case alterCheckpoint, swapFile, oldPin, oldState

    /// What names it: codes of a service, or words of a finding of `log verify`.
    var names: [String] {
      switch self {
      case .none: []
      case .dropNewest: ["log_truncated", "are missing", "were cut off"]
      case .dropOne: ["registry_tampered", "it is missing"]
      case .copyOver, .reorder, .redate:
        ["log_forked", "registry_tampered", "was rewritten", "altered"]
      case .retile: ["log_forked", "was rewritten", "not what the entries hash to"]
      case .forgeRow: ["table "]
      case .impossibleRow: ["registry_tampered", "was altered"]
      case .alterBody: ["missing or altered", "which it names, are missing", "were altered"]
      case .alterCheckpoint: ["checkpoint"]
      case .swapFile: ["registry_replaced", "log_truncated", "were cut off"]
      case .oldPin, .oldState: ["log_truncated", "log_forked"]
      }
    }
  }

  package struct Report: Sendable {
    package var counts: [Kind: (edits: Int, named: Int)] = [:]
    package var believed: [String] = []
    package var decided = 0

    package var text: String {
      Kind.allCases.map { kind in
        let count = counts[kind] ?? (0, 0)
        return "\(kind.rawValue) \(count.named)/\(count.edits)"
      }.joined(separator: ", ")
    }
  }

  private let world: World
  private let older: String
  private let size: Int
  private let entries: [[UInt8]]
  private let revoked: String
  private var number = 0

  /// Makes the registry that is edited, of one full tile of the log and some more.
  package init(entries count: UInt64 = 280) async throws {
    world = try World()
    older = "\(world.folder)/older"
    let second = try World.revokedKey()
    try world.enrol(second, of: world.bot)
    revoked = second.publicKey.fingerprint.digest.hex
    while world.ledger.tree.size < count - 20 {
      try world.sign(
        .settingsChanged(SettingsChanged(name: ByteString("\(world.ledger.tree.size)"))))
    }
    try await world.decide(6)
    try TamperRun.copy(world.folder, to: older)
    try await world.decide(4)
    try world.sign(
      .keyRevoked(
        KeyRevoked(
          key: second.publicKey.fingerprint, reason: .retired, compromisedSince: nil, note: "")))
    try world.sign(
      .lockPlaced(
        LockPlaced(target: .resource("stage://payments/locked/**"), reason: "leak", until: nil)))
    try await world.decide(2)
    try world.ledger.database.checkpoint()
    var all: [[UInt8]] = []
    try world.ledger.database.read { try $0.entries(from: 0) { all.append($1) } }
    entries = all
    size = all.count
  }

  private static func copy(_ folder: String, to target: String) throws {
    try FileManager.default.createDirectory(atPath: target, withIntermediateDirectories: true)
    let database = try RegistryDatabase("\(folder)/registry.db", access: .readOnly)
    try database.copy(to: "\(target)/registry.db")
    try database.close()
    for name in try FileManager.default.contentsOfDirectory(atPath: folder)
    where name.hasPrefix("pins") {
      try FileManager.default.copyItem(atPath: "\(folder)/\(name)", toPath: "\(target)/\(name)")
    }
  }

  /// Makes so many edits; every fifteenth is none.
  package func run(
    count: Int, random: inout some RandomNumberGenerator, progress: (Int) -> Void = { _ in }
  ) async throws -> Report {
    var report = Report()
    let kinds = Kind.allCases
    for round in 0..<count {
      let kind = kinds[round % kinds.count]
      try await tryEdit(kind, &random, &report)
      progress(round + 1)
    }
    return report
  }

  private func tryEdit(
    _ kind: Kind, _ random: inout some RandomNumberGenerator, _ report: inout Report
  ) async throws {
    number += 1
    let (folder, other) = ("\(world.folder)/edit-\(number)", "\(world.folder)/running-\(number)")
    for copy in [folder, other] { try TamperRun.copy(world.folder, to: copy) }
    defer { for copy in [folder, other] { try? FileManager.default.removeItem(atPath: copy) } }
    var found: [String] = []
    let running = try service(other)
    _ = try await running.decide(try world.action(on: "stage://payments/before"))
    found += await probe(running, kind, try edit(kind, other, &random), &report)
    try? await running.close()
    if kind != .oldPin, Bool.random(using: &random) {
      RegistryDatabase.remove("\(folder)/pins/\(world.registry.text).state.db")
    }
    let edit = try edit(kind, folder, &random)
    do {
      let verified = try LogVerification.run(
        try RegistryDatabase("\(folder)/registry.db", access: .readOnly),
        pins: PinStore(folder: "\(folder)/pins"))
      found += verified.findings
      if kind == .none, !verified.findings.isEmpty {
        report.believed.append("no edit, and: \(verified.findings)")
      }
    } catch {
      found.append(TamperRun.code(error))
    }
    do {
      found += await probe(try service(folder), kind, edit, &report)
    } catch {
      found.append(TamperRun.code(error))
    }
    var count = report.counts[kind] ?? (0, 0)
    count.edits += 1
    if kind == .none
      ? found.isEmpty
      : found.contains(where: { text in kind.names.contains { text.contains($0) } })
    {
      count.named += 1
    } else {
      report.believed.append("\(kind.rawValue) was not named: \(edit): \(found)")
    }
    report.counts[kind] = count
  }

  private func service(_ folder: String) throws -> DecisionAuthority {
    try DecisionAuthority(
      registry: "\(folder)/registry.db", service: world.gateway,
      key: try World.key(world.gateway), pins: PinStore(folder: "\(folder)/pins"),
      trust: world.registry, clock: world.clock.clock)
  }

  /// Asks for what is allowed, for what is locked, and with the revoked key; gives the codes of faults.
  private func probe(
    _ authority: DecisionAuthority, _ kind: Kind, _ edit: String, _ report: inout Report
  ) async -> [String] {
    var found: [String] = []
    let action = (try? Action(payload: world.action(on: "stage://payments/free").payload))
    let probes: [(UnverifiedEnvelope?, String)] = [
      (try? world.action(on: "stage://payments/free"), "allowed"),
      (try? world.action(on: "stage://payments/locked/x"), "locked"),
      (try? action?.signed(by: World.revokedKey()), "key_revoked"),
    ]
    for (envelope, expected) in probes {
      guard let envelope else { continue }
      do {
        let answer = try await authority.decide(envelope)
        let code = answer.reasons.first?.code.text ?? ""
        if code == expected {
          report.decided += 1
        } else {
          report.believed.append("\(kind.rawValue): \(edit): \(code), and the truth is \(expected)")
        }
      } catch {
        found.append(TamperRun.code(error))
        if kind == .none { report.believed.append("no edit, and \(error)") }
      }
    }
    return found
  }

  private static func code(_ error: any Error) -> String {
    (error as? AuthorityFault)?.code ?? (error as? RegistryFault)?.code ?? "\(error)"
  }

  // MARK: the edits

  private func edit(
    _ kind: Kind, _ folder: String, _ random: inout some RandomNumberGenerator
  ) throws -> String {
    let path = "\(folder)/registry.db"
    // The running service has decided once more since.
    let last = size
    func within(_ range: Range<Int>) -> Int { Int.random(in: range, using: &random) }
    func write(_ body: (RegistryTransaction) throws -> Void) throws {
      let database = try RegistryDatabase(path, access: .readWrite)
      try database.write(body)
      try database.close()
    }
    func sql(_ text: String) throws -> String {
      let queue = try DatabaseQueue(path: path)
      try queue.inDatabase { try $0.execute(sql: text) }
      try queue.close()
      return text
    }
    func received(_ index: Int) throws -> Timestamp { try LogEntry(bytes: entries[index]).received }
    func redated(_ index: Int, _ time: Timestamp) throws -> [UInt8] {
      try LogEntry(received: time, envelope: try LogEntry(bytes: entries[index]).envelope).bytes()
    }
    switch kind {
    case .none: return "none"
    case .dropNewest:
      return try sql("DELETE FROM entry WHERE idx > \(last - within(1..<40))")
    case .dropOne:
      return try sql("DELETE FROM entry WHERE idx = \(within(1..<last - 1))")
    case .copyOver:
      let first = last - within(1..<12)
      let source = within(2..<40)
      try write { transaction in
        for index in first..<last {
          try transaction.overwrite(
            entry: UInt64(index), with: try redated(source, try received(index)))
        }
      }
      return "entries \(first)..<\(last) are copies of \(source)"
    case .reorder:
      let (a, b) = (within(2..<last - 1), within(2..<last - 1))
      let other = a == b ? (a + 1) : b
      try write { transaction in
        try transaction.overwrite(entry: UInt64(a), with: try redated(other, try received(a)))
        try transaction.overwrite(entry: UInt64(other), with: try redated(a, try received(other)))
      }
      return "entries \(a) and \(other) change places"
    case .redate:
      let index = within(1..<last)
      let time = try received(index).advanced(byMilliseconds: Int64(within(1..<5000)))
      try write { try $0.overwrite(entry: UInt64(index), with: try redated(index, time)) }
      return "entry \(index) is received at \(time.text)"
    case .retile:
      let kept = last - within(1..<12)
      let filler = try redated(3, try received(kept - 1))
      _ = try sql("DELETE FROM entry WHERE idx >= \(kept)")
      let full = (kept / 256 + 1) * 256
      var hashes = entries[(full - 256)...].map { MerkleHash.leaf($0) }
      while hashes.count < 256 { hashes.append(MerkleHash.leaf(filler)) }
      try write { transaction in
        for index in kept..<full { try transaction.append(filler, at: UInt64(index)) }
        try transaction.store(
          tile: Tile(level: 0, index: UInt64(full / 256 - 1), hashes: Array(hashes.prefix(256))))
      }
      return "cut at \(kept), filled to \(full), with the old hashes as its tile"
    case .forgeRow:
      let edits = [
        "UPDATE key SET revoked = NULL, reason = NULL WHERE revoked IS NOT NULL",
        "DELETE FROM lock", "UPDATE decision SET verdict = 'deny'",
        "UPDATE agent SET owner = 'user:bob'", "DELETE FROM grant_link",
        "UPDATE policy SET active = 0",
        "UPDATE operator SET roles = 'viewer'", "DELETE FROM service",
        "INSERT INTO lock VALUES (zeroblob(32), '{}', 'x', NULL, 'user:bob', 0, NULL)",
      ]
      return try sql(edits[within(0..<edits.count)])
    case .impossibleRow:
      let value = [Int64(-1), Int64.min, Int64.max][within(0..<3)]
      let edits = [
        "INSERT INTO restoration VALUES (\(value))", "INSERT INTO tile VALUES (1, \(value), x'00')",
        "UPDATE decision SET idx = \(value) WHERE idx = (SELECT max(idx) FROM decision)",
        "INSERT INTO entry SELECT \(value), bytes FROM entry LIMIT 1",
      ]
      return try sql(edits[within(0..<edits.count)])
    case .alterBody:
      return try sql(
        "UPDATE body SET bytes = zeroblob(\(within(0..<99))) WHERE id = "
          + "(SELECT id FROM body WHERE id > 1 ORDER BY id LIMIT 1 OFFSET \(within(0..<8)))")
    case .alterCheckpoint:
      let edits = [
        "DELETE FROM checkpoint", "UPDATE checkpoint SET note = zeroblob(90)",
        "UPDATE checkpoint SET note = CAST(replace(CAST(note AS TEXT), '2', '3') AS BLOB)",
      ]
      return try sql(edits[within(0..<edits.count)])
    case .swapFile:
      try FileManager.default.copyItem(atPath: "\(older)/registry.db", toPath: path + ".older")
      try RegistryDatabase.replace(path, with: path + ".older")
      return "yesterday's file"
    case .oldPin:
      // The account's pin is of yesterday too; what it has verified since is not.
      try replace(".json", in: folder)
      try cut(path, to: last - within(1..<4))
      return "yesterday's pin, and entries cut off"
    case .oldState:
      try replace(".state.db", in: folder)
      try cut(path, to: last - within(1..<4))
      return "yesterday's state, and entries cut off"
    }
  }

  private func cut(_ path: String, to size: Int) throws {
    let queue = try DatabaseQueue(path: path)
    try queue.inDatabase {
      try $0.execute(sql: "DELETE FROM entry WHERE idx >= \(size); DELETE FROM checkpoint")
    }
    try queue.close()
  }

  /// Puts yesterday's file of the account in the place of today's.
  private func replace(_ suffix: String, in folder: String) throws {
    let file = "pins/\(world.registry.text)\(suffix)"
    RegistryDatabase.remove("\(folder)/\(file)")
    try FileManager.default.copyItem(atPath: "\(older)/\(file)", toPath: "\(folder)/\(file)")
  }
}

extension World {
  /// A second key of the agent, which is revoked in the course of a run.
  package static func revokedKey() throws -> SigningKey { try SigningKey.derived(from: "revoked") }
}
