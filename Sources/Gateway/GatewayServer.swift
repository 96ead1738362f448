package import Authority
import CanonicalJSON
import FoundationEssentials
import Glibc
import Hummingbird
import HummingbirdCore
package import Logging
import ServiceLifecycle
package import Statements
import UnixSignals

/// Has the service look at the log once a second, by itself.
private struct LogLooks: Service {
  let authority: DecisionAuthority

  func run() async throws {
    while !Task.isShuttingDownGracefully, !Task.isCancelled {
      try? await cancelWhenGracefulShutdown { try await Task.sleep(for: .seconds(1)) }
      await authority.tick()
    }
  }
}

/// The decision point's HTTP server on a Unix socket.
package struct GatewayServer {
  private let authority: DecisionAuthority
  private let socket: String
  private let readers: [UInt32: Principal]
  private let logger: Logger

  /// `readers`: The operators whose accounts on this machine may read, by uid.
  package init(
    authority: DecisionAuthority, socket: String, readers: [UInt32: Principal], logger: Logger
  ) {
    self.authority = authority
    self.socket = socket
    self.readers = readers
    self.logger = logger
  }

  /// Why the server could not start.
  package enum Fault: Error, CustomStringConvertible {
    case socketInUse(String)
    case socketTooLong(String)
    case notASocket(String)

    package var description: String {
      switch self {
      case .socketInUse(let path):
        "another daemon serves at \(path); stop it or name another --socket"
      case .notASocket(let path):
        "there is a file at \(path) that is no socket; it was left as it is: name another --socket"
      case .socketTooLong(let path):
        "the socket path \(path) is over 107 bytes long; name a shorter one with --socket"
      }
    }
  }

  /// Serves until SIGTERM or SIGINT; requests accepted by then are answered first.
  package func run(ready: @escaping @Sendable () -> Void) async throws {
    let lock = try claimSocket()
    defer { lock.release() }
    let router = Router(context: GatewayContext.self)
    DecisionRoutes(authority: authority, logger: logger).add(to: router)
    ReadingRoutes(authority: authority, readers: readers, logger: logger).add(to: router)
    let end = EndOfService()
    WatchRoute(authority: authority, end: end, logger: logger).add(to: router)
    let connections = connections
    let quota = ConnectionQuota(limit: max(16, connections / 4))
    var app = Application(
      router: router,
      server: .http1(
        configuration: .init(
          additionalChannelHandlers: [quota.handler],
          idleTimeout: .seconds(GatewayServer.idleSeconds))),
      configuration: ApplicationConfiguration(
        address: .unixDomainSocket(path: socket), serverName: nil,
        availableConnectionsDelegate: MaximumAvailableConnections(connections)),
      onServerRunning: { [authority, socket] _ in
        await authority.announce(
          host: GatewayServer.host, socket: GatewayServer.absolute(socket), process: getpid())
        ready()
      }, logger: logger)
    app.addServices(LogLooks(authority: authority))
    await authority.watch()
    do {
      try await serve(app, end)
    } catch {
      end.note("a fault", at: GatewayServer.now)
      unlink(socket)
      try? await authority.close(cause: "a fault")
      throw error
    }
    unlink(socket)
    try await authority.close(cause: end.noted?.cause ?? "")
  }

  /// Serves until a signal ends it; which one is noted before anything else ends.
  private func serve(_ app: some Service, _ end: EndOfService) async throws {
    let group = ServiceGroup(
      configuration: .init(services: [app], gracefulShutdownSignals: [], logger: logger))
    // Before anybody can know that the service runs.
    let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask {
        for await signal in signals {
          end.note("\(signal)", at: GatewayServer.now)
          await group.triggerGracefulShutdown()
        }
      }
      tasks.addTask { try await group.run() }
      try await tasks.next()
      tasks.cancelAll()
    }
  }

  private static var now: Timestamp { Clock.system.now() }

  /// The name of this machine.
  private static var host: String {
    var name = [CChar](repeating: 0, count: 256)
    guard gethostname(&name, name.count - 1) == 0 else { return "" }
    return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// A path as every process can follow it.
  private static func absolute(_ path: String) -> String {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    let folder = parts.dropLast().joined(separator: "/")
    guard let found = realpath(folder.isEmpty ? (path.hasPrefix("/") ? "/" : ".") : folder, nil)
    else { return path }
    defer { free(found) }
    return String(cString: found) + "/" + (parts.last.map(String.init) ?? "")
  }

  /// A connection on which nothing is asked is closed after so long.
  private static let idleSeconds: Int64 = 60
  /// Descriptors that connections leave to the registry, its log, the pin and the kept state.
  private static let reserve = 128

  /// How many connections may be open at once: as many as descriptors are, less what deciding needs.
  private var connections: Int {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 512 }
    limit.rlim_cur = min(limit.rlim_max, 65_536)
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    return max(16, Int(clamping: limit.rlim_cur) - GatewayServer.reserve)
  }

  /// Removes a socket that a killed daemon left behind; refuses one that answers.
  private func claimSocket() throws -> SocketLock {
    guard socket.utf8.count <= 107 else { throw Fault.socketTooLong(socket) }
    guard let lock = try SocketLock(of: socket) else { throw Fault.socketInUse(socket) }
    do {
      try removeAbandonedSocket()
    } catch {
      lock.release()
      throw error
    }
    return lock
  }

  private func removeAbandonedSocket() throws {
    // A link is not followed: it is no socket either.
    guard let found = try? FileManager.default.attributesOfItem(atPath: socket) else { return }
    guard found[.type] as? FileAttributeType == .typeSocket else { throw Fault.notASocket(socket) }
    let descriptor = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: socket.utf8) }
    let answer = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    if answer == 0 { throw Fault.socketInUse(socket) }
    unlink(socket)
  }
}
