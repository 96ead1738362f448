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

  @OptionGroup var change: ChangeOptions

  /// Shows the review, asks, signs and appends.
  func sign(
    _ word: String, _ body: (Digest) throws -> StatementBody,
    objection: (HoldReview) -> String? = { _ in nil }
  ) throws {
    let ledger = try change.registry.ledger()
    let voter = try change.signer.principal(in: ledger)
    let (review, state) = try ReviewText.make(hold, ledger, voter: voter)
    if !change.list.json { ReviewText.print(review, state: state) }
    let whole = review.hold.digest.hex
    if let objection = objection(review) {
      throw CommandFault(
        String(objection.prefix { $0 != ":" }), String(objection.drop { $0 != ":" }.dropFirst(2)))
    }
    if let digest {
      guard digest == whole else {
        throw CommandFault("digest_differs", "--digest is not this hold's digest, \(whole)")
      }
    } else {
      guard let typed = Output.ask("Type \(word) to sign: ") else {
        throw CommandFault("digest_missing", "without a terminal, give --digest with all 64 digits")
      }
      guard typed == word else { throw CommandFault("not_confirmed", "nothing was signed") }
    }
    let opened = try change.signer.open(in: ledger)
    let result = try ledger.sign(
      try body(review.hold.digest), by: opened.principal, key: opened, clock: .system)
    let after = ledger.state.holds[review.hold.digest]?.state(at: Clock.system.now())
    if change.list.json {
      Output.json([
        "statement": JSONValue(result.digest.hex), "log_index": JSONValue(result.index),
        "hold": JSONValue(whole), "state": JSONValue(after?.word ?? "unknown"),
      ])
      return
    }
    Output.line("recorded \(word) by \(opened.principal)  entry #\(result.index)")
    if case .approved(let until)? = after {
      Output.line("approved; it is released when the agent next asks, until \(until.textToSeconds)")
      let services = ServiceSurvey.reports(
        ledger.database, registry: ledger.state.registry?.id.text ?? "")
      if let notice = services.approvalNotice(
        for: review.action.audience.name, until: "before \(until.clock.dropLast())")
      {
        Output.line(notice)
      }
    } else {
      Output.line("the hold is now \(after?.word ?? "unknown")")
    }
  }
}

struct ApproveCommand: SigningCommand {
  static let configuration = CommandConfiguration(
    commandName: "approve", abstract: "Review a hold and sign an approval.")

  @Option(help: "Why; the log keeps it.")
  var reason: String = ""

  @Option(
    help: """
      How long your approval counts: 90s, 10m, ...; it shortens what the rule allows (approved_for), \
      never lengthens it.
      """)
  var validFor: String?

  @OptionGroup var vote: VoteOptions

  func perform() async throws {
    try vote.sign("approve") { hold in
      .approvalVoted(
        ApprovalVoted(
          hold: hold, vote: .approve, reason: ByteString(reason),
          validUntil: try validFor.map { try Parse.time($0, from: Clock.system.now()) }))
    } objection: {
      $0.objection
    }
  }
}

struct DenyCommand: SigningCommand {
  static let configuration = CommandConfiguration(
    commandName: "deny", abstract: "Review a hold and sign a denial; the agent gets the reason.")

  @Option(help: "Why; the agent is told.")
  var reason: String

  @OptionGroup var vote: VoteOptions

  func perform() async throws {
    try vote.sign("deny") { hold in
      .approvalVoted(
        ApprovalVoted(hold: hold, vote: .deny, reason: ByteString(reason), validUntil: nil))
    }
  }
}

struct WithdrawCommand: SigningCommand {
  static let configuration = CommandConfiguration(
    commandName: "withdraw", abstract: "Take your approval back, before the quorum is met.")

  @Option(help: "Why; the log keeps it.")
  var reason: String = ""

  @OptionGroup var vote: VoteOptions

  func perform() async throws {
    try vote.sign("withdraw") { hold in
      .approvalWithdrawn(ApprovalWithdrawn(hold: hold, reason: ByteString(reason)))
    }
  }
}

struct BreakGlassCommand: SigningCommand {
  static let configuration = CommandConfiguration(
    commandName: "break-glass",
    abstract: "Let a hold through on your word alone, where its rule foresees it.",
    discussion: """
      The release is marked, and another operator owes a review of it (countersign reviews); until
      that is signed, neither you nor the agent gets another. It never overrides a deny, a revoked
      key or a broken chain.
      """)

  @Option(help: "Why it cannot wait.")
  var reason: String

  @OptionGroup var vote: VoteOptions

  func perform() async throws {
    try vote.sign("break-glass") { hold in
      .approvalBrokenGlass(ApprovalBrokenGlass(hold: hold, reason: ByteString(reason)))
    }
  }
}
