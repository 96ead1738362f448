import Foundation
import Glibc
import Synchronization

/// One HTTP/1.1 exchange with a daemon of this machine, over its Unix socket.
///
/// A client library for it would bring TLS, HTTP/2 and an event loop into a program that must be
/// on the screen within milliseconds, for one request to one local peer.
/// - SeeAlso: RFC 9112.
struct SocketExchange: Sendable {
  let socket: String
  let timeoutSeconds: Int

  struct Response: Sendable {
    let status: UInt
    let body: [UInt8]
  }

  /// Why there is no response.
  struct Fault: Error, CustomStringConvertible {
    let description: String
  }

  /// Bytes taken of a response's head, and of its body.
  private static let headLimit = 64 << 10
  private static let bodyLimit = 1 << 20
  /// Interim responses taken before the one that counts.
  private static let interimLimit = 8

  /// The open descriptor, so that a cancelled task can end the wait.
  private final class Connection: Sendable {
    private struct State {
      var descriptor: Int32?
      var isCancelled = false
    }

    private let state = Mutex(State())

    /// - Returns: Whether the exchange goes on: not where it was cancelled before.
    func open(_ made: Int32) -> Bool {
      state.withLock {
        $0.descriptor = made
        return !$0.isCancelled
      }
    }

    /// Ends what is under way; the waiting thread then closes.
    func interrupt() {
      state.withLock {
        $0.isCancelled = true
        if let open = $0.descriptor { shutdown(open, Int32(SHUT_RDWR)) }
      }
    }

    func close() {
      state.withLock {
        if let open = $0.descriptor { Glibc.close(open) }
        $0.descriptor = nil
      }
    }
  }

