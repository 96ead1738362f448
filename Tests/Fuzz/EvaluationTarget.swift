import CanonicalJSON

@testable import Rego

/// Bytes are a policy, the byte 255 and a JSON document, the input.
///
/// The answers must not depend on the form in which the input is at hand, nor on what a machine evaluated
/// before.
@_cdecl("LLVMFuzzerTestOneInput")
public func evaluatePolicy(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let bytes = Comparison.bytes(start, count)
  let parts = bytes.split(separator: 0xFF, maxSplits: 1, omittingEmptySubsequences: false)
  let document = parts.count > 1 ? Array(parts[1]) : Array("{\"a\": \"x\"}".utf8)
  guard let json = try? JSONParser.parse(document), let text = try? EvaluationInput(json: document),
    case .success(let policy) = Comparison.compiled(Array(parts[0]))
  else { return 0 }
  let run = Evaluation(policy: policy)
  let expected = run.outcome(.value(Value(json)), isNew: true)
  run.expect(expected, .value(Value(json)), "a machine from the pool")
  run.expect(expected, .json(json), "input as JSON")
  run.expect(expected, text, "input as text")
  // Another input between two of the same.
  let between = run.outcome(.json([:]), isNew: false)
  run.expect(expected, text, "a machine used for another input")
  run.expect(expected, .json(json), "a machine used for another input")
  guard between == run.outcome(.value(.object(ObjectValue())), isNew: true) else {
    Comparison.fail(
      "no members", "\(between)", "\(run.outcome(.value(.object(ObjectValue())), isNew: true))")
  }
  return 0
}

private struct Evaluation {
  let policy: CompiledPolicy
  private let limits = EvaluationLimits(steps: 100_000, bytes: 16 << 20)
  private let environment = BuiltinContext.Environment(now: 1_700_000_000_000_000_000, seed: [1])

  /// Answers as text (numbers as they stand), or the fault.
  func outcome(_ input: EvaluationInput, isNew: Bool) -> [String] {
    let documents = policy.documents(at: [["t", "x"], ["t"], ["a", "b"], ["t", "x", "k"], []])
    do {
      let answers: [CompiledPolicy.Answer]
      if isNew {
        var machine = Machine(
          plan: policy.plan, data: policy.data, input: input, limits: limits,
          environment: environment, isStrict: false)
        answers = try policy.answers(documents, &machine)
      } else {
        answers = try policy.answers(
          documents, input: input, limits: limits, environment: environment)
      }
      return answers.map { "\($0.value.map { $0.source.text } ?? "undefined") \($0.rules)" }
    } catch {
      return ["\(error)"]
    }
  }

  func expect(_ expected: [String], _ input: EvaluationInput, _ what: String) {
    let found = outcome(input, isNew: false)
    guard found == expected else { Comparison.fail(what, "\(expected)", "\(found)") }
  }
}
