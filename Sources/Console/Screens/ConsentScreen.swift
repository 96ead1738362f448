import Cells
import Statements

/// How a dialog is divided: the text gets what the fields leave.
package struct ConsentLayout: Sendable {
  static let label = 10

  package let textRows: Int
  package let textWidth: Int
  let asides: Int
  let fieldsTop: Int
  let hasGap: Bool

  package init(_ dialog: ConsentModel, width: Int, height: Int) {
    let consent = dialog.consent
    textWidth = max(8, width - ConsentLayout.label - 5)
    let wanted = consent.asides.count
    asides = height >= 24 ? min(wanted, 3 + (height - 24) / 3) : min(wanted, 1)
    var fields = consent.inputs.count + (consent.choice == nil ? 0 : 1)
    if dialog.needsPassphrase { fields += 1 }
    if !dialog.steps.isOpen { fields = max(fields, 4) }
    hasGap = height >= 22
    // Status, title, two rules, message, hints, buttons.
    let fixed = 7 + asides + fields + (hasGap ? 2 : 0)
    let room = max(2, height - fixed)
    textRows = min(room, max(3, dialog.rows(width: textWidth).count))
    fieldsTop = 4 + textRows + asides + (hasGap ? 1 : 0)
  }
}

/// Review and sign: full screen, so that nothing of it is out of view without a counter.
enum ConsentScreen {
  static func draw(_ dialog: ConsentModel, _ model: ConsoleModel, _ buffer: inout Buffer) {
    let consent = dialog.consent
    let frame = ConsentLayout(dialog, width: model.width, height: model.height)
    Screen.rule(
      consent.title, deadline(dialog, model), in: Screen.row(1, model), &buffer)
    text(dialog, frame, model, &buffer)
    var y = 4 + frame.textRows
    // What stood beside it before the signature says nothing of afterwards.
    for aside in consent.asides.prefix(dialog.steps.isOpen ? frame.asides : 0) {
      let x = buffer.put(
        SafeText(aside.label), x: 1, y: y, role: .hint, columns: ConsentLayout.label)
      buffer.put(
        aside.text, x: max(x + 1, 2 + ConsentLayout.label), y: y, role: aside.role,
        columns: model.width - 3 - ConsentLayout.label)
      y += 1
    }
    switch dialog.steps.stage(dialog.facts(model.session, model.keyState, at: model.now)) {
    case .recorded(let index, let outcome):
      recorded(index, outcome, dialog, frame, model, &buffer)
    case .refused(let problem): refused(problem, dialog, frame, model, &buffer)
    case .signing(let button):
      buffer.put(
        SafeText("opening the key and signing: \(button)\u{2026}"), x: 1, y: frame.fieldsTop,
        role: .title)
    case .reading, .deciding, .authenticating:
      fields(dialog, frame, model, &buffer)
    }
  }

  private static func deadline(_ dialog: ConsentModel, _ model: ConsoleModel) -> SafeText {
    let consent = dialog.consent
    switch dialog.steps.stage(dialog.facts(model.session, model.keyState, at: model.now)) {
    case .recorded: return SafeText(model.session.place) + " \u{00B7} signed and recorded"
    case .refused: return SafeText(model.session.place) + " \u{00B7} nothing was recorded"
    case .reading, .deciding, .authenticating, .signing: break
    }
    let place = SafeText(model.session.place) + " \u{00B7} "
    if let ended = consent.ended { return place + SafeText(ended) }
    guard let deadline = consent.deadline else { return place + "nothing changed yet" }
    guard model.now < deadline else { return place + "EXPIRED" }
    return place + "expires in " + SafeText(Span.until(deadline, from: model.now))
  }

  // MARK: what binds

