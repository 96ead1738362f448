import ArgumentParser
import Authority
import CanonicalJSON
import Decisions
import Foundation
import Keys
import Registry
import Statements

struct ServiceCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "service", abstract: "Enrol, remove and list deciding services.",
    subcommands: [Enroll.self, Remove.self, List.self], defaultSubcommand: List.self)

  struct Enroll: Subcommand {
    static let configuration = CommandConfiguration(
      abstract: "Make a daemon's key and enrol it (takes the admin quorum).")

    @Argument(help: "service:NAME")
    var name: String

    @Option(help: "Where to write the new key, PKCS#8 PEM, mode 0600.")
    var out: String

    @Option(help: "Agents whose requests it may put into actions itself, parted by commas.")
    var mayAttest: String?

    @OptionGroup var change: ChangeOptions

    func perform() async throws {
      let service = try Parse.principal(name, .service)
      let agents = try Parse.list(mayAttest).map { try Parse.principal($0.text, .agent) }
      let ledger = try change.registry.ledger()
      let serviceKey = try SigningKey.generate()
      try KeyFolder.make(for: out)
      try PrivateKeyPEM.create(out, key: serviceKey)
      let body = ServiceEnrolled(
        service: service, key: serviceKey.publicKey, mayAttest: agents)
      do {
        try change.sign(
          .serviceEnrolled(body), "enrolled \(name) with key \(serviceKey.publicKey.fingerprint)",
          in: ledger)
      } catch {
        unlink(out)
        throw error
      }
      if !change.list.json {
        Output.line(
          "start it: countersignd --service \(name) --key \(out) "
            + "--registry \(change.registry.path) --trust \(ledger.state.registry?.id.text ?? "")")
      }
    }
  }

  struct Remove: Subcommand {
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
      let rows = try registry.reading().read { try $0.services() }
      if list.json {
        Output.json(
          .array(
            rows.map {
              ["service": JSONValue($0.principal), "key": JSONValue("ed25519:\($0.key.hex)")]
            }))
      } else {
        Output.table(["SERVICE", "KEY"], rows.map { [$0.principal, $0.key.short] })
      }
    }
  }
}
