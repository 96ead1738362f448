import CanonicalJSON
import Decisions
package import Keys
import Registry
package import Statements

extension Ledger {
  /// The header of a statement signed now by someone who has seen this log.
  package func header(by signer: Principal, at now: Timestamp) -> StatementHeader {
    StatementHeader(
      at: now, head: head, id: ByteString(Hexadecimal.text(of: SecureRandom.bytes(16))),
      registry: state.registry?.id ?? "", signer: signer)
  }

  /// What to sign so that a change happens: the change itself, or a proposal of it.
  package func draft(
    _ body: StatementBody, by signer: Principal, at now: Timestamp
  ) throws(StatementFault) -> StatementDraft {
    guard state.needsProposal(body, by: signer, at: now) else {
      return try StatementDraft(header(by: signer, at: now), body)
    }
    let proposal = ProposalOpened(
      inner: body, expects: state.expectation(for: body),
      expires: now.advanced(bySeconds: AuthorityState.longestProposalSeconds))
    return try StatementDraft(header(by: signer, at: now), .proposalOpened(proposal))
  }

  /// What became of a change that was signed.
  package struct Signed: Sendable {
    /// The digest of the statement: of the proposal, where the change takes the admin quorum.
    package let digest: Digest
    package let index: UInt64
    /// Whether it waits for other admins.
    package let isProposed: Bool
  }

  /// Signs a change with one key and appends it.
  @discardableResult
  package func sign<Signer: StatementSigner & ~Copyable>(
    _ body: StatementBody, by signer: Principal, key: borrowing Signer, clock: Clock,
    bodies: [[UInt8]] = []
  ) throws -> Signed {
    try catchUp()
    let draft = try draft(body, by: signer, at: clock.now())
    return try append(try draft.signed(by: key), clock: clock, bodies: bodies)
  }

  /// Appends one signed statement and pins the log it made.
  @discardableResult
  package func append(
    _ envelope: UnverifiedEnvelope, clock: Clock, bodies: [[UInt8]] = []
  ) throws -> Signed {
    let parts = try StatementParts(payloadType: envelope.payloadType, payload: envelope.payload)
    // A clock that is behind the log is what such a statement is there to mend.
    let last = state.lastReceived
    let clock = state.resetsClock(parts.body) ? Clock { max(clock.now(), last) } : clock
    let index = try write(clock: clock) { appending in
      for body in bodies { try appending.store(body: body) }
      return try appending.append(envelope)
    }
    // It is recorded, whatever becomes of this.
    keepPin()
    return Signed(
      digest: envelope.digest, index: index,
      isProposed: state.proposals[envelope.digest] != nil)
  }
}
