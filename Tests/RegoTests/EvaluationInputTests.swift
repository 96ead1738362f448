import CanonicalJSON
import Rego
import TestSupport
import Testing

/// An evaluation says the same of an input in whatever form it is given, and whatever the machine has
/// evaluated before.
@Suite struct EvaluationInputTests {
  /// What rules may do with an input, by name.
  private static let policy = """
    package t
    whole := input
    name := input.user.name
    isBob if input.user.name == "bob"
    isAdmin if input.user.role == "admin"
    isThree if input.count == 3
    isOn if input.on == true
    isNothing if input.nothing == null
    isPair if input.pair == [1, "two"]
    second := input.pair[1]
    far := input.list[40]
    list := input.list
    total := sum(input.list)
    deep := input.a.b.c
    element := input.pair.x
    names contains k if some k, _ in input.user
    withUser := x if { x := name with input.user.name as "eve" }
    withAll := x if { x := whole with input as {"user": {"name": "mallory"}} }
    repeated := [y | some i in numbers.range(0, 2); y := name with input.user as {"name": i}]
    kind := "three" if input.kind == "c"
    kind := "one" if input.kind == "a"
    kind := "two" if input.kind == "b"
    kind := "four" if input.kind == 4
    reaches if { some x in input.list; x == input.count }
    """

