package import Cells
package import Keys
package import Statements

/// What a person may be asked to sign.
package enum ConsentRequest: Sendable, Hashable {
  case vote(Digest, leaning: ApprovalVoted.Vote)
  case denyAll([Digest])
  case revokeKey(Digest)
  case revokeGrant(Digest)
  /// What is selected, as targets of a lock; the choice says which.
  case lock([LockTarget])
  case lift(Digest)
  case proposal(Digest)
  case owed(Digest)
  /// All reviews of a group, with one finding.
  case reviews(Digest)
  case activate(Digest)
  /// A key that an agent asks for, by its request.
  case keyRequest(Digest)
  /// The next key that the holder of a key has asked for, by the key it replaces.
  case rotate(Digest)
  /// Any other command of the command line that signs.
  case command([String])
}

/// A dialog's whole content: what binds, what stands beside it, and what may be pressed.
///
/// Made from verified entries; ``ConsentModel`` is the dialog over it.
package struct Consent: Sendable {
  /// What must be true before a button signs.
  package enum Need: Sendable, Hashable, CaseIterable {
    /// Every line that binds has been on the screen.
    case read
    case reason
    /// The name asked for has been typed.
    case name
    /// One of the findings has been chosen.
    case finding
    /// The key can be opened: a passphrase, an unlocked key or an agent.
    case key
  }

  package struct Button: Sendable, Hashable {
    package let name: String
    package let label: String
    package let needs: Set<Need>
    /// Why it cannot be pressed at all, if so.
    package let objection: String?

    package init(_ name: String, _ label: String, needs: Set<Need>, objection: String? = nil) {
      self.name = name
      self.label = label
      self.needs = needs
      self.objection = objection
    }
  }

  package struct Input: Sendable, Hashable {
    package enum Kind: Sendable, Hashable {
      case reason
      /// Must be typed exactly so.
      case name(String)
      /// Changes the plan: a time, an end.
      case plan
      case text
    }

    package let name: String
    package let label: String
    package let note: String
    package let kind: Kind
    package let initial: String

    package init(
      _ name: String, _ label: String, note: String, kind: Kind, initial: String = ""
    ) {
      self.name = name
      self.label = label
      self.note = note
      self.kind = kind
      self.initial = initial
    }
  }

  /// Ways of doing it, side by side.
  package struct Choice: Sendable, Hashable {
    package let label: String
    package let options: [String]
    package let selected: Int
    /// Whether it says what the person found: none is selected until they choose, and what is shown
    /// does not depend on it.
    package let isFinding: Bool

    package init(_ label: String, _ options: [String], selected: Int) {
      self.label = label
      self.options = options
      self.selected = selected
      isFinding = false
    }

    /// A choice of which nothing is selected at first.
    package init(finding label: String, _ options: [String]) {
      self.label = label
      self.options = options
      selected = -1
      isFinding = true
    }
  }

  /// Something shown that the signature rests on beside the digest, as `quorum`: `1 of 2`.
  ///
  /// A change of it is told as `old -> new`, and what was read is read again.
  package struct Fact: Sendable, Hashable {
    package let name: String
    package let value: String

    package init(_ name: String, _ value: String) {
      self.name = name
      self.value = value
    }
  }

  package let request: ConsentRequest
  package let title: SafeText
  /// Until when it can be signed, if it ends.
  package let deadline: Timestamp?
  /// How the target stands, when it can no longer be signed: who ended it, and when.
  package internal(set) var ended: String?
  /// Over the lines that bind.
  package let heading: SafeText
  package let lines: [Line]
  /// Ids and hashes that bind too, folded into one line below them; covered by the digest.
  package let hashes: [Line]
  /// Under them: the digest that is signed.
  package let seal: SafeText
  /// The whole of it, to copy.
  package let digest: String
  /// What is signed, apart from its digest: votes so far, policy, expiry.
  package let basis: [Fact]
  /// Whom it hits; its counts in ``lines`` may change in place, these only with the reader's knowledge.
  package let impact: Impact
  /// Beside them: what is not signed.
  package var asides: [Line]
  package let choice: Choice?
  package let inputs: [Input]
  package internal(set) var buttons: [Button]
  /// The command line that does the same.
  package let command: [String]
  /// What a person may jump to from here.
  package let related: [Target]
  /// The fields that the plan rests on, as they were typed when it was worked out.
  package var asked: [String: String] = [:]
  /// Who would release what is approved here, and until when; nil where nothing is released.
  package var release: Release?

  package init(
    request: ConsentRequest, title: SafeText, deadline: Timestamp? = nil, ended: String? = nil,
    heading: SafeText, lines: [Line], hashes: [Line] = [], seal: SafeText = "", digest: String = "",
    basis: [Fact] = [], impact: Impact = .none, asides: [Line] = [], choice: Choice? = nil,
    inputs: [Input],
    buttons: [Button],
    command: [String], related: [Target] = []
  ) {
    self.request = request
    self.title = title
    self.deadline = deadline
    self.ended = ended
    self.heading = heading
    self.lines = lines
    self.hashes = hashes
    self.seal = seal
    self.digest = digest
    self.basis = basis
    self.impact = impact
    self.asides = asides
    self.choice = choice
    self.inputs = inputs
    self.buttons = buttons
    self.command = command
    self.related = related
  }

  /// The same where nothing can be pressed, for one reason.
  package func objecting(_ objection: String) -> Consent {
    var other = self
    other.buttons = buttons.map { Button($0.name, $0.label, needs: $0.needs, objection: objection) }
    return other
  }

  /// Whether this was worked out for a choice and for what was typed into the plan's fields.
  func answers(_ plan: ConsentPlan) -> Bool {
    guard plan.choice == (choice?.selected ?? 0) else { return false }
    return inputs.allSatisfy { input in
      guard input.kind == .plan, let typed = plan.fields[input.name] else { return true }
      return typed == input.initial || typed == asked[input.name]
    }
  }

  /// The choice and the fields that it shows the plan of.
  var plan: ConsentPlan {
    ConsentPlan(
      choice: choice?.selected ?? 0,
      fields: Dictionary(
        uniqueKeysWithValues: inputs.filter { $0.kind == .plan }.map { ($0.name, $0.initial) }))
  }

  /// All that the signature rests on.
  var facts: [Fact] {
    [Fact("digest", digest)] + basis + [Fact("expiry", deadline?.textToSeconds ?? "none")]
  }

  /// What has changed of what the signature rests on, as `old -> new`.
  package func changes(from before: [Fact]) -> [String] {
    let old = Dictionary(before.map { ($0.name, $0.value) }) { first, _ in first }
    return facts.compactMap { fact in
      guard old[fact.name] != fact.value else { return nil }
      // Whoever ended it is told instead of an expiry that it has no more.
      if fact.name == "expiry", ended != nil { return nil }
      return "\(fact.name) \(old[fact.name] ?? "none") -> \(fact.value)"
    }
  }

  package var hidden: Int { (lines + hashes).reduce(0) { $0 + $1.text.hidden } }

  /// The one line that stands for ids and hashes while they are folded.
  package var foldedHashes: Line? {
    guard !hashes.isEmpty else { return nil }
    var names: [String] = []
    for line in hashes where !names.contains(line.label) { names.append(line.label) }
    return Line("hashes", SafeText("\(names.joined(separator: ", ")) (h unfolds)"), .hint)
  }
}

