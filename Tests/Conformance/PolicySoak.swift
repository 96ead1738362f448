import CanonicalJSON
import Foundation
import PolicyFunctions
import Rego

/// Compiles and evaluates generated and mutated policies: an answer or an error each time, never a crash,
/// a hang or a limit that does not hold.
struct PolicySoak {
  let count: Int
  let seed: UInt64
  /// Files whose policies are mutated besides: `{"cases": [{"policy": ...}]}`, or a list of cases with
  /// `modules`.
  let files: [String]

  private static let words = [
    "input", "data", "x", "_", "some x in", "every x in", "not", ":=", "=", "==", "[", "]", "{",
    "}", "(", ")", "|", "&", "with input as", "with data.a as", "else := 1 if", "if {", "contains",
    "1e999", "-1", "\"\"", "`a`", "$\"{x}\"", "null", "set()", "[y | y := ", "{y | y := ", ";",
    "\n", ".a", "[_]", "count(", "numbers.range(0, 1000000)", "default", "import data.a", "as",
    "package a", "walk(input)", "regex.match(`(a|b)*c`, input.s)", "1e308", "9223372036854775807",
    "sprintf(\"%1000000d\", [1])", "time.clock([0, \"Europe/Paris\"])", "graph.reachable(",
    "json.patch(", "\u{FEFF}", "é", "\u{0}",
  ]

  /// No evaluation may take longer: what is counted must bound it.
  private static let longest = Duration.seconds(4)
  private static let limits = EvaluationLimits(steps: 200_000, bytes: 32_000_000)

  func run() throws -> Bool {
    let texts = try PolicySoak.texts(files)
    var generator = PolicyGenerator(seed: seed)
    var outcomes: [String: Int] = [:]
    var slow = 0
    let clock = ContinuousClock()
    var slowest = Duration.zero
    // A policy that ends the process is the one left in this file.
    let last = URL.temporaryDirectory.appending(path: "policy-soak-\(getpid()).rego")
    for number in 0..<count {
      var text =
        texts.isEmpty || generator.random.below(2) == 0
        ? generator.policy() : generator.random.pick(texts)
      if generator.random.below(4) > 0 { text = PolicySoak.changed(text, &generator.random) }
      let input = generator.input()
      try Data("\(text)\n# input \(input)\n".utf8).write(to: last)
      var outcome = ""
      let time = clock.measure { outcome = PolicySoak.outcome(text, input) }
      outcomes[outcome, default: 0] += 1
      slowest = max(slowest, time)
      if time > PolicySoak.longest {
        slow += 1
        print("case \(number) took \(time)\n\(text)\n# input \(input)")
      }
    }
    try? FileManager.default.removeItem(at: last)
    for (code, count) in outcomes.sorted(by: { $0.key < $1.key }) { print("\(code): \(count)") }
    print("\(count) policies, seed \(seed), slowest \(slowest), too slow \(slow)")
    return slow == 0
  }

  private static func outcome(_ text: String, _ input: String) -> String {
    do {
      let document = try JSONParser.parse(Array(input.utf8))
      let policy = try CompiledPolicy(
        modules: [SourceFile(name: "m.rego", text: Array(text.utf8))],
        builtins: PolicyFunctions.builtins)
      let environment = BuiltinContext.Environment(now: 1_700_000_000_000_000_000, seed: [1])
      // One path known beforehand, all documents at once, and what explains them.
      _ = try policy.answers(
        [["t", "x"]], input: document, limits: limits, environment: environment)
      _ = try policy.query("data", input: document, limits: limits, environment: environment)
      _ = try policy.explain(
        [["t", "x"]], input: document, limits: limits, environment: environment)
      return "answered"
    } catch {
      return (error as? PolicyFault)?.code ?? "\(error)"
    }
  }

  /// A mutation, most often one that parses: what follows the parser is to be reached too.
  private static func changed(_ text: String, _ random: inout SeededNumbers) -> String {
    var changed = mutated(text, &random)
    var tries = random.below(4) == 0 ? 0 : 8
    while tries > 0, !parses(changed) {
      changed = mutated(text, &random)
      tries -= 1
    }
    return changed
  }

  private static func parses(_ text: String) -> Bool {
    do throws(PolicyFault) {
      _ = try CompiledPolicy(
        modules: [SourceFile(name: "m.rego", text: Array(text.utf8))],
        builtins: PolicyFunctions.builtins)
      return true
    } catch {
      return error.code != "rego_parse_error"
    }
  }

  private static func mutated(_ text: String, _ random: inout SeededNumbers) -> String {
    if random.below(8) == 0 {
      var bytes = Array(text.utf8)
      for _ in 0...random.below(3) where !bytes.isEmpty {
        bytes[random.below(bytes.count)] = UInt8(random.below(256))
      }
      return String(decoding: bytes, as: UTF8.self)
    }
    var parts = text.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
    for _ in 0...random.below(3) {
      let at = random.below(parts.count)
      switch random.below(4) {
      case 0: parts[at] = random.pick(words)
      case 1: parts.insert(random.pick(words), at: at)
      case 2: if parts.count > 1 { parts.remove(at: at) }
      default: parts.insert(parts[random.below(parts.count)], at: at)
      }
    }
    return parts.joined(separator: " ")
  }

  private static func texts(_ files: [String]) throws -> [String] {
    var texts: [String] = []
    for file in files {
      let json = try JSONParser.parse(
        Array(try Data(contentsOf: URL(filePath: file))),
        limits: JSONParser.Limits(bytes: 256 << 20, depth: 64))
      for test in json.array ?? json["cases"]?.array ?? [] {
        if let text = test["policy"]?.string ?? test["modules"]?.array?.first?.string {
          texts.append(text.text)
        }
      }
    }
    return texts
  }
}
