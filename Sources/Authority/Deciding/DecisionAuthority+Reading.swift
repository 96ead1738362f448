import Approvals
package import CanonicalJSON
import Decisions
import Delegations
package import Keys
import Registry
package import Statements

/// Why a request to read is not answered.
package struct ReadRefusal: Error, Sendable, Equatable, CustomStringConvertible {
  package enum Kind: Sendable {
    /// No credential, or one that does not hold.
    case unauthenticated
    /// A credential of somebody who may not read this.
    case forbidden
    /// More reads at once than this service remembers.
    case limited
  }

  package let kind: Kind
  /// The stable name of the refusal.
  package let code: String
  package let description: String

  package init(_ kind: Kind, _ code: String, _ description: String) {
    self.kind = kind
    self.code = code
    self.description = description
  }
}

/// What a service remembers of the read requests it has taken, so that each is answered once.
struct ReadMemory {
  private struct Taken: Hashable {
    let key: Fingerprint
    let nonce: ByteString
  }

  /// Until when freshness could still admit each of them.
  private var taken: [Taken: Timestamp] = [:]
  private var counts: [Fingerprint: Int] = [:]
  /// Requests signed earlier than this are refused: what an earlier process took is not known here.
  private let floor: Timestamp
  /// The latest time a request was judged at: what was forgotten stays stale if the clock runs back.
  private var latest: Timestamp
  private var tidied: Timestamp

  /// Reads of one key within the two minutes that freshness spans, and of all keys of a kind; what
  /// is beyond is refused, since to forget one would let it be sent again.
  static let limitPerKey = 1024
  static let limit = 65_536

  init(since start: Timestamp) {
    floor = start
    latest = start
    tidied = start
  }

  /// The time to judge a request at.
  mutating func time(_ now: Timestamp) -> Timestamp {
    latest = max(latest, now)
    return latest
  }

  /// Takes a fresh request, once.
  mutating func take(
    _ request: ReadRequest, by key: Fingerprint, at now: Timestamp
  ) throws(ReadRefusal) {
    let window = AuthorityState.freshnessSeconds
    guard abs(now.milliseconds(since: request.timestamp)) <= window * 1000 else {
      throw ReadRefusal(
        .unauthenticated, "stale",
        "the read request was signed at \(request.timestamp.text), more than \(window) s from "
          + "\(now.text); sign it anew, and see to the clock")
    }
    guard request.timestamp >= floor else {
      throw ReadRefusal(
        .unauthenticated, "stale",
        "the read request was signed at \(request.timestamp.text), before this service began at "
          + "\(floor.text); sign it anew")
    }
    if now.milliseconds(since: tidied) >= 1000 { forget(at: now) }
    // Digits in either case are the same sixteen bytes.
    let nonce = ByteString(request.nonce.text.lowercased())
    guard taken[Taken(key: key, nonce: nonce)] == nil else {
      throw ReadRefusal(
        .unauthenticated, "replayed", "nonce \(request.nonce.text) was used before")
    }
    guard counts[key, default: 0] < ReadMemory.limitPerKey, taken.count < ReadMemory.limit else {
      throw ReadRefusal(
        .limited, "reads_limited",
        "this key, or all together, have read too often within two minutes; wait a minute")
    }
    taken[Taken(key: key, nonce: nonce)] = request.timestamp.advanced(bySeconds: window)
    counts[key, default: 0] += 1
  }

  private mutating func forget(at now: Timestamp) {
    tidied = now
    for (request, until) in taken where until < now {
      taken[request] = nil
      counts[request.key, default: 1] -= 1
      if counts[request.key] == 0 { counts[request.key] = nil }
    }
  }
}

/// What a service remembers between reads.
struct ReadingMemory {
  /// Services' reads are remembered apart: agents cannot use up their room.
  var agents: ReadMemory
  var services: ReadMemory
  /// When it was last found whether this service can decide, and the answer.
  var health: (at: ContinuousClock.Instant, isWell: Bool)?

  init(since start: Timestamp) {
    agents = ReadMemory(since: start)
    services = ReadMemory(since: start)
  }
}

extension DecisionAuthority {
  /// What ``status()`` tells.
  package struct Status: Sendable {
    package let registry: ByteString
    package let service: Principal
    package let size: UInt64
    package let refusals: [ByteString: Int]
  }

