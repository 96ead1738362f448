import Foundation
import Glibc
import Synchronization

/// Notices, without polling, that a registry's files were written to.
///
/// A class because it owns a descriptor and a thread that sleeps on it.
package final class RegistryWatch: Sendable {
  private let descriptor: Int32
  private let watch: Int32
  private let name: String
  private let isStopped = Mutex(false)

  /// Watches the folder of a registry; nil where the system has no inotify left to give.
  package init?(path: String) {
    let folder = (path as NSString).deletingLastPathComponent
    name = (path as NSString).lastPathComponent
    descriptor = inotify_init1(Int32(IN_CLOEXEC))
    guard descriptor >= 0 else { return nil }
    let events = UInt32(IN_MODIFY | IN_CREATE | IN_MOVED_TO)
    watch = inotify_add_watch(descriptor, folder.isEmpty ? "." : folder, events)
    guard watch >= 0 else {
      Glibc.close(descriptor)
      return nil
    }
  }

  /// Ends the watch: nothing is called from here on, save what is under way.
  package func stop() {
    isStopped.withLock { $0 = true }
    // What waits for events is woken by this one.
    inotify_rm_watch(descriptor, watch)
  }

  /// How long after a write its commit may still become visible.
  private static let patienceMilliseconds: Int32 = 3000

  /// Calls on a thread of its own whenever something was committed, at most once in so many
  /// milliseconds.
  ///
  /// `hasMoved`: Whether a commit is visible. The log is written before its commit is on disk, and
  /// what makes it visible is shared memory, which tells nobody.
  package func start(
    pause milliseconds: UInt32, hasMoved: @escaping @Sendable () -> Bool,
    moved: @escaping @Sendable () -> Void
  ) {
    let thread = Thread { [self] in
      var buffer = [UInt8](repeating: 0, count: 8192)
      /// Whether files of the registry were written to; nil once the descriptor is gone.
      func written() -> Bool? {
        while true {
          let count = read(descriptor, &buffer, buffer.count)
          if count < 0, errno == EINTR { continue }
          if isStopped.withLock({ $0 }) { return nil }
          guard count > 0 else { return nil }
          return RegistryWatch.names(in: buffer, count: count).contains { $0.hasPrefix(name) }
        }
      }
      while let isWritten = written() {
        guard isWritten else { continue }
        var (waited, step): (Int32, Int32) = (0, 1)
        var isVisible = hasMoved()
        while !isVisible, waited < RegistryWatch.patienceMilliseconds {
          // What is written meanwhile may be the commit that is waited for: it is looked at soon.
          var wait = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
          if poll(&wait, 1, step) > 0 {
            guard let isWritten = written() else { return }
            if isWritten { (waited, step) = (0, 1) }
          } else {
            waited += step
            step = min(100, waited < 30 ? 2 : step * 2)
          }
          isVisible = hasMoved()
        }
        guard isVisible else { continue }
        moved()
        // What arrives meanwhile waits in the descriptor and counts as one.
        usleep(milliseconds * 1000)
      }
    }
    thread.stackSize = 256 << 10
    thread.start()
  }

  /// The file names in a run of `struct inotify_event`: wd, mask, cookie, len, name.
  private static func names(in buffer: [UInt8], count: Int) -> [String] {
    var names: [String] = []
    var at = 0
    while at + 16 <= count {
      let length = (0..<4).reduce(0) { $0 | Int(buffer[at + 12 + $1]) << ($1 * 8) }
      let end = min(count, at + 16 + length)
      names.append(String(decoding: buffer[(at + 16)..<end].prefix { $0 != 0 }, as: UTF8.self))
      at += 16 + length
    }
    return names
  }
}
