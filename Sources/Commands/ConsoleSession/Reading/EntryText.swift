import CanonicalJSON
import Cells
import Console
import Delegations
import Keys
import Statements

/// What an entry of the log is about, in a few words, and where it leads.
enum EntryText {
  static func about(_ body: StatementBody) -> (words: String, role: Role, related: [Target]) {
    func holder(_ principal: Principal) -> Target {
      switch principal.kind {
      case .agent: .agent(principal.description)
      case .user: .person(principal.description)
      case .service: .service(principal.description)
      }
    }
    switch body {
    case .registryCreated(let body): return (body.name.text, .title, [])
    case .operatorEnrolled(let body):
      return (body.principal.description, .text, [holder(body.principal)])
    case .operatorUpdated(let body):
      return (
        body.operators.map(\.principal.description).joined(separator: ", "), .text,
        body.operators.map { holder($0.principal) }
      )
    case .operatorRemoved(let body):
      return (body.principal.description, .stateBad, [holder(body.principal)])
    case .operatorKeyRotated(let body):
      return (body.principal.description, .text, [holder(body.principal)])
    case .settingsChanged: return ("the registry", .text, [])
    case .serviceEnrolled(let body):
      return (body.service.description, .text, [holder(body.service)])
    case .serviceRemoved(let body):
      return (body.service.description, .stateBad, [holder(body.service)])
    case .agentRegistered(let body), .agentUpdated(let body):
      return (body.agent.description, .text, [holder(body.agent)])
    case .agentRetired(let body):
      return (body.agent.description, .stateBad, [holder(body.agent)])
    case .resourceRegistered(let body):
      return (body.resources.map(\.pattern.text).joined(separator: ", "), .text, [])
    case .keyRequested(let body):
      return ("\(body.holder)", .text, [holder(body.holder)])
    case .keyEnrolled(let body):
      return (
        "\(body.key.fingerprint.short) of \(body.holder)", .text,
        [.key(body.key.fingerprint.digest), holder(body.holder)]
      )
    case .keyRotated(let body):
      return (
        "\(body.old.short) to \(body.key.fingerprint.short) of \(body.holder)", .text,
        [.key(body.key.fingerprint.digest), .key(body.old.digest), holder(body.holder)]
      )
    case .keyTainted(let body):
      return ("\(body.key.short): \(body.reason.text)", .stateBad, [.key(body.key.digest)])
    case .keyRevoked(let body):
      return (
        "\(body.key.short) \(body.reason.rawValue)", .stateBad, [.key(body.key.digest)]
      )
    case .grantIssued(let body):
      return (
        "\(body.holder): " + body.capabilities.map(\.words).joined(separator: "; "), .text,
        [holder(body.holder)]
      )
    case .grantRevoked(let body):
      return ("\(body.grant.short): \(body.reason.text)", .stateBad, [.grant(body.grant)])
    case .lockPlaced(let body):
      return ("\(body.target.words): \(body.reason.text)", .stateBad, [])
    case .lockLifted(let body):
      return ("\(body.lock.short): \(body.reason.text)", .text, [.lock(body.lock)])
    case .policyPublished(let body): return (body.label, .text, [])
    case .policyActivated(let body):
      return (body.policy.short, .stateOK, [.policy(body.policy)])
    case .decisionMade(let body):
      let code = body.reasons.first?.code.text ?? ""
      let role: Role =
        switch body.verdict {
        case .allow: .stateOK
        case .hold: .statePending
        case .deny: .stateBad
        }
      return (
        "\(body.verdict.rawValue) \(code)", role, body.releases.map { [.hold($0)] } ?? []
      )
    case .approvalVoted(let body):
      return (
        "\(body.vote.rawValue) \(body.hold.hex.prefix(8)) \(body.reason.text)",
        body.vote == .approve ? .stateOK : .stateBad, [.hold(body.hold)]
      )
    case .approvalWithdrawn(let body):
      return ("\(body.hold.hex.prefix(8))", .text, [.hold(body.hold)])
    case .approvalBrokenGlass(let body):
      return (
        "\(body.hold.hex.prefix(8)) \(body.reason.text)", .riskHigh, [.hold(body.hold)]
      )
    case .reviewCompleted(let body):
      let count = body.subjects.count > 1 ? "\(body.subjects.count) statements " : ""
      return (
        "\(count)\(body.outcome.rawValue) \(body.note.text)", .text,
        body.subjects.prefix(8).map { .owed($0.digest) }
      )
    case .proposalOpened(let body):
      return ("\(body.inner.type.rawValue)", .statePending, [])
    case .proposalSigned(let body):
      return ("\(body.proposal.hex.prefix(8))", .text, [.proposal(body.proposal)])
    case .proposalRejected(let body):
      return (
        "\(body.proposal.hex.prefix(8)) \(body.reason.text)", .stateBad, [.proposal(body.proposal)]
      )
    case .actionFinished(let body):
      return ("\(body.outcome.rawValue) \(body.detail.text)", .text, [])
    case .payloadErased(let body): return ("action \(body.action.short)", .stateBad, [])
    case .logRestored(let body): return ("back to \(body.kept.size) entries", .stateBad, [])
    case .clockReset(let body): return (body.to.text, .stateBad, [])
    case .refusalsCounted(let body):
      return ("since \(body.since.minute)", .text, [])
    }
  }

  /// A value as lines, one a member, arrays and objects below their names.
  static func lines(_ value: JSONValue, _ label: String = "", depth: Int = 0) -> [Line] {
    let lead = String(repeating: "  ", count: depth)
    switch value {
    case .object(let object):
      return object.members.flatMap { member -> [Line] in
        switch member.value {
        case .object(let inner) where !inner.members.isEmpty:
          return [Line(label, SafeText(lead + member.name.text), .title)]
            + lines(member.value, "", depth: depth + 1)
        case .array(let inner) where inner.contains { $0.object != nil || $0.array != nil }:
          return [Line(label, SafeText(lead + member.name.text), .title)]
            + inner.flatMap { lines($0, "-", depth: depth + 1) }
        default:
          return [Line(label, SafeText("\(lead)\(member.name.text) = \(member.value.shownText)"))]
        }
      }
    case .array(let elements): return elements.flatMap { lines($0, "-", depth: depth) }
    default: return [Line(label, SafeText(lead + value.shownText))]
    }
  }
}
