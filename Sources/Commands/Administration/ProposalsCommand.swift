import ArgumentParser
import Authority
import CanonicalJSON
import Decisions
import Foundation
import Keys
import Registry
import Statements
import TransparencyLog

struct ProposalsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "proposals",
    abstract: "Changes that wait for the admin quorum: list, show, sign, reject.",
    subcommands: [List.self, Show.self, Sign.self, Reject.self], defaultSubcommand: List.self)

  struct List: Subcommand {
    static let configuration = CommandConfiguration(abstract: "List proposals, newest first.")

    @Flag(help: "Ended and expired ones too.")
    var all = false

    @OptionGroup var registry: RegistryOptions
    @OptionGroup var list: ListOptions

    func perform() async throws {
      let now = Clock.system.now()
      let rows = try registry.reading(list).read {
        try $0.proposals()
      }.filter { all || $0.status(at: now) == "open" }
      if list.json {
        Output.json(.array(rows.map { $0.json(at: now) }))
      } else {
        Output.table(
          ["PROPOSAL", "CHANGE", "OF", "SIGNED BY", "STATUS", "EXPIRES"],
          rows.map {
            [
              String($0.digest.hex.prefix(12)), $0.type, $0.subject,
              $0.signers.joined(separator: " "), $0.status(at: now), $0.expires.minute,
            ]
          })
      }
    }
  }

  /// An open proposal, by its digest or first digits.
  static func find(_ text: String, in ledger: Ledger) throws -> ProposalRecord {
    let digest = try Parse.digest(text, among: ledger.state.proposals.keys, what: "proposal")
    guard let proposal = ledger.state.proposals[digest] else {
      throw CommandFault(
        "proposal_unknown", "no open proposal \(text); see: countersign proposals list --all")
    }
    return proposal
  }

  static func show(_ proposal: ProposalRecord, in ledger: Ledger) {
    Output.line("proposal  \(proposal.digest.hex)")
    Output.line("change    \(proposal.opened.inner.type.rawValue)")
    let json = proposal.opened.inner.json.withoutNulls
    for member in json.object?.members ?? [] {
      Output.line("          \(member.name.text) = \(member.value.shownText)")
    }
    let counted = ledger.state.countedSigners(proposal).map(\.description)
    Output.line(
      "signed    \(counted.joined(separator: ", "))  "
        + "(\(counted.count) of \(ledger.state.signaturesNeeded(for: proposal.opened.inner)))")
    Output.line("expires   \(proposal.opened.expires.textToSeconds)")
    if ledger.state.expectation(for: proposal.opened.inner) != proposal.opened.expects {
      Output.line("!         void: what it changes has changed since it was opened")
    }
  }

  struct Show: Subcommand {
    static let configuration = CommandConfiguration(abstract: "Show one proposal whole.")

    @Argument(help: "The proposal's digest, or its first digits.")
    var proposal: String

    @OptionGroup var registry: RegistryOptions
    @OptionGroup var list: ListOptions

    func perform() async throws {
      let ledger = try registry.ledger(.readOnly)
      let proposal = try ProposalsCommand.find(proposal, in: ledger)
      if list.json {
        Output.json([
          "proposal": JSONValue(proposal.digest.hex),
          "change": JSONValue(proposal.opened.inner.type.rawValue),
          "body": proposal.opened.inner.json.withoutNulls,
          "signers": .array(proposal.signers.map(\.json)),
          "counted": .array(ledger.state.countedSigners(proposal).map(\.json)),
          "needed": JSONValue(ledger.state.signaturesNeeded(for: proposal.opened.inner)),
          "expires": proposal.opened.expires.json,
        ])
      } else {
        ProposalsCommand.show(proposal, in: ledger)
      }
    }
  }

  struct Sign: SigningCommand {
    static let configuration = CommandConfiguration(
      abstract: "Co-sign a proposal; with the last signature it takes effect.")

    @Argument(help: "The proposal's digest, or its first digits.")
    var proposal: String

    @Flag(help: "Do not ask.")
    var yes = false

    @OptionGroup var change: ChangeOptions

    func perform() async throws {
      let (ledger, seen) = try change.registry.ledgerOrRestored()
      let proposal = try ProposalsCommand.find(proposal, in: ledger)
      if let seen {
        guard case .logRestored(let body) = proposal.opened.inner, body.lost.size >= seen else {
          throw AuthorityFault.truncated(size: ledger.tree.size, known: seen)
        }
      }
      if !change.list.json { ProposalsCommand.show(proposal, in: ledger) }
      if !yes {
        guard Output.ask("Type sign to sign it: ") == "sign" else {
          throw CommandFault("not_confirmed", "nothing was signed; give --yes without a terminal")
        }
      }
      let opened = try change.signer.open(in: ledger)
      let signed = try ledger.sign(
        .proposalSigned(ProposalSigned(proposal: proposal.digest)), by: opened.principal,
        key: opened, clock: .system)
      let left = ledger.state.proposals[proposal.digest]
      let said =
        left.map {
          "signed; \(ledger.state.countedSigners($0).count) of "
            + "\(ledger.state.signaturesNeeded(for: $0.opened.inner)) admins have"
        } ?? "signed, and \(proposal.opened.inner.type.rawValue) is in effect"
      change.report(signed, said, in: ledger)
    }
  }

  struct Reject: SigningCommand {
    static let configuration = CommandConfiguration(abstract: "End a proposal.")

    @Argument(help: "The proposal's digest, or its first digits.")
    var proposal: String

    @Option(help: "Why.")
    var reason: String

    @OptionGroup var change: ChangeOptions

    func perform() async throws {
      let ledger = try change.registry.ledger()
      let proposal = try ProposalsCommand.find(proposal, in: ledger)
      try change.sign(
        .proposalRejected(
          ProposalRejected(proposal: proposal.digest, reason: ByteString(reason))),
        "rejected \(proposal.digest.hex)", in: ledger)
    }
  }
}

extension ProposalRow {
  func json(at now: Timestamp) -> JSONValue {
    [
      "proposal": JSONValue(digest.hex), "change": JSONValue(type), "subject": JSONValue(subject),
      "opened_by": JSONValue(opener), "signers": .array(signers.map { JSONValue($0) }),
      "status": JSONValue(status(at: now)), "expires": expires.json, "opened": received.json,
    ]
  }
}

extension JSONValue {
  /// A value as one line of text.
  var shownText: String {
    string?.text ?? exactText
  }
}
