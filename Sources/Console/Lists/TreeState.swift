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
  package let showsEnded: Bool
  package let serial: Int
  package static let limit = 200
}

/// Children of one branch.
package struct Branch: Sendable {
  package let request: BranchRequest
  package let nodes: [TreeNode]
  package let hasMore: Bool

  package init(request: BranchRequest, nodes: [TreeNode], hasMore: Bool) {
    self.request = request
    self.nodes = nodes
    self.hasMore = hasMore
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
  }

  private var roots = Loaded(nodes: [], hasMore: false)
  private var branches: [Target: Loaded] = [:]
  /// Unfolded, by identity: a reload keeps it.
  package private(set) var unfolded: Set<Target> = []
  package private(set) var isLoaded = false
  package private(set) var selected: Target?
  package private(set) var top = 0
  package private(set) var rows: [Row] = []
  package private(set) var serial = 0
  package private(set) var showsEnded = false
  package var filter = TextField()
  package private(set) var matches: [TreeMatch] = []
  private var unfoldsAll = 0
  /// How deep `zR` unfolds at once.
  private static let depthAtOnce = 6
  /// How many rows `zR` unfolds at most.
  private static let rowsAtOnce = 2000

  package struct Row: Sendable, Hashable {
    package let node: TreeNode
    package let lead: String
    package let depth: Int
    package let isUnfolded: Bool
    /// Whether something above it is broken, so that it is too.
    package let isBroken: Bool
    package let isMore: Bool
    package let parent: Target?
  }

  package init() {}

  package var index: Int { rows.firstIndex { $0.node.target == selected } ?? 0 }
  package var selectedRow: Row? { rows.isEmpty ? nil : rows[min(index, rows.count - 1)] }
  package var folded: Set<Target> {
    Set(rows.filter { $0.node.children > 0 && !$0.isUnfolded }.map(\.node.target))
  }

  // MARK: loading

  private func request(_ parent: Target?, after: TreeNode? = nil) -> BranchRequest {
    BranchRequest(parent: parent, after: after, showsEnded: showsEnded, serial: serial)
  }

  /// Asks for everything that is unfolded, anew.
  package mutating func reload() -> [BranchRequest] {
    serial += 1
    return [request(nil)] + unfolded.map { request($0) }
  }

  package mutating func take(_ branch: Branch, visible: Int) -> [BranchRequest] {
    guard branch.request.serial == serial else { return [] }
    var loaded = Loaded(nodes: branch.nodes, hasMore: branch.hasMore)
    if branch.request.after != nil {
      let known = branch.request.parent.flatMap { branches[$0] } ?? roots
      loaded.nodes = known.nodes + branch.nodes
    }
    var further: [BranchRequest] = []
    if let parent = branch.request.parent {
      branches[parent] = loaded
    } else {
      roots = loaded
      if !isLoaded {
        // What is delegated right away is what one looks for first.
        for node in loaded.nodes.prefix(20) where node.children > 0 {
          unfolded.insert(node.target)
          further.append(request(node.target))
        }
      }
      isLoaded = true
    }
    if unfoldsAll > 0 {
      for node in branch.nodes where node.children > 0 && rows.count < TreeState.rowsAtOnce {
        if unfolded.insert(node.target).inserted { further.append(request(node.target)) }
      }
      unfoldsAll -= 1
    }
    rebuild()
    scroll(visible: visible)
    return further
  }

  private mutating func rebuild() {
    var rows: [Row] = []
    func add(
      _ nodes: [TreeNode], _ lead: String, _ depth: Int, _ parent: Target?, _ broken: Bool,
      hasMore: Bool
    ) {
      for (offset, node) in nodes.enumerated() {
        let isLast = offset == nodes.count - 1 && !hasMore
        let isUnfolded = unfolded.contains(node.target) && node.children > 0
        let branch = depth == 0 ? "" : isLast ? "\u{2514}\u{2500}" : "\u{251C}\u{2500}"
        let sign = node.children == 0 ? "\u{2500} " : isUnfolded ? "\u{25BE} " : "\u{25B8} "
        rows.append(
          Row(
            node: node, lead: lead + branch + (depth == 0 && node.children == 0 ? "  " : sign),
            depth: depth, isUnfolded: isUnfolded, isBroken: broken, isMore: false, parent: parent))
        if isUnfolded, let below = branches[node.target] {
          add(
            below.nodes, lead + (depth == 0 ? "" : isLast ? "  " : "\u{2502} "), depth + 1,
            node.target, broken || !node.fault.isEmpty, hasMore: below.hasMore)
        }
      }
      if hasMore {
        let more = TreeNode(
          target: .more(parent?.digest, root: parent?.id ?? ""), name: "\u{2026} more", scope: "",
          expires: nil, fault: "", children: 0, isFloor: false, elsewhere: 0, pending: 0,
          isEnded: false)
        rows.append(
          Row(
            node: more, lead: lead + (depth == 0 ? "" : "\u{2514}\u{2500}\u{2500} "), depth: depth,
            isUnfolded: false, isBroken: false, isMore: true, parent: parent))
      }
    }
    add(roots.nodes, "", 0, nil, false, hasMore: roots.hasMore)
    let old = index
    self.rows = rows
    if !rows.contains(where: { $0.node.target == selected }) {
      selected = rows.isEmpty ? nil : rows[min(old, rows.count - 1)].node.target
    }
  }

  // MARK: moving and folding

  package mutating func move(_ step: Int, visible: Int) -> [BranchRequest] {
    guard !rows.isEmpty else { return [] }
    let next = max(0, min(rows.count - 1, index + step))
    selected = rows[next].node.target
    scroll(visible: visible)
    return rows[next].isMore ? loadMore(rows[next]) : []
  }

  private func loadMore(_ row: Row) -> [BranchRequest] {
    let nodes = (row.parent.flatMap { branches[$0] } ?? roots).nodes
    return nodes.last.map { [request(row.parent, after: $0)] } ?? []
  }

  package mutating func select(row: Int, visible: Int) {
    guard rows.indices.contains(top + row) else { return }
    selected = rows[top + row].node.target
  }

  package mutating func scroll(visible: Int) {
    let visible = max(1, visible)
    if index < top { top = index }
    if index >= top + visible { top = index - visible + 1 }
    top = max(0, min(top, max(0, rows.count - visible)))
  }

  /// Folds what is selected, or goes to what it hangs from.
  package mutating func fold(visible: Int) {
    guard let row = selectedRow else { return }
    if row.isUnfolded {
      unfolded.remove(row.node.target)
      rebuild()
    } else if let parent = row.parent {
      selected = parent
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
    selected = parent
    scroll(visible: visible)
  }

  package mutating func toggleEnded() -> [BranchRequest] {
    showsEnded.toggle()
    return reload()
  }

  /// Unfolds the way to something and stands on it.
  package mutating func reveal(_ path: [Target]) -> [BranchRequest] {
    guard let last = path.last else { return [] }
    var requests: [BranchRequest] = []
    for target in path.dropLast() {
      unfolded.insert(target)
      if branches[target] == nil { requests.append(request(target)) }
    }
    rebuild()
    selected = last
    return requests
  }

  // MARK: matches

  package mutating func take(_ matches: [TreeMatch]) { self.matches = matches }

  /// Matches that stand in folded branches.
  package var hiddenMatches: [TreeMatch] {
    let shown = Set(rows.map(\.node.target))
    return matches.filter { match in match.path.last.map { !shown.contains($0) } ?? false }
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
