import CanonicalJSON
import Foundation
import Registry
import Statements
import Synchronization
import Terminal
import TestSupport
import Testing

@testable import Commands
@testable import Console

/// What screens cost must not grow with the registry: counted, not timed.
@Suite(.serialized) struct ScaleTests {
  nonisolated(unsafe) private static var home = ""

  /// Really signed registries of two sizes, made once by the program's own generator.
  nonisolated(unsafe) private static let made = Result<
    (box: Sandbox, small: String, large: String), any Error
  > {
    let box = try Sandbox()
    ScaleTests.home = box.home
    // What all tests share is nobody's to take down, but goes with the process.
    atexit { try? FileManager.default.removeItem(atPath: ScaleTests.home) }
    for (name, agents, decisions) in [("small", 200, 600), ("large", 2000, 20_000)] {
      try box.countersign(
        "bench", "fixture", "--agents", "\(agents)", "--decisions", "\(decisions)", "--out",
        "\(box.home)/\(name)")
    }
    return (box, "\(box.home)/small", "\(box.home)/large")
  }

  /// A reader of one registry, and what its reading costs.
  private struct Reading {
    let reader: RegistryReader
    let database: RegistryDatabase
    let count = ReadCount()

    init(_ folder: String) throws {
      database = try RegistryDatabase("\(folder)/registry.db", access: .readOnly)
      database.count(in: count)
      reader = RegistryReader(database, viewer: Principal("user:bench"))
    }

    /// Pages a request gave, the last one being the answer; and what the answer alone cost.
    func load(_ request: ListRequest) async -> (pages: [ListPage], statements: Int, steps: Int) {
      let found = Mutex<(pages: [ListPage], statements: Int, steps: Int)>(([], 0, 0))
      count.reset()
      reader.supersede(request)
      await reader.page(request) { [count] message in
        guard case .page(let page) = message else { return }
        found.withLock {
          $0.pages.append(page)
          // Totals are counted after the rows are on the screen.
          ($0.statements, $0.steps) = (count.statements, count.steps)
        }
      }
      return found.withLock { $0 }
    }
  }

  private func request(
    _ view: View, _ anchor: ListRequest.Anchor, filter: String = "", order: Order? = nil,
    isReversed: Bool = false, limit: Int = 120, serial: Int = 1
  ) -> ListRequest {
    ListRequest(
      view: view, serial: serial, anchor: anchor, limit: limit,
      order: order ?? view.orders.first ?? .natural, isReversed: isReversed, filter: filter,
      showsEnded: false, collapses: true)
  }

