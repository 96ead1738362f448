import CanonicalJSON
import Rego
import Testing

/// Many rules that one part of the input tells apart: those that cannot match are not tried, and the answer is
/// the one without the index.
@Suite struct RuleIndexTests {
  /// Conditions of which the rule with a number has one.
  private static let forms: [(name: String, condition: @Sendable (Int) -> String)] = [
    ("a text", { "input.x == \"k\($0)\"" }),
    ("a text on the left", { "\"k\($0)\" == input.x" }),
    ("a unification", { "input.x = \"k\($0)\"" }),
    ("an integer", { "input.x == \($0)" }),
    ("an integer with a point", { "input.x == \($0).0" }),
    ("an integer with an exponent", { "input.x == \($0)e0" }),
    ("a fraction", { "input.x == \($0).5" }),
    ("a list", { "input.x == [\($0).0, \"a\"]" }),
    ("an object", { "input.x == {\"a\": [\($0)]}" }),
    ("a set of texts", { "input.x in {\"k\($0)\", \"k\($0 + 1)\"}" }),
    ("a list of numbers", { "input.x in [\($0), \($0 + 1).0]" }),
    ("a set of lists", { "input.x in {[\($0), \"a\"], [\($0 + 1), \"a\"]}" }),
    ("one path twice", { "input.x == \"k\($0)\"; input.x == \"k\($0 % 2 == 0 ? $0 : 8)\"" }),
    (
      "one path twice, and others",
      {
        "input.y == \"a\"; input.x == \($0); input.z == true; input.y == \"\($0 % 3 == 0 ? "a" : "b")\""
      }
    ),
    ("texts that are alike at both ends", { "input.x == \"12345678\(100 + $0)abcdefgh\"" }),
    ("texts within objects", { "input.resource.environment == \"long enough \($0)\"" }),
    ("two paths", { "input.x == \($0); input.y == \"a\"" }),
    ("two paths, mixed", { $0 % 2 == 0 ? "input.x == \($0)" : "input.y == \"k\($0)\"" }),
  ]

  /// JSON, numbers with their text.
  private static let inputs = [
    #"{"x": "k7"}"#, #"{"x": 7}"#, #"{"x": 7, "y": "a"}"#, #"{"x": 7, "y": "k9"}"#,
    #"{"x": [7, "a"]}"#, #"{"x": {"a": [7]}}"#, #"{"x": {}}"#, #"{"x": []}"#, #"{"x": null}"#,
    #"{"y": "k7"}"#, "{}", "[]", #""k7""#, "7", #"{"x": 7.0, "y": "a"}"#, #"{"x": 7.5}"#,
    #"{"x": "12345678107abcdefgh"}"#, #"{"x": "12345678107abcdefgx"}"#, #"{"x": "k8"}"#,
    #"{"x": 6, "y": "a", "z": true}"#, #"{"x": 7, "y": "a", "z": true}"#,
    #"{"resource": {"environment": "long enough 7", "environmenu": 1}}"#,
    #"{"resource": {"environment": "long enough 7x"}}"#, #"{"resource": "long enough 7"}"#,
    #"{"resource": {"environmens": "long enough 7"}}"#,
    #"{"x": 70e-1, "y": "k8"}"#, #"{"x": [7.0, "a"]}"#, #"{"x": "7"}"#, #"{"x": true}"#,
  ]

  private static func policy(_ count: Int, _ condition: (Int) -> String) throws -> CompiledPolicy {
    let rules = (0..<count).map { "x contains \($0) if { \(condition($0)) }\n" }.joined()
    return try CompiledPolicy(
      modules: [SourceFile(name: "t.rego", text: Array("package t\n\n\(rules)".utf8))])
  }

  @Test(arguments: forms.indices)
  func `rules are chosen as without an index`(form: Int) throws {
    let condition = RuleIndexTests.forms[form].condition
    let indexed = try RuleIndexTests.policy(300, condition)
    // What stands in a comprehension is not indexed.
    let whole = try RuleIndexTests.policy(300) { "count([1 | \(condition($0))]) > 0" }
    var found = 0
    for text in RuleIndexTests.inputs {
      let input = try JSONParser.parse(Array(text.utf8))
      let answer = try indexed.answers([["t", "x"]], input: input)[0].value?.json
      #expect(
        try whole.answers([["t", "x"]], input: input)[0].value?.json == answer,
        "\(RuleIndexTests.forms[form].name), \(text)")
      found += answer?.array?.count ?? 0
      let documents = indexed.documents(at: [["t", "x"]])
      for form in [
        EvaluationInput.value(Value(input)), try EvaluationInput(json: Array(text.utf8)),
      ] {
        #expect(
          try indexed.answers(documents, input: form)[0].value?.json == answer, "\(form), \(text)")
      }
    }
    #expect(found > 0, "\(RuleIndexTests.forms[form].name): no input has an answer")
  }

  @Test(arguments: forms.indices)
  func `rules that cannot match take no steps`(form: Int) throws {
    let policy = try RuleIndexTests.policy(2000, RuleIndexTests.forms[form].condition)
    for text in RuleIndexTests.inputs {
      let input = try JSONParser.parse(Array(text.utf8))
      _ = try policy.answers(
        [["t", "x"]], input: input, limits: EvaluationLimits(steps: 200, bytes: 1 << 20))
    }
  }
}
