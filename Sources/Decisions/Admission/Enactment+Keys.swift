import CanonicalJSON
import Delegations
import Keys
import Statements

// Keys: their enrolment, rotation and end.
extension AuthorityState {
  func checkNew(_ key: PublicKey) throws(AdmissionFault) {
    guard keys[key.fingerprint] == nil else {
      throw .exists(what: "key", name: key.fingerprint.description)
    }
  }

  /// Adds a key that was found to be new.
  mutating func add(
    _ key: PublicKey, of holder: Principal, _ signing: Signing, _ now: Timestamp,
    after predecessor: Fingerprint? = nil, enrollers: [Principal] = [],
    from notBefore: Timestamp? = nil, until notAfter: Timestamp? = nil
  ) {
    // Everyone who signed put it here, and may not approve what it does.
    let signers = [signing.signer] + signing.cosigners.map(\.admin)
    keys[key.fingerprint] = KeyRecord(
      key: key, holder: holder,
      enrollers: enrollers.filter { !signers.contains($0) } + signers,
      enrollingKey: signing.keys.first { keys[$0]?.holder == signing.signer },
      cosigningKeys: signing.cosigners.map(\.key),
      predecessor: predecessor, received: now, notBefore: notBefore, notAfter: notAfter)
  }

  /// Ends a key that another takes the place of, at once or when the overlap ends.
  mutating func retire(
    _ key: Fingerprint, overlapUntil: Timestamp?, _ now: Timestamp
  ) throws(AdmissionFault) {
    guard var record = keys[key] else {
      throw .unknownSubject(what: "key", name: key.description)
    }
    if record.revoked != nil { return }
    let end = overlapUntil ?? now
    guard end >= now, end <= now.advanced(bySeconds: 90 * 86_400) else {
      throw .invalid(what: "overlap_until", why: "is not within the next 90 days")
    }
    record.notAfter = min(record.notAfter ?? end, end)
    keys[key] = record
  }

  mutating func request(
    _ body: KeyRequested, _ signing: Signing, _ now: Timestamp
  ) throws(AdmissionFault) {
    guard agents[body.holder] != nil else {
      throw .unknownSubject(what: "agent", name: body.holder.description)
    }
    try checkNew(body.key)
    let open = requests.values.filter { $0.isOpen(at: now) }
    guard !open.contains(where: { $0.requested.key == body.key }) else {
      throw .exists(what: "request for key", name: body.key.fingerprint.description)
    }
    guard open.count < KeyRequest.limit,
      open.count(where: { $0.requested.holder == body.holder }) < KeyRequest.limitPerAgent
    else {
      throw .invalid(what: "key.requested", why: "would be one of too many that wait for an admin")
    }
    requests = requests.filter { $0.value.isOpen(at: now) }
    requests[signing.digest] = KeyRequest(
      digest: signing.digest, requested: body, received: now)
  }

  mutating func enrol(
    _ body: KeyEnrolled, _ signing: Signing, _ now: Timestamp
  ) throws(AdmissionFault) {
    try require(.admin, of: signing.signer)
    guard agents[body.holder] != nil else {
      throw .unknownSubject(what: "agent", name: body.holder.description)
    }
    try checkNew(body.key)
    if let start = body.notBefore, let end = body.notAfter, start >= end {
      throw .invalid(what: "not_after", why: "is not after not_before")
    }
    if let end = body.notAfter, end <= now {
      throw .invalid(what: "not_after", why: "is not in the future")
    }
    if let request = body.request {
      try check(request, body.holder, body.key, replaces: nil, now)
      requests[request] = nil
    }
    add(
      body.key, of: body.holder, signing, now, from: body.notBefore, until: body.notAfter)
  }

