# The demonstration's policy in force.
package agent.authz

default allow := false

allow if {
	input.action == "deploy"
	input.agent.role == "deployer"
	input.resource.env == "staging"
}

allow if {
	input.action in {"comment", "label"}
	input.agent.role == "reviewer"
	input.resource.type == "pull_request"
}

allow if {
	input.action == "read"
	startswith(input.resource.uri, "logs://")
}

allow if {
	input.action == "ticket.refund"
	input.params.amount <= 50
}

require_approval if {
	input.action in {"deploy", "restart", "secret.rotate"}
	input.resource.env == "production"
}

require_approval if {
	input.action == "ticket.refund"
	input.params.amount > 50
}

require_approval if input.action == "schema.drop"

approval := {
	"quorum": [{"group": "sre"}, {"group": "security"}],
	"ttl": "30m",
	"risk": "critical",
	"irreversible": true,
	"warnings": ["a dropped schema cannot be brought back"],
} if {
	input.action == "schema.drop"
} else := {
	"quorum": [{"any": ["sre", "security"]}],
	"ttl": "15m",
	"risk": "high",
} if {
	input.resource.env == "production"
}

deny contains "refunds over 500 need a person, not an agent" if {
	input.action == "ticket.refund"
	input.params.amount > 500
}
