package import CanonicalJSON

/// The kinds of statement, one payload type for each.
package enum StatementType: String, Sendable, CaseIterable {
  case registryCreated = "registry.created"
  case operatorEnrolled = "operator.enrolled"
  case serviceEnrolled = "service.enrolled"
  case agentRegistered = "agent.registered"
  case resourceRegistered = "resource.registered"
  case keyEnrolled = "key.enrolled"
  case keyRevoked = "key.revoked"
  case grantIssued = "grant.issued"
  case grantRevoked = "grant.revoked"
  case lockPlaced = "lock.placed"
  case lockLifted = "lock.lifted"
  case policyPublished = "policy.published"
  case policyActivated = "policy.activated"
  case decisionMade = "decision.made"
  case approvalVoted = "approval.voted"
  case proposalOpened = "proposal.opened"
  case proposalSigned = "proposal.signed"
  case proposalRejected = "proposal.rejected"

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

  /// Whether it takes the admin quorum, and so travels inside a proposal.
  package var takesAdminQuorum: Bool {
    switch self {
    case .operatorEnrolled, .serviceEnrolled, .resourceRegistered, .policyActivated: true
    case .registryCreated, .agentRegistered, .keyEnrolled, .keyRevoked, .grantIssued,
      .grantRevoked, .lockPlaced, .lockLifted, .policyPublished, .decisionMade, .approvalVoted,
      .proposalOpened, .proposalSigned, .proposalRejected:
      false
    }
  }
}
