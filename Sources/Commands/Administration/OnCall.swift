import CanonicalJSON
import Registry
import Statements

/// Who is on call in each group that has a rota: who counts now and until when, and who comes next.
///
/// A rota is made of memberships with a beginning or an end; lasting members of a group are none of it.
struct OnCall {
  struct Turn: Hashable {
    let who: String
    let from: Timestamp?
    let until: Timestamp?
  }

  let group: String
  /// Who counts now by a membership that ends or began.
  let now: [Turn]
  /// Who begins next: all who begin at that instant.
  let next: [Turn]

  /// The rotas of all groups, by name; a group whose turns have all ended has none.
  static func rotas(of operators: [OperatorRow], at now: Timestamp) -> [OnCall] {
    var turns: [String: [Turn]] = [:]
    for row in operators {
      for membership in GroupText.memberships(row.groups)
      where membership.from != nil || membership.until != nil {
        guard membership.until.map({ now < $0 }) ?? true else { continue }
        turns[membership.group.text, default: []].append(
          Turn(who: row.principal, from: membership.from, until: membership.until))
      }
    }
    return turns.sorted { $0.key < $1.key }.map { group, turns in
      let current = turns.filter { $0.from.map { $0 <= now } ?? true }
      let later = turns.filter { $0.from.map { now < $0 } ?? false }
      let first = later.compactMap(\.from).min()
      return OnCall(
        group: group, now: current.sorted { $0.who < $1.who },
        next: later.filter { $0.from == first }.sorted { $0.who < $1.who })
    }
  }

  private static func words(_ turns: [Turn], _ time: (Turn) -> String) -> String {
    turns.isEmpty ? "nobody" : turns.map { "\($0.who)\(time($0))" }.joined(separator: ", ")
  }

  var nowWords: String {
    OnCall.words(now) { $0.until.map { " until \($0.minute)" } ?? " without an end" }
  }

  var nextWords: String {
    OnCall.words(next) { turn in
      (turn.from.map { " from \($0.minute)" } ?? "")
        + (turn.until.map { " until \($0.minute)" } ?? "")
    }
  }

  var words: String { "now \(nowWords); next \(nextWords)" }

  var json: JSONValue {
    func turns(_ turns: [Turn]) -> JSONValue {
      .array(
        turns.map { turn in
          let value: JSONValue = [
            "operator": JSONValue(turn.who), "from": turn.from.json(\.json),
            "until": turn.until.json(\.json),
          ]
          return value.withoutNulls
        })
    }
    return ["group": JSONValue(group), "now": turns(now), "next": turns(next)]
  }
}
