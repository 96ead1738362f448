import CanonicalJSON
import Delegations
import Keys
import Statements

// Links of delegation.
extension AuthorityState {
  mutating func issue(
    _ body: GrantIssued, _ signing: Signing, _ now: Timestamp
  ) throws(AdmissionFault) {
    let issuer = signing.signer
    guard grants[signing.digest] == nil else {
      throw .exists(what: "grant", name: signing.digest.hex)
    }
    // Passing authority to oneself gives nothing, and would let an agent end its own holds by revoking it.
    guard body.holder != issuer else {
      throw .invalid(what: "holder", why: "is the issuer itself")
    }
    guard agents[body.holder] != nil else {
      throw .unknownSubject(what: "agent", name: body.holder.description)
    }
    let grant: Grant
    do {
      grant = try Grant(
        digest: signing.digest, issuer: issuer, key: signing.keys[0], received: now, terms: body)
    } catch { throw AdmissionFault(error) }
    if let start = body.limits.notBefore, let end = body.limits.notAfter, start >= end {
      throw .invalid(what: "not_after", why: "is not after not_before")
    }
    if let end = body.limits.notAfter, end <= now {
      throw .invalid(what: "not_after", why: "is not in the future")
    }
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
      // A lock stops what an agent could pass on as well as what it could do.
      if issuer.kind == .agent,
        let lock = lock(agent: issuer, key: grant.key, resource: nil, leaf: parent, at: now)
      {
        throw .locked(lock.placed.target.words)
      }
    } else {
      guard let root = operators[issuer] else { throw .chain(.rootUnauthorized(issuer: issuer)) }
      let allowed: Scope
      do { allowed = try Scope(root.mayGrant) } catch { throw AdmissionFault(error) }
      if let excess = grant.scope.excess(over: allowed) {
        throw .notGrantable(issuer, action: excess.action, resource: excess.resource)
      }
    }
    grants[signing.digest] = grant
  }

  mutating func revoke(
    _ body: GrantRevoked, by signer: Principal, _ now: Timestamp
  ) throws(AdmissionFault) {
    guard var grant = grants[body.grant] else {
      throw .unknownSubject(what: "grant", name: body.grant.hex)
    }
    guard grant.revoked == nil else {
      throw .chain(.grantRevoked(hop: 0, grant: body.grant))
    }
    let above: [Grant]
    do { above = try chains.grants(to: body.grant) } catch { throw .chain(error) }
    if !above.contains(where: { $0.issuer == signer }) { try require(.admin, of: signer) }
    grant.revoked = now
    grants[body.grant] = grant
  }
}
