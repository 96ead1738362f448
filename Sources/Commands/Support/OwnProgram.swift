import Foundation

/// This program, to be started again as a child.
enum OwnProgram {
  static let path = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().path

  static var folder: String { (path as NSString).deletingLastPathComponent }

  /// A child that is not started yet, with its output on a pipe.
  static func child(_ arguments: [String]) -> (process: Process, output: Pipe) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments
    let output = Pipe()
    process.standardOutput = output
    return (process, output)
  }
}
