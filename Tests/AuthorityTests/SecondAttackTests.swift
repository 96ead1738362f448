import Authority
import CanonicalJSON
import Decisions
import Foundation
import GRDB
import Keys
import Registry
import Statements
import TestSupport
import Testing

/// What a second reader of the sources carried out against the mended ones.
@Suite("attacks found by a second reader")
struct SecondAttackTests {
  @Test("never: a service that ends puts the pin back to a log that was cut short meanwhile")
  func pinAtStop() async throws {
    let world = try World()
    try await world.decide(2)
    let authority = try world.authority()
    try world.sign(.lockPlaced(LockPlaced(target: .agent(world.bot), reason: "x", until: nil)))
    #expect(
      try await authority.decide(try world.action(on: "stage://payments/a")).reasons[0].code
        == "locked")
    let pinned = try #require(try world.pins.pin(for: world.registry))
    func sql(_ text: String) throws {
      let queue = try DatabaseQueue(path: world.path)
      try queue.inDatabase { try $0.execute(sql: text) }
      try queue.close()
    }
    try sql("DELETE FROM entry WHERE idx >= \(pinned.head.size - 2)")
    for edit in ["CREATE TABLE ui_x (a)", "DROP TABLE ui_x"] {
      await #expect(throws: AuthorityFault.self) {
        _ = try await authority.decide(try world.action(on: "stage://payments/b"))
      }
      try sql(edit)
    }
    await authority.tick()
    try? await authority.close()
    #expect(try world.pins.pin(for: world.registry) == pinned)
    #expect { _ = try world.authority() } throws: {
      ($0 as? AuthorityFault)?.code == "log_truncated"
    }
  }

  @Test("never: an action held under one key is released as signed by another")
  func otherKey() async throws {
    let world = try World()
    let second = try SigningKey.derived(from: "second")
    try world.enrol(second, of: world.bot)
    let authority = try world.authority()
    let held = try world.action()
    let hold = try #require(try await authority.decide(held).hold).digest
    try world.vote(.approve, on: hold)
    let other = try Action(payload: held.payload).signed(by: second)
    #expect(other.payload == held.payload)
    let answer = try await authority.decide(other)
    #expect(answer.verdict == .deny && answer.reasons[0].code == "key_mismatch")
    let released = try await authority.decide(held)
    #expect(released.verdict == .allow && !released.isRepeat)
    #expect(try await authority.decide(other).reasons[0].code == "key_mismatch")
  }

  @Test("never: a vote dated back releases at another daemon of the service")
  func secondDaemon() async throws {
    let world = try World(
      policy: """
        package agent.authz
        require_approval if { input.action == "deploy" }
        approval := {"quorum": [{"group": "sre", "count": 1}], "ttl": "60s"}
        """)
    let (first, second) = (try world.authority(), try world.authority())
    let envelope = try world.action()
    let hold = try #require(try await first.decide(envelope).hold)
    world.clock.advance(seconds: 30)
    try await second.look()
    world.clock.advance(seconds: 31)
    await second.tick()
    let dated = hold.expires.advanced(bySeconds: -1)
    try world.ledger.sign(
      .approvalVoted(
        ApprovalVoted(hold: hold.digest, vote: .approve, reason: "x", validUntil: nil)),
      by: world.bob, key: try World.key(world.bob), clock: Clock { dated })
    #expect(try await second.decide(envelope).reasons[0].code == "vote_late")
  }

  @Test("never: an agent ends its own holds by grants to itself, or has more than its limit so")
  func ownHolds() async throws {
    let world = try World()
    #expect {
      try world.sign(
        .grantIssued(
          GrantIssued(
            holder: world.bot,
            capabilities: [Capability(actions: ["deploy"], resources: ["prod://payments/**"])],
            limits: GrantLimits(), parent: world.grant)), by: world.bot)
    } throws: {
      ($0 as? AdmissionFault)?.code == "invalid"
    }
    var limits = RequestLimits()
    limits.openHoldsPerAgent = 2
    let authority = try DecisionAuthority(
      registry: world.path, service: world.gateway, key: try World.key(world.gateway),
      pins: world.pins, trust: world.registry, limits: limits, clock: world.clock.clock)
    for _ in 0..<2 { #expect(try await authority.decide(try world.action()).verdict == .hold) }
    // What is voided counts until it would have expired.
    let lock = try world.sign(
      .lockPlaced(LockPlaced(target: .agent(world.bot), reason: "x", until: nil)))
    try world.sign(.lockLifted(LockLifted(lock: lock, reason: "x")))
    #expect(try await authority.decide(try world.action()).reasons[0].code == "too_many_holds")
    world.clock.advance(seconds: 901)
    #expect(try await authority.decide(try world.action()).verdict == .hold)
  }

  @Test("never: wrong signatures are checked while others wait for the append lock")
  func strangersOutsideTheLock() async throws {
    let world = try World()
    let authority = try world.authority()
    let honest = try world.action(on: "stage://payments/a")
    let forged = UnverifiedEnvelope(
      payloadType: honest.payloadType, payload: honest.payload,
      signatures: [
        StatementSignature(
          key: honest.signatures[0].key,
          signature: try World.key(world.alice).sign(honest.payload))
      ])
    var configuration = Configuration()
    configuration.allowsUnsafeTransactions = true
    let holder = try DatabaseQueue(path: world.path, configuration: configuration)
    try await holder.writeWithoutTransaction { try $0.execute(sql: "BEGIN IMMEDIATE") }
    // Whatever needs the append lock now is refused as busy.
    for _ in 0..<20 {
      #expect(try await authority.decide(forged).reasons[0].code == "signature_invalid")
    }
    #expect(
      try await authority.decide(try world.action(key: world.alice)).reasons[0].code
        == "key_unknown")
    try await holder.writeWithoutTransaction { try $0.execute(sql: "COMMIT") }
    try holder.close()
    #expect(try await authority.decide(honest).verdict == .allow, "the forgery spent no nonce")
  }

  @Test("an agent's statements have a rate: each is an entry of the log")
  func statementRate() async throws {
    let world = try World()
    var limits = RequestLimits()
    limits.statementBurst = 3
    let authority = try DecisionAuthority(
      registry: world.path, service: world.gateway, key: try World.key(world.gateway),
      pins: world.pins, trust: world.registry, limits: limits, clock: world.clock.clock)
    func send() async throws {
      let draft = try world.ledger.draft(
        .actionFinished(
          ActionFinished(action: Digest.sha256([1]), outcome: .ok, detail: "")), by: world.bot,
        at: world.clock.now)
      _ = try await authority.admit(try draft.signed(by: try World.key(world.bot)))
    }
    for _ in 0..<3 { await #expect(throws: AdmissionFault.self) { try await send() } }
    await #expect { try await send() } throws: { ($0 as? Overload)?.code == "rate_limited" }
    world.clock.advance(seconds: 1)
    await #expect(throws: AdmissionFault.self) { try await send() }
  }
}
