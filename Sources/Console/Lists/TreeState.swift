import Keys
package import Statements

/// One node of the delegation tree, as it is loaded.
package struct TreeNode: Sendable, Hashable {
  package let target: Target
  package let name: String
  package let scope: String
  package let expires: Timestamp?
  /// What is wrong with this link itself, in a word; empty if nothing.
  package let fault: String
  /// Links right below it.
  package let children: Int
  /// Whether there are more children than counted.
  package let isFloor: Bool
  /// In how many other places of the tree the same holder stands.
  package let elsewhere: Int
  package let pending: Int
  package let isEnded: Bool

  package init(
    target: Target, name: String, scope: String, expires: Timestamp?, fault: String,
    children: Int, isFloor: Bool, elsewhere: Int, pending: Int, isEnded: Bool
  ) {
    self.target = target
    self.name = name
    self.scope = scope
    self.expires = expires
    self.fault = fault
    self.children = children
    self.isFloor = isFloor
    self.elsewhere = elsewhere
    self.pending = pending
    self.isEnded = isEnded
  }
}

/// Which branch of the tree is to be loaded: the roots, a user's links, or a link's children.
package struct BranchRequest: Sendable, Hashable {
  package let parent: Target?
  /// Children after this holder and grant; nil from the first on.
  package let after: TreeNode?
  /// A child that must be among them: they begin with it where it stands further down.
  package let containing: Target?
  package let showsEnded: Bool
  package let serial: Int
  package static let limit = 200
}

/// Children of one branch.
package struct Branch: Sendable {
  package let request: BranchRequest
  package let nodes: [TreeNode]
  package let hasMore: Bool
  /// Whether children before these are left out.
  package let hasBefore: Bool

  package init(
    request: BranchRequest, nodes: [TreeNode], hasMore: Bool, hasBefore: Bool = false
  ) {
    self.request = request
    self.nodes = nodes
    self.hasMore = hasMore
    self.hasBefore = hasBefore
  }
}

/// A match of the tree's filter, with the way to it from the root.
package struct TreeMatch: Sendable, Hashable {
  package let path: [Target]

  package init(path: [Target]) { self.path = path }
}

