import Cells
import Keys
package import Statements

/// The dialog in which something is signed: read, decide, open the key, sign, follow.
///
/// It is bound to its target and to the statement that will be signed. What the registry does meanwhile
/// changes counts in place; only keys move the focus, the cursor and the scroll, and change what is typed.
package struct ConsentModel: Sendable {
  package enum Focus: Sendable, Hashable {
    case text
    case choice
    case input(Int)
    case passphrase
    case cancel
    case button(Int)
  }

  package internal(set) var consent: Consent
  package internal(set) var steps = SigningSteps()
  package internal(set) var focus: Focus
  package internal(set) var scroll = 0
  package internal(set) var fields: [TextField]
  package internal(set) var choice: Int
  package let passphrase = PassphraseField()
  /// Fields that a key has changed, by name.
  var typed: Set<String> = []
  /// What was typed into fields that another choice has no use for, by name.
  var kept: [String: String] = [:]

  /// Whether ids and hashes are shown whole.
  package internal(set) var showsHashes = false

  // What has been read.
  var read = ReadLines()
  /// The text as it was last laid out.
  var page = ConsentPage()
  /// Rows of text, and lines beside it, as the screen was divided at first: it is not divided anew when
  /// the registry moves.
  package internal(set) var pinned: Pinned?

  // What the registry did.
  /// Whom the reader knows it to hit.
  var known: KnownImpact
  /// Whom it hits besides, until a key acknowledges it.
  package internal(set) var unacknowledged: String?
  /// Until then an acknowledgement covers who else comes: a key that goes on delegating must not be able
  /// to delay its own revocation.
  var acknowledged = Timestamp(milliseconds: 0)
  /// The plan that was asked for last and has not come.
  var askedPlan: ConsentPlan?
  /// Why the plan that is typed cannot be worked out.
  var planProblem: String?
  var refreshing = ConsentRefreshing()

  /// Keys count from here on: 0.7 s after opening and after 0.3 s of quiet.
  var armed: Timestamp
  /// Enter counts on a button from here on: the press that led there must not also decide.
  var pressable = Timestamp(milliseconds: 0)
  /// The last key; a passphrase does not stay for ever.
  var touched: Timestamp
  /// Whether a key has been taken at all.
  var isTouched = false
  /// Esc was pressed with something typed: pressed again, it leaves.
  package internal(set) var isLeaving = false
  package internal(set) var notices = Notices()
  /// How the hold goes on.
  package internal(set) var progress: HoldProgress?
  /// Where in the earlier reasons Up has got to.
  var recalled: Int?
  var draft = ""

  /// Columns of the labels beside the text, as at first.
  package internal(set) var labelWidth: Int

  package struct Pinned: Sendable, Hashable {
    let width: Int
    let rows: Int
    let asides: Int
  }

  /// A typed passphrase is wiped after so long without a key.
  package static let idleMilliseconds: Int64 = 60_000
  static let armMilliseconds: Int64 = 700
  static let quietMilliseconds: Int64 = 300
  /// So long an acknowledgement covers agents that are hit besides.
  static let coveredMilliseconds: Int64 = 10_000
  /// Acknowledges whom it hits besides: a control key, since letters go into fields.
  package static let acknowledgeKey = KeyPress.control("o")

  package init(_ consent: Consent, at now: Timestamp) {
    self.consent = consent
    armed = now.advanced(byMilliseconds: ConsentModel.armMilliseconds)
    touched = now
    fields = consent.inputs.map { TextField($0.initial) }
    choice = consent.choice?.selected ?? 0
    known = KnownImpact(consent.impact)
    labelWidth = ConsentModel.labelWidth(consent.lines)
    focus = .text
    switch consent.request {
    case .vote(_, leaning: .deny), .denyAll:
      focus = order.first { if case .input = $0 { true } else { false } } ?? .text
    default: break
    }
    if consent.choice != nil { focus = .choice }
    switch consent.request {
    // Nothing of these is chosen: the first thing to fill is where one begins; reading goes on from there.
    case .lift: focus = firstToFill ?? focus
    case .rotate, .keyRequest: focus = .passphrase
    default: break
    }
  }

  /// The first field that must be filled and is empty.
  private var firstToFill: Focus? {
    consent.inputs.indices.first { index in
      guard fields[index].isEmpty else { return false }
      switch consent.inputs[index].kind {
      case .reason, .name: return true
      case .plan, .text: return false
      }
    }.map { .input($0) }
  }

  static func labelWidth(_ lines: [Line]) -> Int {
    min(16, max(10, lines.map { SafeText($0.label).width }.max() ?? 0))
  }

  /// What stays on the screen as long as it is so; above what is only said for a while.
  package var standing: String? {
    guard steps.isOpen else { return nil }
    if isLeaving { return "What was typed is not signed: Esc again leaves, any other key goes on" }
    if let ended = consent.ended { return "Nothing more to sign: \(ended)" }
    return unacknowledged.map {
      "Impact changed (\(ConsentModel.acknowledgeKey.name) acknowledges): \($0)"
    }
  }

  /// Set by the model: whether what lies beyond ASCII must be spelt out to be seen.
  package var isASCII = false
  /// Set by the model: what must be said of the deciding service, above what stands beside the text.
  package var serviceLines: [Line] = []
  var asides: [Line] { serviceLines + consent.asides }
  /// Set by the model: whether a passphrase is asked for here at all.
  package var needsPassphrase = true {
    didSet { if !needsPassphrase, focus == .passphrase { focus = isTouched ? .cancel : .text } }
  }

  package func isArmed(at now: Timestamp) -> Bool { now >= armed }

  /// Until when some key is not taken yet, if so: any of them, or Enter on a button.
  package func isEnabled(at now: Timestamp) -> Bool { enabled <= now }

  package var enabled: Timestamp {
    if case .button = focus { max(armed, pressable) } else { armed }
  }

  /// The newest thing said.
  package var notice: String { notices.newest }

  var order: [Focus] {
    var order: [Focus] = [.text]
    if consent.choice != nil { order.append(.choice) }
    order += consent.inputs.indices.map { .input($0) }
    if needsPassphrase { order.append(.passphrase) }
    order.append(.cancel)
    order += consent.buttons.indices.map { .button($0) }
    return order
  }

  /// The button that does what the dialog was opened for.
  package var action: Int? {
    let name: String? =
      switch consent.request {
      case .vote(_, leaning: .approve): "approve"
      case .vote(_, leaning: .deny): "deny"
      default: nil
      }
    let buttons = consent.buttons
    return name.flatMap { name in buttons.firstIndex { $0.name == name } } ?? buttons.indices.last
  }

  // MARK: the plan

  /// The plan that is chosen and typed, worked out or not.
  var plan: ConsentPlan {
    ConsentPlan(
      // A finding says what the person found; what is shown does not depend on it.
      choice: consent.choice?.isFinding == true ? -1 : choice,
      fields: Dictionary(
        uniqueKeysWithValues: zip(consent.inputs, fields).filter { $0.0.kind == .plan }.map {
          ($0.0.name, $0.1.text)
        }))
  }

  /// Whether what would be signed is not what is on the screen.
  var isPlanStale: Bool { !consent.answers(plan) }

  // MARK: what stands in the way

  package func facts(_ session: Session, _ key: KeyState, at now: Timestamp) -> SigningSteps.Facts {
    func text(_ isWanted: (Consent.Input.Kind) -> Bool) -> [(Consent.Input, String)] {
      zip(consent.inputs, fields).filter { isWanted($0.0.kind) }.map { ($0.0, $0.1.text) }
    }
    let names = text { if case .name = $0 { true } else { false } }
    let objection =
      if session.isReadOnly {
        "read only: this account cannot write to the registry"
      } else if session.who == nil {
        "you have no operator key here; see: countersign key new"
      } else if let ended = consent.ended {
        ended
      } else if isPlanStale {
        planProblem ?? "the plan is not worked out yet"
      } else if let deadline = consent.deadline, now >= deadline {
        "it has expired"
      } else {
        nil as String?
      }
    var facts = SigningSteps.Facts(
      unseen: unread,
      hasReason: text { $0 == .reason }.allSatisfy { !$0.1.isBlank },
      nameMatches: names.allSatisfy { input, text in
        if case .name(let wanted) = input.kind { text == wanted } else { true }
      },
      hasKey: !passphrase.isEmpty || !needsPassphrase,
      isImpactKnown: unacknowledged == nil,
      objection: objection)
    facts.hasFinding = consent.choice?.isFinding != true || choice >= 0
    return facts
  }

  /// What keeps one button from signing now.
  package func obstacles(
    _ button: Consent.Button, _ session: Session, _ key: KeyState, at now: Timestamp
  ) -> [String] {
    let name = consent.inputs.lazy.compactMap { input -> String? in
      if case .name(let wanted) = input.kind { wanted } else { nil }
    }.first
    return SigningSteps.obstacles(
      button, facts(session, key, at: now), name: name ?? "the name")
  }

  /// The reason typed here, for the next time.
  package var reason: String? {
    zip(consent.inputs, fields).first { $0.0.kind == .reason }.map(\.1.text)
  }

  // MARK: outcomes

  package mutating func recorded(index: UInt64, outcome: String) {
    passphrase.wipe()
    steps.recorded(index: index, outcome: outcome)
  }

  package mutating func refused(_ problem: String, as refusal: Refusal, at now: Timestamp) {
    switch refusal {
    case .final:
      passphrase.wipe()
      steps.refused(problem)
      return
    case .changed:
      steps.reopen()
      refreshing.missed()
    case .retry:
      passphrase.wipe()
      steps.reopen()
      focus = needsPassphrase ? .passphrase : .cancel
    }
    notices.say(problem, at: now)
  }

  package mutating func follow(_ progress: HoldProgress) { self.progress = progress }

  package mutating func say(_ text: String, at now: Timestamp) { notices.say(text, at: now) }

  /// Forgets a passphrase that has stood there unused.
  package mutating func expire(at now: Timestamp) {
    guard !passphrase.isEmpty, now.milliseconds(since: touched) > ConsentModel.idleMilliseconds
    else { return }
    passphrase.wipe()
    notices.say("the passphrase was forgotten after a minute without a key", at: now)
  }
}

/// Whether this person's key could sign right now.
package enum KeyState: Sendable, Hashable {
  case locked
  case unlocked(until: Timestamp)

  package func isUnlocked(at now: Timestamp) -> Bool {
    if case .unlocked(let until) = self { now < until } else { false }
  }
}

extension Session.Signer {
  package var isAgent: Bool { if case .agent = self { true } else { false } }
}

extension String {
  var isBlank: Bool { allSatisfy(\.isWhitespace) }
}
