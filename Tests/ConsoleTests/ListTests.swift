import Cells
import Console
import Keys
import Statements
import Testing

private let now = Timestamp(milliseconds: 1_795_428_000_000)

/// A list of numbered rows, answered as a registry would, by place.
private struct Source {
  var rows: [Int]

  func page(_ request: ListRequest) -> ListPage {
    func number(_ place: [PlacePart]) -> Int {
      if case .integer(let value)? = place.first { Int(value) } else { 0 }
    }
    let limit = request.limit
    let found: ArraySlice<Int>
    let hasMore: Bool
    switch request.anchor {
    case .first: (found, hasMore) = (rows.prefix(limit), rows.count > limit)
    case .last: (found, hasMore) = (rows.suffix(limit), rows.count > limit)
    case .after(let place):
      let rest = rows.drop { $0 <= number(place) }
      (found, hasMore) = (rest.prefix(limit), rest.count > limit)
    case .from(let place):
      let rest = rows.drop { $0 < number(place) }
      (found, hasMore) = (rest.prefix(limit), rest.count > limit)
    case .before(let place):
      let rest = rows.prefix { $0 < number(place) }
      (found, hasMore) = (rest.suffix(limit), rest.count > limit)
    }
    return ListPage(
      request: request,
      rows: found.map {
        ListRow(target: .entry(UInt64($0)), place: [.integer(Int64($0))], cells: [])
      },
      hasMore: hasMore)
  }
}

@Suite struct ListStateTests {
  private let visible = 20

  private func answer(_ request: ListRequest?, _ list: inout ListState, _ source: Source) {
    var next = request
    while let request = next { next = list.take(source.page(request), visible: visible) }
  }

  private func list(_ source: Source, _ view: View = .agents) -> ListState {
    var list = ListState(view)
    answer(list.restart(page: visible), &list, source)
    return list
  }

  private func selected(_ list: ListState) -> Int? {
    if case .entry(let index)? = list.selected { Int(index) } else { nil }
  }

  @Test func `three hundred steps at once end on the three hundredth row`() {
    let source = Source(rows: Array(0..<5000))
    var list = list(source)
    var requests: [ListRequest] = []
    for _ in 0..<300 {
      if let request = list.move(1, visible: visible, at: now) { requests.append(request) }
    }
    for request in requests { answer(request, &list, source) }
    #expect(selected(list) == 300)
    #expect(list.position == 301)
  }

  @Test func `the selection follows its row when others come and go`() {
    var source = Source(rows: Array(stride(from: 0, to: 1000, by: 10)))
    var list = list(source)
    for _ in 0..<30 { answer(list.move(1, visible: visible, at: now), &list, source) }
    let offset = list.index - list.top
    #expect(selected(list) == 300)
    source.rows.insert(contentsOf: [1, 2, 3], at: 1)
    source.rows.removeAll { $0 == 310 }
    answer(list.refresh(page: visible, at: now), &list, source)
    #expect(selected(list) == 300)
    #expect(list.index - list.top == offset, "it stays where it stands on the screen")
    // Its own row goes: it stays under the cursor, and says so, so that no key acts on another.
    source.rows.removeAll { $0 == 300 }
    for _ in 0..<3 { answer(list.refresh(page: visible, at: now), &list, source) }
    #expect(selected(list) == 300 && list.selectedRow?.isGone == true)
    #expect(list.rows.count { $0.isGone } == 1)
    // Once the cursor moves it is let go.
    answer(list.move(1, visible: visible, at: now), &list, source)
    #expect(selected(list) == 320 && !list.rows.contains(where: \.isGone))
    answer(list.move(-1, visible: visible, at: now), &list, source)
    #expect(selected(list) == 290)
  }

  @Test func `rows never reorder under a cursor that has just moved`() {
    let source = Source(rows: Array(0..<50))
    var list = list(source, .approvals)
    answer(list.move(3, visible: visible, at: now), &list, source)
    let early = list.refresh(page: visible, at: now.advanced(byMilliseconds: 500))
    #expect(early == nil)
    #expect(!list.isDue(at: now.advanced(byMilliseconds: 1900)))
    #expect(list.isDue(at: now.advanced(byMilliseconds: 2000)))
  }

  @Test func `a follower stays at the newest, moving up pauses, and G goes on`() {
    var source = Source(rows: Array(0..<500))
    var list = list(source, .decisions)
    #expect(selected(list) == 499 && list.follows)
    source.rows.append(500)
    answer(list.refresh(page: visible, at: now), &list, source)
    #expect(selected(list) == 500)
    answer(list.move(-1, visible: visible, at: now), &list, source)
    #expect(!list.follows && list.pausedAt == 500)
    source.rows += 501...600
    let refreshed = list.refresh(page: visible, at: now)
    #expect(refreshed == nil, "what is paused stays")
    #expect(selected(list) == 499)
    answer(list.moveToLast(page: visible, at: now), &list, source)
    #expect(selected(list) == 600 && list.follows)
  }

