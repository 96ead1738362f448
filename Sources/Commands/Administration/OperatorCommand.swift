import ArgumentParser
import CanonicalJSON
import Keys
import Registry
import Statements

struct OperatorCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "operator", abstract: "Enrol and list operators.",
    subcommands: [Enroll.self, List.self], defaultSubcommand: List.self)

  struct Enroll: Subcommand {
    static let configuration = CommandConfiguration(
      abstract: "Enrol an operator by their public key (takes the admin quorum).")

    @Argument(help: "user:NAME")
    var name: String

    @Option(
      name: .customLong("public"),
      help: "File with their public key, as `countersign key new` printed it.")
    var publicKey: String

    @Option(help: "Roles, parted by commas: viewer, approver, admin.")
    var roles: String = "approver"

    @Option(help: "Groups, parted by commas.")
    var groups: String?

    @Option(help: "What they may grant, as ACTION[,ACTION]@SCHEME://PATTERN; repeat for more.")
    var mayGrant: [String] = []

    @OptionGroup var registry: RegistryOptions
    @OptionGroup var signer: OperatorOptions

    func perform() async throws {
      let key = try PublicKey(text: try KeyFile.readPublic(publicKey))
      let body = OperatorEnrolled(
        principal: try Parse.principal(name, .user), key: key, roles: try Parse.roles(roles),
        groups: Parse.list(groups), mayGrant: try mayGrant.map(Parse.capability))
      let result = try sign(.operatorEnrolled(body), registry, signer)
      Output.line("enrolled \(name) with key \(key.fingerprint)  entry #\(result.index)")
    }
  }

  struct List: Subcommand {
    static let configuration = CommandConfiguration(abstract: "List operators.")

    @OptionGroup var registry: RegistryOptions
    @OptionGroup var list: ListOptions

    func perform() async throws {
      let rows = try RegistryDatabase(registry.path, access: .readOnly).read { try $0.operators() }
      if list.json {
        Output.json(
          .array(
            rows.map {
              [
                "operator": JSONValue($0.principal), "key": JSONValue("ed25519:\($0.key.hex)"),
                "roles": .array($0.roles.split(separator: " ").map { JSONValue(String($0)) }),
                "groups": .array($0.groups.split(separator: " ").map { JSONValue(String($0)) }),
              ]
            }))
      } else {
        Output.table(
          ["OPERATOR", "KEY", "ROLES", "GROUPS"],
          rows.map { [$0.principal, $0.key.short, $0.roles, $0.groups] })
      }
    }
  }
}
