import CanonicalJSON
import Foundation
import Rego

/// Compiles and evaluates mutated policies: an answer or an error, never a crash, never a hang.
enum MutatedPolicies {
  private struct Random {
    var state: UInt64

    mutating func below(_ bound: Int) -> Int {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return Int(state % UInt64(max(1, bound)))
    }
  }

  private static let words = [
    "input", "data", "x", "_", "some x in", "every x in", "not", ":=", "=", "==", "[", "]", "{",
    "}",
    "(", ")", "|", "&", "with input as", "with data.a as", "else := 1 if", "if {", "contains",
    "1e999",
    "-1", "\"\"", "`a`", "$\"{x}\"", "null", "set()", "[y | y := ", "{y | y := ", ";", "\n", ".a",
    "[_]",
    "count(", "numbers.range(0, 1000000)", "default", "import data.a", "as", "package a",
  ]

  static func run(folder: String, count: Int, seed: UInt64) throws {
    let text = try Data(contentsOf: URL(filePath: folder).appending(path: "cases.json"))
    let cases =
      try JSONParser.parse(
        Array(text), limits: JSONParser.Limits(bytes: 256 << 20, depth: 64)
      ).array ?? []
    var random = Random(state: seed | 1)
    var outcomes: [String: Int] = [:]
    let clock = ContinuousClock()
    var slowest = Duration.zero
    for number in 0..<count {
      let test = cases[random.below(cases.count)]
      guard let module = test["modules"]?.array?.first?.string?.text else { continue }
      var parts = module.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
      for _ in 0..<(1 + random.below(2)) {
        let at = random.below(parts.count)
        switch random.below(4) {
        case 0: parts[at] = words[random.below(words.count)]
        case 1: parts.insert(words[random.below(words.count)], at: at)
        case 2: if parts.count > 1 { parts.remove(at: at) }
        default: parts.insert(parts[random.below(parts.count)], at: at)
        }
      }
      let mutated = parts.joined(separator: " ")
      // A policy that ends the process is the one left in this file.
      try Data(mutated.utf8).write(
        to: URL.temporaryDirectory.appending(path: "mutated-\(getpid()).rego"))
      let time = clock.measure {
        do {
          let policy = try CompiledPolicy(
            modules: [SourceFile(name: "m.rego", text: Array(mutated.utf8))],
            data: test["data"] ?? .object(JSONObject()))
          _ = try policy.query(
            test["query"]?.string?.text ?? "data", input: test["input"],
            limits: EvaluationLimits(steps: 200_000, bytes: 32_000_000))
          outcomes["answered", default: 0] += 1
        } catch {
          outcomes[(error as? PolicyFault)?.code ?? "\(error)", default: 0] += 1
        }
      }
      if time > slowest {
        slowest = time
        if time > .seconds(1) { print("case \(number): \(time)\n\(mutated)") }
      }
    }
    for (code, count) in outcomes.sorted(by: { $0.key < $1.key }) { print("\(code): \(count)") }
    print("slowest: \(slowest)")
  }
}
