import ArgumentParser
import Authority
import CanonicalJSON
import Decisions
import Keys
import Registry
import Statements

struct ServiceCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "service", abstract: "Enrol and list deciding services.",
    subcommands: [Enroll.self, List.self], defaultSubcommand: List.self)

  struct Enroll: Subcommand {
    static let configuration = CommandConfiguration(
      abstract: "Make a daemon's key and enrol it (takes the admin quorum).")

    @Argument(help: "service:NAME")
    var name: String

    @Option(help: "Where to write the new key, PKCS#8 PEM, mode 0600.")
    var out: String

    @OptionGroup var registry: RegistryOptions
    @OptionGroup var signer: OperatorOptions

    func perform() async throws {
      let service = try Parse.principal(name, .service)
      let ledger = try registry.ledger()
      let opened = try signer.open()
      let serviceKey = try SigningKey.generate()
      try KeyFolder.make(for: out)
      try PrivateKeyPEM.create(out, key: serviceKey)
      let body = ServiceEnrolled(service: service, key: serviceKey.publicKey)
      let result = try ledger.sign(
        .serviceEnrolled(body), by: opened.principal, key: opened.key, clock: .system)
      Output.line(
        "enrolled \(name) with key \(serviceKey.publicKey.fingerprint)  entry #\(result.index)")
      Output.line(
        "start it: countersignd --service \(name) --key \(out) --registry \(registry.path) "
          + "--trust \(ledger.state.registry?.id.text ?? "")")
    }
  }

  struct List: Subcommand {
    static let configuration = CommandConfiguration(abstract: "List services.")

    @OptionGroup var registry: RegistryOptions
    @OptionGroup var list: ListOptions

    func perform() async throws {
      let rows = try RegistryDatabase(registry.path, access: .readOnly).read { try $0.services() }
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
