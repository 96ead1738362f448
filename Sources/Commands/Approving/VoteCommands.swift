import Approvals
import ArgumentParser
import Authority
import CanonicalJSON
import Console
import Decisions
import Foundation
import Keys
import Statements

struct VoteOptions: ParsableArguments {
  @Argument(help: "The hold's digest, or its first digits.")
  var hold: String

  @Option(help: "Without a terminal: the whole digest, to show that you know what you vote on.")
  var digest: String?

  @OptionGroup var registry: RegistryOptions
  @OptionGroup var signer: OperatorOptions

  /// Shows the review, asks, signs and appends.
  func vote(_ vote: ApprovalVoted.Vote, reason: String, validFor: String?) throws {
    let ledger = try registry.ledger()
    guard let voter = Principal(try signer.sealed().holder) else {
      throw KeyFault.malformed(path: signer.path, reason: "its holder is no principal")
    }
    let (review, state) = try ReviewText.make(hold, ledger, voter: voter)
    ReviewText.print(review, state: state)
    let whole = review.hold.digest.hex
    if vote == .approve, let objection = review.objection {
      throw CommandFault(
        String(objection.prefix { $0 != ":" }), String(objection.drop { $0 != ":" }.dropFirst(2)))
    }
    if let digest {
      guard digest == whole else {
        throw CommandFault("digest_differs", "--digest is not this hold's digest, \(whole)")
      }
    } else {
      let word = vote == .approve ? "approve" : "deny"
      guard let typed = Output.ask("Type \(word) to sign: ") else {
        throw CommandFault("digest_missing", "without a terminal, give --digest with all 64 digits")
      }
      guard typed == word else { throw CommandFault("not_confirmed", "nothing was signed") }
    }
    let now = Clock.system.now()
    let body = ApprovalVoted(
      hold: review.hold.digest, vote: vote, reason: ByteString(reason),
      validUntil: try validFor.map { try Parse.time($0, from: now) })
    let opened = try signer.open()
    let result = try ledger.sign(
      .approvalVoted(body), by: opened.principal, key: opened.key, clock: .system)
    let after = ledger.state.holds[review.hold.digest]?.state(at: Clock.system.now())
    Output.line("recorded \(vote.rawValue) by \(opened.principal)  entry #\(result.index)")
    if case .approved(let until)? = after {
      Output.line("approved: released when the agent next asks, until \(until.textToSeconds)")
    } else {
      Output.line("the hold is now \(after?.word ?? "unknown")")
    }
  }
}

struct ApproveCommand: Subcommand {
  static let configuration = CommandConfiguration(
    commandName: "approve", abstract: "Review a hold and sign an approval.")

  @Option(help: "Why; the log keeps it.")
  var reason: String = ""

  @Option(help: "How long your approval counts once the quorum is met: 90s, 10m, ...")
  var validFor: String?

  @OptionGroup var vote: VoteOptions

  func perform() async throws {
    try vote.vote(.approve, reason: reason, validFor: validFor)
  }
}

struct DenyCommand: Subcommand {
  static let configuration = CommandConfiguration(
    commandName: "deny", abstract: "Review a hold and sign a denial; the agent gets the reason.")

  @Option(help: "Why; the agent is told.")
  var reason: String

  @OptionGroup var vote: VoteOptions

  func perform() async throws {
    try vote.vote(.deny, reason: reason, validFor: nil)
  }
}
