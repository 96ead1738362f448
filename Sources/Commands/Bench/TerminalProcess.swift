import Foundation
import Glibc
import Synchronization

/// A program on a pseudo-terminal of its own, each piece of its output stamped as it comes.
final class TerminalProcess: Sendable {
  struct Chunk: Sendable {
    let at: ContinuousClock.Instant
    let bytes: [UInt8]
  }

  let started: ContinuousClock.Instant
  private let main: Int32
  private let process: pid_t
  private let chunks = Mutex<[Chunk]>([])

  /// Starts a command line of the shell.
  init(_ command: String, columns: Int, rows: Int, environment: [String: String]) throws {
    var size = winsize(
      ws_row: UInt16(rows), ws_col: UInt16(columns), ws_xpixel: 0, ws_ypixel: 0)
    var (main, side): (Int32, Int32) = (-1, -1)
    guard openpty(&main, &side, nil, nil, &size) == 0, let name = ttyname(side) else {
      throw CommandFault("terminal_missing", "no pseudo-terminal is to be had here")
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
      throw CommandFault("command_failed", "\(command): \(String(cString: strerror(code)))")
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

  func press(_ text: String) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { write(main, $0.baseAddress, $0.count) }
      guard count > 0 else { return }
      bytes = bytes.dropFirst(count)
    }
  }

  /// What came since an instant, once nothing more has come for a while.
  func output(
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
  func arrival(
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

  /// Resident memory of the program and what it started, in MiB.
  var residentMiB: Double {
    processes.reduce(0) { sum, process in
      let pages = TerminalProcess.fields(process, "statm").dropFirst().first.flatMap { Int($0) }
      return sum + Double((pages ?? 0) * Int(sysconf(Int32(_SC_PAGESIZE)))) / 1_048_576
    }
  }

  /// Seconds of processor time so far, of the program and what it started.
  var processorSeconds: Double {
    var total: UInt64 = 0
    for process in processes {
      let tasks = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/task"))
      for task in tasks ?? [] {
        total +=
          TerminalProcess.fields(process, "task/\(task)/schedstat").first.flatMap { UInt64($0) }
          ?? 0
      }
    }
    return Double(total) / 1e9
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

  func end() {
    kill(process, SIGTERM)
    usleep(100_000)
    kill(process, SIGKILL)
    var status: Int32 = 0
    waitpid(process, &status, 0)
    close(main)
  }
}
