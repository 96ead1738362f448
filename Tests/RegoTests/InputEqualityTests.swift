import CanonicalJSON
import Foundation
import Rego
import TestSupport
import Testing

/// `input.a == "x"` is read and compiled in a way of its own: it means what the same literal means in
/// other words.
@Suite struct InputEqualityTests {
  /// Bodies with such literals, `@` standing for the path's first name: written with a dot they are read
  /// in their own way, written with brackets in the way of all terms.
  private static let rules = [
    "p if input@a == \"x\"",
    "p if { input@a == \"x\" }",
    "p if { input@a == \"x\"; input@b == true }",
    "p if {\n input@a == \"x\" # why\n input@b == false\n}",
    "p if { input@a == \"x\"\n  with input as {\"a\": \"x\"}\n}",
    "p if { input@a == \"x\"\n  in [true] }",
    "p if { input@a == \"x\" in [true] }",
    "p if { input@a == \"x\", true in [[true, true]] }",
    "p if { input@a == \"x\"\n == true }",
    "p if { input@a == \"x\" | {1} }",
    "p if { input@n == \"x\"\n - 1 }",
    "p if { not input@a == \"x\" }",
    "p if { input@a == \"\\u0078\" }",
    "p if { input@a == `x` }",
    "p if { input@a == \"x\\n\" }",
    "p if { input@a == null }",
    "p if { input@n == 1 }",
    "p if { input@a.b.c == \"deep\" }",
    "p if { input@a.default.if == \"deep\" }",
    "p if { \"x\" == input@a }",
    "p if { every input in [{\"a\": \"x\"}] { input@a == \"x\" } }",
    "p if every input in [{\"a\": \"x\"}] { input@a == \"x\" }",
    "p if { x := {\"a\": \"y\"}; input@a == \"x\"; x.a == \"y\" }",
    "p := 1 if { input@a == \"x\" } else := 2 if { input@a == \"y\" } else := 3",
    "p := \"v\" if { input@a == \"x\" }\np := \"w\" if { input@a == \"y\" }",
    "p := 1 if { input@a == \"x\" }\np := 2 if { input@a == \"x\" }",
    "p contains \"v\" if { input@a == \"x\" }",
    "p[k] := 1 if { some k in [\"s\"]; input@a == \"x\" }",
    "p[\"k\"] := 1 if { input@a == \"x\" }",
    "p := [y | y := 1; input@a == \"x\"]",
    "p if { f(1) }\nf(_) if { input@a == \"x\" }",
    "p if { q with equal as g }\nq if { input@a == \"x\" }\ng(_, _) := true",
    "p if { q with input@a as \"x\" }\nq if { input@a == \"x\" }",
    "p if { input@a == \"x\" == true }",
    "p if { input@a == \"x\"[0] }",
    "p if { input@a == \"x\".y }",
    "p if { input@a == \"x\" input@b == true }",
    "p if { input@a == \"x\"\n  .y }",
    "p if { input@a == \"x\" := 1 }",
    "p if { input@a == }",
    "default p := 7\np := 8 if { input@a == \"x\" }\np := 9 if { input@a == \"y\"; input@b == true }\n"
      + "p := 10 if { input@a == \"z\" }",
  ]

  private static let inputs = [
    "{}", "{\"a\":\"x\"}", "{\"a\":\"y\",\"b\":true}", "{\"a\":\"z\",\"b\":false,\"n\":1}",
    "{\"a\":{\"b\":{\"c\":\"deep\"},\"default\":{\"if\":\"deep\"}}}", "{\"a\":null,\"b\":true}",
    "{\"a\":\"x\",\"b\":true,\"n\":\"x\"}", "[1]", "\"x\"",
  ]

  /// What is answered, by which rules, and why; or what is wrong, places aside.
  private func said(_ rule: String, _ input: String) throws -> [String] {
    let file = SourceFile(name: "t.rego", text: Array("package t\n\(rule)\n".utf8))
    let json = try JSONParser.parse(Array(input.utf8))
    do {
      let policy = try CompiledPolicy(modules: [file])
      let found = try policy.explain([["t", "p"]], input: json)
      return [
        "\(try policy.answers([["t", "p"]], input: json)[0].value.map { "\($0.json)" } ?? "-")",
        "\(found.answers[0].rules.map(\.text))",
      ]
        + found.rules.flatMap { rule in rule.conditions.map { "\($0.outcome) \($0.compared)" } }
    } catch let PolicyFault.invalid(diagnostics) {
      return diagnostics.map { "\($0.code) \($0.message) line \($0.place.line)" }
    } catch {
      return ["\(error)".replacing(/t\.rego:\d+:\d+/, with: "place")]
    }
  }

  @Test(arguments: rules) func `it means what it means in other words`(rule: String) throws {
    let (dots, brackets) = (
      rule.replacingOccurrences(of: "@a", with: ".a").replacingOccurrences(of: "@b", with: ".b")
        .replacingOccurrences(of: "@n", with: ".n"),
      rule.replacingOccurrences(of: "@a", with: "[\"a\"]").replacingOccurrences(
        of: "@b", with: "[\"b\"]"
      ).replacingOccurrences(of: "@n", with: "[\"n\"]")
    )
    for input in InputEqualityTests.inputs {
      #expect(try said(dots, input) == said(brackets, input), "\(dots) of \(input)")
    }
  }

  @Test func `thousands of rules by two texts answer as one after the other`() throws {
    var random = SeededRandom.announced("input equality")
    var plain = "package t\n"
    var other = "package t\n"
    for number in 0..<2000 {
      let (a, b) = ("v\(random.below(700))", "w\(random.below(3))")
      let value = random.below(2) == 0 ? "" : " := \"r\(number)\""
      let head = value.isEmpty ? "s contains \"r\(number)\"" : "s contains \"q\(number)\""
      plain += "\(head) if {\n  input.a == \"\(a)\"\n  input.b.c == \"\(b)\"\n}\n"
      other += "\(head) if {\n  [input.a] == [\"\(a)\"]\n  [input.b.c] == [\"\(b)\"]\n}\n"
    }
    let policies = try [plain, other].map {
      try CompiledPolicy(modules: [SourceFile(name: "t.rego", text: Array($0.utf8))])
    }
    for _ in 0..<60 {
      let input = try JSONParser.parse(
        Array("{\"a\":\"v\(random.below(720))\",\"b\":{\"c\":\"w\(random.below(4))\"}}".utf8))
      let answers = try policies.map { try $0.answers([["t", "s"]], input: input)[0].value }
      #expect(answers[0] == answers[1], "\(input)")
    }
  }
}
