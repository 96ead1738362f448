import Cells
import Keys
package import Statements

extension ConsoleModel {
  /// Takes what happened; the only place where state changes.
  package mutating func update(_ message: Message, at time: Timestamp) -> [Effect] {
    now = max(now, time)
    switch message {
    case .changed, .services: isAnswering = false
    default: isAnswering = true
    }
    var effects: [Effect]
    let before = drawn == nil || message.isKey ? nil : (view, rowIdentities)
    defer {
      if let before, before.0 != view || before.1 != rowIdentities { haveRowsMoved = true }
    }
    switch message {
    case .key(let key): effects = take(key)
    case .resized(let width, let height):
      self.width = width
      self.height = height
      fit()
      effects = layout.isTooSmall ? [] : loadIfNeeded()
    case .tick: effects = tick()
    case .changed(let status): effects = take(status)
    case .services(let reports):
      take(reports)
      effects = []
    case .page(let page):
      let index = page.request.view.rawValue
      effects =
        lists[index].take(page, visible: layout.rows).map { [.load($0)] } ?? []
      if page.request.view == view { stand(in: page.request) }
      if page.request.view == .approvals, asOf == nil, session.who != nil, !holdsInSight.isEmpty {
        effects.append(.judge(holdsInSight))
      }
    case .branch(let branch):
      effects = tree.take(branch, visible: layout.rows).map(Effect.branch)
    case .matches(let found, let serial):
      awaitsMatches = false
      if serial == tree.serial {
        tree.take(found)
        if found.isEmpty, !tree.filter.isEmpty { say("nothing in the tree matches") }
      }
      effects = []
    case .unseen(let view, let count):
      lists[view.rawValue].note(unseen: count)
      effects = []
    case .total(let view, let filter, let total):
      lists[view.rawValue].note(total: total, of: filter)
      effects = []
    case .standing(let standing):
      // What is known of holds that are out of sight goes with them.
      let kept = Set(holdsInSight.map(\.hex))
      self.standing = self.standing.filter { kept.contains($0.key) }.merging(standing) { $1 }
      effects = []
    case .members(let holds, let group, let hasMore):
      effects = take(members: holds, of: group, hasMore: hasMore)
    case .identified(let name, let isSolo, let who, let keyFault):
      if let keyFault, keyFault != session.keyFault { say(keyFault, isBad: true) }
      session.keyFault = keyFault
      session.registry = name
      session.isSolo = isSolo
      if let who { session.who = who }
      effects = []
    case .previewed(let preview):
      if preview.target == selected { self.preview = preview }
      effects = []
    case .document(let document): effects = take(document)
    case .consent(let consent): effects = take(consent)
    case .progress(let progress):
      for dialog in overlays.compactMap(\.consent) {
        guard case .vote(let hold, _) = dialog.consent.request, hold == progress.hold else {
          continue
        }
        change(dialog.consent.request) { $0.follow(progress) }
      }
      effects = []
    case .signed(let request, let index, let outcome):
      change(request) { $0.recorded(index: index, outcome: outcome) }
      say("recorded as #\(index): \(outcome)")
      effects = followed(request)
      if case .denyAll = request {
        lists[View.approvals.rawValue].clearMarks()
        // What became of each stands in the dialog.
        effects.append(.consent(request, choice: 0, inputs: [:]))
      }
      if case .vote(let hold, _) = request { effects += voted(on: hold) }
    case .refused(let request, let code, let problem, let refusal):
      let text = "\(code): \(problem)"
      var isShown = false
      change(request) {
        $0.refused(text, as: refusal, at: time)
        isShown = true
      }
      if !isShown { say(text, isBad: true) }
      effects = refusal == .final ? followed(request) : []
    case .ranAndSigned(let request, let said):
      overlays.removeAll { $0.consent?.consent.request == request }
      say(said)
      if case .command(let words) = request { expect(.document(.output(words))) }
      effects = []
    case .catalogued(let catalogue):
      settings.catalogue = catalogue
      refreshPalette()
      effects = settings.catalogue.specs.isEmpty ? [] : runUnparsedLine()
    case .keyState(let state):
      keyState = state
      effects = []
    case .verification(let verification):
      self.verification = verification
      if case .broken(_, let code, let reason) = verification {
        say("\(code): \(reason)", isBad: true)
      }
      effects = []
    case .located(let target, let place, let path):
      effects = isWanted(.place(target)) ? stand(on: target, place, path) : []
    case .resolved(let text, let found):
      effects = isWanted(.candidates(text)) ? resolved(text, found) : []
    case .travelled(let index, let at):
      asOf = index.flatMap { index in at.map { (index, $0) } }
      overlays = []
      letGo()
      preview = nil
      effects = startAgain()
      tellTravel(index.map { "this is the registry as it was after entry #\($0); :now goes back" })
    case .travelling(let text):
      tellTravel(text, isKept: false)
      effects = []
    case .switched(let session, let catalogue): effects = take(session, catalogue)
    case .banner(let text):
      session.banner = text
      effects = []
    case .said(let text):
      say(text)
      effects = []
    case .failed(let problem):
      // A command that lacks an argument is typed on, before a key is asked for.
      if case .consent(.command(let words))? = opening, problem.hasPrefix("arguments_missing") {
        entry = EntryLine(.command, CommandLine.line(words) + " ")
      }
      letGo()
      if asOf == nil { tellTravel(nil) }
      say(problem, isBad: true)
      if let dialog = consent, dialog.steps.isOpen {
        change(dialog.consent.request) { $0.say(problem, at: time) }
      }
      effects = []
    case .consentFailed(let request, let problem, let isGone):
      if isWanted(.consent(request)) {
        say(problem, isBad: true)
      } else {
        change(request) { $0.failed(problem, isGone: isGone, at: time) }
      }
      effects = []
    }
    fit()
    return effects + wantPreview()
  }

