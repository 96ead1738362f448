import Console
import Keys
import Registry
import Statements

// The delegation tree, a page of a branch at a time.
extension RegistryReader {
  func branch(_ request: BranchRequest) -> Message {
    do {
      return try tables.read { transaction in
        switch request.parent {
        case nil:
          let after: String? = if case .after(let node) = request.anchor { node.name } else { nil }
          let roots = try transaction.treeRoots(
            after: after, limit: BranchRequest.limit, showsEnded: request.showsEnded)
          return .branch(
            Branch(
              request: request,
              nodes: roots.prefix(BranchRequest.limit).map { ListRows.root($0.name, $0.children) },
              hasMore: roots.count > BranchRequest.limit))
        case .root(let name): return try branch(request, below: nil, root: name, transaction)
        case .grant(let grant): return try branch(request, below: grant, root: nil, transaction)
        default: return .branch(Branch(request: request, nodes: [], hasMore: false))
        }
      }
    } catch {
      return .failed("\(FaultCode.of(error)): \(error)")
    }
  }

  private func branch(
    _ request: BranchRequest, below parent: Digest?, root: String?,
    _ transaction: RegistryTransaction
  ) throws -> Message {
    func read(_ place: BranchPlace) throws -> (rows: [BranchRow], hasMore: Bool) {
      try transaction.branch(
        below: parent, root: root, at: place, limit: BranchRequest.limit,
        showsEnded: request.showsEnded, at: now)
    }
    func answer(_ rows: [BranchRow], hasMore: Bool, hasBefore: Bool) -> Message {
      .branch(
        Branch(
          request: request, nodes: rows.map { ListRows.node($0, at: now) }, hasMore: hasMore,
          hasBefore: hasBefore))
    }
    switch request.anchor {
    case .last:
      let found = try read(.last)
      return answer(found.rows, hasMore: false, hasBefore: found.hasMore)
    case .before(let node):
      guard case .grant(let grant) = node.target else { break }
      let found = try read(.before(holder: node.name, grant: grant))
      return answer(found.rows, hasMore: true, hasBefore: found.hasMore)
    case .after(let node):
      guard case .grant(let grant) = node.target else { break }
      let found = try read(.after(holder: node.name, grant: grant))
      return answer(found.rows, hasMore: found.hasMore, hasBefore: false)
    case .first, .containing:
      let found = try read(.first)
      // A child beyond the first page: the page begins with it.
      if case .containing(.grant(let wanted)) = request.anchor, found.hasMore,
        !found.rows.contains(where: { $0.grant.digest == wanted }),
        let row = try transaction.grant(wanted)
      {
        let further = try read(.from(holder: row.holder, grant: wanted))
        return answer(further.rows, hasMore: further.hasMore, hasBefore: true)
      }
      return answer(found.rows, hasMore: found.hasMore, hasBefore: false)
    }
    // What is no link has no place among links.
    return answer([], hasMore: false, hasBefore: false)
  }

  func matches(_ text: String, showsEnded: Bool, serial: Int) -> Message {
    do {
      let found = try tables.read {
        try $0.treeMatches(
          Filter(text, .tree).terms.map {
            WindowTerm(
              pattern: $0.pattern, isNegated: $0.kind == .lacks, column: $0.column)
          }, limit: 500, showsEnded: showsEnded)
      }
      return .matches(
        found.map { TreeMatch(path: [.root($0.root)] + $0.path.map(Target.grant)) }, serial: serial)
    } catch {
      return .failed("\(FaultCode.of(error)): \(error)")
    }
  }
}
