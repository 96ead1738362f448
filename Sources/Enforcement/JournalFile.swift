import CanonicalJSON
import Glibc
import Keys

/// One append-only file of lines, each with a checksum, that processes take turns to read and write.
///
/// ```
/// first 16 hexadecimal digits of the line's SHA-256, a space, the line, a line feed
/// ```
/// A last line that was not written whole counts for nothing and is cut off by the next; a damaged
/// line before the last is a fault.
struct JournalFile: ~Copyable {
  private let path: String
  private let descriptor: Int32
  /// Bytes up to the end of the last whole line.
  private var length: Int
  private(set) var lines: [[UInt8]]

  /// Far above what compaction leaves; a file beyond it was not written by this program.
  private static let sizeLimit = 128 << 20
  private static let lockTries = 500

  private init(_ path: String, _ descriptor: Int32, _ found: (lines: [[UInt8]], length: Int)) {
    self.path = path
    self.descriptor = descriptor
    (lines, length) = found
  }

  /// Opens the file, or makes it, and keeps every other process out until it is closed.
  static func open(_ path: String) throws(ActionJournal.Fault) -> JournalFile {
    let descriptor = try JournalFile.lock(path)
    do throws(ActionJournal.Fault) {
      return JournalFile(path, descriptor, try read(descriptor, path))
    } catch {
      close(descriptor)
      throw error
    }
  }

  deinit { close(descriptor) }

  private static func fault(_ path: String) -> ActionJournal.Fault {
    .unusable(path: path, reason: String(cString: strerror(errno)))
  }

  private static func lock(_ path: String) throws(ActionJournal.Fault) -> Int32 {
    for _ in 0..<lockTries {
      let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
      guard descriptor >= 0 else { throw fault(path) }
      var (mine, there) = (stat(), stat())
      guard fstat(descriptor, &mine) == 0, mine.st_mode & S_IFMT == S_IFREG else {
        close(descriptor)
        throw .unusable(path: path, reason: "it is no regular file")
      }
      guard mine.st_mode & 0o077 == 0 else {
        close(descriptor)
        throw .exposed(path: path, mode: mine.st_mode & 0o777)
      }
      guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
        let isBusy = errno == EWOULDBLOCK || errno == EINTR
        let fault = fault(path)
        close(descriptor)
        guard isBusy else { throw fault }
        usleep(10_000)
        continue
      }
      // Another process may have put a shorter file in its place between opening and locking.
      if stat(path, &there) == 0, there.st_ino == mine.st_ino, there.st_dev == mine.st_dev {
        if mine.st_size == 0 { syncFolder(path) }
        return descriptor
      }
      close(descriptor)
    }
    throw .busy(path: path)
  }

  private static func syncFolder(_ path: String) {
    let folder = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
      .joined(separator: "/")
    let name = folder.isEmpty ? (path.hasPrefix("/") ? "/" : ".") : folder
    let descriptor = Glibc.open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    fsync(descriptor)
    close(descriptor)
  }

  private static func read(
    _ descriptor: Int32, _ path: String
  ) throws(ActionJournal.Fault) -> (lines: [[UInt8]], length: Int) {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw fault(path) }
    guard status.st_size <= sizeLimit else {
      throw .damaged(path: path, line: 0, reason: "it is larger than \(sizeLimit) bytes")
    }
    var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
    var count = 0
    while count < bytes.count {
      let more = bytes.withUnsafeMutableBytes {
        pread(descriptor, $0.baseAddress?.advanced(by: count), $0.count - count, off_t(count))
      }
      if more < 0, errno == EINTR { continue }
      guard more > 0 else { throw fault(path) }
      count += more
    }
    var lines: [[UInt8]] = []
    var start = 0
    while start < bytes.count {
      guard let end = lineFeed(in: bytes, from: start) else { break }
      guard let line = checked(bytes[start..<end]) else {
        // What a crash of the machine leaves of a last line has zeros in it; another was altered.
        guard end + 1 == bytes.count, bytes[start..<end].contains(0) else {
          throw .damaged(path: path, line: lines.count + 1, reason: "its checksum does not match")
        }
        break
      }
      lines.append(line)
      start = end + 1
    }
    return (lines, start)
  }

  private static func lineFeed(in bytes: [UInt8], from start: Int) -> Int? {
    bytes.withUnsafeBytes { buffer in
      guard let base = buffer.baseAddress,
        let found = memchr(base.advanced(by: start), 0x0A, buffer.count - start)
      else { return nil }
      return base.distance(to: UnsafeRawPointer(found))
    }
  }

  private static func checked(_ line: ArraySlice<UInt8>) -> [UInt8]? {
    guard line.count > 17, line[line.startIndex + 16] == 0x20 else { return nil }
    let text = Array(line.dropFirst(17))
    return line.prefix(16).elementsEqual(sum(text)) ? text : nil
  }

  private static func sum(_ line: [UInt8]) -> Substring.UTF8View {
    Digest.sha256(line).hex.prefix(16).utf8
  }

  private static func whole(_ line: [UInt8]) -> [UInt8] {
    Array(sum(line)) + [0x20] + line + [0x0A]
  }

  var size: Int { length }

  /// Writes a line after the last whole one; when this returns, it is on disk.
  mutating func append(_ line: [UInt8]) throws(ActionJournal.Fault) {
    guard ftruncate(descriptor, off_t(length)) == 0 else { throw JournalFile.fault(path) }
    let bytes = JournalFile.whole(line)
    do throws(ActionJournal.Fault) {
      try JournalFile.write(bytes, to: descriptor, at: length, path)
      guard fsync(descriptor) == 0 else { throw JournalFile.fault(path) }
    } catch {
      ftruncate(descriptor, off_t(length))
      throw error
    }
    length += bytes.count
    lines.append(line)
  }

  private static func write(
    _ bytes: [UInt8], to descriptor: Int32, at start: Int, _ path: String
  ) throws(ActionJournal.Fault) {
    var count = 0
    while count < bytes.count {
      let more = bytes.withUnsafeBytes {
        pwrite(
          descriptor, $0.baseAddress?.advanced(by: count), $0.count - count, off_t(start + count))
      }
      if more < 0, errno == EINTR { continue }
      guard more > 0 else { throw fault(path) }
      count += more
    }
  }

  /// Puts a file with only these lines in its place; a crash leaves the old one or the new one.
  ///
  /// Nothing can be written through this value afterwards: it is open on the old file.
  consuming func replace(with lines: [[UInt8]]) throws(ActionJournal.Fault) {
    let new = path + ".new"
    unlink(new)
    let descriptor = Glibc.open(new, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw JournalFile.fault(new) }
    defer { close(descriptor) }
    try JournalFile.write(Array(lines.map(JournalFile.whole).joined()), to: descriptor, at: 0, new)
    guard fsync(descriptor) == 0, rename(new, path) == 0 else {
      let fault = JournalFile.fault(path)
      unlink(new)
      throw fault
    }
    JournalFile.syncFolder(path)
  }
}
