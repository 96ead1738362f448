import ArgumentParser
import Authority
import CanonicalJSON
import Decisions
import Delegations
import Keys
import Registry
import Statements

struct AgentCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "agent", abstract: "Register, change, retire, list and show agents.",
    subcommands: [
      Register.self, Update.self, Retire.self, List.self, Show.self, Can.self,
    ], defaultSubcommand: List.self)

  struct Register: SigningCommand {
    static let configuration = CommandConfiguration(abstract: "Register an agent (admin).")

    @Argument(help: "agent:NAME")
    var name: String

    @Option(help: "Who answers for it, as user:NAME. Default: you.")
    var owner: String?

    @Option(help: "Roles, comma-separated; policy sees them, the first as agent.role.")
    var roles: String

    @Option(name: .customLong("attribute"), help: "NAME=VALUE; repeat for more.")
    var attributes: [String] = []

    @Option(help: "Its SPIFFE id.")
    var spiffeId: String?

    @OptionGroup var change: ChangeOptions

    func perform() async throws {
      let ledger = try change.registry.ledger()
      let owner =
        try owner.map { try Parse.principal($0, .user) } ?? change.signer.principal(in: ledger)
      let body = AgentRegistered(
        agent: try Parse.principal(name, .agent), owner: owner, roles: Parse.list(roles),
        attributes: try Parse.object(attributes), spiffeID: spiffeId.map { ByteString($0) })
      try change.sign(.agentRegistered(body), "registered \(name), owner \(owner)", in: ledger)
    }
  }

  struct Update: SigningCommand {
    static let configuration = CommandConfiguration(
      abstract: "Change an agent's owner, roles or attributes (admin); the rest stays.",
      discussion: "Former owners stay excluded from approving what the agent does.")

    @Argument(help: "agent:NAME")
    var name: String

    @Option(help: "Who answers for it, as user:NAME.")
    var owner: String?

    @Option(help: "Roles, comma-separated.")
    var roles: String?

    @Option(
      name: .customLong("attribute"),
      help: "NAME=VALUE; repeat for more. Replaces all attributes it has.")
    var attributes: [String] = []

    @OptionGroup var change: ChangeOptions

    func perform() async throws {
      let ledger = try change.registry.ledger()
      let agent = try Parse.principal(name, .agent)
      guard let now = ledger.state.agents[agent]?.registered else {
        throw CommandFault("agent_unknown", "no agent \(name) is registered")
      }
      let body = AgentRegistered(
        agent: agent, owner: try owner.map { try Parse.principal($0, .user) } ?? now.owner,
        roles: roles.map { Parse.list($0) } ?? now.roles,
        attributes: attributes.isEmpty ? now.attributes : try Parse.object(attributes),
        spiffeID: now.spiffeID)
      try change.sign(.agentUpdated(body), "updated \(name)", in: ledger)
    }
  }

  struct Retire: SigningCommand {
    static let configuration = CommandConfiguration(
      abstract: "Retire an agent, permanently (admin); its open holds are voided.")

    @Argument(help: "agent:NAME")
    var name: String

    @Option(help: "Why.")
    var reason: String

    @Flag(help: "Only say what it would do.")
    var dryRun = false

    @Flag(help: "Do not ask.")
    var yes = false

    @OptionGroup var change: ChangeOptions

    func perform() async throws {
      let body = StatementBody.agentRetired(
        AgentRetired(agent: try Parse.principal(name, .agent), reason: ByteString(reason)))
      let ledger = try change.registry.ledger()
      guard
        try change.preview(
          body, "retire \(name)", confirm: yes ? nil : name, dryRun: dryRun, in: ledger)
      else { return }
      try change.sign(body, "retired \(name)", in: ledger)
    }
  }

  struct Can: Subcommand {
    static let configuration = CommandConfiguration(
      abstract: "What an agent can do now, and through whom.")

    @Argument(help: "agent:NAME")
    var name: String

    @Flag(help: "Each chain hop by hop: its verdict and what each hop narrows.")
    var chains = false

    @OptionGroup var registry: RegistryOptions
    @OptionGroup var list: ListOptions

    func perform() async throws {
      let ledger = try registry.ledger(.readOnly)
      let agent = try Parse.principal(name, .agent)
      let now = try ledger.now(.system)
      let ways = ledger.state.reach(of: agent, at: now)
      if chains || list.json { return ReachText.print(ways, json: list.json) }
      let policy = try ledger.database.read { try ledger.policyInForce($0) }
      ReachText.table(ways, at: now, in: ledger.state) { way in
        guard let (action, resource) = way.onlyAction else {
          return "by resource: countersign who ACTION RESOURCE"
        }
        return ReachText.approval(
          policy.map { way.answer(to: action, on: resource, in: ledger.state, by: $0, at: now) })
      }
    }
  }

  struct List: Subcommand {
    static let configuration = CommandConfiguration(abstract: "List agents.")

    @OptionGroup var registry: RegistryOptions
    @OptionGroup var list: ListOptions

    func perform() async throws {
      let rows = try registry.reading(list).read {
        try $0.agents(limit: .max, at: Clock.system.now())
      }
      if list.json {
        Output.json(.array(rows.map(\.json)))
      } else {
        Output.table(
          ["AGENT", "OWNER", "ROLES", "KEYS", "GRANTS", "PENDING", "LAST DECISION"],
          rows.map {
            [
              $0.principal, $0.owner, $0.roles, "\($0.activeKeys)/\($0.allKeys)", "\($0.grants)",
              "\($0.pending)", $0.lastDecision?.textToSeconds ?? "-",
            ]
          })
      }
    }
  }

  struct Show: Subcommand {
    static let configuration = CommandConfiguration(
      abstract: "Show one agent with its keys, grants and last decisions.")

    @Argument(help: "agent:NAME")
    var name: String

    @OptionGroup var registry: RegistryOptions
    @OptionGroup var list: ListOptions

    func perform() async throws {
      let now = Clock.system.now()
      let (agent, keys, grants, decisions) = try registry.reading(list).read {
        (
          try $0.agents(limit: .max, at: now).first { $0.principal == name },
          try $0.keys(holder: name), try $0.grants(holder: name),
          try $0.decisions(agent: name, limit: 20)
        )
      }
      guard let agent else { throw CommandFault("agent_unknown", "no agent \(name) is registered") }
      if list.json {
        Output.json([
          "agent": agent.json, "keys": .array(keys.map { $0.json(at: now) }),
          "grants": .array(grants.map(\.json)), "decisions": .array(decisions.map(\.json)),
        ])
        return
      }
      Output.line("\(agent.principal)  owner \(agent.owner)  roles \(agent.roles)")
      Output.line()
      Output.table(
        ["KEY", "STATUS", "ENROLLED", "EXPIRES"],
        keys.map {
          [
            "ed25519:\($0.fingerprint.hex)", $0.status(at: now), $0.received.minute,
            $0.notAfter?.minute ?? "-",
          ]
        })
      Output.line()
      Output.table(
        ["GRANT", "ISSUER", "CAPABILITIES", "STATUS"],
        grants.map {
          [$0.digest.hex, $0.issuer, $0.words, $0.revoked == nil ? "ok" : "revoked"]
        })
      Output.line()
      DecisionsCommand.print(decisions)
    }
  }
}

