package import Approvals
package import CanonicalJSON
package import Keys
package import Statements
package import TransparencyLog

/// What an agent is told about one action.
package struct Answer: Sendable {
  package struct HoldReport: Sendable, Hashable {
    package let digest: Digest
    package let state: HoldState
    package let expires: Timestamp
    package let approvals: Int
    package let places: Int
    /// Why it was denied, if an operator said.
    package let reason: ByteString?
    package let by: Principal?
  }

  package let verdict: Verdict
  package let reasons: [Reason]
  package let rules: [ByteString]
  package let policy: DecisionMade.Policy?
  package let action: Digest?
  package let hold: HoldReport?
  /// The decision's place in the log; nil if the refusal was not logged.
  package let index: UInt64?
  package let receipt: Receipt?
  /// The bytes of the log entry that the receipt is of: what was decided, about which action, when.
  package let entry: [UInt8]?
  /// Whether this was answered before: an enforcement point runs only what is not.
  package let isRepeat: Bool
  /// The code that would refuse a repeat today.
  package let refusedToday: Reason?
  /// After how many milliseconds a refused request may be made again.
  package let retryAfterMilliseconds: Int64?
  /// Why a request that asked to wait for people was answered at once.
  package private(set) var notWaited: Reason?

  package init(refused reason: Reason, action: Digest? = nil, retryAfterMilliseconds: Int64? = nil)
  {
    verdict = .deny
    reasons = [reason]
    rules = []
    policy = nil
    self.action = action
    hold = nil
    index = nil
    receipt = nil
    entry = nil
    isRepeat = false
    refusedToday = nil
    self.retryAfterMilliseconds = retryAfterMilliseconds
  }

  init(
    _ decision: DecisionMade, hold: HoldReport?, index: UInt64, receipt: Receipt?, entry: [UInt8]?,
    isRepeat: Bool, refusedToday: Reason? = nil
  ) {
    var reasons = decision.reasons
    var verdict = decision.verdict
    // A hold that has ended without release is a refusal to the agent, with the reason it ended.
    if decision.verdict == .hold, let hold, !hold.state.isOpen {
      verdict = .deny
      let who = hold.by.map { " by \($0)" } ?? ""
      let why = hold.reason.map { ": \($0.text)" } ?? ""
      reasons = [Reason("hold_\(hold.state.word)", "the hold was \(hold.state.word)\(who)\(why)")]
    }
    self.verdict = verdict
    self.reasons = reasons
    rules = decision.rules
    policy = decision.policy
    action = decision.action
    self.hold = hold
    self.index = index
    self.receipt = receipt
    self.entry = entry
    self.isRepeat = isRepeat
    self.refusedToday = refusedToday
    retryAfterMilliseconds = nil
  }

  func notWaiting(_ code: String, _ detail: String) -> Answer {
    var answer = self
    answer.notWaited = Reason(code, detail)
    return answer
  }

  /// Whether waiting could still change the answer.
  package var isOpen: Bool { verdict == .hold }

  package var json: JSONValue {
    let value: JSONValue = [
      "verdict": JSONValue(verdict.rawValue),
      "reasons": .array(
        reasons.map { ["code": JSONValue($0.code), "detail": JSONValue($0.detail)] }),
      "rules": rules.json,
      "policy": policy.json {
        [
          "name": JSONValue($0.name), "version": JSONValue($0.version),
          "digest": JSONValue($0.digest.hex),
        ]
      },
      "action": action.json { JSONValue($0.hex) },
      "hold": hold.json(\.json),
      "log_index": index.json { JSONValue($0) },
      "receipt": receipt.json { JSONValue($0.text) },
      "entry": entry.json { JSONValue(Base64.text(of: $0)) },
      "repeat": .bool(isRepeat),
      "refused_today": refusedToday.json {
        ["code": JSONValue($0.code), "detail": JSONValue($0.detail)]
      },
      "retry_after_ms": retryAfterMilliseconds.json { JSONValue($0) },
      "not_waited": notWaited.json {
        ["code": JSONValue($0.code), "detail": JSONValue($0.detail)]
      },
    ]
    return value.withoutNulls
  }
}

extension Reason {
  init(_ code: String, _ detail: String) {
    self.init(code: ByteString(code), detail: ByteString(detail))
  }
}

extension Answer.HoldReport {
  package init(_ hold: Hold, at now: Timestamp) {
    digest = hold.digest
    state = hold.state(at: now)
    expires = hold.terms.expires
    approvals = hold.approvals.count
    places = Quorum.places(hold.terms.rule.quorum)
    let denial = hold.votes.first { $0.vote == .deny }
    switch hold.end {
    case .voided(let why), .lapsed(let why): reason = why
    default: reason = denial?.reason
    }
    by = denial?.voter
  }

  package var json: JSONValue {
    let value: JSONValue = [
      "digest": JSONValue(digest.hex), "state": JSONValue(state.word), "expires": expires.json,
      "approvals": JSONValue(approvals), "needed": JSONValue(places),
      "reason": reason.json { JSONValue($0) }, "by": by.json(\.json),
    ]
    return value.withoutNulls
  }
}
