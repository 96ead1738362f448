import Authority
import CanonicalJSON
import Registry
import Statements
import TestSupport
import Testing

@testable import Commands

/// What the queue and the review say of an agent: whether it waits, and when it was last heard of.
@Suite struct PresenceTests {
  @Test func `an agent that acts is not gone, whatever it still waits for`() async throws {
    let world = try World()
    let authority = try world.authority()
    let hold = try #require(
      try await authority.decide(try world.action(on: "prod://payments/api")).hold
    ).digest
    let database = try RegistryDatabase(world.path, access: .readWrite)
    func words() throws -> String {
      Presence.words(try database.read { try $0.presence(of: hold) }, at: world.clock.now)
    }
    #expect(try words() == "", "nothing is known yet")
    let asked = world.clock.now
    try database.write { try $0.note(presence: hold, waits: true, at: asked) }
    #expect(try words() == "waiting")
    world.clock.advance(seconds: 60)
    #expect(try words() == "last seen 1m ago")
    world.clock.advance(seconds: 600)
    #expect(try words() == "gone (last seen 11m ago)")
    // Something else of its is decided.
    _ = try await authority.decide(try world.action(on: "stage://payments/api"))
    world.clock.advance(seconds: 5)
    #expect(try words() == "last seen 5s ago")
    // Another agent that gives this one's name is denied, and says nothing of it.
    world.clock.advance(seconds: 600)
    let other = Principal.named("agent:other")
    try world.sign(.agentRegistered(AgentRegistered(agent: other, owner: world.alice, roles: [])))
    try world.enrol(try World.key(other), of: other)
    let named = try await authority.decide(
      try world.action(on: "stage://payments/api", key: other))
    #expect(named.verdict == .deny)
    #expect(try words() == "gone (last seen 10m ago)")
    try await authority.close()
  }
}
