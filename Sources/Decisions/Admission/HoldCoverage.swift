import Approvals
import CanonicalJSON
import Delegations
import Keys
import Statements

/// Which holds a change that takes authority away may end: told from the hold alone, so that the chains
/// of all others need not be verified again.
struct HoldCoverage {
  private enum Scope {
    case everything
    case resource(ResourcePattern)
    /// Holds of an agent or key, or under one of these grants.
    case authority(agent: Principal?, key: Fingerprint?, grants: Set<Digest>)
  }

  private let scope: Scope

  /// What a change covers; nil if it ends no hold.
  init?(_ body: StatementBody, in state: AuthorityState) {
    func key(_ key: Fingerprint) -> Scope {
      .authority(
        agent: nil, key: key, grants: Set(state.grants.all(.signer(key)).map(\.digest)))
    }
    func principal(_ principal: Principal) -> Scope {
      let grants = state.grants.all(.holder(principal)) + state.grants.all(.issuer(principal))
      return .authority(agent: principal, key: nil, grants: Set(grants.map(\.digest)))
    }
    switch body {
    case .keyTainted(let body): scope = key(body.key)
    case .keyRevoked(let body): scope = key(body.key)
    case .grantRevoked(let body): scope = .authority(agent: nil, key: nil, grants: [body.grant])
    case .agentRetired(let body): scope = principal(body.agent)
    case .operatorRemoved(let body): scope = principal(body.principal)
    case .lockPlaced(let body):
      switch body.target {
      case .everything: scope = .everything
      case .agent(let agent): scope = principal(agent)
      case .key(let target): scope = key(target)
      case .resource(let text):
        guard let pattern = try? ResourcePattern(text) else { return nil }
        scope = .resource(pattern)
      }
    default: return nil
    }
  }

  func mayCover(_ hold: Hold) -> Bool {
    switch scope {
    case .everything: true
    case .resource(let pattern):
      (try? ResourceURI(hold.resource)).map(pattern.matches) ?? false
    case .authority(let agent, let key, let grants):
      hold.agent == agent || hold.key == key || hold.chain.contains(where: grants.contains)
    }
  }
}
