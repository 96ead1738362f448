package import CanonicalJSON
import Foundation
import Keys
package import Statements

/// What this account last saw of each registry's log, kept outside the database.
package struct PinStore: Sendable {
  /// `$XDG_STATE_HOME/countersign/pins`, or a test's folder.
  package let folder: String

  package init(folder: String) {
    self.folder = folder
  }

  private func path(_ registry: ByteString) -> String { "\(folder)/\(registry.text).json" }

  private func statePath(_ registry: ByteString) -> String {
    "\(folder)/\(registry.text).state"
  }

  package func pin(for registry: ByteString) throws(AuthorityFault) -> TreeHead? {
    try read(registry)?.head
  }

  private func read(
    _ registry: ByteString
  ) throws(AuthorityFault) -> (head: TreeHead, mark: Digest?)? {
    let path = path(registry)
    guard let bytes = FileManager.default.contents(atPath: path) else { return nil }
    do {
      var fields = try JSONFields(try JSONParser.parse(Array(bytes)), path: "")
      guard let root = Digest(hex: try fields.string("root").bytes) else {
        throw fields.fault("root", "is not a digest")
      }
      return (
        TreeHead(size: UInt64(try fields.integer("size")), root: root),
        try fields.optionalDigest("mark")
      )
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
    let known = try read(registry)
    if let known, known.head.size > head.size, !isRestored { return }
    try write(head, mark: isRestored ? nil : known?.mark, registry)
  }

  private func write(
    _ head: TreeHead, mark: Digest?, _ registry: ByteString
  ) throws(AuthorityFault) {
    let path = path(registry)
    do {
      try FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: true,
        attributes: [.posixPermissions: 0o700])
      let markText = mark.map { "\"mark\":\"\($0.hex)\"," } ?? ""
      let text = "{\(markText)\"root\":\"\(head.root.hex)\",\"size\":\(head.size)}\n"
      try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
    } catch {
      throw .pin(path: path, reason: error.localizedDescription)
    }
  }

  // MARK: verified-up-to marks

  /// The last state this account verified, if it is there whole; else everything is replayed.
  func mark(for registry: ByteString) throws(AuthorityFault) -> JSONValue? {
    guard let digest = try read(registry)?.mark,
      let data = FileManager.default.contents(atPath: statePath(registry))
    else { return nil }
    let bytes = Array(data)
    guard Digest.sha256(bytes) == digest else { return nil }
    return try? JSONParser.parse(
      bytes, limits: JSONParser.Limits(bytes: bytes.count + 1, depth: 64))
  }

  /// Keeps a verified state beside the pin, which names its digest.
  func store(
    mark state: JSONValue, at head: TreeHead, for registry: ByteString
  ) throws(AuthorityFault) {
    guard let bytes = try? state.canonicalBytes() else { return }
    do {
      try Data(bytes).write(
        to: URL(fileURLWithPath: statePath(registry)), options: .atomic)
      chmod(statePath(registry), 0o600)
    } catch {
      throw .pin(path: statePath(registry), reason: error.localizedDescription)
    }
    let known = try read(registry)?.head
    let head = known.map { $0.size > head.size ? $0 : head } ?? head
    try write(head, mark: Digest.sha256(bytes), registry)
  }
}
