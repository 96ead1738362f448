import Approvals
import CanonicalJSON
import Delegations
import Keys
import Statements

// What takes the admin quorum, and what repairs the log.
extension AuthorityState {
  package static let longestProposalSeconds: Int64 = 72 * 3600

  mutating func open(
    _ body: ProposalOpened, _ signing: Signing, _ context: AdmissionContext
  ) throws(AdmissionFault) -> [Change] {
    try require(.admin, of: signing.signer)
    let now = context.received
    guard resetsClock(body) || body.expires > now else {
      throw .invalid(what: "expires", why: "is not in the future")
    }
    guard
      resetsClock(body)
        || body.expires <= now.advanced(bySeconds: AuthorityState.longestProposalSeconds)
    else { throw .invalid(what: "expires", why: "is not within the next 72 hours") }
    guard body.inner.type.mayBeProposed, needsProposal(body.inner, by: signing.signer, at: now)
    else {
      throw .invalid(what: "inner", why: "takes no admin quorum; sign it as it is")
    }
    try checkExpectation(body)
    // What could not take effect is not worth anyone's signature.
    var trial = self
    _ = try trial.enact(body.inner, signing, context, byQuorum: true)
    let proposal = ProposalRecord(
      digest: signing.digest, opened: body, received: now,
      signatures: [.init(admin: signing.signer, key: signing.keys[0], received: now)])
    return [.enacted(.proposalOpened(body))] + (try complete(proposal, signing, context))
  }

  mutating func sign(
    _ body: ProposalSigned, _ signing: Signing, _ context: AdmissionContext
  ) throws(AdmissionFault) -> [Change] {
    try require(.admin, of: signing.signer)
    guard var proposal = proposals[body.proposal] else {
      throw .unknownSubject(what: "proposal", name: body.proposal.hex)
    }
    guard resetsClock(proposal.opened) || context.received < proposal.opened.expires else {
      throw .proposalVoid("it has expired")
    }
    guard !proposal.signers.contains(signing.signer) else {
      throw .exists(what: "the signature of", name: signing.signer.description)
    }
    guard !isTarget(signing.signer, of: proposal.opened.inner) || admins.count == 1 else {
      throw .invalid(
        what: signing.signer.description, why: "cannot sign a change of their own standing")
    }
    proposal.signatures.append(
      .init(admin: signing.signer, key: signing.keys[0], received: context.received))
    return [.enacted(.proposalSigned(body)), .proposalSigned(body.proposal)]
      + (try complete(proposal, signing, context))
  }

  /// Puts a proposal into effect once enough admins have signed; it is checked again then.
  private mutating func complete(
    _ proposal: ProposalRecord, _ signing: Signing, _ context: AdmissionContext
  ) throws(AdmissionFault) -> [Change] {
    guard countedSigners(proposal).count >= signaturesNeeded(for: proposal.opened.inner) else {
      proposals[proposal.digest] = proposal
      return []
    }
    try checkExpectation(proposal.opened)
    let inner = proposal.opened.inner
    let changes = try enact(
      inner,
      Signing(
        digest: proposal.digest, signer: proposal.opener, keys: [proposal.signatures[0].key],
        head: signing.head, cosigners: Array(proposal.signatures.dropFirst())),
      context, byQuorum: true)
    proposals[proposal.digest] = nil
    for subject in AuthorityState.subjects(of: inner) { lastSet[subject] = proposal.digest }
    return changes + [.proposalEnded(proposal.digest)]
  }

  mutating func reject(
    _ body: ProposalRejected, by signer: Principal
  ) throws(AdmissionFault) -> [Change] {
    try require(.admin, of: signer)
    guard let proposal = proposals[body.proposal] else {
      throw .unknownSubject(what: "proposal", name: body.proposal.hex)
    }
    // Else an admin, or who stole their key, could keep the others from ever taking it away.
    guard proposal.opener == signer || !isTarget(signer, of: proposal.opened.inner) else {
      throw .invalid(
        what: signer.description, why: "cannot reject a change of their own standing")
    }
    proposals[body.proposal] = nil
    return [.enacted(.proposalRejected(body)), .proposalEnded(body.proposal)]
  }