  private static let inputs = [
    """
    {"user":{"name":"bob","role":"admin"},"count":3,"on":true,"nothing":null,"pair":[1,"two"],"kind":"b",
    "list":[\((0..<50).map(String.init).joined(separator: ","))],"a":{"b":{"c":{"d":[1.5,"é","\\n"]}}}}
    """,
    "{\"user\":{\"name\":\"\\u0062ob\",\"role\":\"admi\"},\"count\":3.0,\"pair\":{\"x\":-0},\"kind\":4}",
    "{\"user\":\"bob\",\"list\":[],\"a\":[],\"kind\":\"c\",\"on\":\"true\"}",
    "{\"list\":[1e2,3],\"count\":3,\"a\":{\"b\":7},\"user\":{\"name\":17,\"na\":1,\"name2\":\"bob\"}}",
    "{\(((0..<40).map { "\"k\($0)\":1" } + ["\"user\":{\"name\":\"bob\"}"]).joined(separator: ","))}",
    "[1,2]", "7", "null", "{}", "\"bob\"",
  ]

  private struct Said: Equatable, CustomStringConvertible {
    let values: [Value?]
    let rules: [[ByteString]]
    var description: String { "\(values.map { $0.map { "\($0.json)" } ?? "-" })" }
  }

  private let compiled: CompiledPolicy
  private let paths: [[ByteString]]

  init() throws {
    let file = SourceFile(name: "t.rego", text: Array(EvaluationInputTests.policy.utf8))
    compiled = try CompiledPolicy(modules: [file])
    paths =
      [
        "whole", "name", "isBob", "isAdmin", "isThree", "isOn", "isNothing", "isPair", "second",
        "far",
        "list", "total", "deep", "element", "names", "withUser", "withAll", "repeated", "kind",
        "reaches",
      ].map { ["t", $0] } + [["t"], ["t", "whole", "user"], ["nowhere", "at", "all"]]
  }

  private func said(
    _ input: EvaluationInput?, _ policy: CompiledPolicy,
    _ limits: EvaluationLimits = EvaluationLimits()
  ) throws -> Said {
    let answers = try policy.answers(policy.documents(at: paths), input: input, limits: limits)
    return Said(values: answers.map(\.value), rules: answers.map(\.rules))
  }

  private func forms(_ text: String) throws -> [EvaluationInput] {
    let bytes = Array(text.utf8)
    let json = try JSONParser.parse(bytes)
    return [.value(Value(json)), .json(json), try EvaluationInput(json: bytes)]
  }

  @Test(arguments: inputs) func `every form of an input is read alike`(text: String) throws {
    let forms = try forms(text)
    let first = try said(forms[0], compiled)
    #expect(first.values[0] == Value(try JSONParser.parse(Array(text.utf8))))
    for form in forms.dropFirst() { #expect(try said(form, compiled) == first, "\(form)") }
  }

  @Test func `text is read where it stands, unless it has more members than are looked through`()
    throws
  {
    var isText = false
    for (number, input) in EvaluationInputTests.inputs.enumerated() {
      if case .text = try EvaluationInput(json: Array(input.utf8)) {
        isText = true
        #expect(number != 4)
      }
    }
    #expect(isText)
    guard case .value = try EvaluationInput(json: Array(EvaluationInputTests.inputs[4].utf8)) else {
      Issue.record("an object of 41 members is looked through for each read")
      return
    }
  }

  @Test(.timeLimit(.minutes(1)))
  func `what is long is made once, however often a policy reads it`() throws {
    let loops = """
      package t
      equal := count([1 | some i in numbers.range(1, 20000); input.s == "x"])
      read := count([1 | some i in numbers.range(1, 20000); x := input.s; x != i])
      number := count([1 | some i in numbers.range(1, 20000); x := input.n; x != i])
      list := count([1 | some i in numbers.range(1, 20000); x := input.l; x != i])
      """
    let policy = try CompiledPolicy(
      modules: [SourceFile(name: "t.rego", text: Array(loops.utf8))])
    let long = String(repeating: "a\\n", count: 200_000)
    let text =
      "{\"s\":\"\(long)\",\"n\":0.\(String(repeating: "1", count: 100_000)),"
      + "\"l\":[\(String(repeating: "1,", count: 100_000))2]}"
    let documents = policy.documents(at: ["equal", "read", "number", "list"].map { ["t", $0] })
    for form in try forms(text) {
      let answers = try policy.answers(
        documents, input: form, limits: EvaluationLimits(steps: 1 << 40, bytes: 1 << 40))
      #expect(answers.map(\.value) == [0, 20_000, 20_000, 20_000].map { .number(Number($0)) })
    }
  }

  /// The fewest steps that are enough for an evaluation.
  private func steps(_ input: EvaluationInput, _ policy: CompiledPolicy) throws -> Int {
    var (low, high) = (0, 100_000)
    while low < high {
      let middle = (low + high) / 2
      do {
        _ = try said(input, policy, EvaluationLimits(steps: middle))
        high = middle
      } catch {
        #expect("\(error)".contains("steps"))
        low = middle + 1
      }
    }
    return low
  }

  @Test func `a machine that has evaluated before answers and counts as a new one`() throws {
    let file = SourceFile(name: "t.rego", text: Array(EvaluationInputTests.policy.utf8))
    var random = SeededRandom.announced("machines used again")
    var fresh: [Said] = []
    var counted: [Int] = []
    let inputs = try EvaluationInputTests.inputs.flatMap(forms)
    for input in inputs {
      fresh.append(try said(input, try CompiledPolicy(modules: [file])))
      counted.append(try steps(input, compiled))
    }
    for _ in 0..<300 {
      let number = random.below(inputs.count)
      switch random.below(4) {
      case 0:
        // A fault in the middle of an evaluation leaves nothing behind.
        let limits = EvaluationLimits(steps: random.below(counted[number]))
        #expect(throws: PolicyFault.self) { try said(inputs[number], compiled, limits) }
      case 1:
        #expect(
          try said(inputs[number], compiled, EvaluationLimits(steps: counted[number]))
            == fresh[number])
      default: #expect(try said(inputs[number], compiled) == fresh[number])
      }
    }
    for form in 0..<EvaluationInputTests.inputs.count {
      #expect(
        Set(counted[form * 3..<form * 3 + 3]).count == 1, "the form of an input counts for nothing")
    }
  }

  @Test func `evaluations at a time do not see each other`() async throws {
    let inputs = try EvaluationInputTests.inputs.flatMap(forms)
    let expected = try inputs.map { try said($0, compiled) }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for worker in 0..<40 {
        group.addTask {
          for round in 0..<20 {
            let number = (worker * 7 + round) % inputs.count
            let answered = try said(inputs[number], compiled)
            #expect(answered == expected[number])
          }
        }
      }
      try await group.waitForAll()
    }
  }
}
