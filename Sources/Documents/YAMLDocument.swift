package import CanonicalJSON
import Yams

/// Reads YAML (configuration, themes, manifests) as the JSON values it stands for.
package enum YAMLDocument {
  /// Why a document was refused, with its place if the parser gave one.
  package struct Fault: Error, Sendable, CustomStringConvertible {
    package let file: String
    package let reason: String
    package var code: String { "yaml_malformed" }
    package var description: String { "\(file): \(reason)" }
  }

  package static func parse(_ text: String, file: String) throws(Fault) -> JSONValue {
    do {
      guard let node = try Yams.compose(yaml: text) else { return .null }
      return value(node)
    } catch {
      throw Fault(file: file, reason: "\(error)")
    }
  }

  private static func value(_ node: Node) -> JSONValue {
    switch node {
    case .mapping(let mapping):
      return .object(
        JSONObject(
          mapping.map {
            JSONObject.Member(name: ByteString($0.key.string ?? ""), value: value($0.value))
          }))
    case .sequence(let sequence): return .array(sequence.map(value))
    case .scalar(let scalar):
      guard scalar.style == .plain else { return JSONValue(scalar.string) }
      switch scalar.string {
      case "", "~", "null": return .null
      case "true": return .bool(true)
      case "false": return .bool(false)
      default:
        if let integer = Int64(scalar.string) { return JSONValue(integer) }
        return JSONValue(scalar.string)
      }
    case .alias: return .null
    }
  }
}
