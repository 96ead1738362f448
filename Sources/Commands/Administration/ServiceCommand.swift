import ArgumentParser
import Authority
import CanonicalJSON
import Decisions
import Delegations
import Foundation
import Keys
import Registry
import Statements

struct ServiceCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "service", abstract: "Enrol, change, remove and list deciding services.",
    subcommands: [
      Enroll.self, AddHost.self, RemoveHost.self, Remove.self, List.self,
    ], defaultSubcommand: List.self)

  /// This machine's name, where none is given.
  static func hostName(_ given: String?) throws -> ByteString {
    let name = given ?? ProcessInfo.processInfo.hostName
    let host = ByteString(name)
    guard (1...253).contains(host.count), host.bytes.allSatisfy(ServiceHost.isNameByte) else {
      throw CommandFault(
        "host_malformed",
        "\"\(name)\" is no host name of a-z A-Z 0-9 . _ -; give one with --host NAME")
    }
    return host
  }

  /// Makes a daemon's key, signs the change that enrols it, and says how to start it.
  static func enrol(
    _ service: Principal, key path: String, _ said: String, _ change: ChangeOptions,
    in ledger: Ledger, _ body: (PublicKey) throws -> ServiceEnrolled
  ) throws {
    let key = try SigningKey.generate()
    try KeyFolder.make(for: path)
    try PrivateKeyPEM.create(path, key: key)
    do {
      try change.sign(
        .serviceEnrolled(try body(key.publicKey)), "\(said) with key \(key.publicKey.fingerprint)",
        in: ledger)
    } catch {
      unlink(path)
      throw error
    }
    if !change.list.json {
      Output.line(
        "start it: countersignd --service \(service) --key \(path) "
          + "--registry \(change.registry.path) --trust \(ledger.state.registry?.id.text ?? "")")
      Output.line(
        "agents that have an anchor verify its receipts once it is written anew: countersign key anchor "
          + "--out KEY.pem.anchor")
    }
  }

  /// The service as it is enrolled, and its hosts as a statement names them.
  static func enrolled(
    _ service: Principal, in ledger: Ledger
  ) throws -> (record: ServiceRecord, hosts: [ServiceHost]) {
    guard let record = ledger.state.services[service] else {
      throw CommandFault("service_unknown", "no service \(service) is enrolled")
    }
    // A key that has ended is enrolled no more.
    let hosts = record.hosts.compactMap { host -> ServiceHost? in
      guard let key = ledger.state.keys[host.key], key.revoked == nil else { return nil }
      return ServiceHost(host: host.host, key: key.key)
    }
    return (record, hosts)
  }

  struct Enroll: SigningCommand {
    static let configuration = CommandConfiguration(
      abstract: "Make a daemon's key and enrol it (takes the admin quorum).",
      discussion: "A further host of the same service: countersign service add-host.")

    @Argument(help: "service:NAME")
    var name: String

    @Option(help: "Where to write the new key, PKCS#8 PEM, mode 0600.")
    var out: String

    @Option(help: "The host it runs on; this one's name if none is given.")
    var host: String?

    @Option(help: "Agents whose requests it may put into actions itself, comma-separated.")
    var mayAttest: String?

    @OptionGroup var change: ChangeOptions

    func perform() async throws {
      let service = try Parse.principal(name, .service)
      let host = try ServiceCommand.hostName(host)
      let agents = try Parse.list(mayAttest).map { try Parse.principal($0.text, .agent) }
      let ledger = try change.registry.ledger()
      guard ledger.state.services[service] == nil else {
        throw CommandFault(
          "service_exists",
          "\(name) is enrolled already; a further host: countersign service add-host \(name)")
      }
      try ServiceCommand.enrol(service, key: out, "enrolled \(name)", change, in: ledger) { key in
        ServiceEnrolled(service: service, key: key, host: host, mayAttest: agents)
      }
    }
  }

  struct AddHost: SigningCommand {
    static let configuration = CommandConfiguration(
      commandName: "add-host",
      abstract: "Make a key for one more host of a service (takes the admin quorum).",
      discussion:
        "With the name of a host it has, that host gets a new key and the old one is retired.")

    @Argument(help: "service:NAME")
    var name: String

    @Option(help: "Where to write the new key, PKCS#8 PEM, mode 0600.")
    var out: String

    @Option(help: "The host it runs on; this one's name if none is given.")
    var host: String?

    @OptionGroup var change: ChangeOptions

    func perform() async throws {
      let service = try Parse.principal(name, .service)
      let host = try ServiceCommand.hostName(host)
      let ledger = try change.registry.ledger()
      let (record, hosts) = try ServiceCommand.enrolled(service, in: ledger)
      let said = "enrolled host \(host.text) of \(name)"
      try ServiceCommand.enrol(service, key: out, said, change, in: ledger) { key in
        ServiceEnrolled(
          service: service,
          hosts: hosts.filter { $0.host != host } + [ServiceHost(host: host, key: key)],
          mayAttest: record.mayAttest)
      }
    }
  }

  struct RemoveHost: SigningCommand {
    static let configuration = CommandConfiguration(
      commandName: "remove-host",
      abstract: "Retire the key of one host of a service (takes the admin quorum).")

    @Argument(help: "service:NAME")
    var name: String

    @Option(help: "The host.")
    var host: String

    @OptionGroup var change: ChangeOptions

    func perform() async throws {
      let service = try Parse.principal(name, .service)
      let ledger = try change.registry.ledger()
      let (record, hosts) = try ServiceCommand.enrolled(service, in: ledger)
      let left = hosts.filter { $0.host != ByteString(host) }
      guard record.hosts.contains(where: { $0.host == ByteString(host) }) else {
        throw CommandFault(
          "host_unknown",
          "\(name) has no host \(host); it has "
            + record.hosts.map(\.host.text).joined(separator: ", "))
      }
      guard !left.isEmpty else {
        throw CommandFault(
          "host_last", "\(host) is the last host of \(name): countersign service remove \(name)")
      }
      try change.sign(
        .serviceEnrolled(
          ServiceEnrolled(service: service, hosts: left, mayAttest: record.mayAttest)),
        "removed host \(host) of \(name)", in: ledger)
    }
  }

  struct Remove: SigningCommand {
    static let configuration = CommandConfiguration(
      abstract: "Remove a daemon: it decides and signs nothing more.")

    @Argument(help: "service:NAME")
    var name: String

    @Option(help: "Why.")
    var reason: String

    @OptionGroup var change: ChangeOptions

    func perform() async throws {
      try change.sign(
        .serviceRemoved(
          ServiceRemoved(
            service: try Parse.principal(name, .service), reason: ByteString(reason))),
        "removed \(name)")
    }
  }

  struct List: Subcommand {
    static let configuration = CommandConfiguration(abstract: "List services.")

    @OptionGroup var registry: RegistryOptions
    @OptionGroup var list: ListOptions

    func perform() async throws {
      let rows = try registry.reading(list).read { try $0.services() }
      if list.json {
        Output.json(
          .array(
            rows.map {
              [
                "service": JSONValue($0.principal), "host": JSONValue($0.host),
                "key": JSONValue("ed25519:\($0.key.hex)"),
              ]
            }))
      } else {
        Output.table(
          ["SERVICE", "HOST", "KEY"], rows.map { [$0.principal, $0.host, $0.key.short] })
      }
    }
  }
}
