import CanonicalJSON
import Foundation
import Rego
import Testing

/// One file of `Cases` a construct: policies in package `t`, and what is said of `data.t.x`, as OPA
/// says it: a value, undefined, or the errors as `line: code: message`.
@Suite struct ConstructTests {
  private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "Cases")

  static let constructs: [String] =
    ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? [])
    .filter { $0.hasSuffix(".json") }.map { String($0.dropLast(5)) }.sorted()

  @Test func `every construct has its cases`() {
    #expect(ConstructTests.constructs.count >= 15)
  }

  @Test(arguments: constructs)
  func `policies are answered as written down`(construct: String) throws {
    let bytes = Array(
      try Data(contentsOf: ConstructTests.folder.appending(path: "\(construct).json")))
    let file = try JSONParser.parse(bytes)
    for test in file["cases"]?.array ?? [] {
      let policy = try #require(test["policy"]?.string)
      let said = ConstructTests.answer(
        policy, test["input"] ?? file["input"], isStrict: test["strict"] == true)
      if let value = test["value"] {
        // Numbers equal in value are the same answer.
        #expect(said == .value(Value(value)), "\(policy.text)")
      } else if let errors = test["errors"]?.array {
        #expect(said == .errors(errors.compactMap { $0.string?.text }), "\(policy.text)")
      } else {
        #expect(said == .undefined, "\(policy.text)")
      }
    }
  }

  private enum Said: Equatable {
    case value(Value)
    case undefined
    case errors([String])
  }

  private static func answer(
    _ policy: ByteString, _ input: JSONValue?, isStrict: Bool
  ) -> Said {
    do {
      let compiled = try CompiledPolicy(
        modules: [SourceFile(name: "p.rego", text: policy.bytes)], isStrict: isStrict)
      guard let value = try compiled.answers([["t", "x"]], input: input)[0].value else {
        return .undefined
      }
      return .value(Value(value.json))
    } catch {
      switch error {
      case .invalid(let diagnostics):
        return .errors(
          diagnostics.map {
            "\($0.place.line): \($0.code): \($0.message.replacingOccurrences(of: "\n", with: ""))"
          })
      case .evaluation(let code, let message, let place):
        return .errors(["\(place?.line ?? 0): \(code): \(message)"])
      }
    }
  }
}
