import CanonicalJSON
import Cells
import Keys
import Statements

extension ConsoleModel {
  mutating func take(_ key: KeyPress) -> [Effect] {
    if key != .character("q"), asksToLeave {
      asksToLeave = false
      if let words = session.leaving { said.retract(words) }
    }
    said.settle(at: now)
    forgetUnparsedLine()
    // Whoever goes on does not want to be interrupted by what they asked for before.
    if opening != nil {
      letGo()
      if key == .escape {
        say("nothing was opened")
        return []
      }
    }
    switch key {
    case .control("z"):
      forget()
      return [.lockKey, .suspend]
    case .control("l"): return [.repaint]
    case .control("c"):
      if entry != nil {
        entry = nil
        return []
      }
      say("Esc goes back, q quits")
      return []
    default: break
    }
    if layout.isTooSmall {
      // What was typed is not left by a key whose question has no room.
      if key == .escape, !overlays.isEmpty, consent?.isTyped != true {
        forget()
        overlays = []
      }
      return key == .character("q") && overlays.isEmpty ? [.quit] : []
    }
    if entry != nil { return type(key) }
    switch overlays.last {
    case .consent: return takeInDialog(key)
    case .document: return takeInDocument(key)
    case .menu(let menu, let purpose): return take(key, in: menu, purpose)
    case nil: return takeInList(key)
    }
  }

  /// Closes what holds a passphrase or a draft: before suspending, and on the way to elsewhere.
  mutating func forget() {
    for case .consent(let dialog) in overlays { dialog.passphrase.wipe() }
    overlays.removeAll { if case .consent = $0 { true } else { false } }
    entry = nil
    letGo()
    keyState = .locked
  }

  // MARK: dialogs

  private mutating func takeInDialog(_ key: KeyPress) -> [Effect] {
    guard case .consent(var dialog)? = overlays.last else { return [] }
    let frame = ConsentLayout(dialog, width: width, height: height)
    let outcome = dialog.take(
      key, session, keyState, reasons: settings.memory.reasons, rows: frame.textRows, at: now)
    overlays[overlays.count - 1] = .consent(dialog)
    switch outcome {
    case .none: return []
    case .close(let isUnsigned):
      overlays.removeLast()
      if isUnsigned { say("closed: nothing was signed") }
      return refresh()
    case .replan(let plan):
      return [.consent(dialog.consent.request, choice: plan.choice, inputs: plan.fields)]
    case .sign(let submission):
      var effects: [Effect] = [.sign(submission, dialog.passphrase)]
      if let reason = dialog.reason, !reason.isEmpty {
        settings.memory.note(reason: reason)
        effects.append(.remember(settings.memory))
      }
      return effects
    case .copy(let text): return [.copy(text)]
    case .open(let request): return open(request)
    case .commandLine:
      entry = EntryLine(.command)
      return wantCatalogue
    case .lock:
      return lockTargets.isEmpty ? [] : open(.lock(lockTargets))
    case .export(let lines):
      let name = "plan-\(now.textToSeconds.filter { $0.isNumber }).txt"
      return [.write(path: name, lines)]
    }
  }

  // MARK: documents

  private mutating func takeInDocument(_ key: KeyPress) -> [Effect] {
    guard case .document(var reader)? = overlays.last else { return [] }
    let rows = DocumentScreen.rows(height)
    defer {
      if case .document? = overlays.last, overlays.count > 0 {
        if case .document(let now)? = overlays.last, now.document == reader.document {
          overlays[overlays.count - 1] = .document(reader)
        }
      }
    }
    guard let command = settings.keymap.command(for: key) else {
      if case .wheel(let step) = key { reader.move(step) }
      return []
    }
    switch command {
    case .down: reader.move(1)
    case .up: reader.move(-1)
    case .halfDown: reader.move(rows / 2)
    case .halfUp: reader.move(-rows / 2)
    case .pageDown: reader.move(max(1, rows - 1))
    case .pageUp: reader.move(-max(1, rows - 1))
    case .first: reader.move(-1_000_000)
    case .last: reader.move(1_000_000)
    case .back, .quit, .left: overlays.removeLast()
    case .open, .right:
      guard let target = reader.line?.target else {
        if command == .open { say("this line has no link; ' lists related items") }
        return []
      }
      return jump(to: target)
    case .filter: entry = EntryLine(.search, reader.needle)
    case .nextMatch, .previousMatch:
      if !reader.find(reader.needle, step: command == .nextMatch ? 1 : -1) {
        say("nothing is found; press / to search")
      }
    case .copyID: return [.copy(reader.line?.text.text ?? "")]
    case .copyRow:
      return [.copy(reader.document.lines.map(\.text.text).joined(separator: "\n"))]
    case .related: return openRelated()
    case .help:
      openHelp()
    case .palette:
      openPalette()
      return wantCatalogue
    case .commandLine:
      entry = EntryLine(.command)
      return wantCatalogue
    case .json:
      if case .why(let target) = reader.document.request { return open(.json(target)) }
      if case .card(let target) = reader.document.request { return open(.json(target)) }
    case .approve, .deny, .revoke, .lock, .why: return actInDocument(command, reader)
    case .export:
      switch reader.document.request {
      case .card(.entry(let index)), .why(.decision(let index)): return export(index)
      default: return export(reader.document)
      }
    default: break
    }
    return []
  }

