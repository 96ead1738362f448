package import CanonicalJSON
package import Keys
package import Statements

/// An operator in force.
package struct OperatorRecord: Sendable, Hashable {
  package let principal: Principal
  package let key: Fingerprint
  package let roles: [OperatorRole]
  package let groups: [ByteString]
  package let mayGrant: [Capability]

  init(_ enrolled: OperatorEnrolled) {
    principal = enrolled.principal
    key = enrolled.key.fingerprint
    roles = enrolled.roles
    groups = enrolled.groups
    mayGrant = enrolled.mayGrant
  }

  package func has(_ role: OperatorRole) -> Bool { roles.contains(role) }
}

/// A deciding service in force.
package struct ServiceRecord: Sendable, Hashable {
  package let principal: Principal
  package let key: Fingerprint
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

  package func isInForce(at now: Timestamp) -> Bool { placed.until.map { now < $0 } ?? true }
}

/// A proposal that waits for admins.
package struct ProposalRecord: Sendable, Hashable {
  package let digest: Digest
  package let opened: ProposalOpened
  package let opener: Principal
  package fileprivate(set) var signers: [Principal]

  init(digest: Digest, opened: ProposalOpened, opener: Principal) {
    self.digest = digest
    self.opened = opened
    self.opener = opener
    signers = [opener]
  }

  mutating func sign(_ admin: Principal) {
    signers.append(admin)
  }
}

/// What the genesis statement fixed.
package struct RegistryIdentity: Sendable, Hashable {
  /// Hexadecimal SHA-256 of the genesis payload.
  package let id: ByteString
  package let name: ByteString
  package let adminQuorum: Int
  package let approvalDefault: ApprovalRule
  package let isSolo: Bool
}
