import ArgumentParser
import Authority
import CanonicalJSON
import Decisions
import Foundation
import Keys
import PolicyFunctions
import Registry
import Rego
import Statements

struct PolicyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "policy", abstract: "Publish, activate, list and try policies.",
    subcommands: [New.self, Publish.self, Activate.self, List.self, Eval.self, Test.self],
    defaultSubcommand: List.self)

  struct New: Subcommand {
    static let configuration = CommandConfiguration(
      abstract: "Write a policy to begin with, as a Rego file that says what can be said.",
      discussion: """
        The file holds deploys to production for people and denies everything else. Nothing is signed, \
        and no registry is opened.
        """)

    @Argument(help: "The policy's name; the file is NAME.rego.")
    var name: String

    @Option(help: "Write it here instead.")
    var out: String?

    @OptionGroup var list: ListOptions

    func perform() async throws {
      let isName =
        (1...64).contains(name.utf8.count) && name.first != "."
        && name.utf8.allSatisfy { byte in
          (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte) || "._-".utf8.contains(byte)
        }
      guard isName else {
        throw ValidationError("a policy's name is 1 to 64 of a-z, 0-9, dot, dash and underscore")
      }
      let path = out ?? "\(name).rego"
      guard !FileManager.default.fileExists(atPath: path) else {
        throw CommandFault("file_exists", "\(path) is there already and was left as it is")
      }
      try KeyFile.create(path, Array(StarterPolicy.text(name).utf8), mode: 0o644)
      let next = "countersign policy publish \(name) \(path)"
      if list.json {
        Output.json(["file": JSONValue(path), "next": JSONValue(next)])
        return
      }
      Output.line("wrote \(path)")
      Output.line("publish it:  \(next)")
      Output.line("then let it judge:  countersign policy activate \(name)@v1")
    }
  }

  struct Publish: SigningCommand {
    static let configuration = CommandConfiguration(
      abstract: "Check Rego files and publish them as the next version (admin).")

    @Argument(help: "The policy's name.")
    var name: String

    @Argument(help: "Its files.")
    var files: [String]

    @Option(help: "A JSON file that becomes data.")
    var data: String?

    @OptionGroup var change: ChangeOptions

    func perform() async throws {
      let sources = try files.map {
        SourceFile(name: ($0 as NSString).lastPathComponent, text: try Parse.file($0))
      }
      try PolicyChange.checkNames(sources.map { ByteString($0.name) })
      let dataBytes = try data.map { try Parse.file($0) }
      _ = try CompiledPolicy(
        modules: sources,
        data: try dataBytes.map { try JSONParser.parse($0) } ?? .object(JSONObject()),
        builtins: PolicyFunctions.builtins)
      let ledger = try change.registry.ledger()
      let version =
        ledger.state.policies.values.filter { $0.published.name == ByteString(name) }
        .map(\.published.version).max().map { $0 + 1 } ?? 1
      let body = PolicyPublished(
        name: ByteString(name), version: version,
        modules: sources.map {
          PolicyPublished.Module(file: ByteString($0.name), digest: Digest.sha256($0.text))
        }, data: dataBytes.map { Digest.sha256($0) })
      try change.sign(
        .policyPublished(body), "published \(body.label)", in: ledger,
        bodies: sources.map(\.text) + (dataBytes.map { [$0] } ?? []))
      if !change.list.json {
        Output.line("Inactive until activated: countersign policy activate \(body.label)")
      }
    }
  }

  struct Activate: SigningCommand {
    static let configuration = CommandConfiguration(
      abstract: "Let a published version judge from now on (takes the admin quorum).")

    @Argument(help: "NAME@vVERSION, or the digest of its publication.")
    var policy: String

    @Flag(help: "Only say what it would change, and whose signatures it takes.")
    var dryRun = false

    @OptionGroup var change: ChangeOptions

    func perform() async throws {
      let ledger = try change.registry.ledger()
      guard
        let record = ledger.state.policies.values.first(where: {
          $0.published.label == policy || $0.digest.hex == policy
        })
      else {
        throw CommandFault(
          "policy_unknown", "no policy \(policy) is published; see: countersign policy list")
      }
      let planned = try ledger.database.read {
        try PolicyChange(record, ledger, $0, at: try ledger.now(.system))
      }
      if dryRun {
        planned.printed(json: change.list.json)
        return
      }
      if let fault = planned.fault {
        throw CommandFault(
          "policy_broken", "\(record.published.label) cannot be activated: \(fault)")
      }
      try change.sign(
        .policyActivated(PolicyActivated(policy: record.digest)),
        "activated \(record.published.label)", in: ledger)
    }
  }

  struct List: Subcommand {
    static let configuration = CommandConfiguration(abstract: "List published policies.")

    @OptionGroup var registry: RegistryOptions
    @OptionGroup var list: ListOptions

    func perform() async throws {
      let rows = try registry.reading(list).read { try $0.policies() }
      if list.json {
        Output.json(
          .array(
            rows.map {
              [
                "policy": JSONValue($0.digest.hex), "name": JSONValue($0.name),
                "version": JSONValue($0.version), "publisher": JSONValue($0.publisher),
                "published": $0.received.json, "active": .bool($0.isActive),
              ]
            }))
      } else {
        Output.table(
          ["POLICY", "PUBLISHED", "BY", "ACTIVE", "DIGEST"],
          rows.map {
            [
              "\($0.name)@v\($0.version)", $0.received.minute, $0.publisher,
              $0.isActive ? "active" : "-", $0.digest.short,
            ]
          })
      }
    }
  }
}
