import Foundation
import Testing

@testable import Enforcement

/// What a daemon may answer, and what is no answer.
@Suite struct SocketExchangeTests {
  private func response(_ text: String, isWhole: Bool = true) throws -> SocketExchange.Response? {
    try SocketExchange.response(Array(text.utf8), isWhole: isWhole)
  }

  @Test(arguments: [
    ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", "{}"),
    ("HTTP/1.1 200 OK\r\nContent-Length:  2 \r\nX: y\r\n\r\n{}more", "{}"),
    ("HTTP/1.1 503\r\ncontent-length: 0\r\n\r\n", ""),
    (
      "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2;x=y\r\n{}\r\n3\r\nabc\r\n0\r\n\r\n",
      "{}abc"
    ),
    ("HTTP/1.0 200 OK\r\n\r\nto the end", "to the end"),
    ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na", "a"),
  ])
  func `an answer is taken whole`(text: String, body: String) throws {
    #expect(try response(text).map { String(decoding: $0.body, as: UTF8.self) } == body)
    // In pieces, every shorter one asks for more, or is the answer already.
    for count in 0..<text.utf8.count {
      let part = try response(String(text.prefix(count)), isWhole: false)
      #expect(part == nil || String(decoding: part?.body ?? [], as: UTF8.self) == body)
    }
  }

  @Test(arguments: [
    "", "HTTP/1.1 200 OK", "HTTP/2 200\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n",
    "HTTP/1.1 +20 OK\r\n\r\n",
    "SSH-2.0-x\r\n\r\n", "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
    "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n{}",
    "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n{}",
    "HTTP/1.1 200 OK\r\ncontent-length: +2\r\n\r\n{}",
    "HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999\r\n\r\n{}",
    "HTTP/1.1 200 OK\r\ncontent-length: 1048577\r\n\r\n{}",
    "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 1\r\n\r\n{}",
    "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n{}",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n{}\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfffffff\r\n{}\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\n{}\r\n",
  ])
  func `what is no answer is a fault`(text: String) {
    #expect(throws: SocketExchange.Fault.self) { try response(text) }
  }

  @Test func `a head or a body without end is not waited for`() {
    let long = String(repeating: "a", count: 70_000)
    #expect(throws: SocketExchange.Fault.self) {
      try response("HTTP/1.1 200 OK\r\nx: " + long, isWhole: false)
    }
    let body = String(repeating: "a", count: (1 << 20) + 1)
    #expect(throws: SocketExchange.Fault.self) {
      try response("HTTP/1.1 200 OK\r\n\r\n" + body, isWhole: false)
    }
  }

  @Test func `a peer that only says it goes on is not believed for ever`() {
    let one = "HTTP/1.1 100 Continue\r\n\r\n"
    #expect(throws: SocketExchange.Fault.self) {
      try response(String(repeating: one, count: 9), isWhole: false)
    }
    #expect(throws: SocketExchange.Fault.self) {
      try response(String(repeating: one, count: 40_000), isWhole: false)
    }
  }

  @Test func `an exchange cancelled while it waits ends at once`() async throws {
    let path = NSTemporaryDirectory() + "silent-\(UUID().uuidString.prefix(8))"
    let silent = Process()
    silent.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
    silent.arguments = [
      "-c",
      "import socket,time,sys\ns=socket.socket(socket.AF_UNIX);s.bind(sys.argv[1]);s.listen();c=s.accept();time.sleep(60)",
      path,
    ]
    try silent.run()
    defer {
      silent.terminate()
      try? FileManager.default.removeItem(atPath: path)
    }
    for _ in 0..<100 where !FileManager.default.fileExists(atPath: path) {
      try await Task.sleep(for: .milliseconds(50))
    }
    let asking = Task {
      try await SocketExchange(socket: path, timeoutSeconds: 3600).send("GET", "/")
    }
    try await Task.sleep(for: .milliseconds(200))
    asking.cancel()
    // An hour would be longer than any test may take.
    await #expect(throws: SocketExchange.Fault.self) { try await asking.value }
  }

  @Test func `where no daemon listens, and where the path is too long, it says so`() async {
    for socket in ["/nonexistent/socket", "/" + String(repeating: "a", count: 200)] {
      await #expect(throws: SocketExchange.Fault.self) {
        try await SocketExchange(socket: socket, timeoutSeconds: 1).send("GET", "/")
      }
    }
  }
}
