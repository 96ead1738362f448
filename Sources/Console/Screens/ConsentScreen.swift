import Cells
import Statements

/// How a dialog is divided: the text gets what the fields leave.
package struct ConsentLayout: Sendable {
  /// Rows for what the dialog says.
  static let notices = 2

  package let textRows: Int
  package let textWidth: Int
  /// Columns of the labels beside the text, and beside the fields.
  let textLabel: Int
  let fieldLabel: Int
  let asides: Int
  let fieldsTop: Int
  let hasGap: Bool
  /// The options of the choice as they stand in rows, by their numbers.
  let options: [[Int]]

  package init(_ dialog: ConsentModel, width: Int, height: Int) {
    let consent = dialog.consent
    textLabel = dialog.labelWidth
    let labels = consent.inputs.map(\.label) + [consent.choice?.label ?? ""]
    fieldLabel = min(width < 70 ? 12 : 18, max(10, labels.map { SafeText($0).width }.max() ?? 0))
    textWidth = max(8, width - textLabel - 5)
    // What is said of a service that decides nothing is said whole.
    let least = max(dialog.serviceLines.count, 1)
    let wanted = max(
      dialog.pinned?.asides ?? ConsentLayout.asideRows(dialog.asides, width: width).count,
      dialog.serviceLines.count)
    // Who may not sign needs less of the text, and wants to know why and who may.
    let most = (consent.asides.contains { $0.role == .alert } ? 5 : 3) + max(0, height - 24) / 3
    asides = height >= 24 ? min(wanted, max(least, most)) : min(wanted, least)
    options = ConsentLayout.optionRows(
      consent.choice?.options ?? [], width: width - 2 - fieldLabel - 1)
    var fields = consent.inputs.count + options.count
    if dialog.needsPassphrase { fields += 1 }
    if !dialog.steps.isOpen { fields = max(fields, 4) }
    hasGap = height >= 22
    // Status, title, two rules, buttons, what is said, hints.
    let fixed = 6 + ConsentLayout.notices + asides + fields + (hasGap ? 1 : 0)
    let room = max(2, height - fixed)
    textRows = min(room, max(3, dialog.pinnedRows(width: textWidth)))
    fieldsTop = 4 + textRows + asides + (hasGap ? 1 : 0)
  }
}

extension ConsentLayout {
  static let optionMark = 4
  static let optionGap = 2

  /// The options of a choice, side by side as far as there is room, then in further rows: each is seen.
  private static func optionRows(_ options: [String], width: Int) -> [[Int]] {
    var rows: [[Int]] = []
    var used = 0
    for (number, option) in options.enumerated() {
      let needed = optionMark + SafeText(option).width
      if rows.isEmpty || used + optionGap + needed > width {
        rows.append([number])
        used = needed
      } else {
        rows[rows.count - 1].append(number)
        used += optionGap + needed
      }
    }
    return rows
  }

  /// Columns before what stands beside a label.
  static let asideLabel = 12

