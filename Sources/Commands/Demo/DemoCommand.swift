import Approvals
import ArgumentParser
import Authority
import CanonicalJSON
import Console
import Decisions
import Enforcement
import Fixtures
import Foundation
import Keys
import Registry
import Statements
import Synchronization

struct DemoCommand: Subcommand {
  static let configuration = CommandConfiguration(
    commandName: "demo",
    abstract: "Build a sample company, start its daemon and agents, open the console on them.",
    discussion: """
      All keys are demonstration keys; the operators' passphrase is "demo". A deploy, a refund and a \
      rotation of a secret wait for you; then one agent floods the queue, and you stop it. With --keep \
      DIR everything stays, and the same line goes on with it.
      """)

  @Option(help: "The folder of sample data. Default: sample-data here, or beside the program.")
  var data: String?

  @Option(help: "Build here, or go on with what was built here before, and leave everything.")
  var keep: String?

  @Flag(help: "No console: run the fleet, approve one hold, deny one, print a summary.")
  var headless = false

  @Option(help: "With --headless: how many seconds to run.")
  var seconds: Int = 20

  @Option(help: "A theme file, or the name of one.")
  var theme: String?

  @Flag(help: "Use no colour.")
  var noColor = false

  func perform() async throws {
    let folder = try place()
    defer { if keep == nil { try? FileManager.default.removeItem(atPath: folder) } }
    // The demonstration's pins and keys stay in its own folder.
    setenv("XDG_STATE_HOME", "\(folder)/state", 1)
    let source = try sampleFolder()
    let manifest = "\(source)/company.yaml"
    let company = try SampleCompany(
      yaml: String(decoding: try Parse.file(manifest), as: UTF8.self), file: manifest)
    let registry: SampleRegistry
    if FileManager.default.fileExists(atPath: "\(folder)/registry.db") {
      Output.note("going on with the sample company in \(folder)")
      registry = try SampleRegistry(again: company, in: folder)
    } else {
      Output.note("building the sample company in \(folder)")
      registry = try SampleRegistry(company, in: folder, pins: PinStore(folder: Paths().pins)) {
        try Parse.file("\(source)/\($0)")
      }
    }
    Output.note("starting countersignd")
    let daemon = try await Daemon.start(registry)
    defer { daemon.stop() }
    let leave: @Sendable () -> Void = { [keep] in
      daemon.stop()
      if keep == nil { try? FileManager.default.removeItem(atPath: folder) }
    }
    LeavingSignals.call(leave)
    guard let person = company.operators.first(where: { $0.name != company.founder }) else {
      throw CommandFault("sample_lonely", "the sample company needs a second operator")
    }
    let story = DemoStory(person.name)
    let fleet = Fleet(registry) { story.take($0) }
    let work = Task.detached { [headless] in await fleet.work(headless ? .hasty : .human) }
    defer { work.cancel() }
    if headless {
      try await runHeadless(registry, fleet, as: person.name)
      return
    }
    var session = ConsoleSession(
      files: ConsoleFiles(), theme: theme, noColor: noColor, banner: story.banner)
    session.leaving = leaving(folder)
    session.started = { post in story.tell { post(.banner($0)) } }
    session.atEnd = leave
    try await session.run(
      registry: try RegistryOptions.parse(["--registry", registry.path]),
      signer: try OperatorOptions.parse(["--key", registry.operatorKey(person.name)]))
    if let keep { Output.line("left in \(folder); go on with: countersign demo --keep \(keep)") }
  }

  /// What `q` ends, for those who may not know that there is more than a screen.
  private func leaving(_ folder: String) -> String {
    keep == nil
      ? "q again ends the demonstration: its daemon and agents stop, and its registry is removed"
      : "q again stops the daemon and the agents; the registry stays in \(folder)"
  }

  private func place() throws -> String {
    if let keep {
      try FileManager.default.createDirectory(atPath: keep, withIntermediateDirectories: true)
      return URL(fileURLWithPath: keep).path
    }
    var template = Array("/tmp/countersign-demo-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else {
      throw CommandFault("folder_unwritable", "no folder can be made in /tmp")
    }
    return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  private func sampleFolder() throws -> String {
    let binary = OwnProgram.folder
    let candidates =
      data.map { [$0] } ?? [
        "sample-data", "\(binary)/../share/countersign/sample-data", "\(binary)/../../sample-data",
        "\(binary)/../../../sample-data",
      ]
    for path in candidates where FileManager.default.fileExists(atPath: "\(path)/company.yaml") {
      return path
    }
    throw CommandFault("sample_missing", "company.yaml was not found; name its folder with --data")
  }

  /// The same review, vote and append as in the console, without a screen.
  private func runHeadless(
    _ registry: SampleRegistry, _ fleet: Fleet, as voter: Principal
  ) async throws {
    Output.note("running the fleet for \(seconds) s")
    let options = try RegistryOptions.parse(["--registry", registry.path])
    var phrase = Array(SampleRegistry.passphrase.utf8)
    let sealed = try SealedKey(path: registry.operatorKey(voter))
    let key = try sealed.open(passphrase: SecretBytes(wiping: &phrase))
    var votes: [ApprovalVoted.Vote] = [.approve, .deny]
    var released = 0
    let end = ContinuousClock.now.advanced(by: .seconds(seconds))
    while ContinuousClock.now < end {
      try await Task.sleep(for: .milliseconds(500))
      guard let vote = votes.first else { continue }
      let ledger = try options.ledger()
      let now = Clock.system.now()
      for hold in ledger.state.openHolds(at: now).sorted(by: { $0.received < $1.received }) {
        guard hold.votes.isEmpty,
          let (review, _) = try? ReviewText.make(hold.digest.hex, ledger, voter: voter),
          review.objection == nil, review.completes
        else { continue }
        let result = try ledger.sign(
          .approvalVoted(
            ApprovalVoted(
              hold: hold.digest, vote: vote,
              reason: ByteString("the demonstration's \(vote.rawValue)"),
              validUntil: nil)), by: voter, key: key, clock: .system)
        Output.line(
          "\(vote.rawValue)  \(hold.digest.short)  \(review.action.action.text) on "
            + "\(review.action.resource.text)  entry #\(result.index)")
        votes.removeFirst()
        break
      }
    }
    let ledger = try options.ledger(.readOnly)
    released =
      ledger.state.holds.all { if case .released? = $0.end { true } else { false } }.count
    let report = try LogVerification.run(ledger.database, pins: PinStore(folder: Paths().pins))
    Output.line("entries    \(report.size)")
    Output.line("decisions  \(report.decisions)")
    for (verdict, count) in fleet.tally.sorted(by: { $0.key < $1.key }) {
      Output.line("answered   \(count) \(verdict)")
    }
    Output.line("released   \(released)")
    Output.line("log        \(report.findings.isEmpty ? "verified" : report.findings[0])")
    if keep != nil { Output.line("left in    \(registry.folder)") }
    guard votes.isEmpty, report.findings.isEmpty, released > 0 else { throw ExitStatus.failed }
  }
}

/// Ends the demonstration when a signal does, so that nothing of it stays behind.
private enum LeavingSignals {
  nonisolated(unsafe) private static var wake: Int32 = -1

