import Foundation
import Glibc

/// A program run to its end.
///
/// Foundation's `Process` crashes now and then where many threads start programs at once; tests start
/// thousands.
package enum ChildProcess {
  package struct Fault: Error, CustomStringConvertible {
    package let description: String
  }

  /// Held from a pipe's making until the program has it, so that no other program inherits it.
  private static let starting = NSLock()

  /// Runs a program, which inherits no descriptor but the three given to it, and no blocked signal.
  ///
  /// `path`: The program's absolute path. `input`: What it reads on its standard input. The status is
  /// that of its exit, or the number of the signal that ended it.
  package static func run(
    _ path: String, _ arguments: [String], environment: [String: String], input: String = ""
  ) throws -> (status: Int32, output: [UInt8], errors: [UInt8]) {
    signal(SIGPIPE, SIG_IGN)
    starting.lock()
    var isStarting = true
    defer { if isStarting { starting.unlock() } }
    let (stdin, stdout, stderr) = (try pipe(), try pipe(), try pipe())
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for (end, number) in [(stdin.read, 0), (stdout.write, 1), (stderr.write, 2)] {
      posix_spawn_file_actions_adddup2(&actions, end, Int32(number))
    }
    // One that is not open is passed over.
    for number in 3..<1024 { posix_spawn_file_actions_addclose(&actions, Int32(number)) }
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var (none, reset) = (sigset_t(), sigset_t())
    sigemptyset(&none)
    sigemptyset(&reset)
    sigaddset(&reset, SIGPIPE)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &reset)
    posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETSIGMASK) | Int16(POSIX_SPAWN_SETSIGDEF))
    var words = ([path] + arguments).map { strdup($0) } + [nil]
    var variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for word in words + variables { free(word) } }
    var child: pid_t = 0
    let failure = posix_spawn(&child, path, &actions, &attributes, &words, &variables)
    starting.unlock()
    isStarting = false
    for end in [stdin.read, stdout.write, stderr.write] { close(end) }
    defer { for end in [stdout.read, stderr.read] { close(end) } }
    guard failure == 0 else {
      close(stdin.write)
      throw Fault(description: "\(path): \(String(cString: strerror(failure)))")
    }
    let bytes = Array(input.utf8)
    var sent = 0
    while sent < bytes.count {
      let count = bytes[sent...].withUnsafeBytes { write(stdin.write, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { break }
      sent += count
    }
    close(stdin.write)
    let (output, errors) = read(stdout.read, stderr.read)
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0, errno == EINTR {}
    return (status & 0x7F == 0 ? status >> 8 & 0xFF : status & 0x7F, output, errors)
  }

  private static func pipe() throws -> (read: Int32, write: Int32) {
    var ends: [Int32] = [0, 0]
    guard Glibc.pipe(&ends) == 0 else {
      throw Fault(description: "no pipe: \(String(cString: strerror(errno)))")
    }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    return (ends[0], ends[1])
  }

  /// Reads two descriptors to their ends, whichever has something.
  private static func read(_ first: Int32, _ second: Int32) -> ([UInt8], [UInt8]) {
    var found: [[UInt8]] = [[], []]
    var ends = [first, second].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while ends.contains(where: { $0.fd >= 0 }) {
      guard poll(&ends, 2, -1) >= 0 || errno == EINTR else { break }
      for index in ends.indices where ends[index].fd >= 0 && ends[index].revents != 0 {
        let count = Glibc.read(ends[index].fd, &buffer, buffer.count)
        if count > 0 {
          found[index] += buffer[..<count]
        } else if count == 0 || errno != EINTR {
          ends[index].fd = -1
        }
      }
    }
    return (found[0], found[1])
  }
}
