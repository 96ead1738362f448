import CanonicalJSON
import Cells
import Console
import Keys
import Statements
import TestSupport
import Testing

private let start = Timestamp(milliseconds: 1_795_428_000_000)

/// A registry that changes all the time.
///
/// New holds, expiries, other people's votes, decisions, locks, revocations. It answers as the real one does: by place, in pages, groups of equal holds as one line.
private struct BusyRegistry {
  struct Hold {
    let id: Digest
    let group: Digest
    let rank: Int
    let ends: Int
    var needsMe: Bool
    var approvals = 0
  }

  var random: SeededRandom
  var holds: [Hold] = []
  /// The rows of every other list, by a number that orders them.
  var numbers: [View: [Int]] = [:]
  var now = start
  private var made = 0

  init(seed: UInt64) {
    random = SeededRandom(seed: seed)
    for view in View.allCases { numbers[view] = (0..<40).map { $0 * 100 } }
    for _ in 0..<30 { arrive() }
  }

  mutating func arrive() {
    made += 1
    let kind = Int.random(in: 0..<9, using: &random)
    let rank = kind % 4
    holds.append(
      Hold(
        id: Digest.sha256(Array("hold \(made)".utf8)),
        group: Digest.sha256(Array("group \(kind)".utf8)), rank: rank,
        ends: Int(now.milliseconds - start.milliseconds)
          + Int.random(in: 2000..<12_000, using: &random),
        needsMe: Bool.random(using: &random)))
  }

  /// A tenth of a second passes.
  mutating func pass() {
    now = now.advanced(byMilliseconds: 100)
    arrive()
    let at = Int(now.milliseconds - start.milliseconds)
    holds.removeAll { $0.ends <= at }
    if Int.random(in: 0..<3, using: &random) == 0,
      let index = holds.indices.randomElement(using: &random)
    {
      switch Int.random(in: 0..<3, using: &random) {
      case 0: holds.remove(at: index)
      case 1: holds[index].approvals += 1
      default: holds[index].needsMe.toggle()
      }
    }
    for view in View.allCases {
      var rows = numbers[view] ?? []
      if let index = rows.indices.randomElement(using: &random), rows.count > 5,
        Bool.random(using: &random)
      {
        // What has an index in the log never goes.
        if view != .decisions, view != .audit { rows.remove(at: index) }
      }
      if view == .decisions || view == .audit {
        rows.append((rows.last ?? 0) + 1)
      } else {
        let fresh = Int.random(in: 0..<5000, using: &random)
        if !rows.contains(fresh) { rows.append(fresh) }
      }
      numbers[view] = rows.sorted()
    }
  }

  private static func text(_ words: String) -> CellValue { .text(SafeText(words)) }

  private func row(_ hold: Hold, _ place: [PlacePart], depth: Int) -> ListRow {
    var row = ListRow(
      target: .hold(hold.id), place: place,
      cells: [
        BusyRegistry.text("!  HIGH"), BusyRegistry.text(String(hold.id.hex.prefix(8))),
        BusyRegistry.text("bot"), BusyRegistry.text("deploy\u{2192}prod://a"),
        BusyRegistry.text("\(hold.approvals)/2 "), BusyRegistry.text("-"),
        .until(start.advanced(byMilliseconds: Int64(hold.ends))), .clock(start),
      ], related: [.agent("agent:bot")])
    (row.hold, row.needsViewer, row.depth) = (hold.id, hold.needsMe, depth)
    return row
  }

  /// The queue's lines in their order.
  private func lines(_ request: ListRequest) -> [ListRow] {
    var rows: [ListRow] = []
    let groups = Dictionary(grouping: holds, by: \.group).map { id, members in
      (id, members.sorted { ($0.ends, $0.id) < ($1.ends, $1.id) })
    }.sorted { left, right in
      let (a, b) = (left.1[0], right.1[0])
      return (a.rank, a.ends, a.id) < (b.rank, b.ends, b.id)
    }
    for (id, members) in groups {
      let first = members[0]
      let place: [PlacePart] = [
        .integer(Int64(first.rank)), .integer(Int64(first.ends)), .blob(first.id.bytes),
      ]
      if request.onlyNeeded, !members.contains(where: \.needsMe) { continue }
      let isOpen = request.unfolded.contains(id)
      if members.count == 1, !isOpen, request.selected != .group(id) {
        rows.append(row(first, place, depth: 0))
        continue
      }
      var line = ListRow(
        target: .group(id), place: place, cells: row(first, place, depth: 0).cells,
        related: [.agent("agent:bot")])
      line.cells[1] = BusyRegistry.text(String(id.hex.prefix(8)))
      (line.hold, line.count, line.branch) = (first.id, members.count, isOpen ? .open : .folded)
      line.needsViewer = members.contains(where: \.needsMe)
      rows.append(line)
      // The cursor's hold stays a row when others join it.
      rows += members.filter { isOpen || request.selected == .hold($0.id) }.map {
        row($0, place + [.integer(Int64($0.ends)), .blob($0.id.bytes)], depth: 1)
      }
    }
    return rows
  }

