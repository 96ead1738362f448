import CanonicalJSON
import Foundation
import Rego
import TestSupport
import Testing

@Suite struct FirstPolicyTests {
  private static let onOneLine = """
    package agent.authz
    default allow = false
    allow if { input.agent.role == "reviewer"; input.action == "comment"; input.resource.type == "pull_request" }
    allow if { input.agent.role == "deployer"; input.action == "deploy"; input.resource.env == "staging" }
    require_approval if { input.action == "deploy"; input.resource.env == "production" }
    """

  @Test(.enabled(if: SharedSuites.has("first-policy.json"), "the suite is not there"))
  func `the policy of OPA's readers answers as OPA does, unchanged`() throws {
    let folder = SharedSuites.folder("")
    let suite = try SharedSuites.json(folder.appendingPathComponent("first-policy.json"))
    var count = 0
    for text in [try #require(suite["policy"]?.string?.text), FirstPolicyTests.onOneLine] {
      let policy = try CompiledPolicy(
        modules: [SourceFile(name: "first.rego", text: Array(text.utf8))])
      for test in suite["cases"]?.array ?? [] {
        let answer = try policy.answers([["agent", "authz"]], input: test["input"])[0]
        #expect(answer.value?.json == test["data.agent.authz"])
        count += 1
      }
    }
    SharedSuites.ran("first-policy", count)
  }

  @Test func `an answer names the rules that matched as file and line`() throws {
    let policy = try CompiledPolicy(
      modules: [SourceFile(name: "first.rego", text: Array(FirstPolicyTests.onOneLine.utf8))])
    let answer = try policy.answers(
      [["agent", "authz", "require_approval"]],
      input: ["action": "deploy", "resource": ["env": "production"]])[0]
    #expect(answer.rules == ["first.rego:5"])
  }
}

@Suite struct DiagnosticTests {
  @Test(arguments: [
    (
      "package a\nallow if input.x ==\n",
      """
      p.rego:3:1: rego_parse_error: unexpected eof token
      """
    ),
    (
      "package a\nallow { true }\n",
      """
      p.rego:2:7: rego_parse_error: `if` keyword is required before rule body
        allow { true }
              ^
      """
    ),
    (
      "package a\nallow if x == 1\n",
      """
      p.rego:2:10: rego_unsafe_var_error: var x is unsafe
        allow if x == 1
                 ^
      """
    ),
    (
      "package a\np if q\nq if p\n",
      """
      p.rego:2:1: rego_recursion_error: rule data.a.p is recursive: data.a.p -> data.a.q -> data.a.p
        p if q
        ^
      p.rego:3:1: rego_recursion_error: rule data.a.q is recursive: data.a.q -> data.a.p -> data.a.q
        q if p
        ^
      """
    ),
    (
      "package a\np := nosuch(1)\n",
      """
      p.rego:2:6: rego_type_error: undefined function nosuch
        p := nosuch(1)
             ^
      """
    ),
  ])
  func `a fault is shown with file, line, column and a caret`(text: String, message: String) {
    #expect {
      try CompiledPolicy(modules: [SourceFile(name: "p.rego", text: Array(text.utf8))])
    } throws: { error in
      "\(error)" == message
    }
  }
}