  /// Calls a closure on a thread of its own at the first such signal, then ends the process; the
  /// console, once open, takes these signals itself.
  static func call(_ leave: @escaping @Sendable () -> Void) {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { return }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    wake = ends[1]
    let listening = ends[0]
    for number in [SIGTERM, SIGINT, SIGHUP] {
      signal(number) { number in
        var byte = UInt8(truncatingIfNeeded: number)
        _ = write(LeavingSignals.wake, &byte, 1)
      }
    }
    Thread.detachNewThread {
      var byte: UInt8 = 0
      while read(listening, &byte, 1) < 0, errno == EINTR {}
      leave()
      exit(128 + Int32(byte))
    }
  }
}

/// What the demonstration tells its visitor, as the story goes on.
private final class DemoStory: Sendable {
  private struct State {
    var banner: String
    var tell: (@Sendable (String) -> Void)?
  }

  private let person: Principal
  private let state: Mutex<State>

  init(_ person: Principal) {
    self.person = person
    state = Mutex(State(banner: DemoStory.start(person)))
  }

  var banner: String { state.withLock { $0.banner } }

  /// Calls from now on whenever the words change, and once at first.
  func tell(_ tell: @escaping @Sendable (String) -> Void) {
    state.withLock {
      $0.tell = tell
      tell($0.banner)
    }
  }

  private static let passphrase = "passphrase \(SampleRegistry.passphrase)"

  private static func start(_ person: Principal) -> String {
    "demo: you are \(person), \(passphrase). Enter reviews a hold, ? helps"
  }

  /// At most a row of 80 columns.
  func take(_ event: Fleet.Event) {
    switch event {
    case .flood(let agent):
      say("\(agent) floods the queue: select it, press L (\(DemoStory.passphrase))")
    case .stopped(let agent, let reason):
      let words = "\(agent) is \(reason): the flood is over (demo, \(DemoStory.passphrase))"
      say(words)
      Task { [self] in
        try? await Task.sleep(for: .seconds(DemoStory.overSeconds))
        // Nothing is left to be done about it: what the visitor needs stands there again.
        say(DemoStory.start(person), inPlaceOf: words)
      }
    }
  }

  /// So long the end of the flood is told.
  private static let overSeconds = 30

  private func say(_ words: String, inPlaceOf old: String? = nil) {
    state.withLock {
      guard old == nil || $0.banner == old else { return }
      $0.banner = words
      $0.tell?(words)
    }
  }
}

/// The real daemon, as a child of the demonstration.
final class Daemon: Sendable {
  private let identifier: Int32

  private init(identifier: Int32) {
    self.identifier = identifier
  }

  static func start(_ registry: SampleRegistry) async throws -> Daemon {
    let client = AgentClient(socket: registry.socket)
    if (try? await client.isWell()) != nil {
      throw CommandFault(
        "demo_running", "a daemon answers at \(registry.socket): end that demonstration first")
    }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "\(OwnProgram.folder)/countersignd")
    process.arguments = [
      "--registry", registry.path, "--service", registry.company.service.description, "--key",
      registry.serviceKey, "--socket", registry.socket, "--quiet",
      // A flood leaves room on the screen.
      "--max-holds", "4",
    ]
    process.standardError = FileHandle(forWritingAtPath: "/dev/null")
    do {
      try process.run()
    } catch {
      throw CommandFault("daemon_missing", "\(OwnProgram.folder)/countersignd cannot be started")
    }
    for _ in 0..<100 {
      if (try? await client.isWell()) == true {
        return Daemon(identifier: process.processIdentifier)
      }
      try await Task.sleep(for: .milliseconds(100))
    }
    process.terminate()
    throw CommandFault("daemon_silent", "countersignd did not answer within 10 s")
  }

  /// Stops the daemon and waits until it has closed the registry.
  func stop() {
    guard kill(identifier, SIGTERM) == 0 else { return }
    for _ in 0..<100 where kill(identifier, 0) == 0 { usleep(50_000) }
  }
}
