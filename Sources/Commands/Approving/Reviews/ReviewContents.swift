import Authority
import CanonicalJSON
import Console
import Decisions
import Delegations
import Keys
import Registry
import Statements

/// What a group of reviews is about, read from verified entries of the log and not from the table
/// that groups them.
struct ReviewContents {
  /// One statement to be reviewed.
  struct Item {
    let row: ReviewRow
    let entry: LogEntry
    let parts: StatementParts
    /// The action a decision or vote is about, if its payload is on record.
    let action: Action?
    /// What it says, so that two statements that say the same count as one content.
    let words: String
  }

  /// Statements that say the same.
  struct Content {
    let words: String
    var items: [Item]
  }

  let group: ReviewGroup
  /// The oldest of the group, as many as one signature completes.
  let items: [Item]
  let contents: [Content]

  /// Whether the group has more than these; they follow once these are completed.
  var hasMore: Bool { group.hasMore || items.count < group.rows.count }

  /// `from`: How many of the group's rows to leave out, those before.
  ///
  /// - Throws: `registry_tampered` if the table names an entry that is not the statement.
  init(
    _ group: ReviewGroup, from: Int = 0, _ ledger: Ledger, _ transaction: RegistryTransaction
  ) throws {
    self.group = group
    items = try group.rows.dropFirst(from).prefix(ReviewCompleted.limit).map { row in
      let (entry, parts) = try ledger.statement(at: row.index, transaction)
      guard entry.envelope.digest == row.subject else {
        throw CommandFault(
          "registry_tampered",
          "the reviews name entry #\(row.index) as statement \(row.subject.hex), and it is another")
      }
      let action = try ReviewContents.action(of: parts.body, ledger, transaction)
      return Item(
        row: row, entry: entry, parts: parts, action: action,
        words: ReviewContents.words(of: parts.body, action, ledger.state))
    }
    var contents: [Content] = []
    // By bytes: a String would take two letters that only look alike for one.
    var places: [ByteString: Int] = [:]
    for item in items {
      let key = ByteString(item.words)
      if let place = places[key] {
        contents[place].items.append(item)
      } else {
        places[key] = contents.count
        contents.append(Content(words: item.words, items: [item]))
      }
    }
    self.contents = contents.sorted { $0.items.count > $1.items.count }
  }

  // MARK: what is signed

  var subjects: [ReviewCompleted.Subject] {
    items.map { item in
      ReviewCompleted.Subject(
        item.row.subject,
        index: item.row.kind == ReviewKind.breakGlass ? nil : Int64(item.row.index))
    }.sorted { $0.digest < $1.digest }
  }

  /// The statement that completes these reviews.
  func statement(_ outcome: ReviewCompleted.Outcome, _ note: ByteString) -> ReviewCompleted {
    ReviewCompleted(subjects, outcome: outcome, note: note)
  }

  /// Binds the list of statements that was shown.
  var digest: Digest {
    Digest.sha256(ReviewCompleted(subjects, outcome: .justified, note: "").json.exactBytes)
  }

  /// Statements here that an operator signed or did: another must review those.
  func own(of voter: Principal, in state: AuthorityState) -> Int {
    items.count { item in
      if case .decisionMade = item.parts.body {
        return false
      }
      return item.entry.envelope.signatures.contains { state.keys[$0.key]?.holder == voter }
    }
  }

  // MARK: in words

  private static func action(
    of body: StatementBody, _ ledger: Ledger, _ transaction: RegistryTransaction
  ) throws -> Action? {
    let digest: Digest? =
      switch body {
      case .decisionMade(let made): made.action
      case .approvalVoted(let vote): try decision(vote.hold, ledger, transaction)?.action
      case .approvalBrokenGlass(let use): try decision(use.hold, ledger, transaction)?.action
      default: nil
      }
    guard let digest, let payload = try transaction.body(digest),
      Digest.sha256(payload) == digest
    else { return nil }
    return try Action(payload: payload)
  }

  private static func decision(
    _ hold: Digest, _ ledger: Ledger, _ transaction: RegistryTransaction
  ) throws -> DecisionMade? {
    guard let index = try transaction.holdIndex(hold) else { return nil }
    let (entry, parts) = try ledger.statement(at: index, transaction)
    guard entry.envelope.digest == hold, case .decisionMade(let made) = parts.body else {
      return nil
    }
    return made
  }

