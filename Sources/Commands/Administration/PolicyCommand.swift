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
    subcommands: [New.self, Publish.self, Activate.self, List.self, Eval.self],
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

  struct Eval: Subcommand {
    static let configuration = CommandConfiguration(
      abstract: "Evaluate a query over Rego files, as `opa eval --format json` does.")

    @Option(name: [.short, .customLong("data")], help: "A Rego or JSON file; repeat for more.")
    var data: [String] = []

    @Option(name: [.short, .customLong("input")], help: "The input document, a JSON file.")
    var input: String?

    @Flag(help: "Built-in errors are errors.")
    var strictBuiltinErrors = false

    enum Format: String, ExpressibleByArgument, CaseIterable {
      case json
    }

    @Option(name: [.short, .long], help: "How results are written.")
    var format = Format.json

    @Argument(help: "The query.")
    var query: String

    func perform() async throws {
      var modules: [SourceFile] = []
      var document = JSONObject()
      for path in data {
        let bytes = try Parse.file(path)
        guard path.hasSuffix(".json") else {
          modules.append(SourceFile(name: path, text: bytes))
          continue
        }
        guard case .object(let object) = try JSONParser.parse(bytes) else {
          throw CommandFault("data_malformed", "\(path) is no JSON object")
        }
        for member in object.members { document[member.name] = member.value }
      }
      let policy = try CompiledPolicy(
        modules: modules, data: .object(document), builtins: PolicyFunctions.builtins)
      let input = try input.map { try JSONParser.parse(try Parse.file($0)) }
      let now = Int64(Date().timeIntervalSince1970 * 1000) * 1_000_000
      let rows = try policy.query(
        query, input: input, isStrict: strictBuiltinErrors,
        environment: BuiltinContext.Environment(now: now))
      FileHandle.standardOutput.write(Data(EvaluationText.json(rows).utf8))
    }
  }
}

/// The layout of `opa eval --format json`.
enum EvaluationText {
  static func json(_ rows: [CompiledPolicy.Row]) -> String {
    guard !rows.isEmpty else { return "{}\n" }
    let results = rows.map { row in
      let expressions = row.expressions.map { expression in
        """
              {
                "value": \(pretty(expression.value.json, indent: 8)),
                "text": \(quoted(ByteString(expression.text))),
                "location": {
                  "row": \(expression.place.line),
                  "col": \(expression.place.column)
                }
              }
        """
      }
      var text = "    {\n      \"expressions\": [\n"
      text += expressions.map {
        "  " + $0.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\n  ")
      }
      .joined(separator: ",\n")
      text += "\n      ]"
      if !row.bindings.isEmpty {
        let members = row.bindings.map {
          JSONObject.Member(name: ByteString($0.name), value: $0.value.json)
        }
        text += ",\n      \"bindings\": \(pretty(.object(JSONObject(members)), indent: 6))"
      }
      return text + "\n    }"
    }
    return "{\n  \"result\": [\n\(results.joined(separator: ",\n"))\n  ]\n}\n"
  }

  private static func pretty(_ value: JSONValue, indent: Int) -> String {
    let inner = String(repeating: " ", count: indent + 2)
    let outer = String(repeating: " ", count: indent)
    switch value {
    case .array(let elements):
      guard !elements.isEmpty else { return "[]" }
      return "[\n"
        + elements.map { inner + pretty($0, indent: indent + 2) }.joined(separator: ",\n")
        + "\n\(outer)]"
    case .object(let object):
      guard !object.isEmpty else { return "{}" }
      return "{\n"
        + object.members.sorted { $0.name < $1.name }
        .map { "\(inner)\(quoted($0.name)): \(pretty($0.value, indent: indent + 2))" }
        .joined(separator: ",\n") + "\n\(outer)}"
    case .string(let text): return quoted(text)
    case .number(let number): return number.text.text
    default: return value.exactText
    }
  }

  /// Go's encoder also escapes what HTML would read.
  private static func quoted(_ text: ByteString) -> String {
    var bytes: [UInt8] = []
    JSONValue.writeQuoted(text, into: &bytes)
    return String(decoding: bytes, as: UTF8.self)
      .replacingOccurrences(of: "<", with: "\\u003c").replacingOccurrences(of: ">", with: "\\u003e")
      .replacingOccurrences(of: "&", with: "\\u0026")
      .replacingOccurrences(of: "\u{2028}", with: "\\u2028")
      .replacingOccurrences(of: "\u{2029}", with: "\\u2029")
  }
}
