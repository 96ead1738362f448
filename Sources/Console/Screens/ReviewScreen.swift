import Approvals
import Cells
import Decisions
import Keys
import Statements

/// Review and sign: full screen, so that no part of the request is out of view without a counter.
enum ReviewScreen {
  private static let labelWidth = 10

  /// How many of the lines that bind fit on the screen.
  static func bodyRows(width: Int, height: Int, _ review: ReviewModel) -> Int {
    max(2, height - 14 - (review.needsName ? 1 : 0))
  }

  /// Columns that one row of the text may take.
  static func textWidth(_ width: Int) -> Int { max(8, width - labelWidth - 5) }

  static func draw(_ review: ReviewModel, _ model: ConsoleModel, _ buffer: inout Buffer) {
    let hold = review.review.hold
    let now = model.now
    let left =
      switch hold.state(at: now) {
      case .pending(let until): "expires in \(ListScreens.span(until, now))"
      case .approved(let until): "approved, until \(until.clock)"
      default: hold.state(at: now).word.uppercased()
      }
    Screen.rule(
      SafeText("Review \(hold.digest.hex.prefix(8))"), SafeText(left), y: 1, model, &buffer)
    let rows = bodyRows(width: model.width, height: model.height, review)
    let lines = review.rows(width: textWidth(model.width))
    let last = min(lines.count, review.scroll + rows)
    box(
      top: 2, rows: rows,
      "YOU SIGN EXACTLY THIS \u{00B7} rendered from the signed bytes",
      SafeText("lines \(min(lines.count, review.scroll + 1))-\(last) of \(lines.count)"), review,
      model, &buffer)
    for (offset, line) in lines.dropFirst(review.scroll).prefix(rows).enumerated() {
      buffer.put(SafeText(line.label), x: 2, y: 3 + offset, role: .hint, columns: labelWidth)
      buffer.put(
        line.text, x: 3 + labelWidth, y: 3 + offset, role: line.role,
        columns: textWidth(model.width))
    }
    var y = 4 + rows
    if let words = review.review.words {
      let x = buffer.put("Agent says ", x: 1, y: y, role: .hint)
      buffer.put(
        "\u{2506} \"" + words + "\" its words, not verified", x: x, y: y, role: .untrusted,
        columns: model.width - x - 1)
    }
    y += 1
    let votes = review.review.voteLines.map { "\($0.label) by \($0.text.text)" }.joined(
      separator: ", ")
    let places = hold.terms.rule.quorum.reduce(0) { $0 + $1.count }
    let completes =
      review.review.completes && review.review.objection == nil ? "  yours completes it" : ""
    buffer.put(
      SafeText("Quorum     \(hold.approvals.count) of \(places)  \(votes)\(completes)"), x: 1, y: y)
    y += 1
    if review.review.hiddenCharacters > 0 {
      buffer.put(
        SafeText("! \(review.review.hiddenCharacters) hidden characters made visible"),
        x: 1, y: y, role: .alert)
    }
    y += 1
    outcome(review, y, model, &buffer)
  }

  private static func box(
    top: Int, rows: Int, _ title: SafeText, _ right: SafeText, _ review: ReviewModel,
    _ model: ConsoleModel, _ buffer: inout Buffer
  ) {
    let role: Role = review.focus == .text ? .title : .border
    buffer.fill(row: top, with: "\u{2500}", role: role)
    buffer.fill(row: top + rows + 1, with: "\u{2500}", role: role)
    buffer.put(" " + title + " ", x: 2, y: top, role: role)
    let text = " " + right + " "
    buffer.put(text, x: model.width - text.width - 2, y: top, role: role)
    let digest = SafeText(" hold sha256 \(review.review.hold.digest.hex) ")
    buffer.put(digest, x: 2, y: top + rows + 1, role: role, columns: model.width - 4)
  }

  private static func outcome(
    _ review: ReviewModel, _ start: Int, _ model: ConsoleModel, _ buffer: inout Buffer
  ) {
    var y = start
    switch review.phase {
    case .recorded(let index, let outcome):
      buffer.put(SafeText("recorded as log entry #\(index)"), x: 1, y: y, role: .stateOK)
      buffer.put(SafeText(outcome), x: 1, y: y + 1, role: .title)
      buffer.put(
        SafeText("the hold is now \(review.state)"), x: 1, y: y + 2)
      buffer.put("Enter or Esc closes", x: 1, y: model.height - 1, role: .hint)
      return
    case .refused(let problem):
      buffer.put(SafeText("refused: \(problem)"), x: 1, y: y, role: .alert)
      buffer.put("Enter or Esc closes", x: 1, y: model.height - 1, role: .hint)
      return
    case .signing(let vote):
      buffer.put(SafeText("opening the key and signing \(vote.rawValue)"), x: 1, y: y, role: .title)
      return
    case .open: break
    }
    let need = review.needsReason ? "required" : "required to deny"
    field("Reason", SafeText(review.reason.text), need, review.focus == .reason, y, model, &buffer)
    y += 1
    if review.needsName {
      field(
        "Resource", SafeText(review.name.text), "type it to approve", review.focus == .name, y,
        model, &buffer)
      y += 1
    }
    field(
      "Passphrase", review.passphrase.isEmpty ? "" : "*** hidden ***",
      model.session.who?.description ?? "", review.focus == .passphrase, y, model, &buffer)
    y += 2
    var x = 1
    let obstacles = review.obstacles(at: model.now)
    for (focus, label) in [
      (ReviewModel.Focus.cancel, "Cancel"), (.deny, "Deny"), (.approve, "Sign & approve"),
    ] {
      x = button(label, review.focus == focus, x, y, &buffer) + 2
    }
    if let first = obstacles.first {
      let more = obstacles.count > 1 ? " (+\(obstacles.count - 1))" : ""
      buffer.put(SafeText("off: \(first)\(more)"), x: x, y: y, role: .hint)
    }
    let note =
      !review.notice.isEmpty
      ? review.notice
      : review.isArmed(at: model.now)
        ? model.session.banner ?? "pasted text never decides; a wrong passphrase records nothing"
        : "keys count in a moment"
    buffer.put(
      SafeText(note), x: 1, y: model.height - 2, role: review.notice.isEmpty ? .hint : .alert)
    buffer.put(
      "Esc cancel  Tab field  PgDn read  Enter presses the focused button", x: 1,
      y: model.height - 1, role: .hint)
  }