@Suite struct LanguageTests {
  @Test(arguments: [
    ("x := [y | some y in [1, 2, 3]; y > 1]", "x", "[2,3]"),
    ("x := {k: v | some k, v in {\"a\": 1}}", "x", "{\"a\":1}"),
    ("x contains y if some y in [3, 1, 3]", "x", "[1,3]"),
    ("x[k] := v if some k, v in {\"b\": 2}", "x", "{\"b\":2}"),
    ("f(a) := a + 1\nx := f(f(1))", "x", "3"),
    ("x := 1 if false else := 2", "x", "2"),
    ("default x := 7\nx := 8 if input.nothing", "x", "7"),
    ("x if every y in [1, 2] { y < 3 }", "x", "true"),
    ("x if not input.nothing", "x", "true"),
    ("x := {1, 2} & {2, 3}", "x", "[2]"),
    ("x := count({1, 2} | {3})", "x", "3"),
    ("x := y if { [1, [y, \"z\"]] = [1, [5, \"z\"]] }", "x", "5"),
    ("y := input.a\nx := z if z := y with input.a as 4", "x", "4"),
    ("x := 7 % 3 + 2 * 5", "x", "11"),
    ("x if 2 in [1, 2]", "x", "true"),
    ("x := concat(\"-\", [\"a\", \"b\"])", "x", "\"a-b\""),
    ("x := object.get({\"a\": {\"b\": 1}}, [\"a\", \"b\"], 0)", "x", "1"),
    ("x := [i | [1, 2, 1][i] == 1]", "x", "[0,2]"),
    ("a.b.c := 4\nx := data.t.a.b.c", "x", "4"),
  ])
  func `a construct means what OPA says`(rules: String, name: ByteString, expected: String) throws {
    let policy = try CompiledPolicy(
      modules: [SourceFile(name: "t.rego", text: Array("package t\n\(rules)\n".utf8))])
    let answer = try policy.answers([["t", name]], input: .object(JSONObject()))[0]
    let text = String(
      decoding: try #require(answer.value).json.canonicalBytes(), as: UTF8.self)
    #expect(text == expected)
  }

  @Test(arguments: [
    ("x { input.s == \"hello\" }", "true"),
    ("x[y] { y := [3, 1][_] }", "[1,3]"),
    ("x[k] = v { v := {\"a\": 1}[k] }", "{\"a\":1}"),
    ("x = y { y := 1 } else = 2 { true }", "1"),
    ("import future.keywords.in\nx { 1 in [1] }", "true"),
    ("import future.keywords\nx contains y if some y in [2]", "[2]"),
    ("import rego.v1\nx if input.s == \"hello\"", "true"),
    ("if := 1\nx = if", "1"),
  ])
  func `version 0 is read where it is asked for`(rules: String, expected: String) throws {
    let policy = try CompiledPolicy(
      modules: [SourceFile(name: "t.rego", text: Array("package t\n\(rules)\n".utf8))],
      isVersion0: true)
    let answer = try policy.answers([["t", "x"]], input: ["s": "hello"])[0]
    let text = String(
      decoding: try #require(answer.value).json.canonicalBytes(), as: UTF8.self)
    #expect(text == expected)
  }

  @Test func `a scan for a field's value is a look-up, and says the same under modifiers`() throws {
    let grants = (0..<50).map { "{\"agent\": \"a\($0 % 40)\", \"n\": \($0)}" }
      .joined(separator: ",")
    let data = try JSONParser.parse(Array("{\"grants\": [\(grants)]}".utf8))
    let text = """
      package t
      x contains g.n if {
        some g in data.grants
        g.agent == input.agent
      }
      y := z if { z := x with data.grants as [{"agent": "a3", "n": 100}] }
      """
    let policy = try CompiledPolicy(
      modules: [SourceFile(name: "t.rego", text: Array(text.utf8))], data: data)
    let few = EvaluationLimits(steps: 70)
    let answers = try policy.answers(
      [["t", "x"], ["t", "y"]], input: ["agent": "a3"], limits: few)
    #expect(answers.map(\.value?.json) == [[3, 43], [100]])
  }

  @Test func `a query tells what opa eval tells`() throws {
    let policy = try CompiledPolicy(
      modules: [
        SourceFile(
          name: "t.rego", text: Array("package t\ndefault a := false\nb contains 1\n".utf8))
      ])
    func told(_ query: String) throws -> [[JSONValue]] {
      try policy.query(query, input: nil).map { $0.expressions.map(\.value.json) }
    }
    #expect(try told("data.t.a") == [[false]])
    #expect(try told("1 == 2") == [[false]])
    #expect(try told("data.t.nothing") == [])
    #expect(try told("data.t.a; data.t.b") == [])
    #expect(try told("data.t.b[x]") == [[1]])
    #expect(try policy.query("x := 1; y := 2", input: nil)[0].bindings.map(\.name) == ["x", "y"])
  }

  @Test func `two values for one rule are a conflict, never a choice`() throws {
    let policy = try CompiledPolicy(
      modules: [SourceFile(name: "t.rego", text: Array("package t\nx := 1\nx := 2 if true\n".utf8))]
    )
    #expect(throws: PolicyFault.self) { try policy.answers([["t", "x"]], input: nil) }
  }

  @Test func `a policy that would run for ever is stopped`() throws {
    let text =
      "package t\nx if { some a in numbers.range(1, 10000); some b in numbers.range(1, 10000); a + b < 0 }\n"
    let policy = try CompiledPolicy(
      modules: [SourceFile(name: "t.rego", text: Array(text.utf8))])
    #expect(throws: PolicyFault.self) {
      try policy.answers(
        [["t", "x"]], input: nil, limits: EvaluationLimits(steps: 100_000, depth: 64))
    }
  }
}

@Suite struct ExplanationTests {
  private static let policy = """
    package t
    default allow := false
    allow if {
      input.role == "reviewer"
      input.action == "comment"
    }
    allow if {
      input.role == "deployer"
      input.action == "deploy"
      count(input.env) == 7
    }
    """

