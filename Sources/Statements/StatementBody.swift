package import CanonicalJSON

/// The matter of a statement, by kind.
package enum StatementBody: Sendable, Hashable {
  case registryCreated(RegistryCreated)
  case operatorEnrolled(OperatorEnrolled)
  case serviceEnrolled(ServiceEnrolled)
  case agentRegistered(AgentRegistered)
  case resourceRegistered(ResourceRegistered)
  case keyEnrolled(KeyEnrolled)
  case keyRevoked(KeyRevoked)
  case grantIssued(GrantIssued)
  case grantRevoked(GrantRevoked)
  case lockPlaced(LockPlaced)
  case lockLifted(LockLifted)
  case policyPublished(PolicyPublished)
  case policyActivated(PolicyActivated)
  case decisionMade(DecisionMade)
  case approvalVoted(ApprovalVoted)
  indirect case proposalOpened(ProposalOpened)
  case proposalSigned(ProposalSigned)
  case proposalRejected(ProposalRejected)

  package init(type: StatementType, json: JSONValue) throws(FieldFault) {
    var fields = try JSONFields(json, path: "body")
    self =
      switch type {
      case .registryCreated: .registryCreated(try RegistryCreated(&fields))
      case .operatorEnrolled: .operatorEnrolled(try OperatorEnrolled(&fields))
      case .serviceEnrolled: .serviceEnrolled(try ServiceEnrolled(&fields))
      case .agentRegistered: .agentRegistered(try AgentRegistered(&fields))
      case .resourceRegistered: .resourceRegistered(try ResourceRegistered(&fields))
      case .keyEnrolled: .keyEnrolled(try KeyEnrolled(&fields))
      case .keyRevoked: .keyRevoked(try KeyRevoked(&fields))
      case .grantIssued: .grantIssued(try GrantIssued(&fields))
      case .grantRevoked: .grantRevoked(try GrantRevoked(&fields))
      case .lockPlaced: .lockPlaced(try LockPlaced(&fields))
      case .lockLifted: .lockLifted(try LockLifted(&fields))
      case .policyPublished: .policyPublished(try PolicyPublished(&fields))
      case .policyActivated: .policyActivated(try PolicyActivated(&fields))
      case .decisionMade: .decisionMade(try DecisionMade(&fields))
      case .approvalVoted: .approvalVoted(try ApprovalVoted(&fields))
      case .proposalOpened: .proposalOpened(try ProposalOpened(&fields))
      case .proposalSigned: .proposalSigned(try ProposalSigned(&fields))
      case .proposalRejected: .proposalRejected(try ProposalRejected(&fields))
      }
    try fields.finish()
  }

  package var type: StatementType {
    switch self {
    case .registryCreated: .registryCreated
    case .operatorEnrolled: .operatorEnrolled
    case .serviceEnrolled: .serviceEnrolled
    case .agentRegistered: .agentRegistered
    case .resourceRegistered: .resourceRegistered
    case .keyEnrolled: .keyEnrolled
    case .keyRevoked: .keyRevoked
    case .grantIssued: .grantIssued
    case .grantRevoked: .grantRevoked
    case .lockPlaced: .lockPlaced
    case .lockLifted: .lockLifted
    case .policyPublished: .policyPublished
    case .policyActivated: .policyActivated
    case .decisionMade: .decisionMade
    case .approvalVoted: .approvalVoted
    case .proposalOpened: .proposalOpened
    case .proposalSigned: .proposalSigned
    case .proposalRejected: .proposalRejected
    }
  }

  package var json: JSONValue {
    switch self {
    case .registryCreated(let body): body.json
    case .operatorEnrolled(let body): body.json
    case .serviceEnrolled(let body): body.json
    case .agentRegistered(let body): body.json
    case .resourceRegistered(let body): body.json
    case .keyEnrolled(let body): body.json
    case .keyRevoked(let body): body.json
    case .grantIssued(let body): body.json
    case .grantRevoked(let body): body.json
    case .lockPlaced(let body): body.json
    case .lockLifted(let body): body.json
    case .policyPublished(let body): body.json
    case .policyActivated(let body): body.json
    case .decisionMade(let body): body.json
    case .approvalVoted(let body): body.json
    case .proposalOpened(let body): body.json
    case .proposalSigned(let body): body.json
    case .proposalRejected(let body): body.json
    }
  }
}
