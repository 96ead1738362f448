import Cells
import Keys
import Statements

extension ConsoleModel {
  /// Does what a key or a menu asks for, or says why not.
  mutating func perform(_ command: Command) -> [Effect] {
    if let reason = disabledReason(command) {
      say("\(settings.keymap.shown(command)): \(reason)")
      return []
    }
    if let reason = unboundReason(command) {
      say("\(settings.keymap.shown(command)): \(reason)", isBad: true)
      return []
    }
    if let aim = command.view { return go(to: aim) }
    let rows = layout.rows
    switch command {
    case .down: return move(1)
    case .up: return move(-1)
    case .halfDown: return move(max(1, rows / 2))
    case .halfUp: return move(-max(1, rows / 2))
    case .pageDown: return move(rows)
    case .pageUp: return move(-rows)
    case .first:
      if view == .tree { return tree.moveToFirst(visible: rows).map(Effect.branch) }
      return list.moveToFirst(page: rows, at: now).map { [.load($0)] } ?? []
    case .last:
      if view == .tree { return tree.moveToLast(visible: rows).map(Effect.branch) }
      return list.moveToLast(page: rows, at: now).map { [.load($0)] } ?? []
    case .nextView: return go(to: step(1))
    case .previousView: return go(to: step(-1))
    case .lastView: return go(to: lastView ?? .approvals)
    case .historyBack: return travelHistory(-1)
    case .historyForward: return travelHistory(1)
    case .open: return open()
    case .back: return back()
    case .quit: return back(quits: true)
    case .left, .right, .foldAll, .unfoldAll, .parent: return fold(command)
    case .filter: entry = EntryLine(.filter, filter.text)
    case .nextMatch, .previousMatch:
      return tree.next(command == .nextMatch ? 1 : -1).map(Effect.branch)
    case .commandLine:
      entry = EntryLine(.command)
      return wantCatalogue
    case .palette:
      openPalette()
      return wantCatalogue
    case .help: openHelp()
    case .mark: return list.mark(visible: rows, at: now).map { [.load($0)] } ?? []
    case .markRange: if list.markRange() { say("move, then v again marks everything between") }
    case .sort, .reverse, .showEnded: return rearrange(command)
    case .showAll: return showAll()
    case .columns:
      overlays.append(
        .menu(MenuModel("Columns of \(view.title)", columnItems(), isTyping: false), .columns))
    case .wide, .narrower, .wider: return resize(command)
    case .follow: return follow()
    case .reload: return startAgain() + [.verify]
    case .repaint: return [.repaint]
    case .suspend:
      forget()
      return [.lockKey, .suspend]
    case .mouse:
      settings.isMouseOn.toggle()
      say(settings.isMouseOn ? "mouse on: wheel and row clicks; F2 ends it" : "mouse off")
      return [.mouse(settings.isMouseOn)]
    case .copyID: return selected.map { [.copy($0.id)] } ?? []
    case .copyRow: return [.copy(rowText)]
    case .json: return selected.map { open(.json($0)) } ?? []
    case .why: return why()
    case .related: return openRelated()
    case .travel: return selectedIndex.map { [.travel($0)] } ?? []
    case .approve, .deny, .revoke, .lock: return ask(command)
    case .export: return selectedIndex.map { export($0) } ?? []
    case .verify: return [.verify]
    case .approvals, .decisions, .agents, .keys, .tree, .policies, .audit, .operators, .proposals,
      .locks:
      break
    }
    return []
  }

  // MARK: views and history

  private func step(_ step: Int) -> View {
    View(rawValue: (view.rawValue + step + View.allCases.count) % View.allCases.count) ?? .approvals
  }

  mutating func go(to aim: View, loads: Bool = true) -> [Effect] {
    guard aim != view else { return loads ? loadIfNeeded() : [] }
    if history.indices.contains(historyIndex) {
      history[historyIndex].selected = selected
      history[historyIndex].filter = filter.text
      history.removeSubrange((historyIndex + 1)...)
    }
    history.append(Place(view: aim, filter: "", selected: nil))
    if history.count > 50 { history.removeFirst() }
    historyIndex = history.count - 1
    return show(aim, loads: loads)
  }

  private mutating func show(_ aim: View, loads: Bool) -> [Effect] {
    lastView = view
    view = aim
    preview = nil
    previewAsked = nil
    prefix = nil
    guard loads else { return [] }
    let first = loadIfNeeded()
    return first.isEmpty ? refresh() : first
  }

  private mutating func travelHistory(_ step: Int) -> [Effect] {
    history[historyIndex].selected = selected
    historyIndex += step
    let place = history[historyIndex]
    var effects = show(place.view, loads: true)
    if place.filter != filter.text { effects += setFilter(place.filter) }
    if let target = place.selected, view != .tree {
      if !list.select(target, visible: layout.rows) { effects += open(placeOf: target) }
    }
    return effects
  }

