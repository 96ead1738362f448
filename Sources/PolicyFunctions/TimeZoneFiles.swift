import CanonicalJSON
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

  /// The release of the database (`2025b`), to be recorded with what is decided by it; nil if there
  /// is none.
  package static let version: String? = {
    guard
      let data = FileManager.default.contents(atPath: folder + "/tzdata.zi"),
      let line = String(decoding: data.prefix(200), as: UTF8.self).split(separator: "\n").first
    else { return nil }
    return line.split(separator: " ").last.map(String.init)
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
