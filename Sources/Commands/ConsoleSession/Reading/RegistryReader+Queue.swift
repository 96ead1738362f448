import CanonicalJSON
import Console
import Keys
import Registry
import Statements

// The approval queue: lines of equal holds, unfolded where the console asks for it.
extension RegistryReader {
  /// Holds that a group can be denied with at once: each gets a signature of its own.
  static let deniedAtOnce = 500
  /// Arrivals of one agent that make a flood, and in which time.
  static let floodCount = 20
  static let floodMilliseconds: Int64 = 300_000
  /// Arrivals are counted up to here.
  private static let floodLimit = 1000

  /// Who looks, as far as rows tell: enough to list what they could approve.
  func windowViewer(_ transaction: RegistryTransaction) throws -> WindowViewer? {
    guard let viewer, let row = try transaction.operatorRow(viewer) else { return nil }
    let memberships = ((try? JSONParser.parse(Array(row.groups.utf8)))?.array ?? [])
      .compactMap { try? GroupMembership($0, path: "groups") }
    return WindowViewer(
      name: viewer,
      groups: memberships.filter { $0.counts(at: now) }.map(\.group.text),
      isApprover: row.roles.split(separator: " ").contains("approver"))
  }

  /// Whether the queue is shown in groups: in its own order, while it shows what is open.
  static func isGrouped(_ request: ListRequest) -> Bool {
    let filter = Filter(request.filter, .approvals)
    // A group is found by what its holds have in common; what differs from hold to hold (id, votes,
    // time) is looked for hold by hold.
    return request.order == .natural && !request.showsEnded && filter.sinceSeconds == nil
      && filter.terms.allSatisfy { term in
        switch term.column {
        case "agent", "action", "risk": true
        case nil: term.kind == .contains && !isBeginningOfID(term.text)
        default: false
        }
      }
  }

  private static func isBeginningOfID(_ text: String) -> Bool {
    text.utf8.count >= 4 && text.allSatisfy(\.isHexDigit)
  }

  func queuePage(
    _ request: ListRequest, _ window: WindowRequest, _ transaction: RegistryTransaction,
    _ progress: @escaping SearchProgress
  ) throws -> ListPage {
    let viewer = try windowViewer(transaction)
    guard RegistryReader.isGrouped(request) else {
      let read = try transaction.holdList(window, progress)
      return ListPage(
        request: request,
        rows: try read.rows.map {
          try row($0.record, $0.place.map(PlacePart.init), viewer, transaction)
        }, hasMore: read.hasMore)
    }
    var reading = QueueReading(
      request: request, window: window, transaction: transaction, progress: progress)
    // The cursor's hold stays a row of its own when others join it; the others stay folded, so that a
    // flood under the cursor does not fill the screen.
    if case .hold(let digest)? = request.selected, let group = try transaction.group(of: digest),
      !request.unfolded.contains(group), let hold = try transaction.hold(digest)
    {
      reading.pinned = (group, hold)
    }
    let (lines, hasMore) = try reading.read()
    var floods: [String: Int] = [:]
    let rows = try lines.map { line -> ListRow in
      switch line {
      case .hold(let hold, let place, let depth):
        var row = try row(hold, place, viewer, transaction)
        row.depth = depth
        return row
      case .group(let group, let place, let isOpen):
        let agent = group.head.agent
        let arrivals =
          try floods[agent]
          ?? transaction.holdCount(
            of: agent, since: now.advanced(byMilliseconds: -RegistryReader.floodMilliseconds),
            upTo: RegistryReader.floodLimit)
        floods[agent] = arrivals
        var row = ListRows.group(
          group, try row(group.head, place, viewer, transaction), isOpen: isOpen,
          arrivals: arrivals >= RegistryReader.floodCount ? arrivals : nil)
        if let viewer {
          row.needsViewer = try transaction.isNeeded(group: group.id, by: viewer, at: now)
        }
        return row
      }
    }
    return ListPage(request: request, rows: rows, hasMore: hasMore)
  }

  func row(
    _ hold: HoldRow, _ place: [PlacePart], _ viewer: WindowViewer?,
    _ transaction: RegistryTransaction
  ) throws -> ListRow {
    let votes = try transaction.voters(of: hold.digest).map(\.who)
    var row = ListRows.hold(
      hold, place, presence: try transaction.presence(of: hold.digest), viewer: self.viewer,
      votes: votes, at: now)
    row.by = votes.joined(separator: " ")
    if let viewer {
      row.needsViewer = try transaction.isNeeded(hold: hold.digest, by: viewer, at: now)
    }
    return row
  }