  /// Effects on what a document is about.
  private mutating func actInDocument(_ command: Command, _ reader: DocumentModel) -> [Effect] {
    let about: Target? =
      switch reader.document.request {
      case .why(let target), .card(let target), .source(let target), .json(let target):
        target
      default: nil
      }
    guard let about else { return [] }
    if command.hasEffect, let reason = disabledReasonForSigning {
      say(reason, isBad: true)
      return []
    }
    switch (command, about) {
    case (.approve, _) where ConsoleModel.answer(to: about) != nil:
      return ConsoleModel.answer(to: about).map { open($0) } ?? []
    case (.deny, .hold(let hold)):
      return open(.vote(hold, leaning: .deny))
    case (.revoke, .key(let key)): return open(.revokeKey(key))
    case (.revoke, .grant(let grant)):
      return open(.revokeGrant(grant))
    case (.why, .hold), (.why, .decision): return open(.why(about))
    case (.lock, .agent(let name)):
      guard let agent = Principal(.init(name)) else { return [] }
      return open(.lock([.agent(agent)]))
    case (.lock, .key(let key)):
      return open(.lock([.key(Fingerprint(digest: key))]))
    case (.lock, _): return open(.lock([.everything]))
    default:
      say("\(settings.keymap.shown(command)): \(ConsoleModel.answersElsewhere(about))")
      return []
    }
  }

  /// Keeps a document as a file: what it says, or the JSON it shows.
  private func export(_ document: Document) -> [Effect] {
    let name = now.textToSeconds.filter(\.isNumber)
    switch document.request {
    case .json(let target):
      return [
        .write(path: "\(target.fileName)-\(name).json", document.lines.map(\.text.text))
      ]
    case .card(let target), .why(let target), .source(let target):
      let lines = document.lines.map {
        ($0.label.isEmpty ? "" : $0.label + "  ") + $0.text.text
      }
      return [.write(path: "\(target.fileName)-\(name).txt", [document.title.text] + lines)]
    case .notes, .messages, .output: return []
    }
  }

  private var disabledReasonForSigning: String? {
    if asOf != nil { return ConsoleModel.pastWords }
    if session.isReadOnly { return "read only: nothing can be signed here" }
    if session.who == nil { return "you have no operator key here; see: countersign key new" }
    return nil
  }

  // MARK: menus

  private mutating func take(
    _ key: KeyPress, in menu: MenuModel, _ purpose: Overlay.Purpose
  ) -> [Effect] {
    var menu = menu
    let outcome = menu.take(key, rows: max(1, height - 8))
    overlays[overlays.count - 1] = .menu(menu, purpose)
    switch outcome {
    case .none: return []
    case .close:
      overlays.removeLast()
      return purpose == .columns ? [.remember(settings.memory)] : []
    case .run(let item):
      if let reason = item.disabled {
        say("\(item.label): \(reason)", isBad: true)
        return []
      }
      if case .toggleColumn(let name) = item.action {
        toggle(column: name)
        menu.refresh(columnItems())
        overlays[overlays.count - 1] = .menu(menu, purpose)
        return []
      }
      overlays.removeLast()
      switch item.action {
      case .command(let command): return perform(command)
      case .line(let line): return run(line)
      case .jump(let target): return jump(to: target)
      case .toggleColumn: return []
      }
    }
  }

  // MARK: the line at the bottom

