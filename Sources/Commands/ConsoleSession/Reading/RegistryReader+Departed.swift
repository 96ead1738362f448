import Console
import Keys
import Registry

// What has left a list while the cursor stood on it.
extension RegistryReader {
  /// The cells of the selected row as they are now, where a list that is read again has it no more.
  ///
  /// - Complexity: One look-up; locks are few and read whole.
  func departed(
    _ request: ListRequest, _ rows: [ListRow], _ transaction: RegistryTransaction
  ) throws -> [CellValue]? {
    switch request.anchor {
    case .first, .from: break
    case .last, .after, .before: return nil
    }
    guard let selected = request.selected, !rows.contains(where: { $0.target == selected }) else {
      return nil
    }
    switch selected {
    case .hold(let digest):
      return try transaction.hold(digest).map {
        try row($0, [], try windowViewer(transaction), transaction).cells
      }
    case .key(let digest):
      return try transaction.key(digest).map {
        ListRows.key($0, [], used: try lastUse(of: $0, transaction), at: now).cells
      }
    case .lock(let digest):
      return try transaction.locks().first { $0.digest == digest }.map {
        ListRows.lock($0, [], at: now).cells
      }
    case .proposal(let digest):
      return try transaction.proposal(digest).map {
        ListRows.proposal($0, at: now).cells
      }
    default: return nil
    }
  }
}