  /// The pending holds of a group, to deny them together.
  func members(of group: Digest) -> Message {
    do {
      let limit = RegistryReader.deniedAtOnce
      let found = try tables.read { try $0.pending(in: group, at: now, limit: limit + 1) }
      return .members(Array(found.prefix(limit)), of: group, hasMore: found.count > limit)
    } catch {
      return .failed("\(FaultCode.of(error)): \(error)")
    }
  }
}

/// Reads lines of the queue from one place on: groups, and below those that are unfolded their holds.
private struct QueueReading {
  enum Line {
    case hold(HoldRow, [PlacePart], depth: Int)
    case group(HoldGroupRow, [PlacePart], isOpen: Bool)
  }

  let request: ListRequest
  let window: WindowRequest
  let transaction: RegistryTransaction
  let progress: SearchProgress
  let unfolded: Set<Digest>
  /// The hold that stays a row below its folded group: the cursor stands on it.
  var pinned: (group: Digest, hold: HoldRow)?
  /// Shown as a group although one hold is left of it: the cursor stands on it.
  private let kept: Digest?
  /// A group's place: its rank, end and first hold; a hold's below it: its own end and digest too.
  private static let groupParts = 3

  init(
    request: ListRequest, window: WindowRequest, transaction: RegistryTransaction,
    progress: @escaping SearchProgress
  ) {
    self.request = request
    self.window = window
    self.transaction = transaction
    self.progress = progress
    unfolded = request.unfolded
    kept = if case .group(let group)? = request.selected { group } else { nil }
  }

  /// The lines in the order of the list, and whether more follow in the direction asked for.
  func read() throws -> (lines: [Line], hasMore: Bool) {
    switch request.anchor {
    case .first: return try forward(groups: .first, within: nil)
    case .from(let place):
      guard place.count > QueueReading.groupParts else {
        return try forward(groups: .from(values(place)), within: nil)
      }
      return try forward(
        groups: .after(group(of: place)), within: (place, .from(member(of: place))))
    case .after(let place):
      guard place.count > QueueReading.groupParts else {
        // The holds of that group come before the next one.
        return try forward(groups: .after(values(place)), within: (place, .first))
      }
      return try forward(
        groups: .after(group(of: place)), within: (place, .after(member(of: place))))
    case .last: return try backward(groups: .last, within: nil)
    case .before(let place):
      guard place.count > QueueReading.groupParts else {
        return try backward(groups: .before(values(place)), within: nil)
      }
      return try backward(
        groups: .before(group(of: place)), within: (place, .before(member(of: place))))
    }
  }

  private func values(_ place: [PlacePart]) -> [PlaceValue] { place.map(PlaceValue.init) }
  private func group(of place: [PlacePart]) -> [PlaceValue] {
    values(Array(place.prefix(QueueReading.groupParts)))
  }
  private func member(of place: [PlacePart]) -> [PlaceValue] {
    values(Array(place.dropFirst(QueueReading.groupParts)))
  }

  /// The group in which a place is.
  private func id(at place: [PlacePart]) throws -> Digest? {
    guard place.count >= QueueReading.groupParts, case .blob(let head) = place[2],
      let digest = Digest(bytes: head)
    else { return nil }
    return try transaction.group(of: digest)
  }

  private func members(
    of group: Digest, at place: [PlacePart], _ anchor: WindowRequest.Anchor, limit: Int
  ) throws -> (lines: [Line], hasMore: Bool) {
    var window = WindowRequest(anchor: anchor, limit: limit, now: window.now)
    window.isReversed = request.isReversed
    window.needs = self.window.needs
    let read = try transaction.holdMembers(of: group, window)
    let lead = place.prefix(QueueReading.groupParts)
    return (
      read.rows.map { .hold($0.record, lead + $0.place.map(PlacePart.init), depth: 1) },
      read.hasMore
    )
  }

  private func groups(
    _ anchor: WindowRequest.Anchor, limit: Int
  ) throws -> Window<HoldGroupRow> {
    var window = window.at(anchor)
    window.limit = limit
    return try transaction.holdGroups(window, progress)
  }

