import CanonicalJSON
import Foundation
import Keys
import Statements
import TestSupport
import Testing

@testable import Enforcement

/// What the agents' side remembers of what it signed and started, whatever happens to the file.
@Suite struct JournalTests {
  let path: String
  let journal: ActionJournal
  let now = Timestamp(milliseconds: 1_760_000_000_000)

  init() throws {
    let folder = NSTemporaryDirectory() + "journal-\(UUID().uuidString.prefix(8))"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    path = folder + "/bot.pem.journal"
    journal = ActionJournal(path)
  }

  func envelope(_ number: Int, padding: Int = 0) -> UnverifiedEnvelope {
    UnverifiedEnvelope(
      payloadType: Action.payloadType,
      payload: Array("\(number)".utf8) + [UInt8](repeating: 0x20, count: padding), signatures: [])
  }

  func code(_ body: () throws -> Void) -> String {
    do {
      try body()
      return "none"
    } catch {
      return (error as? ActionJournal.Fault)?.code ?? "\(error)"
    }
  }

  func text() throws -> [UInt8] { Array(try Data(contentsOf: URL(fileURLWithPath: path))) }
  func put(_ bytes: [UInt8]) throws { try Data(bytes).write(to: URL(fileURLWithPath: path)) }

  @Test("never: an action is started twice, and an end is told of what was not started")
  func once() throws {
    let one = envelope(1)
    try journal.store(one, at: now)
    #expect(try journal.record(of: one.digest).envelope == one)
    #expect(code { try journal.end(one.digest, .ok, at: now) } == "action_not_started")
    try journal.start(one.digest, at: now)
    #expect(code { try journal.start(one.digest, at: now) } == "action_started")
    #expect(try journal.unknown().map(\.action) == [one.digest])
    try journal.end(one.digest, .failed, at: now)
    #expect(try journal.record(of: one.digest).ended?.outcome == .failed)
    #expect(code { try journal.end(one.digest, .ok, at: now) } == "action_ended")
    #expect(try journal.unknown().isEmpty)
  }

  @Test("never: many at once start one action more than once")
  func race() async throws {
    let action = envelope(1).digest
    let started = await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<16 {
        group.addTask { (try? self.journal.start(action, at: self.now)) != nil }
      }
      return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
    }
    #expect(started == 1)
  }

  @Test("a last record cut anywhere counts for nothing, and what came before it stands")
  func torn() throws {
    let (one, two) = (envelope(1), envelope(2))
    try journal.store(one, at: now)
    let before = try text()
    try journal.start(one.digest, at: now)
    let after = try text()
    for cut in before.count..<after.count {
      try put(Array(after.prefix(cut)))
      #expect(try journal.record(of: one.digest).isOwn)
      #expect(try journal.record(of: one.digest).started == nil, "cut at \(cut)")
    }
    // Written to its full length, but not all of it: a crash of the machine can leave this.
    var hole = after
    for index in (before.count + 20)..<(after.count - 1) { hole[index] = 0 }
    try put(hole)
    #expect(try journal.record(of: one.digest).started == nil)
    try journal.store(two, at: now)
    try journal.start(two.digest, at: now)
    #expect(try journal.record(of: two.digest).started == now)
    try journal.start(one.digest, at: now)
  }

  @Test("never: a damaged or opened journal is taken for an empty one")
  func damaged() throws {
    let one = envelope(1)
    try journal.store(one, at: now)
    try journal.start(one.digest, at: now)
    try journal.store(envelope(2), at: now)
    let whole = try text()
    for index in stride(from: 0, to: whole.count - 1, by: 11) {
      var changed = whole
      changed[index] ^= 1
      try put(changed)
      let record = try? journal.record(of: one.digest)
      #expect(record == nil || record?.started != nil, "byte \(index)")
    }
    try put(whole)
    chmod(path, 0o644)
    #expect(code { try journal.start(one.digest, at: now) } == "journal_exposed")
    unlink(path)
    try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: path + ".else")
    #expect(code { try journal.start(one.digest, at: now) } == "journal_unusable")
    #expect(
      code { _ = try ActionJournal("/nowhere/x.journal").record(of: one.digest) }
        == "journal_unusable")
  }

  @Test("what waits is found again, what was refused or started is not")
  func unfinished() throws {
    let (one, two, three) = (envelope(1), envelope(2), envelope(3))
    for made in [one, two, three] { try journal.store(made, at: now) }
    try journal.keepOpen(one.digest, at: now, process: 7)
    try journal.keepOpen(one.digest, at: now, process: 7)
    try journal.keepOpen(two.digest, at: now, process: 7)
    try journal.keepOpen(two.digest, at: now, process: 8)
    #expect(try journal.unfinished().map(\.action) == [one, two, three].map(\.digest))
    #expect(try journal.unfinished().map(\.process) == [7, 8, nil])
    #expect(try journal.unfinished()[1].envelope == two)
    try journal.close(one.digest, at: now)
    try journal.start(two.digest, at: now)
    #expect(try journal.unfinished().map(\.action) == [three.digest])
    // Neither is opened again.
    try journal.keepOpen(one.digest, at: now, process: 9)
    try journal.keepOpen(two.digest, at: now, process: 9)
    #expect(try journal.unfinished().map(\.action) == [three.digest])
    // And nothing is kept of what was not signed here.
    let size = try text().count
    try journal.keepOpen(envelope(4).digest, at: now, process: 9)
    try journal.close(envelope(4).digest, at: now)
    #expect(try text().count == size)
    #expect(code { try journal.start(two.digest, at: now) } == "action_started")
  }

  @Test("what was refused for good is forgotten with its envelope")
  func refusedIsForgotten() throws {
    for number in 0..<160 {
      let made = envelope(number, padding: 10_000)
      try journal.store(made, at: now)
      try journal.keepOpen(made.digest, at: now, process: 7)
      try journal.close(made.digest, at: now)
    }
    #expect(try text().count < 2 << 20)
    #expect(try !journal.record(of: envelope(0, padding: 10_000).digest).isOwn)
    #expect(try journal.unfinished().isEmpty)
  }

  @Test("it stays small, and forgets no start that was recorded lately")
  func bounded() throws {
    for number in 0..<160 {
      let made = envelope(number, padding: 10_000)
      try journal.store(made, at: now.advanced(bySeconds: Int64(number)))
      if number % 2 == 0 { try journal.start(made.digest, at: now) }
    }
    #expect(try text().count < 4 << 20)
    for number in stride(from: 0, to: 160, by: 2) {
      let action = envelope(number, padding: 10_000).digest
      #expect(code { try journal.start(action, at: now) } == "action_started", "\(number)")
    }
    // What was never started and is older than a month is forgotten as a whole.
    let late = now.advanced(bySeconds: 40 * 86_400)
    for number in 160..<162 { try journal.store(envelope(number, padding: 10_000), at: late) }
    #expect(try !journal.record(of: envelope(1, padding: 10_000).digest).isOwn)
    #expect(try journal.record(of: envelope(0, padding: 10_000).digest).started != nil)
    #expect(try journal.record(of: envelope(161, padding: 10_000).digest).isOwn)
  }
}
