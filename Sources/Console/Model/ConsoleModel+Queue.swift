import Cells
import Keys
import Statements

// The approval queue: whom its holds wait for, groups of equal holds, and where a vote leads.
extension ConsoleModel {
  /// Whether the queue shows only what needs this person: what it opens with, for who can sign.
  package var showsNeededOnly: Bool {
    session.who != nil && asOf == nil && !settings.memory.showsAllHolds
  }

  /// A list that has not been read yet, in the order and scope that are kept.
  func unread(_ view: View, like known: ListState) -> ListState {
    var fresh = ListState(view)
    fresh.sort(by: known.order, reversed: known.isReversed)
    fresh.onlyNeeded = view == .approvals && showsNeededOnly
    return fresh
  }

  /// Changes between the holds that need this person and all that are open.
  mutating func showAll() -> [Effect] {
    settings.memory.showsAllHolds.toggle()
    list.onlyNeeded = showsNeededOnly
    say(
      list.onlyNeeded ? "showing the holds that need you" : "showing every open hold",
      isKept: false)
    return [.load(list.restart(page: layout.rows)), .remember(settings.memory)]
  }

  /// What the verified state says of a hold, where it has been asked.
  func isNeeded(_ row: ListRow) -> Bool {
    guard !row.isGone, case .hold(let hold)? = row.hold.map(Target.hold) else { return false }
    return standing[hold.hex].map { $0 == "needs you" } ?? row.needsViewer
  }

  /// How many holds need this person: as rows count them, put right where the verified state says
  /// otherwise of a row that is loaded.
  package var neededCount: Int {
    guard let status, session.who != nil else { return 0 }
    var count = status.neededCount
    for row in lists[View.approvals.rawValue].rows where !row.isGone && row.count == 1 {
      guard let hold = row.hold, let word = standing[hold.hex] else { continue }
      if row.needsViewer, word != "needs you" { count -= 1 }
      if !row.needsViewer, word == "needs you" { count += 1 }
    }
    return max(0, count)
  }

  /// The holds that stand in loaded rows: the verified state is asked of these, however many wait.
  var holdsInSight: [Digest] { lists[View.approvals.rawValue].rows.compactMap(\.hold) }

  // MARK: groups

  /// Shows the holds of the selected group one by one, or folds them again.
  mutating func openGroup() -> [Effect] {
    guard let row = list.selectedRow else { return [] }
    return list.unfold(row.branch == .folded, page: layout.rows).map { [.load($0)] } ?? []
  }

  /// `h` and `l` on the queue: fold and unfold, as in the tree.
  mutating func foldGroup(_ command: Command) -> [Effect]? {
    guard view == .approvals, let row = list.selectedRow else { return nil }
    switch (command, row.branch, row.depth) {
    case (.right, .folded, _), (.left, .open, _): return openGroup()
    case (.left, .folded, _): return list.unfold(false, page: layout.rows).map { [.load($0)] }
    case (.left, _, 1...):
      return list.moveToGroup(visible: layout.rows, at: now).map { [.load($0)] } ?? []
    default: return nil
    }
  }

  /// The holds of a group are known: opens the dialog that denies them, if it is still wanted.
  mutating func take(members holds: [Digest], of group: Digest, hasMore: Bool) -> [Effect] {
    guard isWanted(.members(group)) else { return [] }
    guard !holds.isEmpty else {
      say("none of these holds is pending any more", isBad: true)
      return []
    }
    let effects =
      holds.count == 1 ? open(.vote(holds[0], leaning: .deny)) : open(.denyAll(holds))
    if hasMore {
      say(
        "the first \(holds.count) holds of this group: x again for the rest, or L locks the agent")
    }
    return effects
  }

  /// Where the cursor goes once this person has voted: to what needs them next.
  mutating func voted(on hold: Digest) -> [Effect] {
    guard view == .approvals, selected == .hold(hold) else { return [] }
    // Nothing stands in the way of the next one: it is known to be done before the list is.
    standing[hold.hex] = "you voted"
    let model = self
    return list.moveToNeeded(visible: layout.rows, at: now) { model.isNeeded($0) }
      .map { [.load($0)] } ?? []
  }
}
