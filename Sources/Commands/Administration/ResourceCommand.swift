import ArgumentParser
import CanonicalJSON
import Documents
import Registry
import Statements

struct ResourceCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "resource",
    abstract: "Say what resources are: agents name them, operators classify them.",
    subcommands: [Register.self, List.self], defaultSubcommand: List.self)

  struct Register: SigningCommand {
    static let configuration = CommandConfiguration(
      abstract: "Give URI patterns their type and environment (takes the admin quorum).",
      discussion: """
        With --file, a YAML list, all in one change:

          - {pattern: "prod://payments/**", type: service, env: production}
          - {pattern: "prod://ledger/db", type: database, env: production, attributes: {tier: gold}}
        """)

    @Argument(help: "SCHEME://AUTHORITY/PATTERN; * stands for a segment, ** at the end for any.")
    var patterns: [String] = []

    @Option(help: "A YAML list of patterns with type, env and attributes.")
    var file: String?

    @Option(help: "What they are: service, database, pull_request, ...")
    var type: String?

    @Option(help: "Their environment: production, staging, ...")
    var env: String?

    @Option(name: .customLong("attribute"), help: "NAME=VALUE; repeat for more.")
    var attributes: [String] = []

    @OptionGroup var change: ChangeOptions

    func perform() async throws {
      let entries: [ResourceEntry]
      if let file {
        guard patterns.isEmpty, type == nil, env == nil, attributes.isEmpty else {
          throw ValidationError("with --file, say there what to register")
        }
        entries = try Register.read(file)
      } else {
        guard !patterns.isEmpty else { throw ValidationError("name a pattern, or give --file") }
        guard let type else { throw ValidationError("say what it is with --type") }
        let shared = try Parse.object(attributes)
        entries = patterns.map {
          ResourceEntry(
            pattern: ByteString($0), type: ByteString(type), env: env.map { ByteString($0) },
            attributes: shared)
        }
      }
      let said =
        entries.count == 1
        ? "registered \(entries[0].pattern.text) as \(entries[0].type.text)"
          + (entries[0].env.map { " in \($0.text)" } ?? "")
        : "registered \(entries.count) patterns"
      try change.sign(.resourceRegistered(ResourceRegistered(entries)), said)
    }

    /// - Throws: A fault naming the member that is wrong.
    private static func read(_ path: String) throws -> [ResourceEntry] {
      let text = String(decoding: try Parse.file(path), as: UTF8.self)
      guard let elements = try YAMLDocument.parse(text, file: path).array else {
        throw FieldFault(path: path, problem: "is no list of resources")
      }
      return try elements.enumerated().map { index, element in
        var fields = try JSONFields(element, path: "\(path)[\(index)]")
        let entry = ResourceEntry(
          pattern: try fields.string("pattern"), type: try fields.string("type"),
          env: try fields.optionalString("env"), attributes: try fields.attributes("attributes"))
        try fields.finish()
        return entry
      }
    }
  }

  struct List: Subcommand {
    static let configuration = CommandConfiguration(abstract: "List the catalogue.")

    @OptionGroup var registry: RegistryOptions
    @OptionGroup var list: ListOptions

    func perform() async throws {
      let rows = try registry.reading(list).read { try $0.resources() }
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