/// The delegation graph as a tree: branches are loaded as they are unfolded.
package struct TreeState: Sendable {
  private struct Loaded: Sendable {
    var nodes: [TreeNode]
    var hasMore: Bool
    var hasBefore = false
  }

  private var roots = Loaded(nodes: [], hasMore: false)
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
  /// Unfolded branches that changed since they were read; those on the screen are read first.
  private var stale: Set<Target> = []
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
    var isEarlier = false
  }

  package init() {}

  package var selectedRow: Row? { rows.indices.contains(index) ? rows[index] : nil }

  // MARK: loading

  private func request(
    _ parent: Target?, after: TreeNode? = nil, containing child: Target? = nil
  ) -> BranchRequest {
    BranchRequest(
      parent: parent, after: after, containing: child, showsEnded: showsEnded, serial: serial)
  }

  /// Asks for the roots and what is unfolded, anew: now for what is on the screen, for the rest when
  /// it comes there.
  package mutating func reload(at now: Timestamp = Timestamp(milliseconds: 0)) -> [BranchRequest] {
    serial += 1
    reloadedAt = now
    mustReload = false
    stale = unfolded
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

  /// Requests for the changed branches that the screen shows.
  private mutating func readStale() -> [BranchRequest] {
    guard !stale.isEmpty else { return [] }
    var requests: [BranchRequest] = []
    for row in rows.dropFirst(top).prefix(visible) {
      for target in [row.parent, row.node.target].compactMap(\.self)
      where stale.remove(target) != nil {
        let loaded = branches[target]
        let first = loaded?.hasBefore == true ? loaded?.nodes.first?.target : nil
        requests.append(request(target, containing: first))
      }
    }
    return requests
  }

  package mutating func take(_ branch: Branch, visible: Int) -> [BranchRequest] {
    guard branch.request.serial == serial else { return [] }
    self.visible = visible
    if let after = branch.request.after {
      append(branch, after)
    } else {
      replace(branch)
      rebuild()
    }
    var further: [BranchRequest] = []
    if branch.request.parent == nil, !isLoaded {
      // What is delegated right away is what one looks for first.
      for node in branch.nodes.prefix(20) where node.children > 0 {
        unfolded.insert(node.target)
        further.append(request(node.target))
      }
      isLoaded = true
      rebuild()
    }
    if unfoldsAll > 0 {
      for node in branch.nodes where node.children > 0 && rows.count < TreeState.rowsAtOnce {
        if unfolded.insert(node.target).inserted { further.append(request(node.target)) }
      }
      unfoldsAll -= 1
      rebuild()
    }
    scroll(visible: visible)
    return further
  }

  /// Takes the first children of a branch; further ones that were loaded stay.
  private mutating func replace(_ branch: Branch) {
    let known = branch.request.parent.map { branches[$0] } ?? roots
    var nodes = branch.nodes
    var hasMore = branch.hasMore
    if hasMore, let known, known.hasBefore == branch.hasBefore, let last = nodes.last,
      let place = known.nodes.firstIndex(where: { $0.target == last.target })
    {
      nodes += known.nodes[(place + 1)...]
      hasMore = known.hasMore || place + 1 == known.nodes.count
    }
    let loaded = Loaded(nodes: nodes, hasMore: hasMore, hasBefore: branch.hasBefore)
    if let parent = branch.request.parent {
      branches[parent] = loaded
    } else {
      roots = loaded
    }
  }

  /// Takes children that follow those there are; only their own rows are made.
  private mutating func append(_ branch: Branch, _ after: TreeNode) {
    let parent = branch.request.parent
    if let parent {
      guard branches[parent]?.nodes.last?.target == after.target else { return }
      branches[parent]?.nodes += branch.nodes
      branches[parent]?.hasMore = branch.hasMore
    } else {
      guard roots.nodes.last?.target == after.target else { return }
      roots.nodes += branch.nodes
      roots.hasMore = branch.hasMore
    }
    let isHere = rows.indices.contains(index) && isEnd(rows[index], of: parent)
    guard let at = isHere ? index : rows.lastIndex(where: { isEnd($0, of: parent) }) else {
      return
    }
    let more = rows[at]
    var fresh: [Row] = []
    add(
      branch.nodes, more.stem, more.depth, parent, more.isBroken, hasMore: branch.hasMore,
      to: &fresh)
    rows.replaceSubrange(at...at, with: fresh)
    if at < index { index += fresh.count - 1 }
    index = max(0, min(index, rows.count - 1))
    selected = selectedRow?.node.target
    if !hiddenMatches.isEmpty {
      let shown = Set(branch.nodes.map(\.target))
      hiddenMatches.removeAll { $0.path.last.map(shown.contains) ?? false }
    }
  }

  private func isEnd(_ row: Row, of parent: Target?) -> Bool {
    row.isMore && row.parent == parent && !row.isEarlier
  }

  private func add(
    _ nodes: [TreeNode], _ stem: String, _ depth: Int, _ parent: Target?, _ broken: Bool,
    hasMore: Bool, to rows: inout [Row]
  ) {
    for (offset, node) in nodes.enumerated() {
      let isLast = offset == nodes.count - 1 && !hasMore
      let isUnfolded = node.children > 0 && unfolded.contains(node.target)
      let branch = depth == 0 ? "" : isLast ? "\u{2514}\u{2500}" : "\u{251C}\u{2500}"
      let sign = node.children == 0 ? "\u{2500} " : isUnfolded ? "\u{25BE} " : "\u{25B8} "
      rows.append(
        Row(
          node: node, lead: stem + branch + (depth == 0 && node.children == 0 ? "  " : sign),
          stem: stem, depth: depth, isUnfolded: isUnfolded, isBroken: broken, isMore: false,
          parent: parent))
      if isUnfolded, let below = branches[node.target] {
        let lead = stem + (depth == 0 ? "" : isLast ? "  " : "\u{2502} ")
        let isBroken = broken || !node.fault.isEmpty
        if below.hasBefore {
          rows.append(rest(of: node.target, lead, depth + 1, isBroken, isEarlier: true))
        }
        add(
          below.nodes, lead, depth + 1, node.target, isBroken, hasMore: below.hasMore, to: &rows)
      }
    }
    if hasMore { rows.append(rest(of: parent, stem, depth, broken, isEarlier: false)) }
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

  private mutating func rebuild() {
    var fresh: [Row] = []
    fresh.reserveCapacity(rows.count)
    add(roots.nodes, "", 0, nil, false, hasMore: roots.hasMore, to: &fresh)
    rows = fresh
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
    index = max(0, min(rows.count - 1, index + step))
    let row = rows[index]
    selected = row.node.target
    scroll(visible: visible)
    return readStale() + (row.isMore ? loadMore(row) : [])
  }

  private func loadMore(_ row: Row) -> [BranchRequest] {
    if row.isEarlier { return [request(row.parent)] }
    let nodes = (row.parent.flatMap { branches[$0] } ?? roots).nodes
    return nodes.last.map { [request(row.parent, after: $0)] } ?? []
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
        requests.append(request(target, containing: child))
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

extension Target {
  var digest: Digest? {
    switch self {
    case .hold(let digest), .key(let digest), .grant(let digest), .policy(let digest),
      .proposal(let digest), .owed(let digest), .keyRequest(let digest), .lock(let digest):
      digest
    default: nil
    }
  }
}