  private func rows(_ request: ListRequest) -> [ListRow] {
    guard request.view != .approvals else { return lines(request) }
    let filter = Filter(request.filter, request.view)
    let rows = (numbers[request.view] ?? []).map { number in
      ListRow(
        target: .entry(UInt64(number)), place: [.integer(Int64(number))],
        cells: request.view.columns.map { _ in BusyRegistry.text("n\(number)x") })
    }
    return rows.filter { filter.isEmpty || $0.matches(filter, request.view, at: now) }
  }

  func page(_ request: ListRequest) -> ListPage {
    let rows = rows(request)
    func before(_ row: ListRow, _ place: [PlacePart]) -> Bool { precedes(row.place, place) }
    let found: ArraySlice<ListRow>
    switch request.anchor {
    case .first: found = rows[...]
    case .last: found = rows[...]
    case .from(let place): found = rows.drop { before($0, place) }
    case .after(let place): found = rows.drop { before($0, place) || $0.place == place }
    case .before(let place): found = rows.prefix { before($0, place) }
    }
    let isBackward =
      switch request.anchor {
      case .last, .before: true
      default: false
      }
    return ListPage(
      request: request,
      rows: Array(isBackward ? found.suffix(request.limit) : found.prefix(request.limit)),
      hasMore: found.count > request.limit)
  }

  private func precedes(_ left: [PlacePart], _ right: [PlacePart]) -> Bool {
    for (one, other) in zip(left, right) where one != other {
      switch (one, other) {
      case (.integer(let a), .integer(let b)): return a < b
      case (.blob(let a), .blob(let b)): return a.lexicographicallyPrecedes(b)
      default: return false
      }
    }
    return left.count < right.count
  }

  func branch(_ request: BranchRequest) -> Branch {
    func node(_ number: Int, _ children: Int) -> TreeNode {
      let name = "agent:\(String(number + 10_000).dropFirst())"
      return TreeNode(
        target: .grant(Digest.sha256(Array(name.utf8))), name: name, scope: "", expires: nil,
        fault: "", children: children, isFloor: false, elsewhere: 0, pending: 0, isEnded: false)
    }
    let nodes: [TreeNode] =
      switch request.parent {
      case nil:
        [
          TreeNode(
            target: .root("user:alice"), name: "user:alice", scope: "", expires: nil, fault: "",
            children: 40, isFloor: false, elsewhere: 0, pending: 0, isEnded: false)
        ]
      case .root: (numbers[.tree] ?? []).map { node($0, 0) }
      default: []
      }
    return Branch(request: request, nodes: nodes, hasMore: false)
  }

  var status: RegistryStatus {
    var status = RegistryStatus()
    status.pendingCount = holds.count
    status.neededCount = holds.count(where: \.needsMe)
    return status
  }
}

/// Lists on a busy registry: what one stands on, and what one types, is nobody else's to change.
@Suite struct BusyListTests {
  /// A console beside a busy registry; answers come late, in between the keys.
  private struct Desk {
    var registry: BusyRegistry
    var model: ConsoleModel
    var waiting: [(effect: Effect, byKey: Bool)] = []

    init(_ view: View, seed: UInt64) {
      registry = BusyRegistry(seed: seed)
      model = ConsoleModel(
        session: Session(registry: "busy", who: Principal("user:bob")), width: 80, height: 24,
        now: start)
      send(model.start(), byKey: true)
      update(.changed(registry.status), byKey: false)
      update(.key(.character(Unicode.Scalar(UInt8(48 + view.digit)))), byKey: true)
      settle()
    }

    mutating func send(_ effects: [Effect], byKey: Bool) {
      for effect in effects {
        switch effect {
        case .load, .branch: waiting.append((effect, byKey))
        default: break
        }
      }
    }