  /// Sends a request and takes the whole response.
  func send(
    _ method: String, _ path: String, body: [UInt8] = [], type: String? = nil,
    credential: String? = nil
  ) async throws -> Response {
    var head = "\(method) \(path) HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n"
    if let type { head += "content-type: \(type)\r\ncontent-length: \(body.count)\r\n" }
    if let credential { head += "authorization: \(credential)\r\n" }
    let request = Array((head + "\r\n").utf8) + body
    let connection = Connection()
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { reply in
        // A thread that sleeps on its socket: a held action waits for people, maybe for minutes.
        let thread = Thread {
          reply.resume(with: Result { try exchange(request, connection) })
        }
        thread.stackSize = 256 << 10
        thread.start()
      }
    } onCancel: {
      connection.interrupt()
    }
  }

  private func exchange(_ request: [UInt8], _ connection: Connection) throws -> Response {
    let end = ContinuousClock.now + .seconds(timeoutSeconds)
    let descriptor = try connect()
    defer { connection.close() }
    guard connection.open(descriptor) else { throw Fault(description: "it was cancelled") }
    var rest = request[...]
    while !rest.isEmpty {
      try wait(descriptor, POLLOUT, until: end)
      let count = rest.withUnsafeBytes {
        Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { throw fault("write") }
      rest = rest.dropFirst(count)
    }
    var received: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 16 << 10)
    while true {
      try wait(descriptor, POLLIN, until: end)
      let count = recv(descriptor, &buffer, buffer.count, 0)
      guard count >= 0 else { throw fault("read") }
      received += buffer[..<count]
      if let response = try SocketExchange.response(received, isWhole: count == 0) {
        return response
      }
    }
  }

  private func connect() throws -> Int32 {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let path = Array(socket.utf8)
    let room = MemoryLayout.size(ofValue: address.sun_path)
    guard path.count < room, !path.contains(0) else {
      throw Fault(description: "the socket's path is longer than \(room - 1) bytes")
    }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
    let descriptor = Glibc.socket(
      AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw fault("socket") }
    let length = socklen_t(MemoryLayout<sockaddr_un>.size)
    let code = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.connect(descriptor, $0, length)
      }
    }
    guard code == 0 else {
      let fault = fault("connect")
      Glibc.close(descriptor)
      throw fault
    }
    return descriptor
  }

  private func wait(
    _ descriptor: Int32, _ events: Int32, until end: ContinuousClock.Instant
  ) throws {
    while true {
      let left = ContinuousClock.now.duration(to: end).components
      let milliseconds = left.seconds * 1000 + left.attoseconds / 1_000_000_000_000_000
      guard milliseconds > 0 else {
        throw Fault(description: "no answer within \(timeoutSeconds) s")
      }
      var poll = pollfd(fd: descriptor, events: Int16(events), revents: 0)
      let count = Glibc.poll(&poll, 1, Int32(clamping: milliseconds))
      if count > 0 { return }
      if count < 0, errno != EINTR { throw fault("poll") }
    }
  }

  private func fault(_ call: String) -> Fault {
    Fault(description: "\(call): \(String(cString: strerror(errno)))")
  }

  // MARK: reading a response

  /// The response that some bytes are, or nil if more must come.
  ///
  /// `isWhole`: Nothing more will come.
  static func response(
    _ bytes: [UInt8], isWhole: Bool, interim: Int = 0
  ) throws -> Response? {
    func malformed(_ why: String) -> Fault { Fault(description: "its answer is no HTTP: \(why)") }
    guard let end = bytes.firstRange(of: [0x0D, 0x0A, 0x0D, 0x0A]) else {
      guard bytes.count <= headLimit else { throw malformed("its head has no end") }
      if isWhole { throw malformed("it ended before its head did") }
      return nil
    }
    let lines = String(decoding: bytes[..<end.lowerBound], as: UTF8.self).split(
      separator: "\r\n", omittingEmptySubsequences: false)
    let first = lines[0].split(separator: " ", maxSplits: 2)
    guard first.count >= 2, first[0] == "HTTP/1.1" || first[0] == "HTTP/1.0",
      first[1].utf8.count == 3, let status = UInt(first[1])
    else { throw malformed("\"\(lines[0].prefix(40))\" is no status line") }
    var headers: [String: String] = [:]
    for line in lines.dropFirst() {
      guard let colon = line.firstIndex(of: ":"), colon != line.startIndex else {
        throw malformed("\"\(line.prefix(40))\" is no header")
      }
      let name = line[..<colon].lowercased()
      guard headers[name] == nil || !["content-length", "transfer-encoding"].contains(name) else {
        throw malformed("it has two of \(name)")
      }
      headers[name] = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
    }
    // 1xx: what counts comes after it (RFC 9110 section 15.2).
    if status < 200 {
      guard interim < interimLimit else { throw malformed("it only says that it goes on") }
      return try response(Array(bytes[end.upperBound...]), isWhole: isWhole, interim: interim + 1)
    }
    let body = bytes[end.upperBound...]
    guard body.count <= bodyLimit else { throw malformed("its body is over \(bodyLimit) bytes") }
    if let coding = headers["transfer-encoding"] {
      guard coding.lowercased() == "chunked", headers["content-length"] == nil else {
        throw malformed("its transfer-encoding is \(coding.prefix(20))")
      }
      return try chunked(body, isWhole).map { Response(status: status, body: $0) }
    }
    if let text = headers["content-length"] {
      guard let length = Int(text), length >= 0, length <= bodyLimit,
        text.utf8.allSatisfy({ (0x30...0x39).contains($0) })
      else { throw malformed("its length is \(text.prefix(20))") }
      if body.count >= length { return Response(status: status, body: Array(body.prefix(length))) }
      if isWhole { throw malformed("it ended after \(body.count) of \(length) bytes") }
      return nil
    }
    return isWhole ? Response(status: status, body: Array(body)) : nil
  }

  /// A body sent in chunks (RFC 9112 section 7.1), or nil if more must come.
  private static func chunked(_ bytes: ArraySlice<UInt8>, _ isWhole: Bool) throws -> [UInt8]? {
    var (rest, body) = (bytes, [UInt8]())
    while let feed = rest.firstRange(of: [0x0D, 0x0A]) {
      let line = String(decoding: rest[..<feed.lowerBound], as: UTF8.self)
      let digits = line.prefix { $0.isHexDigit }
      guard !digits.isEmpty, digits.count <= 6, let size = Int(digits, radix: 16) else {
        throw Fault(description: "its answer is no HTTP: \"\(line.prefix(20))\" is no chunk size")
      }
      if size == 0 { return body }
      let start = feed.upperBound
      guard rest.endIndex - start >= size + 2 else { break }
      body += rest[start..<start + size]
      rest = rest[(start + size + 2)...]
    }
    if isWhole { throw Fault(description: "its answer ended in the middle of a chunk") }
    return nil
  }
}
