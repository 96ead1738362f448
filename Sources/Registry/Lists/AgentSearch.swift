import Foundation
import GRDB

// A filter over agents, answered from their packed lines.
extension RegistryTransaction {
  /// One agent as a search found it; slices of a block's line.
  private struct Found {
    let principal: [UInt8]
    let owner: [UInt8]

    func place(_ isByOwner: Bool) -> [[UInt8]] { isByOwner ? [owner, principal] : [principal] }
  }

  /// The columns of an agent's line, as a filter names them.
  private enum Column: String {
    case name
    case owner
    case roles
  }

  /// Whether a filter can be answered from the lines: a text, in all columns or one of them.
  static func searchesLines(_ request: WindowRequest) -> Bool {
    guard let (_, column) = request.onlyNeedle else { return false }
    return column == nil || column.flatMap(Column.init) != nil
  }

  /// Visits the agents whose line, or whose column, has a text in it.
  ///
  /// `visit`: Takes the line, the place of the space after the principal and of that after the
  /// owner; false ends the search.
  private func search(
    _ request: WindowRequest,
    _ visit: (UnsafeRawBufferPointer, _ first: Int, _ second: Int) -> Bool
  ) throws {
    guard let (text, name) = request.onlyNeedle else { return }
    let needle = text.utf8.map(AgentText.folded)
    let column = name.flatMap(Column.init)
    let blocks = try Row.fetchCursor(db.cachedStatement(sql: "SELECT text FROM agent_text"))
    var goesOn = true
    while goesOn, let block = try blocks.next() {
      try block.withUnsafeData(atIndex: 0) { data in
        data?.withUnsafeBytes { raw in
          goesOn = RegistryTransaction.search(raw, needle, column, visit)
        }
      }
    }
  }

  private static func search(
    _ block: UnsafeRawBufferPointer, _ needle: [UInt8], _ column: Column?,
    _ visit: (UnsafeRawBufferPointer, _ first: Int, _ second: Int) -> Bool
  ) -> Bool {
    var at = 0
    while let offset = TextSearch.find(needle, in: block, from: at) {
      let start = block[..<offset].lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
      let end = block[offset...].firstIndex(of: 0x0A) ?? block.count
      let line = UnsafeRawBufferPointer(rebasing: block[start..<end])
      at = end + 1
      guard let first = line.firstIndex(of: 0x20),
        let second = line[(first + 1)...].firstIndex(of: 0x20)
      else { continue }
      if let column {
        let part =
          switch column {
          case .name: 0..<first
          case .owner: (first + 1)..<second
          case .roles: (second + 1)..<line.count
          }
        let text = UnsafeRawBufferPointer(rebasing: line[part])
        guard TextSearch.find(needle, in: text, from: 0) != nil else { continue }
      }
      guard visit(line, first, second) else { return false }
    }
    return true
  }

  /// How many agents a filter finds, counted up to a limit.
  func foundCount(_ request: WindowRequest, upTo limit: Int) throws -> Int {
    var count = 0
    try search(request) { _, _, _ in
      count += 1
      return count < limit
    }
    return count
  }

  /// The first agents after a place, or the last before it, that a filter finds.
  ///
  /// - Returns: Their names in the order of the list, and whether there are more.
  func foundAgents(
    _ request: WindowRequest, isAscending: Bool, comparison: String, place: [PlaceValue]
  ) throws -> (names: [String], hasMore: Bool) {
    let isByOwner = request.order == .owner
    let bound = place.map { value -> [UInt8] in
      if case .text(let text) = value { Array(text.utf8) } else { [] }
    }
    /// Whether one place comes before another in the direction of reading.
    func precedes(_ left: [[UInt8]], _ right: [[UInt8]]) -> Bool {
      for (one, other) in zip(left, right) where one != other {
        return one.lexicographicallyPrecedes(other) == isAscending
      }
      return false
    }
    let includesBound = comparison.hasSuffix("=")
    let kept = request.limit + 1
    var best: [Found] = []
    var worst: [[UInt8]]?
    func settle() {
      best.sort { precedes($0.place(isByOwner), $1.place(isByOwner)) }
      if best.count > kept { best.removeLast(best.count - kept) }
      if best.count == kept { worst = best.last?.place(isByOwner) }
    }
    try search(request) { line, first, second in
      let found = Found(
        principal: Array(line[..<first]), owner: Array(line[(first + 1)..<second]))
      let own = found.place(isByOwner)
      if !comparison.isEmpty, bound.count == own.count {
        guard includesBound ? !precedes(own, bound) : precedes(bound, own) else { return true }
      }
      if let worst, !precedes(own, worst) { return true }
      best.append(found)
      if best.count >= kept * 8 { settle() }
      return true
    }
    settle()
    let names = best.prefix(request.limit).map { String(decoding: $0.principal, as: UTF8.self) }
    return (names, best.count > request.limit)
  }
}
