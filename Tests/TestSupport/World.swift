package import Authority
package import CanonicalJSON
import Decisions
import Delegations
import Foundation
package import Keys
import Registry
package import Statements
import Synchronization

extension Principal {
  /// A principal whose name a test writes out.
  package static func named(_ text: ByteString) -> Principal {
    guard let principal = Principal(text) else { preconditionFailure("\(text) is no principal") }
    return principal
  }
}

/// A clock that a test sets.
package final class TestClock: Sendable {
  private let time: Mutex<Int64>
  /// Whether it is the machine's own, which no test moves.
  private let isRunning: Bool

  private init(running: Void) {
    time = Mutex(0)
    isRunning = true
  }

  /// The machine's clock, for tests in which several processes take part.
  package static var running: TestClock { TestClock(running: ()) }

  package init(_ text: ByteString = "2026-11-23T10:00:00.000Z") {
    time = Mutex(Timestamp(text)?.milliseconds ?? 0)
    isRunning = false
  }

  package var clock: Clock { Clock { [self] in now } }
  package var now: Timestamp {
    isRunning ? Clock.system.now() : Timestamp(milliseconds: time.withLock { $0 })
  }

  package func advance(seconds: Int64) {
    time.withLock { $0 += seconds * 1000 }
  }
}

/// A small registry on a real file with real keys: alice grants, bob approves, one agent deploys.
package final class World {
  package let folder: String
  package let clock: TestClock
  package let ledger: Ledger
  package private(set) var grant = Digest.sha256([])
  private let founders: [Principal]
  private let quorum: Int
  package let alice = Principal.named("user:alice")
  package let bob = Principal.named("user:bob")
  package let bot = Principal.named("agent:deploy-bot")
  package let gateway = Principal.named("service:gateway-1")

  package static let policy = """
    package agent.authz
    default allow = false
    allow if { input.action == "deploy"; input.resource.env == "staging" }
    require_approval if { input.action == "deploy"; input.resource.env == "production" }
    """

  package var path: String { "\(folder)/registry.db" }
  package var pins: PinStore { PinStore(folder: "\(folder)/pins") }
  package var registry: ByteString { ledger.state.registry?.id ?? "" }

  package static func key(_ principal: Principal) throws -> SigningKey {
    try SigningKey.derived(from: "test \(principal)")
  }

  /// `admins`: Further founders, who are admins too; `quorum`: how many admins a change takes.
  package init(
    policy: String = World.policy, admins: [Principal] = [], quorum: Int64 = 1,
    clock: TestClock = TestClock()
  ) throws {
    self.clock = clock
    folder = NSTemporaryDirectory() + "countersign-test-" + UUID().uuidString
    founders = [alice] + admins
    self.quorum = Int(quorum)
    ledger = try Ledger(
      RegistryDatabase.create("\(folder)/registry.db", group: nil), pins: nil)
    let genesis = try ledger.draft(
      .registryCreated(
        RegistryCreated(
          name: "test",
          operators: try founders.map { try enrolled($0, [.admin, .approver], ["sre"]) },
          adminQuorum: quorum, approvalDefault: .standard, isSolo: false,
          acceptsNoSpare: quorum > 1 && Int(quorum) == founders.count)), by: alice,
      at: clock.now)
    var signatures: [StatementSignature] = []
    for founder in founders {
      signatures.append(try genesis.signature(by: try World.key(founder)))
    }
    try ledger.append(genesis.envelope(signatures), clock: clock.clock)
    try sign(.operatorEnrolled(try enrolled(bob, [.approver], ["sre"])))
    try sign(
      .serviceEnrolled(
        ServiceEnrolled(service: gateway, key: try World.key(gateway).publicKey)))
    for env in ["production", "staging"] {
      try sign(
        .resourceRegistered(
          ResourceRegistered(
            pattern: env == "production" ? "prod://payments/**" : "stage://payments/**",
            type: "service", env: ByteString(env))))
    }
    try sign(.agentRegistered(AgentRegistered(agent: bot, owner: alice, roles: ["deployer"])))
    try enrol(try World.key(bot), of: bot)
    grant = try sign(
      .grantIssued(
        GrantIssued(
          holder: bot,
          capabilities: [
            Capability(
              actions: ["deploy"], resources: ["prod://payments/**", "stage://payments/**"])
          ], limits: GrantLimits(maxDepth: 2), parent: nil)))
    try publish(policy)
  }

  deinit {
    try? FileManager.default.removeItem(atPath: folder)
  }

  private func enrolled(
    _ principal: Principal, _ roles: [OperatorRole], _ groups: [GroupMembership]
  ) throws -> OperatorEnrolled {
    OperatorEnrolled(
      principal: principal, key: try World.key(principal).publicKey, roles: roles, groups: groups,
      mayGrant: principal == alice
        ? [
          Capability(
            actions: ["deploy", "restart"],
            resources: ["prod://payments/**", "stage://payments/**", "git://repo/**"])
        ] : [])
  }

  /// Signs as alice, or as another, and appends; where it takes the admin quorum, the founders sign
  /// it too, unless only `alone`.
  @discardableResult
  package func sign(
    _ body: StatementBody, by signer: Principal? = nil, bodies: [[UInt8]] = [],
    alone: Bool = false
  ) throws -> Digest {
    let signer = signer ?? alice
    let signed = try ledger.sign(
      body, by: signer, key: try World.key(signer), clock: clock.clock, bodies: bodies)
    if signed.isProposed, !alone {
      for founder in founders where founder != signer {
        guard ledger.state.proposals[signed.digest] != nil else { break }
        try sign(.proposalSigned(ProposalSigned(proposal: signed.digest)), by: founder)
      }
    }
    return signed.digest
  }

  /// An operator's enrolment, with the key tests give them.
  package func enrolled(
    _ principal: Principal, roles: [OperatorRole], groups: [GroupMembership] = ["sre"],
    mayGrant: [Capability] = []
  ) throws -> OperatorEnrolled {
    OperatorEnrolled(
      principal: principal, key: try World.key(principal).publicKey, roles: roles, groups: groups,
      mayGrant: mayGrant)
  }

  package func enrol(_ key: borrowing SigningKey, of agent: Principal) throws {
    let draft = try ledger.draft(
      .keyEnrolled(
        KeyEnrolled(holder: agent, key: key.publicKey, notBefore: nil, notAfter: nil)),
      by: alice, at: clock.now)
    _ = try ledger.append(
      draft.envelope(
        try draft.signature(by: try World.key(alice)), try draft.signature(by: key)),
      clock: clock.clock)
  }

  package func publish(_ policy: String) throws {
    let text = Array(policy.utf8)
    let version = Int64(ledger.state.policies.count + 1)
    let digest = try sign(
      .policyPublished(
        PolicyPublished(
          name: "test", version: version,
          modules: [PolicyPublished.Module(file: "test.rego", digest: Digest.sha256(text))],
          data: nil)), bodies: [text])
    try sign(.policyActivated(PolicyActivated(policy: digest)))
  }

  /// An action as the agent would sign it; each part can be made wrong.
  package func action(
    _ name: ByteString = "deploy", on resource: ByteString = "prod://payments/api",
    grant: Digest? = nil, registry: ByteString? = nil, audience: Principal? = nil,
    env: ByteString? = nil, nonce: ByteString? = nil, params: JSONObject = JSONObject(),
    at time: Timestamp? = nil, key: Principal? = nil
  ) throws -> UnverifiedEnvelope {
    let action = Action(
      action: name, agent: bot, audience: audience ?? gateway, context: JSONObject(),
      grant: grant ?? self.grant,
      nonce: nonce ?? ByteString(Hexadecimal.text(of: SecureRandom.bytes(16))), params: params,
      registry: registry ?? self.registry, resource: resource, claimedEnv: env,
      timestamp: time ?? clock.now)
    return action.signed(by: try World.key(key ?? bot))
  }

  /// The deciding service on this registry; without limits of its own it waits long for policies, since
  /// many tests run at once.
  package func authority(limits: RequestLimits? = nil) throws -> DecisionAuthority {
    var ample = RequestLimits()
    ample.evaluationSeconds = 600
    let limits = limits ?? ample
    return try DecisionAuthority(
      registry: path, service: gateway, key: try World.key(gateway), pins: pins, trust: registry,
      limits: limits, clock: clock.clock)
  }

  /// Has so many actions decided, that the policy lets through, by a service that then ends.
  package func decide(_ count: Int) async throws {
    let authority = try authority()
    for index in 0..<count {
      _ = try await authority.decide(try action(on: ByteString("stage://payments/\(index)")))
    }
    try await authority.close()
  }

  package func vote(
    _ vote: ApprovalVoted.Vote, on hold: Digest, by voter: Principal? = nil,
    reason: ByteString = "test"
  ) throws {
    try sign(
      .approvalVoted(ApprovalVoted(hold: hold, vote: vote, reason: reason, validUntil: nil)),
      by: voter ?? bob)
  }
}