  private mutating func type(_ key: KeyPress) -> [Effect] {
    guard var line = entry else { return [] }
    switch key {
    case .escape:
      entry = nil
      return line.purpose == .filter ? clearFilter() : []
    case .enter:
      entry = nil
      switch line.purpose {
      case .filter:
        if let problem = Filter(line.text, view).problem { mend(line, problem) }
        return []
      case .search:
        if case .document(var reader)? = overlays.last {
          if !reader.find(line.text, step: 1) { say("\"\(line.text)\" is not in here") }
          overlays[overlays.count - 1] = .document(reader)
        }
        return []
      case .command:
        guard !line.text.isEmpty else { return [] }
        settings.memory.note(command: line.text)
        return run(line.text) + [.remember(settings.memory)]
      }
    case .tab, .backTab:
      switch line.purpose {
      case .command:
        line.complete(
          CommandLine.candidates(line.typed, settings.catalogue), step: key == .tab ? 1 : -1)
      case .filter: line.complete(Filter.candidates(line.typed, view), step: key == .tab ? 1 : -1)
      case .search: break
      }
    case .up, .down:
      if line.purpose == .command {
        line.recall(settings.memory.commands, step: key == .up ? 1 : -1)
      }
    case .backspace where line.text.isEmpty:
      entry = nil
      return []
    case .paste where line.purpose == .command:
      say("pasted: look at it before you press Enter")
      line.take(key)
    default: line.take(key)
    }
    entry = line
    guard line.purpose == .filter else { return [] }
    if let filterProblem {
      said.retract(filterProblem)
      self.filterProblem = nil
    }
    // What is not understood yet, as the beginning of `since:1h`, does not change the list.
    return setFilter(Filter(line.text, view).problem == nil ? line.text : line.before)
  }

  /// Keeps a filter that is not understood in the line, to be mended.
  private mutating func mend(_ line: EntryLine, _ problem: String) {
    entry = line
    filterProblem = problem
    say(problem, isBad: true)
  }

  /// Applies a filter that was given whole; one that is not understood is put into the line instead.
  mutating func apply(filter text: String) -> [Effect] {
    guard let problem = Filter(text, view).problem else { return setFilter(text) }
    mend(EntryLine(.filter, text, before: filter.text), problem)
    return []
  }

  /// Shows the whole list again; a long one around the row that was found.
  mutating func clearFilter() -> [Effect] {
    guard view == .agents || view == .keys, let found = list.selectedRow else {
      return setFilter("")
    }
    list.filter.clear()
    wanted = found.target
    return [.load(list.begin(at: found.place, page: layout.rows, size: status?.size ?? 0))]
  }

  /// Narrows the list down as it is typed.
  mutating func setFilter(_ text: String) -> [Effect] {
    guard text != filter.text else { return [] }
    if view == .tree {
      tree.filter = TextField(text)
      tree.take([])
      awaitsMatches = !text.isEmpty
      return text.isEmpty
        || Filter(text, .tree).isEmpty
        ? [] : [.match(text, showsEnded: tree.showsEnded, serial: tree.serial)]
    }
    if list.follows { list.pause() }
    list.filter = TextField(text)
    if text.isEmpty, view == .decisions || view == .audit { list.resume() }
    return [.load(list.restart(page: layout.rows))]
  }

  // MARK: lists

  private mutating func takeInList(_ key: KeyPress) -> [Effect] {
    if let first = prefix {
      prefix = nil
      if case .character(let second) = key,
        let command = settings.keymap.command(for: .chord(first, second))
      {
        return perform(command)
      }
      return []
    }
    switch key {
    case .paste:
      say("pasted text is not a command; it was dropped")
      return []
    case .click(_, let y):
      let row = y - layout.table.y - 1
      guard row >= 0, row < layout.rows else { return [] }
      if view == .tree {
        tree.select(row: row, visible: layout.rows)
      } else {
        list.select(row: row, visible: layout.rows)
      }
      return []
    case .wheel(let step): return move(step)
    default: break
    }
    if settings.keymap.begins(key), case .character(let scalar) = key {
      prefix = scalar
      return []
    }
    guard let command = settings.keymap.command(for: key) else { return [] }
    return perform(command)
  }

  mutating func move(_ step: Int) -> [Effect] {
    if view == .tree { return tree.move(step, visible: layout.rows).map(Effect.branch) }
    return list.move(step, visible: layout.rows, at: now).map { [.load($0)] } ?? []
  }
}
