import Approvals
import CanonicalJSON
import Delegations
import Keys
import Statements

// What each kind of statement may do, and does.
extension AuthorityState {
  mutating func enact(
    _ statement: VerifiedStatement, _ context: AdmissionContext
  ) throws(AdmissionFault) -> [Change] {
    let signer = statement.header.signer
    let now = context.received
    switch statement.body {
    case .registryCreated(let body): try create(body, statement.digest, now)
    case .operatorEnrolled, .serviceEnrolled, .resourceRegistered, .policyActivated:
      throw .needsProposal(statement.body.type)
    case .agentRegistered(let body):
      try require(.admin, of: signer)
      guard operators[body.owner] != nil else {
        throw .unknownSubject(what: "operator", name: body.owner.description)
      }
      // Who owns an agent decides who may approve its acts: a second registration changes nothing.
      guard agents[body.agent] == nil else {
        throw .exists(what: "agent", name: body.agent.description)
      }
      agents[body.agent] = body
    case .keyEnrolled(let body): try enrol(body, by: signer, now)
    case .keyRevoked(let body): return try revoke(body, statement, now)
    case .grantIssued(let body): try issue(body, statement, now)
    case .grantRevoked(let body): return try revoke(body, statement, now)
    case .lockPlaced(let body):
      guard let record = operators[signer], record.has(.approver) || record.has(.admin) else {
        throw .missingRole(signer, .approver)
      }
      if case .resource(let pattern) = body.target {
        do { _ = try ResourcePattern(pattern) } catch { throw .pattern(error) }
      }
      locks[statement.digest] = LockRecord(
        digest: statement.digest, placed: body, placer: signer)
      return [.enacted(statement.body)] + voidHolds(at: now)
    case .lockLifted(let body):
      guard let lock = locks[body.lock] else {
        throw .unknownSubject(what: "lock", name: body.lock.hex)
      }
      guard let record = operators[signer], record.has(.approver) || record.has(.admin) else {
        throw .missingRole(signer, .approver)
      }
      if lock.placed.target == .everything { throw .needsProposal(.lockLifted) }
      locks[body.lock] = nil
    case .policyPublished(let body):
      try require(.admin, of: signer)
      if policies.values.contains(where: {
        $0.published.name == body.name && $0.published.version >= body.version
      }) {
        throw .exists(what: "policy", name: body.label)
      }
      for digest in body.modules.map(\.digest) + (body.data.map { [$0] } ?? [])
      where context.body(digest) == nil {
        throw .missingBody(digest)
      }
      policies[statement.digest] = PolicyRecord(
        digest: statement.digest, published: body, publisher: signer)
    case .decisionMade(let body): return try record(body, statement, context)
    case .approvalVoted(let body): return try vote(body, statement, now)
    case .proposalOpened(let body):
      try require(.admin, of: signer)
      guard body.expires > now, body.expires <= now.advanced(bySeconds: 72 * 3600) else {
        throw .invalid(what: "expires", why: "is not within the next 72 hours")
      }
      try checkProposal(body)
      proposals[statement.digest] = ProposalRecord(
        digest: statement.digest, opened: body, opener: signer)
      return [.enacted(statement.body)] + (try complete(statement.digest, by: statement, now))
    case .proposalSigned(let body):
      try require(.admin, of: signer)
      guard var proposal = proposals[body.proposal] else {
        throw .unknownSubject(what: "proposal", name: body.proposal.hex)
      }
      guard now < proposal.opened.expires else { throw .proposalVoid("it has expired") }
      guard !proposal.signers.contains(signer) else {
        throw .exists(what: "the signature of", name: signer.description)
      }
      proposal.sign(signer)
      proposals[body.proposal] = proposal
      return [.enacted(statement.body)] + (try complete(body.proposal, by: statement, now))
    case .proposalRejected(let body):
      try require(.admin, of: signer)
      guard proposals.removeValue(forKey: body.proposal) != nil else {
        throw .unknownSubject(what: "proposal", name: body.proposal.hex)
      }
      return [.enacted(statement.body), .proposalEnded(body.proposal)]
    }
    return [.enacted(statement.body)]
  }

