import Cells
package import Console
import Keys
package import Statements

/// Presses random keys in a console's model and says what happened that never may.
package struct RandomWalk {
  private var model: ConsoleModel
  private let consent: Consent
  private var state: UInt64
  private var now: Timestamp

  package init(consent: Consent, session: Session, seed: UInt64, now: Timestamp) {
    self.consent = consent
    state = seed | 1
    self.now = now
    model = ConsoleModel(session: session, width: 80, height: 24, now: now)
    _ = model.start()
    var status = RegistryStatus()
    status.size = 12
    _ = model.update(.changed(status), at: now)
  }

  private mutating func next() -> Int {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return Int(truncatingIfNeeded: state >> 1)
  }

  private static let alphabet: [KeyPress] =
    "axrLeWjkgGhlzMRqfTVJyY'.:/?-[]{}oOCwnNpv 1234567890\u{1B}@#".unicodeScalars.map(
      KeyPress.character)
    + [
      .enter, .enter, .enter, .escape, .tab, .tab, .backTab, .up, .down, .left, .right, .pageDown,
      .pageUp, .home, .end, .backspace, .control("p"), .control("d"), .control("u"), .control("z"),
      .control("c"), .function(1), .function(2), .paste("approve\r"), .paste("\r"),
      .click(x: 3, y: 6), .wheel(3), .wheel(-3),
    ]

  /// A row of each kind that keys can act on.
  private func rows(_ request: ListRequest) -> [ListRow] {
    let digest = Digest.sha256([1])
    let target: Target =
      switch request.view {
      case .approvals: .hold(consent.request.hold ?? digest)
      case .decisions: .decision(7)
      case .agents: .agent("agent:deploy-bot")
      case .keys: .key(digest)
      case .policies: .policy(digest)
      case .audit: .entry(7)
      case .operators: .person("user:bob")
      case .proposals: .proposal(digest)
      case .locks: .lock(digest)
      case .tree: .grant(digest)
      }
    return (0..<5).map { number in
      ListRow(
        target: number == 0 ? target : .entry(UInt64(number)), place: [.integer(Int64(number))],
        cells: request.view.columns.map { _ in .text("cell") },
        related: [.agent("agent:deploy-bot"), .key(digest)])
    }
  }

  /// Takes so many random events; gives what went wrong.
  package mutating func run(_ count: Int) -> [String] {
    var wrong: [String] = []
    for step in 0..<count {
      now = now.advanced(byMilliseconds: Int64(next() % 400))
      if next() % 200 == 0 {
        _ = model.update(
          .resized(width: 20 + next() % 281, height: 5 + next() % 96), at: now)
      }
      let key = RandomWalk.alphabet[next() % RandomWalk.alphabet.count]
      var pressed: String?
      if case .consent(let dialog)? = model.overlays.last, case .button(let index) = dialog.focus,
        dialog.isArmed(at: now), key == .enter, model.entry == nil
      {
        pressed = dialog.consent.buttons[index].name
      }
      let before = model.selected
      for effect in model.update(.key(key), at: now) {
        switch effect {
        case .sign(let submission, _):
          if submission.button != pressed { wrong.append("step \(step): signed by \(key)") }
          _ = model.update(
            .refused(submission.request, code: "key_wrong_passphrase", problem: "", as: .retry),
            at: now)
        case .run(let words):
          if !words.contains("--dry-run"), key != .enter, words.first != "log" {
            wrong.append("step \(step): ran \(words) by \(key)")
          }
        case .consent(let request, _, _):
          if case .paste = key { wrong.append("step \(step): a paste opened a dialog") }
          if request == consent.request || next() % 2 == 0 {
            _ = model.open(consent.request)
            _ = model.update(.consent(consent), at: now)
          }
        case .load(let request):
          _ = model.update(
            .page(ListPage(request: request, rows: rows(request), hasMore: false)), at: now)
        case .document(let request):
          _ = model.update(
            .document(
              Document(
                request, title: "doc",
                lines: (0..<9).map { Line("\($0)", "line", target: .entry(UInt64($0))) })), at: now)
        case .quit, .suspend: break
        default: break
        }
      }
      // What is selected does not change behind an open dialog.
      if case .consent? = model.overlays.last, model.selected != before, key != .escape {
        wrong.append("step \(step): \(key) moved the selection under a dialog")
      }
      if step % 50 == 0 { _ = Screen.draw(model) }
      if wrong.count > 10 { break }
    }
    return wrong
  }
}

extension ConsentRequest {
  fileprivate var hold: Digest? {
    if case .vote(let hold, _) = self { hold } else { nil }
  }
}
