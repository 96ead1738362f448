package import CanonicalJSON
package import Delegations
package import Keys
package import Statements

/// One way in which an agent can do something: a grant of its own, and the chain above it.
package struct Reach: Sendable, Hashable {
  package let agent: Principal
  package let grant: Grant
  package let report: ChainReport
  /// Why it could not be used now although the chain is good: no key, a lock, spent uses.
  package let obstacle: String?

  package var isUsable: Bool { report.verdict == .valid && obstacle == nil }
}

extension AuthorityState {
  /// What an agent can do, and through whom: every grant it holds, judged.
  package func reach(of agent: Principal, at now: Timestamp) -> [Reach] {
    reach(grants.all(.holder(agent)), resource: nil, at: now)
  }

  /// Who could do something: every grant that covers it, of every agent.
  package func reach(
    action: ByteString, resource: ResourceURI, at now: Timestamp
  ) -> [Reach] {
    reach(
      grants.all { $0.scope.covers(action: action, resource: resource) }, resource: resource,
      at: now)
  }

  private func reach(_ grants: [Grant], resource: ResourceURI?, at now: Timestamp) -> [Reach] {
    grants.sorted {
      ($0.terms.holder, $0.received, $0.digest) < ($1.terms.holder, $1.received, $1.digest)
    }
    .map { reach($0, resource: resource, at: now) }
  }

  private func reach(_ grant: Grant, resource: ResourceURI?, at now: Timestamp) -> Reach {
    let agent = grant.terms.holder
    let report = chains.report(leaf: grant.digest, audience: nil, at: now)
    let active = activeKeys(of: agent, at: now)
    var obstacle: String?
    if active.isEmpty {
      obstacle = "\(agent) has no active key"
    } else if let spent = report.hops.first(where: { isSpent($0.grant) }) {
      obstacle = "the uses of grant \(spent.grant.digest.short) are spent"
    } else {
      let locks = active.map {
        lock(
          agent: agent, key: $0.key.fingerprint, resource: resource, leaf: grant.digest, at: now)
      }
      if let lock = locks.first ?? nil, !locks.contains(where: { $0 == nil }) {
        obstacle = "locked: \(lock.placed.target.words)"
      }
    }
    return Reach(agent: agent, grant: grant, report: report, obstacle: obstacle)
  }

  /// The keys with which someone can sign now.
  package func activeKeys(of holder: Principal, at now: Timestamp) -> [KeyRecord] {
    keys.all(.holder(holder)).filter { $0.status(at: now) == .active }
  }

  private func isSpent(_ grant: Grant) -> Bool {
    grant.terms.limits.maxUses.map { uses[grant.digest, default: 0] >= $0 } ?? false
  }

  /// Other grants of the same agent that cover an action too.
  package func alternatives(
    to grant: Digest, for agent: Principal, action: ByteString, resource: ResourceURI,
    at now: Timestamp
  ) -> [Reach] {
    let held = grants.all(.holder(agent)).filter {
      $0.scope.covers(action: action, resource: resource)
    }
    return reach(held, resource: resource, at: now)
      .filter { $0.grant.digest != grant && $0.isUsable }
  }
}
