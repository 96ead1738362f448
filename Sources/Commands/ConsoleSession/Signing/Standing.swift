import Approvals
import Authority
import Decisions
import Keys
import Statements

/// What a person is to a pending hold: needed, done, or kept out.
enum Standing {
  /// `holds`: Those that are on the screen; all others need not be looked at.
  static func words(
    of voter: Principal?, to holds: [Digest], in state: AuthorityState, at now: Timestamp
  ) -> [String: String] {
    guard let voter else { return [:] }
    var words: [String: String] = [:]
    for hold in holds.compactMap({ state.holds[$0] }) {
      guard case .pending = hold.state(at: now) else { continue }
      let word: String
      if hold.votes.contains(where: { $0.voter == voter && !$0.isWithdrawn }) {
        word = "you voted"
      } else if !hold.terms.rule.allowSelf, state.exclusions(for: hold)[voter] != nil {
        word = "not you"
      } else if let candidate = state.voter(voter, at: now),
        Quorum.filled(hold.terms.rule.quorum, by: [candidate]) > 0
      {
        word = "needs you"
      } else {
        word = "others"
      }
      words[hold.digest.hex] = word
    }
    return words
  }
}
