import CanonicalJSON
import Decisions
import Keys
import Registry
import Statements
import TransparencyLog

// Actions whose bytes are gone: replay judges them by what an erasure, further on in the log, keeps of them.
extension Ledger {
  /// What an entry further on keeps of an erased action; it must turn out to be admitted.
  func erasure(of action: Digest, _ transaction: RegistryTransaction) throws -> Action? {
    guard let index = try transaction.erasureIndex(action), index >= tree.size,
      let bytes = try transaction.entry(index)
    else { return nil }
    let entry = try LogEntry(bytes: bytes)
    let parts = try StatementParts(
      payloadType: entry.envelope.payloadType, payload: entry.envelope.payload)
    let inner: StatementBody? =
      switch parts.body {
      case .proposalOpened(let body): body.inner
      case .proposalSigned(let body):
        try proposal(body.proposal, before: index, transaction)?.inner
      default: nil
      }
    guard case .payloadErased(let body)? = inner, body.action == action else { return nil }
    return body.kept
  }

  /// A body, or what an erasure further on keeps of an action.
  func payload(_ digest: Digest, _ transaction: RegistryTransaction) -> [UInt8]? {
    if let bytes = try? transaction.body(digest) { return bytes }
    let kept = state.erased[digest] ?? (try? erasure(of: digest, transaction)) ?? nil
    return kept.flatMap { try? $0.json.canonicalBytes() }
  }

  /// The proposal that a later entry signs, looked for backwards.
  private func proposal(
    _ digest: Digest, before index: UInt64, _ transaction: RegistryTransaction
  ) throws -> ProposalOpened? {
    var at = index
    while at > 0 {
      at -= 1
      guard let bytes = try transaction.entry(at) else { return nil }
      let entry = try LogEntry(bytes: bytes)
      guard entry.envelope.digest == digest else { continue }
      let parts = try StatementParts(
        payloadType: entry.envelope.payloadType, payload: entry.envelope.payload)
      guard case .proposalOpened(let body) = parts.body else { return nil }
      return body
    }
    return nil
  }

  /// An action's bytes may be missing only where the admin quorum has said so.
  package func checkErasures() throws(AuthorityFault) {
    erasuresToCome = erasuresToCome.filter { state.erased[$0] == nil }
    if let action = erasuresToCome.min() {
      throw .badEntry(
        index: tree.size,
        reason: "the bytes of action \(action.hex) are missing, and no admitted "
          + "entry erases them")
    }
  }
}
