import CanonicalJSON
import Delegations
import Keys
import Statements

// Locks, and what keeps them from shutting out the operators who would lift them.
extension AuthorityState {
  /// The longest that one admin may lock the key of another operator or of a service.
  package static let longestKeyLockSeconds: Int64 = 3600
  /// The longest that operators may lock a key of their own.
  package static let longestOwnKeyLockSeconds: Int64 = 86_400
  /// Within this time of a lock of such a key, locking it again takes a second admin.
  package static let keyLockRestSeconds: Int64 = 86_400

  /// The key a lock is about, if it is another operator's or a service's.
  private func keyOfAnother(_ target: LockTarget, than signer: Principal) -> Fingerprint? {
    guard case .key(let key) = target, let holder = keys[key]?.holder, holder.kind != .agent,
      holder != signer
    else { return nil }
    return key
  }

  /// Whether a lock of another's key comes so soon after an earlier one, of whomever, that it takes a
  /// second admin.
  func isLockedAgain(_ body: LockPlaced, by signer: Principal, at now: Timestamp) -> Bool {
    guard let key = keyOfAnother(body.target, than: signer), let last = keyLocks[key] else {
      return false
    }
    return now < last.advanced(bySeconds: AuthorityState.keyLockRestSeconds)
  }

  mutating func place(
    _ body: LockPlaced, _ signing: Signing, byQuorum: Bool, _ now: Timestamp
  ) throws(AdmissionFault) {
    if let until = body.until, until <= now {
      throw .invalid(what: "until", why: "is not in the future")
    }
    switch body.target {
    case .agent(let agent):
      try requireApproverOrAdmin(signing.signer)
      guard agents[agent] != nil else {
        throw .unknownSubject(what: "agent", name: agent.description)
      }
    case .key(let key): try check(body, of: key, by: signing.signer, now)
    case .resource, .everything: try requireApproverOrAdmin(signing.signer)
    }
    let record: LockRecord
    do {
      record = try LockRecord(digest: signing.digest, placed: body, placer: signing.signer)
    } catch {
      throw .pattern(error)
    }
    // A lock of one's own key does not count: else a thief who holds the key could lock it for a
    // moment, and so keep the others from locking it at once.
    if let key = keyOfAnother(body.target, than: signing.signer) {
      keyLocks = keyLocks.filter {
        now < $0.value.advanced(bySeconds: AuthorityState.keyLockRestSeconds)
      }
      keyLocks[key] = now
    }
    locks[signing.digest] = record
  }

  /// One operator must not be able to shut the others out: nobody would be left to lift it.
  private func check(
    _ body: LockPlaced, of key: Fingerprint, by signer: Principal, _ now: Timestamp
  ) throws(AdmissionFault) {
    guard let record = keys[key] else {
      throw .unknownSubject(what: "key", name: key.description)
    }
    if record.holder.kind == .agent { return try requireApproverOrAdmin(signer) }
    let isOwn = record.holder == signer
    if !isOwn { try require(.admin, of: signer) }
    let longest =
      isOwn ? AuthorityState.longestOwnKeyLockSeconds : AuthorityState.longestKeyLockSeconds
    guard let until = body.until, until <= now.advanced(bySeconds: longest) else {
      throw .lockLimited(
        "a lock of \(record.holder)'s key must end within \(longest / 3600) h; say until when")
    }
    guard !isOwn else { return }
    let held = locks.values.filter { lock in
      lock.placer == signer && lock.isInForce(at: now) && lock.placed.target != body.target
        && keyOfAnother(lock.placed.target, than: signer) != nil
    }.min { $0.digest < $1.digest }
    if let held {
      throw .lockLimited(
        "\(signer) holds a lock of \(held.placed.target.words) already, and may hold one at a time: "
          + "lift that one (countersign lock lift \(held.digest.short)), or have another admin "
          + "place this one")
    }
  }

  mutating func lift(
    _ body: LockLifted, by signer: Principal, byQuorum: Bool
  ) throws(AdmissionFault) {
    guard locks[body.lock] != nil else {
      throw .unknownSubject(what: "lock", name: body.lock.hex)
    }
    if !byQuorum { try requireApproverOrAdmin(signer) }
    locks[body.lock] = nil
  }
}