  static func field(
    _ label: SafeText, _ value: SafeText, _ note: String, _ isFocused: Bool, _ y: Int,
    _ model: ConsoleModel, _ buffer: inout Buffer
  ) {
    buffer.put(isFocused ? ">" : " ", x: 0, y: y, role: .cursor)
    buffer.put(label, x: 1, y: y, role: isFocused ? .title : .hint)
    let noteText = SafeText(note)
    let end = model.width - noteText.width - 3
    buffer.put("[", x: 12, y: y, role: .border)
    buffer.fill(row: y, from: 13, to: end, with: "_", role: .muted)
    let room = max(0, end - 13)
    let shown = value.width > room ? SafeText(String(value.text.suffix(room))) : value
    let x = buffer.put(shown, x: 13, y: y, role: .input, columns: room)
    buffer.put("]", x: end, y: y, role: .border)
    buffer.put(noteText, x: end + 2, y: y, role: .hint)
    if isFocused { buffer.cursor = (min(x, end - 1), y) }
  }

  static func button(
    _ label: String, _ isFocused: Bool, _ x: Int, _ y: Int, _ buffer: inout Buffer
  ) -> Int {
    let text = isFocused ? "[> \(label) <]" : "[  \(label)  ]"
    let end = buffer.put(SafeText(text), x: x, y: y, role: isFocused ? .buttonFocus : .button)
    if isFocused {
      buffer.reverse(row: y, from: x, to: end)
      buffer.cursor = (x, y)
    }
    return end
  }
}

/// Revoke with its blast radius.
enum RevokeScreen {
  static func draw(_ revoke: RevokeModel, _ model: ConsoleModel, _ buffer: inout Buffer) {
    let preview = revoke.preview
    Screen.rule(
      SafeText("Revoke key \(preview.key.short)"),
      SafeText("DRY RUN at #\(preview.effect.size) \u{00B7} nothing changed yet"), y: 1, model,
      &buffer)
    buffer.put(SafeText("Key      \(preview.key)"), x: 1, y: 2)
    buffer.put(SafeText("Holder   \(preview.holder?.description ?? "unknown")"), x: 1, y: 3)
    var y = 5
    for line in preview.effect.lines {
      buffer.put(SafeText(line), x: 3, y: y)
      y += 1
    }
    y += 1
    switch revoke.phase {
    case .recorded(let index, let outcome):
      buffer.put(SafeText("recorded as log entry #\(index)"), x: 1, y: y, role: .stateOK)
      buffer.put(SafeText(outcome), x: 1, y: y + 1, role: .title)
      buffer.put("Enter or Esc closes", x: 1, y: model.height - 1, role: .hint)
      return
    case .signing:
      buffer.put("opening the key and signing", x: 1, y: y, role: .title)
      return
    case .refused(let problem):
      buffer.put(SafeText("refused: \(problem)"), x: 1, y: y, role: .alert)
      return
    case .open: break
    }
    buffer.put(revoke.focus == .reason ? ">" : " ", x: 0, y: y, role: .cursor)
    var x = buffer.put("Reason      ", x: 1, y: y, role: revoke.focus == .reason ? .title : .hint)
    for reason in RevocationReason.allCases {
      let mark = reason == revoke.reason ? "(*)" : "( )"
      x = buffer.put(SafeText("\(mark) \(reason.rawValue)  "), x: x, y: y)
    }
    y += 1
    ReviewScreen.field(
      "Note", SafeText(revoke.note.text), "for the record", revoke.focus == .note, y, model, &buffer
    )
    y += 1
    ReviewScreen.field(
      "Key", SafeText(revoke.name.text), "type \(preview.key.short)", revoke.focus == .name, y,
      model, &buffer)
    y += 1
    ReviewScreen.field(
      "Passphrase", revoke.passphrase.isEmpty ? "" : "*** hidden ***",
      model.session.who?.description ?? "", revoke.focus == .passphrase, y, model, &buffer)
    y += 2
    x = ReviewScreen.button("Cancel", revoke.focus == .cancel, 1, y, &buffer) + 2
    x = ReviewScreen.button("Revoke key", revoke.focus == .revoke, x, y, &buffer) + 2
    if !revoke.obstacles.isEmpty {
      buffer.put(
        SafeText("off: " + revoke.obstacles.joined(separator: ", ")), x: x, y: y, role: .hint)
    }
    buffer.put(
      SafeText(
        revoke.notice.isEmpty
          ? "A revocation is for ever; it counts for the next decision." : revoke.notice), x: 1,
      y: model.height - 2, role: revoke.notice.isEmpty ? .hint : .alert)
    buffer.put(
      "\u{2190}\u{2192} reason  Tab field  Enter presses the focused button  Esc cancel", x: 1,
      y: model.height - 1, role: .hint)
  }
}
