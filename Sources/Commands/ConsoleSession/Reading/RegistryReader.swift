import Authority
import CanonicalJSON
import Cells
import Console
import Foundation
import Keys
import Registry
import Statements
import Synchronization

/// Reads what lists show, off the console's thread; nothing it reads is believed when signing.
actor RegistryReader {
  private let live: RegistryDatabase
  /// The tables as they were at an earlier entry, while the console looks at the past.
  private var past: (tables: RegistryDatabase, index: UInt64, at: Timestamp)?
  let viewer: String?
  /// Told what services wrote of themselves, whenever the registry is read.
  private let services: ServiceBoard?
  private var version: Int64 = -1
  private var counted: [String: (at: Timestamp, total: ListPage.Total)] = [:]
  /// The serial of the newest request for each view: older ones need not be finished.
  private nonisolated let newest = Mutex<[View: Int]>([:])
  private nonisolated let running = Mutex<(view: View, serial: Int)?>(nil)

  init(_ live: RegistryDatabase, viewer: Principal?, services: ServiceBoard? = nil) {
    self.live = live
    self.services = services
    self.viewer = viewer?.description
  }

  private static let countLimit = 100_000
  /// Lines of the queue that are watched for new ones, and holds that are counted, at most.
  private static let watchedLines = 200
  private static let waitingLimit = 1000
  private static let recountMilliseconds: Int64 = 3000

  /// Says which request is the newest, and ends the one it takes the place of.
  nonisolated func supersede(_ request: ListRequest) {
    newest.withLock { $0[request.view] = request.serial }
    let isOvertaken = running.withLock { now in
      now.map { $0.view == request.view && $0.serial < request.serial } ?? false
    }
    if isOvertaken { live.interrupt() }
  }

  private nonisolated func isStale(_ request: ListRequest) -> Bool {
    newest.withLock { ($0[request.view] ?? 0) > request.serial }
  }

  var now: Timestamp { past?.at ?? Clock.system.now() }
  var tables: RegistryDatabase { past?.tables ?? live }

  func look(at past: (tables: RegistryDatabase, index: UInt64, at: Timestamp)?) {
    self.past = past
    counted = [:]
  }

  // MARK: status

  /// How the registry stands, if it has moved since the last time or must be read anyway.
  func status(force: Bool) -> Message? {
    do {
      return try live.read { transaction in
        let current = try transaction.dataVersion()
        guard force || current != version else { return nil }
        version = current
        return .changed(try status(transaction))
      }
    } catch {
      var status = RegistryStatus()
      status.alarm = "REGISTRY: \(FaultCode.of(error))"
      return .changed(status)
    }
  }

  private func status(_ transaction: RegistryTransaction) throws -> RegistryStatus {
    let now = Clock.system.now()
    var status = RegistryStatus()
    status.size = try transaction.size()
    let heads = try transaction.holdGroups(
      WindowRequest(anchor: .first, limit: RegistryReader.watchedLines, now: now))
    status.pending = heads.rows.map(\.record).filter { $0.head.recorded == "pending" }.map {
      RegistryStatus.Pending(
        hold: $0.head.digest.hex, risk: $0.head.risk,
        words: "\($0.head.name) on \($0.head.uri)", id: $0.id.hex)
    }
    let waiting = try transaction.waiting(
      for: try windowViewer(transaction), at: now, upTo: RegistryReader.waitingLimit)
    (status.pendingCount, status.neededCount) = (waiting.all, waiting.viewers)
    status.isFloor = waiting.hasMore
    let proposals = try transaction.proposals()
    status.openProposals = proposals.count { $0.status(at: now) == "open" }
    let reviews = try transaction.dueReviews(among: RegistryReader.waitingLimit)
    status.owedReviews = reviews.count
    status.hasMoreReviews = reviews.contains(where: \.hasMore)
    let locks = try transaction.lockList(WindowRequest(anchor: .first, limit: 1000, now: now))
    if let lock = locks.rows.first(where: { LockText.words($0.record.target) == "everything" }) {
      let row = lock.record
      let end = row.until.map { "until \($0.clock)" } ?? "until lifted"
      status.everythingLock = RegistryStatus.EverythingLock(
        end: end, placer: row.placer, reason: row.reason)
    }
    for lock in locks.rows {
      if case .agent(let name)? = LockText.target(lock.record.target) {
        status.lockedAgents.insert(name)
      }
    }
    services?.take(try transaction.services(limit: ServiceBoard.rowLimit))
    if let note = try transaction.notes(limit: 1).first,
      now.milliseconds(since: note.at) < 12 * 3_600_000
    {
      status.note = "note of \(note.who), \(Span.since(note.at, to: now)) ago: \(note.text)"
    }
    return status
  }

  // MARK: lists

  func page(_ request: ListRequest, _ post: @escaping @Sendable (Message) -> Void) {
    guard !isStale(request) else { return }
    running.withLock { $0 = (request.view, request.serial) }
    defer { running.withLock { $0 = nil } }
    do {
      let found =
        request.view == .audit
        ? try auditPage(request, post)
        : try tables.read {
          var found = try page(request, $0, post)
          found.departed = try departed(request, found.rows, $0)
          return found
        }
      guard let found else { return }
      post(.page(found))
      if let total = try total(request) {
        post(.total(request.view, filter: request.filter, total))
      }
    } catch {
      if !isStale(request) { post(.failed("\(FaultCode.of(error)): \(error)")) }
    }
  }

  private func window(
    _ request: ListRequest, _ transaction: RegistryTransaction
  ) throws -> WindowRequest {
    let anchor: WindowRequest.Anchor =
      switch request.anchor {
      case .first: .first
      case .last: .last
      case .after(let place): .after(place.map(PlaceValue.init))
      case .before(let place): .before(place.map(PlaceValue.init))
      case .from(let place): .from(place.map(PlaceValue.init))
      }
    var window = WindowRequest(anchor: anchor, limit: request.limit, now: now)
    window.order =
      switch request.order {
      case .natural: .natural
      case .expiry: .expiry
      case .received: .received
      case .name: .name
      case .owner: .owner
      }
    window.isReversed = request.isReversed
    window.showsEnded = request.showsEnded
    let filter = Filter(request.filter, request.view)
    window.terms = filter.terms.map { term in
      WindowTerm(
        pattern: term.pattern, needle: term.kind == .contains ? term.text : nil,
        isNegated: term.kind == .lacks, column: term.column)
    }
    window.since = filter.sinceSeconds.map { now.advanced(bySeconds: -$0) }
    if request.view == .approvals, request.onlyNeeded || filter.needsMe {
      window.needs =
        try windowViewer(transaction) ?? WindowViewer(name: "", groups: [], isApprover: false)
    }
    return window
  }

  private func page(
    _ request: ListRequest, _ transaction: RegistryTransaction,
    _ post: @escaping @Sendable (Message) -> Void
  ) throws -> ListPage {
    let window = try window(request, transaction)
    let progress: SearchProgress = { [self] searched in
      guard !isStale(request) else { throw CancellationError() }
      post(.page(ListPage(request: request, rows: [], hasMore: true, searched: searched)))
    }
    func page<Record>(
      _ read: Window<Record>, _ row: (Record, [PlacePart]) throws -> ListRow
    ) rethrows -> ListPage {
      ListPage(
        request: request,
        rows: try read.rows.map { try row($0.record, $0.place.map(PlacePart.init)) },
        hasMore: read.hasMore)
    }
    switch request.view {
    case .approvals:
      return try queuePage(request, window, transaction, progress)
    case .decisions:
      let read = try page(transaction.decisionList(window, progress)) { row, place in
        ListRows.decision(row, place)
      }
      guard request.collapses else { return read }
      return ListPage(
        request: request, rows: ListRows.collapsed(read.rows), hasMore: read.hasMore)
    case .agents:
      return page(try transaction.agentList(window, progress)) { ListRows.agent($0, $1) }
    case .keys:
      return try page(transaction.keyList(window, progress)) { key, place in
        ListRows.key(key, place, used: try lastUse(of: key, transaction), at: now)
      }
    case .operators:
      return try shown(request, window, progress, transaction.operatorList) { row, place in
        let status = try transaction.key(row.key)?.status(at: now) ?? "unknown"
        return ListRows.person(row, place, status: status, at: now)
      }
    case .policies:
      let waiting = try transaction.proposals().filter {
        $0.type == StatementType.policyActivated.rawValue && $0.status(at: now) == "open"
      }
      return try shown(request, window, progress, transaction.policyList) { policy, place in
        var row = ListRows.policy(
          policy, place, waiting: waiting.filter { $0.subject == policy.digest.hex })
        row.at = policy.received
        return row
      }
    case .locks:
      return try shown(request, window, progress, transaction.lockList) { lock, place in
        var row = ListRows.lock(lock, place, at: now)
        row.at = lock.received
        return row
      }
    case .proposals: return try proposalPage(request, transaction)
    case .audit, .tree: return ListPage(request: request, rows: [], hasMore: false)
    }
  }

  func lastUse(of key: KeyRow, _ transaction: RegistryTransaction) throws -> KeyUse {
    guard let holder = Principal(.init(key.holder)) else { return .never }
    return try transaction.lastUse(of: Fingerprint(digest: key.fingerprint), by: holder)
  }

  /// Rows that are filtered as they are shown: what their columns say is made of more than the row.
  private func shown<Record>(
    _ request: ListRequest, _ window: WindowRequest, _ progress: SearchProgress,
    _ read: (WindowRequest) throws -> Window<Record>,
    _ row: (Record, [PlacePart]) throws -> ListRow
  ) throws -> ListPage {
    let filter = Filter(request.filter, request.view)
    var plain = WindowRequest(anchor: window.anchor, limit: request.limit, now: window.now)
    (plain.order, plain.isReversed) = (window.order, window.isReversed)
    plain.showsEnded = window.showsEnded
    let isBackward =
      switch request.anchor {
      case .last, .before: true
      case .first, .after, .from: false
      }
    if !filter.isEmpty { plain.limit = 1000 }
    var rows: [ListRow] = []
    var searched = 0
    while true {
      let found = try read(plain)
      let made = try found.rows.map { try row($0.record, $0.place.map(PlacePart.init)) }
      let kept = made.filter { filter.isEmpty || $0.matches(filter, request.view, at: now) }
      rows = isBackward ? kept + rows : rows + kept
      let hasMore = found.hasMore || rows.count > request.limit
      guard found.hasMore, rows.count < request.limit,
        let edge = isBackward ? found.rows.first : found.rows.last
      else {
        let cut = isBackward ? rows.suffix(request.limit) : rows.prefix(request.limit)
        return ListPage(request: request, rows: Array(cut), hasMore: hasMore)
      }
      searched += found.rows.count
      try progress(searched)
      plain = plain.at(isBackward ? .before(edge.place) : .after(edge.place))
    }
  }

  /// Proposals, reviews due and keys asked for: few enough to read whole.
  private func proposalPage(
    _ request: ListRequest, _ transaction: RegistryTransaction
  ) throws -> ListPage {
    let filter = Filter(request.filter, .proposals)
    let isAdmin =
      try viewer.flatMap { try transaction.operatorRow($0) }?.roles.split(separator: " ")
      .contains("admin") == true
    var rows = try transaction.proposals().filter {
      request.showsEnded || $0.status(at: now) == "open"
    }.map { proposal in
      var row = ListRows.proposal(proposal, at: now)
      row.at = proposal.received
      row.needsViewer =
        isAdmin && !row.isEnded && !proposal.signers.contains(viewer ?? "")
      return row
    }
    rows += try transaction.reviewGroups(all: request.showsEnded).map { group in
      var row = ListRows.owed(group)
      row.at = group.rows.last?.received
      row.needsViewer = !row.isEnded && viewer != nil && group.subject.who != viewer
      return row
    }
    rows += try transaction.keyRequests().map { request in
      var row = ListRows.keyRequest(request)
      row.at = request.received
      return row
    }
    rows = rows.filter { filter.isEmpty || $0.matches(filter, .proposals, at: now) }
    if request.isReversed { rows.reverse() }
    return ListPage(request: request, rows: rows, hasMore: false)
  }

  /// The log itself, entry by entry; a filter is looked for in steps that can be overtaken.
  private func auditPage(
    _ request: ListRequest, _ post: @Sendable (Message) -> Void
  ) throws -> ListPage? {
    let filter = Filter(request.filter, .audit)
    let size = try past.map { $0.index + 1 } ?? live.read { try $0.size() }
    func index(_ place: [PlacePart]) -> UInt64 {
      if case .integer(let value)? = place.first { UInt64(max(0, value)) } else { 0 }
    }
    // `next` is the first index to look at in the direction of reading.
    var next: Int64
    let isBackward: Bool
    switch request.anchor {
    case .first: (next, isBackward) = (0, false)
    case .last: (next, isBackward) = (Int64(size) - 1, true)
    case .after(let place): (next, isBackward) = (Int64(index(place)) + 1, false)
    case .from(let place): (next, isBackward) = (Int64(index(place)), false)
    case .before(let place): (next, isBackward) = (Int64(index(place)) - 1, true)
    }
    var rows: [ListRow] = []
    var searched = 0
    let step = filter.isEmpty ? request.limit : 1000
    while rows.count < request.limit, next >= 0, next < Int64(size) {
      guard !isStale(request) else { return nil }
      let (first, end) =
        isBackward
        ? (max(0, next - Int64(step) + 1), next + 1) : (next, min(Int64(size), next + Int64(step)))
      var chunk: [ListRow] = []
      try live.read { transaction in
        try transaction.entries(from: UInt64(first), to: UInt64(end)) { index, bytes in
          var row = ListRows.entry(index, bytes) {
            // How it stood then, the tables of today do not say.
            past == nil ? try? transaction.proposal($0)?.status(at: now) : nil
          }
          if case .clock(let time) = row.cells[1] { row.at = time }
          row.by = row.cells[3].shown(at: now).text.text
          if filter.isEmpty || row.matches(filter, .audit, at: now) { chunk.append(row) }
        }
      }
      if isBackward {
        rows = chunk.suffix(request.limit - rows.count) + rows
        next = first - 1
      } else {
        rows += chunk.prefix(request.limit - rows.count)
        next = end
      }
      searched += Int(end - first)
      if !filter.isEmpty, searched % 5000 == 0 {
        post(.page(ListPage(request: request, rows: [], hasMore: true, searched: searched)))
      }
    }
    return ListPage(
      request: request, rows: rows, hasMore: isBackward ? next >= 0 : next < Int64(size),
      total: filter.isEmpty ? ListPage.Total(count: Int(size), isFloor: false) : nil)
  }

  private func total(_ request: ListRequest) throws -> ListPage.Total? {
    let list: RegistryTransaction.CountedList
    switch request.view {
    case .approvals: list = RegistryReader.isGrouped(request) ? .groups : .holds
    case .agents: list = .agents
    case .keys: list = .keys
    default: return nil
    }
    let name = "\(request.view) \(request.showsEnded) \(request.onlyNeeded) \(request.filter)"
    if let known = counted[name],
      now.milliseconds(since: known.at) < RegistryReader.recountMilliseconds
    {
      return known.total
    }
    let limit = RegistryReader.countLimit
    let count = try tables.read {
      try $0.listCount(of: list, try window(request, $0), upTo: limit)
    }
    let total = ListPage.Total(count: count, isFloor: count == limit)
    counted[name] = (now, total)
    return total
  }

  func unseen(_ view: View, after index: UInt64) -> Message? {
    try? live.read { transaction in
      let count =
        view == .audit
        ? Int(clamping: Int64(try transaction.size()) - Int64(clamping: index) - 1)
        : try transaction.decisionCount(after: index, upTo: 100_000)
      return .unseen(view, max(0, count))
    }
  }

  // MARK: places and ids

  func locate(_ target: Target) -> Message {
    func located(_ place: [PlacePart]?, _ path: [Target] = []) -> Message {
      .located(target, place: place, path: path)
    }
    do {
      return try tables.read { transaction in
        switch target {
        case .decision(let index), .entry(let index):
          return located([.integer(Int64(index))])
        case .agent(let name):
          return located(try transaction.agent(name, at: now).map { [.text($0.principal)] })
        case .person(let name): return located([.text(name)])
        case .key(let digest):
          return located(
            try transaction.key(digest).map {
              [.text($0.holder), .integer($0.received.milliseconds), .blob(digest.bytes)]
            })
        case .policy(let digest):
          let row = try transaction.policies().first { $0.digest == digest }
          return located(
            row.map {
              [
                .integer($0.isActive ? -1 : 0), .text($0.name), .integer(-$0.version),
                .blob(digest.bytes),
              ]
            })
        case .grant(let digest):
          let path = try transaction.treePath(to: digest)
          return located(nil, path.map { [.root($0.root)] + $0.path.map(Target.grant) } ?? [])
        case .root(let name): return located(nil, [.root(name)])
        default: return located(nil)
        }
      }
    } catch {
      return .failed("\(FaultCode.of(error)): \(error)")
    }
  }

  func resolve(_ text: String) -> Message {
    do {
      return .resolved(text, try tables.read { try Identities.find(text, in: $0, at: now) })
    } catch {
      return .failed("\(FaultCode.of(error)): \(error)")
    }
  }

  func preview(_ target: Target) -> Message? {
    try? tables.read { transaction in
      try Previews.make(target, tables: transaction, log: past == nil ? nil : live, at: now)
        .map(Message.previewed)
    }
  }

  func notes() -> Message {
    do {
      let notes = try live.read { try $0.notes(limit: 100) }
      let lines = notes.map {
        Line($0.at.minute, SafeText("\($0.who): \($0.text)"), .untrusted)
      }
      return .document(
        Document(
          .notes, title: "Handover notes \u{00B7} unsigned",
          lines: lines.isEmpty ? [Line("", "no notes; :note TEXT leaves one")] : lines))
    } catch {
      return .failed("\(FaultCode.of(error)): \(error)")
    }
  }
}

extension PlaceValue {
  init(_ part: PlacePart) {
    self =
      switch part {
      case .integer(let value): .integer(value)
      case .text(let value): .text(value)
      case .blob(let value): .blob(value)
      }
  }
}

extension PlacePart {
  init(_ value: PlaceValue) {
    self =
      switch value {
      case .integer(let value): .integer(value)
      case .text(let value): .text(value)
      case .blob(let value): .blob(value)
      }
  }
}
