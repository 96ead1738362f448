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
    print("case                                load ms      ns/evaluation")
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
    let clock = ContinuousClock()
    let document = Value(try json(data))
    let file = SourceFile(name: "p.rego", text: Array(policy.utf8))
    var compiled: CompiledPolicy?
    var loads: [Duration] = []
    for _ in 0..<5 {
      loads.append(
        try clock.measure { compiled = try CompiledPolicy(modules: [file], data: document) })
    }
    guard let compiled else { return }
    let value = Value(try json(input))
    let limits = EvaluationLimits(steps: 20_000_000, bytes: 1 << 30)
    let answer = try compiled.answers(asked, value: value, limits: limits)[0]
    var times: [Double] = []
    var count = 1
    for round in 0..<6 {
      let time = try clock.measure {
        for _ in 0..<count { _ = try compiled.answers(asked, value: value, limits: limits) }
      }
      let each = Double(time.components.attoseconds) / 1e9 + Double(time.components.seconds) * 1e9
      if round > 0 { times.append(each / Double(count)) }
      if round == 0 { count = max(1, Int(1e8 / max(each, 1))) }
    }
    let load = loads.sorted()[2]
    let milliseconds =
      Double(load.components.attoseconds) / 1e15 + Double(load.components.seconds) * 1e3
    let shown = answer.value.map { "\($0)" } ?? "undefined"
    print(
      name.padding(toLength: 34, withPad: " ", startingAt: 0)
        + String(format: "%10.3f %18.0f", milliseconds, times.sorted()[times.count / 2])
        + "   \(shown)")
  }
}
