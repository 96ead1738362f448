import ArgumentParser
import CanonicalJSON
import Foundation
import Terminal

/// Measures the console from outside, through a terminal, beside others in the same run.
struct ConsoleBench: Subcommand {
  static let configuration = CommandConfiguration(
    commandName: "console", abstract: "Measure the console on a registry made by bench fixture.",
    discussion: """
      Each program is started on a terminal of its own and sent the same keys, in turn: start to the \
      first drawing, key to the first byte drawn, 300 keys at once to the last byte, memory, \
      processor time at rest. Then, of the console alone: a decision's answer to its row on the \
      screen; keys while 200 decisions a second arrive; and a filter for one agent of all. \
      `echo` is what a terminal alone takes.
      """)

  @Option(help: "The folder that bench fixture made.")
  var fixture: String

  @Option(help: "A program to run beside it, as NAME=COMMAND; may be given again.")
  var peer: [String] = []

  @Option(help: "How often each program is started.")
  var reps = 2

  @Option(help: "Seconds of rest to take processor time over.")
  var idle = 15

  @Option(help: "The size of the terminal.")
  var size = "120x40"

  private struct Subject {
    let name: String
    let command: String
    var prepare = ""
    var environment: [String: String] = [:]
    var first: [Double] = []
    var keys: [String: [Double]] = [:]
    var burst: [Double] = []
    var memory: [Double] = []
    var idle: [Double] = []
  }

  private static let strokes: [(name: String, text: String, count: Int)] = [
    ("j", "j", 60), ("PageDown", "\u{1B}[6~", 30), ("End", "\u{1B}[F", 10),
    ("Home", "\u{1B}[H", 10),
  ]

  func perform() async throws {
    // A relative XDG_STATE_HOME counts for nothing.
    let fixture = URL(fileURLWithPath: fixture).standardizedFileURL.path
    let state = "\(fixture)/bench-state"
    try FileManager.default.createDirectory(
      atPath: "\(state)/countersign", withIntermediateDirectories: true)
    try? FileManager.default.createSymbolicLink(
      atPath: "\(state)/countersign/pins",
      withDestinationPath: URL(fileURLWithPath: "\(fixture)/pins").standardizedFileURL.path)
    let ours = Subject(
      name: "countersign",
      command:
        "'\(OwnProgram.path)' --registry '\(fixture)/registry.db' --key '\(fixture)/bench.key'",
      prepare: "3", environment: ["XDG_STATE_HOME": state])
    var subjects = [
      Subject(name: "echo", command: "sh -c 'stty raw -echo; echo ready; exec cat'"), ours,
    ]
    for text in peer {
      guard let sign = text.firstIndex(of: "=") else {
        throw CommandFault("peer_malformed", "\(text) is not NAME=COMMAND")
      }
      subjects.append(
        Subject(name: String(text[..<sign]), command: String(text[text.index(after: sign)...])))
    }
    for round in 0..<max(1, reps) {
      for index in subjects.indices {
        Output.note("round \(round + 1): \(subjects[index].name)")
        try await measure(&subjects[index])
      }
    }
    print(subjects)
    try await ConsoleLiveness(
      command: ours.command, environment: ours.environment, fixture: fixture, columns: columns,
      rows: rows
    ).measure()
  }

  private var columns: Int { size.split(separator: "x").first.flatMap { Int($0) } ?? 120 }
  private var rows: Int { size.split(separator: "x").last.flatMap { Int($0) } ?? 40 }

  private func measure(_ subject: inout Subject) async throws {
    let program = try TerminalProcess(
      subject.command, columns: columns, rows: rows,
      environment: subject.environment.merging(["TERM": "xterm-256color"]) { $1 })
    defer { program.end() }
    let painted = await program.output(
      since: program.started, quiet: .milliseconds(400), limit: .seconds(60))
    guard let first = painted.first(where: { $0.bytes.count > 60 }) ?? painted.first else {
      throw CommandFault("command_silent", "\(subject.name) draws nothing")
    }
    subject.first.append(program.started.duration(to: first.at).milliseconds)
    // A long log is verified by a child; what is measured is the console that is at rest.
    await program.settle(limit: .seconds(300))
    if !subject.prepare.isEmpty {
      let now = ContinuousClock.now
      program.press(subject.prepare)
      _ = await program.output(since: now, quiet: .milliseconds(400))
    }
    for stroke in ConsoleBench.strokes {
      for _ in 0..<stroke.count {
        let start = ContinuousClock.now
        program.press(stroke.text)
        let chunks = await program.output(
          since: start, quiet: .milliseconds(30), limit: .milliseconds(500))
        if let first = chunks.first {
          subject.keys[stroke.name, default: []].append(start.duration(to: first.at).milliseconds)
        }
      }
    }
    let start = ContinuousClock.now
    program.press(String(repeating: "j", count: 300))
    let drawn = await program.output(since: start, quiet: .milliseconds(300))
    if let last = drawn.last { subject.burst.append(start.duration(to: last.at).milliseconds) }
    try? await Task.sleep(for: .seconds(1))
    let spent = await program.processorSeconds(over: max(1, idle))
    subject.idle.append(spent / Double(max(1, idle)) * 100)
    subject.memory.append(program.residentMiB)
  }

  private func print(_ subjects: [Subject]) {
    func text(_ value: Double?) -> String {
      value.map { String(format: "%.1f", $0) } ?? "-"
    }
    let rows = subjects.map { subject -> [String] in
      let keys = ConsoleBench.strokes.flatMap { stroke in
        [text(subject.keys[stroke.name]?.share(0.5)), text(subject.keys[stroke.name]?.share(0.95))]
      }
      return [subject.name, text(subject.first.share(0.5))] + keys
        + [
          text(subject.burst.share(0.5)), text(subject.memory.share(0.5)),
          subject.idle.share(0.5).map { String(format: "%.2f", $0) } ?? "-",
        ]
    }
    Output.table(
      ["PROGRAM", "DRAWN ms"]
        + ConsoleBench.strokes.flatMap { ["\($0.name) p50", "p95"] }
        + ["300 j ms", "MiB", "IDLE %"], rows)
  }
}

extension [Double] {
  /// The value that a share of all does not exceed.
  func share(_ share: Double) -> Double? {
    isEmpty ? nil : sorted()[Swift.min(count - 1, Int(share * Double(count)))]
  }
}

extension Duration {
  var milliseconds: Double {
    Double(components.seconds) * 1000 + Double(components.attoseconds) / 1e15
  }
}
