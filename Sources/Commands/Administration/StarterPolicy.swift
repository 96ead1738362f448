/// The policy that `policy new` writes.
enum StarterPolicy {
  static func text(_ name: String) -> String {
    """
    # \(name): a policy for Countersign, in Rego. Publish it, then let it judge:
    #
    #   countersign policy publish \(name) \(name).rego
    #   countersign policy activate \(name)@v1
    #
    # It is asked about every action that its agent's grants cover, and sees as `input`:
    #
    #   input.agent       id, key, role, roles, owner, attributes
    #   input.action      "deploy", "read", ...
    #   input.resource    uri, type, env and what else was registered for it
    #   input.params      what the agent wants it done with: its claim, as is the next
    #   input.context     input.context.justification, in the agent's words
    #   input.delegation  root, chain, depth, expires_at
    #   input.time        now
    #
    # `deny` beats `require_approval`, which beats `allow`; what nothing speaks for is denied.
    package agent.authz

    default allow := false

    # Deploys to production wait for a person.
    require_approval if {
    \tinput.action == "deploy"
    \tinput.resource.env == "production"
    }

    # Who has to approve, and how: without `approval`, one approver within 15 minutes.
    # approval := {
    # \t"quorum": [{"group": "sre", "count": 1}],
    # \t"ttl": "30m",
    # \t"approved_for": "5m",
    # \t"risk": "high",
    # } if input.resource.env == "production"

    # Deploys elsewhere go through.
    # allow if {
    # \tinput.action == "deploy"
    # \tinput.resource.env == "staging"
    # }

    # What must never happen, whoever approves it; the agent is told the words.
    # deny contains "no deploys at the weekend" if {
    # \tinput.action == "deploy"
    # \tinput.context.weekend == true
    # }

    """
  }
}