  /// Everything that stands beside the text, in rows: a warning takes two where it must, the rest is cut.
  static func asideRows(_ asides: [Line], width: Int) -> [(aside: Int, line: Line)] {
    asides.enumerated().flatMap { index, aside in
      let room = max(8, width - 1 - max(asideLabel, SafeText(aside.label).width + 2))
      guard aside.role == .alert else { return [(index, aside)] }
      return aside.text.wrapped(to: room).prefix(2).enumerated().map { row, text in
        (index, Line(row == 0 ? aside.label : "", text, aside.role))
      }
    }
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
    for aside in asides(dialog, frame, width: model.width) {
      let label = buffer.put(SafeText(aside.label), x: 1, y: y, role: .hint, columns: 36)
      let x = max(label + 1, ConsentLayout.asideLabel)
      buffer.put(aside.text, x: x, y: y, role: aside.role, columns: model.width - 1 - x)
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

  /// What there is room for: what warns before what only tells.
  private static func asides(
    _ dialog: ConsentModel, _ frame: ConsentLayout, width: Int
  ) -> [Line] {
    guard dialog.steps.isOpen else { return [] }
    let rows = ConsentLayout.asideRows(dialog.asides, width: width)
    guard rows.count > frame.asides else { return rows.map(\.line) }
    let warnings = rows.indices.filter {
      rows[$0].line.role == .alert || rows[$0].line.role == .statePending
    }
    let others = rows.indices.filter { !warnings.contains($0) }
    return (warnings + others).prefix(frame.asides).sorted().map { rows[$0].line }
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
    let first = dialog.first(visible: frame.textRows)
    let last = min(lines.count, first + frame.textRows)
    let isGated = dialog.consent.buttons.contains { $0.needs.contains(.read) }
    let unseen = isGated ? min(dialog.unread, lines.count) : 0
    let hidden = dialog.consent.hidden
    var right = SafeText("lines \(min(lines.count, first + 1))-\(last) of \(lines.count)")
    if unseen > 0 { right = right + SafeText(" \u{00B7} \(unseen) unread") }
    if hidden > 0 {
      right =
        SafeText("! \(hidden) hidden character\(hidden == 1 ? "" : "s") shown \u{00B7} ") + right
    }
    Screen.rule(dialog.consent.heading, right, in: Screen.row(2, model), role: role, &buffer)
    for (offset, line) in lines.dropFirst(first).prefix(frame.textRows).enumerated() {
      buffer.put(
        SafeText(line.label), x: 2, y: 3 + offset, role: .hint, columns: frame.textLabel)
      buffer.put(
        line.text, x: 3 + frame.textLabel, y: 3 + offset, role: line.role,
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
      label(choice.label, isFocused, y, frame, &buffer)
      for row in frame.options {
        var x = 2 + frame.fieldLabel
        for index in row {
          let mark = index == dialog.choice ? "(*) " : "( ) "
          let start = x
          let room = max(0, model.width - x - 1 - ConsentLayout.optionMark)
          x = buffer.put(
            SafeText(mark) + Cut.middle.fitted(SafeText(choice.options[index]), to: room), x: x,
            y: y, role: index == dialog.choice ? .title : .text)
          if index == dialog.choice, isFocused {
            buffer.reverse(row: y, from: start, to: x)
            buffer.cursor = (start, y)
          }
          x += ConsentLayout.optionGap
        }
        y += 1
      }
    }
    for (index, input) in consent.inputs.enumerated() {
      field(
        input.label, SafeText(dialog.fields[index].text), input.note,
        dialog.focus == .input(index), y, frame, model, &buffer)
      y += 1
    }
    if dialog.needsPassphrase {
      let note = "\(model.session.who?.name ?? "") \(model.session.key)"
      field(
        "Passphrase", dialog.passphrase.isEmpty ? "" : "*** hidden ***", note,
        dialog.focus == .passphrase, y, frame, model, &buffer)
      y += 1
    }
    var x = button("Cancel", dialog.focus == .cancel, 1, y, &buffer) + 2
    for (index, item) in consent.buttons.enumerated() {
      x = button(item.label, dialog.focus == .button(index), x, y, &buffer) + 2
    }
    said(dialog, disabled(dialog, model), besideButtons: (x, y), model, &buffer)
    Screen.footerHints(hints(dialog), model, &buffer)
  }

  /// What stands in the way of the focused button, or of the one that this dialog is for.
  private static func disabled(_ dialog: ConsentModel, _ model: ConsoleModel) -> [String] {
    let index: Int? = if case .button(let index) = dialog.focus { index } else { dialog.action }
    guard let index, dialog.consent.buttons.indices.contains(index) else { return [] }
    return dialog.obstacles(
      dialog.consent.buttons[index], model.session, model.keyState, at: model.now)
  }

  /// Two rows: what stays as long as it is so, then what is said for a while.
  ///
  /// What disables the button stands beside it, or in the first of them where it does not fit there.
  private static func said(
    _ dialog: ConsentModel, _ obstacles: [String], besideButtons place: (x: Int, y: Int),
    _ model: ConsoleModel, _ buffer: inout Buffer
  ) {
    let width = model.width - 2
    var rows: [(text: SafeText, role: Role)] = []
    // What stands in the way is said once: by the press that met it, as long as it is so, else beside the
    // buttons.
    let now = ConsentModel.disabled(obstacles.prefix(1).map { $0 })
    let said = dialog.notices.texts.filter { text in
      !text.hasPrefix(ConsentModel.disabledMark) || !now.isEmpty && text.hasPrefix(now)
    }
    let texts = said.map { SafeText($0) }
    let isSaid = said.contains { $0.hasPrefix(ConsentModel.disabledMark) }
    let disabled = SafeText(isSaid ? "" : ConsentModel.disabled(obstacles))
    if let standing = dialog.standing {
      rows +=
        texts.isEmpty
        ? SafeText(standing).wrapped(to: width).prefix(2).map { ($0, .alert) }
        : [(SafeText(standing), .alert)]
    }
    if rows.isEmpty, texts.count == 1 {
      rows += texts[0].wrapped(to: width).prefix(2).map { ($0, .alert) }
    } else if rows.isEmpty {
      rows += texts.map { ($0, .alert) }
    } else if !texts.isEmpty {
      // Both stay readable for as long as they must.
      rows.append((SafeText(said.joined(separator: " \u{00B7} ")), .alert))
    }
    var beside = disabled
    if place.x + disabled.width >= model.width, rows.count < 2, !disabled.isEmpty {
      rows.insert((disabled, .hint), at: 0)
      beside = ""
    }
    if rows.count < 2 { rows.append((SafeText(resting(dialog, model)), .hint)) }
    if !beside.isEmpty, place.x < model.width - 6 {
      buffer.put(
        beside, x: place.x, y: place.y, role: .hint, columns: model.width - place.x - 1)
    }
    for (offset, row) in rows.suffix(2).enumerated() {
      let y = model.height - 1 - min(2, rows.count) + offset
      buffer.put(row.text, x: 1, y: y, role: row.role, columns: width)
    }
  }

  /// What is said when nothing else is.
  private static func resting(_ dialog: ConsentModel, _ model: ConsoleModel) -> String {
    let left = dialog.enabled.milliseconds(since: model.now)
    if left > 0 {
      return "Input enabled in \(left / 1000).\(max(1, left % 1000 / 100)) s"
    }
    if model.session.signer.isAgent { return "signed by your ssh-agent; pasted text never decides" }
    if model.keyState.isUnlocked(at: model.now) {
      return "your key is open: no passphrase is asked for (:relock closes it)"
    }
    return model.session.banner ?? "pasted text never decides; a wrong passphrase records nothing"
  }

  private static func hints(_ dialog: ConsentModel) -> [Screen.Hint] {
    let next = Screen.Hint("Tab", "field")
    let on = Screen.Hint("Enter", "next missing")
    let cancel = Screen.Hint("Esc", "cancel")
    let acknowledge =
      dialog.unacknowledged == nil
      ? [] : [Screen.Hint(ConsentModel.acknowledgeKey.name, "acknowledge")]
    switch dialog.focus {
    case .text:
      return acknowledge + [
        next, Screen.Hint("PgDn", "read"), Screen.Hint("y", "digest"), Screen.Hint("J", "JSON"),
        Screen.Hint("W", "why"), Screen.Hint("h", "hashes"), Screen.Hint("e", "save as text"),
        cancel, Screen.Hint("L", "lock"), Screen.Hint(":", "command"),
      ]
    case .choice:
      return acknowledge + [Screen.Hint("\u{2190}\u{2192}", "choose"), on, next, cancel]
    case .input(let index) where dialog.consent.inputs[index].kind == .reason:
      return acknowledge + [
        on, next, Screen.Hint("Up", "earlier reasons"), Screen.Hint("C-u", "clear"),
        Screen.Hint("PgDn", "read"), cancel,
      ]
    case .input, .passphrase:
      return acknowledge + [on, next, Screen.Hint("PgDn", "read"), cancel]
    case .cancel, .button:
      return acknowledge + [Screen.Hint("Enter", "presses this button"), next, cancel]
    }
  }

  private static func label(
    _ text: String, _ isFocused: Bool, _ y: Int, _ frame: ConsentLayout, _ buffer: inout Buffer
  ) {
    buffer.put(isFocused ? ">" : " ", x: 0, y: y, role: .cursor)
    buffer.put(
      SafeText(text), x: 1, y: y, role: isFocused ? .title : .hint, columns: frame.fieldLabel)
  }

  private static func field(
    _ name: String, _ value: SafeText, _ note: String, _ isFocused: Bool, _ y: Int,
    _ frame: ConsentLayout, _ model: ConsoleModel, _ buffer: inout Buffer
  ) {
    label(name, isFocused, y, frame, &buffer)
    let start = 3 + frame.fieldLabel
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
    var y = frame.fieldsTop
    buffer.put(SafeText("recorded as log entry #\(index)"), x: 1, y: y, role: .stateOK)
    y += 1
    for line in dialog.serviceLines {
      buffer.put(line.text, x: 1, y: y, role: line.role, columns: model.width - 2)
      y += 1
    }
    let rest = Rect(x: 1, y: y, width: model.width - 2, height: model.height - y - 2)
    if let progress = dialog.progress {
      ListScreen.lines(progress.lines, in: rest, &buffer)
    } else {
      buffer.put(SafeText(outcome), x: 1, y: y, role: .title, columns: model.width - 2)
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
      [Screen.Hint("Esc", isFollowed ? "leaves; s in the queue shows it" : "closes")], model,
      &buffer)
  }
}
