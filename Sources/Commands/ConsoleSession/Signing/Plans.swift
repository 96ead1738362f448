import Approvals
import Authority
import CanonicalJSON
import Console
import Decisions
import Foundation
import Keys
import Registry
import Statements

/// The one place where a dialog's fields become a statement: the preview and the signature both
/// take it from here, so that what was shown is what is signed.
struct Plans {
  let ledger: Ledger
  let voter: Principal
  let now: Timestamp

  /// Ways of revoking a key, from the narrowest on.
  enum Cascade: Int, CaseIterable {
    /// Nothing but the key: what it signed before stays good.
    case keyOnly
    /// What the log received from it at or after an instant falls too.
    case since
    /// All it ever signed falls.
    case everything

    /// What most people want of a leaked key, and so the one that is selected first.
    ///
    /// Whoever had it may have used it since it leaked, and hardly before: what it did within a day is
    /// reviewed, and what it granted then falls. "All" also ends every grant the key ever issued and
    /// calls for a review of each thing it ever did; "key only" leaves a thief's work standing.
    static let first = Cascade.since

    var label: String {
      switch self {
      case .keyOnly: "key only"
      case .since: "compromised since"
      case .everything: "all"
      }
    }

    /// Over a column of numbers.
    var heading: String { self == .since ? "since" : label }
  }

  /// What will be signed, and what to say of it afterwards.
  func body(
    _ request: ConsentRequest, choice: Int, inputs: [String: String], button: String
  ) throws -> (body: StatementBody, said: String) {
    let reason = ByteString(inputs["reason"] ?? "")
    switch request {
    case .revokeKey(let key):
      let cascade = Cascade(rawValue: choice) ?? .everything
      let fingerprint = Fingerprint(digest: key)
      return (
        .keyRevoked(try revocation(fingerprint, cascade, since: inputs["since"], note: reason)),
        "key \(fingerprint.short) is revoked"
      )
    case .revokeGrant(let grant):
      return (
        .grantRevoked(GrantRevoked(grant: grant, reason: reason)),
        "grant \(grant.short) is revoked"
      )
    case .lock(let targets):
      let target = lockTarget(targets, choice)
      let until = try until(inputs["until"] ?? "")
      return (
        .lockPlaced(LockPlaced(target: target, reason: reason, until: until)),
        "locked: \(target.words)"
      )
    case .lift(let lock):
      return (.lockLifted(LockLifted(lock: lock, reason: reason)), "the lock is lifted")
    case .proposal(let proposal):
      if button == "reject" {
        return (
          .proposalRejected(ProposalRejected(proposal: proposal, reason: reason)),
          "the proposal is rejected"
        )
      }
      return (.proposalSigned(ProposalSigned(proposal: proposal)), "signed")
    case .keyRequest, .rotate: return try keyAnswer(request, inputs: inputs)
    case .activate(let policy):
      let label = ledger.state.policies[policy]?.published.label ?? policy.hex
      return (.policyActivated(PolicyActivated(policy: policy)), "\(label) is in force")
    case .vote, .denyAll, .owed, .reviews, .command:
      throw CommandFault("not_here", "this has no plan of its own")
    }
  }

  func revocation(
    _ key: Fingerprint, _ cascade: Cascade, since text: String?, note: ByteString
  ) throws -> KeyRevoked {
    switch cascade {
    case .keyOnly:
      return KeyRevoked(key: key, reason: .retired, compromisedSince: nil, note: note)
    case .since:
      return KeyRevoked(
        key: key, reason: .compromised, compromisedSince: try ago(text ?? "24h"), note: note)
    case .everything:
      return KeyRevoked(key: key, reason: .compromised, compromisedSince: nil, note: note)
    }
  }

  func lockTarget(_ targets: [LockTarget], _ choice: Int) -> LockTarget {
    targets.indices.contains(choice) ? targets[choice] : .everything
  }

  /// A time, or a span back from now.
  private func ago(_ text: String) throws -> Timestamp {
    if let time = Timestamp(lenient: ByteString(text)) { return time }
    guard let seconds = ApprovalRule.seconds(ByteString(text)) else {
      throw CommandFault(
        "time_malformed", "\"\(text)\" is neither 2026-11-23T10:00:00Z nor a span like 24h")
    }
    return now.advanced(bySeconds: -seconds)
  }

  /// A time, a span from now, or nothing for a lock without an end.
  func until(_ text: String) throws -> Timestamp? {
    if text.isEmpty || text == "lifted" { return nil }
    do {
      return try Parse.time(text, from: now)
    } catch {
      throw CommandFault(
        "time_malformed",
        "\"\(text)\" is neither 2026-11-23T10:00:00Z, a span like 4h, nor the word lifted")
    }
  }
}
