package import CanonicalJSON
import Foundation

/// Another policy engine, as a program that answers a line of JSON with a line of JSON.
///
/// A request has `policy`, `query` (a path as `data.t.x`), and may have `data`, `input`, `loads` (how
/// often the policy is loaded anew) and `evaluations` (how often it is then evaluated, each time from the
/// input's text). The answer has `value`, or `error` with the engine's message, or neither if the query
/// is undefined.
package final class PeerProcess {
  package struct Fault: Error, CustomStringConvertible {
    package let description: String
  }

  package let name: String
  private let process = Process()
  private let requests = Pipe()
  private let answers = Pipe()
  private var received = Data()

  /// `option`: `NAME=COMMAND`; the command is run by the shell.
  package init(_ option: String) throws {
    let parts = option.split(separator: "=", maxSplits: 1)
    guard parts.count == 2 else {
      throw Fault(description: "a peer is NAME=COMMAND, not \"\(option)\"")
    }
    name = String(parts[0])
    process.executableURL = URL(filePath: "/bin/sh")
    process.arguments = ["-c", "exec \(parts[1])"]
    process.standardInput = requests
    process.standardOutput = answers
    try process.run()
    signal(SIGPIPE, SIG_IGN)
  }

  deinit {
    try? requests.fileHandleForWriting.close()
    // It may hang in a call in which it minds no other signal.
    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
  }

  /// Sends a request and waits for its answer.
  package func ask(_ request: JSONValue, seconds: Int32 = 600) throws -> JSONValue {
    let line = try request.canonicalBytes() + [0x0A]
    try requests.fileHandleForWriting.write(contentsOf: Data(line))
    let file = answers.fileHandleForReading.fileDescriptor
    while true {
      if let end = received.firstIndex(of: 0x0A) {
        let answer = received[received.startIndex..<end]
        received = Data(received[received.index(after: end)...])
        return try JSONParser.parse(
          Array(answer), limits: JSONParser.Limits(bytes: 64 << 20, depth: 512))
      }
      var wait = pollfd(fd: file, events: Int16(POLLIN), revents: 0)
      guard poll(&wait, 1, seconds * 1000) > 0 else {
        throw Fault(description: "peer \(name) does not answer")
      }
      var buffer = [UInt8](repeating: 0, count: 1 << 16)
      let count = read(file, &buffer, buffer.count)
      guard count > 0 else { throw Fault(description: "peer \(name) has ended") }
      received.append(contentsOf: buffer[..<count])
    }
  }

  /// Nanoseconds of CPU that its threads have taken, as the kernel counts them.
  package var cpuNanoseconds: Double {
    let folder = "/proc/\(process.processIdentifier)/task"
    let tasks = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return tasks.reduce(0) { total, task in
      let text = (try? String(contentsOfFile: "\(folder)/\(task)/schedstat", encoding: .utf8)) ?? ""
      return total + (text.split(separator: " ").first.flatMap { Double($0) } ?? 0)
    }
  }
}
