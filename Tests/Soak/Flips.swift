import Authority
import CanonicalJSON
import Foundation
import Keys
import Registry
import Statements
import TestSupport

/// Random single-byte changes anywhere in the file: each one that changes meaning is found.
enum Flips {
  static func run(count: Int, seed: UInt64) async throws {
    var random = SeededRandom(seed: seed)
    let world = try await sample()
    let original = [UInt8](try Data(contentsOf: URL(fileURLWithPath: world.path)))
    let expected = try content(of: world.path)
    let path = "\(world.folder)/flipped.db"
    // To look at one place closely.
    let near = ProcessInfo.processInfo.environment["COUNTERSIGN_FLIP_NEAR"].flatMap { Int($0) }
    print("flips \(count), seed \(seed)")
    var (found, refused, unused) = (0, 0, 0)
    for round in 0..<count {
      var bytes = original
      let at =
        near.map { $0 - 24 + Int.random(in: 0..<48, using: &random) }
        ?? Int.random(in: 0..<bytes.count, using: &random)
      bytes[at] ^= UInt8.random(in: 1...255, using: &random)
      RegistryDatabase.remove(path)
      try Data(bytes).write(to: URL(fileURLWithPath: path))
      do {
        let database = try RegistryDatabase(path, access: .readOnly)
        let report = try LogVerification.run(database, pins: world.pins)
        try database.close()
        if !report.findings.isEmpty {
          found += 1
        } else if try content(of: path) == expected {
          unused += 1
        } else {
          let now = try content(of: path)
          let lines = Set(now).symmetricDifference(expected).sorted().map { $0.prefix(160) }
          throw SoakFailure(
            "byte \(at) of \(bytes.count), \(original[at]) to \(bytes[at]), seed \(seed): changed "
              + "and not found: \(lines.joined(separator: " | "))")
        }
      } catch let failure as SoakFailure {
        throw failure
      } catch is RegistryFault {
        refused += 1
      } catch is AuthorityFault {
        refused += 1
      }
      if round % 500 == 499 { say("flips \(round + 1) of \(count)") }
    }
    print(
      "flips \(count) in \(original.count) bytes, seed \(seed): \(found) found by log verify, "
        + "\(refused) not even opened, \(unused) in free or unused bytes, 0 missed")
  }

  /// Random single-bit changes in the kept state: none is believed.
  static func runState(count: Int, seed: UInt64) async throws {
    var random = SeededRandom(seed: seed)
    let world = try await sample()
    print("state \(count), seed \(seed)")
    var wrong: [String] = []
    let (refused, bits) = try KeptStateFlips.run(world, count: count, random: &random) {
      wrong.append($0)
    }
    if let first = wrong.first { throw SoakFailure("seed \(seed): \(first)") }
    print(
      "state \(count) in \(bits) bits, seed \(seed): \(refused) refused, \(count - refused) in unused "
        + "bits or made anew at once, 0 believed")
  }

  /// A registry with something of everything, closed.
  private static func sample() async throws -> World {
    let world = try World()
    let authority = try world.authority()
    for index in 0..<12 {
      _ = try await authority.decide(
        try world.action(on: ByteString("stage://payments/s\(index)")))
    }
    let held = try world.action()
    if let hold = try await authority.decide(held).hold?.digest {
      try world.vote(.approve, on: hold)
      _ = try await authority.decide(held)
    }
    _ = try await authority.decide(try world.action(on: "prod://payments/other"))
    _ = try await authority.decide(try world.action("restart"))
    try await authority.close()
    try world.sign(
      .lockPlaced(LockPlaced(target: .resource("git://repo/**"), reason: "x", until: nil)))
    try world.sign(
      .keyTainted(
        KeyTainted(key: try World.key(world.bot).publicKey.fingerprint, reason: "drill")))
    try world.ledger.storePin()
    try world.ledger.database.checkpoint()
    try world.ledger.storePin(in: world.pins)
    return world
  }

  /// Everything SQLite reads in the file, whatever bytes hold it and in whatever order.
  ///
  /// (A changed rowid in `sqlite_master` only shuffles the tables of a dump.)
  private static func content(of path: String) throws -> [String] {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/sqlite3")
    process.arguments = ["-readonly", path, ".dump"]
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = FileHandle(forWritingAtPath: "/dev/null")
    try process.run()
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return String(decoding: data, as: UTF8.self).split(separator: "\n").map(String.init)
      .sorted()
  }
}
