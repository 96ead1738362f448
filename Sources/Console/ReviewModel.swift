import Approvals
import CanonicalJSON
import Cells
package import Decisions
package import Keys
package import Statements

/// The sign dialog: `reading -> deciding -> signing -> recorded | refused`.
package struct ReviewModel: Sendable {
  package enum Focus: Int, Sendable, CaseIterable {
    case text
    case reason
    case name
    case passphrase
    case cancel
    case deny
    case approve
  }

  package enum Phase: Sendable, Equatable {
    case open
    case signing(ApprovalVoted.Vote)
    case recorded(index: UInt64, outcome: String)
    case refused(String)
  }

  package private(set) var review: HoldReview
  package private(set) var state: String
  package private(set) var phase = Phase.open
  package private(set) var focus = Focus.text
  package private(set) var scroll = 0
  /// How many rows of the wrapped text have been on screen.
  package private(set) var rowsSeen = 0
  package private(set) var rowCount = Int.max
  private var wrapWidth = 0
  package private(set) var reason = TextField()
  package private(set) var name = TextField()
  package let passphrase = PassphraseField()
  /// Keys count from here on: 0.7 s after opening and after 0.3 s of quiet.
  private var armed: Timestamp
  package private(set) var notice = ""

  init(_ review: HoldReview, state: String, intent: ApprovalVoted.Vote, at now: Timestamp) {
    self.review = review
    self.state = state
    armed = now.advanced(byMilliseconds: 700)
    if intent == .deny { focus = .reason }
  }

  package func isArmed(at now: Timestamp) -> Bool { now >= armed }

  package var needsName: Bool { review.risk >= .high }
  package var needsReason: Bool { review.risk == .critical }

  /// Everything that stands between this person and an approval, in words; empty: nothing does.
  package func obstacles(at now: Timestamp) -> [String] {
    var found: [String] = []
    if let objection = review.objection { found.append(objection) }
    if review.hold.state(at: now) != .pending(until: review.hold.terms.expires) {
      found.append("the hold is \(review.hold.state(at: now).word)")
    }
    let unread = rowCount - rowsSeen
    if unread > 0 { found.append("\(unread) lines unread (PgDn)") }
    if needsReason, reason.isEmpty { found.append("a reason is required") }
    if needsName, name.text != review.action.resource.text { found.append("type the resource") }
    if passphrase.isEmpty { found.append("no passphrase") }
    return found
  }

  package func denyObstacles(at now: Timestamp) -> [String] {
    var found: [String] = []
    if review.hold.state(at: now) != .pending(until: review.hold.terms.expires) {
      found.append("the hold is \(review.hold.state(at: now).word)")
    }
    if reason.isEmpty { found.append("a denial needs a reason") }
    if passphrase.isEmpty { found.append("no passphrase") }
    return found
  }

  /// The lines that bind, wrapped so that nothing is cut.
  package func rows(width: Int) -> [HoldReview.Line] {
    review.signedLines.flatMap { line in
      line.text.wrapped(to: width).enumerated().map { index, part in
        HoldReview.Line(index == 0 ? line.label : "", part, line.role)
      }
    }
  }

  /// Notes what was drawn: only what stood on the screen has been seen.
  mutating func show(rows visible: Int, width: Int) {
    rowCount = rows(width: width).count
    if width != wrapWidth {
      // Other rows than before: what counted as seen may not have been.
      wrapWidth = width
      rowsSeen = 0
    }
    scroll = min(scroll, max(0, rowCount - visible))
    if scroll <= rowsSeen { rowsSeen = max(rowsSeen, min(rowCount, scroll + visible)) }
  }

  /// Any change of digest, quorum, policy or expiry returns to reading and clears what was typed.
  mutating func refresh(_ newer: HoldReview, state: String) {
    self.state = state
    guard case .open = phase else { return }
    let isSame =
      newer.hold == review.hold && newer.signedLines == review.signedLines
      && newer.objection == review.objection && newer.completes == review.completes
    guard !isSame else { return }
    review = newer
    scroll = 0
    rowsSeen = 0
    focus = .text
    name.clear()
    passphrase.wipe()
    notice = "the request changed: read it again"
  }

  enum Outcome {
    case none
    case close
    case sign(ApprovalVoted)
  }

  mutating func take(_ key: KeyPress, at now: Timestamp, rows: Int) -> Outcome {
    guard isArmed(at: now) else {
      armed = max(armed, now.advanced(byMilliseconds: 300))
      return .none
    }
    notice = ""
    if key == .escape {
      passphrase.wipe()
      return .close
    }
    switch phase {
    case .recorded, .refused: return key == .enter || key == .character("q") ? .close : .none
    case .signing: return .none
    case .open: break
    }
    switch key {
    case .tab: move(1)
    case .backTab: move(-1)
    case .pageDown: scroll += max(1, rows - 1)
    case .pageUp: scroll = max(0, scroll - max(1, rows - 1))
    default: return type(key, at: now)
    }
    return .none
  }

  private var order: [Focus] { Focus.allCases.filter { $0 != .name || needsName } }

  private mutating func move(_ step: Int) {
    let index = order.firstIndex(of: focus) ?? 0
    focus = order[(index + step + order.count) % order.count]
  }

  private mutating func type(_ key: KeyPress, at now: Timestamp) -> Outcome {
    switch focus {
    case .text:
      switch key {
      case .character("j"), .down: scroll += 1
      case .character("k"), .up: scroll = max(0, scroll - 1)
      case .character("G"), .end: scroll = rowCount
      case .character("g"), .home: scroll = 0
      case .enter: move(1)
      case .paste: notice = "pasted text never decides; it was dropped"
      default: break
      }
    case .reason: if !reason.take(key), key == .enter || key == .down { move(1) }
    case .name: if !name.take(key), key == .enter || key == .down { move(1) }
    case .passphrase: if !passphrase.take(key), key == .enter || key == .down { move(1) }
    case .cancel, .deny, .approve: return press(key, at: now)
    }
    return .none
  }

  private mutating func press(_ key: KeyPress, at now: Timestamp) -> Outcome {
    switch key {
    case .left: move(focus == .cancel ? 0 : -1)
    case .right: move(focus == .approve ? 0 : 1)
    case .paste: notice = "pasted text never decides; it was dropped"
    case .enter:
      switch focus {
      case .cancel:
        passphrase.wipe()
        return .close
      case .deny: return sign(.deny, obstacles: denyObstacles(at: now))
      case .approve: return sign(.approve, obstacles: obstacles(at: now))
      default: break
      }
    default: break
    }
    return .none
  }

  private mutating func sign(_ vote: ApprovalVoted.Vote, obstacles: [String]) -> Outcome {
    guard obstacles.isEmpty else {
      notice = "off: " + obstacles.joined(separator: ", ")
      return .none
    }
    phase = .signing(vote)
    return .sign(
      ApprovalVoted(
        hold: review.hold.digest, vote: vote, reason: .init(reason.text), validUntil: nil))
  }

  mutating func finish(_ phase: Phase) {
    passphrase.wipe()
    self.phase = phase
  }

  /// After a wrong passphrase or another refusal, the dialog stays open and nothing was recorded.
  mutating func reopen(_ problem: String) {
    passphrase.wipe()
    phase = .open
    focus = .passphrase
    notice = problem
  }
}