  /// Says how a journey to the past goes, in the place of what was said of it before.
  private mutating func tellTravel(_ text: String?, isKept: Bool = true) {
    if let travelWords { said.retract(travelWords) }
    travelWords = text
    if let text { say(text, isKept: isKept) }
  }

  /// Stands on what a jump wants once its list has come: what is not in it is wanted no longer, so that it
  /// does not take the cursor from what is.
  private mutating func stand(in request: ListRequest) {
    guard let wanted else { return }
    if wanted.view == view, lists[view.rawValue].select(wanted, visible: layout.rows) {
      self.wanted = nil
    } else if wanted.view != view || list.awaited == nil {
      self.wanted = nil
      if wanted.view == view, !list.showsEnded {
        say("\(wanted.words) is not among these rows; . shows what has ended too", isBad: true)
      }
    }
  }

  /// Changes the dialog of a request, if one is open.
  mutating func change(_ request: ConsentRequest, _ body: (inout ConsentModel) -> Void) {
    for index in overlays.indices.reversed() {
      guard case .consent(var dialog) = overlays[index], dialog.consent.request == request else {
        continue
      }
      body(&dialog)
      overlays[index] = .consent(dialog)
      return
    }
  }

  var consent: ConsentModel? {
    for overlay in overlays.reversed() { if let dialog = overlay.consent { return dialog } }
    return nil
  }

  /// Makes what is shown fit the screen as it is.
  private mutating func fit() {
    let rows = layout.rows
    lists[view.rawValue].scroll(visible: rows)
    tree.scroll(visible: rows)
    guard let top = overlays.indices.last else { return }
    switch overlays[top] {
    case .consent(var dialog):
      dialog.isASCII = settings.isASCII
      dialog.serviceLines = serviceLines(beside: dialog)
      // A command opens the key by itself, in a process of its own.
      let isCommand = if case .command = dialog.consent.request { true } else { false }
      dialog.needsPassphrase =
        session.signer == .sealed && (isCommand || !keyState.isUnlocked(at: now))
      let frame = ConsentLayout(dialog, width: width, height: height)
      dialog.show(
        rows: layout.isTooSmall ? 0 : frame.textRows, width: frame.textWidth,
        asides: ConsentLayout.asideRows(dialog.asides, width: width).count)
      dialog.notices.settle(
        rows: dialog.standing == nil ? ConsentLayout.notices : 1, at: now)
      overlays[top] = .consent(dialog)
    case .document(var reader):
      reader.scroll(visible: DocumentScreen.rows(height)) { [width] in
        DocumentScreen.height(of: $0, width: width)
      }
      overlays[top] = .document(reader)
    case .menu: break
    }
  }

