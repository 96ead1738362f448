import CanonicalJSON
import Console
import Foundation
import Keys
import Registry
import Statements
import Synchronization
import TestSupport
import Testing

@testable import Commands

/// What the console knows of deciding services: of real ones, as they end in every way.
@Suite(.serialized) struct ServiceWatchTests {
  /// A daemon at work, and a console's own watch of it.
  private final class Watched {
    let box: Sandbox
    let board: ServiceBoard
    let watch: ServiceWatch
    /// Every change, and when it was told.
    let told: Told

    final class Told: Sendable {
      private let list = Mutex<[(at: ContinuousClock.Instant, reports: [ServiceReport])]>([])

      func add(_ reports: [ServiceReport]) { list.withLock { $0.append((.now, reports)) } }
      var all: [(at: ContinuousClock.Instant, reports: [ServiceReport])] {
        list.withLock { $0 }
      }
    }

    init() throws {
      box = try Sandbox()
      _ = try SurvivalTests.company(box)
      try box.startDaemon()
      let told = Told()
      self.told = told
      let now: @Sendable () -> Timestamp = {
        Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000))
      }
      board = ServiceBoard(registry: box.registry, now: now) { told.add($0) }
      watch = try #require(ServiceWatch(board: board, registry: "", now: now))
      try read()
      watch.start()
    }

    deinit { watch.stop() }

    func read() throws {
      let database = try RegistryDatabase(box.registry, access: .readOnly)
      board.take(try database.read { try $0.services(limit: 16) })
    }

    /// Waits until the newest report is as wanted; how long that took.
    func until(
      _ what: String, seconds: Double = 90, _ isWanted: (ServiceReport) -> Bool
    ) async throws -> Duration {
      let start = ContinuousClock.now
      var isLate = false
      // Looks once more at the end: other tests can keep this one from running for longer than that.
      while !isLate {
        isLate = start.duration(to: .now) >= .seconds(seconds)
        if let last = told.all.last, last.reports.contains(where: isWanted) {
          return max(.zero, start.duration(to: last.at))
        }
        if !isLate { try await Task.sleep(for: .milliseconds(5)) }
      }
      Issue.record("\(what) was never told: \(told.all.last?.reports ?? [])")
      throw CancellationError()
    }
  }

  private static let limit = Duration.seconds(2)

  @Test func `a service that is ended by SIGTERM is told to have stopped, by what, at once`()
    async throws
  {
    let watched = try Watched()
    _ = try await watched.until("deciding") { $0.state == .deciding }
    let status = watched.box.stopDaemon()
    #expect(status == 0)
    let late = try await watched.until("stopped") {
      if case .stopped(_, "SIGTERM") = $0.state { true } else { false }
    }
    #expect(late < ServiceWatchTests.limit)
    // Whoever comes later learns it from the row.
    let reports = ServiceSurvey.reports(
      try RegistryDatabase(watched.box.registry, access: .readOnly), registry: "")
    #expect(reports.count == 1)
    guard case .stopped(_, let by)? = reports.first?.state else {
      Issue.record("\(reports)")
      return
    }
    #expect(by == "SIGTERM" && reports.first?.name == "gateway-1")
    // And it is told when it runs again.
    try watched.box.startDaemon()
    _ = try await watched.until("deciding again") { $0.state == .deciding }
  }

  @Test
  func `a service that is killed is unreachable within two seconds, and back when it runs again`()
    async throws
  {
    let watched = try Watched()
    for _ in 0..<3 {
      _ = try await watched.until("deciding") { $0.state == .deciding }
      watched.box.killDaemon()
      let late = try await watched.until("unreachable") {
        if case .unreachable = $0.state { true } else { false }
      }
      #expect(late < ServiceWatchTests.limit)
      try watched.box.startDaemon()
      _ = try await watched.until("deciding again") { $0.state == .deciding }
    }
  }

  @Test func `a service that hangs is found out by asking, and so is that it goes on`()
    async throws
  {
    let watched = try Watched()
    _ = try await watched.until("deciding") { $0.state == .deciding }
    watched.box.signalDaemon(SIGSTOP)
    defer { watched.box.signalDaemon(SIGCONT) }
    // As the console's tick does, every five seconds: a process is not stopped at once everywhere.
    let watch = watched.watch
    let asking = Task {
      while !Task.isCancelled {
        watch.probe()
        try? await Task.sleep(for: .milliseconds(500))
      }
    }
    defer { asking.cancel() }
    _ = try await watched.until("unreachable") {
      if case .unreachable = $0.state { true } else { false }
    }
    watched.box.signalDaemon(SIGCONT)
    _ = try await watched.until("deciding again") { $0.state == .deciding }
  }

  @Test func `a watched service that rests wakes nobody, and its idle connection is not cut`()
    async throws
  {
    let watched = try Watched()
    _ = try await watched.until("deciding") { $0.state == .deciding }
    let told = watched.told.all.count
    let spent = watched.watch.wakeUps
    #expect(spent > 0, "it has woken for the answer")
    try await Task.sleep(for: .seconds(3))
    #expect(watched.told.all.count == told)
    #expect(watched.watch.wakeUps == spent, "the watch's thread has slept all the time")
    #expect(
      try watched.box.shell(
        "stat -c %Y \(watched.box.registry)-wal > \(watched.box.home)/a; sleep 2; "
          + "stat -c %Y \(watched.box.registry)-wal | cmp - \(watched.box.home)/a"
      ).status == 0,
      "at rest the service writes nothing")
  }

  @Test func `many watchers that read nothing take nothing from who decides`() throws {
    let box = try Sandbox()
    let grant = try SurvivalTests.company(box)
    try box.startDaemon()
    let watchers = try box.inBackground(
      "/usr/bin/python3",
      [
        "-c",
        """
        import socket, sys, time
        held, refused = [], 0
        for n in range(40):
          s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
          s.sendall(b'GET /v1/watch HTTP/1.1\\r\\nhost: x\\r\\n\\r\\n')
          if n % 2: refused += b' 429 ' in s.recv(64)
          held.append(s)
        open(sys.argv[2], 'w').write(str(refused))
        time.sleep(60)
        """, box.socket, "\(box.home)/refused",
      ])
    defer { kill(watchers.processIdentifier, SIGKILL) }
    for _ in 0..<200 where !FileManager.default.fileExists(atPath: "\(box.home)/refused") {
      usleep(50_000)
    }
    usleep(100_000)
    let refused =
      Int(
        (try? String(contentsOfFile: "\(box.home)/refused", encoding: .utf8)) ?? "") ?? 0
    // Sixteen may watch; twenty were read.
    #expect(refused >= 4, "\(refused) were refused")
    let start = ContinuousClock.now
    for number in 0..<5 {
      let outcome = try box.program([
        "act", "note", "log://notes/\(number)", "--agent", "agent:bot", "--key",
        "\(box.home)/bot.pem", "--grant", grant, "--socket", box.socket,
      ])
      #expect(outcome.status == 0, "\(outcome.output)\(outcome.errors)")
    }
    #expect(start.duration(to: .now) < .seconds(20))
    // It ends in time although nobody takes what it says.
    let end = ContinuousClock.now
    #expect(box.stopDaemon() == 0)
    #expect(end.duration(to: .now) < .seconds(5))
    // And places are given back: those who left do not count.
    kill(watchers.processIdentifier, SIGKILL)
    try box.startDaemon()
    let again = try box.shell(
      """
      python3 - <<'X'
      import socket
      codes = []
      for n in range(50):
        s = socket.socket(socket.AF_UNIX); s.connect('\(box.socket)')
        s.sendall(b'GET /v1/watch HTTP/1.1\\r\\nhost: x\\r\\n\\r\\n')
        codes.append(s.recv(64).split()[1].decode()); s.close()
        import time; time.sleep(0.02)
      print(' '.join(sorted(set(codes))))
      X
      """)
    #expect(again.output == "200\n", "\(again)")
  }

  @Test func `while it decides it writes its pace once a second, and consoles show it`() throws {
    let box = try Sandbox()
    let grant = try SurvivalTests.company(box)
    try box.startDaemon()
    try box.startConsole(key: "\(box.home)/alice.key")
    try box.see("gateway-1 deciding")
    for number in 0..<3 {
      _ = try box.program([
        "act", "note", "log://notes/\(number)", "--agent", "agent:bot", "--key",
        "\(box.home)/bot.pem", "--grant", grant, "--socket", box.socket,
      ])
    }
    var line = ""
    for _ in 0..<100 where !line.contains(/gateway-1 deciding [0-9.]+\/s [0-9]/) {
      usleep(100_000)
      line = box.screen.split(separator: "\n").first.map(String.init) ?? ""
    }
    #expect(line.contains(/gateway-1 deciding [0-9.]+\/s [0-9.]+s  log OK/), "\(line)")
    let doctor = try box.countersign("doctor", "--registry", box.registry, expect: nil)
    #expect(doctor.output.contains(/ok +service +gateway-1 deciding/), "\(doctor.output)")
    box.killDaemon()
    let killed = ContinuousClock.now
    try box.see("UNREACHABLE since", seconds: 5)
    #expect(
      killed.duration(to: .now) < .seconds(2.5), "drawn by tmux, seen every tenth of a second")
    let after = try box.countersign("doctor", "--registry", box.registry, expect: 1)
    #expect(after.output.contains(/BAD +service +gateway-1 has been unreachable since/))
    #expect(after.output.contains("released when the service runs again and the agent asks"))
    try box.startDaemon()
    try box.see("gateway-1 deciding", seconds: 5)
    #expect(box.stopDaemon() == 0)
    try box.see("by SIGTERM", seconds: 5)
    let plain = try box.countersign(
      "console", "--plain", "--registry", box.registry, "--key", "\(box.home)/alice.key",
      input: "quit\n")
    #expect(plain.output.contains(/ALERT. Service gateway-1 stopped at [0-9:]{8} by SIGTERM/))
  }
}