  @Test func `an explanation tells how far each rule held, and which rule lacked the least`() throws
  {
    let policy = try CompiledPolicy(
      modules: [SourceFile(name: "t.rego", text: Array(ExplanationTests.policy.utf8))])
    let told = try policy.explain(
      [["t", "allow"]],
      input: ["role": "deployer", "action": "deploy", "env": "production"])
    #expect(told.answers[0].value == .bool(false))
    let nearest = told.nearest(["t", "allow"])
    #expect(nearest.map(\.place.line) == [7, 3])
    #expect(nearest[0].conditions.map(\.outcome) == [.held, .held, .failed])
    #expect(nearest[0].conditions[2].text == "count(input.env) == 7")
    #expect(nearest[0].conditions[2].compared == [.number(Number(10)), .number(Number(7))])
    #expect(nearest[1].conditions.map(\.outcome) == [.failed, .notReached])
    #expect(nearest[1].conditions[0].compared == [.string("deployer"), .string("reviewer")])
    #expect(nearest[0].reads.map(\.path) == ["input.role", "input.action", "input.env"])
  }

  @Test func `a rule that held is told with the places it read`() throws {
    let policy = try CompiledPolicy(
      modules: [SourceFile(name: "t.rego", text: Array(ExplanationTests.policy.utf8))])
    let told = try policy.explain(
      [["t", "allow"]], input: ["role": "reviewer", "action": "comment"])
    #expect(told.answers[0].rules == ["t.rego:3"])
    #expect(told.rules.filter(\.holds).map(\.place.line) == [3])
  }
}

@Suite struct ComplianceTests {
  /// How many of the open cases pass today; the language is completed later, and this only grows.
  static let floor = 860

  @Test(.enabled(if: SharedSuites.has("opa-compliance"), "the suite is not there"))
  func `the open compliance cases that pass keep passing`() throws {
    let folder = SharedSuites.folder("opa-compliance")
    let cases = try SharedSuites.json(folder.appendingPathComponent("cases.json")).array ?? []
    let passed = cases.count { ComplianceTests.passes($0) }
    SharedSuites.ran("opa-compliance: \(passed) passed of", cases.count)
    #expect(passed >= ComplianceTests.floor)
  }

  static func passes(_ test: JSONValue) -> Bool {
    let modules = (test["modules"]?.array ?? []).enumerated().compactMap { index, module in
      module.string.map { SourceFile(name: "\(index).rego", text: $0.bytes) }
    }
    let wantsError = test["want_error_code"] != nil || test["want_error"] != nil
    do {
      var input = test["input"].map(Value.init)
      if let term = test["input_term"]?.string {
        input = try CompiledPolicy(modules: []).query("x = \(term.text)", input: nil).first?
          .bindings.first?.value
      }
      let policy = try CompiledPolicy(
        modules: modules, data: test["data"] ?? .object(JSONObject()))
      let rows = try policy.query(
        test["query"]?.string?.text ?? "", value: input,
        isStrict: test["strict_error"] == true)
      guard !wantsError, let want = test["want_result"]?.array else { return false }
      var got = rows.map { row in
        Value.object(
          ObjectValue(
            unsorted: row.bindings.map {
              ObjectValue.Pair(key: .string(ByteString($0.name)), value: Value($0.value.json))
            }))
      }
      var expected = want.map(Value.init)
      if test["sort_bindings"] == true || rows.count > 1 {
        got.sort()
        expected.sort()
      }
      return got == expected
    } catch {
      return wantsError && (test["want_error_code"]?.string.map { $0.text == error.code } ?? true)
    }
  }
}