  @Test(arguments: View.allCases.filter { $0 != .tree })
  func `a page of any list costs the same in a registry ten times the size`(
    _ view: View
  ) async throws {
    let made = try ScaleTests.made.get()
    let (small, large) = (try Reading(made.small), try Reading(made.large))
    var serial = 0
    for anchor in [ListRequest.Anchor.first, .last] {
      serial += 1
      let few = await small.load(request(view, anchor, serial: serial))
      let many = await large.load(request(view, anchor, serial: serial))
      let answer = try #require(many.pages.last)
      #expect(many.pages.count == 1)
      #expect(many.statements == few.statements, "\(view) \(anchor)")
      #expect(
        many.steps <= few.steps * 3 / 2 + 2000,
        "\(view) \(anchor): \(few.steps) steps, then \(many.steps)")
      // And so does the next page, wherever the first one ended.
      guard case .first = anchor, answer.hasMore, let last = answer.rows.last else { continue }
      serial += 1
      let next = await large.load(request(view, .after(last.place), serial: serial))
      #expect(
        next.steps <= many.steps * 3 / 2 + 2000,
        "\(view): \(many.steps) steps for the first page, \(next.steps) for the next")
      let targets = Set(answer.rows.map(\.target))
      #expect(next.pages.last?.rows.contains { targets.contains($0.target) } == false)
    }
  }

  @Test func `what every screen shows of the registry is read in a bounded number of steps`()
    async throws
  {
    let made = try ScaleTests.made.get()
    let (small, large) = (try Reading(made.small), try Reading(made.large))
    _ = await small.reader.status(force: true)
    _ = await large.reader.status(force: true)
    #expect(large.count.statements == small.count.statements)
    #expect(large.count.steps <= small.count.steps * 3 / 2 + 500)
    #expect(large.count.statements <= 16)
  }

  @Test func `one agent of all is found without reading the others' rows`() async throws {
    let large = try Reading(ScaleTests.made.get().large)
    let found = await large.load(request(.agents, .first, filter: "bot-0001973"))
    #expect(found.pages.last?.rows.map(\.target) == [.agent("agent:bot-0001973")])
    // A thousand rows at first, as a text that many have would fill the page from them.
    #expect(found.steps < 24_000, "\(found.steps) steps")
    let total = try large.database.read {
      var window = WindowRequest(anchor: .first, limit: 1, now: Timestamp(milliseconds: 0))
      window.terms = [WindowTerm(pattern: "%bot-00019%", needle: "bot-00019")]
      return try $0.listCount(of: .agents, window, upTo: 100_000)
    }
    #expect(total == 100)
  }

  @Test func `agents found by their lines are those found by their rows`() async throws {
    let large = try Reading(ScaleTests.made.get().large)
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = Xorshift(state: seed | 1)
    for round in 0..<60 {
      let number = String(Int.random(in: 0..<2000, using: &random))
      let text =
        [number, "BOT-000" + number, "bench", "owner:user:b", "name:\(number)", "worker"]
        .randomElement(using: &random) ?? ""
      let term = try #require(Filter(text, .agents).terms.first)
      let order: [WindowRequest.Order] = [.name, .owner]
      var lines = WindowRequest(
        anchor: .first, limit: Int.random(in: 1...50, using: &random),
        now: Timestamp(milliseconds: 0))
      lines.order = order.randomElement(using: &random) ?? .name
      lines.isReversed = Bool.random(using: &random)
      var rows = lines
      lines.terms = [
        WindowTerm(pattern: term.pattern, needle: term.text, column: term.column)
      ]
      rows.terms = [WindowTerm(pattern: term.pattern, column: term.column)]
      try large.database.read { transaction in
        // Page by page to the end, both ways.
        for _ in 0..<4 {
          let one = try transaction.agentList(lines)
          let other = try transaction.agentList(rows)
          let names = (one.rows.map(\.record.principal), other.rows.map(\.record.principal))
          #expect(names.0 == names.1, "seed \(seed) round \(round): \(text)")
          #expect(one.hasMore == other.hasMore, "seed \(seed) round \(round): \(text)")
          guard let last = one.rows.last, one.hasMore else { break }
          let places: [WindowRequest.Anchor] = [.after(last.place), .before(last.place)]
          let anchor = places.randomElement(using: &random) ?? .last
          (lines, rows) = (lines.at(anchor), rows.at(anchor))
        }
        #expect(
          try transaction.listCount(of: .agents, lines, upTo: 5000)
            == transaction.listCount(of: .agents, rows, upTo: 5000), "seed \(seed): \(text)")
      }
    }
  }

  @Test func `a filter tells how far it is, and ends when another takes its place`() async throws {
    let large = try Reading(ScaleTests.made.get().large)
    let whole = await large.load(request(.decisions, .last, filter: "nothing has this"))
    #expect(whole.pages.dropLast().allSatisfy { $0.searched != nil && $0.rows.isEmpty })
    #expect(whole.pages.count > 3)
    #expect(whole.pages.last?.rows.isEmpty == true)
    // Overtaken as soon as it has told how far it is, it gives no answer.
    let first = request(.decisions, .last, filter: "nothing has that", serial: 5)
    let pages = Mutex<[ListPage]>([])
    large.reader.supersede(first)
    await large.reader.page(first) { message in
      guard case .page(let page) = message else { return }
      pages.withLock { $0.append(page) }
      large.reader.supersede(self.request(.decisions, .last, serial: 6))
    }
    #expect(pages.withLock { $0.count } == 1)
  }

  @Test func `a key draws what changed, and nothing is drawn when nothing moves`() async throws {
    let made = try ScaleTests.made.get()
    let program = made.box.countersignPath
    let terminal = try TerminalProcess(
      "\(program) --registry \(made.large)/registry.db --key \(made.large)/bench.key",
      columns: 120, rows: 40,
      environment: [
        "TERM": "xterm-256color", "HOME": made.box.home,
        "XDG_STATE_HOME": try made.box.state(of: made.large),
      ])
    defer { terminal.end() }
    func bytes(_ keys: String) async -> Int {
      let start = ContinuousClock.now
      terminal.press(keys)
      return await terminal.output(since: start, quiet: .milliseconds(400), limit: .seconds(20))
        .reduce(0) { $0 + $1.bytes.count }
    }
    let first = await terminal.output(
      since: terminal.started, quiet: .seconds(2), limit: .seconds(60))
    #expect(first.reduce(0) { $0 + $1.bytes.count } < 12_000)
    #expect(await bytes("3") < 12_000)
    // Once or twice something else that was on its way may come with it: a count, a preview.
    var drawn: [Int] = []
    for _ in 0..<7 { drawn.append(await bytes("j")) }
    #expect(drawn.sorted()[3] < 900, "\(drawn)")
    #expect(await bytes("\u{1B}[6~") < 12_000)
    // Three hundred keys at once are one drawing, not three hundred.
    #expect(await bytes(String(repeating: "j", count: 300)) < 24_000)
    // The clock alone; on a busy machine something that was on its way may come with it.
    var least = Int.max
    for _ in 0..<5 where least >= 300 {
      let quiet = ContinuousClock.now
      try await Task.sleep(for: .seconds(3))
      let idle = await terminal.output(since: quiet, quiet: .zero, limit: .zero)
      least = min(least, idle.reduce(0) { $0 + $1.bytes.count })
    }
    #expect(least < 300)
  }
}

/// Marsaglia's xorshift64: the same numbers for the same seed.
private struct Xorshift: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state
  }
}

extension Sandbox {
  /// The built program.
  fileprivate var countersignPath: String {
    SharedSuites.root.appendingPathComponent(".build/debug/countersign").path
  }

  /// A state folder that has seen a registry made for measuring.
  fileprivate func state(of folder: String) throws -> String {
    let state = "\(folder)-state"
    try FileManager.default.createDirectory(
      atPath: "\(state)/countersign", withIntermediateDirectories: true)
    try? FileManager.default.createSymbolicLink(
      atPath: "\(state)/countersign/pins", withDestinationPath: "\(folder)/pins")
    return state
  }
}
