import CanonicalJSON
import Rego

/// One case: modules, data, input, a query, and what must be answered.
struct ConformanceCase {
  enum Outcome {
    case passed
    case failed(String)
  }

  let json: JSONValue

  var id: String { json["id"]?.string?.text ?? "" }
  var note: String { json["note"]?.string?.text ?? "" }
  var folder: String { json["folder"]?.string?.text ?? "" }

  func run(_ builtins: BuiltinTable) -> Outcome {
    let modules = (json["modules"]?.array ?? []).enumerated().compactMap { index, module in
      module.string.map { SourceFile(name: "\(index).rego", text: $0.bytes) }
    }
    let wantsError = json["want_error_code"] != nil || json["want_error"] != nil
    do {
      var input = json["input"].map(Value.init)
      if let term = json["input_term"]?.string {
        input = try CompiledPolicy(modules: [], builtins: builtins)
          .query("x = \(term.text)", input: nil).first?.bindings.first?.value
      }
      let policy = try CompiledPolicy(
        modules: modules, data: json["data"] ?? .object(JSONObject()), builtins: builtins)
      let rows = try policy.query(
        json["query"]?.string?.text ?? "", value: input, isStrict: json["strict_error"] == true,
        environment: BuiltinContext.Environment(
          now: 1_764_000_000_000_000_000, seed: [1, 2, 3, 4]))
      let got = rows.map { row in
        ObjectValue(
          unsorted: row.bindings.map {
            ObjectValue.Pair(key: .string(ByteString($0.name)), value: Value($0.value.json))
          })
      }.map(Value.object)
      if wantsError {
        return .failed("answered \(ConformanceCase.text(got)), and an error is wanted")
      }
      guard let want = json["want_result"]?.array else { return .failed("wants nothing") }
      let isSorted = json["sort_bindings"] == true
      let expected = want.map(Value.init)
      let matches =
        isSorted || rows.count > 1
        ? got.sorted() == expected.sorted() : got == expected
      return matches
        ? .passed
        : .failed(
          "answered \(ConformanceCase.text(got)), wanted \(ConformanceCase.text(expected))")
    } catch {
      guard wantsError else { return .failed("\(error)") }
      if let code = json["want_error_code"]?.string?.text, code != error.code {
        return .failed("\(error); wanted \(code)")
      }
      return .passed
    }
  }

  private static func text(_ rows: [Value]) -> String {
    var bytes: [UInt8] = []
    Value.array(rows).write(into: &bytes)
    return String(String(decoding: bytes, as: UTF8.self).prefix(600))
  }
}
