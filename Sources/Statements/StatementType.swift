package import CanonicalJSON

/// The kinds of statement, one payload type for each.
package enum StatementType: String, Sendable, CaseIterable {
  case registryCreated = "registry.created"
  case operatorEnrolled = "operator.enrolled"
  case operatorUpdated = "operator.updated"
  case operatorRemoved = "operator.removed"
  case operatorKeyRotated = "operator.key_rotated"
  case settingsChanged = "settings.changed"
  case serviceEnrolled = "service.enrolled"
  case serviceRemoved = "service.removed"
  case agentRegistered = "agent.registered"
  case agentUpdated = "agent.updated"
  case agentRetired = "agent.retired"
  case resourceRegistered = "resource.registered"
  case keyRequested = "key.requested"
  case keyEnrolled = "key.enrolled"
  case keyRotated = "key.rotated"
  case keyTainted = "key.tainted"
  case keyRevoked = "key.revoked"
  case grantIssued = "grant.issued"
  case grantRevoked = "grant.revoked"
  case lockPlaced = "lock.placed"
  case lockLifted = "lock.lifted"
  case policyPublished = "policy.published"
  case policyActivated = "policy.activated"
  case decisionMade = "decision.made"
  case approvalVoted = "approval.voted"
  case approvalWithdrawn = "approval.withdrawn"
  case approvalBrokenGlass = "approval.broken_glass"
  case reviewCompleted = "review.completed"
  case proposalOpened = "proposal.opened"
  case proposalSigned = "proposal.signed"
  case proposalRejected = "proposal.rejected"
  case actionFinished = "action.finished"
  case payloadErased = "payload.erased"
  case logRestored = "log.restored"
  case clockReset = "clock.reset"
  case refusalsCounted = "refusals.counted"

  /// As `application/vnd.countersign.key.revoked.v1+json`.
  package var payloadType: ByteString {
    ByteString("application/vnd.countersign.\(rawValue).v1+json")
  }

  package init?(payloadType: ByteString) {
    let text = payloadType.text
    guard text.hasPrefix("application/vnd.countersign."), text.hasSuffix(".v1+json") else {
      return nil
    }
    self.init(rawValue: String(text.dropFirst(28).dropLast(8)))
  }

  /// Whether it always takes the admin quorum, and so travels inside a proposal.
  package var takesAdminQuorum: Bool {
    switch self {
    case .operatorEnrolled, .operatorUpdated, .operatorRemoved, .operatorKeyRotated,
      .settingsChanged, .serviceEnrolled, .serviceRemoved, .resourceRegistered, .policyActivated,
      .payloadErased, .logRestored, .clockReset:
      true
    default: false
    }
  }

  /// Whether the admin quorum may be complete with it.
  package var completesProposals: Bool { self == .proposalOpened || self == .proposalSigned }

  /// Whether a proposal may carry it: some kinds take the admin quorum for some subjects only.
  package var mayBeProposed: Bool {
    takesAdminQuorum || self == .keyRevoked || self == .lockLifted || self == .lockPlaced
  }
}
