import Cells
package import Statements

extension ConsentModel {
  package enum Outcome: Sendable, Equatable {
    case none
    /// `isUnsigned`: Something had been typed, and nothing was signed.
    case close(isUnsigned: Bool)
    /// The plan is to be worked out again.
    case replan(ConsentPlan)
    case sign(Submission)
    case copy(String)
    case open(DocumentRequest)
    case export([String])
    /// The command line, over this dialog.
    case commandLine
    /// A lock of what this is about, over this dialog.
    case lock
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
    (touched, isTouched) = (now, true)
    notices.settle(rows: standing == nil ? ConsentLayout.notices : 1, at: now, isPressed: true)
    if key == .escape { return leave() }
    guard steps.isOpen else {
      if case .signing = steps.stage(facts(session, keyState, at: now)) { return .none }
      return key == .enter || key == .character("q") ? close() : .none
    }
    if isLeaving, !(key == .enter && focus == .cancel) {
      isLeaving = false
      // Enter answers the question; it presses nothing.
      if key == .enter { return .none }
    }
    let before = (focus, plan)
    let outcome: Outcome
    switch key {
    case ConsentModel.acknowledgeKey:
      acknowledge(at: now)
      outcome = .none
    case .tab, .backTab:
      move(key == .tab ? 1 : -1)
      outcome = .none
    case .pageDown:
      pageDown(rows)
      outcome = .none
    case .pageUp:
      pageUp(rows)
      outcome = .none
    default: outcome = act(key, session, keyState, reasons, rows, at: now)
    }
    guard outcome == .none, isPlanStale, focus != before.0 || plan.choice != before.1.choice else {
      return outcome
    }
    // What was typed is worked out when its field is left.
    guard plan != askedPlan || planProblem != nil else { return outcome }
    planProblem = nil
    askedPlan = plan
    return .replan(plan)
  }

  // MARK: leaving

  /// Asks once where something has been typed.
  private mutating func leave() -> Outcome {
    guard steps.isOpen, isTyped, !isLeaving else { return close() }
    isLeaving = true
    return .none
  }

  /// Whether something has been typed that leaving would lose.
  var isTyped: Bool {
    !passphrase.isEmpty || consent.choice?.isFinding == true && choice >= 0
      || zip(consent.inputs, fields).contains {
        typed.contains($0.name) && !$1.isEmpty && (!$0.isPrefilled || $1.text != $0.initial)
      }
  }

  private mutating func close() -> Outcome {
    let isTyped = isTyped
    passphrase.wipe()
    return .close(isUnsigned: isTyped && steps.isOpen)
  }

  // MARK: moving

  mutating func move(_ step: Int) {
    let order = order
    let index = order.firstIndex(of: focus) ?? 0
    focus = order[(index + step + order.count) % order.count]
  }

  /// On to what is still missing after this field, else to what is missing before it, else to the button
  /// of what this dialog is for: there Enter counts once it has been quiet for a moment.
  private mutating func goOn(_ session: Session, _ keyState: KeyState, at now: Timestamp) {
    guard let action else { return move(1) }
    let button = consent.buttons[action]
    let missing = missing(button)
    let order = order
    let here = order.firstIndex(of: focus) ?? 0
    let later = missing.filter { (order.firstIndex(of: $0) ?? 0) > here }
    if let next = later.first ?? missing.first {
      if next == focus {
        let found = obstacles(button, session, keyState, at: now)
        notices.say(Self.disabled(found), at: now)
      }
      focus = next
      return
    }
    var found = obstacles(button, session, keyState, at: now)
    // It is being worked out by leaving this field.
    if isPlanStale, planProblem == nil, consent.ended == nil { found = [] }
    guard found.isEmpty || unacknowledged != nil && consent.ended == nil && button.objection == nil
    else {
      notices.say(Self.disabled(found), at: now)
      focus = .cancel
      return
    }
    focus = .button(action)
    pressable = now.advanced(byMilliseconds: ConsentModel.quietMilliseconds)
  }

  /// Where what a button needs is still to be given, in the order of the fields.
  private func missing(_ button: Consent.Button) -> [Focus] {
    var found: [Focus] = []
    if button.needs.contains(.read), unread > 0 { found.append(.text) }
    if button.needs.contains(.finding), choice < 0 { found.append(.choice) }
    for (index, input) in consent.inputs.enumerated() {
      switch input.kind {
      case .reason:
        if button.needs.contains(.reason), fields[index].text.isBlank {
          found.append(.input(index))
        }
      case .name(let wanted):
        if button.needs.contains(.name), fields[index].text != wanted {
          found.append(.input(index))
        }
      case .plan, .text: break
      }
    }
    if button.needs.contains(.key), needsPassphrase, passphrase.isEmpty {
      found.append(.passphrase)
    }
    return found
  }

  /// What is said of a button that cannot be pressed begins so.
  static let disabledMark = "Disabled: "

  /// `Disabled: type it (2 more)`.
  package static func disabled(_ found: [String]) -> String {
    guard let first = found.first else { return "" }
    return "\(disabledMark)\(first)" + (found.count > 1 ? " (\(found.count - 1) more)" : "")
  }

