import CanonicalJSON
import Foundation
import PolicyFunctions
import Rego

/// Rego files and JSON documents given to a command, read as one policy.
struct PolicySources {
  private var modules: [SourceFile] = []
  private var document = JSONObject()

  /// - Throws: ``CommandFault`` if a file that ends in `.json` is no JSON object.
  init(_ paths: [String]) throws {
    for path in paths {
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
  }

  func compiled(isStrict: Bool = false) throws(PolicyFault) -> CompiledPolicy {
    try CompiledPolicy(
      modules: modules, data: .object(document), builtins: PolicyFunctions.builtins,
      isStrict: isStrict)
  }

  /// The clock of what is evaluated on a command line: now.
  static var environment: BuiltinContext.Environment {
    BuiltinContext.Environment(now: Int64(Date().timeIntervalSince1970 * 1000) * 1_000_000)
  }
}