  /// Undoes exactly one level: marks, filter, the past, then the view.
  private mutating func back(quits: Bool = false) -> [Effect] {
    if list.hasRange || !list.marks.isEmpty {
      if quits { say("marks are set; Esc clears them, then q quits") } else { list.clearMarks() }
      return []
    }
    if !filter.isEmpty { return clearFilter() }
    if asOf != nil { return [.travel(nil)] }
    if quits { return leave() }
    if view != .approvals { return historyIndex > 0 ? travelHistory(-1) : go(to: .approvals) }
    say("q quits")
    return []
  }

  /// Quits; where that ends more than the console, only when it is pressed a second time.
  private mutating func leave() -> [Effect] {
    guard let words = session.leaving, !asksToLeave else { return [.quit] }
    asksToLeave = true
    say(words, isBad: true, isKept: false)
    return []
  }

  // MARK: opening

  private mutating func open() -> [Effect] {
    guard let selected else { return [] }
    if view == .tree { return openInTree(selected) }
    if case .group = selected { return openGroup() }
    return jump(to: selected, isHere: true)
  }

  private mutating func openInTree(_ target: Target) -> [Effect] {
    switch target {
    case .more: return tree.unfold(visible: layout.rows).map(Effect.branch)
    default: return open(.card(target))
    }
  }

  /// Opens what a target is, or stands on it in its list.
  mutating func jump(to target: Target, isHere: Bool = false) -> [Effect] {
    switch target {
    case .hold(let hold):
      // Nothing is signed in the past: there a hold says why it is one.
      return asOf == nil ? open(.vote(hold, leaning: .approve)) : open(.why(target))
    case .decision, .entry:
      if isHere {
        list.pause()
        return open(target.view == .audit ? .card(target) : .why(target))
      }
      return open(placeOf: target)
    case .rule(let policy, _): return open(.source(isHere ? .policy(policy) : target))
    case .policy: return isHere ? open(.source(target)) : open(placeOf: target)
    case .proposal(let digest): return open(.proposal(digest))
    case .owed(let digest): return open(.owed(digest))
    case .reviewGroup(let group):
      return asOf == nil ? open(.reviews(group)) : open(.card(target))
    case .lock(let digest): return open(.lift(digest))
    case .keyRequest(let request) where asOf == nil && session.who != nil:
      return open(.keyRequest(request))
    case .agent, .key, .person, .service, .keyRequest:
      return isHere ? open(.card(target)) : open(placeOf: target)
    case .grant, .root: return open(placeOf: target)
    case .resource, .more, .group: return []
    }
  }

  private mutating func why() -> [Effect] {
    guard let selected else { return [] }
    list.pause()
    switch selected {
    case .hold, .decision: return open(.why(selected))
    default: return open(.card(selected))
    }
  }

  mutating func openRelated() -> [Effect] {
    let found = related
    guard found.count != 1 else { return jump(to: found[0]) }
    guard !found.isEmpty else {
      say("it has no related items")
      return []
    }
    overlays.append(
      .menu(
        MenuModel(
          "Jump to", found.map { MenuModel.Item($0.words, action: .jump($0)) }, isTyping: false),
        .candidates))
    return []
  }

  // MARK: folding, order, columns

  private mutating func fold(_ command: Command) -> [Effect] {
    let rows = layout.rows
    guard view == .tree else {
      if let effects = foldGroup(command) { return effects }
      list.scrollColumns(command == .left ? -8 : 8)
      return []
    }
    switch command {
    case .left: tree.fold(visible: rows)
    case .right: return tree.unfold(visible: rows).map(Effect.branch)
    case .foldAll: tree.foldAll(visible: rows)
    case .unfoldAll: return tree.unfoldAll().map(Effect.branch)
    default: tree.toParent(visible: rows)
    }
    return []
  }

  private mutating func rearrange(_ command: Command) -> [Effect] {
    if view == .tree { return tree.toggleEnded().map(Effect.branch) }
    switch command {
    case .sort: _ = list.sortOn()
    case .reverse: list.reverse()
    default:
      list.toggleEnded()
      say(list.showsEnded ? "ended items are shown too" : "only what is in force is shown")
    }
    var kept = settings.memory.columns[view.name] ?? Memory.Columns()
    (kept.order, kept.isReversed) = (list.order.rawValue, list.isReversed)
    settings.memory.columns[view.name] = kept
    return [.load(list.restart(page: layout.rows)), .remember(settings.memory)]
  }

  private mutating func resize(_ command: Command) -> [Effect] {
    var kept = settings.memory.columns[view.name] ?? Memory.Columns()
    switch command {
    case .wide: kept.isWide.toggle()
    case .wider: kept.extra = min(60, kept.extra + 2)
    default: kept.extra = max(-10, kept.extra - 2)
    }
    settings.memory.columns[view.name] = kept
    return [.remember(settings.memory)]
  }

