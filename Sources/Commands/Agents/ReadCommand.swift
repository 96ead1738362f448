import ArgumentParser
import Authority
import CanonicalJSON
import Enforcement
import Keys
import Statements

struct ReadCommand: Subcommand {
  static let configuration = CommandConfiguration(
    commandName: "read",
    abstract: "Read from a daemon what it tells only who may ask, and print its JSON.",
    discussion: """
      PATH is /v1/holds/DIGEST (an agent: its own; a service or operator: all) or /v1/status (a service
      or operator). Give --as and --key to sign a read request; without them the daemon goes by the
      account this runs under (countersignd --reader UID=user:NAME).
      """)

  @Argument(help: "What to read, as /v1/status.")
  var path: String

  @Option(name: .customLong("as"), help: "Who reads, as agent:NAME or service:NAME.")
  var reader: String?

  @Option(help: "The reader's key, PKCS#8 PEM.")
  var key: String?

  @Option(help: "The daemon's socket. Default: countersignd.sock beside the registry.")
  var socket: String?

  func perform() async throws {
    guard path.hasPrefix("/"), path.utf8.count <= 1024,
      path.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
    else { throw ValidationError("\"\(path)\" is no path as /v1/status") }
    let client = AgentClient(socket: socket ?? Paths.socket(besides: Paths().registry))
    switch (reader, key) {
    case (let reader?, let key?):
      guard let principal = Principal(ByteString(reader)), principal.kind != .user else {
        throw ValidationError("\"\(reader)\" is neither agent:NAME nor service:NAME")
      }
      Output.json(
        try await client.read(
          path, by: principal, try PrivateKeyPEM.read(key), at: Clock.system.now()))
    case (nil, nil): Output.json(try await client.read(path))
    default: throw ValidationError("--as and --key go together")
    }
  }
}