    @discardableResult
    mutating func update(_ message: Message, byKey: Bool) -> [Effect] {
      let effects = model.update(message, at: registry.now)
      send(effects, byKey: byKey)
      return effects
    }

    mutating func answer() {
      guard !waiting.isEmpty else { return }
      let (effect, byKey) = waiting.removeFirst()
      switch effect {
      case .load(let request): update(.page(registry.page(request)), byKey: byKey)
      case .branch(let request): update(.branch(registry.branch(request)), byKey: byKey)
      default: break
      }
    }

    mutating func settle() {
      for _ in 0..<50 where !waiting.isEmpty { answer() }
    }

    /// What the screen shows as selected.
    var highlighted: String? {
      Screen.draw(model).lines.dropFirst(4).first { $0.hasPrefix(">") }
    }
  }

  @Test(arguments: View.allCases, 1...4)
  func `the selection stays on what it stands on, and what is typed stays typed`(
    view: View, seed: Int
  ) throws {
    var desk = Desk(view, seed: UInt64(seed))
    var random = SeededRandom(seed: UInt64(seed + 99))
    // A follower goes with the newest; up stops following.
    if view == .decisions || view == .audit { desk.update(.key(.character("k")), byKey: true) }
    var moved = 0
    for step in 0..<400 {
      desk.registry.pass()
      // The registry has moved: nothing of it is this person's doing.
      let (before, typed) = (desk.model.selected, desk.model.entry?.text)
      let isOwn = desk.waiting.contains(where: \.byKey)
      desk.update(.changed(desk.registry.status), byKey: false)
      desk.update(.tick, byKey: false)
      if Bool.random(using: &random) { desk.answer() }
      if !isOwn, let before, !(view != .tree && desk.model.list.follows) {
        #expect(desk.model.selected == before, "\(view) seed \(seed) step \(step)")
      }
      #expect(desk.model.entry?.text == typed, "\(view) seed \(seed) step \(step)")
      // And a person goes on.
      let keys: [KeyPress] =
        desk.model.entry == nil
        ? [
          .character("j"), .character("k"), .down, .control("d"), .character("l"), .character("h"),
          .character("/"), .character(":"), .character("G"), .character("g"),
        ] : [.character("n"), .character("1"), .escape, .backspace]
      let key = keys.randomElement(using: &random) ?? .down
      if Int.random(in: 0..<3, using: &random) == 0 {
        desk.update(.key(key), byKey: true)
        moved += 1
      }
    }
    #expect(moved > 50)
  }

