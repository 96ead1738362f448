import CanonicalJSON
import Foundation
import Rego
import TestSupport
import Testing

/// Policy text, input, and what must be said of `data.t.x`: they outlive the engine.
///
/// A trap or an overflow of the stack ends the test process: that is the test.
@Suite struct EvaluationLimitTests {
  private func ask(_ policy: String, _ input: String = "{}") throws -> JSONValue? {
    let compiled = try CompiledPolicy(
      modules: [SourceFile(name: "t.rego", text: Array("package t\n\(policy)".utf8))])
    let json = try JSONParser.parse(
      Array(input.utf8), limits: JSONParser.Limits(bytes: 4 << 20, depth: 64))
    return try compiled.answers([["t", "x"]], input: json)[0].value?.json
  }

  /// Whether the answer is a fault with a code, and no trap.
  private func refusal(_ policy: String, _ input: String = "{}") -> String? {
    do {
      let answer = try OnThread.run { try ask(policy, input) }
      return answer.map { "answered \($0)" } ?? "undefined"
    } catch let fault as PolicyFault {
      return fault.code
    } catch {
      return "\(error)"
    }
  }

  private static let extremes = [
    "1e300", "-1e300", "1e308", "1e999999999", "-1e999999999", "1e-999999999",
    "9223372036854775807", "-9223372036854775808", "9223372036854775808", "1e18", "9.3e18",
    "18446744073709551616", "0.0e-9223372036854775808", "0.00e-9223372036854775807",
    "-0.0e99999999999999999999", "0e9223372036854775807", "0.1", "-0.0",
    String(repeating: "9", count: 40_000),
    "0." + String(repeating: "1", count: 40_000),
  ]

