/// Policies, data and inputs that engines are measured with.
struct RegoScenario {
  let name: String
  let policy: String
  let data: String
  let input: String

  static func all() -> [RegoScenario] {
    let data = grants(10_000)
    let last = input(id: "agent:009999", action: "act_49")
    return [
      RegoScenario(name: "four rules", policy: four, data: "{}", input: input()),
      RegoScenario(
        name: "four rules, deny", policy: four, data: "{}",
        input: input(role: "reviewer", action: "delete")),
      RegoScenario(
        name: "1,000 rules", policy: rules(1000), data: "{}",
        input: input(role: "role_999", action: "act_49", env: "env_5")),
      RegoScenario(
        name: "10,000 rules", policy: rules(10_000), data: "{}",
        input: input(role: "role_9999", action: "act_49", env: "env_3")),
      RegoScenario(name: "10,000 entries by key", policy: key, data: data, input: last),
      RegoScenario(name: "10,000 entries, some g in list", policy: scan, data: data, input: last),
      RegoScenario(
        name: "10,000 entries, no index",
        policy: scan.replacing("g.agent == input.agent.id", with: "[g.agent] == [input.agent.id]"),
        data: data, input: last),
    ]
  }

  static let four = """
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

  static func rules(_ count: Int) -> String {
    var text = "package agent.authz\n\ndefault allow = false\n\n"
    for number in 0..<count {
      text +=
        "allow if {\n\tinput.agent.role == \"role_\(number)\"\n\tinput.action == \"act_\(number % 50)\"\n\tinput.resource.env == \"env_\(number % 7)\"\n}\n\n"
    }
    return text
  }

  static let scan = """
    package agent.authz

    default allow = false

    allow if {
    \tsome g in data.grant_list
    \tg.agent == input.agent.id
    \tinput.action in g.actions
    \tinput.resource.env in g.envs
    }
    """

  static let key = """
    package agent.authz

    default allow = false

    allow if {
    \tg := data.grants[input.agent.id]
    \tinput.action in g.actions
    \tinput.resource.env in g.envs
    }
    """

  static func input(
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

  static func grants(_ count: Int) -> String {
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
}
