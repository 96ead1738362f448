import ArgumentParser
import Authority
import CanonicalJSON
import Decisions
import Keys
import Registry
import Statements

struct OperatorCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "operator",
    abstract: "Enrol, change, remove and list operators (changes take the admin quorum).",
    subcommands: [Enroll.self, Update.self, Remove.self, RotateKey.self, List.self],
    defaultSubcommand: List.self)

  struct Enroll: Subcommand {
    static let configuration = CommandConfiguration(
      abstract: "Enrol an operator by their public key.")

    @Argument(help: "user:NAME")
    var name: String

    @Option(
      name: .customLong("public"),
      help: "File with their public key, as `countersign key new` printed it.")
    var publicKey: String

    @Option(help: "Roles, parted by commas: viewer, approver, admin.")
    var roles: String = "approver"

    @Option(help: "Groups, parted by commas.")
    var groups: String?

    @Option(help: "What they may grant, as ACTION[,ACTION]@SCHEME://PATTERN; repeat for more.")
    var mayGrant: [String] = []

    @OptionGroup var change: ChangeOptions

    func perform() async throws {
      let key = try PublicKey(text: try KeyFile.readPublic(publicKey))
      let body = OperatorEnrolled(
        principal: try Parse.principal(name, .user), key: key, roles: try Parse.roles(roles),
        groups: Parse.list(groups), mayGrant: try mayGrant.map(Parse.capability))
      try change.sign(.operatorEnrolled(body), "enrolled \(name) with key \(key.fingerprint)")
    }
  }

  struct Update: Subcommand {
    static let configuration = CommandConfiguration(
      abstract: "Change an operator's roles, groups or what they may grant; the rest stays.")

    @Argument(help: "user:NAME")
    var name: String

    @Option(help: "Roles, parted by commas: viewer, approver, admin.")
    var roles: String?

    @Option(help: "Groups, parted by commas; an empty text for none.")
    var groups: String?

    @Option(help: "What they may grant; repeat for more. Replaces what they may grant now.")
    var mayGrant: [String] = []

    @Flag(help: "They may grant nothing.")
    var grantNothing = false

    @OptionGroup var change: ChangeOptions

    func perform() async throws {
      let principal = try Parse.principal(name, .user)
      let ledger = try change.registry.ledger()
      guard let now = ledger.state.operators[principal] else {
        throw CommandFault("operator_unknown", "no operator \(name) is enrolled")
      }
      let body = OperatorUpdated(
        principal: principal, roles: try roles.map(Parse.roles) ?? now.roles,
        groups: groups.map { Parse.list($0) } ?? now.groups,
        mayGrant: grantNothing
          ? [] : mayGrant.isEmpty ? now.mayGrant : try mayGrant.map(Parse.capability))
      try change.sign(.operatorUpdated(body), "updated \(name)", in: ledger)
    }
  }

  struct Remove: Subcommand {
    static let configuration = CommandConfiguration(
      abstract: "Remove an operator; grants and votes of theirs stand no longer.")

    @Argument(help: "user:NAME")
    var name: String

    @Option(help: "Why.")
    var reason: String

    @Flag(help: "Only say what it would do.")
    var dryRun = false

    @Flag(help: "Do not ask.")
    var yes = false

    @OptionGroup var change: ChangeOptions

    func perform() async throws {
      let body = StatementBody.operatorRemoved(
        OperatorRemoved(
          principal: try Parse.principal(name, .user), reason: ByteString(reason)))
      let ledger = try change.registry.ledger()
      guard
        try change.preview(
          body, "remove \(name)", confirm: yes ? nil : name, dryRun: dryRun, in: ledger)
      else { return }
      try change.sign(body, "removed \(name)", in: ledger)
    }
  }

  struct RotateKey: Subcommand {
    static let configuration = CommandConfiguration(
      abstract: "Give an operator a new key; what the old one signed stays good.")

    @Argument(help: "user:NAME")
    var name: String

    @Option(name: .customLong("public"), help: "File with the new public key.")
    var publicKey: String

    @Option(help: "Until when the old key still signs: a time, or a span from now like 7d.")
    var overlap: String?

    @OptionGroup var change: ChangeOptions

    func perform() async throws {
      let key = try PublicKey(text: try KeyFile.readPublic(publicKey))
      let now = Clock.system.now()
      let body = OperatorKeyRotated(
        principal: try Parse.principal(name, .user), key: key,
        overlapUntil: try overlap.map { try Parse.time($0, from: now) })
      try change.sign(.operatorKeyRotated(body), "\(name) now has key \(key.fingerprint)")
    }
  }

  struct List: Subcommand {
    static let configuration = CommandConfiguration(abstract: "List operators.")

    @OptionGroup var registry: RegistryOptions
    @OptionGroup var list: ListOptions

    func perform() async throws {
      let rows = try registry.reading().read { try $0.operators() }
      if list.json {
        Output.json(
          .array(
            rows.map {
              [
                "operator": JSONValue($0.principal), "key": JSONValue("ed25519:\($0.key.hex)"),
                "roles": .array($0.roles.split(separator: " ").map { JSONValue(String($0)) }),
                "groups": .array($0.groups.split(separator: " ").map { JSONValue(String($0)) }),
                "may_grant": (try? JSONParser.parse(Array($0.mayGrant.utf8))) ?? .null,
              ]
            }))
      } else {
        Output.table(
          ["OPERATOR", "KEY", "ROLES", "GROUPS", "MAY GRANT"],
          rows.map {
            [
              $0.principal, $0.key.short, $0.roles, $0.groups,
              CapabilityText.words($0.mayGrant),
            ]
          })
      }
    }
  }
}
