import ArgumentParser
import Authority
import CanonicalJSON
import Console
import Decisions
import Keys
import Registry
import Statements

struct LockCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lock",
    abstract: "Stop an agent, a key, a resource pattern or everything, until it is lifted.",
    subcommands: [Place.self, Lift.self, List.self], defaultSubcommand: List.self)

  struct Place: SigningCommand {
    static let configuration = CommandConfiguration(
      abstract: "Place a lock (approver or admin); it counts for the next decision.",
      discussion: """
        The target is agent:NAME, a key's fingerprint, SCHEME://PATTERN, or the word everything.
        The key of another operator, or of a service, takes an admin, and the lock must end within an
        hour. An admin holds one such lock at a time; within 24 hours of a lock of a key, locking it
        again takes a second admin, and is a proposal. Your own key you may lock for up to a day.
        """)

    @Argument(help: "agent:NAME, a key, SCHEME://PATTERN, or everything.")
    var target: String

    @Option(help: "Why.")
    var reason: String

    @Option(help: "When it ends: a time, or a span from now like 4h. Default: when it is lifted.")
    var until: String?

    @Flag(help: "Only say what it would do.")
    var dryRun = false

    @Flag(help: "Do not ask.")
    var yes = false

    @OptionGroup var change: ChangeOptions

    func perform() async throws {
      let ledger = try change.registry.ledger()
      let body = StatementBody.lockPlaced(
        LockPlaced(
          target: try target(in: ledger), reason: ByteString(reason),
          until: try until.map { try Parse.time($0, from: Clock.system.now()) }))
      guard
        try change.preview(
          body, "lock \(target)", confirm: yes ? nil : "lock", dryRun: dryRun, in: ledger)
      else { return }
      try change.sign(body, "locked \(target)", in: ledger)
    }

    private func target(in ledger: Ledger) throws -> LockTarget {
      if target == "everything" { return .everything }
      if target.contains("://") { return .resource(ByteString(target)) }
      if target.hasPrefix("agent:") { return .agent(try Parse.principal(target, .agent)) }
      return .key(try KeyChoice.find(target, in: ledger))
    }
  }

  struct Lift: SigningCommand {
    static let configuration = CommandConfiguration(
      abstract: "Lift a lock (approver or admin); lifting everything takes the admin quorum.")

    @Argument(help: "The lock's digest or its first digits, or its target.")
    var lock: String

    @Option(help: "Why.")
    var reason: String

    @OptionGroup var change: ChangeOptions

    func perform() async throws {
      let ledger = try change.registry.ledger()
      let now = Clock.system.now()
      let named = ledger.state.locks.values.filter {
        $0.isInForce(at: now) && $0.placed.target.words == lock
      }
      guard named.count < 2 else {
        throw CommandFault(
          "lock_ambiguous",
          "\(lock) could be: " + named.map(\.digest.hex).sorted().joined(separator: ", "))
      }
      let digest =
        try named.first?.digest
        ?? Parse.digest(lock, among: ledger.state.locks.keys, what: "lock")
      try change.sign(
        .lockLifted(LockLifted(lock: digest, reason: ByteString(reason))),
        "lifted lock \(digest.hex)", in: ledger)
    }
  }

  struct List: Subcommand {
    static let configuration = CommandConfiguration(abstract: "List locks.")

    @Flag(help: "Lifted and ended ones too.")
    var all = false

    @OptionGroup var registry: RegistryOptions
    @OptionGroup var list: ListOptions

    func perform() async throws {
      let now = Clock.system.now()
      let rows = try registry.reading(list).read { try $0.locks() }
        .filter { all || $0.status(at: now) == "in force" }
      if list.json {
        Output.json(
          .array(
            rows.map {
              let value: JSONValue = [
                "lock": JSONValue($0.digest.hex),
                "target": (try? JSONParser.parse(Array($0.target.utf8))) ?? .null,
                "reason": JSONValue($0.reason), "until": $0.until.json(\.json),
                "placed_by": JSONValue($0.placer), "placed": $0.received.json,
                "status": JSONValue($0.status(at: now)),
              ]
              return value.withoutNulls
            }))
      } else {
        Output.table(
          ["LOCK", "TARGET", "STATUS", "UNTIL", "BY", "REASON"],
          rows.map {
            [
              String($0.digest.hex.prefix(12)), LockText.words($0.target), $0.status(at: now),
              $0.until?.minute ?? "until lifted", $0.placer, $0.reason,
            ]
          })
      }
    }
  }
}

enum LockText {
  static func words(_ json: String) -> String {
    guard let value = try? JSONParser.parse(Array(json.utf8)) else { return json }
    return value["value"]?.string?.text ?? "everything"
  }

  /// What is locked, to jump to.
  static func target(_ json: String) -> Target? {
    guard let value = try? JSONParser.parse(Array(json.utf8)),
      let text = value["value"]?.string?.text
    else { return nil }
    switch value["kind"]?.string?.text {
    case "agent": return .agent(text)
    case "key": return Digest(hex: text.utf8).map(Target.key)
    default: return nil
    }
  }
}
