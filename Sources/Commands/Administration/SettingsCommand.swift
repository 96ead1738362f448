import ArgumentParser
import Authority
import CanonicalJSON
import Decisions
import Registry
import Statements

struct SettingsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "settings",
    abstract: "What holds for the whole registry (a change takes the admin quorum).",
    subcommands: [Show.self, Change.self], defaultSubcommand: Show.self)

  struct Show: Subcommand {
    static let configuration = CommandConfiguration(abstract: "Show the settings.")

    @OptionGroup var registry: RegistryOptions
    @OptionGroup var list: ListOptions

    func perform() async throws {
      let ledger = try registry.ledger(.readOnly)
      guard let settings = ledger.state.registry else {
        throw AuthorityFault.empty(path: registry.path)
      }
      if list.json {
        Output.json([
          "id": JSONValue(settings.id), "name": JSONValue(settings.name),
          "rules": JSONValue(settings.rules),
          "admin_quorum": JSONValue(settings.adminQuorum), "solo": .bool(settings.isSolo),
          "admins": .array(ledger.state.admins.map(\.json)),
          "approval_default": settings.approvalDefault.json,
        ])
        return
      }
      Output.line("id        \(settings.id.text)")
      Output.line("name      \(settings.name.text)")
      Output.line("rules     version \(settings.rules)")
      Output.line(
        "quorum    \(settings.adminQuorum) of \(ledger.state.admins.count) admins: "
          + ledger.state.admins.map(\.description).joined(separator: ", "))
      Output.line("solo      \(settings.isSolo ? "YES: operators may approve their own" : "no")")
      Output.line("approval  \(settings.approvalDefault.json.shownText)")
    }
  }

  struct Change: SigningCommand {
    static let configuration = CommandConfiguration(abstract: "Change settings; the rest stays.")

    @Option(help: "The display name.")
    var name: String?

    @Option(help: "How many admins a change of trust takes.")
    var adminQuorum: Int64?

    @Option(help: "true or false: whether operators may approve what runs under their own grants.")
    var solo: Bool?

    @Option(help: "The approval rule that holds where a policy gives none, as JSON.")
    var approvalDefault: String?

    @Option(
      help: "The version of the rules from then on; this countersign knows \(RulesVersion.newest).")
    var rules: Int64?

    @Flag(
      help: "Accept an admin quorum of all admins: one away, and nobody can change who is trusted.")
    var noSpare = false

    @OptionGroup var change: ChangeOptions

    func perform() async throws {
      let rule = try approvalDefault.map {
        try ApprovalRule(try JSONParser.parse(Array($0.utf8)), path: "approval_default")
      }
      guard name != nil || adminQuorum != nil || solo != nil || rule != nil || rules != nil
      else {
        throw ValidationError("name what to change")
      }
      try change.sign(
        .settingsChanged(
          SettingsChanged(
            name: name.map { ByteString($0) }, adminQuorum: adminQuorum, approvalDefault: rule,
            isSolo: solo, rules: rules, acceptsNoSpare: noSpare)), "changed the settings")
    }
  }
}
