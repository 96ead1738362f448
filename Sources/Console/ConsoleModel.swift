import Approvals
import Cells
import Decisions
package import Keys
package import Statements

/// The views, by their digit.
package enum View: Int, Sendable, CaseIterable {
  case approvals
  case decisions
  case agents
  case keys
  case tree

  package var title: String {
    switch self {
    case .approvals: "Approvals"
    case .decisions: "Decisions"
    case .agents: "Agents"
    case .keys: "Keys"
    case .tree: "Tree"
    }
  }
}

/// Who sits before the console, and at what.
package struct Session: Sendable, Hashable {
  package let registry: String
  package let who: Principal?
  package let isReadOnly: Bool
  package let isSolo: Bool
  /// Shown below the queue: the demonstration tells its passphrase there.
  package let banner: String?

  package init(
    registry: String, who: Principal?, isReadOnly: Bool, isSolo: Bool, banner: String? = nil
  ) {
    self.registry = registry
    self.who = who
    self.isReadOnly = isReadOnly
    self.isSolo = isSolo
    self.banner = banner
  }
}

/// The console's whole state; changed by ``update(_:at:)`` alone.
package struct ConsoleModel: Sendable {
  package enum Overlay: Sendable {
    case help
    case explanation(Explanation, scroll: Int)
    case review(ReviewModel)
    case revoke(RevokeModel)
  }

  package let session: Session
  package private(set) var width: Int
  package private(set) var height: Int
  package private(set) var now: Timestamp
  package private(set) var view = View.approvals
  package private(set) var snapshot: Snapshot?
  package private(set) var overlay: Overlay?
  /// The selected row of each view, by identity.
  private var selected: [View: String] = [:]
  package private(set) var filters: [View: TextField] = [:]
  package private(set) var isFiltering = false
  package private(set) var follows = true
  /// The last decision seen when following stopped.
  package private(set) var pausedAt: UInt64?
  package private(set) var folded: Set<Digest> = []
  private var flash = ""
  private var flashed = Timestamp(milliseconds: 0)
  /// The last thing to say, for a few seconds.
  package var notice: String { now.milliseconds(since: flashed) < 6000 ? flash : "" }
  package private(set) var isQuitting = false

  package init(session: Session, width: Int, height: Int, now: Timestamp) {
    self.session = session
    self.width = width
    self.height = height
    self.now = now
  }

  // MARK: rows

  /// One row of the current list: an identity, and what `/` looks through.
  package struct RowKey: Sendable, Hashable {
    package let id: String
    let text: String
  }

  package var treeRows: [TreeRow] { TreeRow.rows(snapshot?.grants ?? [], folded: folded) }

  package var rows: [RowKey] {
    guard let snapshot else { return [] }
    let all: [RowKey] =
      switch view {
      case .approvals:
        snapshot.holds.map {
          RowKey(
            id: $0.digest.hex, text: "\($0.digest.hex) \($0.agent) \($0.action) \($0.resource)")
        }
      case .decisions:
        snapshot.decisions.filter { $0.index <= pausedAt ?? .max }.map {
          RowKey(
            id: "\($0.index)",
            text: "\($0.agent) \($0.action) \($0.resource) \($0.verdict) \($0.code) \($0.rule)")
        }
      case .agents:
        snapshot.agents.map { RowKey(id: $0.name, text: "\($0.name) \($0.owner) \($0.roles)") }
      case .keys:
        snapshot.keys.map {
          RowKey(id: $0.key.digest.hex, text: "\($0.key) \($0.holder) \($0.status)")
        }
      case .tree: treeRows.map { RowKey(id: $0.id, text: "\($0.name) \($0.scope)") }
      }
    let needle = filters[view]?.text.lowercased() ?? ""
    return needle.isEmpty ? all : all.filter { $0.text.lowercased().contains(needle) }
  }

  /// Where the selection stands; it follows the row, not its number.
  package var position: Int {
    let rows = rows
    if view == .decisions, follows { return max(0, rows.count - 1) }
    return rows.firstIndex { $0.id == selected[view] } ?? 0
  }

  package var selectedID: String? {
    let rows = rows
    return rows.isEmpty ? nil : rows[min(position, rows.count - 1)].id
  }

  /// Decisions made since following stopped.
  package var unseen: Int {
    guard let pausedAt else { return 0 }
    return snapshot?.decisions.filter { $0.index > pausedAt }.count ?? 0
  }

  package var selectedHold: Snapshot.HoldItem? {
    guard view == .approvals else { return nil }
    return snapshot?.holds.first { $0.digest.hex == selectedID }
  }

  /// The key that `r` would revoke here.
  package var selectedKey: Fingerprint? {
    guard let snapshot, let selectedID else { return nil }
    switch view {
    case .keys: return snapshot.keys.first { $0.key.digest.hex == selectedID }?.key
    case .agents:
      return snapshot.keys.first { $0.holder == selectedID && $0.status == "active" }?.key
    case .tree:
      guard let row = treeRows.first(where: { $0.id == selectedID }) else { return nil }
      return snapshot.keys.first { $0.holder == row.name && $0.status == "active" }?.key
    default: return nil
    }
  }

  // MARK: update

  /// Takes what happened; the only place where state changes.
  package mutating func update(_ message: Message, at time: Timestamp) -> [Effect] {
    now = max(now, time)
    if case .key = message { flash = "" }
    let said = flash
    defer { if flash != said { flashed = now } }
    switch message {
    case .resized(let width, let height):
      self.width = width
      self.height = height
      if case .review(var review)? = overlay {
        review.show(
          rows: ReviewScreen.bodyRows(width: width, height: height, review),
          width: ReviewScreen.textWidth(width))
        overlay = .review(review)
      }
    case .tick: break
    case .loaded(let newer): return take(newer)
    case .reviewLoaded(let review, let state, let intent):
      if case .review(var open)? = overlay {
        guard open.review.hold.digest == review.hold.digest else { return [] }
        open.refresh(review, state: state)
        open.show(
          rows: ReviewScreen.bodyRows(width: width, height: height, open),
          width: ReviewScreen.textWidth(width))
        overlay = .review(open)
      } else {
        var model = ReviewModel(review, state: state, intent: intent, at: now)
        model.show(
          rows: ReviewScreen.bodyRows(width: width, height: height, model),
          width: ReviewScreen.textWidth(width))
        overlay = .review(model)
      }
    case .revokeLoaded(let preview):
      if case .revoke(var open)? = overlay {
        open.refresh(preview)
        overlay = .revoke(open)
      } else {
        overlay = .revoke(RevokeModel(preview, at: now))
      }
    case .explained(let explanation): overlay = .explanation(explanation, scroll: 0)
    case .signed(let index, let outcome):
      finish(.recorded(index: index, outcome: outcome))
      flash = "recorded as #\(index): \(outcome)"
    case .refused(let problem):
      if case .review(var review)? = overlay {
        review.reopen(problem)
        overlay = .review(review)
      } else if case .revoke(var revoke)? = overlay {
        revoke.reopen(problem)
        overlay = .revoke(revoke)
      } else {
        flash = problem
      }
    case .failed(let problem): flash = problem
    case .key(let key): return take(key)
    }
    return []
  }

  private mutating func finish(_ phase: ReviewModel.Phase) {
    if case .review(var review)? = overlay {
      review.finish(phase)
      overlay = .review(review)
    } else if case .revoke(var revoke)? = overlay {
      revoke.finish(phase)
      overlay = .revoke(revoke)
    }
  }

  private mutating func take(_ newer: Snapshot) -> [Effect] {
    let known = Set(snapshot?.holds.map(\.digest) ?? [])
    let isFirst = snapshot == nil
    snapshot = newer
    var effects: [Effect] = []
    if !isFirst {
      let fresh = newer.holds.filter { !known.contains($0.digest) }
      if !fresh.isEmpty { flash = "\(fresh.count) new hold\(fresh.count == 1 ? "" : "s")" }
      if fresh.contains(where: { $0.risk == .critical }) { effects.append(.bell) }
    }
    switch overlay {
    case .review(let review):
      effects.append(.loadReview(review.review.hold.digest, intent: .approve))
    case .revoke(let revoke) where revoke.phase == .open:
      effects.append(.loadRevoke(revoke.preview.key, revoke.reason))
    default: break
    }
    return effects
  }

  private mutating func take(_ key: KeyPress) -> [Effect] {
    switch key {
    case .control("z"):
      lock()
      return [.suspend]
    case .control("l"): return [.repaint]
    case .control("c"):
      flash = "Esc goes back, q quits"
      return []
    default: break
    }
    switch overlay {
    case .review(var review):
      let rows = ReviewScreen.bodyRows(width: width, height: height, review)
      let outcome = review.take(key, at: now, rows: rows)
      review.show(
        rows: ReviewScreen.bodyRows(width: width, height: height, review),
        width: ReviewScreen.textWidth(width))
      overlay = .review(review)
      switch outcome {
      case .none: return []
      case .close:
        overlay = nil
        return []
      case .sign(let ballot): return [.vote(ballot, review.passphrase)]
      }
    case .revoke(var revoke):
      let outcome = revoke.take(key, at: now)
      overlay = .revoke(revoke)
      switch outcome {
      case .none: return []
      case .close:
        overlay = nil
        return []
      case .reconsider(let reason): return [.loadRevoke(revoke.preview.key, reason)]
      case .sign(let body):
        return [.revoke(body, previewSize: revoke.preview.effect.size, revoke.passphrase)]
      }
    case .explanation(let explanation, let scroll):
      switch Keymap.command(for: key) {
      case .down: overlay = .explanation(explanation, scroll: scroll + 1)
      case .up: overlay = .explanation(explanation, scroll: max(0, scroll - 1))
      case .pageDown: overlay = .explanation(explanation, scroll: scroll + height - 6)
      case .pageUp: overlay = .explanation(explanation, scroll: max(0, scroll - height + 6))
      case .back, .quit, .open: overlay = nil
      default: break
      }
      return []
    case .help:
      overlay = nil
      return []
    case nil: break
    }
    if isFiltering { return filter(key) }
    guard let command = Keymap.command(for: key) else {
      if case .paste = key { flash = "pasted text is not a command; it was dropped" }
      return []
    }
    flash = ""
    return perform(command)
  }

  /// Closes what holds a passphrase: before suspending, and on the way out.
  private mutating func lock() {
    if case .review(let review)? = overlay { review.passphrase.wipe() }
    if case .revoke(let revoke)? = overlay { revoke.passphrase.wipe() }
    switch overlay {
    case .review, .revoke: overlay = nil
    default: break
    }
  }

  private mutating func filter(_ key: KeyPress) -> [Effect] {
    var field = filters[view] ?? TextField()
    switch key {
    case .enter: isFiltering = false
    case .escape:
      isFiltering = false
      field.clear()
    default: _ = field.take(key)
    }
    filters[view] = field
    return []
  }

  private mutating func perform(_ command: Command) -> [Effect] {
    let page = max(1, height - 8)
    switch command {
    case .down: move(1)
    case .up: move(-1)
    case .halfDown: move(page / 2)
    case .halfUp: move(-page / 2)
    case .pageDown: move(page)
    case .pageUp: move(-page)
    case .first: move(-1_000_000_000)
    case .last:
      move(1_000_000_000)
      if view == .decisions { resume() }
    case .approvals: view = .approvals
    case .decisions: view = .decisions
    case .agents: view = .agents
    case .keys: view = .keys
    case .tree: view = .tree
    case .nextView: view = View(rawValue: (view.rawValue + 1) % View.allCases.count) ?? .approvals
    case .previousView:
      view =
        View(rawValue: (view.rawValue + View.allCases.count - 1) % View.allCases.count)
        ?? .approvals
    case .back:
      if filters[view]?.isEmpty == false { filters[view] = nil }
    case .quit:
      guard filters[view]?.isEmpty == false else {
        isQuitting = true
        return [.quit]
      }
      filters[view] = nil
    case .filter:
      isFiltering = true
      filters[view] = filters[view] ?? TextField()
    case .follow:
      guard view == .decisions else {
        flash = "f follows decisions; press 2 first"
        return []
      }
      if follows { pause() } else { resume() }
    case .fold, .unfold, .foldAll: fold(command)
    case .open, .why: return open(command)
    case .approve, .deny:
      guard let hold = selectedHold else {
        flash = "nothing to vote on here; press 1 for the queue"
        return []
      }
      guard !session.isReadOnly else {
        flash = "read only: this account cannot write to the registry"
        return []
      }
      return [.loadReview(hold.digest, intent: command == .deny ? .deny : .approve)]
    case .revoke:
      guard !session.isReadOnly else {
        flash = "read only: this account cannot write to the registry"
        return []
      }
      guard let key = selectedKey else {
        flash = "no active key is selected; press 4 for keys"
        return []
      }
      return [.loadRevoke(key, .compromised)]
    case .help: overlay = .help
    case .repaint: return [.repaint]
    case .suspend: return [.suspend]
    }
    return []
  }

  private mutating func open(_ command: Command) -> [Effect] {
    switch view {
    case .approvals:
      guard let hold = selectedHold else { return [] }
      return command == .why
        ? [.explainHold(hold.digest)] : [.loadReview(hold.digest, intent: .approve)]
    case .decisions:
      guard let id = selectedID, let index = UInt64(id) else { return [] }
      pause()
      return [.explain(index: index)]
    case .agents:
      guard let name = selectedID else { return [] }
      view = .keys
      filters[.keys] = TextField(name)
      return []
    case .tree:
      guard let row = treeRows.first(where: { $0.id == selectedID }) else { return [] }
      view = .agents
      selected[.agents] = row.name
      return []
    case .keys: return []
    }
  }

  private mutating func move(_ step: Int) {
    let rows = rows
    guard !rows.isEmpty else { return }
    let next = max(0, min(rows.count - 1, position + step))
    if view == .decisions, step < 0, follows { pause() }
    selected[view] = rows[next].id
  }

  private mutating func pause() {
    guard follows else { return }
    selected[.decisions] = selectedID
    pausedAt = snapshot?.decisions.last?.index ?? 0
    follows = false
  }

  private mutating func resume() {
    follows = true
    pausedAt = nil
  }

  private mutating func fold(_ command: Command) {
    guard view == .tree else { return }
    switch command {
    case .foldAll:
      let parents = Set((snapshot?.grants ?? []).compactMap(\.parent))
      folded = folded.isEmpty ? parents : []
    default:
      guard let row = treeRows.first(where: { $0.id == selectedID }), let grant = row.grant else {
        return
      }
      if command == .fold { folded.insert(grant) } else { folded.remove(grant) }
    }
  }
}
