import CanonicalJSON
import Delegations
package import Keys
package import Statements

// What takes more than one admin, how many, and whose signature counts.
extension AuthorityState {
  /// How many admins must sign a proposal before it takes effect.
  package func signaturesNeeded(for body: StatementBody) -> Int {
    // Another admin's, whatever the quorum: one alone must not keep an operator locked out.
    if case .lockPlaced = body { return 2 }
    return max(1, registry?.adminQuorum ?? 1)
  }

  /// Whether a change takes further admins when this signer asks for it now.
  package func needsProposal(
    _ body: StatementBody, by signer: Principal, at now: Timestamp
  ) -> Bool {
    switch body {
    case .keyRevoked(let body):
      guard let holder = keys[body.key]?.holder else { return false }
      return holder.kind != .agent && holder != signer
    case .lockLifted(let body): return locks[body.lock]?.placed.target == .everything
    case .lockPlaced(let body): return isLockedAgain(body, by: signer, at: now)
    default: return body.type.takesAdminQuorum
    }
  }

  /// The admins who could sign a proposal of a change so that it counts.
  package func possibleSigners(of body: StatementBody) -> [Principal] {
    admins.count == 1 ? admins : admins.filter { !isTarget($0, of: body) }
  }

  /// Whether a change is of this admin's own standing: their signature on it does not count, and
  /// they cannot reject it.
  package func isTarget(_ admin: Principal, of body: StatementBody) -> Bool {
    switch body {
    case .operatorEnrolled(let body): body.principal == admin
    case .operatorUpdated(let body): body.operators.contains { $0.principal == admin }
    case .operatorRemoved(let body): body.principal == admin
    case .operatorKeyRotated(let body): body.principal == admin
    case .keyRevoked(let body): keys[body.key]?.holder == admin
    case .lockPlaced(let body):
      if case .key(let key) = body.target { keys[key]?.holder == admin } else { false }
    default: false
    }
  }

  /// The admins whose signatures count now: not the target's own, save where there is one admin.
  ///
  /// Each is judged by its own receipt time: what a stolen key signed after the theft counts for
  /// nothing, however old the proposal is.
  package func countedSigners(_ proposal: ProposalRecord) -> [Principal] {
    proposal.signatures.filter { signature in
      guard operators[signature.admin]?.has(.admin) == true,
        let key = keys[signature.key], key.holder == signature.admin,
        key.upholds(receivedAt: signature.received)
      else { return false }
      return admins.count == 1 || !isTarget(signature.admin, of: proposal.opened.inner)
    }.map(\.admin)
  }

  /// What `proposal.opened` must say it expects of the things it changes: the digest of the statement
  /// that last set it; of several things, a digest over theirs.
  package func expectation(for body: StatementBody) -> Digest? {
    let subjects = AuthorityState.subjects(of: body)
    if subjects.count == 1 { return lastSet[subjects[0]] }
    let set = subjects.map { lastSet[$0] }
    guard set.contains(where: { $0 != nil }) else { return nil }
    return Digest.sha256(set.flatMap { $0?.bytes ?? [UInt8](repeating: 0, count: 32) })
  }

  static func subjects(of body: StatementBody) -> [ByteString] {
    switch body {
    case .operatorEnrolled(let body): [body.principal.text]
    case .operatorUpdated(let body): body.operators.map(\.principal.text)
    case .operatorRemoved(let body): [body.principal.text]
    case .operatorKeyRotated(let body): [body.principal.text]
    case .settingsChanged: ["settings"]
    case .serviceEnrolled(let body): [body.service.text]
    case .serviceRemoved(let body): [body.service.text]
    case .resourceRegistered(let body): body.resources.map { "resource " + $0.pattern }
    case .policyActivated: ["policy"]
    case .keyRevoked(let body): [ByteString("key " + body.key.digest.hex)]
    case .lockLifted(let body): [ByteString("lock " + body.lock.hex)]
    case .payloadErased(let body): [ByteString("payload " + body.action.hex)]
    case .logRestored: ["log"]
    case .clockReset: ["clock"]
    default: []
    }
  }
}
