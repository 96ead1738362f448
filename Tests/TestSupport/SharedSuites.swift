package import CanonicalJSON
package import Foundation

/// Test cases that others wrote, read in place; a suite that is not there is reported as skipped.
package enum SharedSuites {
  package static let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// A suite's folder.
  package static func folder(_ name: String) -> URL {
    root.appendingPathComponent("../shared/suites/\(name)")
  }

  /// Whether a suite is there; if not, its test is shown as skipped, and the report says so too.
  package static func has(_ name: String) -> Bool {
    if FileManager.default.fileExists(atPath: folder(name).path) { return true }
    report("\(name): SKIPPED: not found")
    return false
  }

  package static func ran(_ name: String, _ count: Int) {
    report("\(name): ran \(count)")
  }

  private static func report(_ line: String) {
    guard let path = ProcessInfo.processInfo.environment["COUNTERSIGN_SUITE_REPORT"],
      let handle = FileHandle(forWritingAtPath: path)
    else { return }
    handle.seekToEndOfFile()
    handle.write(Data((line + "\n").utf8))
  }

  package static func bytes(_ file: URL) throws -> [UInt8] { Array(try Data(contentsOf: file)) }

  package static func json(_ file: URL) throws -> JSONValue {
    try JSONParser.parse(
      try bytes(file), limits: JSONParser.Limits(bytes: 64 << 20, depth: 200))
  }
}
