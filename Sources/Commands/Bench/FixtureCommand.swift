import ArgumentParser
import Authority
import CanonicalJSON
import Decisions
import Delegations
import Foundation
import Keys
import Registry
import Statements

struct BenchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench", abstract: "Make large registries to measure on.",
    shouldDisplay: false, subcommands: [Fixture.self])

  struct Fixture: Subcommand {
    static let configuration = CommandConfiguration(
      abstract: "Make a registry of many agents and decisions, each statement really signed.",
      discussion: """
        Says beforehand how long it will take and how much it will write, refuses where less than \
        twice that is free, and goes on where it was stopped. Its keys are made from names anybody \
        knows: it is for measuring, nothing else.
        """)

    @Option(help: "How many agents; each takes three entries: itself, its key, its grant.")
    var agents = 10_000

    @Option(help: "How many decisions.")
    var decisions = 20_000

    @Option(help: "The folder it is made in.")
    var out: String

    @Flag(help: "Only say how long it would take and how much it would write.")
    var estimate = false

    /// Entries of one transaction.
    private static let group = 1024
    /// Bytes on disk of an agent's three entries and of a decision, with their rows and indexes.
    private static let agentBytes = 3200
    private static let decisionBytes = 1700

    func perform() async throws {
      let path = "\(out)/registry.db"
      try FileManager.default.createDirectory(
        atPath: out, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
      let world = try Bench(path: path, pins: PinStore(folder: "\(out)/pins"))
      let (made, decided) = try world.counts()
      let (left, ahead) = (max(0, agents - made), max(0, decisions - decided))
      let bytes = left * Fixture.agentBytes + ahead * Fixture.decisionBytes
      let seconds = try await world.estimate(agents: left, decisions: ahead)
      Output.line(
        "\(made) agents and \(decided) decisions are there; \(left) and \(ahead) to make: about "
          + "\(Int(seconds)) s and \(bytes / 1_000_000) MB")
      guard !estimate else { return }
      let free = try world.freeBytes()
      guard free > bytes * 2 else {
        throw CommandFault(
          "disk_short",
          "\(free / 1_000_000) MB are free in \(out), and twice \(bytes / 1_000_000) MB are needed")
      }
      for start in stride(from: made, to: agents, by: Fixture.group) {
        try world.make(agents: start..<min(agents, start + Fixture.group))
        if start % (Fixture.group * 40) == 0 { Output.note("\(start) agents") }
      }
      let decider = try world.decider()
      if ahead > 0 {
        try await decider.decide(from: decided, to: decisions, agents: agents) {
          Output.note("\($0) decisions")
        }
      }
      Output.line(
        "made in \(out); open it with: countersign --registry \(path) --key \(out)/bench.key")
    }
  }
}

/// A registry made for measuring: its founder, its service, its agents.
private final class Bench {
  private let ledger: Ledger
  private let path: String
  private let pins: PinStore
  private let founder: Principal
  private let service: Principal
  private let key: SigningKey

  fileprivate static func principal(_ text: String) throws -> Principal {
    guard let principal = Principal(ByteString(text)) else {
      throw CommandFault("principal_malformed", "\(text) is no principal")
    }
    return principal
  }

  fileprivate static func key(_ principal: Principal) throws -> SigningKey {
    try SigningKey.derived(from: "countersign bench key: \(principal)")
  }

  init(path: String, pins: PinStore) throws {
    self.path = path
    self.pins = pins
    founder = try Bench.principal("user:bench")
    service = try Bench.principal("service:bench")
    key = try Bench.key(founder)
    if !FileManager.default.fileExists(atPath: path) {
      let fresh = try Ledger(RegistryDatabase.create(path, group: nil), pins: nil)
      try Bench.found(fresh, founder, service, key, path)
      try pins.store(fresh.head, for: fresh.state.registry?.id ?? "")
      try fresh.database.close()
    }
    ledger = try Ledger(RegistryDatabase(path, access: .readWrite), pins: pins)
  }

  private static func found(
    _ ledger: Ledger, _ founder: Principal, _ service: Principal, _ key: borrowing SigningKey,
    _ path: String
  ) throws {
    let all = Capability(actions: ["*"], resources: ["prod://bench/**", "stage://bench/**"])
    func sign(_ body: StatementBody, bodies: [[UInt8]] = []) throws -> Digest {
      try ledger.sign(body, by: founder, key: key, clock: .system, bodies: bodies).digest
    }
    _ = try sign(
      .registryCreated(
        RegistryCreated(
          name: "bench",
          operators: [
            OperatorEnrolled(
              principal: founder, key: key.publicKey, roles: [.admin, .approver], groups: ["sre"],
              mayGrant: [all])
          ], adminQuorum: 1, approvalDefault: .standard, isSolo: true)))
    _ = try sign(
      .serviceEnrolled(ServiceEnrolled(service: service, key: try Bench.key(service).publicKey)))
    _ = try sign(
      .resourceRegistered(
        ResourceRegistered(pattern: "stage://bench/**", type: "service", env: "staging")))
    let text = Array(
      "package agent.authz\ndefault allow := false\nallow if input.resource.env == \"staging\"\n"
        .utf8)
    let policy = try sign(
      .policyPublished(
        PolicyPublished(
          name: "bench", version: 1,
          modules: [PolicyPublished.Module(file: "bench.rego", digest: Digest.sha256(text))],
          data: nil)), bodies: [text])
    _ = try sign(.policyActivated(PolicyActivated(policy: policy)))
    var phrase = Array("bench".utf8)
    try SealedKey.create(
      (path as NSString).deletingLastPathComponent + "/bench.key", key: key, holder: founder.text,
      passphrase: SecretBytes(wiping: &phrase), cost: .minimal)
  }

