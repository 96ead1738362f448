import Cells

/// What the approval queue says of itself: its title, badge, hints and empty state.
enum QueueWords {
  /// `112`, or `1000+` where more wait than are counted.
  private static func total(_ model: ConsoleModel) -> String {
    let status = model.status
    return "\(status?.pendingCount ?? 0)\(status?.isFloor == true ? "+" : "")"
  }

  /// In the tab: ` 3/112!`, those that need this person first; without a person ` 112!`.
  static func badge(_ model: ConsoleModel) -> String {
    guard let status = model.status, status.pendingCount > 0 else { return "" }
    guard model.session.who != nil else { return " \(total(model))!" }
    let needed = model.neededCount
    return " \(needed)/\(total(model))\(needed > 0 ? "!" : "")"
  }

  /// In the title: what is shown of all there is.
  static func scope(_ model: ConsoleModel) -> String {
    let list = model.list
    if list.showsEnded { return "all, ended ones too" }
    guard let status = model.status, !model.isPast else { return "open" }
    guard model.session.who != nil else { return "\(total(model)) open" }
    let needed = "\(model.neededCount) \(model.neededCount == 1 ? "needs" : "need") you"
    guard status.pendingCount > 0 else { return list.onlyNeeded ? "need you" : "open" }
    return list.onlyNeeded ? "\(needed) / \(total(model))" : "open \(total(model)), \(needed)"
  }

  static func empty(_ model: ConsoleModel) -> String {
    let waiting = model.status?.pendingCount ?? 0
    guard model.list.onlyNeeded, !model.list.showsEnded, waiting > 0 else {
      return "nothing waits for approval"
    }
    let key = model.settings.keymap.shown(.showAll)
    return "nothing needs you; \(key) shows "
      + (waiting == 1 ? "the one open hold" : "all \(total(model)) open holds")
  }

  static func hints(
    _ model: ConsoleModel, _ hint: (Command, String) -> Screen.Hint?
  ) -> [Screen.Hint?] {
    let row = model.list.selectedRow
    let scope =
      model.session.who == nil || model.isPast
      ? nil : hint(.showAll, model.list.onlyNeeded ? "all" : "only mine")
    if case .group? = row?.target {
      let lock = hint(.lock, "lock\u{2026}")
      let own = [
        hint(.open, row?.branch == .open ? "fold" : "unfold"), hint(.deny, "deny all\u{2026}"),
      ]
      // A flood is stopped at its source first.
      return (row?.isFlood == true ? [lock] + own : own + [lock]) + [scope]
    }
    let lock = hint(.lock, "lock\u{2026}")
    return [
      model.isPast ? nil : hint(.open, "review"), hint(.approve, "approve\u{2026}"),
      hint(.deny, "deny\u{2026}"), scope, hint(.why, "why"), lock, hint(.mark, "mark"),
    ]
  }
}