  private mutating func create(
    _ body: RegistryCreated, _ digest: Digest, _ now: Timestamp
  ) throws(AdmissionFault) {
    let admins = body.operators.filter { $0.roles.contains(.admin) }.count
    guard body.adminQuorum <= admins else {
      throw .invalid(
        what: "admin_quorum", why: "is \(body.adminQuorum), and there are \(admins) admins")
    }
    registry = RegistryIdentity(
      id: ByteString(digest.hex), name: body.name, adminQuorum: Int(body.adminQuorum),
      approvalDefault: body.approvalDefault, isSolo: body.isSolo)
    for founder in body.operators {
      try enrol(founder, by: founder.principal, now)
      lastSet[founder.principal.text] = digest
    }
  }

  private mutating func enrol(
    _ body: OperatorEnrolled, by admin: Principal, _ now: Timestamp
  ) throws(AdmissionFault) {
    for capability in body.mayGrant {
      do { try capability.checked() } catch { throw .pattern(error) }
    }
    try enrol(body.key, of: body.principal, by: admin, now)
    operators[body.principal] = OperatorRecord(body)
  }

  private mutating func enrol(
    _ key: PublicKey, of holder: Principal, by admin: Principal, _ now: Timestamp,
    from notBefore: Timestamp? = nil, until notAfter: Timestamp? = nil
  ) throws(AdmissionFault) {
    guard keys[key.fingerprint] == nil else {
      throw .exists(what: "key", name: key.fingerprint.description)
    }
    keys[key.fingerprint] = KeyRecord(
      key: key, holder: holder, enrolledBy: admin, received: now, notBefore: notBefore,
      notAfter: notAfter)
  }

  private mutating func enrol(
    _ body: KeyEnrolled, by signer: Principal, _ now: Timestamp
  ) throws(AdmissionFault) {
    try require(.admin, of: signer)
    guard agents[body.holder] != nil else {
      throw .unknownSubject(what: "agent", name: body.holder.description)
    }
    if let start = body.notBefore, let end = body.notAfter, start >= end {
      throw .invalid(what: "not_after", why: "is not after not_before")
    }
    try enrol(
      body.key, of: body.holder, by: signer, now, from: body.notBefore, until: body.notAfter)
  }

  // MARK: revocation

  private mutating func revoke(
    _ body: KeyRevoked, _ statement: VerifiedStatement, _ now: Timestamp
  ) throws(AdmissionFault) {
    guard var record = keys[body.key] else {
      throw .unknownSubject(what: "key", name: body.key.description)
    }
    guard record.revoked == nil else { throw .keyNotActive(body.key, .revoked) }
    let signer = statement.header.signer
    if signer != record.holder {
      guard record.holder.kind == .agent else { throw .needsProposal(.keyRevoked) }
      try require(.admin, of: signer)
    }
    record.revocation = body
    record.revoked = now
    keys[body.key] = record
  }

  private mutating func revoke(
    _ body: KeyRevoked, _ statement: VerifiedStatement, _ now: Timestamp
  ) throws(AdmissionFault) -> [Change] {
    let _: Void = try revoke(body, statement, now)
    return [.enacted(statement.body)] + voidHolds(at: now)
  }

  private mutating func revoke(
    _ body: GrantRevoked, _ statement: VerifiedStatement, _ now: Timestamp
  ) throws(AdmissionFault) -> [Change] {
    guard var grant = grants[body.grant] else {
      throw .unknownSubject(what: "grant", name: body.grant.hex)
    }
    guard grant.revoked == nil else {
      throw .chain(.grantRevoked(hop: 0, grant: body.grant))
    }
    let above: [Grant]
    do { above = try chains.grants(to: body.grant) } catch { throw .chain(error) }
    let signer = statement.header.signer
    if !above.contains(where: { $0.issuer == signer }) { try require(.admin, of: signer) }
    grant.revoked = now
    grants[body.grant] = grant
    return [.enacted(statement.body)] + voidHolds(at: now)
  }

  /// Ends the open holds that no longer stand.
  private mutating func voidHolds(at now: Timestamp) -> [Change] {
    var changes: [Change] = []
    for digest in holds.keys.sorted() {
      guard var hold = holds[digest], hold.state(at: now).isOpen else { continue }
      guard let reason = voidReason(hold, at: now), hold.void(reason, at: now) else { continue }
      holds[digest] = hold
      changes.append(.hold(digest))
    }
    return changes
  }

