package import Console
import Glibc
import Synchronization

/// Where other threads leave messages for the console's one thread.
package final class Mailbox: Sendable {
  private let messages = Mutex<[Message]>([])
  let readEnd: Int32
  let writeEnd: Int32

  package init() {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { preconditionFailure("no pipe could be made") }
    for end in ends {
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
      _ = fcntl(end, F_SETFL, O_NONBLOCK)
    }
    readEnd = ends[0]
    writeEnd = ends[1]
  }

  package func post(_ message: Message) {
    messages.withLock { $0.append(message) }
    // 0 is no signal: it only wakes.
    var byte: UInt8 = 0
    write(writeEnd, &byte, 1)
  }

  func take() -> [Message] {
    messages.withLock { waiting in
      defer { waiting = [] }
      return waiting
    }
  }

  /// The signals that arrived since; zeros are wake-ups.
  func signals() -> [Int32] {
    var bytes = [UInt8](repeating: 0, count: 256)
    let count = read(readEnd, &bytes, 256)
    return count > 0 ? bytes.prefix(count).filter { $0 != 0 }.map(Int32.init) : []
  }
}
