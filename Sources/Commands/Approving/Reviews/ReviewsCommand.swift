import ArgumentParser
import Authority
import CanonicalJSON
import Keys
import Registry
import Statements

struct ReviewsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reviews",
    abstract:
      "What operators still have to look at: break-glass use, what compromised keys signed.",
    subcommands: [List.self, Show.self, Complete.self], defaultSubcommand: List.self)

  /// The command line that completes a group.
  static func command(_ group: ReviewGroup) -> [String] {
    ["reviews", "complete"]
      + (group.rows.count == 1
        ? [group.rows[0].subject.hex] : ["--group", String(group.id.hex.prefix(16))])
      + ["--outcome", "FINDING", "--note", "..."]
  }

  /// A group that is due, by the first digits of its name.
  static func group(
    _ text: String, in transaction: RegistryTransaction
  ) throws -> ReviewGroup {
    let groups = try transaction.reviewGroups(all: false)
    let id = try Parse.digest(text, among: groups.map(\.id), what: "review_group")
    guard let group = groups.first(where: { $0.id == id }) else {
      throw CommandFault("review_group_unknown", "no reviews of group \(text) are due")
    }
    return group
  }

  struct List: Subcommand {
    static let configuration = CommandConfiguration(
      abstract: "List reviews due, oldest first, in groups of the same agent, action and resource.",
      discussion: """
        At most \(ReviewGroup.readAtOnce) reviews are read at once, shared among the compromised keys; \
        a count that ends in + has more, which follow when these are completed.
        """)

    @Flag(help: "Completed ones too.")
    var all = false

    @Flag(help: "Every statement in a row of its own.")
    var each = false

    @OptionGroup var registry: RegistryOptions
    @OptionGroup var list: ListOptions

    func perform() async throws {
      let groups = try registry.reading(list).read { try $0.reviewGroups(all: all) }
      if list.json {
        Output.json(.array(each ? groups.flatMap { $0.rows.map(\.json) } : groups.map(\.json)))
      } else if each {
        Output.table(
          ["SUBJECT", "ENTRY", "KIND", "BY", "ACTION", "BECAUSE", "RECEIVED", "FINDING"],
          groups.flatMap { group in
            group.rows.map { row in
              [
                String(row.subject.hex.prefix(12)), "#\(row.index)",
                ReviewKind.words(row.kind), row.who, group.subject.what, group.subject.reason,
                row.received.minute, row.finding,
              ]
            }
          })
      } else {
        Output.table(
          ["GROUP", "COUNT", "KIND", "BY", "ACTION", "BECAUSE", "FIRST ENTRY", "FINDING"],
          groups.map { group in
            [
              group.isOwed ? String(group.id.hex.prefix(12)) : "-", group.count,
              ReviewKind.words(group.subject.kind), group.subject.who, group.subject.what,
              group.subject.reason, "#\(group.first)", group.rows[0].finding,
            ]
          })
      }
    }
  }

  struct Show: Subcommand {
    static let configuration = CommandConfiguration(
      abstract:
        "Show what a group's statements say, read from the log: distinct contents, counted.",
      discussion: "With --json everything of every statement, to keep or to hand on.")

    @Argument(help: "The group, or its first digits (see: reviews).")
    var group: String

    @OptionGroup var registry: RegistryOptions
    @OptionGroup var list: ListOptions

    func perform() async throws {
      let ledger = try registry.ledger(.readOnly)
      let contents = try ledger.database.read {
        try ReviewContents(try ReviewsCommand.group(group, in: $0), ledger, $0)
      }
      if list.json { return Output.json(contents.json) }
      contents.printed()
      if contents.hasMore {
        Output.line(
          "the oldest \(contents.items.count) of \(contents.group.count); the others follow when "
            + "these are completed")
      }
      for item in contents.items {
        Output.line(
          "  #\(item.row.index)  \(item.entry.received.textToSeconds)  \(item.row.subject.hex)  "
            + item.words)
      }
    }
  }

  struct Complete: SigningCommand {
    static let configuration = CommandConfiguration(
      abstract: "Sign that you have looked at statements, and what you found; one finding for all.",
      discussion: """
        One signature covers up to \(ReviewCompleted.limit) reviews; more take several signatures, one \
        after the other. If a review under one signature is not yours to complete, none under that \
        signature is completed, nor any after it; those signed before it stay completed.
        """)

    @Argument(help: "The statements' digests, or their first digits (see: reviews list --each).")
    var subjects: [String] = []

    @Option(help: "Every review of this group (see: reviews).")
    var group: String?

    @Option(help: "Every review of what this agent or person did, whatever the group.")
    var by: String?

    @Option(help: "justified or unjustified.")
    var outcome: String

    @Option(help: "What you found.")
    var note: String

    @OptionGroup var change: ChangeOptions

    func validate() throws {
      guard ReviewCompleted.Outcome(rawValue: outcome) != nil else {
        throw ValidationError("--outcome is justified or unjustified")
      }
      guard [subjects.isEmpty, group == nil, by == nil].count(where: { !$0 }) == 1 else {
        throw ValidationError("name the statements, or give --group or --by")
      }
    }

    func perform() async throws {
      guard let outcome = ReviewCompleted.Outcome(rawValue: outcome) else {
        throw ValidationError("--outcome is justified or unjustified")
      }
      let ledger = try change.registry.ledger()
      let chosen = try ledger.database.read { transaction in
        try self.chosen(in: transaction).flatMap { group in
          try stride(from: 0, to: group.rows.count, by: ReviewCompleted.limit).map {
            try ReviewContents(group, from: $0, ledger, transaction)
          }
        }
      }
      // Nothing is signed that was not shown.
      if !change.list.json { for contents in chosen { contents.printed() } }
      let subjects = chosen.flatMap(\.subjects)
      let statements = ReviewCompleted.statements(
        covering: subjects, outcome: outcome, note: ByteString(note))
      let opened = try change.signer.open(in: ledger)
      let index = try ReviewSigning.sign(
        statements, in: ledger, by: opened.principal, with: opened)
      if change.list.json {
        Output.json([
          "completed": JSONValue(subjects.count), "statements": JSONValue(statements.count),
          "log_index": JSONValue(index),
        ])
      } else {
        let count = subjects.count
        let parts = statements.count > 1 ? " in \(statements.count) statements" : ""
        Output.line(
          "completed \(count) review\(count == 1 ? "" : "s")\(parts): \(outcome.rawValue)  "
            + "entry #\(index)")
        if chosen.contains(where: \.group.hasMore) {
          Output.line("more reviews of the same kind are due: run the same line again")
        }
      }
    }

    private func chosen(in transaction: RegistryTransaction) throws -> [ReviewGroup] {
      if let group { return [try ReviewsCommand.group(group, in: transaction)] }
      if let by {
        let groups = try transaction.reviewGroups(all: false).filter { $0.subject.who == by }
        guard !groups.isEmpty else {
          throw CommandFault("review_unknown", "no review of what \(by) did is due")
        }
        return groups
      }
      let known = try transaction.reviewGroups(all: true).flatMap(\.rows).map(\.subject)
      var digests: Set<Digest> = []
      return try subjects.compactMap { text in
        let digest = try Parse.digest(text, among: known, what: "review")
        guard digests.insert(digest).inserted else { return nil }
        guard let group = try transaction.reviewGroup(of: digest) else {
          throw CommandFault("review_unknown", "no review of \(text) is due")
        }
        return group
      }
    }
  }
}