  private static func text(
    _ dialog: ConsentModel, _ frame: ConsentLayout, _ model: ConsoleModel, _ buffer: inout Buffer
  ) {
    let role: Role = dialog.focus == .text ? .borderFocus : .border
    let lines = dialog.rows(width: frame.textWidth)
    let last = min(lines.count, dialog.scroll + frame.textRows)
    let unseen = max(0, lines.count - dialog.rowsSeen)
    let hidden = dialog.consent.hidden
    var right = SafeText("lines \(min(lines.count, dialog.scroll + 1))-\(last) of \(lines.count)")
    if unseen > 0 { right = right + SafeText(" \u{00B7} \(unseen) unread") }
    if hidden > 0 { right = SafeText("! \(hidden) hidden made visible \u{00B7} ") + right }
    Screen.rule(dialog.consent.heading, right, in: Screen.row(2, model), role: role, &buffer)
    for (offset, line) in lines.dropFirst(dialog.scroll).prefix(frame.textRows).enumerated() {
      buffer.put(
        SafeText(line.label), x: 2, y: 3 + offset, role: .hint, columns: ConsentLayout.label)
      buffer.put(
        line.text, x: 3 + ConsentLayout.label, y: 3 + offset, role: line.role,
        columns: frame.textWidth)
    }
    let bottom = Screen.row(3 + frame.textRows, model)
    buffer.fill(row: bottom.y, with: "\u{2500}", role: role)
    if !dialog.consent.seal.isEmpty {
      buffer.put(
        " " + dialog.consent.seal + " ", x: 2, y: bottom.y, role: role,
        columns: model.width - 4)
    }
    if last < lines.count {
      let more = SafeText(" \u{25BC} \(lines.count - last) more ")
      buffer.put(more, x: model.width - more.width - 2, y: bottom.y, role: .hint)
    }
    if dialog.focus == .text {
      buffer.put(">", x: 0, y: 3, role: .cursor)
      buffer.cursor = (0, 3)
    }
  }

  // MARK: fields and buttons

  private static func fields(
    _ dialog: ConsentModel, _ frame: ConsentLayout, _ model: ConsoleModel, _ buffer: inout Buffer
  ) {
    let consent = dialog.consent
    var y = frame.fieldsTop
    if let choice = consent.choice {
      let isFocused = dialog.focus == .choice
      label(choice.label, isFocused, y, &buffer)
      var x = 2 + ConsentLayout.label
      for (index, option) in choice.options.enumerated() {
        let mark = index == dialog.choice ? "(*) " : "( ) "
        let start = x
        x = buffer.put(
          SafeText(mark + option), x: x, y: y, role: index == dialog.choice ? .title : .text,
          columns: max(0, model.width - x - 1))
        if index == dialog.choice, isFocused {
          buffer.reverse(row: y, from: start, to: x)
          buffer.cursor = (start, y)
        }
        x += 2
      }
      y += 1
    }
    for (index, input) in consent.inputs.enumerated() {
      field(
        input.label, SafeText(dialog.fields[index].text), input.note,
        dialog.focus == .input(index), y, model, &buffer)
      y += 1
    }
    if dialog.needsPassphrase {
      let note = "\(model.session.who?.name ?? "") \(model.session.key)"
      field(
        "Passphrase", dialog.passphrase.isEmpty ? "" : "*** hidden ***", note,
        dialog.focus == .passphrase, y, model, &buffer)
      y += 1
    }
    if frame.hasGap { y += 1 }
    var x = button("Cancel", dialog.focus == .cancel, 1, y, &buffer) + 2
    for (index, item) in consent.buttons.enumerated() {
      x = button(item.label, dialog.focus == .button(index), x, y, &buffer) + 2
    }
    // What stands in the way of the focused button, or of the last, which takes most.
    let told: Consent.Button? =
      if case .button(let index) = dialog.focus { consent.buttons[index] } else {
        consent.buttons.last
      }
    let found =
      told.map {
        dialog.obstacles($0, model.session, model.keyState, at: model.now)
      } ?? []
    let off =
      found.first.map { "off: \($0)" + (found.count > 1 ? " (+\(found.count - 1))" : "") }
      ?? ""
    if !off.isEmpty, x < model.width - 6 {
      buffer.put(SafeText(off), x: x, y: y, role: .hint, columns: model.width - x - 1)
    }
    let note =
      !dialog.notice.isEmpty
      ? dialog.notice
      : !dialog.isArmed(at: model.now)
        ? "keys count in a moment"
        : model.session.signer.isAgent
          ? "signed by your ssh-agent; pasted text never decides"
          : model.keyState.isUnlocked(at: model.now)
            ? "your key is open: no passphrase is asked for (:relock closes it)"
            : model.session.banner
              ?? "pasted text never decides; a wrong passphrase records nothing"
    // One row: above it are the buttons.
    buffer.put(
      SafeText(note), x: 1, y: model.height - 2, role: dialog.notice.isEmpty ? .hint : .alert,
      columns: model.width - 2)
    Screen.footerHints(hints(dialog), model, &buffer)
  }

