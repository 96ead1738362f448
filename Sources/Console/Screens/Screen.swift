package import Cells
import Statements

/// Draws the model; knows no clock but the model's, no terminal at all.
package enum Screen {
  package static func draw(_ model: ConsoleModel) -> Buffer {
    var buffer = Buffer(width: model.width, height: model.height)
    if model.layout.isTooSmall {
      drawTooSmall(model, &buffer)
    } else {
      StatusRow.draw(model, &buffer)
      switch model.overlays.last {
      case .consent(let dialog): ConsentScreen.draw(dialog, model, &buffer)
      case .document(let reader): DocumentScreen.draw(reader, model, &buffer)
      case .menu(let menu, _): MenuScreen.draw(menu, model, &buffer)
      case nil:
        tabs(model, &buffer)
        ListScreen.draw(model, &buffer)
      }
      if let entry = model.entry { EntryScreen.draw(entry, model, &buffer) }
    }
    return model.settings.isASCII ? buffer.foldedToASCII : buffer
  }

  private static func drawTooSmall(_ model: ConsoleModel, _ buffer: inout Buffer) {
    let pending = model.status?.pending ?? []
    let critical = pending.count { $0.risk == .critical }
    buffer.put("countersign", x: 0, y: 0, role: .title)
    buffer.put("needs \(Layout.leastWidth)x\(Layout.leastHeight)", x: 0, y: 1)
    buffer.put("this is \(model.width)x\(model.height)", x: 0, y: 2)
    let count = model.status?.pendingCount ?? 0
    buffer.put(
      SafeText("\(Plural.count(count, "hold")) \(count == 1 ? "waits" : "wait")"), x: 0, y: 3,
      role: count == 0 ? .text : .statePending)
    if critical > 0 { buffer.put("!! \(critical) critical", x: 0, y: 4, role: .riskCritical) }
    // A dialog waits for room; a key whose question cannot be read answers nothing.
    buffer.put(
      model.overlays.isEmpty
        ? "q quits" : model.consent?.isTyped == true ? "what you typed stays" : "Esc goes back",
      x: 0, y: 5, role: .hint)
  }

  /// The ten views; what waits in them, counted.
  private static func tabs(_ model: ConsoleModel, _ buffer: inout Buffer) {
    // What waits now says nothing of then.
    let status = model.isPast ? nil : model.status
    func count(_ view: View) -> String {
      switch view {
      case .approvals:
        return status == nil ? "" : QueueWords.badge(model)
      case .proposals:
        let waiting = (status?.openProposals ?? 0) + (status?.owedReviews ?? 0)
        return waiting > 0 ? " \(waiting)\(status?.hasMoreReviews == true ? "+" : "")" : ""
      case .locks: return status?.everythingLock == nil ? "" : " ALL!"
      default: return ""
      }
    }
    // A name in full, or the digit alone: the view that is open, then those with something to tell,
    // then the others, as far as there is room.
    func label(_ view: View, _ isNamed: Bool) -> SafeText {
      SafeText(isNamed ? "\(view.digit) \(view.title)\(count(view))" : "\(view.digit)")
    }
    let gap = 2
    var named: Set<View> = []
    func width() -> Int {
      View.allCases.reduce(1) { $0 + label($1, named.contains($1)).width + gap } - gap
    }
    let urgent = View.allCases.filter { !count($0).isEmpty }
    for view in [model.view] + urgent + View.allCases where !named.contains(view) {
      named.insert(view)
      if width() > model.width - 1, view != model.view { named.remove(view) }
    }
    var x = 1
    for view in View.allCases {
      let start = x
      let isCurrent = view == model.view
      x = buffer.put(
        label(view, named.contains(view)), x: x, y: 1, role: isCurrent ? .title : .hint)
      if isCurrent { buffer.reverse(row: 1, from: start, to: x) }
      x += gap
    }
  }

  /// A rule across a part of the screen with words in it.
  static func rule(
    _ left: SafeText, _ right: SafeText = "", in rect: Rect, role: Role = .border,
    _ buffer: inout Buffer
  ) {
    buffer.fill(row: rect.y, from: rect.x, to: rect.right, with: "\u{2500}", role: role)
    // Numbers on the right are never cut for a long name on the left.
    let room = rect.width - 4 - (right.isEmpty ? 0 : right.width + 4)
    let end = buffer.put(
      " " + left.fitted(to: max(10, room - 2)) + " ", x: rect.x + 2, y: rect.y, role: .title,
      columns: rect.width - 4)
    guard !right.isEmpty else { return }
    let text = (" " + right + " ").fitted(to: max(0, rect.right - end - 3))
    if text.width > 4 { buffer.put(text, x: rect.right - text.width - 2, y: rect.y, role: .hint) }
  }

  static func row(_ y: Int, _ model: ConsoleModel) -> Rect {
    Rect(x: 0, y: y, width: model.width, height: 1)
  }

  /// The message line and the hints.
  static func footer(
    _ hints: [Hint], tail: [Hint] = [], _ model: ConsoleModel, _ buffer: inout Buffer
  ) {
    let said = model.said.shown(at: model.now)
    if said.isEmpty {
      message(SafeText(model.session.banner ?? ""), .hint, model, &buffer)
    } else {
      // The newest stands lowest; what has not been there long enough stays above it.
      var above = 0
      for one in said.reversed() {
        above += message(
          SafeText(one.text), one.isBad ? .alert : .flash, above: above, model, &buffer)
      }
    }
    footerHints(hints, tail: tail, model, &buffer)
  }

  /// What every list and document ends its hints with, however narrow it is: where all else is told.
  static func tail(_ model: ConsoleModel) -> [Hint] {
    let keymap = model.settings.keymap
    return [
      Hint(keymap.shown(.help), "help"), Hint(keymap.shown(.commandLine), "command"),
    ]
  }

  /// A message above the hints; one that is longer than the row stands on those above it too.
  ///
  /// `above`: Rows that others below it take.
  ///
  /// - Returns: The rows it takes.
  @discardableResult
  static func message(
    _ text: SafeText, _ role: Role, above: Int = 0, _ model: ConsoleModel, _ buffer: inout Buffer
  ) -> Int {
    // What does not fit even so ends in an ellipsis.
    let width = max(2, model.width - 2)
    let lines = text.fitted(to: 4 * width).wrapped(to: width).prefix(5)
    for (number, line) in lines.enumerated() {
      let y = model.height - 1 - above - lines.count + number
      guard y > 2 else { continue }
      if above + lines.count > 1 { buffer.fill(row: y) }
      buffer.put(line, x: 1, y: y, role: role)
    }
    return lines.count
  }

  /// `tail`: Hints that stand at the end of the line whatever else has room on it.
  static func footerHints(
    _ hints: [Hint], tail: [Hint] = [], _ model: ConsoleModel, _ buffer: inout Buffer
  ) {
    func width(_ hint: Hint) -> Int { SafeText("\(hint.key) \(hint.words)").width + 2 }
    let room = model.width - tail.reduce(0) { $0 + width($1) }
    var x = 1
    for (hint, isTail) in hints.map({ ($0, false) }) + tail.map({ ($0, true) }) {
      guard isTail || x + width(hint) - 2 < room else { continue }
      x = buffer.put(SafeText(hint.key), x: x, y: model.height - 1, role: .hintKey)
      x = buffer.put(SafeText(" \(hint.words)"), x: x, y: model.height - 1, role: .hint) + 2
    }
  }

  /// A key and what it does here.
  struct Hint {
    let key: String
    let words: String

    init(_ key: String, _ words: String) {
      self.key = key
      self.words = words
    }
  }
}

extension Buffer {
  private static let folds: [String: String] = [
    "\u{2500}": "-", "\u{2502}": "|", "\u{251C}": "+", "\u{2514}": "+", "\u{250C}": "+",
    "\u{2510}": "+", "\u{2518}": "+", "\u{203A}": ">", "\u{2026}": "~", "\u{25BE}": "v",
    "\u{25B8}": ">", "\u{2192}": ">", "\u{00B7}": "-", "\u{25B2}": "^", "\u{25BC}": "v",
    "\u{00D7}": "x", "\u{2506}": "|", "\u{21B5}": "$", "\u{2190}": "<",
  ]

  /// The same with nothing beyond ASCII; what has no ASCII form is `?`.
  package var foldedToASCII: Buffer {
    var folded = self
    for y in 0..<height {
      for x in 0..<width {
        let text = self[x, y].text
        guard text.utf8.contains(where: { $0 >= 0x80 }) else { continue }
        folded[x, y].text = Buffer.folds[text] ?? "?"
      }
      for x in 0..<width where folded[x, y].text.isEmpty { folded[x, y].text = "?" }
    }
    return folded
  }
}