  // MARK: what each field does

  private mutating func act(
    _ key: KeyPress, _ session: Session, _ keyState: KeyState, _ reasons: [String], _ rows: Int,
    at now: Timestamp
  ) -> Outcome {
    switch focus {
    case .text:
      guard key == .enter else { return reading(key, rows, at: now) }
      goOn(session, keyState, at: now)
    case .choice:
      if key == .enter { goOn(session, keyState, at: now) } else { choose(key, at: now) }
    case .input(let index):
      if key == .enter {
        goOn(session, keyState, at: now)
      } else {
        type(key, index, reasons)
      }
    case .passphrase:
      if !passphrase.take(key) {
        if key == .enter { goOn(session, keyState, at: now) }
        if key == .down { move(1) }
        if key == .up { move(-1) }
      }
    case .cancel, .button: return press(key, session, keyState, at: now)
    }
    return .none
  }

  private mutating func reading(_ key: KeyPress, _ rows: Int, at now: Timestamp) -> Outcome {
    let here = first(visible: rows)
    switch key {
    case .character("j"), .down: scroll = here + 1
    case .character("k"), .up: scroll = max(0, here - 1)
    case .character("G"), .end: scroll = rowCount
    case .character("g"), .home: scroll = 0
    case .character(" "), .control("f"): pageDown(rows)
    case .control("b"): pageUp(rows)
    case .character("y"): return .copy(consent.digest)
    case .character("h"): showsHashes.toggle()
    case .character("J"):
      if case .vote(let hold, _) = consent.request { return .open(.json(.hold(hold))) }
      if case .proposal(let digest) = consent.request { return .open(.json(.proposal(digest))) }
      if let target = consent.contents { return .open(.json(target)) }
    case .character("W"):
      if case .vote(let hold, _) = consent.request { return .open(.why(.hold(hold))) }
      if let target = consent.contents { return .open(.card(target)) }
    case .character("e"): return .export(text)
    case .character(":"): return .commandLine
    case .character("L"): return .lock
    case .paste: notices.say("pasted text never decides; it was dropped", at: now)
    default: break
    }
    return .none
  }

  /// The plan as text, to keep.
  private var text: [String] {
    [consent.title.text, consent.heading.text]
      + (consent.lines + consent.hashes).map {
        ($0.label.isEmpty ? "" : $0.label + "  ") + $0.text.text
      }
      + ["countersign " + consent.command.joined(separator: " ")]
  }

  private mutating func choose(_ key: KeyPress, at now: Timestamp) {
    guard let options = consent.choice?.options, !options.isEmpty else { return }
    switch key {
    case .left, .character("h"):
      choice = choice < 0 ? options.count - 1 : (choice + options.count - 1) % options.count
    case .right, .character("l"): choice = (choice + 1) % options.count
    case .down: move(1)
    case .up: move(-1)
    case .paste: notices.say("pasted text never decides; it was dropped", at: now)
    default: break
    }
  }

  private mutating func type(_ key: KeyPress, _ index: Int, _ reasons: [String]) {
    let input = consent.inputs[index]
    let isReason = input.kind == .reason
    switch key {
    case .up where isReason && !reasons.isEmpty:
      if recalled == nil { draft = fields[index].text }
      let next = min(reasons.count - 1, (recalled ?? -1) + 1)
      recalled = next
      fields[index] = TextField(reasons[next])
      typed.insert(input.name)
    case .down where isReason && recalled != nil:
      let next = (recalled ?? 0) - 1
      recalled = next < 0 ? nil : next
      fields[index] = TextField(next < 0 ? draft : reasons[next])
    case .up: move(-1)
    case .down: move(1)
    default:
      recalled = nil
      if fields[index].take(key) { typed.insert(input.name) }
    }
  }

  private mutating func press(
    _ key: KeyPress, _ session: Session, _ keyState: KeyState, at now: Timestamp
  ) -> Outcome {
    switch key {
    case .left, .up: if focus != .cancel || key == .up { move(-1) }
    case .right: if focus != order.last { move(1) }
    case .paste: notices.say("pasted text never decides; it was dropped", at: now)
    case .character(":"): return .commandLine
    case .enter:
      guard case .button(let index) = focus else { return leave() }
      guard now >= pressable else {
        pressable = now.advanced(byMilliseconds: ConsentModel.quietMilliseconds)
        return .none
      }
      let button = consent.buttons[index]
      let found = obstacles(button, session, keyState, at: now)
      guard found.isEmpty, steps.press(button, facts(session, keyState, at: now)) else {
        notices.say(
          found.count > 1
            ? Self.disabledMark + found.joined(separator: ", ") : Self.disabled(found),
          at: now)
        return .none
      }
      return .sign(
        Submission(
          of: consent, button: button.name, choice: choice,
          inputs: Dictionary(
            uniqueKeysWithValues: zip(consent.inputs.map(\.name), fields.map(\.text)))))
    default: break
    }
    return .none
  }
}

extension Consent.Input {
  /// Whether it comes with a text that may stay as it is.
  fileprivate var isPrefilled: Bool { !initial.isEmpty && kind != .plan }
}