/// What revoking one key would do.
package struct RevocationPlan: Sendable, Hashable {
  package let key: Fingerprint
  package let holder: Principal?
  package let effect: ChangePreview

  package init(key: Fingerprint, holder: Principal?, effect: ChangePreview) {
    self.key = key
    self.holder = holder
    self.effect = effect
  }
}

/// The revocation dialog: a preview worked out on the verified state, then a typed name.
package struct RevokeModel: Sendable {
  package enum Focus: Int, Sendable, CaseIterable {
    case reason
    case note
    case name
    case passphrase
    case cancel
    case revoke
  }

  package private(set) var preview: RevocationPlan
  package private(set) var reason = RevocationReason.compromised
  package private(set) var note = TextField()
  package private(set) var name = TextField()
  package let passphrase = PassphraseField()
  package private(set) var focus = Focus.reason
  package private(set) var phase = ReviewModel.Phase.open
  package private(set) var notice = ""
  private var armed: Timestamp

  init(_ preview: RevocationPlan, at now: Timestamp) {
    self.preview = preview
    armed = now.advanced(byMilliseconds: 700)
  }

  package var obstacles: [String] {
    var found: [String] = []
    if name.text != preview.key.short { found.append("type \(preview.key.short)") }
    if passphrase.isEmpty { found.append("no passphrase") }
    return found
  }

  /// A changed plan clears the typed name.
  mutating func refresh(_ newer: RevocationPlan) {
    guard newer.effect.lines != preview.effect.lines else {
      preview = newer
      return
    }
    preview = newer
    name.clear()
    notice = "the plan changed: look again"
  }

  enum Outcome {
    case none
    case close
    case reconsider(RevocationReason)
    case sign(KeyRevoked)
  }

  mutating func take(_ key: KeyPress, at now: Timestamp) -> Outcome {
    guard now >= armed else {
      armed = max(armed, now.advanced(byMilliseconds: 300))
      return .none
    }
    notice = ""
    if key == .escape {
      passphrase.wipe()
      return .close
    }
    switch phase {
    case .recorded, .refused: return key == .enter || key == .character("q") ? .close : .none
    case .signing: return .none
    case .open: break
    }
    switch key {
    case .tab: move(1)
    case .backTab: move(-1)
    default:
      switch focus {
      case .reason: return choose(key)
      case .note: if !note.take(key), key == .enter || key == .down { move(1) }
      case .name: if !name.take(key), key == .enter || key == .down { move(1) }
      case .passphrase: if !passphrase.take(key), key == .enter || key == .down { move(1) }
      case .cancel, .revoke: return press(key)
      }
    }
    return .none
  }

  private mutating func move(_ step: Int) {
    let order = Focus.allCases
    focus = order[(focus.rawValue + step + order.count) % order.count]
  }

  private mutating func choose(_ key: KeyPress) -> Outcome {
    let all = RevocationReason.allCases
    let index = all.firstIndex(of: reason) ?? 0
    switch key {
    case .left: reason = all[(index + all.count - 1) % all.count]
    case .right: reason = all[(index + 1) % all.count]
    case .enter, .down:
      move(1)
      return .none
    default: return .none
    }
    return .reconsider(reason)
  }

  private mutating func press(_ key: KeyPress) -> Outcome {
    switch key {
    case .left: focus = .cancel
    case .right: focus = .revoke
    case .paste: notice = "pasted text never decides; it was dropped"
    case .enter:
      guard focus == .revoke else {
        passphrase.wipe()
        return .close
      }
      guard obstacles.isEmpty else {
        notice = "off: " + obstacles.joined(separator: ", ")
        return .none
      }
      phase = .signing(.deny)
      return .sign(
        KeyRevoked(
          key: preview.key, reason: reason, compromisedSince: nil, note: .init(note.text)))
    default: break
    }
    return .none
  }

  mutating func finish(_ phase: ReviewModel.Phase) {
    passphrase.wipe()
    self.phase = phase
  }

  mutating func reopen(_ problem: String) {
    passphrase.wipe()
    phase = .open
    focus = .passphrase
    notice = problem
  }
}
