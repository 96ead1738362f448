package import CanonicalJSON
import Decisions
import Foundation
import Keys
package import Registry
package import Statements
import TransparencyLog

/// Copies of a registry, made while it runs, and put back with everyone's knowledge.
package enum Backup {
  /// Writes a consistent copy and verifies that it opens.
  ///
  /// - Returns: The head of the copy.
  package static func make(_ database: RegistryDatabase, to path: String) throws -> TreeHead {
    try database.copy(to: path)
    return try Ledger(RegistryDatabase(path, access: .readOnly), pins: nil).head
  }

  /// What a restored file lost, as far as it can be learnt from the one it takes the place of.
  package struct Loss: Sendable {
    package let kept: TreeHead
    /// The largest head that the replaced file or this account's pin shows.
    package let lost: TreeHead
    /// Revocations, removals and locks in the entries that are lost, in words.
    package let forgotten: [String]
  }

  /// Verifies a backup whole and puts it where a registry is or was.
  ///
  /// The replaced file is kept beside it, as `PATH.replaced`.
  ///
  /// - Throws: ``AuthorityFault`` `damagedBackup` with the first finding; nothing is then changed.
  package static func restore(
    _ backup: String, to path: String, pins: PinStore, trust: ByteString?
  ) throws -> Loss {
    let source = try RegistryDatabase(backup, access: .readOnly)
    let report = try LogVerification.run(source, pins: nil)
    if let finding = report.findings.first {
      throw AuthorityFault.damagedBackup(path: backup, reason: finding)
    }
    if let trust, trust != report.registry {
      throw AuthorityFault.otherRegistry(expected: trust, found: report.registry)
    }
    let kept = TreeHead(size: report.size, root: report.root)
    var lost = try pins.pin(for: report.registry)?.head ?? kept
    var forgotten: [String] = []
    if FileManager.default.fileExists(atPath: path) {
      let (head, lines) = forget(path, from: kept.size, registry: report.registry)
      if let head, head.size > lost.size { lost = head }
      forgotten = lines
    }
    if lost.size < kept.size { lost = kept }
    let staged = path + ".restoring"
    RegistryDatabase.remove(staged)
    try source.copy(to: staged)
    let copy = try RegistryDatabase(staged, access: .readWrite)
    try copy.write { try $0.markRestored(kept: kept.size) }
    try copy.close()
    try RegistryDatabase.replace(path, with: staged)
    return Loss(kept: kept, lost: lost, forgotten: forgotten)
  }

  /// Reads what the replaced file has beyond the backup, as far as it can be read.
  private static func forget(
    _ path: String, from first: UInt64, registry: ByteString
  ) -> (head: TreeHead?, lines: [String]) {
    guard let old = try? RegistryDatabase(path, access: .readOnly),
      let ledger = try? Ledger(old, pins: nil), ledger.state.registry?.id == registry
    else {
      return (
        nil, ["the replaced file cannot be read: what it revoked or locked since is unknown"]
      )
    }
    var lines: [String] = []
    try? old.read { transaction in
      try transaction.entries(from: first) { index, bytes in
        let entry = try LogEntry(bytes: bytes)
        guard
          let parts = try? StatementParts(
            payloadType: entry.envelope.payloadType, payload: entry.envelope.payload)
        else { return }
        if let words = words(parts.body) { lines.append("#\(index) \(words)") }
      }
    }
    return (ledger.head, lines)
  }

  private static func words(_ body: StatementBody) -> String? {
    switch body {
    case .keyRevoked(let body): "revoked key \(body.key)"
    case .keyTainted(let body): "tainted key \(body.key)"
    case .grantRevoked(let body): "revoked grant \(body.grant.hex)"
    case .agentRetired(let body): "retired \(body.agent)"
    case .lockPlaced(let body): "locked \(body.target.words): \(body.reason.text)"
    case .proposalOpened(let body):
      switch body.inner {
      case .operatorRemoved, .serviceRemoved, .keyRevoked, .operatorKeyRotated, .operatorUpdated:
        "proposed \(body.inner.type.rawValue) of \(body.inner.subjectText)"
      default: nil
      }
    default: nil
    }
  }
}
