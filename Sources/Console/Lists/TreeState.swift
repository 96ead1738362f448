package import Statements

/// The delegation graph as a tree: branches are loaded as they are unfolded.
package struct TreeState: Sendable {
  private struct Loaded: Sendable {
    var nodes: [TreeNode] = []
    /// In which reload each node was read.
    var readIn: [Int] = []
    var hasMore = false
    var hasBefore = false
  }

  private var roots = Loaded()
  private var branches: [Target: Loaded] = [:]
  /// Unfolded, by identity: a reload keeps it.
  package private(set) var unfolded: Set<Target> = []
  package private(set) var isLoaded = false
  package private(set) var selected: Target?
  package private(set) var top = 0
  package private(set) var rows: [Row] = []
  /// Where the selection stands in ``rows``.
  package private(set) var index = 0
  package private(set) var serial = 0
  /// Branches of which an older part is being read again.
  private var asked: Set<Target?> = []
  private var reloadedAt = Timestamp(milliseconds: 0)
  private var mustReload = false
  /// Rows the screen last had room for.
  private var visible = 1
  package private(set) var showsEnded = false
  package var filter = TextField()
  package private(set) var matches: [TreeMatch] = []
  /// Matches that stand in folded branches, or in parts that are not loaded.
  package private(set) var hiddenMatches: [TreeMatch] = []
  private var unfoldsAll = 0
  /// What is to be selected once its branch is there.
  private var awaited: Target?
  /// Whether there are rows that stand for what is not loaded.
  package private(set) var isPartial = false
  /// How deep `zR` unfolds at once.
  private static let depthAtOnce = 6
  /// How many rows `zR` unfolds at most.
  private static let rowsAtOnce = 2000

  package struct Row: Sendable, Hashable {
    package let node: TreeNode
    package let lead: String
    /// What stands before the branch signs of its siblings.
    let stem: String
    package let depth: Int
    package let isUnfolded: Bool
    /// Whether something above it is broken, so that it is too.
    package let isBroken: Bool
    package let isMore: Bool
    package let parent: Target?
    /// In which reload it was read.
    var readIn = 0
    /// Whether it stands for children before those that are loaded.
    var isEarlier = false
    /// It has left the tree while the cursor stood on it: it stays until the cursor moves.
    package var isGone = false
  }

  package init() {}

  package var selectedRow: Row? { rows.indices.contains(index) ? rows[index] : nil }

  /// Whether the highlighted row is the one that a jump or a search wants to stand on.
  package var isSettled: Bool { selected == nil || selectedRow?.node.target == selected }

  // MARK: loading

  private func request(
    _ parent: Target?, _ anchor: BranchRequest.Anchor = .first
  ) -> BranchRequest {
    BranchRequest(parent: parent, anchor: anchor, showsEnded: showsEnded, serial: serial)
  }

  private func loaded(_ parent: Target?) -> Loaded {
    guard let parent else { return roots }
    return branches[parent] ?? Loaded()
  }

  private mutating func change(_ parent: Target?, _ body: (inout Loaded) -> Void) {
    if let parent {
      body(&branches[parent, default: Loaded()])
    } else {
      body(&roots)
    }
  }

  /// Asks for the roots and for what is on the screen, anew; the rest is read when it comes there.
  package mutating func reload(at now: Timestamp = Timestamp(milliseconds: 0)) -> [BranchRequest] {
    serial += 1
    reloadedAt = now
    mustReload = false
    asked = []
    return [request(nil)] + readStale()
  }

  /// How long the tree rests between two reloads: a busy registry moves many times a second.
  private static let restMilliseconds: Int64 = 2000

  /// The registry moved; nothing is asked for while the last reload is fresh.
  package mutating func refresh(at now: Timestamp) -> [BranchRequest] {
    guard isLoaded, now.milliseconds(since: reloadedAt) < TreeState.restMilliseconds else {
      return reload(at: now)
    }
    mustReload = true
    return []
  }

  /// Whether a reload that had to wait may go on now.
  package func isDue(at now: Timestamp) -> Bool {
    mustReload && now.milliseconds(since: reloadedAt) >= TreeState.restMilliseconds
  }

  /// Requests for what the screen shows and was read before the last reload: a link that was revoked
  /// since must not stand there as good.
  private mutating func readStale() -> [BranchRequest] {
    var requests: [BranchRequest] = []
    for row in rows.dropFirst(top).prefix(visible) where !row.isMore {
      let target = row.node.target
      if row.isUnfolded, branches[target] == nil, asked.insert(target).inserted {
        requests.append(request(target))
      }
      guard row.parent != nil, row.readIn < serial, asked.insert(row.parent).inserted else {
        continue
      }
      let part = loaded(row.parent)
      let place = part.nodes.firstIndex { $0.target == target } ?? 0
      requests.append(
        request(
          row.parent,
          place > 0 ? .after(part.nodes[place - 1]) : part.hasBefore ? .containing(target) : .first
        ))
    }
    return requests
  }

  package mutating func take(_ branch: Branch, visible: Int) -> [BranchRequest] {
    guard branch.request.serial == serial else { return [] }
    self.visible = visible
    let parent = branch.request.parent
    switch branch.request.anchor {
    case .after(let node): append(branch, after: node)
    case .before(let node): prepend(branch, before: node)
    case .last:
      change(parent) { $0 = Loaded() }
      merge(branch, from: 0)
      index = max(0, rows.count - 1)
      selected = selectedRow?.node.target
    case .first, .containing:
      // Another part than the one that is there takes its place.
      if loaded(parent).hasBefore != branch.hasBefore { change(parent) { $0 = Loaded() } }
      merge(branch, from: 0)
    }
    asked.remove(parent)
    var further: [BranchRequest] = []
    if parent == nil, !isLoaded {
      // What is delegated right away is what one looks for first.
      for node in branch.nodes.prefix(20) where node.children > 0 {
        unfolded.insert(node.target)
        asked.insert(node.target)
        further.append(request(node.target))
      }
      isLoaded = true
      rebuild()
    }
    if unfoldsAll > 0 {
      for node in branch.nodes where node.children > 0 && rows.count < TreeState.rowsAtOnce {
        if unfolded.insert(node.target).inserted {
          asked.insert(node.target)
          further.append(request(node.target))
        }
      }
      unfoldsAll -= 1
      rebuild()
    }
    scroll(visible: visible)
    return further + readStale()
  }

  /// Puts children in the place of those read before, from one on up to where the page ends.
  private mutating func merge(_ branch: Branch, from start: Int) {
    let serial = serial
    change(branch.request.parent) { part in
      var end = part.nodes.count
      if branch.hasMore, let last = branch.nodes.last {
        end = part.nodes[start...].firstIndex { last.precedes($0) } ?? end
      }
      let isTail = end == part.nodes.count
      part.nodes.replaceSubrange(start..<end, with: branch.nodes)
      part.readIn.replaceSubrange(start..<end, with: branch.nodes.map { _ in serial })
      if isTail { part.hasMore = branch.hasMore }
      if start == 0 { part.hasBefore = branch.hasBefore }
    }
    rebuild(keepsSelected: true)
  }

  /// Takes children that follow one there is; where it is the last, only their own rows are made.
  private mutating func append(_ branch: Branch, after node: TreeNode) {
    let parent = branch.request.parent
    let part = loaded(parent)
    guard let place = part.nodes.lastIndex(where: { $0.target == node.target }) else { return }
    guard place == part.nodes.count - 1 else { return merge(branch, from: place + 1) }
    let serial = serial
    change(parent) {
      $0.nodes += branch.nodes
      $0.readIn += branch.nodes.map { _ in serial }
      $0.hasMore = branch.hasMore
    }
    let isHere = rows.indices.contains(index) && isEnd(rows[index], of: parent)
    guard let at = isHere ? index : rows.lastIndex(where: { isEnd($0, of: parent) }) else {
      return rebuild()
    }
    let more = rows[at]
    var fresh: [Row] = []
    add(
      Loaded(
        nodes: branch.nodes, readIn: branch.nodes.map { _ in serial }, hasMore: branch.hasMore),
      more.stem, more.depth, parent, more.isBroken, to: &fresh)
    rows.replaceSubrange(at...at, with: fresh)
    if at < index { index += fresh.count - 1 }
    index = max(0, min(index, rows.count - 1))
    selected = selectedRow?.node.target
    isPartial = branch.hasMore || rows.contains(where: \.isMore)
    if !hiddenMatches.isEmpty {
      let shown = Set(branch.nodes.map(\.target))
      hiddenMatches.removeAll { $0.path.last.map(shown.contains) ?? false }
    }
  }

  /// Takes children that stand before those there are.
  private mutating func prepend(_ branch: Branch, before node: TreeNode) {
    let parent = branch.request.parent
    guard loaded(parent).nodes.first?.target == node.target else { return }
    let serial = serial
    change(parent) {
      $0.nodes.insert(contentsOf: branch.nodes, at: 0)
      $0.readIn.insert(contentsOf: branch.nodes.map { _ in serial }, at: 0)
      $0.hasBefore = branch.hasBefore
    }
    // Who went up to the row that stood for them goes on to the nearest.
    if selectedRow?.isEarlier == true, selectedRow?.parent == parent, let last = branch.nodes.last {
      selected = last.target
    }
    let offset = index - top
    rebuild()
    top = max(0, index - offset)
  }

  private func isEnd(_ row: Row, of parent: Target?) -> Bool {
    row.isMore && row.parent == parent && !row.isEarlier
  }

  private func add(
    _ part: Loaded, _ stem: String, _ depth: Int, _ parent: Target?, _ broken: Bool,
    to rows: inout [Row]
  ) {
    if part.hasBefore { rows.append(rest(of: parent, stem, depth, broken, isEarlier: true)) }
    for (offset, node) in part.nodes.enumerated() {
      let isLast = offset == part.nodes.count - 1 && !part.hasMore
      let isUnfolded = node.children > 0 && unfolded.contains(node.target)
      let branch = depth == 0 ? "" : isLast ? "\u{2514}\u{2500}" : "\u{251C}\u{2500}"
      let sign = node.children == 0 ? "\u{2500} " : isUnfolded ? "\u{25BE} " : "\u{25B8} "
      rows.append(
        Row(
          node: node, lead: stem + branch + (depth == 0 && node.children == 0 ? "  " : sign),
          stem: stem, depth: depth, isUnfolded: isUnfolded, isBroken: broken, isMore: false,
          parent: parent, readIn: part.readIn[offset]))
      if isUnfolded, let below = branches[node.target] {
        add(
          below, stem + (depth == 0 ? "" : isLast ? "  " : "\u{2502} "), depth + 1, node.target,
          broken || !node.fault.isEmpty, to: &rows)
      }
    }
    if part.hasMore { rows.append(rest(of: parent, stem, depth, broken, isEarlier: false)) }
  }

  /// The row that stands for children not loaded.
  private func rest(
    of parent: Target?, _ stem: String, _ depth: Int, _ broken: Bool, isEarlier: Bool
  ) -> Row {
    let sign = isEarlier ? "\u{251C}\u{2500}\u{2500} " : "\u{2514}\u{2500}\u{2500} "
    return Row(
      node: TreeNode(
        target: .more(parent?.digest, root: (isEarlier ? "^" : "") + (parent?.id ?? "")),
        name: isEarlier ? "\u{2026} earlier" : "\u{2026} more", scope: "", expires: nil, fault: "",
        children: 0, isFloor: false, elsewhere: 0, pending: 0, isEnded: false),
      lead: stem + (depth == 0 ? "" : sign), stem: stem, depth: depth, isUnfolded: false,
      isBroken: broken, isMore: true, parent: parent, isEarlier: isEarlier)
  }

  /// `keepsSelected`: A row that is read no more, while the cursor stands on it, stays: were it taken
  /// away, a key pressed for it would act on its neighbour.
  private mutating func rebuild(keepsSelected: Bool = false) {
    var fresh: [Row] = []
    fresh.reserveCapacity(rows.count)
    add(roots, "", 0, nil, false, to: &fresh)
    if keepsSelected, awaited == nil, var stood = selectedRow, stood.node.target == selected,
      !stood.isMore, !fresh.contains(where: { $0.node.target == selected })
    {
      stood.isGone = true
      index = min(index, fresh.count)
      fresh.insert(stood, at: index)
    }
    rows = fresh
    isPartial = rows.contains(where: \.isMore)
    if !rows.indices.contains(index) || rows[index].node.target != selected {
      index =
        rows.firstIndex { $0.node.target == selected } ?? max(0, min(index, rows.count - 1))
      selected = awaited == nil ? selectedRow?.node.target : selected
    }
    if let awaited, rows.indices.contains(index), rows[index].node.target == awaited {
      self.awaited = nil
    }
    findHidden()
  }

  private mutating func findHidden() {
    guard !matches.isEmpty else {
      hiddenMatches = []
      return
    }
    let shown = Set(rows.map(\.node.target))
    hiddenMatches = matches.filter { match in match.path.last.map { !shown.contains($0) } ?? false }
  }

  // MARK: moving and folding

  package mutating func move(_ step: Int, visible: Int) -> [BranchRequest] {
    guard !rows.isEmpty else { return [] }
    awaited = nil
    let gone = rows.firstIndex(where: \.isGone)
    index = max(0, min(rows.count - 1, index + step))
    if let gone, gone != index {
      rows.remove(at: gone)
      if gone < index { index -= 1 }
    }
    let row = rows[index]
    selected = row.node.target
    scroll(visible: visible)
    return readStale() + (row.isMore ? loadMore(row) : [])
  }

  private func loadMore(_ row: Row) -> [BranchRequest] {
    let nodes = loaded(row.parent).nodes
    guard let first = nodes.first, let last = nodes.last else { return [request(row.parent)] }
    return [request(row.parent, row.isEarlier ? .before(first) : .after(last))]
  }

  /// Goes to the first row there is, whatever part of a branch is loaded.
  package mutating func moveToFirst(visible: Int) -> [BranchRequest] {
    let requests = rows.filter(\.isEarlier).map { request($0.parent) }
    return move(-rows.count, visible: visible) + requests
  }

  /// Goes to the last row there is, without all those between.
  package mutating func moveToLast(visible: Int) -> [BranchRequest] {
    guard let last = rows.last, last.isMore, !last.isEarlier else {
      return move(rows.count, visible: visible)
    }
    return [request(last.parent, .last)]
  }

  package mutating func select(row: Int, visible: Int) {
    guard rows.indices.contains(top + row) else { return }
    awaited = nil
    index = top + row
    selected = rows[index].node.target
  }

  package mutating func scroll(visible: Int) {
    let visible = max(1, visible)
    self.visible = visible
    if index < top { top = index }
    if index >= top + visible { top = index - visible + 1 }
    top = max(0, min(top, max(0, rows.count - visible)))
  }

  /// Stands on something that is there.
  private mutating func stand(on target: Target, visible: Int) {
    if let place = rows.firstIndex(where: { $0.node.target == target }) {
      (index, selected) = (place, target)
    }
    scroll(visible: visible)
  }

  /// Folds what is selected, or goes to what it hangs from.
  package mutating func fold(visible: Int) {
    guard let row = selectedRow else { return }
    if row.isUnfolded {
      unfolded.remove(row.node.target)
      rebuild()
    } else if let parent = row.parent {
      stand(on: parent, visible: visible)
    }
    scroll(visible: visible)
  }

  package mutating func unfold(visible: Int) -> [BranchRequest] {
    guard let row = selectedRow else { return [] }
    if row.isMore { return loadMore(row) }
    guard row.node.children > 0 else { return [] }
    guard !row.isUnfolded else { return move(1, visible: visible) }
    unfolded.insert(row.node.target)
    rebuild()
    return branches[row.node.target] == nil ? [request(row.node.target)] : []
  }

  package mutating func foldAll(visible: Int) {
    unfolded = []
    unfoldsAll = 0
    rebuild()
    scroll(visible: visible)
  }

  package mutating func unfoldAll() -> [BranchRequest] {
    unfoldsAll = TreeState.depthAtOnce * 64
    var requests: [BranchRequest] = []
    for row in rows where row.node.children > 0 && !row.isUnfolded {
      unfolded.insert(row.node.target)
      if branches[row.node.target] == nil { requests.append(request(row.node.target)) }
    }
    rebuild()
    return requests
  }

  package mutating func toParent(visible: Int) {
    guard let parent = selectedRow?.parent else { return }
    stand(on: parent, visible: visible)
  }

  package mutating func toggleEnded() -> [BranchRequest] {
    showsEnded.toggle()
    return reload()
  }

  /// Unfolds the way to something and stands on it.
  package mutating func reveal(_ path: [Target]) -> [BranchRequest] {
    guard let last = path.last else { return [] }
    var requests: [BranchRequest] = []
    for (target, child) in zip(path, path.dropFirst()) {
      unfolded.insert(target)
      if branches[target]?.nodes.contains(where: { $0.target == child }) != true {
        requests.append(request(target, .containing(child)))
      }
    }
    awaited = last
    selected = last
    rebuild()
    return requests
  }

  // MARK: matches

  package mutating func take(_ matches: [TreeMatch]) {
    self.matches = matches
    findHidden()
  }

  /// The match after the selection (or before it), unfolding what hides it.
  package mutating func next(_ step: Int) -> [BranchRequest] {
    guard !matches.isEmpty else { return [] }
    let now = matches.firstIndex { $0.path.last == selected }
    let next = now.map { ($0 + step + matches.count) % matches.count } ?? 0
    return reveal(matches[next].path)
  }
}
