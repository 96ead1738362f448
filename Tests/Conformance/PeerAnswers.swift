import CanonicalJSON
import Foundation
import Rego

/// Compares this engine's answers with those of another, from a file of policies and its answers.
enum PeerAnswers {
  static func run(_ path: String) throws -> Bool {
    let json = try JSONParser.parse(
      Array(try Data(contentsOf: URL(filePath: path))),
      limits: JSONParser.Limits(bytes: 256 << 20, depth: 64))
    var same = 0
    var total = 0
    for entry in json.array ?? [] {
      total += 1
      let policy = entry["policy"]?.string?.text ?? ""
      let ours = answer(policy, entry["input"] ?? defaultInput)
      let peer = text(entry["opa"] ?? .null)
      if ours == peer {
        same += 1
      } else {
        print("--- \(policy.dropFirst(policy.hasPrefix("package t\n") ? 10 : 0))")
        print("  peer: \(peer)\n  ours: \(ours)")
      }
    }
    print("\(same) of \(total) are the same")
    return same == total
  }

  private static let defaultInput: JSONValue = ["a": ["k": [1, "z"]], "s": "hello"]

  /// A value's text, `undefined`, or `row code message` for each error.
  private static func text(_ peer: JSONValue) -> String {
    if let value = peer["value"] { return Value(value).jsonText }
    guard let message = peer["error"]?.string?.text else { return "undefined" }
    var found: [String] = []
    for part in message.replacingOccurrences(of: "\\n", with: "\n").split(separator: "\n") {
      guard let range = part.range(of: "p.rego:") else {
        if part.hasPrefix("\thave:") || part.hasPrefix("\twant:"), let last = found.popLast() {
          found.append(last + part)
        } else if found.isEmpty, part.contains("_error") {
          found.append(String(part))
        }
        continue
      }
      found.append(String(part[range.upperBound...]))
    }
    return found.joined(separator: " | ")
  }

  private static func answer(_ policy: String, _ input: JSONValue) -> String {
    do {
      let compiled = try CompiledPolicy(
        modules: [SourceFile(name: "p.rego", text: Array(policy.utf8))])
      let value = try compiled.answers([["t", "x"]], input: input)[0].value
      return value.map { Value($0.json).jsonText } ?? "undefined"
    } catch {
      switch error {
      case .invalid(let diagnostics):
        return diagnostics.map {
          "\($0.place.line): \($0.code): \($0.message.replacingOccurrences(of: "\n", with: ""))"
        }.joined(separator: " | ")
      case .evaluation(let code, let message, let place):
        return "\(place?.line ?? 0): \(code): \(message)"
      }
    }
  }
}

extension Value {
  fileprivate var jsonText: String {
    var bytes: [UInt8] = []
    write(into: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }
}