  func columnItems() -> [MenuModel.Item] {
    let kept = settings.memory.columns[view.name] ?? Memory.Columns()
    return view.columns.map { column in
      let isShown = !kept.hidden.contains(column.name) && (!column.isWide || kept.isWide)
      return MenuModel.Item(
        "\(isShown ? "[x]" : "[ ]") \(column.title)",
        help: column.isWide && !kept.isWide ? "w shows it" : "",
        disabled: column == view.columns.first ? "the first column stays" : nil,
        action: .toggleColumn(column.name))
    }
  }

  mutating func toggle(column name: String) {
    var kept = settings.memory.columns[view.name] ?? Memory.Columns()
    if kept.hidden.remove(name) == nil { kept.hidden.insert(name) }
    settings.memory.columns[view.name] = kept
  }

  private mutating func follow() -> [Effect] {
    if list.follows {
      list.pause()
      return []
    }
    list.resume()
    return [.load(list.restart(page: layout.rows))]
  }

  private var rowText: String {
    if view == .tree { return tree.selectedRow.map { "\($0.node.name)  \($0.node.scope)" } ?? "" }
    guard let row = list.selectedRow else { return "" }
    return row.cells.map { $0.shown(at: shownTime).text.text }.joined(separator: "\t")
  }

  mutating func export(_ index: UInt64) -> [Effect] {
    open(running: ["log", "prove", "\(index)", "--out", "proof-\(index).json"])
  }

  // MARK: dialogs

  private mutating func ask(_ command: Command) -> [Effect] {
    switch (command, selected) {
    case (.deny, _) where view == .approvals && !list.marks.isEmpty:
      let holds = list.marks.keys.compactMap(\.digest).sorted()
      return open(.denyAll(holds))
    case (.approve, .hold(let hold)):
      if !list.marks.isEmpty {
        say("marks are for denying together; Esc clears them, then a approves one by one")
        return []
      }
      return open(.vote(hold, leaning: .approve))
    case (.approve, _):
      guard let request = ConsoleModel.answer(to: selected) else { return [] }
      return open(request)
    case (.deny, .hold(let hold)): return open(.vote(hold, leaning: .deny))
    // A proposal's dialog has the button that rejects it.
    case (.deny, .proposal(let digest)): return open(.proposal(digest))
    case (.deny, .group(let group)): return open(denying: group)
    case (.revoke, .grant(let grant)): return open(.revokeGrant(grant))
    case (.revoke, .agent(let name)):
      // An agent may have several keys: which one is chosen in the list.
      var effects = go(to: .keys)
      effects += setFilter("holder:\(name)")
      say("r revokes the selected key of \(name)")
      return effects
    case (.revoke, _):
      guard let key = key(of: selected) else { return [] }
      return open(.revokeKey(key))
    // Where nothing that could be locked is selected, everything can.
    case (.lock, _): return open(.lock(lockTargets.isEmpty ? [.everything] : lockTargets))
    default: return []
    }
  }

  // MARK: menus

  /// What is possible here, each with its key; Enter does it.
  mutating func openHelp() {
    let items = settings.keymap.bindings.map { binding in
      (
        rank: binding.command.rank,
        item: MenuModel.Item(
          binding.help, key: binding.keys.map(\.name).joined(separator: " "),
          disabled: disabledReason(binding.command), action: .command(binding.command))
      )
    }
    // What can be done with the selection first, moving about last, what cannot be done at the end.
    let able = items.filter { $0.item.disabled == nil }.enumerated()
      .sorted { ($0.element.rank, $0.offset) < ($1.element.rank, $1.offset) }.map(\.element.item)
    let others = items.map(\.item).filter { $0.disabled != nil }
    overlays.append(
      .menu(
        MenuModel("\(view.title): keys and commands", able + others, isTyping: false), .help))
  }

  /// The commands of the command line, if they are not known yet.
  var wantCatalogue: [Effect] { settings.catalogue.specs.isEmpty ? [.loadCatalogue] : [] }

  mutating func openPalette() {
    overlays.append(.menu(MenuModel("Command palette", paletteItems, isTyping: true), .palette))
  }

  private var paletteItems: [MenuModel.Item] {
    var items = settings.keymap.bindings.map { binding in
      MenuModel.Item(
        binding.help, key: binding.shown, disabled: disabledReason(binding.command),
        action: .command(binding.command))
    }
    items += CommandLine.Verb.allCases.map {
      MenuModel.Item(":\($0.rawValue)", help: $0.help, action: .line($0.rawValue))
    }
    items += settings.catalogue.specs.map {
      MenuModel.Item(
        ":" + $0.path.joined(separator: " "), help: $0.help,
        action: .line($0.path.joined(separator: " ")))
    }
    return items
  }

  /// The commands are known now: an open palette shows them.
  mutating func refreshPalette() {
    guard case .menu(var menu, .palette)? = overlays.last else { return }
    menu.refresh(paletteItems)
    overlays[overlays.count - 1] = .menu(menu, .palette)
  }
}
