import Cells
package import Keys
package import Statements

/// One list as it stands: a window of rows around the selection, which follows identity.
package struct ListState: Sendable {
  package let view: View
  package private(set) var rows: [ListRow] = []
  package private(set) var isLoaded = false
  package private(set) var hasBefore = false
  package private(set) var hasAfter = false
  package private(set) var selected: Target?
  /// Where the selection stands in ``rows``.
  package private(set) var index = 0
  /// The first row on the screen.
  package private(set) var top = 0
  /// Steps still to take once the rows are there.
  private var owed = 0
  package private(set) var serial = 0
  /// The request on its way, if any.
  package private(set) var awaited: ListRequest?
  package var filter = TextField()
  package private(set) var order: Order
  package private(set) var isReversed = false
  package private(set) var marks: [Target: ListRow] = [:]
  private var rangeStart: Int?
  package private(set) var showsEnded = false
  package private(set) var collapses = true
  package private(set) var searched: Int?
  /// The filter that ``rows`` came through.
  private var shown: String?
  /// Whether the rows shown include ended ones, and only those that need the viewer.
  private var shownScope = (ended: false, needed: false)
  package private(set) var total: ListPage.Total?
  /// How many rows stand before the first of ``rows``, if that is known.
  package private(set) var rank: Int? = 0
  package private(set) var lastMoved = Timestamp(milliseconds: 0)
  /// Rows that came while the cursor was elsewhere.
  package private(set) var unseen = 0
  package private(set) var xOffset = 0
  /// Whether the newest row is selected as it comes.
  package private(set) var follows: Bool
  /// The place of the newest row when following stopped.
  package private(set) var pausedAt: UInt64?
  private var isStale = false
  /// Only what needs this person is shown; the queue's own filter, which one key lifts.
  package var onlyNeeded = false
  /// Groups of holds whose holds are shown one by one.
  package private(set) var unfolded: Set<Digest> = []
  /// The request that reads the same list again because the registry moved: it takes no row from
  /// under the cursor.
  private var refreshing: Int?

  /// Rows kept in memory at most.
  private static let cap = 400

  package init(_ view: View) {
    self.view = view
    order = view.orders.first ?? .natural
    follows = view == .decisions || view == .audit
  }

  package var selectedRow: ListRow? { rows.indices.contains(index) ? rows[index] : nil }

  /// The selection's number in the whole list, from 1, if it is known.
  package var position: Int? { rows.isEmpty ? nil : rank.map { $0 + index + 1 } }

  // MARK: requests

  private mutating func request(_ anchor: ListRequest.Anchor, limit: Int) -> ListRequest {
    serial += 1
    let request = ListRequest(
      view: view, serial: serial, anchor: anchor, limit: limit, order: order,
      isReversed: isReversed, filter: filter.text, showsEnded: showsEnded, collapses: collapses,
      onlyNeeded: onlyNeeded && !showsEnded, unfolded: unfolded, selected: selected)
    refreshing = nil
    awaited = request
    return request
  }

  /// Rows fetched at once for a page of so many on the screen.
  private func batch(_ page: Int) -> Int { max(64, page * 3) }

  /// Rows fetched for a jump to an end: what the screen shows must not wait for its neighbours.
  private func jump(_ page: Int) -> Int { max(24, page + 4) }

  /// A page of the list from its start, for who reads it out.
  package mutating func whole(filter text: String) -> ListRequest {
    filter = TextField(text)
    return request(.first, limit: 400)
  }

  /// Asks for the list anew, as after a change of filter or order.
  package mutating func restart(page: Int) -> ListRequest {
    owed = 0
    top = 0
    unseen = 0
    searched = nil
    total = nil
    rangeStart = nil
    return request(opensAtEnd ? .last : .first, limit: batch(page))
  }

  /// Whether its newest rows stand last, and are what one opens it for, filtered or not.
  private var opensAtEnd: Bool { follows || (view == .decisions || view == .audit) && !isReversed }

  /// Asks for the list from a place on, to stand there.
  package mutating func begin(
    at place: [PlacePart], page: Int, size: UInt64
  ) -> ListRequest {
    if follows {
      follows = false
      pausedAt = size == 0 ? 0 : size - 1
    }
    owed = 0
    top = 0
    index = 0
    selected = nil
    rank = nil
    return request(.from(place), limit: batch(page))
  }

  /// Asks for the same rows as they are now.
  ///
  /// - Returns: nil if it must wait: rows do not move under a cursor that has just moved.
  package mutating func refresh(page: Int, at now: Timestamp) -> ListRequest? {
    guard isLoaded else { return awaited == nil ? restart(page: page) : nil }
    // A first load, or a filter at work, brings what is new by itself.
    if let awaited, !isRefresh(awaited) { return nil }
    if follows { return request(.last, limit: batch(page)) }
    if pausedAt != nil { return nil }
    if view == .approvals, now.milliseconds(since: lastMoved) < 2000 {
      isStale = true
      return nil
    }
    return again(page: page)
  }

  /// Reads the rows that are there as they are now.
  private mutating func again(page: Int) -> ListRequest {
    isStale = false
    defer { refreshing = serial }
    guard hasBefore, let first = rows.first(where: { !$0.isGone }) else {
      return request(.first, limit: max(batch(page), min(rows.count, ListState.cap)))
    }
    return request(.from(first.firstPlace), limit: max(batch(page), rows.count))
  }

  private func isRefresh(_ request: ListRequest) -> Bool {
    switch request.anchor {
    case .from: true
    case .first: isLoaded && searched == nil
    // One that a changed filter asked for is not the same list again.
    case .last: follows && shown == request.filter
    case .after, .before: false
    }
  }

  /// Whether the rows that are shown are those that were asked for: no other filter and no jump is on
  /// its way.
  package var isSettled: Bool {
    guard owed == 0 else { return false }
    guard let awaited else { return true }
    switch awaited.anchor {
    case .after, .before: return shown == filter.text
    case .first, .last, .from: return shown == awaited.filter && selected != nil
    }
  }

  /// Whether a row that is shown has reached its end.
  package func hasExpired(at now: Timestamp) -> Bool {
    view == .approvals && awaited == nil && !showsEnded
      && rows.contains { row in
        row.cells.contains { if case .until(let end?) = $0 { end <= now } else { false } }
      }
  }

  /// Whether a reload that had to wait may go on now.
  package func isDue(at now: Timestamp) -> Bool {
    isStale && now.milliseconds(since: lastMoved) >= 2000
  }

  // MARK: pages

  /// Takes rows that were asked for; older answers are dropped.
  package mutating func take(_ page: ListPage, visible: Int) -> ListRequest? {
    guard page.request.serial == serial, page.request == awaited else { return nil }
    if let searched = page.searched, page.hasMore, page.rows.isEmpty {
      self.searched = searched
      if let shown, shown != page.request.filter {
        // What another filter found is not what this one finds.
        (rows, index, top, selected, rank) = ([], 0, 0, nil, nil)
        (hasBefore, hasAfter) = (false, false)
      }
      return nil
    }
    searched = page.searched
    awaited = nil
    let isSameScope = shownScope == (page.request.showsEnded, page.request.onlyNeeded)
    shownScope = (page.request.showsEnded, page.request.onlyNeeded)
    shown = page.request.filter
    if let total = page.total { self.total = total }
    let offset = index - top
    switch page.request.anchor {
    case .first, .from, .last:
      let known = Set(rows.map(\.target))
      // The members of a group that was unfolded are not new, nor is what another scope shows.
      let arrived =
        isLoaded && isSameScope
        ? page.rows.count { $0.depth == 0 && !known.contains($0.target) } : 0
      let stood = selectedRow
      rows = page.rows
      switch page.request.anchor {
      case .first:
        (hasBefore, hasAfter, rank) = (false, page.hasMore, 0)
      case .last:
        (hasBefore, hasAfter) = (page.hasMore, false)
        rank = page.hasMore ? total.flatMap { $0.isFloor ? nil : $0.count - rows.count } : 0
      default: (hasBefore, hasAfter) = (true, page.hasMore)
      }
      if follows || (!isLoaded && page.request.anchor == .last) {
        index = max(0, rows.count - 1)
      } else if let selected, let found = rows.firstIndex(where: { $0.target == selected }) {
        index = found
        if view == .approvals, arrived > 0, index > 0 || isLoaded { unseen += arrived }
      } else if refreshing == page.request.serial, var stood, stood.target == selected, owed == 0 {
        // It has ended while the cursor stood on it. Were it taken away, a key pressed for it would
        // act on its neighbour: it stays, as it is now, and says so, until the cursor moves.
        (stood.isGone, stood.isEnded) = (true, true)
        if let cells = page.departed {
          stood.cells = cells
        } else if let status = view.columns.firstIndex(where: { $0.name == "status" }),
          stood.cells.indices.contains(status)
        {
          // It was in force as long as it was listed.
          stood.cells[status] = .text("ended", .muted)
        }
        index = min(index, rows.count)
        rows.insert(stood, at: index)
      } else if page.request.anchor == .last, owed == 0, selected == nil || opensAtEnd {
        index = max(0, rows.count - 1)
      } else {
        index = min(index, max(0, rows.count - 1))
      }
      top = max(0, index - offset)
      isLoaded = true
    case .after:
      hasAfter = page.hasMore
      rows += page.rows
      trimHead()
      if owed > 0 { settle() }
    case .before:
      hasBefore = page.hasMore
      rows.insert(contentsOf: page.rows, at: 0)
      index += page.rows.count
      top += page.rows.count
      rank = hasBefore ? rank.map { max(0, $0 - page.rows.count) } : 0
      // What is let go lies below the screen.
      let kept = max(ListState.cap, index + visible + 1)
      if rows.count > kept {
        rows.removeLast(rows.count - kept)
        hasAfter = true
      }
      if owed < 0 { settle() }
    }
    selected = selectedRow?.target
    scroll(visible: visible)
    return more(visible: visible)
  }

  private mutating func trimHead() {
    guard rows.count > ListState.cap else { return }
    let excess = min(rows.count - ListState.cap, max(0, top - 1))
    guard excess > 0 else { return }
    rows.removeFirst(excess)
    index -= excess
    top -= excess
    hasBefore = true
    rank = rank.map { $0 + excess }
  }

  private mutating func settle() {
    let wanted = index + owed
    index = max(0, min(rows.count - 1, wanted))
    owed = wanted - index
    if owed > 0 && !hasAfter || owed < 0 && !hasBefore { owed = 0 }
  }

  /// Asks for rows that will soon be needed.
  private mutating func more(visible: Int) -> ListRequest? {
    guard awaited == nil, isLoaded, let first = rows.first, let last = rows.last else { return nil }
    if hasAfter, !follows, index + visible >= rows.count || owed > 0 {
      return request(.after(last.place), limit: max(batch(visible), owed + visible))
    }
    if hasBefore, index < visible || owed < 0 {
      return request(.before(first.firstPlace), limit: max(batch(visible), -owed + visible))
    }
    return nil
  }

  // MARK: moving

  package mutating func move(_ step: Int, visible: Int, at now: Timestamp) -> ListRequest? {
    guard !rows.isEmpty else { return nil }
    lastMoved = now
    if step < 0, follows { pause() }
    let wanted = index + owed + step
    index = max(0, min(rows.count - 1, wanted))
    owed = wanted - index
    if owed > 0 && !hasAfter || owed < 0 && !hasBefore { owed = 0 }
    dropGone()
    selected = rows[index].target
    if view == .approvals, index == rows.count - 1 { unseen = 0 }
    scroll(visible: visible)
    return more(visible: visible)
  }

  /// Lets go of a row that had ended, once the cursor is elsewhere.
  private mutating func dropGone() {
    guard rows.count > 1, let gone = rows.firstIndex(where: \.isGone), gone != index else { return }
    rows.remove(at: gone)
    if gone < index {
      index -= 1
      top = max(0, top - 1)
    }
  }

  package mutating func moveToFirst(page: Int, at now: Timestamp) -> ListRequest? {
    if follows { pause() }
    lastMoved = now
    owed = 0
    guard hasBefore else {
      index = 0
      selected = rows.first?.target
      scroll(visible: page)
      return nil
    }
    selected = nil
    index = 0
    top = 0
    return request(.first, limit: jump(page))
  }

  package mutating func moveToLast(page: Int, at now: Timestamp) -> ListRequest? {
    unseen = 0
    lastMoved = now
    owed = 0
    if view == .decisions || view == .audit {
      resume()
      selected = nil
      return request(.last, limit: batch(page))
    }
    guard hasAfter else {
      index = max(0, rows.count - 1)
      selected = rows.last?.target
      scroll(visible: page)
      return nil
    }
    selected = nil
    return request(.last, limit: jump(page))
  }

  /// Stands on a row if it is loaded; else the selection stays where it is.
  package mutating func select(_ target: Target, visible: Int) -> Bool {
    guard let found = rows.firstIndex(where: { $0.target == target }) else { return false }
    index = found
    dropGone()
    selected = target
    scroll(visible: visible)
    return true
  }

  /// Stands on the row at a place of the screen, as a click does.
  package mutating func select(row: Int, visible: Int) {
    guard rows.indices.contains(top + row) else { return }
    if follows { pause() }
    index = top + row
    dropGone()
    selected = rows[index].target
  }

  /// Keeps the selection on the screen, moving as little as needed.
  package mutating func scroll(visible: Int) {
    let visible = max(1, visible)
    if index < top { top = index }
    if index >= top + visible { top = index - visible + 1 }
    top = max(0, min(top, max(0, rows.count - visible)))
  }

  package mutating func scrollColumns(_ step: Int) { xOffset = max(0, xOffset + step) }

  // MARK: following

  package mutating func pause() {
    guard follows else { return }
    follows = false
    // What follows the newest must not move who has just stopped following.
    if isLoaded, let awaited, case .last = awaited.anchor, shown == awaited.filter {
      self.awaited = nil
      serial += 1
    }
    selected = selectedRow?.target
    if case .integer(let last)? = rows.last?.place.first { pausedAt = UInt64(max(0, last)) }
  }

  package mutating func resume() {
    guard view == .decisions || view == .audit else { return }
    follows = true
    pausedAt = nil
    unseen = 0
  }

  /// Notes how many rows there are in all.
  package mutating func note(total: ListPage.Total, of filter: String) {
    if filter == self.filter.text { self.total = total }
  }

  /// Notes how much is new below a paused list.
  package mutating func note(unseen count: Int) { unseen = count }

  // MARK: marks, order, what is shown

  package mutating func mark(visible: Int, at now: Timestamp) -> ListRequest? {
    guard let row = selectedRow else { return nil }
    if marks.removeValue(forKey: row.target) == nil { marks[row.target] = row }
    return move(1, visible: visible, at: now)
  }

  /// Begins a range, or marks everything from where it began.
  ///
  /// - Returns: Whether a range has begun.
  package mutating func markRange() -> Bool {
    guard let start = rangeStart else {
      rangeStart = index
      return true
    }
    // The list may have become shorter since the range began.
    for row in rows.prefix(max(start, index) + 1).dropFirst(max(0, min(start, index))) {
      marks[row.target] = row
    }
    rangeStart = nil
    return false
  }

  package var hasRange: Bool { rangeStart != nil }

  package mutating func clearMarks() {
    marks = [:]
    rangeStart = nil
  }

  /// The next order this list can be read in.
  package mutating func sortOn() -> Bool {
    let orders = view.orders
    guard orders.count > 1, let now = orders.firstIndex(of: order) else { return false }
    order = orders[(now + 1) % orders.count]
    isReversed = false
    return true
  }

  package mutating func sort(by order: Order, reversed: Bool) {
    guard view.orders.contains(order) else { return }
    self.order = order
    isReversed = reversed
  }

  // MARK: groups of holds

  /// Shows the holds of the selected group one by one, or no more.
  ///
  /// - Returns: What is to be read for it; nil if the selection is no group, or is so already.
  package mutating func unfold(_ shows: Bool, page: Int) -> ListRequest? {
    guard let row = selectedRow, case .group(let group) = row.target else { return nil }
    guard shows ? unfolded.insert(group).inserted : unfolded.remove(group) != nil || showsMember
    else { return nil }
    return again(page: page)
  }

  /// Whether a hold stands below the selected line: one that the cursor stood on when others joined
  /// it is shown although its group is folded.
  private var showsMember: Bool {
    rows.indices.contains(index + 1) && rows[index].depth == 0 && rows[index + 1].depth > 0
  }

  /// Goes from a hold to the line of its group.
  package mutating func moveToGroup(visible: Int, at now: Timestamp) -> ListRequest? {
    guard let row = selectedRow, row.depth > 0,
      let line = rows[..<index].lastIndex(where: { $0.depth == 0 })
    else { return nil }
    return move(line - index, visible: visible, at: now)
  }

  /// Goes to the next row that needs this person, from the selection on and then from the top; to the
  /// one after the selection if none is known to.
  package mutating func moveToNeeded(
    visible: Int, at now: Timestamp, _ needs: (ListRow) -> Bool
  ) -> ListRequest? {
    let stood = index
    let after = rows.indices.dropFirst(index + 1).first { needs(rows[$0]) }
    let found = after ?? rows.indices.prefix(index).first { needs(rows[$0]) }
    return move(
      found.map { $0 - stood } ?? (stood + 1 < rows.count ? 1 : -1), visible: visible, at: now)
  }

  package mutating func reverse() {
    isReversed.toggle()
    // The newest stand first then, where nothing is followed.
    if isReversed { pause() }
  }

  package mutating func toggleEnded() { showsEnded.toggle() }
  package mutating func toggleCollapse() { collapses.toggle() }
}
