import CanonicalJSON
import Foundation
import TestSupport
import Testing

/// A home of its own with the built programs on hand: what a stranger would have.
final class Sandbox {
  let home: String
  private let programs: String
  private let tmuxName = "cs-" + UUID().uuidString
  private var daemon: Process?

  struct Outcome {
    let status: Int32
    let output: String
    let errors: String
  }

  init() throws {
    home = NSTemporaryDirectory() + "cs-" + String(UUID().uuidString.prefix(8))
    programs = SharedSuites.root.appendingPathComponent(".build/debug").path
    try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: true)
  }

  deinit {
    if daemon?.isRunning == true { daemon?.terminate() }
    // Threads of tests block signals, and so does the server they start: `kill-server` would only tell
    // it to send itself one.
    let found = try? run(
      "/usr/bin/tmux", ["-L", tmuxName, "display", "-p", "#{pid} #{socket_path}"])
    let words = (found?.output ?? "").split(whereSeparator: \.isWhitespace)
    if words.count == 2, let server = pid_t(words[0]) {
      kill(server, SIGKILL)
      unlink(String(words[1]))
    }
    try? FileManager.default.removeItem(atPath: home)
  }

  var registry: String { "\(home)/r/registry.db" }
  var socket: String { "\(home)/r/countersignd.sock" }

  /// What a test adds to the programs' environment.
  var extraEnvironment: [String: String] = [:]

  private var environment: [String: String] {
    [
      "HOME": home, "PATH": "\(programs):/usr/bin:/bin:/usr/sbin:/sbin", "TZ": "UTC",
      "LC_ALL": "C.UTF-8",
      "TERM": "xterm-256color",
    ].merging(extraEnvironment) { $1 }
  }

  /// What stays behind (a tmux server, an ssh-agent) must not hold Foundation's descriptors, or
  /// nothing that waits for its starter's end would ever see it.
  private static let closing =
    "for n in /proc/self/fd/*; do n=${n##*/}; ((n > 2)) && eval \"exec $n>&-\"; done\n"

  /// Runs a line of bash, with this sandbox's programs first on the path.
  func shell(_ script: String) throws -> Outcome {
    try run("/bin/bash", ["-c", Sandbox.closing + script])
  }

  private func run(_ path: String, _ arguments: [String], input: String = "") throws -> Outcome {
    let ended = try ChildProcess.run(path, arguments, environment: environment, input: input)
    return Outcome(
      status: ended.status, output: String(decoding: ended.output, as: UTF8.self),
      errors: String(decoding: ended.errors, as: UTF8.self))
  }

  /// Runs `countersign`; a passphrase goes in on descriptor 0.
  @discardableResult
  func countersign(
    _ arguments: String..., passphrase: String? = nil, input: String = "", expect: Int32? = 0
  ) throws -> Outcome {
    var all = arguments
    if passphrase != nil { all += ["--passphrase-fd", "0"] }
    let outcome = try run(
      "\(programs)/countersign", all, input: passphrase.map { $0 + "\n" } ?? input)
    if let expect {
      #expect(outcome.status == expect, "\(arguments): \(outcome.output)\(outcome.errors)")
    }
    return outcome
  }

  func program(_ arguments: [String], input: String = "") throws -> Outcome {
    try run("\(programs)/countersign", arguments, input: input)
  }

  /// Runs another of this package's programs.
  func tool(_ name: String, _ arguments: [String]) throws -> Outcome {
    try run("\(programs)/\(name)", arguments)
  }

  /// Starts a program, by its path or its name in this package.
  func inBackground(_ program: String, _ arguments: [String]) throws -> Process {
    let process = Process()
    process.executableURL = URL(
      fileURLWithPath: program.hasPrefix("/") ? program : "\(programs)/\(program)")
    process.arguments = arguments
    process.environment = environment
    // A process that outlives its test must not hold the test run's own output open.
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    return process
  }

  // MARK: the daemon

  /// Runs a command that signs as one of the people, whose passphrase is their name.
  @discardableResult
  func asUser(
    _ name: String, _ arguments: String..., expect: Int32 = 0
  ) throws -> Outcome {
    let outcome = try program(
      arguments + [
        "--registry", registry, "--key", "\(home)/\(name).key", "--passphrase-fd", "0",
      ], input: name + "\n")
    #expect(outcome.status == expect, "\(arguments): \(outcome.output)\(outcome.errors)")
    return outcome
  }

  /// `asStranger`: With an account that has seen nothing, told this registry's id.
  ///
  /// `fileSizeKiB`: The largest file it may write; `more`: further arguments.
  func startDaemon(
    asStranger trust: String? = nil, fileSizeKiB: Int? = nil, descriptors: Int? = nil,
    more: [String] = []
  ) throws {
    if let trust { extraEnvironment["XDG_STATE_HOME"] = "\(home)/stranger-\(trust.prefix(4))" }
    defer { extraEnvironment["XDG_STATE_HOME"] = nil }
    unlink(socket)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/bash")
    process.arguments =
      [
        "-c",
        (fileSizeKiB.map { "ulimit -f \($0); " } ?? "")
          + (descriptors.map { "ulimit -n \($0); " } ?? "") + "exec \"$@\"", "bash",
        "\(programs)/countersignd", "--registry", registry, "--service", "service:gateway-1",
        "--key", "\(home)/gw.pem",
        "--quiet",
      ] + (trust.map { ["--trust", $0] } ?? []) + more
    process.environment = environment
    process.standardError = FileHandle(forWritingAtPath: "/dev/null")
    try process.run()
    daemon = process
    for _ in 0..<100 {
      if FileManager.default.fileExists(atPath: socket) { return }
      usleep(100_000)
    }
    Issue.record("the daemon did not start")
  }

  func killDaemon() {
    guard let daemon else { return }
    kill(daemon.processIdentifier, SIGKILL)
    daemon.waitUntilExit()
  }

  func signalDaemon(_ signal: Int32) {
    if let daemon { kill(daemon.processIdentifier, signal) }
  }

  func stopDaemon() -> Int32 {
    guard let daemon else { return -1 }
    daemon.terminate()
    daemon.waitUntilExit()
    return daemon.terminationStatus
  }

  /// Starts `countersign act` in the background.
  func actInBackground(_ arguments: [String]) throws -> (Process, Pipe) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "\(programs)/countersign")
    process.arguments = arguments
    process.environment = environment
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    return (process, pipe)
  }

  // MARK: the terminal

  @discardableResult
  func tmux(_ arguments: String...) throws -> Outcome {
    let script = Sandbox.closing + "exec \"$@\""
    let outcome = try run(
      "/bin/bash",
      ["-c", script, "bash", "/usr/bin/tmux", "-L", tmuxName, "-f", "/dev/null"] + arguments)
    #expect(outcome.status == 0, "tmux \(arguments): \(outcome.errors)")
    return outcome
  }

  func startConsole(key: String) throws {
    try tmux(
      "new-session", "-d", "-x", "80", "-y", "24",
      "cd \(home); countersign --registry \(registry) --key \(key); echo ended $?; stty -a; sleep 60"
    )
  }

  var screen: String { (try? tmux("capture-pane", "-p").output) ?? "" }

  /// Waits until the screen says something.
  ///
  /// `session`: Which of several; the only one if nil.
  func see(_ text: String, in session: String? = nil, seconds: Int = 15) throws {
    func shown() -> String {
      guard let session else { return screen }
      return (try? tmux("capture-pane", "-p", "-t", session).output) ?? ""
    }
    for _ in 0..<(seconds * 10) {
      if shown().contains(text) { return }
      usleep(100_000)
    }
    Issue.record("the screen never said \"\(text)\":\n\(shown())")
    throw CancellationError()
  }

  /// Runs a line of the console's command line.
  func command(_ line: String) throws {
    try press(":")
    try type(line)
    try press("Enter")
  }

  func press(_ keys: String...) throws {
    for key in keys {
      try tmux("send-keys", key)
      usleep(60_000)
    }
  }

  func type(_ text: String) throws {
    try tmux("send-keys", "-l", text)
    usleep(60_000)
  }
}
