import Approvals
import Authority
import CanonicalJSON
import Decisions
import Delegations
import Foundation
import Keys
import Registry
import Statements
import TestSupport
import Testing

/// A random graph of agents and grants over a world, some of it held by two parents.
struct RandomGraph {
  let world: World
  var agents: [Principal] = []
  var grants: [Digest] = []

  init(agents count: Int, _ random: inout SeededRandom) throws {
    world = try World()
    try world.sign(.operatorEnrolled(try world.enrolled(.named("user:carol"), roles: [.approver])))
    agents = [world.bot]
    grants = [world.grant]
    for index in 0..<count {
      let agent = Principal.named(ByteString("agent:a\(index)"))
      try world.sign(
        .agentRegistered(AgentRegistered(agent: agent, owner: world.alice, roles: [])))
      try world.enrol(try World.key(agent), of: agent)
      agents.append(agent)
      for _ in 0..<Int.random(in: 1...2, using: &random) {
        let parent = grants[Int.random(in: 0..<grants.count, using: &random)]
        guard let above = world.ledger.state.grants[parent]?.terms, above.limits.maxDepth > 0,
          above.holder != agent
        else { continue }
        let scope = Capability(
          actions: ["deploy"],
          resources: [Bool.random(using: &random) ? "prod://payments/api" : "stage://payments/**"])
        let limits = GrantLimits(
          maxDepth: above.limits.maxDepth - 1, maxUses: Bool.random(using: &random) ? nil : 3)
        let excess = try Scope([scope]).excess(over: Scope(above.capabilities))
        guard excess == nil else { continue }
        grants.append(
          try world.sign(
            .grantIssued(
              GrantIssued(
                holder: agent, capabilities: [scope], limits: limits, parent: parent)),
            by: above.holder))
      }
      if Int.random(in: 0..<3, using: &random) == 0 {
        grants.append(
          try world.sign(
            .grantIssued(
              GrantIssued(
                holder: agent,
                capabilities: [Capability(actions: ["deploy"], resources: ["prod://payments/**"])],
                limits: GrantLimits(maxDepth: 3), parent: nil))))
      }
    }
  }

  /// Puts some actions on hold.
  func hold(_ count: Int, _ random: inout SeededRandom) async throws {
    let authority = try world.authority()
    for _ in 0..<count {
      let grant = grants[Int.random(in: 0..<grants.count, using: &random)]
      guard let holder = world.ledger.state.grants[grant]?.terms.holder else { continue }
      let action = Action(
        action: "deploy", agent: holder, audience: world.gateway, context: JSONObject(),
        grant: grant, nonce: ByteString(Hexadecimal.text(of: SecureRandom.bytes(16))),
        params: JSONObject(), registry: world.registry, resource: "prod://payments/api",
        timestamp: world.clock.now)
      _ = try await authority.decide(action.signed(by: try World.key(holder)))
    }
    try await authority.close()
    try world.ledger.database.read { try world.ledger.catchUp($0) }
  }

  func change(_ random: inout SeededRandom) throws -> StatementBody {
    let agent = agents[Int.random(in: 0..<agents.count, using: &random)]
    let grant = grants[Int.random(in: 0..<grants.count, using: &random)]
    let key = try World.key(agent).publicKey.fingerprint
    switch Int.random(in: 0..<11, using: &random) {
    case 8:
      return .lockPlaced(LockPlaced(target: .key(key), reason: "x", until: nil))
    case 9:
      return .lockPlaced(LockPlaced(target: .everything, reason: "x", until: nil))
    case 10 where !world.ledger.state.locks.isEmpty:
      let locks = world.ledger.state.locks.keys.sorted()
      return .lockLifted(
        LockLifted(lock: locks[Int.random(in: 0..<locks.count, using: &random)], reason: "x"))
    case 0:
      return .keyRevoked(
        KeyRevoked(key: key, reason: .unspecified, compromisedSince: nil, note: ""))
    case 1:
      return .keyRevoked(KeyRevoked(key: key, reason: .retired, compromisedSince: nil, note: ""))
    case 2:
      return .keyRevoked(
        KeyRevoked(
          key: key, reason: .compromised, compromisedSince: world.clock.now, note: ""))
    case 3: return .grantRevoked(GrantRevoked(grant: grant, reason: "x"))
    case 4: return .agentRetired(AgentRetired(agent: agent, reason: "x"))
    case 5: return .lockPlaced(LockPlaced(target: .agent(agent), reason: "x", until: nil))
    case 6: return .keyTainted(KeyTainted(key: key, reason: "x"))
    default:
      return .lockPlaced(
        LockPlaced(target: .resource("prod://payments/**"), reason: "x", until: nil))
    }
  }
}

