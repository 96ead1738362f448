import Cells
import Keys
package import Statements

/// The dialog in which something is signed: read, decide, open the key, sign, follow.
package struct ConsentModel: Sendable {
  package enum Focus: Sendable, Hashable {
    case text
    case choice
    case input(Int)
    case passphrase
    case cancel
    case button(Int)
  }

  package private(set) var consent: Consent
  package private(set) var steps = SigningSteps()
  package private(set) var focus: Focus
  package private(set) var scroll = 0
  /// How many rows of the wrapped text have been on the screen, from the first on.
  package private(set) var rowsSeen = 0
  package private(set) var rowCount = Int.max
  private var wrapWidth = 0
  package private(set) var fields: [TextField]
  package private(set) var choice: Int
  package let passphrase = PassphraseField()
  /// Keys count from here on: 0.7 s after opening and after 0.3 s of quiet.
  private var armed: Timestamp
  /// The last key; a passphrase does not stay for ever.
  private var touched: Timestamp
  package private(set) var notice = ""
  /// How the hold goes on.
  package private(set) var progress: HoldProgress?
  /// Where in the earlier reasons Up has got to.
  private var recalled: Int?
  private var draft = ""
  /// Whether a change of the plan is this person's own doing.
  private var awaitsPlan = false

  /// A typed passphrase is wiped after so long without a key.
  package static let idleMilliseconds: Int64 = 60_000
  private static let armMilliseconds: Int64 = 700
  private static let quietMilliseconds: Int64 = 300

  package init(_ consent: Consent, at now: Timestamp) {
    self.consent = consent
    armed = now.advanced(byMilliseconds: ConsentModel.armMilliseconds)
    touched = now
    fields = consent.inputs.map { TextField($0.initial) }
    choice = consent.choice?.selected ?? 0
    focus = .text
    switch consent.request {
    case .vote(_, leaning: .deny), .denyAll:
      focus = order.first { if case .input = $0 { true } else { false } } ?? .text
    default: break
    }
    if consent.choice != nil { focus = .choice }
  }

  package func isArmed(at now: Timestamp) -> Bool { now >= armed }

  /// Whether a field that the plan rests on says something else than the plan that is shown.
  private var isPlanStale: Bool {
    zip(consent.inputs, fields).contains { $0.kind == .plan && $1.text != $0.initial }
  }

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
      } else if awaitsPlan || isPlanStale {
        // What would be signed is not what is on the screen.
        "the plan is not worked out yet"
      } else if let deadline = consent.deadline, now >= deadline {
        "it has expired"
      } else {
        nil as String?
      }
    return SigningSteps.Facts(
      unseen: max(0, rowCount - rowsSeen),
      hasReason: text { $0 == .reason }.allSatisfy { !$0.1.isBlank },
      nameMatches: names.allSatisfy { input, text in
        if case .name(let wanted) = input.kind { text == wanted } else { true }
      },
      hasKey: !passphrase.isEmpty || !needsPassphrase,
      objection: objection)
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

  // MARK: reading

  /// The lines that bind, wrapped so that nothing is cut.
  package func rows(width: Int) -> [Line] {
    consent.lines.flatMap { line in
      (isASCII ? line.text.escapedToASCII : line.text).wrapped(to: width).enumerated().map {
        index, part in
        Line(index == 0 ? line.label : "", part, line.role, target: line.target)
      }
    }
  }

  /// Notes what was drawn: only what stood on the screen has been seen.
  package mutating func show(rows visible: Int, width: Int) {
    rowCount = rows(width: width).count
    if width != wrapWidth {
      // Other rows than before: what counted as seen may not have been.
      wrapWidth = width
      rowsSeen = 0
    }
    scroll = max(0, min(scroll, rowCount - visible))
    if visible > 0, scroll <= rowsSeen {
      rowsSeen = max(rowsSeen, min(rowCount, scroll + visible))
    }
  }

  /// Takes the same thing as it is now: any change returns to reading and clears what was typed.
  package mutating func refresh(_ newer: Consent) {
    guard newer.request == consent.request else { return }
    guard steps.isOpen else {
      // It is over: what became of it is shown, nothing can be done with it any more.
      if case .denyAll = consent.request { consent = newer }
      return
    }
    guard newer.differs(from: consent) else {
      consent = newer
      awaitsPlan = false
      return
    }
    let isOwn = awaitsPlan
    awaitsPlan = false
    let kept = fields
    consent = newer
    fields = newer.inputs.enumerated().map { index, input in
      let isName = if case .name = input.kind { true } else { false }
      // A plan's own field comes back as the plan understood it.
      if input.kind == .plan, isOwn { return TextField(input.initial) }
      return isName || index >= kept.count ? TextField(input.initial) : kept[index]
    }
    scroll = 0
    rowsSeen = 0
    wrapWidth = 0
    passphrase.wipe()
    choice = newer.choice?.selected ?? 0
    guard !isOwn else { return }
    focus = .text
    notice = "it has changed: read it again"
  }

  // MARK: keys

  package enum Outcome: Sendable, Equatable {
    case none
    /// `isUnsigned`: Something had been typed, and nothing was signed.
    case close(isUnsigned: Bool)
    /// The plan is to be worked out again.
    case replan
    case sign(Submission)
    case copy(String)
    case open(DocumentRequest)
    case export([String])
  }

  private var order: [Focus] {
    var order: [Focus] = [.text]
    if consent.choice != nil { order.append(.choice) }
    order += consent.inputs.indices.map { .input($0) }
    if needsPassphrase { order.append(.passphrase) }
    order.append(.cancel)
    order += consent.buttons.indices.map { .button($0) }
    return order
  }

  /// Set by the model: whether what lies beyond ASCII must be spelt out to be seen.
  package var isASCII = false
  /// Set by the model: whether a passphrase is asked for here at all.
  package var needsPassphrase = true {
    didSet { if !needsPassphrase, focus == .passphrase { focus = .cancel } }
  }

  package mutating func take(
    _ key: KeyPress, _ session: Session, _ keyState: KeyState, reasons: [String], rows: Int,
    at now: Timestamp
  ) -> Outcome {
    // Going back is never a mistake that cannot be mended: it need not wait.
    guard isArmed(at: now) || key == .escape else {
      armed = max(armed, now.advanced(byMilliseconds: ConsentModel.quietMilliseconds))
      return .none
    }
    touched = now
    notice = ""
    if key == .escape {
      return close()
    }
    guard steps.isOpen else {
      if case .signing = steps.stage(facts(session, keyState, at: now)) { return .none }
      return key == .enter || key == .character("q") ? close() : .none
    }
    switch key {
    case .tab, .backTab:
      move(key == .tab ? 1 : -1)
      guard isPlanStale, !awaitsPlan else { return .none }
      awaitsPlan = true
      return .replan
    case .pageDown: scroll += max(1, rows - 1)
    case .pageUp: scroll = max(0, scroll - max(1, rows - 1))
    default: return act(key, session, keyState, reasons, at: now)
    }
    return .none
  }

  private mutating func close() -> Outcome {
    let isTyped =
      !passphrase.isEmpty || zip(consent.inputs, fields).contains { $0.initial != $1.text }
    passphrase.wipe()
    return .close(isUnsigned: isTyped && steps.isOpen)
  }

  private mutating func move(_ step: Int) {
    let order = order
    let index = order.firstIndex(of: focus) ?? 0
    focus = order[(index + step + order.count) % order.count]
  }

  private mutating func act(
    _ key: KeyPress, _ session: Session, _ keyState: KeyState, _ reasons: [String],
    at now: Timestamp
  ) -> Outcome {
    switch focus {
    case .text: return read(key)
    case .choice: return choose(key)
    case .input(let index): return type(key, index, reasons)
    case .passphrase:
      // Enter goes on to the buttons; it never presses one from here.
      if !passphrase.take(key), key == .enter || key == .down { move(1) }
      if key == .up { move(-1) }
    case .cancel, .button: return press(key, session, keyState, at: now)
    }
    return .none
  }

  private mutating func read(_ key: KeyPress) -> Outcome {
    switch key {
    case .character("j"), .down: scroll += 1
    case .character("k"), .up: scroll = max(0, scroll - 1)
    case .character("G"), .end: scroll = rowCount
    case .character("g"), .home: scroll = 0
    case .character(" "), .control("f"): scroll += max(1, 10)
    case .character("y"): return .copy(consent.digest)
    case .character("J"):
      if case .vote(let hold, _) = consent.request { return .open(.json(.hold(hold))) }
      if case .proposal(let digest) = consent.request { return .open(.json(.proposal(digest))) }
    case .character("W"):
      if case .vote(let hold, _) = consent.request { return .open(.why(.hold(hold))) }
    case .character("e"):
      return .export(plan)
    case .enter: move(1)
    case .paste: notice = "pasted text never decides; it was dropped"
    default: break
    }
    return .none
  }

  /// The plan as text, to keep.
  private var plan: [String] {
    [consent.title.text, consent.heading.text]
      + consent.lines.map { ($0.label.isEmpty ? "" : $0.label + "  ") + $0.text.text }
      + ["countersign " + consent.command.joined(separator: " ")]
  }

  private mutating func choose(_ key: KeyPress) -> Outcome {
    guard let options = consent.choice?.options, !options.isEmpty else { return .none }
    switch key {
    case .left, .character("h"): choice = (choice + options.count - 1) % options.count
    case .right, .character("l"): choice = (choice + 1) % options.count
    case .enter, .down:
      move(1)
      return .none
    case .up:
      move(-1)
      return .none
    case .paste:
      notice = "pasted text never decides; it was dropped"
      return .none
    default: return .none
    }
    awaitsPlan = true
    return .replan
  }

  private mutating func type(_ key: KeyPress, _ index: Int, _ reasons: [String]) -> Outcome {
    let isReason = consent.inputs[index].kind == .reason
    switch key {
    case .up where isReason && !reasons.isEmpty:
      if recalled == nil { draft = fields[index].text }
      let next = min(reasons.count - 1, (recalled ?? -1) + 1)
      recalled = next
      fields[index] = TextField(reasons[next])
      return .none
    case .down where isReason && recalled != nil:
      let next = (recalled ?? 0) - 1
      recalled = next < 0 ? nil : next
      fields[index] = TextField(next < 0 ? draft : reasons[next])
      return .none
    case .up:
      move(-1)
      return .none
    case .enter, .down:
      move(1)
      guard consent.inputs[index].kind == .plan else { return .none }
      awaitsPlan = true
      return .replan
    default: break
    }
    recalled = nil
    _ = fields[index].take(key)
    return .none
  }

  private mutating func press(
    _ key: KeyPress, _ session: Session, _ keyState: KeyState, at now: Timestamp
  ) -> Outcome {
    switch key {
    case .left, .up: if focus != .cancel || key == .up { move(-1) }
    case .right: if focus != order.last { move(1) }
    case .paste: notice = "pasted text never decides; it was dropped"
    case .enter:
      guard case .button(let index) = focus else {
        return close()
      }
      let button = consent.buttons[index]
      let found = obstacles(button, session, keyState, at: now)
      guard found.isEmpty, steps.press(button, facts(session, keyState, at: now)) else {
        notice = "off: " + found.joined(separator: ", ")
        return .none
      }
      return .sign(
        Submission(
          request: consent.request, button: button.name, choice: choice,
          inputs: Dictionary(
            uniqueKeysWithValues: zip(consent.inputs.map(\.name), fields.map(\.text))),
          digest: consent.digest))
    default: break
    }
    return .none
  }

  /// What the plan rests on, to work it out again.
  package var planInputs: [String: String] {
    Dictionary(uniqueKeysWithValues: zip(consent.inputs.map(\.name), fields.map(\.text)))
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

  package mutating func refused(_ problem: String, isFinal: Bool) {
    passphrase.wipe()
    if isFinal {
      steps.refused(problem)
    } else {
      steps.reopen()
      focus = needsPassphrase ? .passphrase : .cancel
      notice = problem
    }
  }

  package mutating func follow(_ progress: HoldProgress) { self.progress = progress }

  package mutating func say(_ text: String) { notice = text }

  /// Forgets a passphrase that has stood there unused.
  package mutating func expire(at now: Timestamp) {
    guard !passphrase.isEmpty, now.milliseconds(since: touched) > ConsentModel.idleMilliseconds
    else { return }
    passphrase.wipe()
    notice = "the passphrase was forgotten after a minute without a key"
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
  fileprivate var isBlank: Bool { allSatisfy(\.isWhitespace) }
}