  private mutating func tick() -> [Effect] {
    let now = now
    var overdue: [Effect] = []
    for dialog in overlays.compactMap(\.consent) {
      let request = dialog.consent.request
      change(request) {
        $0.expire(at: now)
        if let plan = $0.overdueRefresh(at: now) {
          overdue.append(.consent(request, choice: plan.choice, inputs: plan.fields))
        }
      }
    }
    return overdue + tickBehindDialogs()
  }

  private mutating func tickBehindDialogs() -> [Effect] {
    if case .unlocked(let until) = keyState, now >= until {
      keyState = .locked
      return [.lockKey]
    }
    if now.milliseconds(since: polled) > 5000 {
      polled = now
      // Who waits for the holds of the queue is told by rows that no commit of the log moves.
      return [.probeServices] + (view == .approvals && overlays.isEmpty ? [.poll] : [])
    }
    if isDocumentStale, now.milliseconds(since: documentAsked) >= ConsoleModel.documentPause {
      return readDocumentAgain()
    }
    if asOf == nil, list.hasExpired(at: now) {
      return (list.refresh(page: layout.rows, at: now).map { [.load($0)] } ?? []) + [.poll]
    }
    if view == .tree, tree.isDue(at: now), asOf == nil {
      return tree.reload(at: now).map(Effect.branch)
    }
    guard list.isDue(at: now), let request = list.refresh(page: layout.rows, at: now) else {
      return []
    }
    return [.load(request)]
  }

  private mutating func take(_ newer: RegistryStatus) -> [Effect] {
    let known = status.map { Set($0.pending.map(\.id)) }
    status = newer
    var effects: [Effect] = []
    if let known {
      let fresh = newer.pending.filter { !known.contains($0.id) }
      if asOf == nil, let first = fresh.first {
        say(
          fresh.count == 1
            ? "new hold \(first.hold.prefix(8)): \(first.words)" : "\(fresh.count) new holds")
      }
      if fresh.contains(where: { $0.risk == .critical }) {
        if settings.rings { effects.append(.bell) }
        if settings.notifies, let grave = fresh.first(where: { $0.risk == .critical }) {
          effects.append(.notify("critical hold \(grave.hold.prefix(8)): \(grave.words)"))
        }
      }
    } else if let note = newer.note {
      say(note)
    }
    guard asOf == nil else { return effects }
    return effects + refresh()
  }

  /// Reads again what is on the screen.
  mutating func refresh() -> [Effect] {
    var effects: [Effect] = []
    if view == .tree {
      effects += tree.refresh(at: now).map(Effect.branch)
    } else if let request = list.refresh(page: layout.rows, at: now) {
      effects.append(.load(request))
    } else if let paused = list.pausedAt {
      effects.append(.countUnseen(view, after: paused))
    }
    previewAsked = nil
    let now = now
    for overlay in overlays {
      switch overlay {
      case .consent(let dialog):
        if dialog.steps.isOpen {
          let request = dialog.consent.request
          change(request) {
            if let plan = $0.refreshes(at: now) {
              effects.append(.consent(request, choice: plan.choice, inputs: plan.fields))
            }
          }
        } else if case .vote(let hold, _) = dialog.consent.request, dialog.progress?.isOver != true
        {
          effects.append(.follow(hold))
        }
      case .document, .menu: break
      }
    }
    effects += readDocumentAgain()
    return effects
  }

  /// A document is read again so often at most, however fast the registry moves.
  private static let documentPause: Int64 = 1000

  /// Asks for what the documents that are open tell of, as it is now; later, if that was done just before.
  private mutating func readDocumentAgain() -> [Effect] {
    let requests = overlays.compactMap { overlay -> DocumentRequest? in
      guard case .document(let reader) = overlay else { return nil }
      switch reader.document.request {
      case .why, .card: return reader.document.request
      case .source, .json, .notes, .messages, .output: return nil
      }
    }
    let isDue = now.milliseconds(since: documentAsked) >= ConsoleModel.documentPause
    isDocumentStale = !requests.isEmpty && !isDue
    guard !requests.isEmpty, isDue else { return [] }
    documentAsked = now
    return requests.map(Effect.document)
  }

