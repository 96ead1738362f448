import Keys
import Statements

/// How much one agent, and all together, may ask of a deciding service.
///
/// A limit refuses what is new. It never ends a hold: else an agent could cancel its own.
package struct RequestLimits: Sendable, Hashable {
  /// Holds of one agent that are open at once; more are `too_many_holds`.
  package var openHoldsPerAgent = 20
  /// Requests of one agent that wait for people at once; more are answered at once.
  package var waitingPerAgent = 20
  /// Requests that wait for people, of all agents.
  package var waiting = 10_000
  /// Requests that are accepted and not yet decided; more are shed before a signature is checked.
  package var queued = 4096
  /// Decisions of one key in a second, on average; more are `rate_limited`.
  package var decisionsPerSecond = 1000
  /// Decisions of one key at once.
  package var burst = 2000
  /// Seconds that the evaluation of a policy may take on this machine; then the request has no answer.
  ///
  /// What a policy may do is bounded by its steps, the same on every machine; this bounds what a
  /// machine does where it is too slow for them.
  package var evaluationSeconds = 5.0
  /// Requests for a key that one account of this machine may have open: for one agent, and in all.
  package var keyRequestsPerAgent = 1
  package var keyRequests = 8

  /// Statements of one agent's key in a second, on average; more are `rate_limited`.
  package var statementsPerSecond = 20
  /// Statements of one agent's key at once.
  package var statementBurst = 40
  /// Grants that one agent may have issued.
  package var grantsPerAgent = 1000

  package init() {}
}

/// A service that has too much to do to answer a request: no decision was made, and nothing was recorded.
package struct Overload: Error, Sendable, CustomStringConvertible {
  /// `overloaded`, `policy_timeout`, or `rate_limited` where it is one key that asks too much.
  package let code: String
  package let retryAfterSeconds: Int
  package let description: String
}

/// Decisions per key, as a token bucket for each; bounded.
struct KeyRates {
  private struct Bucket {
    var tokens: Double
    var at: Timestamp
  }

  private var buckets: [Fingerprint: Bucket] = [:]
  /// Keys remembered; beyond it, those that have not asked for a while are forgotten.
  private static let limit = 10_000

  /// Takes one decision out of a key's bucket.
  ///
  /// - Returns: nil if there was one; else after how many milliseconds there is.
  mutating func take(
    _ key: Fingerprint, perSecond: Int, burst atOnce: Int, at now: Timestamp
  ) -> Int64? {
    let (rate, burst) = (Double(max(1, perSecond)), Double(max(1, atOnce)))
    var bucket = buckets[key] ?? Bucket(tokens: burst, at: now)
    let elapsed = Double(max(0, now.milliseconds(since: bucket.at)))
    bucket.tokens = min(burst, bucket.tokens + elapsed * rate / 1000)
    bucket.at = max(now, bucket.at)
    defer { buckets[key] = bucket }
    guard bucket.tokens >= 1 else { return Int64((1 - bucket.tokens) * 1000 / rate) + 1 }
    bucket.tokens -= 1
    if buckets.count >= KeyRates.limit {
      let full = Int64(burst * 1000 / rate)
      buckets = buckets.filter { now.milliseconds(since: $0.value.at) < full }
      // As many keys at once as are remembered: all begin anew rather than memory growing.
      if buckets.count >= KeyRates.limit { buckets = [:] }
    }
    return nil
  }
}

/// The open holds of each agent, to hold it to its limit.
struct OpenHolds {
  private var digests: [Principal: Set<Digest>] = [:]

  mutating func insert(_ hold: Digest, of agent: Principal) {
    digests[agent, default: []].insert(hold)
  }

  /// How many are open now; what has ended is forgotten.
  mutating func count(of agent: Principal, isOpen: (Digest) -> Bool) -> Int {
    guard let known = digests[agent] else { return 0 }
    let open = known.filter(isOpen)
    digests[agent] = open.isEmpty ? nil : open
    return open.count
  }
}

/// Requests for a key by each account of this machine: anyone who reaches the socket can make one, and
/// those that are open are few.
struct KeyRequestQuota {
  private var requests: [UInt32: [Digest: Principal]] = [:]

  /// Whether an account may open one more request for an agent.
  ///
  /// `isOpen`: Whether a request still waits for an admin.
  mutating func allows(
    _ account: UInt32, for agent: Principal, _ limits: RequestLimits, isOpen: (Digest) -> Bool
  ) -> Bool {
    let open = (requests[account] ?? [:]).filter { isOpen($0.key) }
    requests[account] = open.isEmpty ? nil : open
    return open.count < limits.keyRequests
      && open.values.count { $0 == agent } < limits.keyRequestsPerAgent
  }

  mutating func insert(_ request: Digest, by account: UInt32, for agent: Principal) {
    requests[account, default: [:]][request] = agent
  }
}