  @Test(arguments: 1...6)
  func `a key acts on the row that is highlighted as it is pressed`(seed: Int) throws {
    var desk = Desk(.approvals, seed: UInt64(seed))
    var random = SeededRandom(seed: UInt64(seed + 7))
    var acted = 0
    for step in 0..<300 {
      desk.registry.pass()
      desk.update(.changed(desk.registry.status), byKey: false)
      if Bool.random(using: &random) { desk.answer() }
      let keys: [KeyPress] = [.character("j"), .character("k"), .character("l"), .character("h")]
      desk.update(.key(keys.randomElement(using: &random) ?? .down), byKey: true)
      if Bool.random(using: &random) { desk.answer() }
      guard let row = desk.model.selectedRow, let shown = desk.highlighted else { continue }
      // The row that the screen highlights is the one the model acts on.
      #expect(
        shown.contains(row.cells[1].shown(at: desk.registry.now).text.text),
        "seed \(seed) step \(step): \(shown)")
      let effects = desk.update(.key(.character("x")), byKey: true)
      switch row.target {
      case .hold(let hold):
        #expect(
          effects == [.consent(.vote(hold, leaning: .deny), choice: 0, inputs: [:])],
          "seed \(seed) step \(step)")
      case .group(let group): #expect(effects == [.members(group)], "seed \(seed) step \(step)")
      default: Issue.record("\(row.target) stands in the queue")
      }
      acted += 1
      // Whatever comes of it late does not open over what one does now.
      desk.update(.key(.escape), byKey: true)
      desk.update(
        .members([Digest.sha256([1])], of: Digest.sha256([2]), hasMore: false), byKey: false)
      #expect(desk.model.overlays.isEmpty)
    }
    #expect(acted > 100)
  }

  @Test func `a hold that others join stays a row of its own under the cursor`() throws {
    var desk = Desk(.approvals, seed: 3)
    desk.update(.key(.character("s")), byKey: true)
    desk.settle()
    desk.registry.holds = []
    desk.registry.arrive()
    let first = try #require(desk.registry.holds.first)
    desk.update(.key(.character("R")), byKey: true)
    desk.settle()
    #expect(desk.model.selected == .hold(first.id))
    desk.registry.holds.append(
      BusyRegistry.Hold(
        id: Digest.sha256([9]), group: first.group, rank: first.rank, ends: first.ends + 1,
        needsMe: true))
    desk.registry.now = desk.registry.now.advanced(bySeconds: 1)
    desk.update(.changed(desk.registry.status), byKey: false)
    desk.settle()
    #expect(desk.model.selected == .hold(first.id))
    #expect(
      desk.model.list.rows.map(\.target) == [.group(first.group), .hold(first.id)],
      "its group stands above it, folded")
    // And a group that the cursor stands on stays a group when one hold is left of it.
    desk.update(.key(.character("k")), byKey: true)
    #expect(desk.model.selected == .group(first.group))
    desk.update(.key(.character("h")), byKey: true)
    desk.settle()
    #expect(desk.model.list.rows.map(\.target) == [.group(first.group)])
    desk.registry.holds.removeLast()
    desk.registry.now = desk.registry.now.advanced(bySeconds: 3)
    desk.update(.changed(desk.registry.status), byKey: false)
    desk.settle()
    #expect(desk.model.selected == .group(first.group))
  }

  @Test func `after a vote the cursor goes to the next row that needs this person`() throws {
    var desk = Desk(.approvals, seed: 5)
    desk.update(.key(.character("s")), byKey: true)
    desk.registry.holds = []
    for _ in 0..<200 { desk.registry.arrive() }
    // Each in a group of its own, every third for this person.
    desk.registry.holds = desk.registry.holds.prefix(12).enumerated().map { index, hold in
      BusyRegistry.Hold(
        id: hold.id, group: Digest.sha256([UInt8(index)]), rank: 0, ends: 5000 + index,
        needsMe: index % 3 == 0)
    }
    desk.update(.key(.character("R")), byKey: true)
    desk.settle()
    let order = desk.registry.holds.map(\.id)
    #expect(desk.model.list.rows.map(\.target) == order.map(Target.hold))
    for (voted, next) in [(0, 3), (3, 6), (6, 9), (9, 0)] {
      #expect(desk.model.selected == .hold(order[voted]))
      desk.update(
        .signed(.vote(order[voted], leaning: .approve), index: 1, outcome: "approved"),
        byKey: true)
      if next > voted { #expect(desk.model.selected == .hold(order[next])) }
    }
    // None is left: it goes on to the row after the last.
    #expect(desk.model.selected == .hold(order[10]))
    // The verified state wins over what rows say: this one needs nobody here.
    desk.update(.key(.character("g")), byKey: true)
    desk.update(.standing([order[1].hex: "needs you", order[2].hex: "not you"]), byKey: false)
    desk.update(
      .signed(.vote(order[0], leaning: .deny), index: 2, outcome: "denied"), byKey: true)
    #expect(desk.model.selected == .hold(order[1]))
  }

  @Test func `the queue opens with what needs this person, and one key shows all of it`() throws {
    var desk = Desk(.approvals, seed: 8)
    #expect(desk.model.list.rows.allSatisfy { $0.needsViewer })
    let needed = desk.registry.holds.count(where: \.needsMe)
    #expect(Screen.draw(desk.model).lines[2].contains("\(needed) need you / 30"))
    #expect(Screen.draw(desk.model).lines[1].contains("1 Approvals \(needed)/30!"))
    let effects = desk.update(.key(.character("s")), byKey: true)
    #expect(
      effects.contains {
        if case .remember(let memory) = $0 { memory.showsAllHolds } else { false }
      })
    desk.settle()
    #expect(desk.model.list.rows.contains { !$0.needsViewer })
    // It is remembered, and read back.
    #expect(Memory(json: desk.model.settings.memory.json) == desk.model.settings.memory)
    var settings = Settings()
    settings.memory = desk.model.settings.memory
    let next = ConsoleModel(
      session: Session(registry: "busy", who: Principal("user:bob")), settings: settings, width: 80,
      height: 24, now: start)
    #expect(!next.showsNeededOnly)
    // Who has no key is not asked for anything: all of it is shown.
    let looker = ConsoleModel(
      session: Session(registry: "busy", who: nil), width: 80, height: 24, now: start)
    #expect(!looker.showsNeededOnly && looker.disabledReason(.showAll) != nil)
  }
}
