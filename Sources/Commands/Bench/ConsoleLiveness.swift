import Foundation
import Statements
import Terminal

/// What the console does while the registry moves, and how soon a filter answers.
struct ConsoleLiveness {
  let command: String
  let environment: [String: String]
  let fixture: String
  let columns: Int
  let rows: Int

  private static let samples = 60
  private static let rate = 200

  func measure() async throws {
    let decider = try await BenchDecider(folder: fixture)
    let program = try TerminalProcess(
      command, columns: columns, rows: rows,
      environment: environment.merging(["TERM": "xterm-256color"]) { $1 })
    defer { program.end() }
    _ = await program.output(since: program.started, quiet: .milliseconds(600))
    await program.settle(limit: .seconds(300))
    try await filter(program, agents: decider.agents)
    try await tail(program, decider)
    try await traffic(program, decider)
    try await decider.close()
  }

  /// From the last key of an agent's name to the last drawing: its row and the count.
  private func filter(_ program: TerminalProcess, agents: Int) async throws {
    var times: [Double] = []
    for share in [0.97, 0.5, 0.03, 0.73, 0.21] {
      let name = try BenchWorld.agent(Int(Double(agents) * share)).name
      await press(program, "3")
      await press(program, "/")
      await press(program, String(name.dropLast()))
      let start = ContinuousClock.now
      program.press(String(name.suffix(1)))
      let drawn = await program.output(since: start, quiet: .milliseconds(400))
        .filter(\.isMoreThanClock)
      if let last = drawn.last { times.append(start.duration(to: last.at).milliseconds) }
      await press(program, "\u{1B}")
      await press(program, "\u{1B}")
    }
    report("filter for one of \(agents) agents, last key to answer and count", times)
  }

  private func press(_ program: TerminalProcess, _ keys: String) async {
    let start = ContinuousClock.now
    program.press(keys)
    _ = await program.output(since: start, quiet: .milliseconds(300), limit: .seconds(3))
  }

  /// From a decision's answer, which is when it is durable, to its row on the screen.
  private func tail(_ program: TerminalProcess, _ decider: BenchDecider) async throws {
    await press(program, "2")
    var times: [Double] = []
    for number in 0..<ConsoleLiveness.samples {
      // Letters of two alphabets in turn: each row is drawn whole where another one stood.
      let letters = Array(number % 2 == 0 ? "abcdefghijklm" : "nopqrstuvwxyz")
      let token = String((0..<10).map { _ in letters.randomElement() ?? "a" })
      let start = ContinuousClock.now
      try await decider.decide(named: token, agent: number)
      let committed = ContinuousClock.now
      if let seen = await program.arrival(of: token, since: start, limit: .seconds(2)) {
        times.append(max(0, committed.duration(to: seen).milliseconds))
      }
      try? await Task.sleep(for: .milliseconds(Int.random(in: 120...260)))
    }
    report("commit to row on screen", times)
  }

  /// Keys while decisions arrive.
  private func traffic(_ program: TerminalProcess, _ decider: BenchDecider) async throws {
    await press(program, "3")
    let sender = Task {
      var number = 0
      let start = ContinuousClock.now
      while !Task.isCancelled {
        number += 1
        try await decider.decide(named: "traffic\(number % 997)", agent: number)
        let due = start + .milliseconds(number * 1000 / ConsoleLiveness.rate)
        if due > .now { try await Task.sleep(until: due, clock: .continuous) }
      }
      return Double(number) / (start.duration(to: .now).milliseconds / 1000)
    }
    var times: [Double] = []
    for number in 0..<300 {
      let start = ContinuousClock.now
      program.press(number % 20 == 19 ? "\u{1B}[6~" : "j")
      let chunks = await program.output(
        since: start, quiet: .milliseconds(4), limit: .milliseconds(300))
      if let first = chunks.first { times.append(start.duration(to: first.at).milliseconds) }
      try? await Task.sleep(for: .milliseconds(15))
    }
    sender.cancel()
    let reached = (try? await sender.value).map { Int($0) } ?? ConsoleLiveness.rate
    report("key to screen while \(reached) decisions a second arrive", times)
  }

  private func report(_ what: String, _ times: [Double]) {
    func text(_ share: Double) -> String {
      times.share(share).map { String(format: "%.1f", $0) } ?? "-"
    }
    Output.line(
      "\(what): p50 \(text(0.5)), p95 \(text(0.95)), p99 \(text(0.99)) ms of \(times.count)")
  }
}