  func counts() throws -> (agents: Int, decisions: Int) {
    try ledger.database.read { (try $0.agentCount(), try $0.decisionTotal()) }
  }

  func freeBytes() throws -> Int {
    var status = statvfs()
    guard statvfs((path as NSString).deletingLastPathComponent, &status) == 0 else { return 0 }
    return Int(status.f_bavail) * Int(status.f_frsize)
  }

  /// Seconds it will take, from what one signature and one check take here.
  func estimate(agents: Int, decisions: Int) async throws -> Double {
    let started = ContinuousClock.now
    let message = Array(repeating: UInt8(7), count: 400)
    for _ in 0..<100 {
      let signature = key.sign(message)
      _ = key.publicKey.verifies(signature, over: message)
    }
    let one = started.duration(to: .now)
    let seconds =
      Double(one.components.attoseconds) / 1e18 / 100 + Double(one.components.seconds) / 100
    // An agent is five signatures made and checked, a decision two and its evaluation.
    return Double(agents) * seconds * 6 + Double(decisions) * seconds * 5
  }

  static func agent(_ number: Int) throws -> Principal {
    let digits = String(number)
    return try principal(
      "agent:bot-" + String(repeating: "0", count: max(0, 7 - digits.count)) + digits)
  }

  func make(agents: Range<Int>) throws {
    let (head, registry) = (ledger.head, ledger.state.registry?.id ?? "")
    try ledger.write(clock: .system) { appending in
      for number in agents {
        let agent = try Bench.agent(number)
        let agentKey = try Bench.key(agent)
        func draft(_ body: StatementBody) throws -> StatementDraft {
          try StatementDraft(
            StatementHeader(
              at: appending.now, head: head,
              id: ByteString(Hexadecimal.text(of: SecureRandom.bytes(16))), registry: registry,
              signer: founder), body)
        }
        _ = try appending.append(
          try draft(
            .agentRegistered(
              AgentRegistered(agent: agent, owner: founder, roles: ["worker"]))
          ).signed(by: key))
        let enrolment = try draft(
          .keyEnrolled(
            KeyEnrolled(holder: agent, key: agentKey.publicKey, notBefore: nil, notAfter: nil)))
        _ = try appending.append(
          enrolment.envelope(enrolment.signature(by: key), enrolment.signature(by: agentKey)))
        _ = try appending.append(
          try draft(
            .grantIssued(
              GrantIssued(
                holder: agent,
                capabilities: [
                  Capability(actions: ["deploy"], resources: ["stage://bench/**"])
                ], limits: GrantLimits(maxDepth: 1), parent: nil))
          ).signed(by: key))
      }
    }
    try ledger.storePin()
  }

  /// Writes down what was verified, so that whoever opens the registry next need not replay it, and
  /// gives what makes the decisions.
  func decider() throws -> BenchDecider {
    try ledger.storePin()
    try ledger.storeMarkIfWorthwhile()
    return BenchDecider(
      path: path, pins: pins, registry: ledger.state.registry?.id ?? "", service: service,
      grants: Dictionary(
        ledger.state.grants.values.map { ($0.terms.holder, $0.digest) }, uniquingKeysWith: { $1 }))
  }
}

/// Makes the decisions of a registry made for measuring: its agents ask, its service decides.
private struct BenchDecider {
  let path: String
  let pins: PinStore
  let registry: ByteString
  let service: Principal
  let grants: [Principal: Digest]

  func decide(
    from first: Int, to last: Int, agents: Int, progress: (Int) -> Void
  ) async throws {
    let authority = try DecisionAuthority(
      registry: path, service: service, key: try Bench.key(service), pins: pins, trust: registry)
    for start in stride(from: first, to: last, by: 256) {
      var envelopes: [UnverifiedEnvelope] = []
      for number in start..<min(last, start + 256) {
        let agent = try Bench.agent(number * 7919 % agents)
        guard let grant = grants[agent] else { continue }
        // One in ten is outside its grant: a deny.
        let scheme = number % 10 == 0 ? "prod" : "stage"
        let action = Action(
          action: "deploy", agent: agent, audience: service, context: JSONObject(), grant: grant,
          nonce: ByteString(Hexadecimal.text(of: SecureRandom.bytes(16))), params: JSONObject(),
          registry: registry, resource: ByteString("\(scheme)://bench/s\(number % 997)"),
          claimedEnv: nil, timestamp: Clock.system.now())
        envelopes.append(try action.signed(by: try Bench.key(agent)))
      }
      try await withThrowingTaskGroup(of: Void.self) { group in
        for envelope in envelopes {
          group.addTask { _ = try await authority.decide(envelope) }
        }
        try await group.waitForAll()
      }
      if start % (256 * 40) == 0 { progress(start) }
    }
    try await authority.close()
  }
}
