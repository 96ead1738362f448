package import CanonicalJSON
package import Delegations
package import Keys
package import Statements

/// An operator in force.
package struct OperatorRecord: Sendable, Hashable {
  package let principal: Principal
  /// The newest of their keys.
  package var key: Fingerprint
  package var roles: [OperatorRole]
  /// All their memberships, those to come and those that ended too: see ``groups(at:)``.
  package var memberships: [GroupMembership]
  package var mayGrant: [Capability]

  init(
    principal: Principal, key: Fingerprint, roles: [OperatorRole], groups: [GroupMembership],
    mayGrant: [Capability]
  ) {
    self.principal = principal
    self.key = key
    self.roles = roles
    memberships = groups
    self.mayGrant = mayGrant
  }

  init(_ enrolled: OperatorEnrolled) {
    principal = enrolled.principal
    key = enrolled.key.fingerprint
    roles = enrolled.roles
    memberships = enrolled.groups
    mayGrant = enrolled.mayGrant
  }

  package func has(_ role: OperatorRole) -> Bool { roles.contains(role) }

  /// The groups they are in at an instant.
  package func groups(at now: Timestamp) -> [ByteString] { memberships.names(at: now) }
}

/// A deciding service in force.
package struct ServiceRecord: Sendable, Hashable {
  /// The key of its daemon on one host.
  package struct Host: Sendable, Hashable {
    package let host: ByteString
    package let key: Fingerprint
  }

  package let principal: Principal
  package let hosts: [Host]
  package let mayAttest: [Principal]
}

/// An agent in force, with everyone who has ever answered for it.
package struct AgentRecord: Sendable, Hashable {
  package let registered: AgentRegistered
  /// Former owners may still hold its key, and so can never approve what it does.
  package let owners: [Principal]
}

/// An agent's wish for a key, which an admin may grant.
package struct KeyRequest: Sendable, Hashable {
  package let digest: Digest
  package let requested: KeyRequested
  package let received: Timestamp

  /// How long a request waits.
  package static let lifetimeSeconds: Int64 = 72 * 3600
  /// A stranger must not grow the log: so many may wait for one agent, and in all.
  package static let limitPerAgent = 4
  package static let limit = 256

  package func isOpen(at now: Timestamp) -> Bool {
    now < received.advanced(bySeconds: KeyRequest.lifetimeSeconds)
  }
}

/// A published policy.
package struct PolicyRecord: Sendable, Hashable {
  /// Of the `policy.published` statement.
  package let digest: Digest
  package let published: PolicyPublished
  package let publisher: Principal
}

/// A lock in force.
package struct LockRecord: Sendable, Hashable {
  package let digest: Digest
  package let placed: LockPlaced
  package let placer: Principal
  /// The resources it stops, if it stops resources.
  package let pattern: ResourcePattern?

  init(digest: Digest, placed: LockPlaced, placer: Principal) throws(PatternFault) {
    self.digest = digest
    self.placed = placed
    self.placer = placer
    pattern = if case .resource(let text) = placed.target { try ResourcePattern(text) } else { nil }
  }

  package func isInForce(at now: Timestamp) -> Bool { placed.until.map { now < $0 } ?? true }
}

/// A broken glass that another operator has yet to look at.
package struct OwedReview: Sendable, Hashable {
  /// Of the `approval.broken_glass` statement.
  package let digest: Digest
  package let hold: Digest
  package let breaker: Principal
  package let agent: Principal
  package let received: Timestamp
}

/// A proposal that waits for admins.
package struct ProposalRecord: Sendable, Hashable {
  package struct Signature: Sendable, Hashable {
    package let admin: Principal
    package let key: Fingerprint
    /// When the log received it: what a compromised key signed is judged by this.
    package let received: Timestamp
  }

  package let digest: Digest
  package let opened: ProposalOpened
  package let received: Timestamp
  package internal(set) var signatures: [Signature]

  package var opener: Principal { signatures[0].admin }
  package var signers: [Principal] { signatures.map(\.admin) }
}

/// What the genesis statement fixed, as the admin quorum has changed it since.
package struct RegistryIdentity: Sendable, Hashable {
  /// Hexadecimal SHA-256 of the genesis payload.
  package let id: ByteString
  package var name: ByteString
  /// The version of the rules in force.
  package var rules: Int64
  package var adminQuorum: Int
  package var approvalDefault: ApprovalRule
  package var isSolo: Bool
}

/// The log continued from a backup, by the word of the admin quorum.
package struct RestorationRecord: Sendable, Hashable {
  /// Of the `proposal.opened` statement.
  package let digest: Digest
  /// The entry at which it took effect.
  package let index: UInt64
  package let body: LogRestored
}

/// The log's time was put right.
struct ClockResetRecord: Sendable, Hashable {
  /// The entry that did so.
  let index: UInt64
  /// The log's time before.
  let from: Timestamp
}

/// An action that was let through and whose outcome is awaited.
package struct Unfinished: Sendable, Hashable {
  package let action: Digest
  package let agent: Principal
  /// The log entry that let it through.
  package let index: UInt64
  /// Until when the outcome can be told.
  package let until: Timestamp
}

/// Something that may be used once: a nonce of an action, or the id of a statement.
struct Spent: Sendable, Hashable {
  struct ID: RecordID {
    let text: ByteString

    static func nonce(_ nonce: ByteString, by key: Fingerprint) -> ID {
      ID(text: ByteString("nonce \(key.digest.hex) \(nonce.text)"))
    }

    static func statement(_ id: ByteString) -> ID { ID(text: "id " + id) }

    var idBytes: [UInt8] { text.bytes }

    static func < (left: ID, right: ID) -> Bool { left.text < right.text }
  }

  let id: ID
  /// The log entry that used it.
  let index: UInt64
  /// From when on freshness alone refuses it.
  let until: Timestamp
}
