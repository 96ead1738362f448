package import CanonicalJSON
package import Delegations
package import Keys
package import Statements

/// What policy sees of an action.
package enum PolicyInput {
  /// The `input` document.
  package static func document(
    action: Action, agent: AgentRegistered, key: Fingerprint, chain: VerifiedChain,
    resource: JSONObject, now: Timestamp
  ) -> JSONValue {
    [
      "action": JSONValue(action.action),
      "agent": [
        "id": agent.agent.json, "key": JSONValue(key.description),
        "role": agent.roles.first.map { JSONValue($0) } ?? .null, "roles": agent.roles.json,
        "owner": agent.owner.json, "attributes": .object(agent.attributes),
      ],
      "attested": .null,
      "context": .object(action.context),
      "delegation": [
        "root": chain.root.json, "chain": .array(chain.principals.map(\.json)),
        "depth": JSONValue(chain.grants.count), "expires_at": chain.expires.json(\.json),
      ],
      "params": .object(action.params),
      "resource": .object(resource),
      "time": now.json,
    ]
  }
}
