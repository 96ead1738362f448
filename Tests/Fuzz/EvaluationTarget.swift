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
  compareWithoutIndex(run, Array(parts[0]), .json(json))
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

/// Where a policy replaces `==` somewhere, no rules are chosen by their equations beforehand: the answers must
/// be the same.
private func compareWithoutIndex(_ run: Evaluation, _ text: [UInt8], _ input: EvaluationInput) {
  let replacement = "\nfuzz_equal(a, b) := a\nfuzz_used if { true with equal as fuzz_equal }\n"
  guard case .success(let other) = Comparison.compiled(text + Array(replacement.utf8)) else {
    return
  }
  let one = run.outcome(input, isNew: true)
  let plain = Evaluation(policy: other).outcome(input, isNew: true)
  // The last two answers are of all documents, in which the new rules are. What is not looked at costs no steps.
  guard one.count > 1, plain.count > 1 else { return }
  for index in 0..<3 where one[index] != plain[index] {
    Comparison.fail("rules are chosen wrongly", one[index], plain[index])
  }
}

private struct Evaluation {
  let policy: CompiledPolicy
  private let limits = EvaluationLimits(steps: 100_000, bytes: 16 << 20)
  private let environment = BuiltinContext.Environment(now: 1_700_000_000_000_000_000, seed: [1])

  /// Answers as text (numbers as they stand), or the fault.
  func outcome(_ input: EvaluationInput, isNew: Bool) -> [String] {
    let documents = policy.documents(at: [
      ["t", "x"], ["t", "y"], ["t", "x", "k"], ["a", "b"], ["t"], [],
    ])
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
