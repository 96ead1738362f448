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

  struct Enroll: SigningCommand {
    static let configuration = CommandConfiguration(
      abstract: "Enrol an operator by their public key.")

    @Argument(help: "user:NAME")
    var name: String

    @Option(
      name: .customLong("public"),
      help: "File with their public key, as `countersign key new` printed it.")
    var publicKey: String

    @Option(help: "Roles, comma-separated: viewer, approver, admin.")
    var roles: String = "approver"

    @Option(help: "Groups, comma-separated.")
    var groups: String?

    @Option(
      name: .customLong("group"),
      help: "A group from a time until another, as GROUP@FROM..UNTIL; repeat for more.")
    var timedGroups: [String] = []

    @Option(help: "What they may grant, as ACTION[,ACTION]@SCHEME://PATTERN; repeat for more.")
    var mayGrant: [String] = []

    @OptionGroup var change: ChangeOptions

    func perform() async throws {
      let key = try PublicKey(file: publicKey)
      let body = OperatorEnrolled(
        principal: try Parse.principal(name, .user), key: key, roles: try Parse.roles(roles),
        groups: try Parse.groups(groups, timedGroups), mayGrant: try mayGrant.map(Parse.capability))
      try change.sign(.operatorEnrolled(body), "enrolled \(name) with key \(key.fingerprint)")
    }
  }

  struct Update: SigningCommand {
    static let configuration = CommandConfiguration(
      abstract: "Change an operator's roles, groups or what they may grant; the rest stays.",
      discussion: """
        With --file, several operators in one change, so that one proposal signs a whole rota; YAML,
        what it leaves out of an operator stays:

          - operator: user:bob
            groups: [security, {group: sre, from: "2026-12-01T00:00:00Z", until: "2026-12-08T00:00:00Z"}]
          - operator: user:carol
            groups: [{group: sre, from: "2026-12-08T00:00:00Z", until: "2026-12-15T00:00:00Z"}]
        """)

    @Argument(help: "user:NAME")
    var name: String?

    @Option(help: "A YAML list of operators and what they are from now on.")
    var file: String?

    @Option(help: "Roles, comma-separated: viewer, approver, admin.")
    var roles: String?

    @Option(help: "Lasting groups, comma-separated; an empty text for none.")
    var groups: String?

    @Option(
      name: .customLong("group"),
      help: """
        A group from a time until another, as sre@2026-12-01T00:00:00Z..2026-12-08T00:00:00Z; either \
        may be missing; repeat for more. With --groups they replace all their groups; without it they \
        are added.
        """)
    var timedGroups: [String] = []

    @Option(help: "What they may grant; repeat for more. Replaces what they may grant now.")
    var mayGrant: [String] = []

    @Flag(help: "They may grant nothing.")
    var grantNothing = false

    @Flag(
      help: "Accept that as many admins are left as the quorum takes, with none to spare.")
    var noSpare = false

    @OptionGroup var change: ChangeOptions

    func perform() async throws {
      let ledger = try change.registry.ledger()
      let standings: [OperatorUpdated.Standing]
      switch (name, file) {
      case (let name?, nil): standings = [try standing(of: name, in: ledger)]
      case (nil, let file?):
        guard roles == nil, groups == nil, timedGroups.isEmpty, mayGrant.isEmpty, !grantNothing
        else { throw ValidationError("with --file, say there what to change") }
        standings = try Rota.read(file, in: ledger)
      default: throw ValidationError("name an operator, or give --file")
      }
      let names = standings.map(\.principal.description).joined(separator: ", ")
      try change.sign(
        .operatorUpdated(OperatorUpdated(standings, acceptsNoSpare: noSpare)), "updated \(names)",
        in: ledger)
    }

    private func standing(
      of name: String, in ledger: Ledger
    ) throws -> OperatorUpdated.Standing {
      let now = try Rota.record(of: try Parse.principal(name, .user), in: ledger)
      let timed = try Parse.groups(nil, timedGroups)
      // What has ended is not carried along.
      let today = Clock.system.now()
      let lasting = now.memberships.filter { $0.until.map { today < $0 } ?? true }
      return OperatorUpdated.Standing(
        principal: now.principal, roles: try roles.map(Parse.roles) ?? now.roles,
        groups: try groups.map { try Parse.groups($0, []) + timed } ?? lasting + timed,
        mayGrant: grantNothing
          ? [] : mayGrant.isEmpty ? now.mayGrant : try mayGrant.map(Parse.capability))
    }
  }

  struct Remove: SigningCommand {
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

    @Flag(
      help: "Accept that as many admins are left as the quorum takes, with none to spare.")
    var noSpare = false

    @OptionGroup var change: ChangeOptions

    func perform() async throws {
      let body = StatementBody.operatorRemoved(
        OperatorRemoved(
          principal: try Parse.principal(name, .user), reason: ByteString(reason),
          acceptsNoSpare: noSpare))
      let ledger = try change.registry.ledger()
      guard
        try change.preview(
          body, "remove \(name)", confirm: yes ? nil : name, dryRun: dryRun, in: ledger)
      else { return }
      try change.sign(body, "removed \(name)", in: ledger)
    }
  }

  struct RotateKey: SigningCommand {
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
      let key = try PublicKey(file: publicKey)
      let now = Clock.system.now()
      let body = OperatorKeyRotated(
        principal: try Parse.principal(name, .user), key: key,
        overlapUntil: try overlap.map { try Parse.time($0, from: now) })
      try change.sign(.operatorKeyRotated(body), "\(name) now has key \(key.fingerprint)")
    }
  }

  struct List: Subcommand {
    static let configuration = CommandConfiguration(
      abstract: "List operators, and who is on call now and next in groups with a rota.")

    @Flag(help: "Only the rotas: each group with who is on call now and who comes next.")
    var onCall = false

    @OptionGroup var registry: RegistryOptions
    @OptionGroup var list: ListOptions

    func perform() async throws {
      let rows = try registry.reading(list).read { try $0.operators() }
      let rotas = OnCall.rotas(of: rows, at: Clock.system.now())
      if onCall {
        if list.json { return Output.json(.array(rotas.map(\.json))) }
        return printed(rotas)
      }
      if list.json {
        Output.json(
          .array(
            rows.map {
              [
                "operator": JSONValue($0.principal), "key": JSONValue("ed25519:\($0.key.hex)"),
                "roles": .array($0.roles.split(separator: " ").map { JSONValue(String($0)) }),
                "groups": (try? JSONParser.parse(Array($0.groups.utf8))) ?? .null,
                "may_grant": (try? JSONParser.parse(Array($0.mayGrant.utf8))) ?? .null,
              ]
            }))
      } else {
        Output.table(
          ["OPERATOR", "KEY", "ROLES", "GROUPS", "MAY GRANT"],
          rows.map {
            [
              $0.principal, $0.key.short, $0.roles, GroupText.words($0.groups),
              CapabilityText.words($0.mayGrant),
            ]
          })
        if !rotas.isEmpty {
          Output.line()
          printed(rotas)
        }
      }
    }

    private func printed(_ rotas: [OnCall]) {
      if rotas.isEmpty { return Output.line("no group has a rota") }
      Output.table(
        ["GROUP", "ON CALL NOW", "NEXT"], rotas.map { [$0.group, $0.nowWords, $0.nextWords] })
    }
  }
}