  private mutating func take(_ document: Document) -> [Effect] {
    for index in overlays.indices.reversed() {
      guard case .document(var reader) = overlays[index],
        reader.document.request == document.request
      else { continue }
      reader.refresh(document)
      overlays[index] = .document(reader)
      return []
    }
    // What has been closed, or let go, does not open by itself.
    if isWanted(.document(document.request)) {
      overlays.append(.document(DocumentModel(document)))
    }
    return []
  }

  private mutating func take(_ newer: Consent) -> [Effect] {
    let now = now
    if overlays.contains(where: { $0.consent?.consent.request == newer.request }) {
      _ = isWanted(.consent(newer.request))
      change(newer.request) { $0.refresh(newer, at: now) }
      return []
    }
    guard isWanted(.consent(newer.request)) else { return [] }
    overlays.append(.consent(ConsentModel(newer, at: now)))
    if case .vote(let hold, _) = newer.request, !session.isReadOnly { return [.claim(hold)] }
    return []
  }

  private func followed(_ request: ConsentRequest) -> [Effect] {
    guard case .vote(let hold, _) = request else { return [] }
    return [.follow(hold)]
  }

  private mutating func take(_ session: Session, _ catalogue: CommandLine.Catalogue) -> [Effect] {
    forget()
    var fresh = ConsoleModel(
      session: session, settings: settings, width: width, height: height, now: now)
    fresh.settings.catalogue = catalogue
    fresh.messages = messages
    self = fresh
    say("this is \(session.place)")
    return start()
  }

  // MARK: loading

  /// The first requests of a console, or of a view.
  package mutating func start() -> [Effect] {
    history = [Place(view: view, filter: "", selected: nil)]
    historyIndex = 0
    return loadIfNeeded()
  }

  mutating func loadIfNeeded() -> [Effect] {
    if view == .tree { return tree.isLoaded ? [] : tree.reload().map(Effect.branch) }
    guard !list.isLoaded, list.awaited == nil else { return [] }
    return [.load(list.restart(page: layout.rows))]
  }

  /// Every list anew, as after a change of what is read.
  mutating func startAgain() -> [Effect] {
    for view in View.allCases {
      lists[view.rawValue] = unread(view, like: lists[view.rawValue])
    }
    tree = TreeState()
    return loadIfNeeded()
  }

  /// Asks for the preview of what is now selected, if it is shown.
  private mutating func wantPreview() -> [Effect] {
    guard layout.preview != nil, !layout.isTooSmall, overlays.isEmpty else { return [] }
    guard let selected else {
      preview = nil
      previewAsked = nil
      return []
    }
    guard previewAsked != selected else { return [] }
    previewAsked = selected
    if preview?.target != selected { preview = nil }
    return [.preview(selected)]
  }

  // MARK: going somewhere

  /// Stands on something whose place in its list is known now.
  private mutating func stand(
    on target: Target, _ place: [PlacePart]?, _ path: [Target]
  ) -> [Effect] {
    let aim = target.view
    guard consent?.isTyped != true else {
      say("Esc leaves the dialog first", isBad: true)
      return []
    }
    if aim == .tree {
      guard !path.isEmpty else {
        say("\(target.words) is not in the tree", isBad: true)
        return []
      }
      var effects = go(to: .tree)
      effects += tree.reveal(path).map(Effect.branch)
      return effects
    }
    guard let place else {
      say("\(target.words) is not on record", isBad: true)
      return []
    }
    overlays = []
    var effects: [Effect] = []
    if view != aim { effects += go(to: aim, loads: false) }
    list.filter.clear()
    if list.select(target, visible: layout.rows) {
      list.pause()
    } else {
      wanted = target
      effects.append(.load(list.begin(at: place, page: layout.rows, size: status?.size ?? 0)))
    }
    return effects
  }

  private mutating func resolved(_ text: String, _ found: [Message.Candidate]) -> [Effect] {
    guard let first = found.first else {
      say("nothing on record is called \(text)", isBad: true)
      return []
    }
    if found.count == 1 { return jump(to: first.target) }
    overlays.append(
      .menu(
        MenuModel(
          "\(text) could be", found.map { MenuModel.Item($0.words, action: .jump($0.target)) },
          isTyping: false), .candidates))
    return []
  }
}
