import Glibc

/// Reads and writes the small files that hold keys, with the permissions they need.
package enum KeyFile {
  /// A key file is never larger than this.
  static let limit = 64 << 10

  /// Reads a file that only its owner may read.
  ///
  /// - Throws: ``KeyFault`` `exposed` if group or others have any permission on it.
  package static func readPrivate(_ path: String) throws(KeyFault) -> [UInt8] {
    try read(path, mustBePrivate: true)
  }

  /// Reads a file that holds no secret.
  package static func readPublic(_ path: String) throws(KeyFault) -> [UInt8] {
    try read(path, mustBePrivate: false)
  }

  private static func read(_ path: String, mustBePrivate: Bool) throws(KeyFault) -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw .unreadable(path: path, reason: String(cString: strerror(errno)))
    }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw .unreadable(path: path, reason: "it is not a regular file")
    }
    if mustBePrivate, status.st_mode & 0o077 != 0 {
      throw .exposed(path: path, mode: status.st_mode & 0o777)
    }
    guard status.st_size <= limit else {
      throw .unreadable(path: path, reason: "it is larger than \(limit) bytes")
    }
    var bytes = [UInt8](repeating: 0, count: limit)
    var length = 0
    while length < limit {
      let count = bytes.withUnsafeMutableBytes { buffer in
        Glibc.read(descriptor, buffer.baseAddress?.advanced(by: length), limit - length)
      }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else {
        throw .unreadable(path: path, reason: String(cString: strerror(errno)))
      }
      if count == 0 { break }
      length += count
    }
    return Array(bytes.prefix(length))
  }

  /// Writes a new file with mode 0600 and makes it durable; an existing one is never overwritten.
  package static func create(
    _ path: String, _ bytes: [UInt8], mode: UInt32 = 0o600
  ) throws(KeyFault) {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
    guard descriptor >= 0 else {
      if errno == EEXIST { throw .exists(path: path) }
      throw .unreadable(path: path, reason: String(cString: strerror(errno)))
    }
    defer { close(descriptor) }
    fchmod(descriptor, mode)
    var written = 0
    while written < bytes.count {
      let count = bytes.withUnsafeBytes { buffer in
        write(descriptor, buffer.baseAddress?.advanced(by: written), bytes.count - written)
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else {
        let reason = String(cString: strerror(errno))
        unlink(path)
        throw .unreadable(path: path, reason: reason)
      }
      written += count
    }
    guard fsync(descriptor) == 0 else {
      throw .unreadable(path: path, reason: String(cString: strerror(errno)))
    }
  }
}
