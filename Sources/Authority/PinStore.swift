package import CanonicalJSON
import Foundation
import Keys
import Registry
package import Statements

/// What this account last saw of each registry's log, kept outside the database.
package struct PinStore: Sendable {
  /// `$XDG_STATE_HOME/countersign/pins`, or a test's folder.
  package let folder: String

  package init(folder: String) {
    self.folder = folder
  }

  private func path(_ registry: ByteString) -> String { "\(folder)/\(registry.text).json" }

  package func pin(for registry: ByteString) throws(AuthorityFault) -> TreeHead? {
    let path = path(registry)
    guard let bytes = FileManager.default.contents(atPath: path) else { return nil }
    do {
      var fields = try JSONFields(try JSONParser.parse(Array(bytes)), path: "")
      guard let root = Digest(hex: try fields.string("root").bytes) else {
        throw fields.fault("root", "is not a digest")
      }
      return TreeHead(size: UInt64(try fields.integer("size")), root: root)
    } catch {
      throw .pin(path: path, reason: "\(error)")
    }
  }

  /// Replaces the pin whole: a crash leaves the old one or the new one.
  ///
  /// A pin never shrinks: what another process of this account has seen since stays, unless the
  /// admin quorum has said that the log goes on from a backup.
  package func store(
    _ head: TreeHead, for registry: ByteString, replacing isRestored: Bool = false
  ) throws(AuthorityFault) {
    if let known = try pin(for: registry), known.size > head.size, !isRestored { return }
    let path = path(registry)
    do {
      try FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: true,
        attributes: [.posixPermissions: 0o700])
      let text = "{\"root\":\"\(head.root.hex)\",\"size\":\(head.size)}\n"
      try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
    } catch {
      throw .pin(path: path, reason: error.localizedDescription)
    }
  }

  /// Where the state this account last verified lies; nil where there can be no such file.
  func shelf(for registry: ByteString) -> StateShelf? {
    try? StateShelf("\(folder)/\(registry.text).state.db")
  }
}
