import Approvals
import CanonicalJSON
import Delegations
import Keys
import Statements

// What each kind of statement may do, and does. Everything is checked before anything is changed:
// a statement that is refused leaves the state as it was.
extension AuthorityState {
  /// Enacts a body: one an operator signed or, `byQuorum`, one that enough admins have signed.
  mutating func enact(
    _ body: StatementBody, _ signing: Signing, _ context: AdmissionContext, byQuorum: Bool
  ) throws(AdmissionFault) -> [Change] {
    let (signer, now) = (signing.signer, context.received)
    if !byQuorum, needsProposal(body, by: signer, at: now) { throw .needsProposal(body.type) }
    switch body {
    case .registryCreated(let body): try create(body, signing.digest, now)
    case .operatorEnrolled(let body): try enrol(body, signing, now)
    case .operatorUpdated(let body): try update(body)
    case .operatorRemoved(let body):
      try remove(body, now)
    case .operatorKeyRotated(let body): try rotate(body, signing, now)
    case .settingsChanged(let body): try change(body)
    case .serviceEnrolled(let body): try enrol(body, signing, now)
    case .serviceRemoved(let body): try remove(body, now)
    case .agentRegistered(let body):
      guard agents[body.agent] == nil, !retiredAgents.contains(body.agent) else {
        throw .exists(what: "agent", name: body.agent.description)
      }
      try register(body, owners: [], signer)
    case .agentUpdated(let body):
      guard let known = agents[body.agent] else {
        throw .unknownSubject(what: "agent", name: body.agent.description)
      }
      let former = known.owners.filter { $0 != known.registered.owner }
      try register(body, owners: former + [known.registered.owner], signer)
    case .agentRetired(let body):
      try require(.admin, of: signer)
      guard agents.remove(body.agent) != nil else {
        throw .unknownSubject(what: "agent", name: body.agent.description)
      }
      retiredAgents.insert(body.agent)
    case .resourceRegistered(let body): try register(body)
    case .keyRequested(let body): try request(body, signing, now)
    case .keyEnrolled(let body): try enrol(body, signing, now)
    case .keyRotated(let body): try rotate(body, signing, now)
    case .keyTainted(let body):
      try taint(body, by: signer, now)
    case .keyRevoked(let body):
      try revoke(body, by: signer, byQuorum: byQuorum, now)
    case .grantIssued(let body): try issue(body, signing, now)
    case .grantRevoked(let body):
      try revoke(body, by: signer, now)
    case .lockPlaced(let body):
      try place(body, signing, byQuorum: byQuorum, now)
    case .lockLifted(let body): try lift(body, by: signer, byQuorum: byQuorum)
    case .policyPublished(let body): try publish(body, signing, context)
    case .policyActivated(let body):
      guard policies[body.policy] != nil else {
        throw .unknownSubject(what: "policy", name: body.policy.hex)
      }
      activePolicy = body.policy
    case .decisionMade(let body): return try record(body, signing, context)
    case .approvalVoted(let body): return try vote(body, signing, now)
    case .approvalWithdrawn(let body): return try withdraw(body, signer, now)
    case .approvalBrokenGlass(let body): return try breakGlass(body, signing, now)
    case .reviewCompleted(let body): try complete(body, by: signer, context)
    case .proposalOpened(let body): return try open(body, signing, context)
    case .proposalSigned(let body): return try sign(body, signing, context)
    case .proposalRejected(let body): return try reject(body, by: signer)
    case .actionFinished(let body):
      guard let awaited = unfinished[body.action], awaited.agent == signer,
        isAwaited(awaited, at: now)
      else {
        throw .unknownSubject(
          what: "action of \(signer) that was released and whose outcome is still to be told:",
          name: body.action.hex)
      }
      unfinished[body.action] = nil
    case .payloadErased(let body): try erase(body, context)
    case .logRestored(let body): return try restore(body, signing.digest, context)
    case .clockReset(let body): try reset(body, context)
    case .refusalsCounted:
      guard services[signer] != nil else { throw .unknownSigner(signer) }
      // By key: the daemons of one service, on several hosts, each count their own.
      if let last = refusalsCounted[signing.keys[0]], now.milliseconds(since: last) < 3_600_000 {
        throw .invalid(what: "refusals.counted", why: "may come once an hour")
      }
      refusalsCounted[signing.keys[0]] = now
    }
    return [.enacted(body)] + voidHolds(coveredBy: body, at: now)
  }

  func requireApproverOrAdmin(_ signer: Principal) throws(AdmissionFault) {
    guard let record = operators[signer], record.has(.approver) || record.has(.admin) else {
      throw .missingRole(signer, .approver)
    }
  }

  func checkPatterns(_ capabilities: [Capability]) throws(AdmissionFault) {
    do { _ = try Scope(capabilities) } catch { throw AdmissionFault(error) }
  }

  /// Ends the open holds that a revocation, retirement, removal or lock covers.
  mutating func voidHolds(coveredBy body: StatementBody, at now: Timestamp) -> [Change] {
    guard let coverage = HoldCoverage(body, in: self) else { return [] }
    var changes: [Change] = []
    for var hold in openHolds(at: now) where coverage.mayCover(hold) {
      guard let reason = voidReason(hold, at: now), hold.void(reason, at: now) else { continue }
      holds.set(hold)
      changes.append(.hold(hold.digest))
    }
    return changes
  }

  private func voidReason(_ hold: Hold, at now: Timestamp) -> ByteString? {
    switch keys[hold.key]?.status(at: now) {
    case .revoked?: return "key_revoked"
    case .tainted?: return "key_tainted"
    default: break
    }
    if agents[hold.agent] == nil { return "agent_retired" }
    let uri = try? ResourceURI(hold.resource)
    if lock(agent: hold.agent, key: hold.key, resource: uri, leaf: hold.chain.last, at: now) != nil
    {
      return "locked"
    }
    guard let leaf = hold.chain.last else { return nil }
    do {
      _ = try chains.verify(leaf: leaf, agent: hold.agent, audience: nil, at: now)
      return nil
    } catch {
      return ByteString(error.code)
    }
  }

  // MARK: policies, resources

  private mutating func publish(
    _ body: PolicyPublished, _ signing: Signing, _ context: AdmissionContext
  ) throws(AdmissionFault) {
    try require(.admin, of: signing.signer)
    if policies.values.contains(where: {
      $0.published.name == body.name && $0.published.version >= body.version
    }) {
      throw .exists(what: "policy", name: body.label)
    }
    for digest in body.modules.map(\.digest) + (body.data.map { [$0] } ?? [])
    where context.body(digest) == nil {
      throw .missingBody(digest)
    }
    policies[signing.digest] = PolicyRecord(
      digest: signing.digest, published: body, publisher: signing.signer)
  }

  private mutating func register(_ body: ResourceRegistered) throws(AdmissionFault) {
    do {
      if let (pattern, other) = try resources.tie(with: body.resources) {
        throw AdmissionFault.invalid(
          what: "pattern",
          why: "\(pattern.text) ties with \(other.text): no URI could tell them apart")
      }
      for entry in body.resources { try resources.register(entry) }
    } catch let fault as PatternFault {
      throw .pattern(fault)
    } catch let fault as AdmissionFault {
      throw fault
    } catch {
      throw .invalid(what: "resources", why: "\(error)")
    }
  }
}
