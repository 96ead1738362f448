import ArgumentParser
import CanonicalJSON
import Cells
import Console
import Foundation
import Glibc
import Keys

/// Runs commands of the command line as children, and tells the console which there are.
enum CommandRun {
  /// What a child said.
  struct Outcome {
    let status: Int32
    let output: String
    let errors: String
  }

  /// Runs one; `passphrase` is what it reads from descriptor 0.
  static func run(
    _ arguments: [String], passphrase: borrowing SecretBytes? = nil
  ) throws -> Outcome {
    let (process, stdout) = OwnProgram.child(arguments)
    var environment = ProcessInfo.processInfo.environment
    environment["COLUMNS"] = "\(max(40, screenColumns - 15))"
    process.environment = environment
    let (stdin, stderr) = (Pipe(), Pipe())
    process.standardInput = stdin
    process.standardError = stderr
    try process.run()
    let descriptor = stdin.fileHandleForWriting.fileDescriptor
    switch passphrase {
    case .some(let secret):
      // Straight from guarded memory: it is shorter than what a pipe takes at once.
      secret.withBytes { _ = write(descriptor, $0.baseAddress, $0.count) }
      _ = write(descriptor, "\n", 1)
    case .none: break
    }
    try stdin.fileHandleForWriting.close()
    // Both are read at once: a child that fills one must not wait for the other.
    nonisolated(unsafe) var errors = Data()
    let done = DispatchSemaphore(value: 0)
    let reader = Thread {
      errors = stderr.fileHandleForReading.readDataToEndOfFile()
      done.signal()
    }
    reader.start()
    let output = stdout.fileHandleForReading.readDataToEndOfFile()
    done.wait()
    process.waitUntilExit()
    return Outcome(
      status: process.terminationStatus, output: String(decoding: output, as: UTF8.self),
      errors: String(decoding: errors, as: UTF8.self))
  }

  /// How wide the screen is on which a child's output is read.
  private static var screenColumns: Int {
    var size = winsize()
    return ioctl(1, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
  }

  /// Every command with its options, from the program's own help.
  static func specs() -> [CommandLine.Spec] {
    guard let dump = try? run(["--experimental-dump-help"]),
      let json = try? JSONParser.parse(
        Array(dump.output.utf8), limits: JSONParser.Limits(bytes: 8 << 20, depth: 64)),
      let root = json["command"]
    else { return [] }
    let signing = signingPaths(of: CountersignCommand.self)
    var specs: [CommandLine.Spec] = []
    func add(_ command: JSONValue, _ path: [String]) {
      let children = (command["subcommands"]?.array ?? []).filter {
        $0["commandName"]?.string?.text != "help"
      }
      for child in children {
        add(child, path + [child["commandName"]?.string?.text ?? ""])
      }
      guard !path.isEmpty, children.isEmpty else { return }
      let options = (command["arguments"]?.array ?? []).compactMap { argument -> String? in
        let name = argument["names"]?.array?.first { $0["kind"]?.string == "long" }
        return name?["name"]?.string.map { "--\($0.text)" }
      }
      func word(_ argument: JSONValue) -> String {
        let name = argument["valueName"]?.string?.text ?? ""
        let long = argument["names"]?.array?.first { $0["kind"]?.string == "long" }
        return long?["name"]?.string.map { "--\($0.text)" } ?? "<\(name)>"
      }
      let arguments = (command["arguments"]?.array ?? []).filter {
        $0["shouldDisplay"]?.bool != false
      }
      specs.append(
        CommandLine.Spec(
          path: path, help: command["abstract"]?.string?.text ?? "",
          signs: signing.contains(path),
          options: options.filter { !["--help", "--version", "--passphrase-fd"].contains($0) },
          // What reads a passphrase without signing makes or opens a key file.
          isOutside: options.contains("--passphrase-fd") && !options.contains("--key"),
          required: arguments.filter { $0["isOptional"]?.bool != true }.map(word),
          flags: Set(arguments.filter { $0["kind"]?.string == "flag" }.map(word))))
    }
    add(root, [])
    return specs.filter { $0.path[0] != "console" }
  }

  /// The commands that sign, as their types say: what a command takes does not tell whether it does.
  static func signingPaths(
    of command: any ParsableCommand.Type, below path: [String] = []
  ) -> Set<[String]> {
    var found: Set<[String]> = command is any SigningCommand.Type ? [path] : []
    for child in command.configuration.subcommands {
      found.formUnion(signingPaths(of: child, below: path + [child._commandName]))
    }
    return found
  }

  /// Why a command line cannot run as it is, in words: an argument that is missing or wrong.
  static func problem(with words: [String]) -> String? {
    do {
      _ = try CountersignCommand.parseAsRoot(words)
      return nil
    } catch {
      guard CountersignCommand.exitCode(for: error) != .success else { return nil }
      let usage = CountersignCommand.fullMessage(for: error).split(separator: "\n")
        .first { $0.hasPrefix("Usage:") }
      return CountersignCommand.message(for: error) + (usage.map { "  \($0)" } ?? "")
    }
  }

  /// What a child said, as lines to read.
  static func document(_ words: [String], _ outcome: Outcome) -> Document {
    var lines = outcome.output.split(separator: "\n", omittingEmptySubsequences: false)
      .map { Line("", SafeText(String($0))) }
    if lines.last?.text.isEmpty == true { lines.removeLast() }
    lines += outcome.errors.split(separator: "\n").map { Line("!", SafeText(String($0)), .alert) }
    lines.append(
      Line(
        "exit status", SafeText("\(outcome.status)"),
        outcome.status == 0 ? .stateOK : .stateBad))
    return Document(
      .output(words), title: SafeText("countersign " + CommandLine.line(words)), lines: lines)
  }
}
