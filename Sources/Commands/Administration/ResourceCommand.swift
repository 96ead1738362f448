import ArgumentParser
import CanonicalJSON
import Registry
import Statements

struct ResourceCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "resource",
    abstract: "Say what resources are: agents name them, operators classify them.",
    subcommands: [Register.self, List.self], defaultSubcommand: List.self)

  struct Register: Subcommand {
    static let configuration = CommandConfiguration(
      abstract: "Give a URI pattern its type and environment (takes the admin quorum).")

    @Argument(help: "SCHEME://AUTHORITY/PATTERN; * stands for a segment, ** at the end for any.")
    var pattern: String

    @Option(help: "What it is: service, database, pull_request, ...")
    var type: String

    @Option(help: "Its environment: production, staging, ...")
    var env: String?

    @Option(name: .customLong("attribute"), help: "NAME=VALUE; repeat for more.")
    var attributes: [String] = []

    @OptionGroup var change: ChangeOptions

    func perform() async throws {
      let body = ResourceRegistered(
        pattern: ByteString(pattern), type: ByteString(type), env: env.map { ByteString($0) },
        attributes: try Parse.object(attributes))
      try change.sign(
        .resourceRegistered(body),
        "registered \(pattern) as \(type)\(env.map { " in \($0)" } ?? "")")
    }
  }

  struct List: Subcommand {
    static let configuration = CommandConfiguration(abstract: "List the catalogue.")

    @OptionGroup var registry: RegistryOptions
    @OptionGroup var list: ListOptions

    func perform() async throws {
      let rows = try registry.reading().read { try $0.resources() }
      if list.json {
        Output.json(
          .array(
            rows.map {
              let row: JSONValue = [
                "pattern": JSONValue($0.pattern), "type": JSONValue($0.type),
                "env": $0.env.json { JSONValue($0) },
              ]
              return row.withoutNulls
            }))
      } else {
        Output.table(
          ["PATTERN", "TYPE", "ENV"], rows.map { [$0.pattern, $0.type, $0.env ?? "-"] })
      }
    }
  }
}
