import ArgumentParser
import Authority
import CanonicalJSON
import Decisions
import Delegations
import Enforcement
import Keys
import Registry
import Statements

struct GrantCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "grant", abstract: "Issue, list, show and revoke grants.",
    subcommands: [Issue.self, List.self, Show.self, Revoke.self], defaultSubcommand: List.self)

  struct Issue: SigningCommand {
    static let configuration = CommandConfiguration(
      abstract: "Give an agent authority, from what you may grant or from a grant of your own.")

    @Argument(help: "agent:NAME, who receives it.")
    var holder: String

    @Option(help: "ACTION[,ACTION]@SCHEME://PATTERN; repeat for more.")
    var can: [String]

    @Option(help: "Hops still allowed below.")
    var maxDepth: Int64 = 0

    @Option(help: "How often it may be used.")
    var maxUses: Int64?

    @Option(help: "When it begins: a time, or a span from now.")
    var from: String?

    @Option(help: "When it ends: a time, or a span from now like 30d.")
    var until: String?

    @Option(help: "Services at which it counts, comma-separated. Default: every one.")
    var audiences: String?

    @Option(help: "The parent grant, when an agent delegates.")
    var parent: String?

    @Option(help: "Issue as this agent, with --agent-key.")
    var asAgent: String?

    @Option(help: "The issuing agent's key, PKCS#8 PEM.")
    var agentKey: String?

    @Option(help: "With --as-agent: through the daemon at this socket, without the registry.")
    var socket: String?

    @OptionGroup var change: ChangeOptions

    func perform() async throws {
      if let asAgent, let agentKey {
        let agent = try Parse.principal(asAgent, .agent)
        let key = try PrivateKeyPEM.read(agentKey)
        if let socket { return try await issue(as: agent, key, through: socket) }
        let ledger = try change.registry.ledger()
        let signed = try ledger.sign(
          try body(in: ledger), by: agent, key: key, clock: .system)
        return report(signed.digest, signed.index)
      }
      let ledger = try change.registry.ledger()
      let opened = try change.signer.open(in: ledger)
      let signed = try ledger.sign(
        try body(in: ledger), by: opened.principal, key: opened, clock: .system)
      report(signed.digest, signed.index)
    }

    private func report(_ digest: Digest, _ index: UInt64) {
      if change.list.json {
        Output.json([
          "grant": JSONValue(digest.hex), "holder": JSONValue(holder),
          "log_index": JSONValue(index),
        ])
      } else {
        Output.line(digest.hex)
        Output.note("issued to \(holder)  entry #\(index)")
      }
    }

    private func body(in ledger: Ledger?) throws -> StatementBody {
      let now = Clock.system.now()
      let parent = try parent.map { text in
        try ledger.map { try Parse.digest(text, among: $0.state.grants, what: "grant") }
          ?? Parse.digest(text)
      }
      return .grantIssued(
        GrantIssued(
          holder: try Parse.principal(holder, .agent), capabilities: try can.map(Parse.capability),
          limits: GrantLimits(
            notBefore: try from.map { try Parse.time($0, from: now) },
            notAfter: try until.map { try Parse.time($0, from: now) }, maxDepth: maxDepth,
            maxUses: maxUses, audiences: Parse.list(audiences)),
          parent: parent))
    }

    private func issue(
      as agent: Principal, _ key: borrowing SigningKey, through socket: String
    ) async throws {
      let client = AgentClient(socket: socket)
      let head = try await client.head()
      let draft = try StatementDraft(
        StatementHeader(
          at: Clock.system.now(), head: head.head,
          id: ByteString(Hexadecimal.text(of: SecureRandom.bytes(16))),
          registry: head.registry, signer: agent), try body(in: nil))
      let index = try await client.submit(try draft.signed(by: key))
      report(draft.digest, index)
    }
  }

  struct List: Subcommand {
    static let configuration = CommandConfiguration(abstract: "List grants.")

    @Option(help: "Only this agent's.")
    var holder: String?

    @OptionGroup var registry: RegistryOptions
    @OptionGroup var list: ListOptions

    func perform() async throws {
      let rows = try registry.reading(list).read {
        try $0.grants(holder: holder)
      }
      if list.json {
        Output.json(.array(rows.map(\.json)))
      } else {
        Output.table(
          ["GRANT", "ISSUER", "HOLDER", "PARENT", "CAPABILITIES", "STATUS"],
          rows.map {
            [
              $0.digest.hex, $0.issuer, $0.holder, $0.parent?.short ?? "-", $0.words,
              $0.revoked == nil ? "not revoked" : "revoked",
            ]
          })
      }
    }
  }

  struct Show: Subcommand {
    static let configuration = CommandConfiguration(
      abstract: "Show a grant's chain hop by hop: verdict, what each narrows, other ways.",
      discussion: "Hops are counted from 0, the grant that a user: issued.")

    @Argument(help: "The grant's digest, or its first digits.")
    var grant: String

    @OptionGroup var registry: RegistryOptions
    @OptionGroup var list: ListOptions

    func perform() async throws {
      let ledger = try registry.ledger(.readOnly)
      let digest = try Parse.digest(grant, among: ledger.state.grants, what: "grant")
      let now = try ledger.now(.system)
      guard let holder = ledger.state.grants[digest]?.terms.holder,
        let reach = ledger.state.reach(of: holder, at: now).first(where: {
          $0.grant.digest == digest
        })
      else { throw CommandFault("grant_unknown", "no grant \(grant) is on record") }
      let others = ledger.state.reach(of: holder, at: now).filter {
        $0.grant.digest != digest && $0.isUsable
      }
      if list.json {
        Output.json([
          "chain": reach.json, "other_ways": .array(others.map { JSONValue($0.grant.digest.hex) }),
        ])
        return
      }
      ReachText.print([reach], json: false)
      for other in others {
        Output.line("also reachable via \(other.grant.digest.hex)  \(other.summary)")
      }
    }
  }

  struct Revoke: SigningCommand {
    static let configuration = CommandConfiguration(
      abstract: "Revoke a grant and all grants under it.")

    @Argument(help: "The grant's digest, or its first digits.")
    var grant: String

    @Option(help: "Why.")
    var reason: String

    @Flag(help: "Only say what it would do.")
    var dryRun = false

    @Flag(help: "Do not ask.")
    var yes = false

    @OptionGroup var change: ChangeOptions

    func perform() async throws {
      let ledger = try change.registry.ledger()
      let digest = try Parse.digest(grant, among: ledger.state.grants, what: "grant")
      let body = StatementBody.grantRevoked(
        GrantRevoked(grant: digest, reason: ByteString(reason)))
      guard
        try change.preview(
          body, "revoke grant \(digest.hex)", confirm: yes ? nil : digest.short, dryRun: dryRun,
          in: ledger)
      else { return }
      try change.sign(body, "revoked grant \(digest.hex)", in: ledger)
    }
  }
}