  private func voidReason(_ hold: Hold, at now: Timestamp) -> ByteString? {
    if keys[hold.key]?.revoked != nil { return "key_revoked" }
    let uri = try? ResourceURI(hold.resource)
    if lock(agent: hold.agent, key: hold.key, resource: uri, at: now) != nil { return "locked" }
    guard let leaf = hold.chain.last else { return nil }
    do {
      _ = try chains.verify(leaf: leaf, agent: hold.agent, audience: nil, at: now)
      return nil
    } catch {
      return ByteString(error.code)
    }
  }

  // MARK: grants

  private mutating func issue(
    _ body: GrantIssued, _ statement: VerifiedStatement, _ now: Timestamp
  ) throws(AdmissionFault) {
    let issuer = statement.header.signer
    guard agents[body.holder] != nil else {
      throw .unknownSubject(what: "agent", name: body.holder.description)
    }
    for capability in body.capabilities {
      do { try capability.checked() } catch { throw .pattern(error) }
    }
    let grant = Grant(
      digest: statement.digest, issuer: issuer, key: statement.signers[0], received: now,
      terms: body)
    if let parent = body.parent {
      do {
        let above = try chains.grants(to: parent)
        guard let last = above.last, above.count < ChainVerifier.lengthLimit else {
          throw ChainFault.tooLong(limit: ChainVerifier.lengthLimit)
        }
        try chains.judge(grant, under: last, hop: above.count)
        _ = try chains.verify(leaf: parent, agent: issuer, audience: nil, at: now)
      } catch let fault as ChainFault {
        throw .chain(fault)
      } catch {
        throw .invalid(what: "parent", why: "\(error)")
      }
    } else {
      guard let root = operators[issuer] else { throw .chain(.rootUnauthorized(issuer: issuer)) }
      do {
        let excess = try Attenuation.excess(of: body.capabilities, over: root.mayGrant)
        if let excess {
          throw AdmissionFault.notGrantable(
            issuer, action: excess.action, resource: excess.resource)
        }
      } catch let fault as AdmissionFault {
        throw fault
      } catch let fault as PatternFault {
        throw .pattern(fault)
      } catch {
        throw .invalid(what: "capabilities", why: "\(error)")
      }
    }
    grants[statement.digest] = grant
  }

  // MARK: proposals

  private func checkProposal(_ body: ProposalOpened) throws(AdmissionFault) {
    guard body.expects == expectation(for: body.inner) else {
      throw .proposalVoid("what it changes has changed since")
    }
    switch body.inner {
    case .operatorEnrolled(let inner):
      guard operators[inner.principal] == nil else {
        throw .exists(what: "operator", name: inner.principal.description)
      }
    case .serviceEnrolled(let inner):
      guard services[inner.service] == nil else {
        throw .exists(what: "service", name: inner.service.description)
      }
    case .resourceRegistered(let inner):
      do {
        if let other = try resources.tie(with: inner) {
          throw AdmissionFault.invalid(
            what: "pattern",
            why: "\(inner.pattern.text) ties with \(other.text): no URI could tell them apart")
        }
      } catch let fault as AdmissionFault {
        throw fault
      } catch let fault as PatternFault {
        throw .pattern(fault)
      } catch {
        throw .invalid(what: "pattern", why: "\(error)")
      }
    case .policyActivated(let inner):
      guard policies[inner.policy] != nil else {
        throw .unknownSubject(what: "policy", name: inner.policy.hex)
      }
    default: throw .invalid(what: "inner", why: "takes no proposal")
    }
  }

