import Authority
import CanonicalJSON
import Enforcement
import Foundation
import Keys
import Registry
import Statements
import Synchronization
import TestSupport

/// Keys that together act 20 times a second against a real daemon are revoked one after another in the
/// console, by its own script: all are signed, and our own time for each is told.
enum Revocations {
  private static let policy = """
    package agent.authz
    default allow = false
    allow if { input.action == "deploy"; input.resource.env == "staging" }
    require_approval if { input.action == "deploy"; input.resource.env == "production" }
    """
  private static let passphrase = "secret"
  private static let actionsPerSecond = 20

  private final class Fleet: Sendable {
    let isOver = Atomic(false)
    let acted = Atomic(0)
  }

  private struct Agent: Sendable {
    let name: Principal
    let grant: Digest
    let fingerprint: Fingerprint
  }

  static func run(count: Int) async throws {
    let world = try World(policy: policy, clock: .running)
    let agents = try (0..<max(2, count)).map { try enrol("leaked-\(1000 + $0)", world) }
    try PrivateKeyPEM.create(
      "\(world.folder)/\(world.gateway.name).pem", key: try World.key(world.gateway))
    let socket = "\(world.folder)/d.sock"
    let daemon = try Hostile.start(world, socket)
    defer { daemon.terminate() }
    let fleet = Fleet()
    let (registry, gateway) = (world.registry, world.gateway)
    let acting = Task { await act(agents, registry, gateway, socket, fleet) }
    let began = Date()
    let output = try console(world, agents)
    let seconds = Date().timeIntervalSince(began)
    fleet.isOver.store(true, ordering: .relaxed)
    await acting.value
    guard daemon.isRunning else { throw SoakFailure("the daemon ended") }
    let times = try received(world, agents, output)
    let rate = Double(fleet.acted.load(ordering: .relaxed)) / seconds
    guard rate > Double(actionsPerSecond) / 2 else {
      throw SoakFailure("the keys acted only \(rate) times a second")
    }
    // The first opens the key; each of the others takes from one entry to the next.
    let own = zip(times.dropFirst(), times).map { $0.0 - $0.1 }.sorted()
    print(
      "revocations: \(agents.count) keys that act \(Int(rate.rounded())) times a second, all revoked; "
        + "our own time, key open: median \(own[own.count / 2]) ms, most \(own[own.count - 1]) ms")
  }

  private static func enrol(_ name: String, _ world: World) throws -> Agent {
    let agent = Principal.named(ByteString("agent:\(name)"))
    try world.sign(.agentRegistered(AgentRegistered(agent: agent, owner: world.alice, roles: [])))
    try world.enrol(try World.key(agent), of: agent)
    let grant = try world.sign(
      .grantIssued(
        GrantIssued(
          holder: agent,
          capabilities: [
            Capability(
              actions: ["deploy"], resources: ["prod://payments/**", "stage://payments/**"])
          ], limits: GrantLimits(), parent: nil)))
    return Agent(
      name: agent, grant: grant, fingerprint: try World.key(agent).publicKey.fingerprint)
  }

  /// Every tenth action is one that is held.
  private static func act(
    _ agents: [Agent], _ registry: ByteString, _ gateway: Principal, _ socket: String,
    _ fleet: Fleet
  ) async {
    let client = AgentClient(socket: socket)
    var number = 0
    while !fleet.isOver.load(ordering: .relaxed) {
      let agent = agents[number % agents.count]
      let place = number % 10 == 0 ? "prod://payments/\(number)" : "stage://payments/api"
      let action = Action(
        action: "deploy", agent: agent.name, audience: gateway, context: JSONObject(),
        grant: agent.grant, nonce: ByteString(Hexadecimal.text(of: SecureRandom.bytes(16))),
        params: JSONObject(), registry: registry, resource: ByteString(place), claimedEnv: nil,
        timestamp: Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000)))
      let began = ContinuousClock.now
      if let envelope = try? action.signed(by: World.key(agent.name)),
        (try? await client.ask(envelope, waitSeconds: 0)) != nil
      {
        fleet.acted.add(1, ordering: .relaxed)
      }
      number += 1
      try? await Task.sleep(until: began + .milliseconds(1000 / actionsPerSecond))
    }
  }

  /// Presses the keys that a person presses, the passphrase only the first time.
  private static func console(_ world: World, _ agents: [Agent]) throws -> String {
    var secret = Array(passphrase.utf8)
    try SealedKey.create(
      "\(world.folder)/alice.key", key: try World.key(world.alice),
      holder: world.alice.text, passphrase: SecretBytes(wiping: &secret), cost: .minimal)
    try FileManager.default.createDirectory(
      atPath: "\(world.folder)/config/countersign", withIntermediateDirectories: true)
    try "relock_seconds: 900\n".write(
      toFile: "\(world.folder)/config/countersign/console.yaml", atomically: true, encoding: .utf8)
    var script = "see Approvals\ncommand keys\n"
    for (index, agent) in agents.enumerated() {
      script += """
        press /
        press C-u
        type holder:\(agent.name.name)
        press Enter
        see \(agent.name)
        press r
        see cannot be undone
        press Enter
        type \(agent.fingerprint.short)
        press Enter

        """
      if index == 0 { script += "type \(passphrase)\npress Enter\n" }
      script += "press Enter\nsee is revoked\npress Esc\n"
    }
    try script.write(toFile: "\(world.folder)/script", atomically: true, encoding: .utf8)
    let console = Process()
    console.executableURL = Hostile.programs.appendingPathComponent("countersign")
    console.arguments = [
      "console", "--registry", world.path, "--trust", world.registry.text, "--key",
      "\(world.folder)/alice.key", "--script", "\(world.folder)/script",
    ]
    console.environment = [
      "HOME": world.folder, "XDG_STATE_HOME": "\(world.folder)/state",
      "XDG_CONFIG_HOME": "\(world.folder)/config", "PATH": "/usr/bin:/bin",
    ]
    let pipe = Pipe()
    console.standardOutput = pipe
    console.standardError = pipe
    try console.run()
    let output = String(
      decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    console.waitUntilExit()
    guard console.terminationStatus == 0 else { throw SoakFailure("the console: \(output)") }
    return output
  }

  /// When the log received each revocation, in milliseconds; all must be there.
  private static func received(
    _ world: World, _ agents: [Agent], _ output: String
  ) throws -> [Int64] {
    let registry = try RegistryDatabase(world.path, access: .readOnly)
    return try registry.read { transaction in
      try agents.map { agent in
        guard let revoked = try transaction.key(agent.fingerprint.digest)?.revoked else {
          throw SoakFailure("\(agent.name) was not revoked:\n\(output)")
        }
        return revoked.milliseconds
      }
    }
  }
}
