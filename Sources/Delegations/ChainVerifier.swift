package import CanonicalJSON
package import Keys
package import Statements

/// What a chain is judged against: grants, keys and principals as replayed from the log.
package struct ChainRecords: Sendable {
  let grant: @Sendable (Digest) -> Grant?
  let key: @Sendable (Fingerprint) -> KeyRecord?
  let isPresent: @Sendable (Principal) -> Bool
  let judged: JudgedScopes

  /// `judged`: Pairs of these grants found good before.
  package init(
    grant: @escaping @Sendable (Digest) -> Grant?,
    key: @escaping @Sendable (Fingerprint) -> KeyRecord?,
    isPresent: @escaping @Sendable (Principal) -> Bool, judged: JudgedScopes = JudgedScopes()
  ) {
    self.grant = grant
    self.key = key
    self.isPresent = isPresent
    self.judged = judged
  }
}

/// A chain found good at one instant.
///
/// The initializer is out of reach: ``ChainVerifier/verify(leaf:agent:audience:at:)`` gives one.
package struct VerifiedChain: Sendable, Hashable {
  /// From the root to the agent; never empty.
  package let grants: [Grant]

  init(grants: [Grant]) {
    self.grants = grants
  }

  /// The operator it all comes from.
  package var root: Principal { grants[0].issuer }
  /// What the agent may do: what the leaf allows, since no hop is wider than the one above.
  package var scope: Scope { grants[grants.count - 1].scope }
  /// Root user, then each holder.
  package var principals: [Principal] { [root] + grants.map(\.terms.holder) }
  package var digests: [Digest] { grants.map(\.digest) }
  package var expires: Timestamp? { grants.compactMap(\.terms.limits.notAfter).min() }

  package func covers(action: ByteString, resource: ResourceURI) -> Bool {
    scope.covers(action: action, resource: resource)
  }
}

/// Walks a chain from its leaf and judges every hop.
package struct ChainVerifier: Sendable {
  package static let lengthLimit = 32

  private let records: ChainRecords

  package init(_ records: ChainRecords) {
    self.records = records
  }

  /// The grants from the root to a leaf, unjudged.
  package func grants(to leaf: Digest) throws(ChainFault) -> [Grant] {
    var grants: [Grant] = []
    var next: Digest? = leaf
    while let digest = next {
      guard grants.count < ChainVerifier.lengthLimit else {
        throw .tooLong(limit: ChainVerifier.lengthLimit)
      }
      guard let grant = records.grant(digest) else { throw .missing(grant: digest) }
      grants.append(grant)
      next = grant.terms.parent
    }
    return grants.reversed()
  }

  /// Judges the chain of a leaf grant for its holder.
  ///
  /// - Throws: ``ChainFault``: the first rule a hop breaks, from the root on.
  package func verify(
    leaf: Digest, agent: Principal, audience: Principal?, at now: Timestamp
  ) throws(ChainFault) -> VerifiedChain {
    let grants = try grants(to: leaf)
    let last = grants.count - 1
    guard grants[last].terms.holder == agent else {
      throw .holderMismatch(hop: last, holder: grants[last].terms.holder, expected: agent)
    }
    for hop in grants.indices { try judge(hop, of: grants, audience: audience, at: now) }
    return VerifiedChain(grants: grants)
  }

  /// Judges every hop of a chain by itself, so that a viewer can show each.
  package func report(
    leaf: Digest, audience: Principal?, at now: Timestamp
  ) -> ChainReport {
    let grants: [Grant]
    do {
      grants = try self.grants(to: leaf)
    } catch {
      return ChainReport(hops: [], end: .init(error))
    }
    let hops = grants.indices.map { hop in
      ChainReport.Hop(
        grant: grants[hop], parent: hop > 0 ? grants[hop - 1] : nil,
        verdict: verdict(hop, of: grants, audience: audience, at: now))
    }
    return ChainReport(hops: hops, end: nil)
  }

  private func verdict(
    _ hop: Int, of grants: [Grant], audience: Principal?, at now: Timestamp
  ) -> ChainReport.Verdict {
    do {
      try judge(hop, of: grants, audience: audience, at: now)
      return .valid
    } catch {
      return ChainReport.Verdict(error)
    }
  }

  private func judge(
    _ hop: Int, of grants: [Grant], audience: Principal?, at now: Timestamp
  ) throws(ChainFault) {
    let grant = grants[hop]
    if hop == 0 {
      guard grant.terms.parent == nil, grant.issuer.kind == .user, records.isPresent(grant.issuer)
      else { throw .rootUnauthorized(issuer: grant.issuer) }
    } else {
      try judge(grant, under: grants[hop - 1], hop: hop)
    }
    try judge(grant, hop: hop, audience: audience, at: now)
  }

  /// Whether a grant is no wider than its parent: in issuer, scope, time and depth.
  ///
  /// Times nest even where now lies inside both.
  package func judge(_ grant: Grant, under parent: Grant, hop: Int) throws(ChainFault) {
    guard grant.issuer == parent.terms.holder else {
      throw .issuerMismatch(hop: hop, issuer: grant.issuer, expected: parent.terms.holder)
    }
    if let excess = records.judged.excess(of: grant, over: parent) {
      throw .scopeWidened(hop: hop, action: excess.action, resource: excess.resource)
    }
    let (limits, above) = (grant.terms.limits, parent.terms.limits)
    if let bound = above.notBefore {
      guard let start = limits.notBefore, start >= bound else { throw .timeWidened(hop: hop) }
    }
    if let bound = above.notAfter {
      guard let end = limits.notAfter, end <= bound else { throw .timeWidened(hop: hop) }
    }
    guard limits.maxDepth < above.maxDepth else { throw .depthExceeded(hop: hop) }
  }

  private func judge(
    _ grant: Grant, hop: Int, audience: Principal?, at now: Timestamp
  ) throws(ChainFault) {
    if grant.revoked != nil { throw .grantRevoked(hop: hop, grant: grant.digest) }
    guard records.isPresent(grant.terms.holder) else {
      throw .principalGone(hop: hop, principal: grant.terms.holder)
    }
    guard let key = records.key(grant.key) else { throw .keyUnknown(hop: hop, key: grant.key) }
    guard key.holder == grant.issuer, key.received <= grant.received,
      key.notBefore.map({ $0 <= grant.received }) ?? true,
      key.upholds(receivedAt: grant.received)
    else { throw .keyUntrusted(hop: hop, key: grant.key) }
    let limits = grant.terms.limits
    if let notBefore = limits.notBefore, now < notBefore {
      throw .notYetValid(hop: hop, notBefore: notBefore)
    }
    if let notAfter = limits.notAfter, now >= notAfter {
      throw .expired(hop: hop, notAfter: notAfter)
    }
    if let audience, !limits.audiences.isEmpty, !limits.audiences.contains(audience.text) {
      throw .wrongAudience(hop: hop, audience: audience)
    }
  }
}
