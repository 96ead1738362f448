package import CanonicalJSON

/// The matter of a statement, by kind.
package enum StatementBody: Sendable, Hashable {
  case registryCreated(RegistryCreated)
  case operatorEnrolled(OperatorEnrolled)
  case operatorUpdated(OperatorUpdated)
  case operatorRemoved(OperatorRemoved)
  case operatorKeyRotated(OperatorKeyRotated)
  case settingsChanged(SettingsChanged)
  case serviceEnrolled(ServiceEnrolled)
  case serviceRemoved(ServiceRemoved)
  case agentRegistered(AgentRegistered)
  case agentUpdated(AgentRegistered)
  case agentRetired(AgentRetired)
  case resourceRegistered(ResourceRegistered)
  case keyRequested(KeyRequested)
  case keyEnrolled(KeyEnrolled)
  case keyRotated(KeyRotated)
  case keyTainted(KeyTainted)
  case keyRevoked(KeyRevoked)
  case grantIssued(GrantIssued)
  case grantRevoked(GrantRevoked)
  case lockPlaced(LockPlaced)
  case lockLifted(LockLifted)
  case policyPublished(PolicyPublished)
  case policyActivated(PolicyActivated)
  case decisionMade(DecisionMade)
  case approvalVoted(ApprovalVoted)
  case approvalWithdrawn(ApprovalWithdrawn)
  case approvalBrokenGlass(ApprovalBrokenGlass)
  case reviewCompleted(ReviewCompleted)
  indirect case proposalOpened(ProposalOpened)
  case proposalSigned(ProposalSigned)
  case proposalRejected(ProposalRejected)
  case actionFinished(ActionFinished)
  case payloadErased(PayloadErased)
  case logRestored(LogRestored)
  case clockReset(ClockReset)
  case refusalsCounted(RefusalsCounted)

  package init(type: StatementType, json: JSONValue) throws(FieldFault) {
    var fields = try JSONFields(json, path: "body")
    self =
      switch type {
      case .registryCreated: .registryCreated(try RegistryCreated(&fields))
      case .operatorEnrolled: .operatorEnrolled(try OperatorEnrolled(&fields))
      case .operatorUpdated: .operatorUpdated(try OperatorUpdated(&fields))
      case .operatorRemoved: .operatorRemoved(try OperatorRemoved(&fields))
      case .operatorKeyRotated: .operatorKeyRotated(try OperatorKeyRotated(&fields))
      case .settingsChanged: .settingsChanged(try SettingsChanged(&fields))
      case .serviceEnrolled: .serviceEnrolled(try ServiceEnrolled(&fields))
      case .serviceRemoved: .serviceRemoved(try ServiceRemoved(&fields))
      case .agentRegistered: .agentRegistered(try AgentRegistered(&fields))
      case .agentUpdated: .agentUpdated(try AgentRegistered(&fields))
      case .agentRetired: .agentRetired(try AgentRetired(&fields))
      case .resourceRegistered: .resourceRegistered(try ResourceRegistered(&fields))
      case .keyRequested: .keyRequested(try KeyRequested(&fields))
      case .keyEnrolled: .keyEnrolled(try KeyEnrolled(&fields))
      case .keyRotated: .keyRotated(try KeyRotated(&fields))
      case .keyTainted: .keyTainted(try KeyTainted(&fields))
      case .keyRevoked: .keyRevoked(try KeyRevoked(&fields))
      case .grantIssued: .grantIssued(try GrantIssued(&fields))
      case .grantRevoked: .grantRevoked(try GrantRevoked(&fields))
      case .lockPlaced: .lockPlaced(try LockPlaced(&fields))
      case .lockLifted: .lockLifted(try LockLifted(&fields))
      case .policyPublished: .policyPublished(try PolicyPublished(&fields))
      case .policyActivated: .policyActivated(try PolicyActivated(&fields))
      case .decisionMade: .decisionMade(try DecisionMade(&fields))
      case .approvalVoted: .approvalVoted(try ApprovalVoted(&fields))
      case .approvalWithdrawn: .approvalWithdrawn(try ApprovalWithdrawn(&fields))
      case .approvalBrokenGlass: .approvalBrokenGlass(try ApprovalBrokenGlass(&fields))
      case .reviewCompleted: .reviewCompleted(try ReviewCompleted(&fields))
      case .proposalOpened: .proposalOpened(try ProposalOpened(&fields))
      case .proposalSigned: .proposalSigned(try ProposalSigned(&fields))
      case .proposalRejected: .proposalRejected(try ProposalRejected(&fields))
      case .actionFinished: .actionFinished(try ActionFinished(&fields))
      case .payloadErased: .payloadErased(try PayloadErased(&fields))
      case .logRestored: .logRestored(try LogRestored(&fields))
      case .clockReset: .clockReset(try ClockReset(&fields))
      case .refusalsCounted: .refusalsCounted(try RefusalsCounted(&fields))
      }
    try fields.finish()
  }

  package var type: StatementType {
    switch self {
    case .registryCreated: .registryCreated
    case .operatorEnrolled: .operatorEnrolled
    case .operatorUpdated: .operatorUpdated
    case .operatorRemoved: .operatorRemoved
    case .operatorKeyRotated: .operatorKeyRotated
    case .settingsChanged: .settingsChanged
    case .serviceEnrolled: .serviceEnrolled
    case .serviceRemoved: .serviceRemoved
    case .agentRegistered: .agentRegistered
    case .agentUpdated: .agentUpdated
    case .agentRetired: .agentRetired
    case .resourceRegistered: .resourceRegistered
    case .keyRequested: .keyRequested
    case .keyEnrolled: .keyEnrolled
    case .keyRotated: .keyRotated
    case .keyTainted: .keyTainted
    case .keyRevoked: .keyRevoked
    case .grantIssued: .grantIssued
    case .grantRevoked: .grantRevoked
    case .lockPlaced: .lockPlaced
    case .lockLifted: .lockLifted
    case .policyPublished: .policyPublished
    case .policyActivated: .policyActivated
    case .decisionMade: .decisionMade
    case .approvalVoted: .approvalVoted
    case .approvalWithdrawn: .approvalWithdrawn
    case .approvalBrokenGlass: .approvalBrokenGlass
    case .reviewCompleted: .reviewCompleted
    case .proposalOpened: .proposalOpened
    case .proposalSigned: .proposalSigned
    case .proposalRejected: .proposalRejected
    case .actionFinished: .actionFinished
    case .payloadErased: .payloadErased
    case .logRestored: .logRestored
    case .clockReset: .clockReset
    case .refusalsCounted: .refusalsCounted
    }
  }

  package var json: JSONValue {
    switch self {
    case .registryCreated(let body): body.json
    case .operatorEnrolled(let body): body.json
    case .operatorUpdated(let body): body.json
    case .operatorRemoved(let body): body.json
    case .operatorKeyRotated(let body): body.json
    case .settingsChanged(let body): body.json
    case .serviceEnrolled(let body): body.json
    case .serviceRemoved(let body): body.json
    case .agentRegistered(let body): body.json
    case .agentUpdated(let body): body.json
    case .agentRetired(let body): body.json
    case .resourceRegistered(let body): body.json
    case .keyRequested(let body): body.json
    case .keyEnrolled(let body): body.json
    case .keyRotated(let body): body.json
    case .keyTainted(let body): body.json
    case .keyRevoked(let body): body.json
    case .grantIssued(let body): body.json
    case .grantRevoked(let body): body.json
    case .lockPlaced(let body): body.json
    case .lockLifted(let body): body.json
    case .policyPublished(let body): body.json
    case .policyActivated(let body): body.json
    case .decisionMade(let body): body.json
    case .approvalVoted(let body): body.json
    case .approvalWithdrawn(let body): body.json
    case .approvalBrokenGlass(let body): body.json
    case .reviewCompleted(let body): body.json
    case .proposalOpened(let body): body.json
    case .proposalSigned(let body): body.json
    case .proposalRejected(let body): body.json
    case .actionFinished(let body): body.json
    case .payloadErased(let body): body.json
    case .logRestored(let body): body.json
    case .clockReset(let body): body.json
    case .refusalsCounted(let body): body.json
    }
  }
}
