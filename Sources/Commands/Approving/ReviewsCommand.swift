import ArgumentParser
import Authority
import CanonicalJSON
import Keys
import Registry
import Statements

struct ReviewsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reviews",
    abstract: "What operators still have to review: break-glass use, what compromised keys did.",
    subcommands: [List.self, Complete.self], defaultSubcommand: List.self)

  struct List: Subcommand {
    static let configuration = CommandConfiguration(abstract: "List reviews owed, oldest first.")

    @Flag(help: "Completed ones too.")
    var all = false

    @OptionGroup var registry: RegistryOptions
    @OptionGroup var list: ListOptions

    func perform() async throws {
      let rows = try registry.reading(list).read {
        try $0.reviews(all: all)
      }
      if list.json {
        Output.json(
          .array(
            rows.map {
              let value: JSONValue = [
                "subject": JSONValue($0.subject.hex), "log_index": JSONValue($0.index),
                "kind": JSONValue($0.kind), "who": JSONValue($0.who),
                "because": JSONValue($0.because), "received": $0.received.json,
                "completed": $0.completed.json(\.json),
                "outcome": $0.outcome.json { JSONValue($0) },
                "reviewer": $0.reviewer.json { JSONValue($0) },
              ]
              return value.withoutNulls
            }))
      } else {
        Output.table(
          ["SUBJECT", "ENTRY", "WHAT", "WHO", "BECAUSE", "RECEIVED", "OUTCOME"],
          rows.map { row in
            [
              String(row.subject.hex.prefix(12)), "#\(row.index)", row.kind, row.who, row.because,
              row.received.minute,
              row.outcome.map { "\($0) by \(row.reviewer ?? "")" } ?? "owed",
            ]
          })
      }
    }
  }

  struct Complete: Subcommand {
    static let configuration = CommandConfiguration(
      abstract: "Sign that you have looked at it, and what you found.")

    @Argument(help: "The subject's digest, or its first digits.")
    var subject: String

    @Option(help: "justified or unjustified.")
    var outcome: String

    @Option(help: "What you found.")
    var note: String

    @OptionGroup var change: ChangeOptions

    func perform() async throws {
      guard let outcome = ReviewCompleted.Outcome(rawValue: outcome) else {
        throw ValidationError("--outcome is justified or unjustified")
      }
      let ledger = try change.registry.ledger()
      let rows = try ledger.database.read { try $0.reviews(all: true) }
      let digest = try Parse.digest(subject, among: rows.map(\.subject), what: "review")
      guard let row = rows.first(where: { $0.subject == digest }) else {
        throw CommandFault("review_unknown", "no review of \(subject) is owed")
      }
      let body = ReviewCompleted(
        subject: digest, index: row.kind == "broken_glass" ? nil : Int64(row.index),
        outcome: outcome, note: ByteString(note))
      try change.sign(
        .reviewCompleted(body), "reviewed \(digest.hex): \(outcome.rawValue)", in: ledger)
    }
  }
}
