import Foundation
import Glibc
import Statements
import Synchronization

/// Watches the sockets of deciding services over connections that end when the services do.
///
/// One thread sleeps on all of them. While every service is watched it wakes for nothing; the console's
/// own tick has it ask whether they still answer. A class because it owns descriptors and that thread.
final class ServiceWatch: Sendable {
  /// What other threads ask of this one.
  private struct Orders {
    var isStopped = false
    var probes = false
  }

  private let board: ServiceBoard
  /// The registry's id: what answers for another one is not what is looked for.
  private let registry: String
  private let now: @Sendable () -> Timestamp
  private let orders = Mutex(Orders())
  /// How often the thread has woken.
  private let waits = Mutex(0)
  private let wakeRead: Int32
  private let wakeWrite: Int32

  init?(
    board: ServiceBoard, registry: String, now: @escaping @Sendable () -> Timestamp
  ) {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { return nil }
    for end in ends {
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
      _ = fcntl(end, F_SETFL, O_NONBLOCK)
    }
    self.board = board
    self.registry = registry
    self.now = now
    (wakeRead, wakeWrite) = (ends[0], ends[1])
  }

  deinit {
    close(wakeRead)
    close(wakeWrite)
  }

  /// Begins to watch, on a thread of its own.
  func start() {
    let thread = Thread { [self] in
      var watching = Watching(board: board, registry: registry, now: now)
      while !orders.withLock({ $0.isStopped }) {
        if orders.withLock({ orders in
          defer { orders.probes = false }
          return orders.probes
        }) {
          watching.probe()
        }
        watching.wait(wake: wakeRead)
        waits.withLock { $0 += 1 }
      }
      watching.end()
    }
    thread.name = "services"
    thread.stackSize = 256 << 10
    thread.start()
  }

  /// Asks every service that is watched whether it still answers, and looks for new sockets.
  func probe() {
    orders.withLock { $0.probes = true }
    wake()
  }

  var wakeUps: Int { waits.withLock { $0 } }

  func stop() {
    orders.withLock { $0.isStopped = true }
    wake()
  }

  private func wake() {
    var byte: UInt8 = 0
    _ = write(wakeWrite, &byte, 1)
  }

  /// Looks once at every socket, for a command that then goes on.
  static func survey(_ board: ServiceBoard, registry: String) {
    let now: @Sendable () -> Timestamp = {
      Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000))
    }
    var watching = Watching(board: board, registry: registry, now: now)
    defer { watching.end() }
    let end = ContinuousClock.now + Watching.patience + .milliseconds(500)
    while !board.isSettled, ContinuousClock.now < end { watching.wait(wake: -1) }
  }
}

/// The connections of one watch; used by its thread alone.
private struct Watching {
  /// A service that takes longer to answer is said to be unreachable.
  static let patience = Duration.seconds(2)
  /// How soon what is down is tried again, where nothing tells of a new socket.
  private static let retry = Duration.seconds(10)
  /// A socket is there a moment before somebody listens at it.
  private static let soon: [Duration] = [
    .milliseconds(50), .milliseconds(100), .milliseconds(200), .milliseconds(400), .seconds(1),
  ]
  /// Bytes taken of one answer.
  private static let limit = 16 << 10

  /// One request and what has come of its answer.
  private struct Exchange {
    let descriptor: Int32
    let asked: Timestamp
    /// When there must be an answer; nil once there was.
    var deadline: ContinuousClock.Instant?
    var bytes: [UInt8] = []
  }

  private struct Socket {
    var watched: Exchange?
    var probe: Exchange?
    /// When it is tried again.
    var next: ContinuousClock.Instant? = .now
    var tries = 0
    var service = ""
  }

  private let board: ServiceBoard
  private let registry: String
  private let now: @Sendable () -> Timestamp
  private let inotify: Int32
  private var folders: Set<String> = []
  private var sockets: [String: Socket] = [:]

  init(board: ServiceBoard, registry: String, now: @escaping @Sendable () -> Timestamp) {
    self.board = board
    self.registry = registry
    self.now = now
    inotify = inotify_init1(Int32(IN_CLOEXEC) | Int32(IN_NONBLOCK))
    findSockets()
  }

