import CanonicalJSON
import Decisions
package import Keys
import Registry
package import Statements

extension Ledger {
  /// The header of a statement signed now by someone who has seen this log.
  package func header(by signer: Principal, at now: Timestamp) -> StatementHeader {
    StatementHeader(
      at: now, head: head, id: .init(Hexadecimal.text(of: SecureRandom.bytes(16))),
      registry: state.registry?.id ?? "", signer: signer)
  }

  /// What to sign so that a change happens: the change itself, or a proposal of it.
  package func draft(
    _ body: StatementBody, by signer: Principal, at now: Timestamp
  ) throws(StatementFault) -> StatementDraft {
    guard body.type.takesAdminQuorum else {
      return try StatementDraft(header(by: signer, at: now), body)
    }
    let proposal = ProposalOpened(
      inner: body, expects: state.expectation(for: body),
      expires: now.advanced(bySeconds: 72 * 3600))
    return try StatementDraft(header(by: signer, at: now), .proposalOpened(proposal))
  }

  /// Signs a change with one key and appends it.
  ///
  /// - Returns: The statement's digest and its index in the log.
  package func sign(
    _ body: StatementBody, by signer: Principal, key: borrowing SigningKey, clock: Clock,
    bodies: [[UInt8]] = []
  ) throws -> (digest: Digest, index: UInt64) {
    try database.read { try catchUp($0) }
    let draft = try draft(body, by: signer, at: clock.now())
    let envelope = draft.signed(by: key)
    return try append(envelope, clock: clock, bodies: bodies)
  }

  /// Appends one signed statement and pins the log it made.
  package func append(
    _ envelope: UnverifiedEnvelope, clock: Clock, bodies: [[UInt8]] = []
  ) throws -> (digest: Digest, index: UInt64) {
    let index = try write(clock: clock) { appending in
      for body in bodies { try appending.store(body: body) }
      return try appending.append(envelope)
    }
    try storePin()
    return (envelope.digest, index)
  }
}
