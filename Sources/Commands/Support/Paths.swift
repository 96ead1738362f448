import Foundation

/// Where things are, by the XDG base directory rules.
struct Paths {
  private let environment = ProcessInfo.processInfo.environment

  private func folder(_ variable: String, _ fallback: String) -> String {
    let value = environment[variable] ?? ""
    return (value.hasPrefix("/") ? value : home + fallback) + "/countersign"
  }

  var home: String { environment["HOME"] ?? "." }
  var registry: String { folder("XDG_DATA_HOME", "/.local/share") + "/registry.db" }
  var configuration: String { folder("XDG_CONFIG_HOME", "/.config") }
  var operatorKey: String { configuration + "/operator.key" }
  var state: String { folder("XDG_STATE_HOME", "/.local/state") }
  var pins: String { state + "/pins" }

  static func socket(besides registry: String) -> String {
    let folder = (registry as NSString).deletingLastPathComponent
    return (folder.isEmpty ? "." : folder) + "/countersignd.sock"
  }
}
