import Foundation
import Glibc
import Synchronization

/// A program on a pseudo-terminal of its own, each piece of its output stamped as it comes.
package final class TerminalProcess: Sendable {
  package struct Chunk: Sendable {
    package let at: ContinuousClock.Instant
    package let bytes: [UInt8]

    /// Whether it draws more than the clock that the console's first row shows: `07:50:34Z`.
    package var isMoreThanClock: Bool {
      var isInside = false
      return bytes.contains { byte in
        if byte == 0x1B {
          isInside = true
          return false
        }
        if isInside {
          isInside = !((0x40...0x7E).contains(byte) && byte != UInt8(ascii: "["))
          return false
        }
        return byte > 0x3A && byte != UInt8(ascii: "Z")
      }
    }
  }

  /// Why there is no such program.
  package struct Fault: Error, CustomStringConvertible {
    package let description: String
  }

  /// When it was started.
  package let started: ContinuousClock.Instant
  private let main: Int32
  private let process: pid_t
  private let chunks = Mutex<[Chunk]>([])
  /// Once it has been waited for, its number may be somebody else's.
  private let isOver = Mutex(false)

  /// Starts a command line of the shell.
  package init(_ command: String, columns: Int, rows: Int, environment: [String: String]) throws {
    var size = winsize(
      ws_row: UInt16(rows), ws_col: UInt16(columns), ws_xpixel: 0, ws_ypixel: 0)
    var (main, side): (Int32, Int32) = (-1, -1)
    guard openpty(&main, &side, nil, nil, &size) == 0, let name = ttyname(side) else {
      throw Fault(description: "no pseudo-terminal is to be had here")
    }
    _ = fcntl(main, F_SETFD, FD_CLOEXEC)
    defer { close(side) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, name, O_RDWR, 0)
    posix_spawn_file_actions_adddup2(&actions, 0, 1)
    posix_spawn_file_actions_adddup2(&actions, 0, 2)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // POSIX_SPAWN_SETSID: a session of its own, whose terminal is the first it opens.
    posix_spawnattr_setflags(&attributes, 0x80)
    var all = ProcessInfo.processInfo.environment
    all.merge(environment) { $1 }
    let words = ["/bin/sh", "-c", "exec " + command]
    var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
    var variables: [UnsafeMutablePointer<CChar>?] = all.map { strdup("\($0)=\($1)") } + [nil]
    defer { for pointer in arguments + variables { free(pointer) } }
    started = .now
    var child: pid_t = 0
    let code = posix_spawn(&child, "/bin/sh", &actions, &attributes, &arguments, &variables)
    guard code == 0 else {
      throw Fault(description: "\(command): \(String(cString: strerror(code)))")
    }
    (self.main, process) = (main, child)
    Thread.detachNewThread { [self] in listen() }
  }

  private func listen() {
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = read(main, &buffer, buffer.count)
      guard count > 0 else { return }
      let chunk = Chunk(at: .now, bytes: Array(buffer[..<count]))
      chunks.withLock { $0.append(chunk) }
    }
  }

  /// Whether it still runs.
  package var isRunning: Bool {
    isOver.withLock { isOver in
      var status: Int32 = 0
      if !isOver, waitpid(process, &status, WNOHANG) != 0 { isOver = true }
      return !isOver
    }
  }

  /// Sends keys.
  package func press(_ text: String) {
    send(Array(text.utf8))
  }

  /// Sends bytes as they are.
  package func send(_ all: [UInt8]) {
    var bytes = all[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { write(main, $0.baseAddress, $0.count) }
      guard count > 0 else { return }
      bytes = bytes.dropFirst(count)
    }
  }

  /// What came since an instant, once nothing more has come for a while.
  package func output(
    since start: ContinuousClock.Instant, quiet: Duration, limit: Duration = .seconds(10)
  ) async -> [Chunk] {
    while true {
      let found = chunks.withLock { all in all.filter { $0.at >= start } }
      let now = ContinuousClock.now
      if let last = found.last, last.at.duration(to: now) >= quiet { return found }
      if start.duration(to: now) >= limit { return found }
      try? await Task.sleep(for: .milliseconds(2))
    }
  }

  /// When a text was first there whole, after an instant.
  package func arrival(
    of text: String, since start: ContinuousClock.Instant, limit: Duration
  ) async -> ContinuousClock.Instant? {
    let wanted = Array(text.utf8)
    while start.duration(to: .now) < limit {
      var carry: [UInt8] = []
      for chunk in chunks.withLock({ all in all.filter { $0.at >= start } }) {
        let text = carry + chunk.bytes
        if text.firstRange(of: wanted) != nil { return chunk.at }
        carry = text.suffix(wanted.count - 1)
      }
      try? await Task.sleep(for: .milliseconds(1))
    }
    return nil
  }

  /// Waits until what it started has ended.
  package func settle(limit: Duration) async {
    let start = ContinuousClock.now
    while processes.count > 1, start.duration(to: .now) < limit {
      try? await Task.sleep(for: .milliseconds(100))
    }
  }

  /// Resident memory of the program and what it started, in MiB.
  package var residentMiB: Double {
    processes.reduce(0) { sum, process in
      let pages = TerminalProcess.fields(process, "statm").dropFirst().first.flatMap { Int($0) }
      return sum + Double((pages ?? 0) * Int(sysconf(Int32(_SC_PAGESIZE)))) / 1_048_576
    }
  }

  /// Seconds of processor time of the program and what it started, over some seconds from now.
  package func processorSeconds(over seconds: Int) async -> Double {
    let before = tasks
    try? await Task.sleep(for: .seconds(seconds))
    // A thread that ended meanwhile counts for nothing, one that began for all of it.
    let spent = tasks.reduce(0) { $0 + Double($1.value - min($1.value, before[$1.key] ?? 0)) }
    return spent / 1e9
  }

  /// Nanoseconds that each thread has run.
  private var tasks: [String: UInt64] {
    var found: [String: UInt64] = [:]
    for process in processes {
      let names = try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/task")
      for name in names ?? [] {
        let spent = TerminalProcess.fields(process, "task/\(name)/schedstat").first
        found["\(process)/\(name)"] = spent.flatMap { UInt64($0) } ?? 0
      }
    }
    return found
  }

  private var processes: [pid_t] {
    var found = [process]
    var at = 0
    while at < found.count {
      let id = found[at]
      let children = TerminalProcess.fields(id, "task/\(id)/children")
      found += children.compactMap { pid_t($0) }
      at += 1
    }
    return found
  }

  private static func fields(_ process: pid_t, _ file: String) -> [Substring] {
    let data = FileManager.default.contents(atPath: "/proc/\(process)/\(file)") ?? Data()
    return String(decoding: data, as: UTF8.self).split { $0 == " " || $0 == "\n" }
  }

  /// Ends it, if it still runs.
  package func end() {
    isOver.withLock { isOver in
      if !isOver {
        var status: Int32 = 0
        kill(process, SIGTERM)
        usleep(100_000)
        kill(process, SIGKILL)
        waitpid(process, &status, 0)
      }
      isOver = true
    }
    close(main)
  }
}
