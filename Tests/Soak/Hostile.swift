import Authority
import CanonicalJSON
import Foundation
import Keys
import Registry
import Statements
import TestSupport

/// Odd requests by enrolled agents, made by an independent client, against a real daemon: no honest request
/// beside them fails, the daemon lives, and its memory stays.
enum Hostile {
  /// Does with an agent's numbers and texts what policies do.
  static let policy = """
    package agent.authz
    default allow = false
    allow if { input.action == "deploy"; input.resource.env == "staging"; not input.params.deny }
    require_approval if { input.resource.env == "production" }
    deny contains format_int(input.params.n, 16) if input.params.n > 1e20
    deny contains "range" if { some x in numbers.range(input.params.low, input.params.high); x == 3 }
    deny contains substring(input.params.text, input.params.low, input.params.high) if input.params.x
    deny contains x if { some x in input.params.list; x * x == 0.25 }
    deny contains replace(input.params.text, "", input.params.text) if input.params.base == 10
    """

  static func run(count: Int, seed: UInt64) async throws {
    let world = try World(policy: policy, clock: .running)
    let honest = Principal.named("agent:honest")
    try world.sign(
      .agentRegistered(AgentRegistered(agent: honest, owner: world.alice, roles: [])))
    try world.enrol(try World.key(honest), of: honest)
    let grant = try world.sign(
      .grantIssued(
        GrantIssued(
          holder: honest,
          capabilities: [Capability(actions: ["deploy"], resources: ["stage://payments/**"])],
          limits: GrantLimits(), parent: nil)))
    for principal in [world.bot, honest, world.gateway] {
      try PrivateKeyPEM.create(
        "\(world.folder)/\(principal.name).pem", key: try World.key(principal))
    }
    let socket = "\(world.folder)/d.sock"
    let daemon = try start(world, socket)
    defer { daemon.terminate() }
    _ = try await attack(world, honest, grant, socket, count: max(1, count / 10), seed: seed + 1)
    let before = resident(daemon.processIdentifier)
    let report = try await attack(world, honest, grant, socket, count: count, seed: seed)
    let after = resident(daemon.processIdentifier)
    guard daemon.isRunning else { throw SoakFailure("seed \(seed): the daemon ended") }
    guard after - before < 48 else {
      throw SoakFailure("seed \(seed): memory grew from \(before) to \(after) MiB")
    }
    daemon.terminate()
    daemon.waitUntilExit()
    let verified = try LogVerification.run(
      try RegistryDatabase(world.path, access: .readOnly),
      pins: PinStore(folder: "\(world.folder)/state/countersign/pins"))
    guard verified.findings.isEmpty else {
      throw SoakFailure("seed \(seed): the log: \(verified.findings)")
    }
    for (kind, number) in report["answers"]?.object?.members.map({ ($0.name.text, $0.value) }) ?? []
    {
      say("  \(number.integer ?? 0)  \(kind)")
    }
    print(
      "hostile \(count), seed \(seed): \(report["honest"]?.integer ?? 0) honest requests beside them, "
        + "0 failed; \(before) MiB before, \(after) after; the log of \(verified.size) entries verifies"
    )
  }

  static var programs: URL {
    URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
  }

  static func start(_ world: World, _ socket: String) throws -> Process {
    let daemon = Process()
    daemon.executableURL = programs.appendingPathComponent("countersignd")
    daemon.arguments = [
      "--registry", world.path, "--service", world.gateway.description, "--key",
      "\(world.folder)/\(world.gateway.name).pem", "--socket", socket, "--trust",
      world.registry.text, "--quiet",
    ]
    daemon.environment = [
      "HOME": world.folder, "XDG_STATE_HOME": "\(world.folder)/state", "PATH": "/usr/bin:/bin",
    ]
    try daemon.run()
    let end = ContinuousClock.now + .seconds(20)
    while !FileManager.default.fileExists(atPath: socket) {
      guard daemon.isRunning, ContinuousClock.now < end else {
        throw SoakFailure("the daemon did not start")
      }
      usleep(20_000)
    }
    return daemon
  }

  private static func attack(
    _ world: World, _ honest: Principal, _ grant: Digest, _ socket: String, count: Int,
    seed: UInt64
  ) async throws -> JSONValue {
    func party(_ agent: Principal, _ grant: Digest) throws -> JSONValue {
      [
        "agent": agent.json, "key": JSONValue("\(world.folder)/\(agent.name).pem"),
        "fingerprint": JSONValue(try World.key(agent).publicKey.fingerprint.description),
        "grant": JSONValue(grant.hex),
      ]
    }
    let config: JSONValue = [
      "socket": JSONValue(socket), "registry": JSONValue(world.registry),
      "service": world.gateway.json, "hostile": try party(world.bot, world.grant),
      "honest": try party(honest, grant), "count": JSONValue(count),
      "seed": JSONValue(seed & 0xFFFF_FFFF),
    ]
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
    process.arguments = [
      SharedSuites.root.appendingPathComponent("Tests/Soak/hostile_agents.py").path
    ]
    let (input, output) = (Pipe(), Pipe())
    process.standardInput = input
    process.standardOutput = output
    try process.run()
    try input.fileHandleForWriting.write(contentsOf: Data(try config.canonicalBytes()))
    try input.fileHandleForWriting.close()
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard let report = try? JSONParser.parse(Array(data)) else {
      throw SoakFailure("seed \(seed): the client ended with \(process.terminationStatus)")
    }
    guard process.terminationStatus == 0 else {
      throw SoakFailure("seed \(seed): \(report["failures"].map { "\($0)" } ?? "")")
    }
    return report
  }

  /// Resident memory of a process, in MiB.
  private static func resident(_ process: Int32) -> Int {
    let text = (try? String(contentsOfFile: "/proc/\(process)/statm", encoding: .utf8)) ?? ""
    let pages = text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
    return pages * 4096 / 1_048_576
  }
}
