package import ArgumentParser
import Authority
import CanonicalJSON
import Foundation
import Gateway
import Keys
import Logging
import Registry
import Statements

/// `countersignd`: the decision point.
package struct DaemonCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "countersignd",
    abstract: "Decide agents' signed actions over a Unix socket.",
    discussion: """
      Make its key with: countersign service enroll service:NAME --out KEY.pem
      SIGTERM stops it after answering what it has accepted.
      """)

  @Option(help: "The registry file.")
  var registry: String?

  @Option(help: "Who this daemon is, as service:NAME.")
  var service: String = "service:gateway-1"

  @Option(help: "The service's key, PKCS#8 PEM, mode 0600.")
  var key: String

  @Option(help: "The socket to listen on. Default: countersignd.sock beside the registry.")
  var socket: String?

  @Option(help: "The registry's id (64 digits), needed the first time this account opens it.")
  var trust: String?

  @Option(
    help: "Go on although this entry came late (its index); repeat for more. See: entry_late.")
  var acceptLate: [UInt64] = []

  @Option(help: "Holds that one agent may have open at once.")
  var maxHolds: Int = RequestLimits().openHoldsPerAgent

  @Option(help: "Requests of one agent that may wait for people at once.")
  var maxWaiting: Int = RequestLimits().waitingPerAgent

  @Option(help: "Decisions a second for one key, on average; twice as many at once.")
  var rate: Int = RequestLimits().decisionsPerSecond

  @Option(
    help: ArgumentHelp(
      "Seconds that the policy may take for one request; then it is answered 503 and nothing is "
        + "recorded.", valueName: "seconds"))
  var policySeconds: Double = RequestLimits().evaluationSeconds

  @Option(
    name: .customLong("reader"),
    help: ArgumentHelp(
      "UID=user:NAME: what runs under this account reads holds and status as that operator, without "
        + "a signature; repeat for more.", valueName: "uid=user:name"))
  var readers: [String] = []

  @Flag(help: "Log nothing but faults.")
  var quiet = false

  package init() {}

  /// Runs the program with this process's arguments.
  package static func start() async {
    ProcessHardening.apply()
    await main()
  }

  package func run() async throws {
    do {
      try await serve()
    } catch let usage as ValidationError {
      throw usage
    } catch {
      let code =
        (error as? AuthorityFault)?.code ?? (error as? KeyFault)?.code
        ?? (error as? RegistryFault)?.code ?? "daemon_failed"
      FileHandle.standardError.write(Data("countersignd: \(code): \(error)\n".utf8))
      throw ExitCode(1)
    }
  }

  private func serve() async throws {
    guard [maxHolds, maxWaiting, rate].allSatisfy({ (1...1_000_000).contains($0) }) else {
      throw ValidationError("--max-holds, --max-waiting and --rate are from 1 to 1000000")
    }
    guard (0.01...600).contains(policySeconds) else {
      throw ValidationError("--policy-seconds is from 0.01 to 600")
    }
    var limits = RequestLimits()
    limits.evaluationSeconds = policySeconds
    limits.openHoldsPerAgent = maxHolds
    limits.waitingPerAgent = maxWaiting
    limits.decisionsPerSecond = rate
    limits.burst = 2 * rate
    let environment = ProcessInfo.processInfo.environment
    let home = environment["HOME"] ?? "."
    let data = environment["XDG_DATA_HOME"] ?? "\(home)/.local/share"
    let state = environment["XDG_STATE_HOME"] ?? "\(home)/.local/state"
    let registry = registry ?? "\(data)/countersign/registry.db"
    let socket =
      socket ?? (registry as NSString).deletingLastPathComponent + "/countersignd.sock"
    guard let service = Principal(ByteString(service)), service.kind == .service else {
      throw ValidationError("--service must be service:NAME")
    }
    let readers = try DaemonCommand.readers(readers)
    var logger = Logger(label: "countersignd") { StreamLogHandler.standardError(label: $0) }
    logger.logLevel = quiet ? .error : .info
    let authority = try DecisionAuthority(
      registry: registry, service: service, key: try PrivateKeyPEM.read(key),
      pins: PinStore(folder: "\(state)/countersign/pins"), trust: trust.map { ByteString($0) },
      limits: limits, acceptLate: acceptLate)
    let size = await authority.size
    logger.info("opened", metadata: ["registry": "\(registry)", "entries": "\(size)"])
    for (user, reader) in readers.sorted(by: { $0.key < $1.key }) {
      guard try await !authority.isEnrolled(reader) else { continue }
      let text =
        "countersignd: warning: --reader \(user)=\(reader): no such operator is enrolled; this account "
        + "reads nothing until one is\n"
      FileHandle.standardError.write(Data(text.utf8))
    }
    let server = GatewayServer(
      authority: authority, socket: socket, readers: readers, logger: logger)
    try await server.run {
      FileHandle.standardError.write(Data("countersignd: listening on \(socket)\n".utf8))
    }
  }

  /// Reads `UID=user:NAME` pairs.
  private static func readers(_ pairs: [String]) throws -> [UInt32: Principal] {
    var readers: [UInt32: Principal] = [:]
    for pair in pairs {
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      // 4294967295 is what the kernel says where it knows no account.
      guard parts.count == 2, let user = UInt32(parts[0]), String(user) == parts[0],
        user != UInt32.max, let reader = Principal(ByteString(String(parts[1]))),
        reader.kind == .user
      else {
        throw ValidationError("--reader \"\(pair)\" is not UID=user:NAME, as 1000=user:alice")
      }
      guard readers.updateValue(reader, forKey: user) == nil else {
        throw ValidationError("--reader names uid \(user) twice")
      }
    }
    return readers
  }
}
