package import Keys
package import Statements

/// Until when, and up to which size, a deciding service had looked at the log.
package struct LastLook: Sendable, Hashable {
  package let at: Timestamp
  package let size: UInt64

  package init(at: Timestamp, size: UInt64) {
    self.at = at
    self.size = size
  }
}

/// An entry whose receipt time is earlier than an instant at which a deciding service looked at the log
/// and did not find it, and which was not admissible any more at that instant.
///
/// Whoever may append can choose a receipt time between the last entry's and now; only a service that
/// looked knows that an entry was not there.
package struct LateEntry: Sendable, Hashable {
  package let index: UInt64
  package let digest: Digest
  package let body: StatementBody
  package let signer: Principal
  /// What the entry says.
  package let received: Timestamp
  /// When the service looked and did not find it.
  package let missing: Timestamp
  /// Why it was not admissible then.
  package let reason: String

  package enum Effect: Sendable {
    /// An approval: it releases nothing at this service.
    case approval
    /// It takes authority away, or gives none: it counts.
    case narrowing
    /// It gives authority that had lapsed: the service decides nothing until someone has looked at it.
    case widening
  }

  package var effect: Effect {
    switch body {
    case .approvalVoted(let ballot): ballot.vote == .approve ? .approval : .narrowing
    case .approvalBrokenGlass: .approval
    case .approvalWithdrawn, .keyRevoked, .keyTainted, .keyRequested, .grantRevoked, .lockPlaced,
      .agentRetired, .proposalRejected, .decisionMade, .actionFinished, .refusalsCounted,
      .reviewCompleted, .policyPublished:
      .narrowing
    case .registryCreated, .operatorEnrolled, .operatorUpdated, .operatorRemoved,
      .operatorKeyRotated, .settingsChanged, .serviceEnrolled, .serviceRemoved, .agentRegistered,
      .agentUpdated, .resourceRegistered, .keyEnrolled, .keyRotated, .grantIssued, .lockLifted,
      .policyActivated, .proposalOpened, .proposalSigned, .payloadErased, .logRestored, .clockReset:
      .widening
    }
  }
}
