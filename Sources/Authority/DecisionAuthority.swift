import Approvals
package import CanonicalJSON
import Decisions
package import Keys
import Registry
package import Statements
import TransparencyLog

/// The deciding service: its key, and the one order in which its decisions are made.
package actor DecisionAuthority {
  private let ledger: Ledger
  private let key: SigningKey
  package nonisolated let service: Principal
  private let clock: Clock
  private var waiting: [Request] = []
  private var isFlushing = false
  private var refusals: [ByteString: Int] = [:]
  /// When they were last written down.
  private var countedAt: Timestamp
  private var loggedRefusals: [RefusalKey: Int] = [:]

  private struct Request {
    let envelope: UnverifiedEnvelope
    let reply: CheckedContinuation<Answer, any Error>
  }

  private struct RefusalKey: Hashable {
    let key: Fingerprint
    let code: ByteString
    let hour: Int64
  }

  /// Refusals of one key and code that are logged in an hour; more are counted only.
  private static let refusalsLogged = 10
  private static let groupLimit = 256
  /// Entries after which the state is written down, so that neither memory nor the next start grow.
  private static let markEvery: UInt64 = 32_768

  /// Opens the registry for deciding.
  ///
  /// - Throws: ``AuthorityFault`` `notEnrolled` if the key is not this service's here.
  package init(
    registry path: String, service: Principal, key: consuming sending SigningKey, pins: PinStore,
    trust: ByteString?, clock: Clock = .system
  ) throws {
    let ledger = try Ledger(
      RegistryDatabase(path, access: .readWrite), pins: pins, trust: trust)
    guard ledger.state.recognises(key.publicKey.fingerprint, as: service) else {
      throw AuthorityFault.notEnrolled(service: service)
    }
    self.ledger = ledger
    self.key = key
    self.service = service
    self.clock = clock
    countedAt = clock.now()
  }

  package var registry: ByteString { ledger.state.registry?.id ?? "" }
  package var size: UInt64 { ledger.tree.size }
  package var refusalCounts: [ByteString: Int] { refusals }

  /// Closes the registry; nothing may be asked afterwards.
  package func close() throws {
    try ledger.storeMark()
    try ledger.database.close()
  }

  /// Decides one action; what is answered is on disk.
  ///
  /// Requests that arrive while a transaction runs share the next one.
  package func decide(_ envelope: UnverifiedEnvelope) async throws -> Answer {
    try await withCheckedThrowingContinuation { reply in
      waiting.append(Request(envelope: envelope, reply: reply))
      guard !isFlushing else { return }
      isFlushing = true
      Task { await self.flush() }
    }
  }

  private func flush() async {
    while !waiting.isEmpty {
      let group = Array(waiting.prefix(DecisionAuthority.groupLimit))
      waiting.removeFirst(group.count)
      do {
        let answers = try commit(group.map(\.envelope))
        for (request, answer) in zip(group, answers) { request.reply.resume(returning: answer) }
      } catch {
        let fault = DecisionAuthority.named(error)
        for request in group { request.reply.resume(throwing: fault) }
      }
      await Task.yield()
    }
    isFlushing = false
  }

  private enum Outcome {
    case refused(Answer)
    case recorded(DecisionMade, index: UInt64, hold: Digest?, isRepeat: Bool, today: Reason?)
  }

  private func commit(_ envelopes: [UnverifiedEnvelope]) throws -> [Answer] {
    // Nothing is decided while what was decided last could be taken back unnoticed.
    if ledger.pinFault != nil {
      ledger.keepPin()
      if let fault = ledger.pinFault { throw fault }
    }
    let answers = try ledger.write(clock: clock) { appending in
      try checkServing(appending.transaction)
      let policy = try ledger.policyInForce(appending.transaction)
      let head = ledger.head
      var outcomes: [Outcome] = []
      for envelope in envelopes {
        outcomes.append(try decide(envelope, policy, head, appending))
      }
      try countRefusals(appending)
      return try answer(outcomes, appending)
    }
    ledger.keepPin()
    try? ledger.storeMarkIfWorthwhile(every: DecisionAuthority.markEvery)
    return answers
  }

  private func decide(
    _ envelope: UnverifiedEnvelope, _ policy: PolicyInForce?, _ head: TreeHead,
    _ appending: Ledger.Appending
  ) throws -> Outcome {
    let now = appending.now
    let signed: SignedAction
    do {
      signed = try ledger.state.signedAction(envelope)
    } catch {
      return refuse(error.reason, envelope.digest)
    }
    let procedure = Procedure(
      state: ledger.state, policy: policy, service: service, now: now)
    if let index = try appending.transaction.decisionIndex(ofAction: signed.digest) {
      return try again(signed, at: index, procedure, head, appending)
    }
    do {
      try procedure.checkFreshness(signed)
    } catch {
      return refuse(error.reason, signed.digest)
    }
    let decision = procedure.decide(signed)
    if isFlood(decision, now) { return refuse(decision.reasons[0], signed.digest) }
    return try record(decision, signed, head, appending)
  }

  private func refuse(_ reason: Reason, _ digest: Digest) -> Outcome {
    refusals[reason.code, default: 0] += 1
    return .refused(Answer(refused: reason, action: digest))
  }

  /// A stranger, or a key that is cut off, must not grow the log.
  private func isFlood(_ decision: DecisionMade, _ now: Timestamp) -> Bool {
    guard decision.verdict == .deny, let code = decision.reasons.first?.code,
      [
        "key_revoked", "key_expired", "key_not_yet_valid", "key_tainted", "locked",
      ].contains(code.text)
    else { return false }
    let hour = now.milliseconds / 3_600_000
    loggedRefusals = loggedRefusals.filter { $0.key.hour == hour }
    let key = RefusalKey(key: decision.key, code: code, hour: hour)
    loggedRefusals[key, default: 0] += 1
    return loggedRefusals[key, default: 0] > DecisionAuthority.refusalsLogged
  }

  private func record(
    _ decision: DecisionMade, _ signed: SignedAction, _ head: TreeHead,
    _ appending: Ledger.Appending
  ) throws -> Outcome {
    try appending.store(body: signed.payload)
    let header = StatementHeader(
      at: appending.now, head: head, id: ByteString(Hexadecimal.text(of: SecureRandom.bytes(16))),
      registry: registry, signer: service)
    let draft = try StatementDraft(header, .decisionMade(decision))
    let index = try appending.append(try draft.signed(by: key))
    let hold = decision.releases ?? (decision.verdict == .hold ? draft.digest : nil)
    return .recorded(decision, index: index, hold: hold, isRepeat: false, today: nil)
  }

  /// An action decided before: answered from the log, released if its hold is approved by now.
  private func again(
    _ signed: SignedAction, at index: UInt64, _ procedure: Procedure, _ head: TreeHead,
    _ appending: Ledger.Appending
  ) throws -> Outcome {
    let (entry, parts) = try ledger.statement(at: index, appending.transaction)
    guard case .decisionMade(let decision) = parts.body, decision.action == signed.digest else {
      throw AuthorityFault.badEntry(index: index, reason: "a row misnames the action it decides")
    }
    let holdDigest = decision.releases ?? (decision.hold == nil ? nil : entry.envelope.digest)
    if decision.verdict == .hold, let hold = ledger.state.holds[entry.envelope.digest],
      case .approved = hold.state(at: appending.now)
    {
      let released = procedure.release(hold, signed)
      return try record(released, signed, head, appending)
    }
    return .recorded(
      decision, index: index, hold: holdDigest, isRepeat: true,
      today: procedure.refusalToday(signed))
  }

  /// Signs one checkpoint for the whole group and proves each decision in it.
  private func answer(
    _ outcomes: [Outcome], _ appending: Ledger.Appending
  ) throws -> [Answer] {
    let needsProof = outcomes.contains { if case .recorded = $0 { true } else { false } }
    var note: SignedNote?
    if needsProof {
      let checkpoint = Checkpoint(
        origin: Checkpoint.origin(registry: registry), size: ledger.tree.size,
        root: ledger.tree.root)
      let signed = checkpoint.signed(by: key)
      try appending.transaction.store(checkpoint: signed.bytes, size: ledger.tree.size)
      note = signed
    }
    return try outcomes.map { outcome in
      switch outcome {
      case .refused(let answer): return answer
      case .recorded(let decision, let index, let holdDigest, let isRepeat, let today):
        let hold = holdDigest.flatMap { ledger.state.holds[$0] }
        let receipt = try note.map {
          try ledger.receipt(
            index, checkpoint: $0, size: ledger.tree.size, appending.transaction)
        }
        return Answer(
          decision, hold: hold.map { Answer.HoldReport($0, at: appending.now) }, index: index,
          receipt: receipt, isRepeat: isRepeat, refusedToday: today)
      }
    }
  }

  /// A fault of the file as one of deciding, so that who asked is told its cause.
  private static func named(_ error: any Error) -> any Error {
    (error as? RegistryFault).map { AuthorityFault.registry($0) } ?? error
  }

  /// What a statement's header must name: which registry, and a head of its log.
  package func head() throws -> (registry: ByteString, head: TreeHead) {
    try ledger.catchUp()
    return (registry, ledger.head)
  }

  /// Kinds that agents may send themselves; operators sign on the registry.
  private static let admitted: Set<StatementType> = [
    .keyRequested, .grantIssued, .grantRevoked, .keyRevoked, .actionFinished,
  ]

  /// Admits a statement an agent made itself, and appends it.
  package func admit(_ envelope: UnverifiedEnvelope) throws -> UInt64 {
    try ledger.catchUp()
    try ledger.database.read { try checkServing($0) }
    let parts = try StatementParts(payloadType: envelope.payloadType, payload: envelope.payload)
    guard DecisionAuthority.admitted.contains(parts.body.type), parts.header.signer.kind == .agent
    else {
      throw AuthorityFault.refused(
        .invalid(
          what: parts.body.type.rawValue, why: "by \(parts.header.signer) is not taken here"))
    }
    do {
      return try ledger.append(envelope, clock: clock).index
    } catch {
      throw DecisionAuthority.named(error)
    }
  }

  /// Refuses to serve what must not be served: a registry put back from a backup, or removed.
  private func checkServing(_ transaction: RegistryTransaction) throws {
    if let unsupported = ledger.state.unsupported {
      throw AuthorityFault.refused(.unsupportedEntry(unsupported))
    }
    guard ledger.state.recognises(key.publicKey.fingerprint, as: service) else {
      throw AuthorityFault.notEnrolled(service: service)
    }
    if let kept = try ledger.unconfirmedRestore(transaction) {
      throw AuthorityFault.unconfirmedRestore(kept: kept)
    }
  }

  /// Writes down, at most hourly, how much was refused without being logged.
  private func countRefusals(_ appending: Ledger.Appending) throws {
    guard !refusals.isEmpty, appending.now.milliseconds(since: countedAt) >= 3_600_000 else {
      return
    }
    let body = RefusalsCounted(
      since: countedAt,
      counts: JSONObject(
        refusals.map { JSONObject.Member(name: $0.key, value: JSONValue($0.value)) }))
    let draft = try StatementDraft(
      ledger.header(by: service, at: appending.now), .refusalsCounted(body))
    _ = try appending.append(try draft.signed(by: key))
    countedAt = appending.now
    refusals = [:]
  }

  /// Tells consoles that an agent waits for a hold, or has asked for it.
  ///
  /// No trust state: nothing rests on it, and a failure to write it is none of the agent's concern.
  package func note(presence hold: Digest, waits: Bool) {
    let now = clock.now()
    try? ledger.database.write { try $0.note(presence: hold, waits: waits, at: now) }
  }

  /// How a hold stands; reading never releases it.
  package func hold(_ digest: Digest) throws -> Answer.HoldReport? {
    try ledger.catchUp()
    let now = max(clock.now(), ledger.state.lastReceived)
    let hold = ledger.state.holds[digest]
    try ledger.checkShelf()
    return hold.map { Answer.HoldReport($0, at: now) }
  }
}