  @Test(
    arguments: [
      "format_int(input.n, 10)", "format_int(input.n, input.m)", "numbers.range(input.n, input.m)",
      "numbers.range(input.m, input.n)", "abs(input.n)", "-input.n", "0 - input.n",
      "input.n + input.m", "input.n - input.m", "input.n * input.m", "input.n / input.m",
      "input.n % input.m", "round(input.n)", "ceil(input.n)", "floor(input.n)",
      "array.slice([1, 2, 3], input.n, input.m)", "substring(\"abc\", input.n, input.m)",
      "[1, 2, 3][input.n]", "sum([input.n, input.m])", "product([input.n, input.m, input.n])",
      "max([input.n, input.m])", "sort([input.n, input.m, \"a\"])", "input.n < input.m",
      "json.marshal(input.n)", "to_number(json.marshal(input))", "{input.n: 1}", "{input.n}",
      "count(numbers.range(input.n, input.n))", "object.get({1: 2}, input.n, 3)",
      "json.unmarshal(\"1e999999999\")", "input.n in {input.m}",
    ])
  func `no number that an agent sends ends the process`(expression: String) throws {
    for n in EvaluationLimitTests.extremes {
      for m in ["10", "1e300", "-9223372036854775808", "9223372036854775807"] {
        let input = "{\"n\": \(n), \"m\": \(m)}"
        let answer = refusal("x := y if { y := \(expression) }", input)
        #expect(
          answer == "undefined" || answer == "eval_limit_error"
            || answer?.hasPrefix("answered") == true, "\(expression) of \(input.prefix(80))")
      }
    }
  }

  @Test func `format_int and numbers.range answer for what has an answer`() throws {
    #expect(try ask("x := format_int(-255, 16)") == "-ff")
    #expect(try ask("x := format_int(15.9, 10)") == "15")
    // As OPA: the digits of the number at a precision of 64 bits.
    #expect(
      try ask("x := format_int(1e300, 10)")?.string?.text
        .hasPrefix("1000000000000000000008997324079559193870523944273290") == true)
    #expect(try ask("x := numbers.range(3, 1)") == [3, 2, 1])
    #expect(
      try ask("x := numbers.range(9223372036854775806, 9223372036854775807)").map { _ in 1 } == 1)
    #expect(
      refusal("x := count(numbers.range(-9223372036854775808, 9223372036854775807))")
        == "eval_limit_error")
  }

  @Test(
    arguments: [PolicyText](texts: [
      // Much from little: a text grows to gigabytes, or an array.
      "x := count(a9) if { a9 }\n"
        + (1...9).map {
          "a\($0) := concat(\"\", [y | some _ in numbers.range(1, 10); y := a\($0 - 1)])"
        }.joined(separator: "\n") + "\na0 := \"0123456789\"",
      "x := count(a9) if { a9 }\n"
        + (1...9).map { "a\($0) := replace(a\($0 - 1), \"a\", \"aaaaaaaaaa\")" }
        .joined(separator: "\n") + "\na0 := \"aaaaaaaaaa\"",
      "x := count(a26)\n"
        + (1...26).map { "a\($0) := array.concat(a\($0 - 1), a\($0 - 1))" }.joined(separator: "\n")
        + "\na0 := [1, 2]",
      "x := count([1 | some a in numbers.range(1, 900000); some b in numbers.range(1, 900000); some c in numbers.range(1, 900000)])",
      "x := count({[a, b, c, d] | some a in s; some b in s; some c in s; some d in s})\ns := numbers.range(1, 1000)",
      "x := count([y | some i in numbers.range(1, 1000000); y := numbers.range(1, 900000)])",
      "x := [contains(t, format_int(n, 10)) | some n in numbers.range(1, 100000); t := concat(\"\", [\"a\" | some _ in numbers.range(1, 90000)])]",
      // Deep data, made rule by rule from what is cached.
      "x := 1 if { " + (0...4000).map { "a\($0)" }.joined(separator: "; ") + " }\na0 := [1]\n"
        + (1...4000).map { "a\($0) := [a\($0 - 1)]" }.joined(separator: "\n"),
      // Deep calls.
      "x := f3000(1)\nf0(y) := y\n"
        + (1...3000).map { "f\($0)(y) := f\($0 - 1)(y) + 1" }.joined(separator: "\n"),
      // A reference and a pattern of thousands of parts.
      "x := input" + String(repeating: ".a", count: 20_000),
      "x := y if { [" + String(repeating: "_, ", count: 8000) + "y] = ["
        + String(repeating: "1, ", count: 8000) + "1] }",
      // Values that stand in two places each, so that a few lines weigh without end.
      EvaluationLimitTests.doubled("{\"a\": $, \"b\": $}", 40)
        + "x if a40 == object.union(a40, {})",
      EvaluationLimitTests.doubled("{\"a\": $, \"b\": $}", 40) + "x := {a40}",
      EvaluationLimitTests.doubled("{\"a\": $, \"b\": $}", 40) + "x := json.marshal(a40)",
      EvaluationLimitTests.doubled("{\"a\": $, \"b\": $}", 40) + "x := sprintf(\"%v\", [a40])",
      EvaluationLimitTests.doubled("{\"a\": $, \"b\": $}", 40) + "x := a40",
      EvaluationLimitTests.doubled("{$, [$]}", 40) + "x := {k: v | some k, v in {1: a40}}",
      // Input that nests ever deeper: a modifier puts it below itself.
      "x := a40\na0 := input\n"
        + (1...40).map {
          "a\($0) := a\($0 - 1) with input\(String(repeating: ".b", count: 100)) as input"
        }.joined(separator: "\n"),
      // Long texts and large values that are compared again and again.
      "x := count([1 | some n in numbers.range(1, 200000); t == \"\(String(repeating: "a", count: 90_000))\"])"
        + "\nt := concat(\"\", [\"\(String(repeating: "a", count: 89_999))\", \"b\"])",
      "x := count([1 | some n in numbers.range(1, 200000); t == [\(String(repeating: "1,", count: 9000)) 1]])"
        + "\nt := array.concat([\(String(repeating: "1,", count: 8999)) 1], [2])",
      // Large objects that are copied again and again.
      "x := count([y | some n in numbers.range(1, 200000); y := z with input.z as n])\n"
        + "z := input.z\n",
    ]))
  func `a policy that asks for too much is an error that names the limit`(policy: PolicyText) throws
  {
    let many = (0..<20_000).map { ", \"k\($0)\": 1" }.joined()
    let answer = refusal(policy.text, "{\"a\": 1\(policy.text.contains("input.z") ? many : "")}")
    #expect(
      ["eval_limit_error", "rego_parse_error"].contains(answer ?? ""), "\(answer ?? "") \(policy)")
  }

  @Test(
    arguments: [PolicyText](texts: [
      "x := " + String(repeating: "[", count: 100_000),
      "x := " + String(repeating: "[", count: 5000) + String(repeating: "]", count: 5000),
      "x := " + String(repeating: "{\"a\":", count: 5000) + "1"
        + String(repeating: "}", count: 5000),
      "x := " + String(repeating: "(", count: 5000) + "1" + String(repeating: ")", count: 5000),
      "x := " + String(repeating: "-", count: 50_000) + "1",
      "x := " + String(repeating: "- ", count: 50_000) + "input",
      "x := 1" + String(repeating: " + 1", count: 100_000),
      "x := 1" + String(repeating: " * 1", count: 100_000),
      "x := s" + String(repeating: " | s", count: 50_000) + "\ns := {1}",
      "x := s" + String(repeating: " & s", count: 50_000) + "\ns := {1}",
      "x := 1" + String(repeating: " == 1", count: 50_000),
      "x := 1" + String(repeating: " in input", count: 50_000),
      "x if { " + String(repeating: "not ", count: 50_000) + "false }",
      "x if { " + String(repeating: "every y in [1] { ", count: 5000) + "true"
        + String(repeating: " }", count: 5000) + " }",
      "x := " + String(repeating: "[y | y := ", count: 5000) + "1"
        + String(repeating: "]", count: 5000),
      "x := " + String(repeating: "f(", count: 5000) + "1" + String(repeating: ")", count: 5000)
        + "\nf(y) := y",
      "x := " + String(repeating: "input[", count: 5000) + "1"
        + String(repeating: "]", count: 5000),
      "x" + String(repeating: ".a", count: 50_000) + " := 1",
      "x if { true with input" + String(repeating: ".a", count: 50_000) + " as 1 }",
      "x := 1 if { false }" + String(repeating: " else := 2 if { false }", count: 20_000),
    ]))
  func `nesting in a policy's text is refused with its place`(policy: PolicyText) {
    let answer = refusal(policy.text)
    #expect(
      answer == "rego_parse_error" || answer == "eval_limit_error" || answer == "undefined",
      "\(answer ?? "") \(policy)")
  }

  /// Definitions a0 to aN, each of which holds the one before twice.
  private static func doubled(_ form: String, _ count: Int) -> String {
    "a0 := {\"a\": 1}\n"
      + (1...count).map {
        "a\($0) := \(form.replacingOccurrences(of: "$", with: "a\($0 - 1)"))\n"
      }.joined()
  }

  @Test(arguments: ["[$ in y | z]", "{$ in y | z}", "{$: 1 in y | z}", "[{$ in y | z} in y | z]"])
  func `what looks like a comprehension's head is not read twice at each level`(form: String) {
    var text = "1"
    for _ in 0..<40 { text = form.replacingOccurrences(of: "$", with: text) }
    // It would take longer than the world is old; any refusal will do.
    #expect(refusal("x := \(text)")?.hasPrefix("rego_") == true)
  }

  @Test func `a watchdog ends an evaluation by its own code, and is not asked by a short one`()
    throws
  {
    func code(_ policy: String) throws -> String? {
      let compiled = try CompiledPolicy(
        modules: [SourceFile(name: "t.rego", text: Array("package t\n\(policy)".utf8))])
      do {
        _ = try compiled.answers(
          [["t", "x"]], input: nil,
          environment: BuiltinContext.Environment(isOutOfTime: { true }))
        return nil
      } catch {
        return error.code
      }
    }
    let loop = "x := count([1 | some a in numbers.range(1, 900000)])"
    #expect(try code(loop) == PolicyFault.cancelled)
    #expect(try code("x := sort(numbers.range(1, 90000))") == PolicyFault.cancelled)
    #expect(try code("x := 30 in numbers.range(1, 60000)") == PolicyFault.cancelled)
    #expect(try code("x := count(numbers.range(1, 100))") == nil)
    // Steps count the same with a watchdog that lets go on.
    for steps in [100, 16_384, 16_385, 40_000] {
      let compiled = try CompiledPolicy(
        modules: [
          SourceFile(
            name: "t.rego",
            text: Array("package t\nx := count([1 | some a in numbers.range(1, 3000)])".utf8))
        ])
      var codes: [String] = []
      for watchdog in [nil, { @Sendable in false }] {
        do {
          _ = try compiled.answers(
            [["t", "x"]], input: nil, limits: EvaluationLimits(steps: steps),
            environment: BuiltinContext.Environment(isOutOfTime: watchdog))
          codes.append("answered")
        } catch {
          codes.append(error.code)
        }
      }
      #expect(codes[0] == codes[1])
    }
  }

  @Test func `a package's name of thousands of parts is refused`() {
    let text = "package " + Array(repeating: "a", count: 50_000).joined(separator: ".") + "\nx := 1"
    #expect(throws: PolicyFault.self) {
      try OnThread.run {
        try CompiledPolicy(modules: [SourceFile(name: "t.rego", text: Array(text.utf8))])
      }
    }
  }

  @Test func `a literal of a hundred thousand elements is a value like any other`() throws {
    let numbers = (0..<100_000).map(String.init).joined(separator: ", ")
    let found = try OnThread.run { try ask("x := count(y) if { y := [\(numbers)] }") }
    #expect(found == 100_000)
  }

  @Test func `a body and a literal of thousands of parts are evaluated without nesting`() throws {
    let body = "x if { " + String(repeating: "input.a == 1; ", count: 8000) + "true }"
    #expect(try OnThread.run { try ask(body, "{\"a\": 1}") } == true)
    let literal = "x := count([" + String(repeating: "input.a, ", count: 20_000) + "1])"
    #expect(try OnThread.run { try ask(literal, "{\"a\": 1}") } == 20_001)
  }

  @Test func `no mutated policy ends its reader or its evaluation`() throws {
    var random = SeededRandom.announced("policies")
    let folder = URL(filePath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../sample-data/policies")
    let input = """
      {"agent": {"role": "deployer", "roles": ["deployer"]}, "action": "deploy",
       "resource": {"env": "production", "type": "service"},
       "params": {"n": -9223372036854775808, "m": 1e308, "list": [1e999, 0.1]}, "context": {}}
      """
    let json = try JSONParser.parse(Array(input.utf8))
    let words = [
      "input.params.n", "input.params.m", "1e999", "numbers.range(0, input.params.n)", "{", "}",
      "[", "]", "not", "some x in", "every x in", ":=", "|", "else", "with input as", "-", "\n",
    ]
    var outcomes = (answered: 0, refused: 0)
    for name in ["lockdown.rego", "production-guard.rego"] {
      let text = try String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8)
      for _ in 0..<150 {
        var parts = text.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        for _ in 0...random.below(3) {
          let at = random.below(parts.count)
          switch random.below(3) {
          case 0: parts[at] = words[random.below(words.count)]
          case 1: parts.remove(at: at)
          default: parts.insert(words[random.below(words.count)], at: at)
          }
        }
        do {
          let policy = try CompiledPolicy(
            modules: [
              SourceFile(name: name, text: Array(parts.joined(separator: " ").utf8))
            ])
          _ = try policy.answers([["agent", "authz"]], input: json)
          outcomes.answered += 1
        } catch {
          outcomes.refused += 1
        }
      }
    }
    #expect(outcomes.answered > 10 && outcomes.refused > 10)
  }

  @Test func `patterns that match each other part by part do not double the work at each level`() {
    func nest(_ leaf: String) -> String {
      (0..<24).reduce(leaf) { text, level in "[\(leaf)\(level), \(text)]" }
    }
    let started = ContinuousClock.now
    let answer = refusal("x if { \(nest("a")) = \(nest("b")) }")
    #expect(answer == "rego_unsafe_var_error")
    #expect(ContinuousClock.now - started < .seconds(20))
  }

  @Test func `what an agent sends in thousands costs no more than its size`() throws {
    let numbers = (0..<9000).map { String(9000 - $0) }.joined(separator: ",")
    let input = "{\"list\": [\(numbers)]}"
    #expect(
      try OnThread.run {
        try ask("x := count({k: v | some v in input.list; k := format_int(v, 10)})", input)
      } == 9000)
    let text = String(repeating: "a", count: 40_000)
    let needle = String(repeating: "a", count: 20_000) + "b"
    #expect(
      try OnThread.run {
        try ask("x := contains(input.a, input.b)", "{\"a\": \"\(text)\", \"b\": \"\(needle)\"}")
      } == false)
  }

  /// Each array holds the one before twice: looked at place by place, the last has 2^40 elements.
  @Test func `arrays in many places are compared within the limit of steps`() throws {
    let one = EvaluationLimitTests.doubled("[$, $]", 40)
    let towers = one + one.replacing("a", with: "b")
    #expect(refusal(towers + "x if a40 == b40") == "eval_limit_error")
    #expect(refusal(towers + "x if a40 in [b40]") == "eval_limit_error")
    #expect(refusal(towers + "x := count({a40, b40})") == "eval_limit_error")
    // To build them costs what they are, not what they stand for: many of them are no more.
    #expect(try ask(one + "x := count(a40)") == 2)
    #expect(
      try ask(one + "x := count([a40 | some i in numbers.range(1, 100000)])") == 100_000)
    var count = LevelCount(most: 1 << 20)
    var value = Value.array([.number(.integer(1))])
    for _ in 0..<40 { value = .array([value, value]) }
    #expect(count.levels(of: value) == 41)
    #expect(count.looked < 20_000)
  }

  @Test(.timeLimit(.minutes(1)))
  func `annotations before thousands of rules are each found at once`() throws {
    let rules = (0..<10_000).map { "# METADATA\n# title: r\($0)\np\($0) := 1\n" }.joined()
    let text = "package t\n\n\(rules)\n# METADATA\n# title: last\nx := rego.metadata.rule().title\n"
    let policy = try CompiledPolicy(
      modules: [SourceFile(name: "p.rego", text: Array(text.utf8))])
    #expect(try policy.answers([["t", "x"]], input: nil)[0].value == .string("last"))
  }
}

/// A policy that a failure names by its beginning.
struct PolicyText: Sendable, CustomTestStringConvertible, CustomStringConvertible {
  let number: Int
  let text: String

  var description: String { "\(number): \(text.prefix(60))" }
  var testDescription: String { description }
}

extension [PolicyText] {
  init(texts: [String]) {
    self = texts.enumerated().map { PolicyText(number: $0.offset, text: $0.element) }
  }
}

/// Runs something on a thread with the 8 MiB of stack that threads have by default.
enum OnThread {
  private final class Box<Value: Sendable>: @unchecked Sendable {
    var result: Result<Value, any Error>?
  }

  static func run<Value: Sendable>(_ body: @escaping () throws -> Value) throws -> Value {
    let box = Box<Value>()
    let done = DispatchSemaphore(value: 0)
    nonisolated(unsafe) let body = body
    let thread = Thread {
      box.result = Result { try body() }
      done.signal()
    }
    thread.stackSize = 8 << 20
    thread.start()
    done.wait()
    return try #require(box.result).get()
  }
}