  @Test func `an answer to an older question is dropped`() {
    let source = Source(rows: Array(0..<100))
    var list = list(source)
    let old = list.restart(page: visible)
    list.filter = TextField("x")
    let new = list.restart(page: visible)
    _ = list.take(ListPage(request: new, rows: [], hasMore: false), visible: visible)
    _ = list.take(source.page(old), visible: visible)
    #expect(list.rows.isEmpty)
  }

  @Test func `rows of another filter go once the new one has to look further`() {
    let source = Source(rows: Array(0..<100))
    var list = list(source)
    list.filter = TextField("x")
    let request = list.restart(page: visible)
    _ = list.take(
      ListPage(request: request, rows: [], hasMore: true, searched: 1000), visible: visible)
    #expect(list.rows.isEmpty && list.searched == 1000)
    _ = list.take(source.page(request), visible: visible)
    #expect(!list.rows.isEmpty && list.searched == nil)
    // The same filter read again because the registry moved leaves what it found.
    let shown = list.rows
    guard let again = list.refresh(page: visible, at: now) else {
      Issue.record("it asks for nothing")
      return
    }
    _ = list.take(
      ListPage(request: again, rows: [], hasMore: true, searched: 1000), visible: visible)
    #expect(list.rows == shown)
  }

  @Test func `marks move on, ranges mark between, and keep what they name`() {
    let source = Source(rows: Array(0..<100))
    var list = list(source, .approvals)
    _ = list.mark(visible: visible, at: now)
    _ = list.mark(visible: visible, at: now)
    #expect(list.marks.count == 2 && selected(list) == 2)
    let begins = list.markRange()
    answer(list.move(3, visible: visible, at: now), &list, source)
    let goesOn = list.markRange()
    #expect(begins && !goesOn)
    #expect(Set(list.marks.keys) == Set((0...5).map { Target.entry(UInt64($0)) }))
  }

  @Test func `a step past rows that were let go finds them again`() {
    let source = Source(rows: Array(0..<1380))
    var list = list(source)
    answer(list.moveToLast(page: visible, at: now), &list, source)
    for _ in 0..<3 { answer(list.move(-400, visible: visible, at: now), &list, source) }
    for _ in 0..<4 { answer(list.move(400, visible: visible, at: now), &list, source) }
    #expect(selected(list) == 1379)
  }

  /// The window over a list and the list itself never disagree.
  @Test func `random moves through random lists stand where a whole list would`() {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<40 {
      let source = Source(rows: Array(0..<Int.random(in: 1...4000, using: &random)))
      var list = list(source)
      var want = 0
      var moves: [Int] = []
      for _ in 0..<60 {
        switch Int.random(in: 0..<8, using: &random) {
        case 0:
          answer(list.moveToLast(page: visible, at: now), &list, source)
          want = source.rows.count - 1
        case 1:
          answer(list.moveToFirst(page: visible, at: now), &list, source)
          want = 0
        case let kind:
          let step = [1, -1, 10, -10, 19, -19, 400, -400][kind]
          moves.append(step)
          answer(list.move(step, visible: visible, at: now), &list, source)
          want = max(0, min(source.rows.count - 1, want + step))
        }
        #expect(selected(list) == want, "of \(source.rows.count): \(moves)")
        #expect(list.index >= list.top && list.index < list.top + visible)
      }
    }
  }
}

@Suite struct TreeStateTests {
  private func node(_ name: String, children: Int) -> TreeNode {
    TreeNode(
      target: name.hasPrefix("user:") ? .root(name) : .grant(Digest.sha256(Array(name.utf8))),
      name: name, scope: "", expires: nil, fault: "", children: children, isFloor: false,
      elsewhere: 0, pending: 0, isEnded: false)
  }

  /// A user with two links, one of them with two below.
  private func answer(_ requests: [BranchRequest], _ tree: inout TreeState) {
    var next = requests
    while let request = next.first {
      next.removeFirst()
      let nodes: [TreeNode] =
        switch request.parent {
        case nil: [node("user:alice", children: 2)]
        case .root: [node("a", children: 2), node("b", children: 0)]
        case node("a", children: 0).target: [node("a1", children: 0), node("a2", children: 0)]
        default: []
        }
      next += tree.take(Branch(request: request, nodes: nodes, hasMore: false), visible: 20)
    }
  }

