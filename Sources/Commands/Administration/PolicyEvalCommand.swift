import ArgumentParser
import CanonicalJSON
import Foundation
import PolicyFunctions
import Rego

extension PolicyCommand {
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

    @Flag(
      name: [.customShort("S"), .customLong("strict")],
      help: "Refuse imports, arguments and variables that nothing uses, as OPA's strict mode does.")
    var strict = false

    func perform() async throws {
      let rows: [CompiledPolicy.Row]
      let sources = try PolicySources(data)
      let document = try input.map { try JSONParser.parse(try Parse.file($0)) }
      do throws(PolicyFault) {
        let policy = try sources.compiled(isStrict: strict)
        rows = try policy.query(
          query, input: document, isStrict: strictBuiltinErrors,
          environment: PolicySources.environment)
      } catch {
        FileHandle.standardOutput.write(Data(EvaluationText.json(error).utf8))
        throw ExitCode(2)
      }
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

  /// The errors of a policy or an evaluation.
  static func json(_ fault: PolicyFault) -> String {
    let errors: [JSONValue] =
      switch fault {
      case .invalid(let diagnostics):
        diagnostics.map { error($0.code, $0.message, $0.place) }
      case .evaluation(let code, let message, let place): [error(code, message, place)]
      }
    return pretty(["errors": .array(errors)], indent: 0) + "\n"
  }

  private static func error(
    _ code: String, _ message: String, _ place: SourcePlace?
  ) -> JSONValue {
    var object = JSONObject([
      JSONObject.Member(name: "message", value: JSONValue(message)),
      JSONObject.Member(name: "code", value: JSONValue(code)),
    ])
    if let place {
      object["location"] = [
        "file": JSONValue(place.file), "row": JSONValue(Int64(place.line)),
        "col": JSONValue(Int64(place.column)),
      ]
    }
    return .object(object)
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