  static func words(_ action: Action?) -> String {
    guard let action else { return "an action whose payload is erased or archived" }
    var words = "\(action.action.text) on \(action.resource.text)"
    if let type = action.claimedType { words += "  claimed type=\(type.text)" }
    if let env = action.claimedEnv { words += "  claimed env=\(env.text)" }
    let params = action.params.members.map { "\(name($0.name)) = \($0.value.exactText)" }
    words += "  " + (params.isEmpty ? "no params" : params.joined(separator: ", "))
    // What a policy may have read of it.
    if !action.context.members.isEmpty {
      words += "  context \(JSONValue.object(action.context).exactText)"
    }
    return words + "  by \(action.agent)"
  }

  /// A parameter's name as it stands, or quoted where it could be read as more than a name.
  private static func name(_ name: ByteString) -> String {
    let isPlain = name.bytes.allSatisfy {
      switch $0 {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
        true
      default: false
      }
    }
    return isPlain && !name.isEmpty ? name.text : JSONValue(name).exactText
  }

  private static func words(
    of body: StatementBody, _ action: Action?, _ state: AuthorityState
  ) -> String {
    switch body {
    case .decisionMade(let made):
      let verdict =
        made.releases == nil ? made.verdict.rawValue : "\(made.verdict.rawValue) (release)"
      return "\(verdict): \(words(action))"
    case .approvalVoted(let vote):
      return "\(vote.vote.rawValue) of hold \(vote.hold.hex.prefix(8)): \(words(action))"
        + "  reason: \(vote.reason.text)"
    case .approvalBrokenGlass(let use):
      return "break-glass use on hold \(use.hold.hex.prefix(8)): \(words(action))"
        + "  reason: \(use.reason.text)"
    case .grantIssued(let grant):
      return "grant to \(grant.holder): "
        + grant.capabilities.map(\.words).joined(separator: "; ")
        + "  limits \(grant.limits.json.withoutNulls.exactText)"
    default: return "\(body.type.rawValue): \(body.json.withoutNulls.exactText)"
    }
  }

  /// Everything of every statement, for an export.
  var json: JSONValue {
    [
      "group": JSONValue(group.id.hex), "kind": JSONValue(group.subject.kind),
      "who": JSONValue(group.subject.who), "action": JSONValue(group.subject.action),
      "resource": JSONValue(group.subject.resource), "because": JSONValue(group.subject.because),
      "has_more": .bool(hasMore),
      "contents": .array(
        contents.map {
          [
            "count": JSONValue($0.items.count), "says": JSONValue($0.words),
            "entries": .array($0.items.map { JSONValue($0.row.index) }),
          ]
        }),
      "statements": .array(
        items.map { item in
          let value: JSONValue = [
            "subject": JSONValue(item.row.subject.hex), "log_index": JSONValue(item.row.index),
            "received": item.entry.received.json,
            "type": JSONValue(item.parts.body.type.rawValue),
            "signer": item.parts.header.signer.json, "body": item.parts.body.json.withoutNulls,
            "action": item.action.json { $0.json },
            "outcome": item.row.outcome.json { JSONValue($0) },
            "reviewer": item.row.reviewer.json { JSONValue($0) },
          ]
          return value.withoutNulls
        }),
    ]
  }
}

/// The kinds of reviews, as the registry's tables name them.
enum ReviewKind {
  static let breakGlass = "broken_glass"

  static func words(_ kind: String) -> String {
    switch kind {
    case "action": "action"
    case "grant": "grant issued"
    case "vote": "vote"
    case "key": "key enrolled"
    case breakGlass: "break-glass use"
    default: kind
    }
  }
}

extension ReviewGroup.Subject {
  /// What was done, as `deploy on prod://payments/api`.
  var what: String {
    switch kind {
    case "grant": CapabilityText.words(resource)
    case "key": "a key enrolled with it"
    default: action.isEmpty ? ReviewKind.words(kind) : "\(action) on \(resource)"
    }
  }

  /// Why it is to be reviewed.
  var reason: String {
    kind == ReviewKind.breakGlass ? because : "key \(because) is recorded as compromised"
  }
}
