import CanonicalJSON
import Foundation
import Rego

/// How long the engine takes: loading, and one evaluation over an input that is parsed already.
enum PolicyBench {
  private static let four = """
    package agent.authz
    default allow = false
    allow if {
    input.agent.role == "reviewer"
    input.action == "comment"
    input.resource.type == "pull_request"
    }
    allow if {
    input.agent.role == "deployer"
    input.action == "deploy"
    input.resource.env == "staging"
    }
    require_approval if {
    input.action == "deploy"
    input.resource.env == "production"
    }
    """

  private static func rules(_ count: Int) -> String {
    var text = "package agent.authz\n\ndefault allow = false\n\n"
    for number in 0..<count {
      text +=
        "allow if {\n\tinput.agent.role == \"role_\(number)\"\n\tinput.action == \"act_\(number % 50)\"\n\tinput.resource.env == \"env_\(number % 7)\"\n}\n\n"
    }
    return text
  }

  private static let scan = """
    package agent.authz

    default allow = false

    allow if {
    \tsome g in data.grant_list
    \tg.agent == input.agent.id
    \tinput.action in g.actions
    \tinput.resource.env in g.envs
    }
    """

  private static let key = """
    package agent.authz

    default allow = false

    allow if {
    \tg := data.grants[input.agent.id]
    \tinput.action in g.actions
    \tinput.resource.env in g.envs
    }
    """

  private static func input(
    id: String = "agent:code-reviewer:ed25519:9f3c0a1b2c3d4e5f", role: String = "deployer",
    action: String = "deploy", env: String = "staging"
  ) -> String {
    """
    {"agent":{"id":"\(id)","role":"\(role)","status":"active","owner":"user:sre-oncall","labels":["ci","prod"]},\
    "action":"\(action)","resource":{"type":"service","env":"\(env)","uri":"mcp://deploy/service/payments"},\
    "delegation_chain":[{"sub":"user:sre-oncall","scope":["deploy","comment"],"exp":1790000000},\
    {"sub":"agent:incident-coordinator","scope":["deploy"],"exp":1790000000},\
    {"sub":"agent:code-reviewer","scope":["deploy"],"exp":1790000000}],\
    "authenticated":true,"timestamp":"2026-03-28T10:15:21Z","request_id":"01J9Z7Q4W6V3N2M1K0"}
    """
  }

  private static func grants(_ count: Int) -> String {
    let members = (0..<count).map { number in
      let id = "agent:" + String(repeating: "0", count: 6 - String(number).count) + String(number)
      return (
        id,
        "\"role\":\"role_\(number % 20)\",\"actions\":[\"read\",\"comment\",\"act_\(number % 50)\"],\"envs\":[\"staging\",\"env_\(number % 7)\"]"
      )
    }
    let object = members.map { "\"\($0.0)\":{\($0.1)}" }.joined(separator: ",")
    let list = members.map { "{\"agent\":\"\($0.0)\",\($0.1)}" }.joined(separator: ",")
    return "{\"grants\":{\(object)},\"grant_list\":[\(list)]}"
  }

  private static func json(_ text: String) throws -> JSONValue {
    try JSONParser.parse(
      Array(text.utf8), limits: JSONParser.Limits(bytes: 64 << 20, depth: 64))
  }

  /// Only cases whose names begin so; nil: all.
  private static let only = CommandLine.arguments.dropFirst(2).first

  static func run() throws {
    let asked: [[ByteString]] = [["agent", "authz", "allow"]]
    // CPU time, medians.
    print("case                                load ms     ns typed   ns of JSON")
    try row("four rules", four, "{}", input(), asked)
    try row("four rules, deny", four, "{}", input(role: "reviewer", action: "delete"), asked)
    try row(
      "1,000 rules", rules(1000), "{}",
      input(role: "role_999", action: "act_49", env: "env_5"), asked)
    try row(
      "10,000 rules", rules(10_000), "{}",
      input(role: "role_9999", action: "act_49", env: "env_3"), asked)
    let data = grants(10_000)
    let last = input(id: "agent:009999", action: "act_49")
    try row("10,000 entries by key", key, data, last, asked)
    try row("10,000 entries, some g in list", scan, data, last, asked)
    try row(
      "10,000 entries, no index",
      scan.replacingOccurrences(
        of: "g.agent == input.agent.id", with: "[g.agent] == [input.agent.id]"), data, last,
      asked)
  }

  private static func row(
    _ name: String, _ policy: String, _ data: String, _ input: String, _ asked: [[ByteString]]
  ) throws {
    if let only, !name.hasPrefix(only) { return }
    let document = Value(try json(data))
    let file = SourceFile(name: "p.rego", text: Array(policy.utf8))
    var compiled: CompiledPolicy?
    let load = try median(of: 5, count: 1) {
      compiled = try CompiledPolicy(modules: [file], data: document)
    }
    guard let compiled else { return }
    let value = Value(try json(input))
    let bytes = Array(input.utf8)
    let limits = EvaluationLimits(steps: 20_000_000, bytes: 1 << 30)
    let answer = try compiled.answers(asked, value: value, limits: limits)[0]
    let once = try median(of: 1, count: 1) {
      _ = try compiled.answers(asked, value: value, limits: limits)
    }
    let count = max(1, Int(1e8 / max(once, 1)))
    let typed = try median(of: 5, count: count) {
      _ = try compiled.answers(asked, value: value, limits: limits)
    }
    let whole = try median(of: 5, count: count) {
      _ = try compiled.answers(asked, input: try JSONParser.parse(bytes), limits: limits)
    }
    let shown = answer.value.map { "\($0)" } ?? "undefined"
    print(
      name.padding(toLength: 34, withPad: " ", startingAt: 0)
        + String(format: "%10.3f %12.0f %12.0f", load / 1e6, typed, whole) + "   \(shown)")
  }

  /// Nanoseconds of this process's CPU time for one run, the median of several rounds.
  private static func median(
    of rounds: Int, count: Int, _ body: () throws -> Void
  ) rethrows -> Double {
    var times: [Double] = []
    for _ in 0..<rounds {
      let start = clock()
      for _ in 0..<count { try body() }
      times.append((clock() - start) / Double(count))
    }
    return times.sorted()[times.count / 2]
  }

  private static func clock() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
  }
}
