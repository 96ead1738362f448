import Approvals
import Authority
import CanonicalJSON
import Decisions
import Foundation
import Keys
import Registry
import Statements
import TestSupport
import Testing

/// Enrolled agents, with good keys and odd requests, against the deciding service.
@Suite("enrolled agents against the service")
struct AgentAttackTests {
  /// A validly signed action whose signature says it is of another scheme.
  func sshsig(_ world: World) throws -> UnverifiedEnvelope {
    let honest = try world.action()
    let key = try World.key(world.bot)
    let message = SignatureScheme.sshsig.message(
      PreAuthEncoding.bytes(payloadType: honest.payloadType, payload: honest.payload))
    return UnverifiedEnvelope(
      payloadType: honest.payloadType, payload: honest.payload,
      signatures: [
        StatementSignature(
          scheme: .sshsig, key: key.publicKey.fingerprint, signature: key.sign(message))
      ])
  }

  /// Sends requests at once, so that they share a transaction; gives each one's answer or fault.
  func together(
    _ authority: DecisionAuthority, _ envelopes: [UnverifiedEnvelope]
  ) async -> [Result<Answer, any Error>] {
    await withTaskGroup(of: (Int, Result<Answer, any Error>).self) { group in
      for (index, envelope) in envelopes.enumerated() {
        group.addTask {
          do { return (index, .success(try await authority.decide(envelope))) } catch {
            return (index, .failure(error))
          }
        }
      }
      var results = [Result<Answer, any Error>?](repeating: nil, count: envelopes.count)
      for await (index, result) in group { results[index] = result }
      return results.compactMap { $0 }
    }
  }

