package import CanonicalJSON
package import Delegations
import Keys
package import Statements

extension Reach {
  /// What a policy says of an action under this grant, asked without params and context, which only the
  /// agent's own action would bring; nil if the chain does not verify.
  package func answer(
    to action: ByteString, on resource: ResourceURI, in state: AuthorityState,
    by policy: PolicyInForce, at now: Timestamp
  ) -> PolicyRuling.Answer? {
    let audience = state.services.keys.sorted().first {
      grant.terms.limits.audiences.isEmpty
        || grant.terms.limits.audiences.contains(ByteString($0.description))
    }
    guard let registered = state.agents[agent]?.registered,
      let key = state.activeKeys(of: agent, at: now).first?.key.fingerprint, let audience,
      let chain = try? state.chains.verify(
        leaf: grant.digest, agent: agent, audience: audience, at: now)
    else { return nil }
    let asked = Action(
      action: action, agent: agent, audience: audience, context: JSONObject(), grant: grant.digest,
      nonce: "", params: JSONObject(), registry: state.registry?.id ?? "",
      resource: resource.text, timestamp: now)
    let input = PolicyInput.document(
      action: asked, agent: registered, key: key, chain: chain,
      resource: state.resources.facts(for: resource), now: now)
    return try? PolicyRuling.ask(
      policy, input: input, standard: state.registry?.approvalDefault ?? .standard
    ).answer
  }
}
