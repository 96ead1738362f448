package import CanonicalJSON
import Foundation
import Glibc
package import Keys
import Registry
package import Statements

/// What one account has seen of a registry's log.
package struct Pin: Sendable, Hashable {
  /// The longest head it has verified.
  package let head: TreeHead
  /// The digests of the `log.restored` proposals it has seen take effect: none of them excuses a
  /// shorter log again.
  package let restorations: [Digest]

  package init(head: TreeHead, restorations: [Digest]) {
    self.head = head
    self.restorations = restorations
  }
}

/// The pins of one account, a file for each registry, kept outside the database.
package struct PinStore: Sendable {
  /// `$XDG_STATE_HOME/countersign/pins`, or a test's folder.
  package let folder: String

  package init(folder: String) {
    self.folder = folder
  }

  /// Bytes read of a pin file: a head and some hundred restorations.
  private static let sizeLimit = 64 << 10

  private func path(_ registry: ByteString, _ suffix: String) -> String {
    "\(folder)/\(registry.text).\(suffix)"
  }

  /// The pin of a registry; nil only if there is no such file.
  ///
  /// - Throws: ``AuthorityFault`` `pin` if there is a file and it cannot be read or understood.
  package func pin(for registry: ByteString) throws(AuthorityFault) -> Pin? {
    let path = path(registry, "json")
    guard let bytes = try read(path) else { return nil }
    do {
      var fields = try JSONFields(try JSONParser.parse(bytes), path: "")
      guard try fields.integer("v") == 2 else { throw fields.fault("v", "is not 2") }
      let head = TreeHead(
        size: UInt64(try fields.integer("size")), root: try fields.digest("root"))
      let restorations = try fields.digests("restored")
      try fields.finish()
      return Pin(head: head, restorations: restorations)
    } catch {
      throw .pin(path: path, reason: "\(error)")
    }
  }

  /// A file's bytes, at most so many; nil if there is no such file.
  func read(
    _ path: String, limit: Int = PinStore.sizeLimit
  ) throws(AuthorityFault) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      if errno == ENOENT { return nil }
      throw .pin(path: path, reason: String(cString: strerror(errno)))
    }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 16 << 10)
    while bytes.count <= limit {
      let count = Glibc.read(descriptor, &part, part.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw .pin(path: path, reason: String(cString: strerror(errno))) }
      if count == 0 { return bytes }
      bytes += part[..<count]
    }
    throw .pin(path: path, reason: "it is larger than \(limit) bytes")
  }

  /// Replaces the pin, unless another process of this account has seen more.
  ///
  /// Comparing and writing are one step for all processes of the account: the pin never goes back.
  ///
  /// `mayReplace`: Whether a pin that is there, and no longer than the new one, is of the same log.
  /// - Returns: The pin that is there now.
  /// - Throws: ``AuthorityFault`` `pin`, and what `mayReplace` throws.
  @discardableResult
  package func store(
    _ pin: Pin, for registry: ByteString, mayReplace: (Pin) throws(AuthorityFault) -> Bool
  ) throws(AuthorityFault) -> Pin {
    try makeFolder()
    let lock = try lock(registry)
    defer { close(lock) }
    if let known = try self.pin(for: registry) {
      if known == pin { return known }
      guard try mayReplace(known) else { return known }
    }
    let json: JSONValue = [
      "restored": pin.restorations.json, "root": JSONValue(pin.head.root.hex),
      "size": JSONValue(pin.head.size), "v": 2,
    ]
    try write(path(registry, "json"), json)
    return pin
  }

  func makeFolder() throws(AuthorityFault) {
    do {
      try FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: true,
        attributes: [.posixPermissions: 0o700])
    } catch {
      throw .pin(path: folder, reason: error.localizedDescription)
    }
  }

  /// A descriptor that holds the registry's pin for this process until it is closed.
  func lock(_ registry: ByteString) throws(AuthorityFault) -> Int32 {
    let path = path(registry, "lock")
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      throw .pin(path: path, reason: String(cString: strerror(errno)))
    }
    while flock(descriptor, LOCK_EX) != 0 {
      guard errno == EINTR else {
        let reason = String(cString: strerror(errno))
        close(descriptor)
        throw .pin(path: path, reason: reason)
      }
    }
    return descriptor
  }

  /// Replaces a file whole: after a crash it holds the old bytes or the new ones.
  func write(_ path: String, _ json: JSONValue) throws(AuthorityFault) {
    func failed() -> AuthorityFault {
      .pin(path: path, reason: String(cString: strerror(errno)))
    }
    guard let bytes = try? json.canonicalBytes() + [0x0A] else {
      throw .pin(path: path, reason: "it has no JSON form")
    }
    let staged = path + ".new"
    let descriptor = open(staged, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw failed() }
    let written = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
    guard written == bytes.count, fdatasync(descriptor) == 0 else {
      let fault =
        written >= 0 && written < bytes.count
        ? AuthorityFault.pin(path: path, reason: "its disk is full") : failed()
      close(descriptor)
      unlink(staged)
      throw fault
    }
    close(descriptor)
    guard rename(staged, path) == 0 else { throw failed() }
  }

  /// The kept state of a registry, in a file of its own; nil where there can be no such file.
  func shelf(for registry: ByteString) -> StateShelf? {
    try? StateShelf(path(registry, "state.db"))
  }
}