  /// Who reads, by the read request they have signed.
  ///
  /// `target`: What they read, as the request line says it.
  /// - Throws: ``ReadRefusal``; ``AuthorityFault`` if the registry cannot be relied on.
  package func reader(_ envelope: UnverifiedEnvelope, target: ByteString) throws -> Principal {
    try look()
    let now = try ledger.now(clock)
    let reader = Result { try judge(envelope, target, at: now) }
    // A record that could not be read is no reason to believe anybody.
    try ledger.checkShelf()
    return try reader.get()
  }

  private func judge(
    _ envelope: UnverifiedEnvelope, _ target: ByteString, at now: Timestamp
  ) throws(ReadRefusal) -> Principal {
    func refused(_ code: String, _ why: String) -> ReadRefusal {
      ReadRefusal(.unauthenticated, code, why)
    }
    guard envelope.payloadType == ReadRequest.payloadType, envelope.signatures.count == 1,
      let signature = envelope.signatures.first, signature.scheme == .dsse
    else {
      throw refused(
        "credential_malformed",
        "a read request is of type \(ReadRequest.payloadType.text) and carries one signature of "
          + "scheme 0")
    }
    guard let record = ledger.state.keys[signature.key] else {
      throw refused("key_unknown", "no key \(signature.key) is enrolled")
    }
    let request: ReadRequest
    do {
      _ = try envelope.verified { $0 == signature.key ? record.key : nil }
    } catch {
      throw refused("signature_invalid", "\(error)")
    }
    do {
      request = try ReadRequest(payload: envelope.payload)
    } catch {
      throw refused("credential_malformed", "\(error)")
    }
    guard record.holder == request.reader else {
      throw refused("key_unknown", "key \(signature.key) is not \(request.reader)'s")
    }
    guard request.registry == registry else {
      throw refused("wrong_registry", "the read request is for registry \(request.registry.text)")
    }
    guard request.path == target else {
      throw refused(
        "wrong_path", "the read request is for \(request.path.text), not \(target.text)")
    }
    let isService = request.reader.kind == .service
    // What the clock says is never earlier than it has said: a nonce that was forgotten stays stale.
    let time =
      isService ? reading.services.time(now) : reading.agents.time(now)
    guard record.status(at: time) == .active else {
      throw refused("key_\(record.status(at: time).rawValue)", "key \(signature.key) is not active")
    }
    guard ledger.state.isPresent(request.reader) else {
      throw refused(
        isService ? "service_removed" : "agent_retired", "\(request.reader) is not enrolled now")
    }
    let isLocked =
      isService
      ? ledger.state.isLocked(signature.key, at: time)
      : ledger.state.lock(
        agent: request.reader, key: signature.key, resource: nil, leaf: nil, at: time) != nil
    guard !isLocked else {
      throw refused("locked", "\(request.reader), its key or everything is locked")
    }
    if isService {
      try reading.services.take(request, by: signature.key, at: time)
    } else {
      try reading.agents.take(request, by: signature.key, at: time)
    }
    return request.reader
  }

  /// Whether an operator is enrolled now, so that their account may read.
  package func isEnrolled(_ user: Principal) throws -> Bool {
    try look()
    return user.kind == .user && ledger.state.operators[user] != nil
  }

  /// How a hold stands, if this reader may see it: an agent sees its own.
  package func hold(_ digest: Digest, for reader: Principal) throws -> Answer.HoldReport? {
    try look()
    let now = max(clock.now(), ledger.state.lastReceived)
    let hold = ledger.state.holds[digest]
    try ledger.checkShelf()
    guard let hold, reader.kind != .agent || hold.agent == reader else { return nil }
    let report = Answer.HoldReport(hold, at: now)
    try storeLook(before: report)
    return report
  }

  package func status() throws -> Status {
    try look()
    return Status(registry: registry, service: service, size: size, refusals: refusalCounts)
  }

  /// Whether this service can decide now; found at most once a second, however often it is asked.
  package func isWell() -> Bool {
    if let health = reading.health, health.at.duration(to: .now) < .seconds(1) {
      return health.isWell
    }
    let isWell: Bool
    do {
      try look()
      try ledger.database.read { try checkServing($0) }
      _ = try ledger.now(clock)
      isWell = ledger.pinFault == nil
    } catch {
      isWell = false
    }
    reading.health = (.now, isWell)
    return isWell
  }
}
