import Foundation

/// A folder for one test, gone with it.
package final class TestFolder {
  package let path: String

  package init() throws {
    path = NSTemporaryDirectory() + "countersign-test-" + UUID().uuidString
    try FileManager.default.createDirectory(
      atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
  }

  deinit {
    try? FileManager.default.removeItem(atPath: path)
  }
}
