import CanonicalJSON
import Cells
import Keys
package import Statements

/// How this console was set up.
package struct Settings: Sendable {
  package var keymap = Keymap.standard
  /// Draw with ASCII only.
  package var isASCII = false
  package var isMouseOn = false
  /// Ring on a new critical hold.
  package var rings = true
  /// Tell the terminal's own notifications too.
  package var notifies = false
  /// Show as little as can be: other approvers' reasons stay folded until the own is written.
  package var blindQuorum = false
  package var memory = Memory()
  package var catalogue = CommandLine.Catalogue()
  /// What was odd in the configuration.
  package var warnings: [String] = []

  package init() {}
}

/// The console's whole state; changed by ``update(_:at:)`` alone.
package struct ConsoleModel: Sendable {
  package enum Overlay: Sendable {
    case menu(MenuModel, Purpose)
    case document(DocumentModel)
    case consent(ConsentModel)

    var consent: ConsentModel? { if case .consent(let dialog) = self { dialog } else { nil } }

    package enum Purpose: Sendable, Equatable {
      case help
      case palette
      case candidates
      case columns
    }
  }

  /// Where one was: to go back to.
  struct Place: Sendable, Equatable {
    var view: View
    var filter: String
    var selected: Target?
  }

  package internal(set) var session: Session
  package internal(set) var settings: Settings
  package internal(set) var width: Int
  package internal(set) var height: Int
  package internal(set) var now: Timestamp
  package internal(set) var view = View.approvals
  package internal(set) var lists: [ListState] = View.allCases.map(ListState.init)
  package internal(set) var tree = TreeState()
  package internal(set) var status: RegistryStatus?
  /// How the deciding services stand; nil until it has been found out.
  package internal(set) var services: [ServiceReport]?
  package internal(set) var verification = Verification.waiting
  /// What this person is to each pending hold.
  package internal(set) var standing: [String: String] = [:]
  package internal(set) var keyState = KeyState.locked
  package internal(set) var overlays: [Overlay] = []
  package internal(set) var entry: EntryLine?
  package internal(set) var preview: Preview?
  var previewAsked: Target?
  var polled = Timestamp(milliseconds: 0)
  /// The registry is shown as it was after this entry.
  package internal(set) var asOf: (index: UInt64, at: Timestamp)?
  /// Whether `q` was pressed, and asked about, with the key before.
  var asksToLeave = false
  var history: [Place] = []
  var historyIndex = 0
  var lastView: View?
  var prefix: Unicode.Scalar?
  var said = Messages()
  /// Whether what is said answers this person, and not the registry.
  var isAnswering = false
  /// What was on the screen when it was last drawn; none before the first time.
  var drawn: Drawn?
  /// Whether rows have come or gone since then, other than by a key.
  var haveRowsMoved = false
  /// What was said of a filter that was not understood, until it is typed on.
  var filterProblem: String?
  /// What was said on the way to the past, and how far it is read; neither is true afterwards.
  var travelWords: String?
  /// A line that was entered before it was known which commands there are: it runs once they are.
  var unparsedLine: String?
  /// Whether the tree is being searched for what was typed.
  var awaitsMatches = false
  /// What was said, the newest last.
  package internal(set) var messages: [(at: Timestamp, text: String)] = []
  /// Where a jump wants to stand once its rows are there.
  var wanted: Target?
  /// What was asked for and has not come yet; any key lets it go.
  private(set) var opening: Opening?

  /// When the document on top was last asked for, and whether the registry has moved since: it is read
  /// again at most once a second.
  var documentAsked = Timestamp(milliseconds: 0)
  var isDocumentStale = false

  /// Something that opens, or that one goes to, once it has been read.
  enum Opening: Equatable, Sendable {
    case consent(ConsentRequest)
    case document(DocumentRequest)
    case candidates(String)
    case place(Target)
    /// The holds of a group, to deny them.
    case members(Digest)
  }

  private static let openingWords = "opening\u{2026} any key lets it go"

  package init(
    session: Session, settings: Settings = Settings(), width: Int, height: Int, now: Timestamp
  ) {
    self.session = session
    self.settings = settings
    self.width = width
    self.height = height
    self.now = now
    for view in View.allCases {
      guard let kept = settings.memory.columns[view.name],
        let order = Order(rawValue: kept.order)
      else { continue }
      lists[view.rawValue].sort(by: order, reversed: kept.isReversed)
    }
    lists[View.approvals.rawValue].onlyNeeded = showsNeededOnly
    for warning in settings.warnings + settings.keymap.conflicts { say(warning, isBad: true) }
  }

  // MARK: what is said

  /// The last thing said, for a few seconds.
  package var notice: String { said.shown(at: now).last?.text ?? "" }

  /// `isKept`: Whether it can be read again among the messages.
  mutating func say(_ text: String, isBad: Bool = false, isKept: Bool = true) {
    // What a key or a command did is told where its reader looks.
    if isKept, isAnswering, case .consent(let dialog)? = overlays.last, dialog.steps.isOpen {
      let now = now
      change(dialog.consent.request) { $0.say(text, at: now) }
    }
    said.say(text, isBad: isBad, isAnswer: isAnswering, at: now)
    guard isKept else { return }
    messages.append((now, text))
    if messages.count > 200 { messages.removeFirst() }
  }

  // MARK: what is opening

  /// Asks for a dialog.
  package mutating func open(_ request: ConsentRequest) -> [Effect] {
    if asOf != nil {
      say(ConsoleModel.pastWords, isBad: true)
      return []
    }
    return begin(.consent(request), [.consent(request, choice: 0, inputs: [:])])
  }

  /// Asks for something to read.
  mutating func open(_ request: DocumentRequest) -> [Effect] {
    begin(.document(request), [.document(request)])
  }

  /// Runs a command; what it says is read when it has ended.
  mutating func open(running words: [String]) -> [Effect] {
    begin(.document(.output(words)), [.run(words)])
  }

  /// Asks which holds a group has, to deny them together.
  mutating func open(denying group: Digest) -> [Effect] {
    begin(.members(group), [.members(group)])
  }

  mutating func open(_ id: String) -> [Effect] { begin(.candidates(id), [.resolve(id)]) }

  mutating func open(placeOf target: Target) -> [Effect] {
    begin(.place(target), [.locate(target)])
  }

  private mutating func begin(_ opening: Opening, _ effects: [Effect]) -> [Effect] {
    expect(opening)
    return effects
  }

  /// Waits for something that is on its way.
  mutating func expect(_ opening: Opening) {
    self.opening = opening
    say(ConsoleModel.openingWords, isKept: false)
  }

  /// Whether what has come is what is waited for: then it is no longer.
  mutating func isWanted(_ arrived: Opening) -> Bool {
    guard opening == arrived else { return false }
    letGo()
    return true
  }

  /// Waits no longer.
  mutating func letGo() {
    opening = nil
    said.retract(ConsoleModel.openingWords)
  }

  // MARK: what is selected

  package var list: ListState {
    get { lists[view.rawValue] }
    set { lists[view.rawValue] = newValue }
  }

  package var layout: Layout { Layout(width: width, height: height, view: view) }

  package var selected: Target? {
    view == .tree ? tree.selectedRow?.node.target : list.selectedRow?.target
  }

  package var selectedRow: ListRow? { view == .tree ? nil : list.selectedRow }
  package var filter: TextField { view == .tree ? tree.filter : list.filter }

  /// What the selection hangs together with.
  package var related: [Target] {
    if case .consent(let dialog)? = overlays.last { return dialog.consent.related }
    if case .document(let reader)? = overlays.last {
      return reader.document.lines.compactMap(\.target).uniqued()
    }
    if view == .tree {
      guard let node = tree.selectedRow?.node else { return [] }
      return node.name.hasPrefix("agent:") ? [.agent(node.name)] : [.person(node.name)]
    }
    return list.selectedRow?.related ?? []
  }

  package var isPast: Bool { asOf != nil }

  /// The instant that lists show: in the past, spans count from then.
  package var shownTime: Timestamp { asOf?.at ?? now }

  /// Whether a dialog does not take keys yet, or not the one that decides.
  package var isArming: Bool {
    if case .consent(let dialog)? = overlays.last { !dialog.isEnabled(at: now) } else { false }
  }

  /// Whether the screen changes by itself, second by second.
  package var countsDown: Bool {
    if overlays.contains(where: { if case .consent = $0 { true } else { false } }) { return true }
    if keyState.isUnlocked(at: now) || !notice.isEmpty { return true }
    if services?.isMoving(at: now) == true { return true }
    if isDocumentStale { return true }
    return view == .approvals && asOf == nil && overlays.isEmpty && !list.rows.isEmpty
  }

  // MARK: what cannot be done

  static let pastWords = "you look at the past; :now goes back"

  /// Why a command does nothing here, if so.
  package func disabledReason(_ command: Command) -> String? {
    let marks = list.marks.keys
    if command.hasEffect {
      if asOf != nil { return ConsoleModel.pastWords }
      if session.isReadOnly { return "read only: nothing can be signed here" }
      if session.who == nil {
        return "you have no operator key here; see: countersign key new --operator"
      }
    }
    switch command {
    case .approve:
      if case .group? = selected {
        return "holds are approved one by one: Enter opens the group; x denies all of it"
      }
      return ConsoleModel.answer(to: selected) == nil
        ? ConsoleModel.answersElsewhere(selected) : nil
    case .deny:
      if view == .approvals, !marks.isEmpty { return nil }
      switch selected {
      case .hold, .group, .proposal: return nil
      default: return ConsoleModel.answersElsewhere(selected)
      }
    case .revoke:
      switch selected {
      case .key, .grant, .agent: return nil
      default:
        return key(of: selected) == nil
          ? "no key or grant is selected; 4 shows keys, 5 the tree" : nil
      }
    case .lock: return nil
    case .follow:
      return view == .decisions || view == .audit ? nil : "f follows decisions and the log; press 2"
    case .mark, .markRange:
      if view != .approvals { return "marks are for the queue: what is marked is denied together" }
      if case .group? = selected { return "x denies the whole group; Enter opens it to mark holds" }
      return nil
    case .showAll:
      if view != .approvals { return "s is for the queue; press 1" }
      if isPast { return ConsoleModel.pastWords }
      return session.who == nil ? "without an operator key every hold is shown" : nil
    case .foldAll, .unfoldAll, .parent: return view == .tree ? nil : "only in the tree; press 5"
    case .sort, .reverse:
      return view.orders.count > 1 || command == .reverse && view != .tree
        ? nil : "\(view.title) has one order"
    case .export:
      return view == .audit || selectedIndex != nil ? nil : "only in the audit; press 7"
    case .why:
      switch selected {
      case .hold, .decision: return nil
      case .entry, .grant, .agent: return nil
      case .group: return "Enter opens the group; W explains one of its holds"
      default: return "no decision is selected; 2 shows them"
      }
    case .travel:
      return selectedIndex == nil ? "no log entry is selected; press 7" : nil
    case .json:
      if case .group? = selected { return "Enter opens the group; J shows one of its holds" }
      return selected == nil ? "nothing is selected" : nil
    case .open, .copyID, .copyRow: return selected == nil ? "nothing is selected" : nil
    case .related: return related.isEmpty ? "it has no related items" : nil
    case .historyBack: return historyIndex > 0 ? nil : "there is nothing before"
    case .historyForward: return historyIndex + 1 < history.count ? nil : "there is nothing after"
    case .lastView: return lastView == nil ? "there is no view before" : nil
    case .nextMatch, .previousMatch:
      return view == .tree && !tree.matches.isEmpty || reader?.needle.isEmpty == false
        ? nil : "nothing is searched for; press /"
    default: return nil
    }
  }

  var reader: DocumentModel? {
    if case .document(let reader)? = overlays.last { reader } else { nil }
  }

  /// The log index of what is selected.
  var selectedIndex: UInt64? {
    switch selected {
    case .entry(let index), .decision(let index): index
    default: nil
    }
  }

  /// The key that `r` would revoke, where a row has one.
  func key(of target: Target?) -> Digest? {
    if case .key(let digest)? = target { return digest }
    for case .key(let digest) in selectedRow?.related ?? [] { return digest }
    return nil
  }

  /// What `L` would lock.
  var lockTargets: [LockTarget] {
    var targets: [LockTarget] = []
    func add(_ target: Target) {
      switch target {
      case .agent(let name):
        if let agent = Principal(.init(name)), agent.kind == .agent {
          targets.append(.agent(agent))
        }
      case .key(let digest): targets.append(.key(Fingerprint(digest: digest)))
      case .resource(let uri): targets.append(.resource(.init(uri)))
      default: break
      }
    }
    if let selected { add(selected) }
    for target in related { add(target) }
    return targets.uniqued()
  }
}

extension Array where Element: Hashable {
  /// Each once, in the order in which they come.
  func uniqued() -> [Element] {
    var seen: Set<Element> = []
    return filter { seen.insert($0).inserted }
  }
}