  /// Puts a proposal into effect once enough admins have signed; it is checked again then.
  private mutating func complete(
    _ digest: Digest, by statement: VerifiedStatement, _ now: Timestamp
  ) throws(AdmissionFault) -> [Change] {
    guard let proposal = proposals[digest], let registry else { return [] }
    let counted = proposal.signers.filter { operators[$0]?.has(.admin) == true }
    guard counted.count >= registry.adminQuorum, registry.adminQuorum > 0 else { return [] }
    try checkProposal(proposal.opened)
    proposals[digest] = nil
    let inner = proposal.opened.inner
    switch inner {
    case .operatorEnrolled(let body): try enrol(body, by: proposal.opener, now)
    case .serviceEnrolled(let body):
      try enrol(body.key, of: body.service, by: proposal.opener, now)
      services[body.service] = ServiceRecord(
        principal: body.service, key: body.key.fingerprint)
    case .resourceRegistered(let body): resources.register(body)
    case .policyActivated(let body): activePolicy = body.policy
    default: throw .invalid(what: "inner", why: "takes no proposal")
    }
    if let subject = AuthorityState.subject(of: inner) { lastSet[subject] = digest }
    return [.enacted(inner), .proposalEnded(digest)]
  }

  // MARK: votes and decisions

  private mutating func vote(
    _ body: ApprovalVoted, _ statement: VerifiedStatement, _ now: Timestamp
  ) throws(AdmissionFault) -> [Change] {
    guard var hold = holds[body.hold] else { throw .vote(.holdUnknown) }
    let signer = statement.header.signer
    let groups = operators[signer]?.groups ?? []
    do {
      try VoteRules.check(
        body, by: Voter(principal: signer, groups: groups),
        isApprover: operators[signer]?.has(.approver) == true, on: hold,
        exclusions: exclusions(for: hold), at: now)
    } catch {
      throw .vote(error)
    }
    // What is signed is what is shown: the head the voter saw includes the hold.
    guard statement.header.head.size > hold.index else {
      throw .wrongHead(size: statement.header.head.size)
    }
    let vote = Vote(
      digest: statement.digest, voter: signer, key: statement.signers[0], ballot: body,
      received: now)
    let eligible = countedVoters(hold) + [Voter(principal: signer, groups: groups)]
    hold.take(vote, eligible: eligible)
    holds[body.hold] = hold
    return [.enacted(statement.body), .hold(body.hold)]
  }

  private mutating func record(
    _ body: DecisionMade, _ statement: VerifiedStatement, _ context: AdmissionContext
  ) throws(AdmissionFault) -> [Change] {
    let service = statement.header.signer
    guard services[service] != nil else { throw .unknownSigner(service) }
    guard let payload = context.body(body.action) else { throw .missingBody(body.action) }
    let action: Action
    do { action = try Action(payload: payload) } catch {
      throw .invalid(what: "action", why: "\(error)")
    }
    guard let key = keys[body.key], key.holder == action.agent,
      key.key.verifies(
        body.signature,
        over: PreAuthEncoding.bytes(payloadType: Action.payloadType, payload: payload))
    else { throw .invalid(what: "sig", why: "is not the agent's over the action") }
    var changes: [Change] = [.enacted(statement.body)]
    if let releases = body.releases {
      guard var hold = holds[releases], hold.action == body.action else {
        throw .vote(.holdUnknown)
      }
      guard case .approved = hold.state(at: context.received) else {
        throw .vote(.notPending(hold.state(at: context.received)))
      }
      switch body.verdict {
      case .allow:
        guard Quorum.isMet(hold.terms.rule.quorum, by: countedVoters(hold)) else {
          throw .invalid(what: "releases", why: "names a hold whose quorum no longer stands")
        }
        hold.release(by: statement.digest)
      case .deny: hold.lapse(body.reasons.first?.code ?? "lapsed")
      case .hold: throw .invalid(what: "releases", why: "stands with verdict hold")
      }
      holds[releases] = hold
      changes.append(.hold(releases))
    } else {
      guard !isSpent(action.nonce, by: body.key) else {
        throw .invalid(what: "nonce", why: "was used before")
      }
      nonces[Nonce(key: body.key, nonce: action.nonce)] = action.timestamp.advanced(
        bySeconds: AuthorityState.freshnessSeconds + 1)
    }
    if let terms = body.hold {
      holds[statement.digest] = Hold(
        digest: statement.digest, index: size, action: body.action, agent: action.agent,
        key: body.key,
        resource: action.resource, received: context.received, terms: terms, chain: body.chain)
      holdOfAction[body.action] = statement.digest
      changes.append(.hold(statement.digest))
    }
    if body.verdict == .allow {
      for grant in body.chain where grants[grant]?.terms.limits.maxUses != nil {
        uses[grant, default: 0] += 1
      }
    }
    return changes
  }
}
