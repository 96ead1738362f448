# For the day it is needed: only reading goes on.
package agent.authz

default allow := false

allow if input.action == "read"

deny contains "the company is in lockdown" if input.action != "read"
