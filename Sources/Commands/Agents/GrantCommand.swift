import ArgumentParser
import Authority
import CanonicalJSON
import Keys
import Registry
import Statements

struct GrantCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "grant", abstract: "Issue, list and revoke grants.",
    subcommands: [Issue.self, List.self, Revoke.self], defaultSubcommand: List.self)

  struct Issue: Subcommand {
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

    @Option(help: "The grant it hangs from (64 digits), when an agent passes authority on.")
    var parent: String?

    @Option(help: "Issue as this agent, with --agent-key.")
    var asAgent: String?

    @Option(help: "The issuing agent's key, PKCS#8 PEM.")
    var agentKey: String?

    @OptionGroup var registry: RegistryOptions
    @OptionGroup var signer: OperatorOptions

    func perform() async throws {
      let now = Clock.system.now()
      let body = StatementBody.grantIssued(
        GrantIssued(
          holder: try Parse.principal(holder, .agent), capabilities: try can.map(Parse.capability),
          limits: GrantLimits(
            notBefore: try from.map { try Parse.time($0, from: now) },
            notAfter: try until.map { try Parse.time($0, from: now) }, maxDepth: maxDepth,
            maxUses: maxUses),
          parent: try parent.map(Parse.digest)))
      let result: (digest: Digest, index: UInt64)
      if let asAgent, let agentKey {
        let key = try PrivateKeyPEM.read(agentKey)
        result = try registry.ledger().sign(
          body, by: try Parse.principal(asAgent, .agent), key: key, clock: .system)
      } else {
        result = try sign(body, registry, signer)
      }
      Output.line("\(result.digest.hex)")
      Output.note("issued to \(holder)  entry #\(result.index)")
    }
  }

  struct List: Subcommand {
    static let configuration = CommandConfiguration(abstract: "List grants.")

    @Option(help: "Only this agent's.")
    var holder: String?

    @OptionGroup var registry: RegistryOptions
    @OptionGroup var list: ListOptions

    func perform() async throws {
      let rows = try RegistryDatabase(registry.path, access: .readOnly).read {
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
              $0.revoked == nil ? "ok" : "revoked",
            ]
          })
      }
    }
  }

  struct Revoke: Subcommand {
    static let configuration = CommandConfiguration(
      abstract: "End a grant and all that hangs from it.")

    @Argument(help: "The grant (64 digits).")
    var grant: String

    @Option(help: "Why.")
    var reason: String

    @OptionGroup var registry: RegistryOptions
    @OptionGroup var signer: OperatorOptions

    func perform() async throws {
      let body = GrantRevoked(grant: try Parse.digest(grant), reason: ByteString(reason))
      let result = try sign(.grantRevoked(body), registry, signer)
      Output.line("revoked grant \(grant)  entry #\(result.index)")
    }
  }
}