  mutating func rotate(
    _ body: KeyRotated, _ signing: Signing, _ now: Timestamp
  ) throws(AdmissionFault) {
    guard let agent = agents[body.holder] else {
      throw .unknownSubject(what: "agent", name: body.holder.description)
    }
    guard signing.signer == agent.registered.owner || operators[signing.signer]?.has(.admin) == true
    else { throw .missingRole(signing.signer, .admin) }
    guard let old = keys[body.old], old.holder == body.holder else {
      throw .unknownSubject(what: "key of \(body.holder)", name: body.old.description)
    }
    guard old.status(at: now) == .active else {
      throw .keyNotActive(body.old, old.status(at: now))
    }
    try checkNew(body.key)
    if let request = body.request {
      try check(request, body.holder, body.key, replaces: body.old, now)
    }
    try retire(body.old, overlapUntil: body.overlapUntil, now)
    if let request = body.request { requests[request] = nil }
    add(
      body.key, of: body.holder, signing, now, after: body.old, enrollers: old.enrollers,
      until: body.notAfter)
  }

  private func check(
    _ digest: Digest, _ holder: Principal, _ key: PublicKey, replaces: Fingerprint?,
    _ now: Timestamp
  ) throws(AdmissionFault) {
    guard let request = requests[digest], request.isOpen(at: now),
      request.requested.holder == holder, request.requested.key == key,
      request.requested.replaces == replaces
    else { throw .unknownSubject(what: "open request for this key", name: digest.hex) }
  }

  mutating func taint(
    _ body: KeyTainted, by signer: Principal, _ now: Timestamp
  ) throws(AdmissionFault) {
    guard var record = keys[body.key] else {
      throw .unknownSubject(what: "key", name: body.key.description)
    }
    guard record.holder.kind == .agent else {
      throw .invalid(what: "key", why: "is not an agent's; lock or rotate an operator's key")
    }
    if signer != record.holder { try require(.admin, of: signer) }
    guard record.revoked == nil, record.tainted == nil else {
      throw .keyNotActive(body.key, record.status(at: now))
    }
    record.tainted = now
    keys[body.key] = record
  }

  mutating func revoke(
    _ body: KeyRevoked, by signer: Principal, byQuorum: Bool, _ now: Timestamp
  ) throws(AdmissionFault) {
    guard var record = keys[body.key] else {
      throw .unknownSubject(what: "key", name: body.key.description)
    }
    guard record.revoked == nil else { throw .keyNotActive(body.key, .revoked) }
    if !byQuorum, signer != record.holder { try require(.admin, of: signer) }
    if let since = body.compromisedSince, since > now {
      throw .invalid(what: "compromised_since", why: "is in the future")
    }
    if operators[record.holder]?.has(.admin) == true {
      let others = admins.filter { admin in
        admin != record.holder
          && operators[admin].flatMap { keys[$0.key] }?.status(at: now) == .active
      }
      let isLast = operators[record.holder]?.key == body.key && others.isEmpty
      guard !isLast else {
        throw .invalid(
          what: "key \(body.key)",
          why: "is the last admin's: give them a new one first (operator rotate-key)")
      }
    }
    record.revocation = body
    record.revoked = now
    keys[body.key] = record
  }

  /// Whether an entry is the work of a compromised key, received when it no longer stood.
  func isSuspect(_ entry: LogEntry) -> Bool {
    var signers = entry.envelope.signatures.map(\.key)
    let type = StatementType(payloadType: entry.envelope.payloadType)
    if let parts = try? StatementParts(
      payloadType: entry.envelope.payloadType, payload: entry.envelope.payload),
      case .decisionMade(let decision) = parts.body
    {
      signers = [decision.key]
    }
    return signers.contains { isSuspect($0, receivedAt: entry.received) }
      || (type?.completesProposals == true && enrolsSuspectKey(at: entry.received))
  }

  private func isSuspect(_ key: Fingerprint, receivedAt instant: Timestamp) -> Bool {
    guard let record = keys[key], record.revocation?.reason == .compromised else { return false }
    return !record.upholds(receivedAt: instant)
  }

  /// Whether a key that the admin quorum enrolled at an instant stands on a compromised one: the entry
  /// that completed the quorum may be signed by another.
  private func enrolsSuspectKey(at instant: Timestamp) -> Bool {
    (Array(operators.keys) + Array(services.keys)).contains { holder in
      keys.all(.holder(holder)).contains { record in
        record.received == instant
          && record.origins.contains { isSuspect($0, receivedAt: instant) }
      }
    }
  }
}
