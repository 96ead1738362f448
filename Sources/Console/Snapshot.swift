package import Keys
package import Statements

/// What the lists show, read at one log size.
package struct Snapshot: Sendable {
  package struct HoldItem: Sendable, Hashable {
    package let digest: Digest
    package let risk: Risk
    package let agent: String
    package let action: String
    package let resource: String
    package let approvals: Int
    package let places: Int
    package let expires: Timestamp
    package let state: String
    package let note: String

    package init(
      digest: Digest, risk: Risk, agent: String, action: String, resource: String,
      approvals: Int, places: Int, expires: Timestamp, state: String, note: String
    ) {
      self.digest = digest
      self.risk = risk
      self.agent = agent
      self.action = action
      self.resource = resource
      self.approvals = approvals
      self.places = places
      self.expires = expires
      self.state = state
      self.note = note
    }
  }

  package struct DecisionItem: Sendable, Hashable {
    package let index: UInt64
    package let at: Timestamp
    package let agent: String
    package let action: String
    package let resource: String
    package let verdict: String
    package let code: String
    package let rule: String

    package init(
      index: UInt64, at: Timestamp, agent: String, action: String, resource: String,
      verdict: String, code: String, rule: String
    ) {
      self.index = index
      self.at = at
      self.agent = agent
      self.action = action
      self.resource = resource
      self.verdict = verdict
      self.code = code
      self.rule = rule
    }
  }

  package struct AgentItem: Sendable, Hashable {
    package let name: String
    package let owner: String
    package let roles: String
    package let activeKeys: Int
    package let allKeys: Int
    package let grants: Int
    package let pending: Int
    package let last: Timestamp?

    package init(
      name: String, owner: String, roles: String, activeKeys: Int, allKeys: Int, grants: Int,
      pending: Int, last: Timestamp?
    ) {
      self.name = name
      self.owner = owner
      self.roles = roles
      self.activeKeys = activeKeys
      self.allKeys = allKeys
      self.grants = grants
      self.pending = pending
      self.last = last
    }
  }

  package struct KeyItem: Sendable, Hashable {
    package let key: Fingerprint
    package let holder: String
    package let status: String
    package let enrolledBy: String
    package let expires: Timestamp?

    package init(
      key: Fingerprint, holder: String, status: String, enrolledBy: String, expires: Timestamp?
    ) {
      self.key = key
      self.holder = holder
      self.status = status
      self.enrolledBy = enrolledBy
      self.expires = expires
    }
  }

  package struct GrantItem: Sendable, Hashable {
    package let digest: Digest
    package let parent: Digest?
    package let issuer: String
    package let holder: String
    package let scope: String
    package let expires: Timestamp?
    /// `ok`, or the code of what is wrong with its chain.
    package let status: String

    package init(
      digest: Digest, parent: Digest?, issuer: String, holder: String, scope: String,
      expires: Timestamp?, status: String
    ) {
      self.digest = digest
      self.parent = parent
      self.issuer = issuer
      self.holder = holder
      self.scope = scope
      self.expires = expires
      self.status = status
    }
  }

  package var size: UInt64 = 0
  package var holds: [HoldItem] = []
  /// Oldest first.
  package var decisions: [DecisionItem] = []
  package var agents: [AgentItem] = []
  package var keys: [KeyItem] = []
  package var grants: [GrantItem] = []
  /// What is wrong with the log, if anything.
  package var alarm: String?

  package init() {}
}
