package import CanonicalJSON
import Decisions
import Delegations
package import Keys
package import Registry
import Statements
import TransparencyLog

/// Rebuilds everything from the log alone and names the first thing that differs.
package struct LogVerification: Sendable {
  package struct Report: Sendable, Hashable {
    package let registry: ByteString
    package let size: UInt64
    package let root: Digest
    package let decisions: Int
    /// Entries that were not admissible; they have no effect.
    package let refused: Int
    /// What is wrong, in words; empty if nothing is.
    package let findings: [String]
  }

  /// Verifies a registry.
  ///
  /// `pins`: What this account has seen before, if anything.
  /// `progress`: Told now and then how many entries are done.
  package static func run(
    _ database: RegistryDatabase, pins: PinStore?, progress: (UInt64) -> Void = { _ in }
  ) throws -> Report {
    let scratch = try RegistryDatabase.scratch()
    let ledger = try Ledger(scratch, pins: nil)
    var findings: [String] = []
    var decisions = 0
    var isCutOff = false
    var lastDecision: UInt64?
    // Read before the log: entries that others add and pin meanwhile are not missing ones.
    let genesis = try database.read { try $0.entry(0) }.flatMap { try? LogEntry(bytes: $0) }
    let pin = try genesis.flatMap { try pins?.pin(for: ByteString($0.envelope.digest.hex)) }
    try database.read { live in
      try scratch.write { rebuilt in
        do {
          try live.entries(from: 0) { index, bytes in
            guard index == ledger.tree.size else {
              throw AuthorityFault.badEntry(index: ledger.tree.size, reason: "it is missing")
            }
            let before = decisions
            if let finding = try judge(bytes, at: index, ledger, live, &decisions) {
              findings.append(finding)
            }
            if decisions > before { lastDecision = index }
            guard let taken = try ledger.replay(bytes, live) else { return }
            try Projection.apply(
              taken.changes, of: taken.statement, at: index, received: taken.received,
              state: ledger.state, bodies: { try? live.body($0) }, in: rebuilt)
            if index % 1000 == 999 { progress(index + 1) }
          }
        } catch let fault as AuthorityFault {
          // What follows a bad entry cannot be judged, so nothing more is said of it.
          findings.append(String("\(fault)".prefix { $0 != ";" }))
          isCutOff = true
          return
        } catch RegistryFault.damagedEntry(let index) {
          findings.append("entry \(index) of the log was altered (it cannot be unpacked)")
          isCutOff = true
          return
        }
        if let difference = try Projection.schemaDifference(live, rebuilt) {
          findings.append(difference)
          return
        }
        findings += try checkTiles(ledger, live)
        findings += try checkCheckpoint(ledger, lastDecision, live)
        if let difference = try Projection.firstDifference(live, rebuilt) {
          findings.append(difference)
        }
      }
      if !isCutOff { findings += checkPin(ledger, pin, live) }
    }
    for (index, reason) in ledger.refused.prefix(20) {
      findings.append("entry \(index) was not admissible and has no effect: \(reason)")
    }
    return Report(
      registry: ledger.state.registry?.id ?? "", size: ledger.tree.size, root: ledger.tree.root,
      decisions: decisions, refused: ledger.refused.count, findings: findings)
  }

  /// Decides a decision again, from the state before it and its receipt time.
  private static func judge(
    _ bytes: [UInt8], at index: UInt64, _ ledger: Ledger, _ live: RegistryTransaction,
    _ count: inout Int
  ) throws -> String? {
    guard let entry = try? LogEntry(bytes: bytes),
      StatementType(payloadType: entry.envelope.payloadType) == .decisionMade,
      let parts = try? StatementParts(
        payloadType: entry.envelope.payloadType, payload: entry.envelope.payload),
      case .decisionMade(let made) = parts.body
    else { return nil }
    count += 1
    guard let payload = try live.body(made.action) else {
      return "entry \(index): the bytes of action \(made.action) are missing or altered"
    }
    let envelope = UnverifiedEnvelope(
      payloadType: Action.payloadType, payload: payload,
      signatures: [StatementSignature(key: made.key, signature: made.signature)])
    do {
      let signed = try ledger.state.signedAction(envelope)
      let procedure = Procedure(
        state: ledger.state, policy: try ledger.policyInForce(live),
        service: parts.header.signer, now: entry.received)
      let again: DecisionMade
      if let releases = made.releases, let hold = ledger.state.holds[releases] {
        again = procedure.release(hold, signed)
      } else {
        try procedure.checkFreshness(signed)
        again = procedure.decide(signed)
      }
      guard again == made else {
        return "entry \(index): decided again it is \(again.verdict.rawValue) "
          + "(\(again.reasons.first?.code.text ?? "")), and the log says \(made.verdict.rawValue) "
          + "(\(made.reasons.first?.code.text ?? ""))"
      }
      return nil
    } catch let refusal as Refusal {
      return "entry \(index): decided again it is refused: \(refusal.reason.code.text)"
    } catch {
      return "entry \(index): it cannot be decided again: \(error)"
    }
  }

  private static func checkTiles(
    _ ledger: Ledger, _ live: RegistryTransaction
  ) throws -> [String] {
    var tree = MerkleTree()
    var count = 0
    var findings: [String] = []
    try live.entries(from: 0) { _, bytes in
      for tile in tree.append(leaf: MerkleHash.leaf(bytes)) {
        if (try? live.tile(tile.level, tile.index)) != tile.hashes {
          findings.append("tile \(tile.level)/\(tile.index) is not what the entries hash to")
        }
        count += 1
      }
    }
    if try live.tileCount() != count {
      findings.append("the log has tiles that no entries call for")
    }
    return findings
  }

  private static func checkCheckpoint(
    _ ledger: Ledger, _ lastDecision: UInt64?, _ live: RegistryTransaction
  ) throws -> [String] {
    guard let bytes = try live.latestCheckpoint() else {
      return lastDecision == nil
        ? [] : ["decisions were made, and the signed checkpoint is missing"]
    }
    do {
      let note = try SignedNote(bytes)
      let origin = Checkpoint.origin(registry: ledger.state.registry?.id ?? "")
      let keys = ledger.state.keys.values.filter { $0.holder.kind != .agent }
      _ = try note.verified(by: keys.map { NoteVerifier(name: origin, key: $0.key) })
      let checkpoint = try Checkpoint(text: note.text)
      guard checkpoint.size <= ledger.tree.size else {
        return [
          "the log has \(ledger.tree.size) entries, and a checkpoint was signed over "
            + "\(checkpoint.size): entry \(ledger.tree.size) and what followed are missing"
        ]
      }
      if let lastDecision, checkpoint.size <= lastDecision {
        return ["entry \(lastDecision) is a decision that no signed checkpoint covers"]
      }
      let root = try ledger.tree.root(atSize: checkpoint.size) { (level, index) throws in
        try live.tile(level, index)
      }
      return root == checkpoint.root
        ? [] : ["the checkpoint of size \(checkpoint.size) is not over these entries"]
    } catch {
      return ["the checkpoint: \(error)"]
    }
  }

  private static func checkPin(
    _ ledger: Ledger, _ pin: TreeHead?, _ live: RegistryTransaction
  ) -> [String] {
    guard let pin else { return [] }
    do {
      guard pin.size <= ledger.tree.size else {
        throw AuthorityFault.truncated(size: ledger.tree.size, known: pin.size)
      }
      let root = try ledger.tree.root(atSize: pin.size) { (level, index) throws in
        try live.tile(level, index)
      }
      guard root == pin.root else { throw AuthorityFault.forked(size: pin.size) }
      return []
    } catch {
      return ["\(error)"]
    }
  }
}
