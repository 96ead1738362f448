import Authority
import CanonicalJSON
import Keys
import Statements
import TestSupport
import Testing

/// Read requests that one key makes by the thousand.
@Suite struct ReadMemoryTests {
  func request(_ world: World, _ nonce: Int) throws -> UnverifiedEnvelope {
    let digits = String(nonce, radix: 16)
    return try ReadRequest(
      nonce: ByteString(String(repeating: "0", count: 32 - digits.count) + digits), path: "/v1/x",
      reader: world.bot, registry: world.registry, timestamp: world.clock.now
    ).signed(by: try World.key(world.bot))
  }

  func code(_ authority: DecisionAuthority, _ envelope: UnverifiedEnvelope) async -> String {
    do {
      _ = try await authority.reader(envelope, target: "/v1/x")
      return "ok"
    } catch {
      return (error as? ReadRefusal)?.code ?? "\(error)"
    }
  }

  @Test("never: a flood of read requests makes room for one of them to be used again")
  func flood() async throws {
    let world = try World()
    let authority = try world.authority()
    let first = try request(world, 0)
    #expect(await code(authority, first) == "ok")
    for nonce in 1..<1024 { #expect(await code(authority, try request(world, nonce)) == "ok") }
    #expect(await code(authority, try request(world, 1024)) == "reads_limited")
    #expect(await code(authority, first) == "replayed")
    // A service has room of its own.
    let service = try ReadRequest(
      nonce: ByteString(String(repeating: "0", count: 32)), path: "/v1/x", reader: world.gateway,
      registry: world.registry, timestamp: world.clock.now
    ).signed(by: try World.key(world.gateway))
    #expect(await code(authority, service) == "ok")
    // Forgotten only when stale.
    world.clock.advance(seconds: 60)
    #expect(await code(authority, first) == "replayed")
    world.clock.advance(seconds: 1)
    #expect(await code(authority, first) == "stale")
    #expect(await code(authority, try request(world, 2000)) == "ok")
    // Also where the clock then runs back a little.
    world.clock.advance(seconds: -2)
    #expect(await code(authority, first) == "stale")
    try await authority.close()
  }
}
