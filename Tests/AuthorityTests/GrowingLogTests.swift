import Authority
import Decisions
import Registry
import TestSupport
import Testing

/// A log that others append to while a process reads it.
@Suite struct GrowingLogTests {
  @Test func `what others appended since a log was opened is no other log`() async throws {
    let world = try World()
    try await world.decide(1)
    let opened = try Ledger(world.ledger.database, pins: nil)
    try await world.decide(3)
    // Entries and a checkpoint have come; the proof of an old entry takes the newest.
    let bundle = try opened.readingNow { try opened.proof(of: 1, $0) }
    #expect(bundle.registry == world.registry)
    #expect(opened.state.size == (try opened.readingNow { try $0.size() }))
  }
}