  private static func hints(_ dialog: ConsentModel) -> [Screen.Hint] {
    let next = Screen.Hint("Tab", "field")
    let cancel = Screen.Hint("Esc", "cancel")
    switch dialog.focus {
    case .text:
      return [
        next, Screen.Hint("PgDn", "read"), Screen.Hint("y", "digest"), Screen.Hint("J", "JSON"),
        Screen.Hint("W", "why"), Screen.Hint("e", "save as text"), cancel,
      ]
    case .choice: return [Screen.Hint("\u{2190}\u{2192}", "choose"), next, cancel]
    case .input(let index) where dialog.consent.inputs[index].kind == .reason:
      return [next, Screen.Hint("Up", "earlier reasons"), Screen.Hint("PgDn", "read"), cancel]
    case .input: return [next, Screen.Hint("PgDn", "read"), cancel]
    case .passphrase: return [Screen.Hint("Enter", "to the buttons"), next, cancel]
    case .cancel, .button:
      return [Screen.Hint("Enter", "presses this button"), next, cancel]
    }
  }

  private static func label(
    _ text: String, _ isFocused: Bool, _ y: Int, _ buffer: inout Buffer
  ) {
    buffer.put(isFocused ? ">" : " ", x: 0, y: y, role: .cursor)
    buffer.put(
      SafeText(text), x: 1, y: y, role: isFocused ? .title : .hint, columns: ConsentLayout.label)
  }

  private static func field(
    _ name: String, _ value: SafeText, _ note: String, _ isFocused: Bool, _ y: Int,
    _ model: ConsoleModel, _ buffer: inout Buffer
  ) {
    label(name, isFocused, y, &buffer)
    let start = 3 + ConsentLayout.label
    let noteText = SafeText(note).fitted(to: max(0, (model.width - start) / 2))
    let end = model.width - noteText.width - 3
    buffer.put("[", x: start - 1, y: y, role: .border)
    buffer.fill(row: y, from: start, to: end, with: "_", role: .muted)
    let room = max(0, end - start)
    let shown = value.width > room ? value.dropping(columns: value.width - room) : value
    let x = buffer.put(shown, x: start, y: y, role: .input, columns: room)
    buffer.put("]", x: end, y: y, role: .border)
    buffer.put(noteText, x: end + 2, y: y, role: .hint)
    if isFocused { buffer.cursor = (min(x, end - 1), y) }
  }

  private static func button(
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

  // MARK: afterwards

  private static func recorded(
    _ index: UInt64, _ outcome: String, _ dialog: ConsentModel, _ frame: ConsentLayout,
    _ model: ConsoleModel, _ buffer: inout Buffer
  ) {
    let y = frame.fieldsTop
    buffer.put(SafeText("recorded as log entry #\(index)"), x: 1, y: y, role: .stateOK)
    let rest = Rect(x: 1, y: y + 1, width: model.width - 2, height: model.height - y - 3)
    if let progress = dialog.progress {
      ListScreen.lines(progress.lines, in: rest, &buffer)
    } else {
      buffer.put(SafeText(outcome), x: 1, y: y + 1, role: .title, columns: model.width - 2)
    }
    closing(dialog, model, &buffer)
  }

  private static func refused(
    _ problem: String, _ dialog: ConsentModel, _ frame: ConsentLayout, _ model: ConsoleModel,
    _ buffer: inout Buffer
  ) {
    let y = frame.fieldsTop
    var row = y
    for part in SafeText("nothing was recorded: \(problem)").wrapped(to: model.width - 2).prefix(3)
    {
      buffer.put(part, x: 1, y: row, role: .alert)
      row += 1
    }
    if let progress = dialog.progress {
      ListScreen.lines(
        progress.lines,
        in: Rect(x: 1, y: row, width: model.width - 2, height: model.height - row - 2),
        &buffer)
    }
    closing(dialog, model, &buffer)
  }

  private static func closing(
    _ dialog: ConsentModel, _ model: ConsoleModel, _ buffer: inout Buffer
  ) {
    let isFollowed = dialog.progress.map { !$0.isOver } ?? false
    Screen.footerHints(
      [Screen.Hint("Esc", isFollowed ? "leaves; the queue goes on following it" : "closes")], model,
      &buffer)
  }
}
