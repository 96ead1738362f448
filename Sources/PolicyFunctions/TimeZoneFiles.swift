package import CanonicalJSON
import Foundation
import Rego
import Synchronization

/// The system's time-zone database.
package enum TimeZoneFiles {
  private static let folder = "/usr/share/zoneinfo"

  /// Zones that were read, by name; a file is read once.
  private static let known = Mutex<[ByteString: TimeZoneRules?]>([:])

  /// How many names are remembered: a policy may make names up.
  private static let memory = 1000

  /// The release of the database (`2025b`), which is recorded with what is decided by it; `none` if
  /// there is no database, and `unknown` if it does not say.
  package static let release: ByteString = {
    guard let data = FileManager.default.contents(atPath: folder + "/tzdata.zi") else {
      return FileManager.default.fileExists(atPath: folder) ? "unknown" : "none"
    }
    let line = String(decoding: data.prefix(200), as: UTF8.self).split(separator: "\n").first
    guard let word = line?.split(separator: " ").last, word.utf8.count <= 16,
      word.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
    else { return "unknown" }
    return ByteString(String(word))
  }()

  /// nil: there is no zone of that name.
  ///
  /// A name never leaves the folder.
  static func rules(named name: ByteString) -> TimeZoneRules? {
    let isSafe =
      name.count <= 64
      && name.bytes.allSatisfy { byte in
        byte < 0x80 && byte > 0x20 && byte != UInt8(ascii: ".") && byte != UInt8(ascii: "\\")
      } && name.bytes.first != UInt8(ascii: "/")
    guard isSafe else { return nil }
    return known.withLock { known in
      if let rules = known[name] { return rules }
      let data = FileManager.default.contents(atPath: "\(folder)/\(name.text)")
      let rules = data.flatMap { $0.count < 1 << 18 ? TimeZoneRules([UInt8]($0)) : nil }
      if known.count < memory { known[name] = rules }
      return rules
    }
  }
}
