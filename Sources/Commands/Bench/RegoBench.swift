import ArgumentParser
import CanonicalJSON
import Fixtures
import Foundation
import Rego

/// Measures the policy engine, beside others in the same run.
struct RegoBench: Subcommand {
  static let configuration = CommandConfiguration(
    commandName: "rego", abstract: "Measure the policy engine, beside others in the same run.",
    discussion: """
      Processor time, medians of rounds in which this engine and each peer take turns. A peer is a program \
      that answers lines of JSON: it is sent policy, data, input and query, how often to load them (loads) \
      and how often to evaluate then (evaluations), and answers {"value": ...}. What its process takes is \
      read from the kernel. Other answers than this engine's are named, and count for nothing.
      """)

  @Option(help: "A program to run beside it, as NAME=COMMAND; may be given again.")
  var peer: [String] = []

  @Option(help: "Only cases whose names begin so.")
  var only = ""

  @Option(help: "Rounds of each case.")
  var rounds = 5

  private static let query: [[ByteString]] = [["agent", "authz", "allow"]]
  private static let limits = EvaluationLimits(steps: 20_000_000, bytes: 1 << 30)
  private static let parsing = JSONParser.Limits(bytes: 64 << 20, depth: 64)

  /// Nanoseconds of one engine in one case.
  private struct Figures {
    var load: [Double] = []
    var typed: [Double] = []
    var text: [Double] = []

    static func median(_ times: [Double]) -> Double {
      times.isEmpty ? .nan : times.sorted()[times.count / 2]
    }
  }

  func perform() async throws {
    guard (1...100).contains(rounds) else { throw ValidationError("--rounds is from 1 to 100") }
    let peers = try peer.map { try PeerProcess($0) }
    Output.line(
      "load in ms; evaluation in us, of input that is parsed, and from JSON to the answer")
    Output.line(
      RegoBench.row("case", ["engine", "load", "parsed", "JSON", "load /", "JSON /"]))
    var smallest: Double?
    for scenario in RegoScenario.all() where scenario.name.hasPrefix(only) {
      let (ours, others, answers) = try measure(scenario, peers)
      let (load, text) = (Figures.median(ours.load), Figures.median(ours.text))
      let typed = Figures.median(ours.typed)
      Output.line(RegoBench.row(scenario.name, ["this", ms(load), us(typed), us(text)]))
      for (number, peer) in peers.enumerated() {
        let (theirs, same) = (others[number], answers[number])
        Output.line(
          RegoBench.row(
            "",
            [
              peer.name, ms(Figures.median(theirs.load)), "", us(Figures.median(theirs.text)),
              same ? ratio(Figures.median(theirs.load), load) : "differs",
              same ? ratio(Figures.median(theirs.text), text) : "differs",
            ]))
      }
      if scenario.name == "four rules" { smallest = typed }
      if scenario.name == "10,000 rules", let smallest {
        Output.line(
          "  10,000 rules / four rules, parsed: \(String(format: "%.2f", typed / smallest))")
      }
    }
  }

  private static func row(_ name: String, _ columns: [String]) -> String {
    name.padding(toLength: 32, withPad: " ", startingAt: 0)
      + columns.map { String(repeating: " ", count: max(1, 11 - $0.count)) + $0 }.joined()
  }

  private func ms(_ nanoseconds: Double) -> String { String(format: "%.3f", nanoseconds / 1e6) }
  private func us(_ nanoseconds: Double) -> String { String(format: "%.3f", nanoseconds / 1e3) }
  private func ratio(_ theirs: Double, _ ours: Double) -> String {
    String(format: "%.1f", theirs / ours)
  }

  private func measure(
    _ scenario: RegoScenario, _ peers: [PeerProcess]
  ) throws -> (Figures, [Figures], [Bool]) {
    let dataBytes = Array(scenario.data.utf8)
    let data = try JSONParser.parse(dataBytes, limits: RegoBench.parsing)
    let file = SourceFile(name: "p.rego", text: Array(scenario.policy.utf8))
    let bytes = Array(scenario.input.utf8)
    let input = try JSONParser.parse(bytes)
    let value = Value(input)
    let request: JSONObject = JSONObject([
      JSONObject.Member(name: "policy", value: JSONValue(scenario.policy)),
      JSONObject.Member(name: "data", value: data),
      JSONObject.Member(name: "input", value: input),
      JSONObject.Member(name: "query", value: "data.agent.authz.allow"),
    ])
    var ours = Figures()
    var others = [Figures](repeating: Figures(), count: peers.count)
    var same = [Bool](repeating: true, count: peers.count)
    var counts = [Int](repeating: 0, count: peers.count)
    var loads = [Int](repeating: 0, count: peers.count)
    func load() throws -> CompiledPolicy {
      try CompiledPolicy(
        modules: [file], data: try Value(json: dataBytes, limits: RegoBench.parsing))
    }
    let policy = try load()
    let documents = policy.documents(at: RegoBench.query)
    let few = max(1, Int(2e7 / max(1, try RegoBench.time(1) { _ = try load() })))
    for _ in 0..<rounds {
      ours.load.append(try RegoBench.time(few) { _ = try load() })
      func evaluate() throws {
        _ = try policy.answers(documents, input: .value(value), limits: RegoBench.limits)
      }
      let answer = try policy.answers(
        documents, input: .value(value), limits: RegoBench.limits)[0]
      let once = try RegoBench.time(20, evaluate)
      let count = max(1, Int(5e7 / max(once, 1)))
      ours.typed.append(try RegoBench.time(count, evaluate))
      ours.text.append(
        try RegoBench.time(count) {
          _ = try policy.answers(
            documents, input: try EvaluationInput(json: bytes), limits: RegoBench.limits)
        })
      for (number, peer) in peers.enumerated() {
        let answered = try peer.ask(.object(request))
        same[number] = same[number] && answered["value"].map(Value.init) == answer.value
        let first = try RegoBench.cpu(peer, request, loads: 1, evaluations: 0)
        // What a process does once, it has done for the first.
        if loads[number] == 0 {
          let second = try RegoBench.cpu(peer, request, loads: 2, evaluations: 0) - first
          loads[number] = min(200, max(1, Int(5e7 / max(second, 1000))))
        }
        let more = try RegoBench.cpu(
          peer, request, loads: 1 + loads[number], evaluations: 0)
        others[number].load.append(max(0, more - first) / Double(loads[number]))
        if counts[number] == 0 {
          let few = try RegoBench.cpu(peer, request, loads: 1, evaluations: 5) - first
          counts[number] = min(20_000, max(3, Int(3e8 / max(few / 5, 1000))))
        }
        let many = try RegoBench.cpu(peer, request, loads: 1, evaluations: counts[number])
        others[number].text.append(max(0, many - first) / Double(counts[number]))
      }
    }
    return (ours, others, same)
  }

  private static func cpu(
    _ peer: PeerProcess, _ request: JSONObject, loads: Int, evaluations: Int
  ) throws -> Double {
    var request = request
    request["loads"] = JSONValue(Int64(loads))
    request["evaluations"] = JSONValue(Int64(evaluations))
    let start = peer.cpuNanoseconds
    _ = try peer.ask(.object(request))
    return peer.cpuNanoseconds - start
  }

  /// Nanoseconds of this process's CPU time for one run.
  private static func time(_ count: Int, _ body: () throws -> Void) rethrows -> Double {
    let start = clock()
    for _ in 0..<count { try body() }
    return (clock() - start) / Double(count)
  }

  private static func clock() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
  }
}
