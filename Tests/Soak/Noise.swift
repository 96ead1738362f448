import Foundation
import Registry
import Terminal
import TestSupport

/// Random bytes on the console's real terminal: it may end, but never sign, crash or stay behind.
enum NoisyLine {
  static func run(count: Int, seed: UInt64) async throws {
    print("noise: \(count) bytes, seed \(seed)")
    let folder = NSTemporaryDirectory() + "countersign-noise-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
      .deletingLastPathComponent().appendingPathComponent("countersign").path
    let made = Process()
    made.executableURL = URL(fileURLWithPath: program)
    made.arguments = ["bench", "fixture", "--agents", "40", "--decisions", "200", "--out", folder]
    try made.run()
    made.waitUntilExit()
    try FileManager.default.createDirectory(
      atPath: "\(folder)/state/countersign", withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(
      atPath: "\(folder)/state/countersign/pins", withDestinationPath: "\(folder)/pins")
    let registry = try RegistryDatabase("\(folder)/registry.db", access: .readOnly)
    let before = try registry.read { try $0.size() }
    var random = SeededRandom(seed: seed)
    var (sent, starts) = (0, 0)
    while sent < count {
      starts += 1
      let terminal = try TerminalProcess(
        "'\(program)' --registry '\(folder)/registry.db' --key '\(folder)/bench.key'", columns: 80,
        rows: 24,
        environment: [
          "TERM": "xterm-256color", "XDG_STATE_HOME": "\(folder)/state", "HOME": folder,
          "XDG_CONFIG_HOME": folder,
        ])
      _ = await terminal.output(since: terminal.started, quiet: .milliseconds(200))
      while sent < count, terminal.isRunning {
        // Ctrl-C and Ctrl-Z leave, as they should; then nothing more would be tried.
        let bytes = (0..<100).map { _ in UInt8.random(in: 0...255, using: &random) }.filter {
          $0 != 0x03 && $0 != 0x1A && $0 != UInt8(ascii: "q")
        }
        terminal.send(bytes)
        sent += 100
        try await Task.sleep(for: .milliseconds(5))
      }
      // What it drew last is drawn before it is asked to go.
      _ = await terminal.output(since: .now, quiet: .milliseconds(100), limit: .milliseconds(300))
      terminal.end()
    }
    let after = try registry.read { try $0.size() }
    guard before == after else {
      print("FAILED: \(after - before) entries were signed by noise, seed \(seed)")
      exit(1)
    }
    let report =
      (try? String(contentsOfFile: "\(folder)/state/countersign/console.stderr", encoding: .utf8))
      ?? ""
    guard !report.contains("Fatal error"), !report.contains("crashed") else {
      print("FAILED: it crashed, seed \(seed)\n\(report)")
      exit(1)
    }
    print("noise: \(sent) bytes over \(starts) starts: nothing signed, nothing crashed")
  }
}