  private func tree() -> TreeState {
    var tree = TreeState()
    answer(tree.reload(), &tree)
    return tree
  }

  private func names(_ tree: TreeState) -> [String] { tree.rows.map(\.node.name) }

  @Test func `branches load as they are unfolded, and folding is kept by identity`() {
    var tree = tree()
    #expect(names(tree) == ["user:alice", "a", "b"])
    _ = tree.move(1, visible: 20)
    answer(tree.unfold(visible: 20), &tree)
    #expect(names(tree) == ["user:alice", "a", "a1", "a2", "b"])
    #expect(tree.rows.map(\.lead)[2] == "\u{2502} \u{251C}\u{2500}\u{2500} ")
    answer(tree.reload(), &tree)
    #expect(names(tree) == ["user:alice", "a", "a1", "a2", "b"], "a reload folds nothing")
    tree.fold(visible: 20)
    #expect(names(tree) == ["user:alice", "a", "b"])
    tree.fold(visible: 20)
    #expect(tree.selectedRow?.node.name == "user:alice", "folding a folded one goes up")
  }

  /// A user with very many links, of which a page at a time is given.
  private func page(_ request: BranchRequest, of count: Int) -> Branch {
    func child(_ number: Int) -> TreeNode {
      node("c" + String(repeating: "0", count: 6 - String(number).count) + "\(number)", children: 0)
    }
    guard case .root? = request.parent else {
      return Branch(request: request, nodes: [node("user:alice", children: count)], hasMore: false)
    }
    func place(_ node: TreeNode) -> Int { Int(node.name.dropFirst()) ?? 0 }
    let limit = BranchRequest.limit
    var (start, end) = (0, min(count, limit))
    switch request.anchor {
    case .first: break
    case .last: (start, end) = (max(0, count - limit), count)
    case .after(let node): (start, end) = (place(node) + 1, min(count, place(node) + 1 + limit))
    case .before(let node): (start, end) = (max(0, place(node) - limit), place(node))
    case .containing(let wanted):
      if let found = (0..<count).first(where: { child($0).target == wanted }), found >= end {
        (start, end) = (found, min(count, found + limit))
      }
    }
    let isAfter = if case .after = request.anchor { true } else { false }
    return Branch(
      request: request, nodes: (start..<end).map(child), hasMore: end < count,
      hasBefore: !isAfter && start > 0)
  }

  private func answer(_ requests: [BranchRequest], _ count: Int, _ tree: inout TreeState) {
    var next = requests
    while let request = next.first {
      next.removeFirst()
      next += tree.take(page(request, of: count), visible: 20)
    }
  }

  @Test func `a hundred thousand nodes are walked to the last, and a reload loses no place`() {
    let count = 100_000
    var tree = TreeState()
    answer(tree.reload(), count, &tree)
    #expect(tree.isPartial)
    var presses = 0
    while tree.index < tree.rows.count - 1, presses < 600 {
      answer(tree.move(tree.rows.count, visible: 20), count, &tree)
      presses += 1
    }
    #expect(tree.rows.count == count + 1 && !tree.isPartial)
    #expect(tree.selectedRow?.node.name == "c099999")
    #expect(tree.top == tree.rows.count - 20)
    // The registry moves: what is on the screen is read again, and stays where it was.
    answer(tree.move(-500, visible: 20), count, &tree)
    let (name, index) = (tree.selectedRow?.node.name, tree.index)
    let requests = tree.reload(at: Timestamp(milliseconds: 10_000))
    #expect(requests.count == 2, "the roots, and the part of the branch that is shown")
    answer(requests, count, &tree)
    #expect(tree.selectedRow?.node.name == name && tree.index == index)
    #expect(tree.rows.count == count + 1)
  }

