import Authority
import Foundation
import Keys
import Registry
import TransparencyLog

/// The log as static files, as a C2SP tlog-tiles monitor fetches them.
enum TileExport {
  /// Writes every tile, full and partial, and the newest checkpoint.
  ///
  /// - Returns: How many tiles were written.
  static func write(
    _ ledger: Ledger, _ transaction: RegistryTransaction, to folder: String
  ) throws -> Int {
    var count = 0
    func put(_ path: String, _ bytes: [UInt8]) throws {
      let whole = "\(folder)/\(path)"
      try FileManager.default.createDirectory(
        atPath: (whole as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
      try Data(bytes).write(to: URL(fileURLWithPath: whole), options: .atomic)
    }
    let growing = ledger.tree.parts.growing
    for (level, hashes) in growing.enumerated() {
      let full = ledger.tree.fullTiles(atLevel: level)
      for index in 0..<full {
        let tile = try ledger.tile(level, index, transaction)
        try put("tile/\(level)/\(path(index))", tile.flatMap(\.bytes))
        count += 1
      }
      if !hashes.isEmpty {
        try put("tile/\(level)/\(path(full)).p/\(hashes.count)", hashes.flatMap(\.bytes))
        count += 1
      }
    }
    var bundle: [UInt8] = []
    var index: UInt64 = 0
    try ledger.entries(transaction) { at, bytes in
      bundle += [UInt8(bytes.count >> 8), UInt8(bytes.count & 255)] + bytes
      if at % 256 == 255 {
        try put("tile/entries/\(path(index))", bundle)
        bundle = []
        index += 1
      }
    }
    if !bundle.isEmpty {
      try put("tile/entries/\(path(index)).p/\(ledger.tree.size % 256)", bundle)
    }
    if try transaction.latestCheckpoint() != nil {
      try put("checkpoint", try ledger.checkpoint(transaction).note.bytes)
    }
    return count
  }

  /// A tile's index in groups of three digits, as `x001/x234/067`.
  private static func path(_ index: UInt64) -> String {
    var groups = [String(format: "%03d", Int(index % 1000))]
    var rest = index / 1000
    while rest > 0 {
      groups.insert("x" + String(format: "%03d", Int(rest % 1000)), at: 0)
      rest /= 1000
    }
    return groups.joined(separator: "/")
  }
}
