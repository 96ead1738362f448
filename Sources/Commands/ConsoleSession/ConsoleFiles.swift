import CanonicalJSON
import Console
import Foundation

/// What the console reads and keeps in the XDG folders.
struct ConsoleFiles: Sendable {
  private let paths = Paths()

  var configurationPath: String { paths.configuration + "/console.yaml" }
  var memoryPath: String { paths.state + "/console.json" }
  var messagesPath: String { paths.state + "/console.stderr" }

  func configuration() throws -> ConsoleConfiguration {
    guard let data = FileManager.default.contents(atPath: configurationPath) else {
      return ConsoleConfiguration()
    }
    return try ConsoleConfiguration(
      yaml: String(decoding: data, as: UTF8.self), file: configurationPath)
  }

  /// A path in the configuration: `~` is the home folder, others count from the configuration's.
  func path(_ text: String) -> String {
    if text.hasPrefix("~/") { return paths.home + text.dropFirst(1) }
    return text.hasPrefix("/") ? text : paths.configuration + "/" + text
  }

  func memory() -> Memory {
    guard let data = FileManager.default.contents(atPath: memoryPath),
      let json = try? JSONParser.parse(Array(data))
    else { return Memory() }
    return Memory(json: json)
  }

  /// Keeps columns, reasons and commands; a state folder that cannot be written costs only these.
  func store(_ memory: Memory) {
    guard let bytes = try? memory.json.canonicalBytes() else { return }
    try? FileManager.default.createDirectory(
      atPath: paths.state, withIntermediateDirectories: true,
      attributes: [.posixPermissions: 0o700])
    try? Data(bytes).write(to: URL(fileURLWithPath: memoryPath), options: .atomic)
    chmod(memoryPath, 0o600)
  }
}

enum Themes {
  private static var folders: [String] {
    let binary = OwnProgram.folder
    return [
      Paths().configuration + "/themes", "\(binary)/../share/countersign/themes", "themes",
    ]
  }

  /// A theme by file or name: a path, the XDG folder, beside the program, compiled in.
  static func find(_ wanted: String?) throws -> Theme {
    let name = wanted ?? "terminal"
    // Most start with a theme that is compiled in; a file of the same name in the XDG folder wins.
    let candidates =
      name.contains("/") || name.hasSuffix(".yaml")
      ? [name] : [Paths().configuration + "/themes/\(name).yaml"]
    for path in candidates {
      if let data = FileManager.default.contents(atPath: path) {
        return try Theme(yaml: String(decoding: data, as: UTF8.self), file: path)
      }
    }
    if let theme = Theme.builtIn(name) { return theme }
    for path in folders.map({ "\($0)/\(name).yaml" }) {
      if let data = FileManager.default.contents(atPath: path) {
        return try Theme(yaml: String(decoding: data, as: UTF8.self), file: path)
      }
    }
    throw CommandFault(
      "theme_unknown",
      "there is no theme \(name); built in are \(BuiltInThemes.names.joined(separator: ", "))")
  }

  static var names: [String] {
    let own = (try? FileManager.default.contentsOfDirectory(atPath: folders[0])) ?? []
    return BuiltInThemes.names
      + own.filter { $0.hasSuffix(".yaml") }.map { String($0.dropLast(5)) }.sorted()
      .filter { !BuiltInThemes.names.contains($0) }
  }
}