  @Test func `the last of a long branch is one key away, and the way back up is loaded`() {
    let count = 100_000
    var tree = TreeState()
    answer(tree.reload(), count, &tree)
    answer(tree.moveToLast(visible: 20), count, &tree)
    #expect(tree.selectedRow?.node.name == "c099999")
    #expect(names(tree)[1] == "\u{2026} earlier" && tree.isPartial)
    // Up over the edge of what is loaded, row by row.
    for step in 1...450 {
      answer(tree.move(-1, visible: 20), count, &tree)
      let number = String(99_999 - step)
      #expect(
        tree.selectedRow?.node.name == "c" + String(repeating: "0", count: 6 - number.count)
          + number)
    }
    answer(tree.moveToFirst(visible: 20), count, &tree)
    #expect(tree.index == 0 && names(tree)[1] == "c000000")
  }

  @Test func `a link revoked deep in a branch does not stand there as good`() {
    let count = 1000
    var tree = TreeState()
    answer(tree.reload(), count, &tree)
    while tree.isPartial { answer(tree.move(tree.rows.count, visible: 20), count, &tree) }
    answer(tree.move(-100, visible: 20), count, &tree)
    // Every link is revoked by somebody else.
    var next = tree.reload(at: Timestamp(milliseconds: 20_000))
    func revoked(_ branch: Branch) -> Branch {
      Branch(
        request: branch.request,
        nodes: branch.nodes.map { node in
          TreeNode(
            target: node.target, name: node.name, scope: "", expires: nil,
            fault: node.name.hasPrefix("c") ? "revoked" : "", children: node.children,
            isFloor: false, elsewhere: 0, pending: 0, isEnded: false)
        }, hasMore: branch.hasMore, hasBefore: branch.hasBefore)
    }
    func settle() {
      while let request = next.first {
        next.removeFirst()
        next += tree.take(revoked(page(request, of: count)), visible: 20)
      }
    }
    func shown() -> [String] {
      tree.rows.dropFirst(tree.top).prefix(20).filter { $0.depth > 0 && !$0.isMore }
        .map(\.node.fault)
    }
    settle()
    #expect(Set(shown()) == ["revoked"])
    // And what comes onto the screen later is read when it does.
    for _ in 0..<40 {
      next = tree.move(-25, visible: 20)
      settle()
      #expect(Set(shown()) == ["revoked"], "at \(tree.top)")
    }
    #expect(tree.rows.count == count + 1)
  }

  @Test func `a busy registry is read again every two seconds, not at each move`() {
    var tree = tree()
    let start = Timestamp(milliseconds: 1_000_000)
    answer(tree.refresh(at: start), &tree)
    for step in 1..<20 {
      let now = Timestamp(milliseconds: 1_000_000 + Int64(step) * 100)
      #expect(tree.refresh(at: now).isEmpty)
      #expect(!tree.isDue(at: now))
    }
    let later = Timestamp(milliseconds: 1_002_000)
    #expect(tree.isDue(at: later))
    #expect(!tree.reload(at: later).isEmpty)
    #expect(!tree.isDue(at: Timestamp(milliseconds: 1_009_000)))
  }

  @Test func `what stands beyond the first page is shown from there, and earlier ones load`() {
    let count = 5000
    var tree = TreeState()
    answer(tree.reload(), count, &tree)
    let target = node("c003210", children: 0).target
    answer(tree.reveal([.root("user:alice"), target]), count, &tree)
    #expect(tree.selectedRow?.node.name == "c003210")
    #expect(names(tree)[1] == "\u{2026} earlier")
    answer(tree.refresh(at: Timestamp(milliseconds: 9_000_000)), count, &tree)
    #expect(tree.selectedRow?.node.name == "c003210", "a reload keeps the part that is shown")
    answer(tree.move(-1, visible: 20), count, &tree)
    #expect(tree.selectedRow?.node.name == "c003209", "and those before it load as one goes up")
    answer(tree.moveToFirst(visible: 20), count, &tree)
    #expect(names(tree)[1] == "c000000")
    #expect(names(tree).last == "\u{2026} more")
  }

  @Test func `a match in a folded branch is announced, and n opens it`() {
    var tree = tree()
    let path: [Target] = [
      .root("user:alice"), node("a", children: 0).target, node("a2", children: 0).target,
    ]
    tree.take([TreeMatch(path: path)])
    #expect(tree.hiddenMatches.count == 1)
    answer(tree.next(1), &tree)
    #expect(tree.selectedRow?.node.name == "a2")
    #expect(tree.hiddenMatches.isEmpty)
  }

  @Test func `a broken link breaks what hangs below it`() {
    var tree = TreeState()
    let broken = TreeNode(
      target: .grant(Digest.sha256([9])), name: "x", scope: "", expires: nil, fault: "revoked",
      children: 1, isFloor: false, elsewhere: 0, pending: 0, isEnded: true)
    var requests = tree.reload()
    requests = tree.take(
      Branch(request: requests[0], nodes: [node("user:alice", children: 1)], hasMore: false),
      visible: 20)
    _ = tree.take(Branch(request: requests[0], nodes: [broken], hasMore: false), visible: 20)
    _ = tree.move(1, visible: 20)
    let below = tree.unfold(visible: 20)
    _ = tree.take(
      Branch(request: below[0], nodes: [node("y", children: 0)], hasMore: false), visible: 20)
    #expect(tree.rows.map(\.isBroken) == [false, false, true])
  }
}