  @Test("never: one agent's request fails those beside it: another signature scheme")
  func scheme() async throws {
    let world = try World()
    let authority = try world.authority()
    var envelopes: [UnverifiedEnvelope] = []
    for index in 0..<40 {
      envelopes.append(
        index % 4 == 1
          ? try sshsig(world) : try world.action(on: ByteString("stage://payments/\(index)")))
    }
    for (index, result) in await together(authority, envelopes).enumerated() {
      let answer = try result.get()
      #expect(answer.verdict == (index % 4 == 1 ? .deny : .allow))
      if index % 4 == 1 { #expect(answer.reasons[0].code == "signature_invalid") }
    }
  }

  @Test("never: ... a release whose quorum is lost while policy now says plain allow")
  func lostQuorum() async throws {
    let world = try World()
    let authority = try world.authority()
    let envelope = try world.action()
    let hold = try #require(try await authority.decide(envelope).hold).digest
    try world.vote(.approve, on: hold)
    try world.sign(.operatorRemoved(OperatorRemoved(principal: world.bob, reason: "left")))
    try world.publish("package agent.authz\nallow := true")
    var envelopes = [envelope]
    for index in 0..<20 {
      envelopes.append(try world.action(on: ByteString("stage://payments/\(index)")))
    }
    let results = await together(authority, envelopes)
    #expect(try results[0].get().reasons[0].code == "quorum_lost")
    for result in results.dropFirst() { #expect(try result.get().verdict == .allow) }
    try await authority.close()
    #expect(
      try LogVerification.run(
        try RegistryDatabase(world.path, access: .readOnly), pins: world.pins
      ).findings.isEmpty)
  }

  @Test("never: ... a decision that is too large to record")
  func tooLarge() async throws {
    // Each rule that matches is recorded; so many do not fit an entry.
    let rules = (0..<6000).map { "deny contains \"\($0)\" if input.params.flood\n" }.joined()
    let world = try World(
      policy: "package agent.authz\nallow := true\n" + rules)
    let authority = try world.authority()
    let flood = try world.action(
      on: "stage://payments/x",
      params: JSONObject([JSONObject.Member(name: "flood", value: true)]))
    var envelopes = [flood]
    for index in 0..<20 {
      envelopes.append(try world.action(on: ByteString("stage://payments/\(index)")))
    }
    let results = await together(authority, envelopes)
    #expect(throws: AuthorityFault.self) { _ = try results[0].get() }
    for result in results.dropFirst() { #expect(try result.get().verdict == .allow) }
    // Nothing of it is left: it is not a repeat, and the log is as the file.
    await #expect(throws: AuthorityFault.self) { _ = try await authority.decide(flood) }
    try await authority.close()
    #expect(
      try LogVerification.run(
        try RegistryDatabase(world.path, access: .readOnly), pins: world.pins
      ).findings.isEmpty)
  }

  @Test("never: an agent fills the queue of people; its limit refuses what is new and ends nothing")
  func openHolds() async throws {
    let world = try World()
    var limits = RequestLimits()
    limits.openHoldsPerAgent = 3
    func service() throws -> DecisionAuthority {
      try DecisionAuthority(
        registry: world.path, service: world.gateway, key: try World.key(world.gateway),
        pins: world.pins, trust: world.registry, limits: limits, clock: world.clock.clock)
    }
    let authority = try service()
    var held: [(UnverifiedEnvelope, Digest)] = []
    for _ in 0..<3 {
      let envelope = try world.action()
      held.append((envelope, try #require(try await authority.decide(envelope).hold).digest))
    }
    let size = await authority.size
    let refused = try world.action()
    for _ in 0..<3 {
      let answer = try await authority.decide(refused)
      #expect(answer.verdict == .deny && answer.reasons[0].code == "too_many_holds")
      #expect(answer.index == nil && answer.receipt == nil)
    }
    #expect(await authority.size == size, "what a limit refuses is not logged")
    for (envelope, _) in held { #expect(try await authority.decide(envelope).verdict == .hold) }
    // The limit spends no nonce: with room again, the same envelope is held.
    try world.vote(.deny, on: held[0].1)
    #expect(try await authority.decide(refused).verdict == .hold)
    #expect(
      try await authority.decide(try world.action()).reasons[0].code == "too_many_holds")
    // Another start counts what is open; time makes room.
    try await authority.close()
    let again = try service()
    #expect(try await again.decide(try world.action()).reasons[0].code == "too_many_holds")
    world.clock.advance(seconds: 901)
    #expect(try await again.decide(try world.action()).verdict == .hold)
    // What needs no one is not held up.
    #expect(
      try await again.decide(try world.action(on: "stage://payments/x")).verdict == .allow)
  }

  @Test("a key that asks too often is told when to come back, and others are not held up")
  func rate() async throws {
    let world = try World()
    var limits = RequestLimits()
    limits.decisionsPerSecond = 10
    limits.burst = 5
    let authority = try DecisionAuthority(
      registry: world.path, service: world.gateway, key: try World.key(world.gateway),
      pins: world.pins, trust: world.registry, limits: limits, clock: world.clock.clock)
    let second = try SigningKey.derived(from: "second")
    try world.enrol(second, of: world.bot)
    for _ in 0..<5 {
      #expect(
        try await authority.decide(try world.action(on: "stage://payments/x")).verdict == .allow)
    }
    let size = await authority.size
    let refused = try world.action(on: "stage://payments/x")
    let answer = try await authority.decide(refused)
    #expect(answer.reasons[0].code == "rate_limited")
    #expect(answer.retryAfterMilliseconds == 101)
    #expect(await authority.size == size)
    let other = try Action(payload: try world.action(on: "stage://payments/x").payload)
    #expect(try await authority.decide(other.signed(by: second)).verdict == .allow)
    // A stranger's signature is charged to nobody.
    let forged = try world.action(on: "stage://payments/x", key: world.alice)
    for _ in 0..<20 {
      #expect(try await authority.decide(forged).reasons[0].code == "key_unknown")
    }
    world.clock.advance(seconds: 1)
    #expect(try await authority.decide(refused).verdict == .allow, "it spent no nonce")
  }

  @Test("never: another service releases or repeats what was held here")
  func otherService() async throws {
    let world = try World()
    let second = Principal.named("service:gateway-2")
    try world.sign(
      .serviceEnrolled(
        ServiceEnrolled(service: second, key: try World.key(second).publicKey)))
    let authority = try world.authority()
    let other = try DecisionAuthority(
      registry: world.path, service: second, key: try World.key(second),
      pins: PinStore(folder: "\(world.folder)/pins-2"), trust: world.registry,
      clock: world.clock.clock)
    let envelope = try world.action()
    let hold = try #require(try await authority.decide(envelope).hold).digest
    #expect(try await other.decide(envelope).reasons[0].code == "wrong_audience")
    try world.vote(.approve, on: hold)
    #expect(try await other.decide(envelope).reasons[0].code == "wrong_audience")
    let answer = try await authority.decide(envelope)
    #expect(answer.verdict == .allow && !answer.isRepeat)
    #expect(try await other.decide(envelope).reasons[0].code == "wrong_audience")
  }

  @Test("never: a nonce used while the clock ran ahead is good again after it was put right")
  func noncesAcrossReset() async throws {
    let world = try World()
    let authority = try world.authority()
    let before = world.clock.now
    world.clock.advance(seconds: 3600)
    let ahead = try world.action(on: "stage://payments/a")
    #expect(try await authority.decide(ahead).verdict == .allow)
    let nonce = try Action(payload: ahead.payload).nonce
    // The clock runs on until the nonce would be forgotten, and much is decided meanwhile.
    world.clock.advance(seconds: 600)
    for index in 0..<130 {
      _ = try await authority.decide(try world.action(on: ByteString("stage://payments/\(index)")))
    }
    world.clock.advance(seconds: before.milliseconds(since: world.clock.now) / 1000)
    try world.ledger.sign(
      .clockReset(ClockReset(to: world.clock.now, reason: "ahead")), by: world.alice,
      key: try World.key(world.alice), clock: world.clock.clock)
    world.clock.advance(seconds: 1)
    #expect(
      try await authority.decide(try world.action(on: "stage://payments/b")).verdict == .allow)
    // The true time comes to where the clock had been.
    world.clock.advance(seconds: 3599)
    let replay = try world.action(on: "stage://payments/c", nonce: nonce)
    #expect(try await authority.decide(replay).reasons[0].code == "replayed")
    #expect(
      try await authority.decide(ahead).isRepeat, "the envelope itself is answered from the log")
    try await authority.close()
    #expect(
      try LogVerification.run(
        try RegistryDatabase(world.path, access: .readOnly), pins: world.pins
      ).findings.isEmpty)
  }

  @Test("a revocation verifies the chains of the holds that it covers, not of all")
  func revocationCoverage() async throws {
    let world = try World()
    let authority = try world.authority()
    let covered = try #require(try await authority.decide(try world.action()).hold).digest
    let other = Principal.named("agent:other")
    try world.sign(.agentRegistered(AgentRegistered(agent: other, owner: world.alice, roles: [])))
    let key = try SigningKey.derived(from: "other")
    try world.enrol(key, of: other)
    let grant = try world.sign(
      .grantIssued(
        GrantIssued(
          holder: other,
          capabilities: [Capability(actions: ["deploy"], resources: ["prod://payments/**"])],
          limits: GrantLimits(), parent: nil)))
    let template = try Action(payload: try world.action().payload)
    let action = Action(
      action: "deploy", agent: other, audience: world.gateway, context: JSONObject(), grant: grant,
      nonce: template.nonce, params: JSONObject(), registry: world.registry,
      resource: "prod://payments/web", timestamp: world.clock.now)
    let apart = try #require(try await authority.decide(action.signed(by: key)).hold).digest
    func state(_ hold: Digest) throws -> String? {
      try world.ledger.catchUp()
      return world.ledger.state.holds[hold]?.state(at: world.clock.now).word
    }
    try world.sign(.lockPlaced(LockPlaced(target: .agent(world.bot), reason: "x", until: nil)))
    #expect(try state(covered) == "voided")
    #expect(try state(apart) == "pending")
    try world.sign(
      .lockPlaced(LockPlaced(target: .resource("prod://payments/api"), reason: "x", until: nil)))
    #expect(try state(apart) == "pending")
    try world.sign(.grantRevoked(GrantRevoked(grant: grant, reason: "x")))
    #expect(try state(apart) == "voided")
  }
}