  /// The pinned hold as a row below its group, if that is folded and the hold is still open.
  private func pinned(below group: Digest, at place: [PlacePart]) -> Line? {
    guard let pinned, pinned.group == group, !unfolded.contains(group) else { return nil }
    let hold = pinned.hold
    let word = hold.word(at: window.now)
    guard word == "pending" || word == "approved" else { return nil }
    let ends = word == "pending" ? hold.expires : hold.approvedUntil ?? hold.expires
    return .hold(
      hold,
      Array(place.prefix(QueueReading.groupParts)) + [
        .integer(ends.milliseconds), .blob(hold.digest.bytes),
      ], depth: 1)
  }

  private func line(_ group: HoldGroupRow, _ place: [PlacePart]) -> Line {
    let isOpen = unfolded.contains(group.id)
    return group.count > 1 || isOpen || kept == group.id
      ? .group(group, place, isOpen: isOpen) : .hold(group.head, place, depth: 0)
  }

  /// Whether a group stands as a line of its own, over more than one hold.
  private func isGrouped(_ group: Digest) throws -> Bool {
    try transaction.holdGroup(group, at: window.now).map { $0.count > 1 } ?? false
  }

  private func forward(
    groups anchor: WindowRequest.Anchor, within start: ([PlacePart], WindowRequest.Anchor)?
  ) throws -> (lines: [Line], hasMore: Bool) {
    var lines: [Line] = []
    if let (place, inner) = start, let group = try id(at: place) {
      if unfolded.contains(group) {
        let (found, hasMore) = try members(of: group, at: place, inner, limit: request.limit)
        lines += found
        if hasMore { return (lines, true) }
      } else if let line = pinned(below: group, at: place), try isGrouped(group) {
        // After its own place it has been given already.
        if case .after = inner {} else { lines.append(line) }
      }
    }
    guard lines.count < request.limit else { return (lines, true) }
    let read = try groups(anchor, limit: request.limit - lines.count)
    for (number, (group, place)) in read.rows.enumerated() {
      let place = place.map(PlacePart.init)
      lines.append(line(group, place))
      if unfolded.contains(group.id), lines.count < request.limit {
        let (found, hasMore) = try members(
          of: group.id, at: place, .first, limit: request.limit - lines.count)
        lines += found
        if hasMore { return (lines, true) }
      }
      let pin = group.count > 1 ? pinned(below: group.id, at: place) : nil
      if let pin, lines.count < request.limit { lines.append(pin) }
      if lines.count >= request.limit {
        return (
          lines,
          read.hasMore || number + 1 < read.rows.count || unfolded.contains(group.id) || pin != nil
        )
      }
    }
    return (lines, read.hasMore)
  }

  private func backward(
    groups anchor: WindowRequest.Anchor, within start: ([PlacePart], WindowRequest.Anchor)?
  ) throws -> (lines: [Line], hasMore: Bool) {
    // From the last line up; turned round at the end.
    var lines: [Line] = []
    if let (place, inner) = start, let group = try id(at: place) {
      if unfolded.contains(group) {
        let (found, hasMore) = try members(of: group, at: place, inner, limit: request.limit)
        lines += found.reversed()
        if hasMore || lines.count >= request.limit { return (lines.reversed(), true) }
      }
      if let row = try transaction.holdGroup(group, at: window.now) {
        lines.append(line(row, Array(place.prefix(QueueReading.groupParts))))
      }
    }
    guard lines.count < request.limit else { return (lines.reversed(), true) }
    let read = try groups(anchor, limit: request.limit - lines.count)
    for (number, (group, place)) in read.rows.reversed().enumerated() {
      let place = place.map(PlacePart.init)
      if unfolded.contains(group.id) {
        let (found, hasMore) = try members(
          of: group.id, at: place, .last, limit: request.limit - lines.count)
        lines += found.reversed()
        if hasMore || lines.count >= request.limit { return (lines.reversed(), true) }
      }
      if group.count > 1, let pin = pinned(below: group.id, at: place) {
        lines.append(pin)
        if lines.count >= request.limit { return (lines.reversed(), true) }
      }
      lines.append(line(group, place))
      if lines.count >= request.limit {
        return (lines.reversed(), read.hasMore || number + 1 < read.rows.count)
      }
    }
    return (lines.reversed(), read.hasMore)
  }
}