extension ReviewContents {
  /// The group and its distinct contents, on standard output.
  func printed() {
    Output.line(
      "\(items.count) \(ReviewKind.words(group.subject.kind))\(items.count == 1 ? "" : "s") by "
        + "\(group.subject.who): \(group.subject.what)")
    Output.line("because \(group.subject.reason)")
    for content in contents {
      Output.line("  \(content.items.count) x  \(content.words)")
    }
  }
}

extension ReviewRow {
  var finding: String { outcome.map { "\($0) by \(reviewer ?? "")" } ?? "due" }

  var json: JSONValue {
    let value: JSONValue = [
      "subject": JSONValue(subject.hex), "log_index": JSONValue(index), "kind": JSONValue(kind),
      "who": JSONValue(who), "because": JSONValue(because), "received": received.json,
      "completed": completed.json(\.json), "outcome": outcome.json { JSONValue($0) },
      "reviewer": reviewer.json { JSONValue($0) },
    ]
    return value.withoutNulls
  }
}

extension ReviewGroup {
  var json: JSONValue {
    let row = rows[0]
    let value: JSONValue = [
      "group": JSONValue(id.hex), "kind": JSONValue(subject.kind), "who": JSONValue(subject.who),
      "action": JSONValue(subject.action), "resource": JSONValue(subject.resource),
      "because": JSONValue(subject.because), "count": JSONValue(rows.count),
      "has_more": .bool(hasMore),
      "subjects": .array(rows.map { JSONValue($0.subject.hex) }),
      "outcome": row.outcome.json { JSONValue($0) },
      "reviewer": row.reviewer.json { JSONValue($0) },
    ]
    return value.withoutNulls
  }
}
