import Statements

// What `a` answers on each kind of row, and which key does the obvious thing where it answers none.
extension ConsoleModel {
  /// The dialog in which a person answers what stands in a row: signs, completes, activates.
  package static func answer(to target: Target?) -> ConsentRequest? {
    switch target {
    case .hold(let hold): .vote(hold, leaning: .approve)
    case .proposal(let digest): .proposal(digest)
    case .owed(let subject): .owed(subject)
    case .reviewGroup(let group): .reviews(group)
    case .policy(let policy): .activate(policy)
    case .keyRequest(let request): .keyRequest(request)
    case .key(let key): .rotate(key)
    case .group, .decision, .agent, .grant, .root, .more, .rule, .entry, .person, .service, .lock,
      .resource, nil:
      nil
    }
  }

  /// Which key does what can be done with a row that `a` and `x` do not answer.
  package static func answersElsewhere(_ target: Target?) -> String {
    switch target {
    case .group: "Enter opens the group, x denies all of it; holds are approved one by one"
    case .lock: "Enter lifts the lock"
    case .agent: "Enter shows the agent, L locks it, r leads to its keys"
    case .grant, .root, .more: "r revokes a grant, L locks its holder"
    case .person: "Enter shows the operator, r revokes their key"
    case .service: "Enter shows the service"
    case .decision, .entry: "W explains it, e exports its proof"
    case .key: "r revokes the key, L locks it, a answers the agent's request for its next key"
    case .policy, .rule: "a activates the policy, Enter shows its text"
    case .owed, .reviewGroup: "a completes the review, with either finding"
    case .keyRequest: "a answers the request; one that nobody answers lapses after 72 h"
    case .resource: "L locks the resource"
    case .hold, .proposal, nil: "no hold is selected; 1 shows the queue"
    }
  }

  /// What a line of a command asks for can stand in a dialog of its own, about the row selected.
  func dialog(for words: [String]) -> ConsentRequest? {
    guard words == ["key", "rotate"], view == .keys, case .key(let key)? = selected else {
      return nil
    }
    return .rotate(key)
  }
}
