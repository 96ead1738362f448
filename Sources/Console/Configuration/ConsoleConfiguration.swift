import CanonicalJSON
import Documents

/// What `console.yaml` says.
package struct ConsoleConfiguration: Sendable {
  /// A registry under a name.
  package struct Context: Sendable, Hashable {
    package var registry = ""
    package var key: String?
    package var sshKey: String?
    package var trust: String?
    package var theme: String?
    /// Where a daemon listens, if not beside the registry.
    package var socket: String?
    package var isProduction = false
    package var isReadOnly = false

    package init() {}
  }

  package var contexts: [(name: String, context: Context)] = []
  /// The context that is opened if none is asked for.
  package var context: String?
  package var theme: String?
  package var glyphs = "auto"
  package var isMouseOn = false
  package var isReadOnly = false
  package var blindQuorum = false
  package var rings = true
  package var notifies = false
  /// Seconds an unused key stays open; 0 closes it after each signature.
  package var relockSeconds: Int64 = 0
  package var escapeMilliseconds: Int64?
  package var keys: [(command: String, keys: [String])] = []
  /// What was odd; the rest counts all the same.
  package private(set) var warnings: [String] = []

  package init() {}

  /// Reads a configuration.
  ///
  /// - Throws: ``YAMLDocument/Fault`` if it is no YAML; a key or value nobody knows is a warning.
  package init(yaml: String, file: String) throws {
    let document = try YAMLDocument.parse(yaml, file: file)
    let text = yaml.split(separator: "\n", omittingEmptySubsequences: false)
    var found: [(line: Int, text: String)] = []
    func warn(_ key: String, _ problem: String) {
      let line = text.firstIndex { $0.drop { $0 == " " || $0 == "-" }.hasPrefix("\(key):") }
      found.append(
        (line ?? 0, "\(file)\(line.map { ":\($0 + 1)" } ?? ""): \(key) \(problem)"))
    }
    func boolean(_ value: JSONValue, _ key: String, _ absent: Bool) -> Bool {
      if let bool = value.bool { return bool }
      warn(key, "is not true or false")
      return absent
    }
    if document != .null, document.object == nil { warn("", "the file is no mapping") }
    for member in document.object?.members ?? [] {
      let (key, value) = (member.name.text, member.value)
      switch key {
      case "context": context = value.string?.text
      case "theme": theme = value.string?.text
      case "glyphs":
        glyphs = value.string?.text ?? "auto"
        if !["auto", "unicode", "ascii"].contains(glyphs) {
          warn(key, "is auto, unicode or ascii")
          glyphs = "auto"
        }
      case "mouse": isMouseOn = boolean(value, key, false)
      case "readonly": isReadOnly = boolean(value, key, false)
      case "blind_quorum": blindQuorum = boolean(value, key, false)
      case "bell": rings = boolean(value, key, true)
      case "notify": notifies = boolean(value, key, false)
      case "relock_seconds":
        if let seconds = value.integer, (0...900).contains(seconds) {
          relockSeconds = seconds
        } else {
          warn(key, "is a number of seconds from 0 to 900")
        }
      case "escape_ms":
        if let milliseconds = value.integer, (5...1000).contains(milliseconds) {
          escapeMilliseconds = milliseconds
        } else {
          warn(key, "is a number of milliseconds from 5 to 1000")
        }
      case "keys":
        for binding in value.object?.members ?? [] {
          let names =
            binding.value.array?.compactMap { $0.string?.text ?? $0.integer.map { "\($0)" } }
            ?? [binding.value.string?.text ?? binding.value.integer.map { "\($0)" } ?? ""]
          keys.append((binding.name.text, names))
        }
      case "contexts":
        for named in value.object?.members ?? [] {
          var context = Context()
          for field in named.value.object?.members ?? [] {
            let text = field.value.string?.text
            switch field.name.text {
            case "registry": context.registry = text ?? ""
            case "key": context.key = text
            case "ssh_key": context.sshKey = text
            case "trust": context.trust = text
            case "theme": context.theme = text
            case "socket": context.socket = text
            case "production": context.isProduction = boolean(field.value, "production", true)
            case "readonly": context.isReadOnly = boolean(field.value, "readonly", true)
            default: warn(field.name.text, "is no setting of a context")
            }
          }
          if context.registry.isEmpty {
            warn(named.name.text, "names no registry")
          } else {
            contexts.append((named.name.text, context))
          }
        }
      default: warn(key, "is no setting")
      }
    }
    warnings = found.sorted { $0.line < $1.line }.map(\.text)
  }
}
