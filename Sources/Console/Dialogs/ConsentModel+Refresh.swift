package import Statements

/// When a dialog asks how things stand: one question at a time, and not all the time.
struct ConsentRefreshing: Sendable, Hashable {
  private var asked: Timestamp?
  private var next = Timestamp(milliseconds: 0)
  /// The registry has moved since the last question.
  private var isDue = false

  private static let leastMilliseconds: Int64 = 250
  private static let mostMilliseconds: Int64 = 5_000

  /// Whether to ask now; else it is asked later.
  mutating func begins(at now: Timestamp) -> Bool {
    let isAsked = asked.map {
      now.milliseconds(since: $0) < 2 * ConsentRefreshing.mostMilliseconds
    }
    guard isAsked != true, now >= next else {
      isDue = true
      return false
    }
    asked = now
    isDue = false
    return true
  }

  /// Whether a question was put off that may be asked now.
  mutating func isOverdue(at now: Timestamp) -> Bool { isDue && begins(at: now) }

  /// What takes long to answer is asked less often.
  mutating func answered(at now: Timestamp) {
    guard let began = asked else { return }
    asked = nil
    let took = now.milliseconds(since: began)
    next = now.advanced(
      byMilliseconds: min(
        ConsentRefreshing.mostMilliseconds, max(ConsentRefreshing.leastMilliseconds, 4 * took)))
  }

  mutating func missed() { isDue = true }
}

extension ConsentModel {
  /// What to ask for to see how things stand now, if it is time: what is shown, not what is being typed.
  mutating func refreshes(at now: Timestamp) -> ConsentPlan? {
    refreshing.begins(at: now) ? consent.plan : nil
  }

  mutating func overdueRefresh(at now: Timestamp) -> ConsentPlan? {
    steps.isOpen && refreshing.isOverdue(at: now) ? consent.plan : nil
  }

  /// Takes the same thing as it is now.
  ///
  /// Counts change in place; nothing that was typed, chosen or focused
  /// does.
  package mutating func refresh(_ newer: Consent, at now: Timestamp) {
    guard newer.request == consent.request else { return }
    refreshing.answered(at: now)
    guard steps.isOpen else {
      // It is over: what became of it is shown, nothing can be done with it any more.
      if case .denyAll = consent.request { consent = newer }
      return
    }
    let wanted = plan
    if newer.answers(wanted) {
      adopt(newer, isOwn: isPlanStale, at: now)
    } else if newer.answers(consent.plan) {
      adopt(newer, isOwn: false, at: now)
    } else {
      // Worked out for what has been changed since.
      refreshing.missed()
    }
  }

  /// The plan that is typed cannot be worked out, or how things stand cannot be read.
  ///
  /// `isGone`: Whether what the dialog is about is there no more: then nothing can be signed.
  package mutating func failed(_ problem: String, isGone: Bool, at now: Timestamp) {
    refreshing.answered(at: now)
    guard steps.isOpen else { return }
    if isGone { consent.ended = consent.ended ?? problem }
    if isPlanStale { planProblem = problem }
    notices.say(problem, at: now)
  }

  /// `isOwn`: Whether the plan is another by this person's own choice.
  private mutating func adopt(_ newer: Consent, isOwn: Bool, at now: Timestamp) {
    let before = consent
    let focused = focusedName
    for (input, field) in zip(before.inputs, fields) { kept[input.name] = field.text }
    consent = newer.keeping(before.buttons)
    fields = newer.inputs.map { input in
      let text = kept[input.name]
      // A plan's own field comes back as the plan understood it.
      if input.kind == .plan, isOwn, text == newer.asked[input.name] {
        return TextField(input.initial)
      }
      guard let text, !isOwn || typed.contains(input.name) else { return TextField(input.initial) }
      return TextField(text)
    }
    refocus(focused)
    if !isPlanStale { (planProblem, askedPlan) = (nil, nil) }
    guard !isOwn else {
      // Asked for and shown: this is what is decided on from here.
      scroll = 0
      pinned = nil
      labelWidth = ConsentModel.labelWidth(newer.lines)
      known = KnownImpact(newer.impact)
      unacknowledged = nil
      return
    }
    let changes = newer.changes(from: before.facts)
    if !changes.isEmpty, newer.ended == nil {
      closeReadGate()
      let isRead = newer.buttons.contains { $0.needs.contains(.read) }
      notices.say(
        "Impact changed: " + changes.joined(separator: ", ") + (isRead ? "; read it again" : ""),
        at: now)
    }
    look(at: newer.impact, now)
  }

  /// Who is hit that was not, and whether that must be acknowledged.
  private mutating func look(at impact: Impact, _ now: Timestamp) {
    guard let news = known.news(in: impact) else {
      unacknowledged = nil
      return
    }
    if now < acknowledged, impact.quorums.isSubset(of: known.quorums) {
      known.learn(impact)
      notices.say("Impact changed: \(news)", at: now)
    } else {
      unacknowledged = news
    }
  }

  /// The person has seen whom it hits besides.
  mutating func acknowledge(at now: Timestamp) {
    guard unacknowledged != nil else { return }
    known.learn(consent.impact)
    unacknowledged = nil
    acknowledged = now.advanced(byMilliseconds: ConsentModel.coveredMilliseconds)
  }

  // MARK: the focus

  /// What is focused, by its name: its number may change.
  private enum FocusedName {
    case input(String)
    case button(String)
  }

  private var focusedName: FocusedName? {
    switch focus {
    case .input(let index): .input(consent.inputs[index].name)
    case .button(let index): .button(consent.buttons[index].name)
    default: nil
    }
  }

  private mutating func refocus(_ name: FocusedName?) {
    switch name {
    case .input(let name):
      focus = consent.inputs.firstIndex { $0.name == name }.map(Focus.input) ?? .cancel
    case .button(let name):
      focus = consent.buttons.firstIndex { $0.name == name }.map(Focus.button) ?? .cancel
    case nil: break
    }
  }
}

extension Consent {
  /// The same with the buttons of before in their places: one that is offered no more stays, disabled.
  fileprivate func keeping(_ before: [Button]) -> Consent {
    let kept = before.map { old in
      buttons.first { $0.name == old.name }
        ?? Button(old.name, old.label, needs: old.needs, objection: "it can no longer be done")
    }
    let new = buttons.filter { button in !before.contains { $0.name == button.name } }
    var consent = self
    consent.buttons = kept + new
    return consent
  }
}
