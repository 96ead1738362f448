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
    commandName: "bench", abstract: "Make large registries and measure on them.",
    shouldDisplay: false, subcommands: [Fixture.self, ConsoleBench.self, RegoBench.self])

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
    private static let agentBytes = 3600
    private static let decisionBytes = 1300

    func perform() async throws {
      let path = "\(out)/registry.db"
      try FileManager.default.createDirectory(
        atPath: out, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
      let (made, decided) = try BenchWorld.counts(path)
      let (left, ahead) = (max(0, agents - made), max(0, decisions - decided))
      let bytes = left * Fixture.agentBytes + ahead * Fixture.decisionBytes
      let pace = try await BenchWorld.pace()
      let seconds = Double(left) * pace.agent + Double(ahead) * pace.decision
      Output.line(
        "\(made) agents and \(decided) decisions are there; \(left) and \(ahead) to make: about "
          + "\(Int(seconds.rounded(.up))) s and \(bytes / 1_000_000 + 1) MB")
      guard !estimate else { return }
      let free = BenchWorld.freeBytes(out)
      guard free > bytes * 2 else {
        throw CommandFault(
          "disk_short",
          "\(free / 1_000_000) MB are free in \(out), and twice \(bytes / 1_000_000) MB are needed")
      }
      if left > 0 {
        let world = try BenchWorld(path: path, pins: PinStore(folder: "\(out)/pins"))
        for start in stride(from: made, to: agents, by: Fixture.group) {
          try world.make(agents: start..<min(agents, start + Fixture.group))
          if start % (Fixture.group * 40) == 0 { Output.note("\(start) agents") }
        }
        try world.finishAgents()
      }
      if ahead > 0 {
        let decider = try await BenchDecider(folder: out)
        try await decider.decide(from: decided, to: decisions) { Output.note("\($0) decisions") }
        try await decider.close()
      }
      Output.line(
        "made in \(out); open it with: countersign --registry \(path) --key \(out)/bench.key")
    }
  }
}

/// A registry made for measuring: its founder, its service, its agents.
final class BenchWorld {
  private let ledger: Ledger
  private let path: String
  private let pins: PinStore
  private let founder: Principal
  private let key: SigningKey
  fileprivate static var service: Principal { get throws { try principal("service:bench") } }

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
    founder = try BenchWorld.principal("user:bench")
    key = try BenchWorld.key(founder)
    if !FileManager.default.fileExists(atPath: path) {
      let fresh = try Ledger(RegistryDatabase.create(path, group: nil), pins: nil)
      try BenchWorld.found(fresh, founder, key, path)
      try fresh.storePin(in: pins)
      try fresh.database.close()
    }
    ledger = try Ledger(RegistryDatabase(path, access: .readWrite), pins: pins)
  }

  private static func found(
    _ ledger: Ledger, _ founder: Principal, _ key: borrowing SigningKey, _ path: String
  ) throws {
    let service = try BenchWorld.service
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
      .serviceEnrolled(
        ServiceEnrolled(service: service, key: try BenchWorld.key(service).publicKey)))
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

  static func counts(_ path: String) throws -> (agents: Int, decisions: Int) {
    guard FileManager.default.fileExists(atPath: path) else { return (0, 0) }
    let database = try RegistryDatabase(path, access: .readOnly)
    return try database.read { (try $0.agentCount(), try $0.decisionTotal()) }
  }

  static func freeBytes(_ folder: String) -> Int {
    var status = statvfs()
    guard statvfs(folder, &status) == 0 else { return 0 }
    return Int(status.f_bavail) * Int(status.f_frsize)
  }

  /// Seconds that an agent and a decision take here: a few are made, and thrown away.
  static func pace() async throws -> (agent: Double, decision: Double) {
    let folder = NSTemporaryDirectory() + "countersign-pace-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    let (agents, decisions) = (256, 512)
    let world = try BenchWorld(
      path: "\(folder)/registry.db", pins: PinStore(folder: "\(folder)/pins"))
    let start = ContinuousClock.now
    try world.make(agents: 0..<agents)
    let middle = ContinuousClock.now
    try world.finishAgents()
    let decider = try await BenchDecider(folder: folder)
    let opened = ContinuousClock.now
    try await decider.decide(from: 0, to: decisions) { _ in }
    let end = ContinuousClock.now
    try await decider.close()
    return (
      start.duration(to: middle).milliseconds / 1000 / Double(agents),
      opened.duration(to: end).milliseconds / 1000 / Double(decisions)
    )
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
        let agent = try BenchWorld.agent(number)
        let agentKey = try BenchWorld.key(agent)
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

  /// Writes down what was verified, so that whoever opens the registry next need not replay it.
  func finishAgents() throws {
    try ledger.storeMark()
    try ledger.database.close()
  }
}

/// Makes the decisions of a registry made for measuring: its agents ask, its service decides.
struct BenchDecider {
  let agents: Int
  private let rows: RegistryDatabase
  private let authority: DecisionAuthority
  private let registry: ByteString

  init(folder: String) async throws {
    let path = "\(folder)/registry.db"
    rows = try RegistryDatabase(path, access: .readOnly)
    agents = try rows.read { try $0.agentCount() }
    guard let genesis = try rows.read({ try $0.entry(0) }) else {
      throw AuthorityFault.empty(path: path)
    }
    registry = ByteString(try LogEntry(bytes: genesis).envelope.digest.hex)
    let service = try BenchWorld.service
    authority = try DecisionAuthority(
      registry: path, service: service, key: try BenchWorld.key(service),
      pins: PinStore(folder: "\(folder)/pins"), trust: registry)
  }

  private func envelope(of agent: Principal, on resource: String) throws -> UnverifiedEnvelope {
    let grant = try rows.read { try $0.grants(holder: agent.description).first?.digest }
    guard let grant else {
      throw CommandFault(
        "fixture_unknown", "\(agent) has no grant; was this made by bench fixture?")
    }
    let action = Action(
      action: "deploy", agent: agent, audience: try BenchWorld.service, context: JSONObject(),
      grant: grant, nonce: ByteString(Hexadecimal.text(of: SecureRandom.bytes(16))),
      params: JSONObject(), registry: registry, resource: ByteString(resource), claimedEnv: nil,
      timestamp: Clock.system.now())
    return action.signed(by: try BenchWorld.key(agent))
  }

  /// Has one action decided; when it returns, the decision is on disk.
  func decide(named name: String, agent number: Int) async throws {
    let agent = try BenchWorld.agent(number * 7919 % agents)
    _ = try await authority.decide(try envelope(of: agent, on: "stage://bench/\(name)"))
  }

  func decide(from first: Int, to last: Int, progress: (Int) -> Void) async throws {
    for start in stride(from: first, to: last, by: 256) {
      let envelopes = try (start..<min(last, start + 256)).map { number in
        // One in ten is outside its grant: a deny.
        try envelope(
          of: try BenchWorld.agent(number * 7919 % agents),
          on: "\(number % 10 == 0 ? "prod" : "stage")://bench/s\(number % 997)")
      }
      try await withThrowingTaskGroup(of: Void.self) { group in
        for envelope in envelopes {
          group.addTask { _ = try await authority.decide(envelope) }
        }
        try await group.waitForAll()
      }
      if start % (256 * 40) == 0 { progress(start) }
    }
  }

  /// Closes the registry, its state written down beside the pin.
  func close() async throws { try await authority.close() }
}