  private func resetsClock(_ body: ProposalOpened) -> Bool {
    if case .clockReset = body.inner { return true }
    return false
  }

  private func checkExpectation(_ body: ProposalOpened) throws(AdmissionFault) {
    guard body.expects == expectation(for: body.inner) else {
      throw .proposalVoid("what it changes has changed since")
    }
  }

  // MARK: repairs

  mutating func erase(
    _ body: PayloadErased, _ context: AdmissionContext
  ) throws(AdmissionFault) {
    guard erased[body.action] == nil else {
      throw .exists(what: "the erasure of action", name: body.action.hex)
    }
    // While the bytes are there, what is kept must be theirs.
    if let payload = context.body(body.action) {
      guard let action = try? Action(payload: payload), action.withoutDetails == body.kept else {
        throw .invalid(what: "kept", why: "is not what the action says")
      }
    }
    if holds.all(.action(body.action)).contains(where: { $0.state(at: context.received).isOpen }) {
      throw .invalid(what: "action", why: "is still held; deny it first")
    }
    erased[body.action] = body.kept
  }

  /// Goes on from a backup: nothing that was open stays so, and nothing from before is heard.
  mutating func restore(
    _ body: LogRestored, _ digest: Digest, _ context: AdmissionContext
  ) throws(AdmissionFault) -> [Change] {
    guard body.kept.size <= size, context.knows(body.kept), body.lost.size >= body.kept.size else {
      throw .invalid(what: "kept", why: "is not a head of this log, or larger than what was lost")
    }
    restorations.append(RestorationRecord(digest: digest, index: size, body: body))
    actionFloor = context.received
    var changes: [Change] = [.enacted(.logRestored(body))]
    for var hold in openHolds(at: context.received)
    where hold.void("log_restored", at: context.received) {
      holds.set(hold)
      changes.append(.hold(hold.digest))
    }
    return changes
  }

  /// Puts the log's time back.
  ///
  /// What was signed while the clock ran ahead becomes fresh again when its time comes, so its nonces
  /// and ids are taken from the log again: some are forgotten, having run out by the time that was wrong.
  mutating func reset(
    _ body: ClockReset, _ context: AdmissionContext
  ) throws(AdmissionFault) {
    guard body.to < lastReceived else {
      throw .invalid(
        what: "to", why: "is not before the log's last receipt time, \(lastReceived.text)")
    }
    clockResets.append(ClockResetRecord(index: size, from: lastReceived))
    var index = size
    while index > 0 {
      index -= 1
      guard let entry = context.entry(index) else { break }
      if entry.received > body.to {
        remember(entry, context)
      } else if clockResets.first.map({ $0.index >= index }) ?? true {
        // Receipt times only rise, save at a reset: what came before was received earlier still.
        break
      }
    }
    lastReceived = body.to
    actionFloor = max(actionFloor, body.to)
    statementFloor = body.to
  }

  /// Marks as used what an entry used.
  private mutating func remember(_ entry: LogEntry, _ context: AdmissionContext) {
    guard
      let parts = try? StatementParts(
        payloadType: entry.envelope.payloadType, payload: entry.envelope.payload)
    else { return }
    let header = parts.header
    spent.set(
      Spent(
        id: .statement(header.id), index: size,
        until: header.at.advanced(bySeconds: 2 * AuthorityState.admissionWindowSeconds)))
    guard case .decisionMade(let decision) = parts.body, decision.releases == nil,
      let action = try? action(of: decision, context)
    else { return }
    spent.set(
      Spent(
        id: .nonce(action.nonce, by: decision.key), index: size,
        until: action.timestamp.advanced(bySeconds: AuthorityState.freshnessSeconds + 1)))
  }
}