/// What rows and sockets together say; rows may be written by anyone who can write the file.
@Suite struct ServiceBoardTests {
  private let folder = NSTemporaryDirectory() + "board-\(UUID().uuidString.prefix(8))"
  private let now = Timestamp(milliseconds: 1_795_428_000_000)

  init() throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  }

  private var path: String { real + "/countersignd.sock" }
  private var real: String {
    URL(fileURLWithPath: folder).resolvingSymlinksInPath().path
  }

  private func board(at now: Timestamp? = nil) -> ServiceBoard {
    ServiceBoard(registry: "\(folder)/registry.db", host: "here", now: { now ?? self.now })
  }

  private func row(
    _ service: String = "service:gateway-1", host: String = "here", socket: String? = nil,
    secondsAgo: Int64 = 1, change: (inout ServiceRow) -> Void = { _ in }
  ) -> ServiceRow {
    var row = ServiceRow(
      service: service, host: host, socket: socket ?? path, process: 7,
      started: now.advanced(bySeconds: -secondsAgo))
    change(&row)
    return row
  }

  @Test func `a row alone never says that a service of this machine decides`() {
    let board = board()
    board.take([row()])
    board.take(.absent, at: path)
    #expect(board.reports.map(\.state) == [.unreachable(since: row().beat)])
    board.take(.lost(service: nil, since: now), at: path)
    #expect(board.reports.first?.isDown == true)
    board.take(.watched(service: "service:gateway-1"), at: path)
    #expect(board.reports.map(\.state) == [.deciding])
  }

  @Test func `one of another machine is told by its rows, and called so`() {
    let board = board()
    board.take([row(host: "there", socket: "/x/a.sock")])
    board.take(.absent, at: path)
    #expect(board.reports.map(\.state) == [.reported])
    #expect(board.reports.first?.label == "gateway-1@there")
    board.take([row(host: "there", socket: "/x/a.sock", secondsAgo: 40)])
    #expect(
      board.reports.first?.words == "gateway-1@there no heartbeat since 09:59:20")
  }

  @Test func `what a service said last stands until it says something else`() {
    let board = board()
    board.take([row()])
    board.take(.watched(service: "service:gateway-1"), at: path)
    board.take(.stopped(service: "service:gateway-1", at: now, by: "SIGTERM"), at: path)
    board.take(.lost(service: "service:gateway-1", since: now), at: path)
    board.take(.absent, at: path)
    #expect(board.reports.map(\.state) == [.stopped(at: now, by: "SIGTERM")])
    board.take(.watched(service: "service:gateway-1"), at: path)
    #expect(board.reports.map(\.state) == [.deciding])
  }

  @Test func `never: a socket that a row names elsewhere is connected to`() {
    let board = board()
    board.take([
      row(socket: "/run/user/0/agent.sock"), row(socket: "\(real)/../other.sock"),
      row(socket: "\(real)/.."), row(socket: real), row(socket: "relative.sock"),
      row(host: "there"), row(socket: "\(real)/second.sock"),
    ])
    #expect(board.sockets == [path, "\(real)/second.sock"])
  }

  @Test func `hostile rows draw nothing hidden, name no signal that is none, and are few`() {
    let board = board()
    board.take([
      row("service:gateway-1") {
        $0.ended = now
        $0.cause = "SIGTERM\u{1B}[31m; all is well"
      },
      row("agent:gateway-1", socket: "\(real)/a.sock"), row("\u{202E}", socket: "\(real)/b.sock"),
      row("service:\u{1B}[2J", socket: "\(real)/c.sock"),
    ])
    for socket in board.sockets { board.take(.absent, at: socket) }
    #expect(board.reports.map(\.words) == ["gateway-1 STOPPED 10:00:00"])
    board.take((0..<500).map { row(host: "h\($0)", socket: "/s/\($0)") })
    #expect(board.reports.count <= ServiceBoard.rowLimit)
  }

  @Test func `what ended long ago is forgotten while another decides`() {
    let board = board()
    let old = row(socket: "\(real)/old.sock", secondsAgo: 7200) { $0.ended = $0.beat }
    board.take([row(), old])
    board.take(.absent, at: "\(real)/old.sock")
    board.take(.lost(service: nil, since: now), at: path)
    #expect(board.reports.count == 2)
    board.take(.watched(service: "service:gateway-1"), at: path)
    #expect(board.reports.map(\.state) == [.deciding])
  }

  @Test func `an answer is read line by line, and nothing else in it counts`() {
    func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    let first =
      "4b\r\n{\"registry\":\"ab\",\"service\":\"service:gateway-1\",\"state\":\"deciding\"}\n\r\n"
    let last =
      "4b\r\n{\"at\":\"2026-11-23T10:15:21.123Z\",\"by\":\"SIGTERM\",\"state\":\"stopped\"}\n\r\n0\r\n\r\n"
    #expect(
      ServiceAnswer.lines(bytes(head + first + last)) == [
        .deciding(service: "service:gateway-1", registry: "ab"),
        .stopped(
          at: Timestamp(ByteString("2026-11-23T10:15:21.123Z")) ?? now, by: "SIGTERM"),
      ])
    for text in [
      "", "HTTP/1.1 429 Too Many\r\n\r\n" + first, "HTTP/1.1 200 OK\r\n" + first,
      head + "{\"state\":\"deciding\",\"service\":\"agent:x\",\"registry\":\"ab\"}\n",
      head + "{\"state\":\"deciding\"", head + "{\"state\":\"stopped\",\"at\":\"now\"}\n",
    ] {
      #expect(ServiceAnswer.lines(bytes(text)).isEmpty, "\(text)")
    }
    #expect("SIGTERM".signalName == "SIGTERM" && "SIGTERM ".signalName.isEmpty)
    #expect("sigterm".signalName.isEmpty && "a fault".signalName == "a fault")
  }
}