extension Reach {
  /// The one action on one resource that the grant gives, if it gives no pattern.
  fileprivate var onlyAction: (ByteString, ResourceURI)? {
    let capabilities = grant.terms.capabilities
    guard capabilities.count == 1, capabilities[0].actions.count == 1,
      capabilities[0].resources.count == 1, !capabilities[0].actions[0].text.contains("*"),
      !capabilities[0].resources[0].text.contains("*"),
      let resource = try? ResourceURI(capabilities[0].resources[0])
    else { return nil }
    return (capabilities[0].actions[0], resource)
  }
}

extension AgentRow {
  var json: JSONValue {
    let value: JSONValue = [
      "agent": JSONValue(principal), "owner": JSONValue(owner),
      "roles": .array(roles.split(separator: " ").map { JSONValue(String($0)) }),
      "keys_active": JSONValue(activeKeys), "keys": JSONValue(allKeys),
      "grants": JSONValue(grants), "pending": JSONValue(pending),
      "last_decision": lastDecision.json(\.json),
    ]
    return value.withoutNulls
  }
}

extension KeyRow {
  func json(at now: Timestamp) -> JSONValue {
    let value: JSONValue = [
      "key": JSONValue("ed25519:\(fingerprint.hex)"), "holder": JSONValue(holder),
      "status": JSONValue(status(at: now)), "enrolled_by": JSONValue(enrolledBy),
      "enrolled": received.json, "not_after": notAfter.json(\.json),
      "revoked": revoked.json(\.json), "reason": reason.json { JSONValue($0) },
    ]
    return value.withoutNulls
  }
}

extension GrantRow {
  private func parsed(_ text: String) -> JSONValue {
    (try? JSONParser.parse(Array(text.utf8))) ?? .null
  }

  var json: JSONValue {
    let value: JSONValue = [
      "grant": JSONValue(digest.hex), "issuer": JSONValue(issuer), "holder": JSONValue(holder),
      "parent": parent.json { JSONValue($0.hex) }, "capabilities": parsed(capabilities),
      "limits": parsed(limits), "issued": received.json, "revoked": revoked.json(\.json),
    ]
    return value.withoutNulls
  }

  /// As `deploy on prod://payments/**`.
  var words: String { CapabilityText.words(capabilities) }
}

enum CapabilityText {
  /// The JSON of some capabilities as `deploy on prod://payments/**`.
  static func words(_ json: String) -> String {
    let value = (try? JSONParser.parse(Array(json.utf8))) ?? .null
    return (value.array ?? []).compactMap { try? Capability($0, path: "") }.map(\.words)
      .joined(separator: "; ")
  }
}