/// What a dry run is held against: everything, judged one by one.
extension AuthorityState {
  fileprivate func goodGrants(at now: Timestamp) -> Set<Digest> {
    goodGrants(among: grants.all(), at: now)
  }

  fileprivate func usableGrants(at now: Timestamp) -> [Principal: Set<Digest>] {
    usableGrants(of: Set(grants.all().map(\.terms.holder)), at: now)
  }
}

@Suite("delegation graphs")
struct DelegationGraphTests {
  @Test("a dry run says exactly what the change then does, on random graphs")
  func dryRun() async throws {
    let seed =
      UInt64(ProcessInfo.processInfo.environment["COUNTERSIGN_SEED"] ?? "")
      ?? UInt64.random(in: 0..<1 << 32)
    let rounds = Int(ProcessInfo.processInfo.environment["COUNTERSIGN_GRAPHS"] ?? "") ?? 6
    print("seed \(seed)")
    var random = SeededRandom(seed: seed)
    for _ in 0..<rounds {
      let graph = try RandomGraph(agents: 8, &random)
      let world = graph.world
      try await graph.hold(5, &random)
      for _ in 0..<4 {
        let body = try graph.change(&random)
        let now = world.clock.now
        let before = world.ledger.state
        let preview: ChangePreview
        do {
          preview = try ChangePreview(of: body, by: world.alice, in: before, at: now)
        } catch {
          // What the preview refuses, admission refuses with the same fault.
          do {
            try world.sign(body)
            Issue.record("previewed as \(error), and admitted")
          } catch let fault as AdmissionFault {
            #expect(fault.code == error.code)
          }
          continue
        }
        try world.sign(body)
        let after = world.ledger.state
        #expect(
          preview.brokenGrants
            == before.goodGrants(at: now).subtracting(after.goodGrants(at: now)).sorted())
        let voided = before.holds.all().filter {
          $0.state(at: now).isOpen && after.holds[$0.digest]?.state(at: now).word == "voided"
        }
        #expect(preview.voidedHolds == voided.map(\.digest).sorted())
        var (had, has) = (before.usableGrants(at: now), after.usableGrants(at: now))
        if preview.stopsEveryone {
          // Nobody is named where nobody is spared.
          #expect(has.isEmpty)
          had = [:]
        }
        #expect(preview.losingAll == had.keys.filter { has[$0] == nil }.sorted())
        #expect(
          preview.stillReachable
            == has.filter { preview.losingSome.contains($0.key) }
            .mapValues { $0.sorted() })
        #expect(
          preview.losingSome
            == had.keys.filter { agent in
              has[agent].map { had[agent]?.isSubset(of: $0) == false } ?? false
            }.sorted())
      }
    }
  }

  @Test("a branch says of a holder that it has no key, or is retired")
  func holders() throws {
    let world = try World()
    let agent = Principal.named("agent:a")
    func row() throws -> BranchRow {
      let (rows, _) = try world.ledger.database.read {
        try $0.branch(
          below: nil, root: world.alice.description, at: .first, limit: 10, showsEnded: false,
          at: world.clock.now)
      }
      return try #require(rows.first { $0.grant.holder == agent.description })
    }
    try world.sign(
      .agentRegistered(AgentRegistered(agent: agent, owner: world.alice, roles: [])))
    try world.sign(
      .grantIssued(
        GrantIssued(
          holder: agent,
          capabilities: [Capability(actions: ["deploy"], resources: ["prod://payments/*"])],
          limits: GrantLimits(), parent: nil)))
    #expect(try row().isKeyless)
    let key = try World.key(agent)
    try world.enrol(try World.key(agent), of: agent)
    #expect(try !row().isKeyless && !row().isHolderGone)
    try world.sign(
      .keyRevoked(
        KeyRevoked(
          key: key.publicKey.fingerprint, reason: .retired, compromisedSince: nil, note: "")))
    #expect(try row().isKeyless && !row().isHolderGone && !row().isKeyRevoked)
    try world.sign(.agentRetired(AgentRetired(agent: agent, reason: "x")))
    #expect(try row().isHolderGone)
  }

  @Test("each hop has its own verdict, with the rule that failed and what it narrows")
  func report() throws {
    let world = try World()
    let (a, b) = (Principal.named("agent:a"), Principal.named("agent:b"))
    for agent in [a, b] {
      try world.sign(
        .agentRegistered(AgentRegistered(agent: agent, owner: world.alice, roles: [])))
      try world.enrol(try World.key(agent), of: agent)
    }
    let end = world.clock.now.advanced(bySeconds: 600)
    let first = try world.sign(
      .grantIssued(
        GrantIssued(
          holder: a,
          capabilities: [Capability(actions: ["deploy"], resources: ["prod://payments/*"])],
          limits: GrantLimits(notAfter: end, maxDepth: 1, maxUses: 2), parent: world.grant)),
      by: world.bot)
    let second = try world.sign(
      .grantIssued(
        GrantIssued(
          holder: b,
          capabilities: [Capability(actions: ["deploy"], resources: ["prod://payments/api"])],
          limits: GrantLimits(notAfter: end, audiences: ["service:gateway-1"]), parent: first)),
      by: a)
    func report() -> ChainReport {
      world.ledger.state.chains.report(leaf: second, audience: world.gateway, at: world.clock.now)
    }
    #expect(report().hops.map(\.verdict.word) == ["valid", "valid", "valid"])
    #expect(
      report().hops[2].narrowing == [
        "deploy on prod://payments/* -> deploy on prod://payments/api", "may not delegate further",
        "uses 2 -> unlimited", "at every service -> service:gateway-1",
      ])
    try world.sign(.grantRevoked(GrantRevoked(grant: first, reason: "x")), by: world.bot)
    #expect(report().hops.map(\.verdict.word) == ["valid", "invalid", "valid"])
    #expect(report().verdict.fault?.code == "chain_grant_revoked")
    world.clock.advance(seconds: 601)
    #expect(report().hops.map(\.verdict.word) == ["valid", "invalid", "invalid"])
    let nowhere = world.ledger.state.chains.report(
      leaf: Digest.sha256([1]), audience: nil, at: world.clock.now)
    #expect(nowhere.verdict.word == "indeterminate")
  }

  @Test("who could do it, what an agent can do, and the other way when one is cut")
  func queries() throws {
    let world = try World()
    let second = try world.sign(
      .grantIssued(
        GrantIssued(
          holder: world.bot,
          capabilities: [Capability(actions: ["deploy"], resources: ["prod://payments/api"])],
          limits: GrantLimits(), parent: nil)))
    let uri = try ResourceURI("prod://payments/api")
    func who() -> [Digest] {
      world.ledger.state.reach(action: "deploy", resource: uri, at: world.clock.now)
        .filter(\.isUsable).map(\.grant.digest)
    }
    #expect(Set(who()) == [world.grant, second])
    let preview = try ChangePreview(
      of: .grantRevoked(GrantRevoked(grant: world.grant, reason: "x")), by: world.alice,
      in: world.ledger.state, at: world.clock.now)
    #expect(preview.losingSome == [world.bot])
    #expect(preview.stillReachable == [world.bot: [second]])
    try world.sign(.grantRevoked(GrantRevoked(grant: world.grant, reason: "x")))
    #expect(who() == [second])
    #expect(
      world.ledger.state.reach(
        action: "restart", resource: uri, at: world.clock.now
      ).isEmpty)
  }

  @Test("uses are spent one by one, also within a group, and never beyond the limit")
  func uses() async throws {
    let world = try World()
    let limited = try world.sign(
      .grantIssued(
        GrantIssued(
          holder: world.bot,
          capabilities: [Capability(actions: ["deploy"], resources: ["stage://payments/**"])],
          limits: GrantLimits(maxUses: 3), parent: nil)))
    let authority = try world.authority()
    let envelopes = try (0..<10).map { _ in
      try world.action(on: "stage://payments/api", grant: limited)
    }
    let verdicts = try await withThrowingTaskGroup(of: String.self) { group in
      for envelope in envelopes {
        group.addTask {
          let answer = try await authority.decide(envelope)
          return answer.verdict == .allow ? "allow" : answer.reasons[0].code.text
        }
      }
      return try await group.reduce(into: [String: Int]()) { $0[$1, default: 0] += 1 }
    }
    #expect(verdicts == ["allow": 3, "grant_exhausted": 7])
  }
}
