import CanonicalJSON
import Foundation
import Testing

/// `policy test` and `policy eval`, as who writes policies runs them.
@Suite struct PolicyToolTests {
  private func write(_ text: String, _ name: String, in box: Sandbox) throws -> String {
    let path = "\(box.home)/\(name)"
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    return path
  }

  @Test func `tests of a policy are run, and what they do not reach is named by line`() throws {
    let box = try Sandbox()
    let policy = try write(
      """
      package a

      allow if {
        input.role == "admin"
      }

      allow if {
        input.role == "owner"
        input.mine
      }
      """, "a.rego", in: box)
    let passing = try write(
      """
      package a_test

      test_admin if data.a.allow with input as {"role": "admin"}
      """, "a_test.rego", in: box)
    let failing = try write(
      """
      package b_test

      test_other if data.a.allow with input as {"role": "x"}

      test_fault := x if some x in [1, 2]
      """, "b_test.rego", in: box)
    let passed = try box.countersign("policy", "test", "--coverage", policy, passing)
    #expect(passed.output.contains("data.a_test.test_admin: PASS"))
    #expect(passed.output.contains("1 of 1 tests passed"))
    // The second rule was tried, and its first condition did not hold.
    #expect(passed.output.contains("a.rego  60.0 %   not covered: lines 7, 9"))
    _ = try box.countersign("policy", "test", "--threshold", "70", policy, passing, expect: 2)
    _ = try box.countersign("policy", "test", "--threshold", "60", policy, passing)
    let failed = try box.countersign("policy", "test", policy, failing, expect: 2)
    #expect(failed.output.contains("data.b_test.test_other: FAIL"))
    #expect(failed.output.contains("data.b_test.test_fault: ERROR"))
    #expect(failed.output.contains("complete rules must not produce multiple outputs"))
    #expect(failed.output.contains("0 of 2 tests passed"))
    // No test at all is no success.
    _ = try box.countersign("policy", "test", policy, expect: 2)
  }

  @Test func `errors of a policy and of an evaluation are JSON, with their places`() throws {
    let box = try Sandbox()
    let policy = try write("package t\n\nimport data.a\n\nx := 1 / input.n\n", "t.rego", in: box)
    let input = try write("{\"n\": 0}", "input.json", in: box)
    let undefined = try box.countersign(
      "policy", "eval", "-d", policy, "-i", input, "data.t.x")
    #expect(undefined.output == "{}\n")
    let strict = try box.countersign(
      "policy", "eval", "--strict-builtin-errors", "-f", "json", "-d", policy, "-i", input,
      "data.t.x", expect: 2)
    let errors = try JSONParser.parse(Array(strict.output.utf8))["errors"]?.array
    #expect(errors?.count == 1)
    #expect(errors?.first?["code"] == "eval_builtin_error")
    #expect(errors?.first?["message"] == "div: divide by zero")
    #expect(errors?.first?["location"]?["row"] == 5)
    let unused = try box.countersign("policy", "eval", "-S", "-d", policy, "1", expect: 2)
    #expect(unused.output.contains("import data.a unused"))
  }
}
