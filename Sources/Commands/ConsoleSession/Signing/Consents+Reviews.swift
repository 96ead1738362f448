import Authority
import CanonicalJSON
import Cells
import Console
import Decisions
import Keys
import Registry
import Statements

// Reviews of what was done by break-glass, or signed by a compromised key: one signature with one
// finding for all that stand in a group.
extension Consents {
  /// The reviews that a dialog is about.
  static func reviews(
    _ request: ConsentRequest, _ ledger: Ledger, _ transaction: RegistryTransaction
  ) throws -> ReviewContents {
    let group: ReviewGroup?
    switch request {
    case .reviews(let id):
      // One that others have completed is shown with what they found.
      group =
        try transaction.reviewGroup(id)
        ?? transaction.reviewGroups(all: true).last { $0.id == id }
    case .owed(let subject): group = try transaction.reviewGroup(of: subject)
    default: group = nil
    }
    guard let group else {
      throw CommandFault("review_unknown", "no such review is due: it may have been completed")
    }
    return try ReviewContents(group, ledger, transaction)
  }

  func review(_ request: ConsentRequest, _ voter: Principal) throws -> Consent {
    let contents = try Consents.reviews(request, ledger, transaction)
    let group = contents.group
    let count = contents.items.count
    let row = group.rows.first
    let all = contents.hasMore ? "\(count) of \(group.count)" : "\(count)"
    let ended = group.isOwed ? nil : "reviewed by \(row?.reviewer ?? ""): \(row?.outcome ?? "")"
    var related: [Target] = contents.items.prefix(20).map { .entry($0.row.index) }
    if group.subject.who.hasPrefix("agent:") { related.insert(.agent(group.subject.who), at: 0) }
    return Consent(
      request: request,
      title: SafeText(
        count == 1
          ? "Review of \(group.rows[0].subject.hex.prefix(8))"
          : "\(all) reviews, group \(group.id.hex.prefix(8))"),
      ended: ended,
      heading: SafeText(
        count == 1 ? "Was this action justified?" : "Were these \(count) justified?"),
      lines: lines(of: contents),
      seal: SafeText(
        count == 1
          ? "statement sha256 \(group.rows[0].subject.hex)"
          : "\(count) statements, list sha256 \(contents.digest.hex)"),
      digest: contents.digest.hex,
      asides: [
        Line("Covers", "every statement above; W shows each whole, J as JSON")
      ],
      choice: Consent.Choice(finding: "Finding", ["justified", "unjustified"]),
      inputs: [Consent.Input("reason", "Reason", note: "why you find so", kind: .reason)],
      buttons: [
        Consent.Button(
          "complete", count == 1 ? "Sign the review" : "Sign \(count) reviews",
          needs: [.read, .reason, .finding, .key], objection: objection(to: contents, voter))
      ],
      command: ReviewsCommand.command(group), related: related)
  }

  private func objection(to contents: ReviewContents, _ voter: Principal) -> String? {
    let record = state.operators[voter]
    guard record?.has(.approver) == true || record?.has(.admin) == true else {
      return "a review takes an approver or an admin"
    }
    let own = contents.own(of: voter, in: state)
    guard own > 0 else { return nil }
    let others = state.operators.values.filter {
      $0.principal != voter && ($0.has(.approver) || $0.has(.admin))
    }.map(\.principal.description).sorted()
    return "you did \(own == 1 ? "one of these" : "\(own) of these") yourself; "
      + "another operator reviews: \(others.joined(separator: ", "))"
  }

  /// The distinct contents with their counts, the most frequent first.
  private func lines(of contents: ReviewContents) -> [Line] {
    let (group, items) = (contents.group, contents.items)
    let times = items.map(\.entry.received)
    var lines = [
      Line(
        ReviewKind.words(group.subject.kind), SafeText(group.subject.what), .title),
      Line("by", SafeText(group.subject.who)),
      Line("because", SafeText(group.subject.reason)),
      Line(
        "statements",
        SafeText(
          items.count == 1
            ? "entry #\(group.first), received \(times[0].textToSeconds)"
            : "\(items.count), entries #\(group.first) to #\(group.last), received "
              + "\(times.min()?.textToSeconds ?? "") to \(times.max()?.textToSeconds ?? "")")),
    ]
    if contents.hasMore {
      lines.append(
        Line(
          "of more",
          SafeText(
            "these are the oldest \(items.count) of \(group.count): as many as one signature may "
              + "complete; the others follow"), .alert))
    }
    if contents.contents.count > 1 {
      lines.append(
        Line("", SafeText("\(contents.contents.count) distinct contents:"), .title))
    }
    for content in contents.contents {
      let first = content.items[0].row.index
      lines.append(
        Line(
          "\u{00D7}\(content.items.count)",
          SafeText("\(content.words)  (entry #\(first))"),
          target: .entry(first)))
    }
    return lines
  }
}

extension Signatures {
  /// Signs the reviews that were shown, and no others.
  func completeReviews(
    _ submission: Submission, with key: borrowing OpenedKey
  ) throws -> (index: UInt64, outcome: String) {
    let findings: [ReviewCompleted.Outcome] = [.justified, .unjustified]
    guard findings.indices.contains(submission.choice) else {
      throw CommandFault("finding_missing", "no finding was chosen")
    }
    let finding = findings[submission.choice]
    let contents = try ledger.database.read {
      try Consents.reviews(submission.request, ledger, $0)
    }
    guard contents.digest.hex == submission.digest else {
      throw CommandFault(
        "digest_differs", "the reviews that are due are others than those shown: read them again")
    }
    let index = try ReviewSigning.sign(
      [contents.statement(finding, ByteString(submission.input("reason")))], in: ledger, by: voter,
      with: key)
    let count = contents.items.count
    return (
      index,
      "\(count) review\(count == 1 ? "" : "s") completed: \(finding.rawValue)"
        + (contents.hasMore ? "; the others of the group follow" : "")
    )
  }
}

/// Signs the statements that complete a group, one after the other.
enum ReviewSigning {
  /// - Returns: The entry of the last.
  static func sign(
    _ statements: [ReviewCompleted], in ledger: Ledger, by voter: Principal,
    with key: borrowing OpenedKey
  ) throws -> UInt64 {
    var index: UInt64 = 0
    for (number, statement) in statements.enumerated() {
      do {
        index = try ledger.sign(
          .reviewCompleted(statement), by: voter, key: key, clock: .system
        ).index
      } catch {
        guard number > 0 else { throw error }
        throw CommandFault(
          FaultCode.of(error),
          "\(number) of \(statements.count) statements are signed; the next was refused: \(error)")
      }
    }
    return index
  }
}
