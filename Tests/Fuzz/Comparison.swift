import CanonicalJSON

@testable import Rego

/// What the targets share: two ways to the same answer, compared.
///
/// A difference ends the process, so that the fuzzer keeps the bytes that led to it.
enum Comparison {
  static func fail(_ what: String, _ one: String, _ other: String) -> Never {
    fatalError("\(what)\n  one:   \(one)\n  other: \(other)")
  }

  static func bytes(_ start: UnsafePointer<UInt8>?, _ count: Int) -> [UInt8] {
    Array(UnsafeBufferPointer(start: start, count: count))
  }

  static func compiled(
    _ text: [UInt8], isVersion0: Bool = false, isStrict: Bool = false
  ) -> Result<CompiledPolicy, PolicyFault> {
    do {
      return .success(
        try CompiledPolicy(
          modules: [SourceFile(name: "p.rego", text: text)], data: Comparison.data,
          isVersion0: isVersion0, isStrict: isStrict))
    } catch {
      return .failure(error)
    }
  }

  static let data: Value = {
    let text = """
      {"a": {"b": [1, 2, {"c": "x"}], "k": "v"}, "t": {"base": [1, "x"]},
       "list": [{"agent": "a", "n": 1}, {"agent": "b", "n": 2}, {"agent": "a", "n": 3}]}
      """
    return (try? Value(json: Array(text.utf8))) ?? .null
  }()
}