/// A choice, and what is typed into the fields that change what it would do.
package struct ConsentPlan: Sendable, Hashable {
  package let choice: Int
  package let fields: [String: String]

  package init(choice: Int, fields: [String: String]) {
    self.choice = choice
    self.fields = fields
  }
}

extension Consent {
  /// How an approval leads to a release.
  package struct Release: Sendable, Hashable {
    /// The service that the action is for, without `service:`.
    package let service: String
    /// When the approval ends, if the quorum is met already.
    package let until: Timestamp?
    /// How long an approval counts after the quorum.
    package let approvedForSeconds: Int64
    /// Whether this vote meets the quorum.
    package let completes: Bool

    package init(
      service: String, until: Timestamp?, approvedForSeconds: Int64, completes: Bool
    ) {
      self.service = service
      self.until = until
      self.approvedForSeconds = approvedForSeconds
      self.completes = completes
    }

    /// Before when the action must be asked for again: `before 16:52:10`.
    ///
    /// `isSigned`: Whether the vote has been recorded since.
    package func words(at now: Timestamp, isSigned: Bool) -> String {
      if let until { return "before \(until.clock.dropLast())" }
      guard completes, !isSigned else {
        return "within \(Span.words(approvedForSeconds)) of the quorum"
      }
      // To the minute: the end moves as long as nothing is signed.
      return "before \(now.advanced(bySeconds: approvedForSeconds).clock.dropLast(4)) if signed now"
    }
  }
}

/// What is to be signed, as the dialog leaves it.
package struct Submission: Sendable, Hashable {
  package let request: ConsentRequest
  package let button: String
  package let choice: Int
  package let inputs: [String: String]
  /// Of the text that was on the screen.
  package let digest: String
  /// What the signature rested on when that text was shown.
  package let facts: [Consent.Fact]

  package init(
    of consent: Consent, button: String, choice: Int, inputs: [String: String]
  ) {
    request = consent.request
    self.button = button
    self.choice = choice
    self.inputs = inputs
    digest = consent.digest
    facts = consent.facts
  }

  package func input(_ name: String) -> String { inputs[name] ?? "" }
}

/// How a hold goes on after a vote: what was recorded, released, finished.
package struct HoldProgress: Sendable, Hashable {
  package let hold: Digest
  package let lines: [Line]
  /// Nothing more will happen to it.
  package let isOver: Bool

  package init(hold: Digest, lines: [Line], isOver: Bool) {
    self.hold = hold
    self.lines = lines
    self.isOver = isOver
  }
}
