import Approvals
import CanonicalJSON
import Decisions
import Delegations
import Keys
import Statements

/// Who may do what this person may not, by name, and whether they can do it now.
struct Permitted {
  let state: AuthorityState
  let now: Timestamp

  /// So many are named.
  private static let limit = 4

  /// `user:bob, user:carol (key locked)`: those who can first.
  func names(_ people: [Principal]) -> String {
    let sorted = people.sorted { left, right in
      let (first, second) = (hindrance(left) == nil, hindrance(right) == nil)
      return first == second ? left < right : first
    }
    let named = sorted.prefix(Permitted.limit).map { person in
      person.description + (hindrance(person).map { " (\($0))" } ?? "")
    }
    let more = people.count - named.count
    return named.joined(separator: ", ") + (more > 0 ? " and \(more) more" : "")
  }

  /// Why an operator cannot sign now, if so.
  private func hindrance(_ person: Principal) -> String? {
    guard let record = state.operators[person], let key = state.keys[record.key] else {
      return "not enrolled"
    }
    let status = key.status(at: now)
    guard status == .active else { return "key \(status)" }
    return state.isLocked(record.key, at: now) ? "key locked" : nil
  }

  /// Who may approve a hold, and who has not yet.
  func approvers(of hold: Hold, besides voter: Principal) -> String {
    let rule = hold.terms.rule
    let excluded =
      rule.allowSelf
      ? [] : Set(state.exclusions(for: hold).keys).union(hold.terms.excluded)
    let voted = Set(hold.votes.filter { !$0.isWithdrawn }.map(\.voter))
    let may = state.operators.values.filter { person in
      person.has(.approver) && person.principal != voter && !excluded.contains(person.principal)
        && !voted.contains(person.principal)
        && Quorum.filled(
          rule.quorum, by: [Voter(principal: person.principal, groups: person.groups(at: now))]) > 0
    }.map(\.principal)
    guard may.isEmpty else { return names(may) }
    let groups = Set(rule.quorum.flatMap(\.anyOf)).map(\.text).sorted().joined(separator: ", ")
    return "nobody else who is enrolled" + (groups.isEmpty ? "" : " in \(groups)")
  }

  var admins: String { names(state.admins) }

  /// Everyone who may look at what another did.
  func reviewers(besides voter: Principal) -> String {
    let may = state.operators.keys.filter { $0 != voter }
    return may.isEmpty ? "nobody else is enrolled" : names(may.sorted())
  }
}