  mutating func end() {
    for path in sockets.keys {
      drop(&sockets[path, default: Socket()].watched)
      drop(&sockets[path, default: Socket()].probe)
    }
    if inotify >= 0 { close(inotify) }
  }

  private mutating func findSockets() {
    for path in board.sockets where sockets[path] == nil {
      sockets[path] = Socket()
      let folder = (path as NSString).deletingLastPathComponent
      guard inotify >= 0, folders.insert(folder).inserted else { continue }
      inotify_add_watch(inotify, folder, UInt32(IN_CREATE | IN_MOVED_TO))
    }
  }

  // MARK: waiting

  /// Waits until something happens, and takes it.
  mutating func wait(wake: Int32) {
    findSockets()
    let start = ContinuousClock.now
    for path in sockets.keys where (sockets[path]?.next).map({ $0 <= start }) == true {
      open(path)
    }
    var polled: [pollfd] = []
    for descriptor in [wake, inotify] where descriptor >= 0 {
      polled.append(pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0))
    }
    var deadlines: [ContinuousClock.Instant] = []
    for socket in sockets.values {
      for exchange in [socket.watched, socket.probe] {
        guard let exchange else { continue }
        polled.append(pollfd(fd: exchange.descriptor, events: Int16(POLLIN), revents: 0))
        if let deadline = exchange.deadline { deadlines.append(deadline) }
      }
      if let next = socket.next { deadlines.append(next) }
    }
    let patience = deadlines.min().map { max(0, ContinuousClock.now.duration(to: $0).rounded) }
    let count = poll(&polled, nfds_t(polled.count), patience ?? -1)
    if count > 0 {
      let ready = Set(polled.filter { $0.revents != 0 }.map(\.fd))
      if ready.contains(wake) { empty(wake) }
      if ready.contains(inotify) {
        empty(inotify)
        hurry()
      }
      for path in Array(sockets.keys) { take(path, ready) }
    }
    for path in Array(sockets.keys) { expire(path) }
  }

  private func empty(_ descriptor: Int32) {
    var bytes = [UInt8](repeating: 0, count: 4096)
    while Glibc.read(descriptor, &bytes, bytes.count) > 0 {}
  }

  /// Something was made in a folder of sockets: what is down may be up.
  private mutating func hurry() {
    for path in sockets.keys where sockets[path]?.watched == nil {
      sockets[path]?.tries = 0
      sockets[path]?.next = .now
    }
  }

  // MARK: connections

  /// Connects without waiting, and sends a request.
  private func ask(_ path: String, _ target: String) -> Result<Exchange, FailureError> {
    var status = stat()
    // A link could lead anywhere.
    guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else {
      return .failure(FailureError(isAbsent: true))
    }
    let flags = Int32(SOCK_STREAM.rawValue) | O_CLOEXEC | O_NONBLOCK
    let descriptor = socket(AF_UNIX, flags, 0)
    guard descriptor >= 0 else { return .failure(FailureError(isAbsent: false)) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8)
    guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
      close(descriptor)
      return .failure(FailureError(isAbsent: true))
    }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    let connected = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    let request = Array(
      "GET \(target) HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n".utf8)
    guard connected == 0,
      send(descriptor, request, request.count, Int32(MSG_NOSIGNAL)) == request.count
    else {
      close(descriptor)
      return .failure(FailureError(isAbsent: false))
    }
    return .success(
      Exchange(
        descriptor: descriptor, asked: now(), deadline: .now + Watching.patience))
  }

  private struct FailureError: Error {
    /// Whether there is no socket at all.
    let isAbsent: Bool
  }

  private func drop(_ exchange: inout Exchange?) {
    if let exchange { close(exchange.descriptor) }
    exchange = nil
  }

  private mutating func open(_ path: String) {
    guard var socket = sockets[path], socket.watched == nil else { return }
    socket.next = nil
    switch ask(path, "/v1/watch") {
    case .success(let exchange): socket.watched = exchange
    case .failure(let failure):
      board.take(failure.isAbsent ? .absent : .lost(service: nil, since: now()), at: path)
      later(&socket)
    }
    sockets[path] = socket
  }

  /// Tries again after a while, at first soon.
  private func later(_ socket: inout Socket) {
    let wait =
      socket.tries < Watching.soon.count ? Watching.soon[socket.tries] : Watching.retry
    socket.tries += 1
    socket.next = .now + wait
  }

  /// Asks those that are watched whether they still answer; a process that is stopped keeps its
  /// connections.
  mutating func probe() {
    for path in sockets.keys {
      guard var socket = sockets[path], let watched = socket.watched, watched.deadline == nil,
        socket.probe == nil
      else { continue }
      switch ask(path, "/healthz") {
      case .success(let exchange): socket.probe = exchange
      case .failure: board.take(.lost(service: socket.service, since: now()), at: path)
      }
      sockets[path] = socket
    }
  }

  private mutating func take(_ path: String, _ ready: Set<Int32>) {
    guard var socket = sockets[path] else { return }
    if let watched = socket.watched, ready.contains(watched.descriptor) {
      takeWatched(&socket, path)
    }
    if let probe = socket.probe, ready.contains(probe.descriptor) { takeProbe(&socket, path) }
    sockets[path] = socket
  }

  /// Reads what there is.
  ///
  /// - Returns: Whether the connection goes on.
  private func read(_ exchange: inout Exchange) -> Bool {
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = recv(exchange.descriptor, &buffer, buffer.count, 0)
      if count < 0 { return errno == EAGAIN || errno == EINTR }
      guard count > 0, exchange.bytes.count + count <= Watching.limit else { return false }
      exchange.bytes += buffer[..<count]
    }
  }

  private func takeWatched(_ socket: inout Socket, _ path: String) {
    guard var watched = socket.watched else { return }
    let goesOn = read(&watched)
    for line in ServiceAnswer.lines(watched.bytes) {
      switch line {
      case .deciding(let service, let registry):
        guard watched.deadline != nil else { continue }
        guard registry == self.registry || self.registry.isEmpty else { continue }
        watched.deadline = nil
        socket.service = service
        socket.tries = 0
        board.take(.watched(service: service), at: path)
      case .stopped(let at, let by):
        board.take(.stopped(service: socket.service, at: at, by: by), at: path)
      }
    }
    socket.watched = watched
    guard !goesOn else { return }
    // One that answers otherwise (too many watch it) is there all the same, and asked again.
    let isAnswer = watched.deadline != nil && ServiceAnswer.status(watched.bytes) != nil
    if !isAnswer {
      board.take(
        .lost(service: socket.service.isEmpty ? nil : socket.service, since: now()), at: path)
    }
    drop(&socket.watched)
    drop(&socket.probe)
    later(&socket)
  }

  private func takeProbe(_ socket: inout Socket, _ path: String) {
    guard var probe = socket.probe else { return }
    let goesOn = read(&probe)
    socket.probe = probe
    guard let status = ServiceAnswer.status(probe.bytes) else {
      guard goesOn else { return drop(&socket.probe) }
      return
    }
    drop(&socket.probe)
    guard socket.watched != nil else { return }
    if status == 200 {
      board.take(.watched(service: socket.service), at: path)
    } else if case .refusing? = board.link(at: path) {
      return
    } else {
      board.take(.refusing(service: socket.service, since: probe.asked), at: path)
    }
  }

  /// Gives up on answers that have not come.
  private mutating func expire(_ path: String) {
    guard var socket = sockets[path] else { return }
    let instant = ContinuousClock.now
    if let watched = socket.watched, let deadline = watched.deadline, deadline <= instant {
      board.take(.lost(service: nil, since: watched.asked), at: path)
      drop(&socket.watched)
      // It listens: it may answer the next time.
      socket.next = instant + Watching.patience
    }
    if let probe = socket.probe, let deadline = probe.deadline, deadline <= instant {
      board.take(.lost(service: socket.service, since: probe.asked), at: path)
      drop(&socket.probe)
      // It may go on as suddenly as it stopped.
      if case .success(let exchange) = ask(path, "/healthz") { socket.probe = exchange }
    }
    sockets[path] = socket
  }
}

extension Duration {
  /// Whole milliseconds, at least one for a span that has not ended.
  fileprivate var rounded: Int32 {
    let (seconds, attoseconds) = components
    return Int32(
      clamping: seconds * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
  }
}
