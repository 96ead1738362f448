import Approvals
import ArgumentParser
import Authority
import CanonicalJSON
import Cells
import Console
import Decisions
import Foundation
import Keys
import Registry
import Statements

struct HoldsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "holds", abstract: "List and show what waits for people.",
    subcommands: [List.self, Show.self], defaultSubcommand: List.self)

  struct List: Subcommand {
    static let configuration = CommandConfiguration(
      abstract: "List open holds, highest risk first.")

    @Flag(help: "Ended ones too, newest first.")
    var all = false

    @OptionGroup var registry: RegistryOptions
    @OptionGroup var list: ListOptions

    func perform() async throws {
      let now = Clock.system.now()
      let rows = try registry.reading(list).read {
        try $0.holds(openAt: all ? nil : now, limit: 10_000)
      }
      if list.json {
        Output.json(
          .array(
            rows.map {
              [
                "hold": JSONValue($0.digest.hex), "state": JSONValue($0.word(at: now)),
                "risk": JSONValue($0.risk.rawValue), "agent": JSONValue($0.agent),
                "action": JSONValue($0.name), "resource": JSONValue($0.uri),
                "approvals": JSONValue($0.approvals), "needed": JSONValue($0.places),
                "expires": $0.expires.json, "log_index": JSONValue($0.index),
              ]
            }))
      } else {
        Output.table(
          ["HOLD", "RISK", "STATE", "AGENT", "ACTION", "RESOURCE", "QUORUM", "EXPIRES"],
          rows.map {
            [
              String($0.digest.hex.prefix(12)), $0.risk.words, $0.word(at: now), $0.agent, $0.name,
              $0.uri, "\($0.approvals)/\($0.places)", $0.expires.textToSeconds,
            ]
          })
      }
    }
  }

  struct Show: Subcommand {
    static let configuration = CommandConfiguration(
      abstract: "Show one hold as the one who votes sees it.")

    @Argument(help: "The hold's digest, or its first digits.")
    var hold: String

    @OptionGroup var registry: RegistryOptions
    @OptionGroup var signer: OperatorOptions

    func perform() async throws {
      let ledger = try registry.ledger(.readOnly)
      let holder = (try? signer.sealed()).flatMap { Principal($0.holder) }
      let voter = holder ?? ledger.state.admins[0]
      let (review, state) = try ReviewText.make(hold, ledger, voter: voter)
      ReviewText.print(review, state: state)
    }
  }
}

/// The review as the console shows it, in lines.
enum ReviewText {
  static func make(
    _ text: String, _ ledger: Ledger, voter: Principal
  ) throws -> (HoldReview, state: String) {
    let matches = ledger.state.holds.ids(beginning: text)
    guard let digest = matches.first, text.count >= 4 else {
      throw CommandFault(
        "hold_unknown", "no hold \(text) is on record; see: countersign holds list")
    }
    guard matches.count == 1 else {
      throw CommandFault(
        "hold_ambiguous", "\(text) could be: " + matches.map(\.hex).joined(separator: ", "))
    }
    let now = Clock.system.now()
    guard
      let dossier = try ledger.database.read({ try ledger.dossier(digest, $0) })
    else { throw CommandFault("hold_unknown", "no hold \(text) is on record") }
    let review = try HoldReview(
      hold: dossier.hold, decision: dossier.decision, holdIndex: dossier.index,
      payload: dossier.payload, state: ledger.state, voter: voter, now: now)
    return (review, dossier.hold.state(at: now).word)
  }

  static func print(_ review: HoldReview, state: String) {
    func line(_ label: String, _ text: String) {
      Output.line(label + String(repeating: " ", count: max(0, 14 - label.count)) + text)
    }
    line("hold", "\(review.hold.digest.hex)  \(state)")
    for one in review.decidingLines + review.voteLines { line(one.label, one.text.text) }
    if let words = review.words { line("justification", "\"\(words.text)\" (unverified)") }
    if review.hiddenCharacters > 0 {
      line("!", "\(Plural.count(review.hiddenCharacters, "hidden character")) shown here")
    }
    for one in review.hashLines { line(one.label, one.text.text) }
    if let objection = review.objection { line("!", objection) }
  }
}
