import Approvals
package import CanonicalJSON
import Decisions
package import Keys
import Registry
package import Statements
import TransparencyLog

/// The deciding service: its key, and the one order in which its decisions are made.
package actor DecisionAuthority {
  let ledger: Ledger
  let key: SigningKey
  package nonisolated let service: Principal
  package nonisolated let limits: RequestLimits
  let clock: Clock
  let pins: PinStore
  var reading: ReadingMemory
  private var queue: [Request] = []
  /// Requests whose signature is being checked.
  private var authenticating = 0
  private var isFlushing = false
  private var refusals: [ByteString: Int] = [:]
  /// When they were last written down.
  private var countedAt: Timestamp
  private var loggedRefusals: [RefusalKey: Int] = [:]
  private var rates = KeyRates()
  private var statementRates = KeyRates()
  var openHolds = OpenHolds()
  private var keyRequests = KeyRequestQuota()
  // Looking at the log; see DecisionAuthority+Looking.
  var looks: LookRecord
  /// What of ``looks`` is on disk.
  var storedLook: LastLook?
  /// The latest end of a hold of this service: until a look after it is on disk, votes may come late.
  var lastExpiry = Timestamp(milliseconds: 0)
  // Waiting; see DecisionAuthority+Waiting.
  let changedHolds = ChangedHolds()
  var waiters = Waiters()
  var isDraining = false
  var isClosed = false
  var logWatch: RegistryWatch?
  /// What of it is to be written down: whether the agent of a hold waits.
  var presence: [Digest: Bool] = [:]
  /// When it was last said anew which agents wait.
  var presenceRenewed = Timestamp(milliseconds: 0)
  /// What consoles are told of this service, once it listens; see DecisionAuthority+Heartbeat.
  var heartbeat: Heartbeat?

  private struct Request {
    let action: AuthenticAction
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
  /// `acceptLate`: Entries found late that someone has looked at; they stop the service no more.
  /// - Throws: ``AuthorityFault`` `notEnrolled` if the key is not this service's here, `lateEntry` if
  ///   authority was given by an entry that came late.
  package init(
    registry path: String, service: Principal, key: consuming sending SigningKey, pins: PinStore,
    trust: ByteString?, limits: RequestLimits = RequestLimits(), acceptLate: [UInt64] = [],
    clock: Clock = .system
  ) throws {
    let database = try RegistryDatabase(path, access: .readWrite)
    var looks = LookRecord()
    if let genesis = try database.read({ try Ledger.genesis($0) }) {
      looks = try pins.look(for: genesis, by: service)
    }
    let now = clock.now()
    // A clock that has been put back since did not look in the future.
    looks.last = looks.last.map { LastLook(at: min($0.at, now), size: $0.size) }
    looks.blocking.removeAll { acceptLate.contains($0.index) }
    let ledger = try Ledger(database, pins: pins, trust: trust, lastLook: looks.last)
    guard ledger.state.recognises(key.publicKey.fingerprint, as: service) else {
      throw AuthorityFault.notEnrolled(service: service)
    }
    self.ledger = ledger
    self.key = key
    self.service = service
    self.limits = limits
    self.clock = clock
    self.pins = pins
    self.looks = looks
    storedLook = looks.last
    countedAt = now
    reading = ReadingMemory(since: now)
    for hold in try DecisionAuthority.openHolds(of: ledger, at: now) {
      openHolds.insert(hold.digest, of: hold.agent)
      lastExpiry = max(lastExpiry, hold.terms.expires)
    }
    ledger.observe = { [changedHolds] in changedHolds.take($0) }
    try DecisionAuthority.take(
      ledger.lateEntries, into: &self.looks, accepted: acceptLate)
    ledger.lateEntries = []
    self.looks.last = LastLook(at: max(now, looks.last?.at ?? now), size: ledger.tree.size)
    ledger.lastLook = self.looks.last
    let own = self.looks.last
    self.looks = try pins.store(
      self.looks, for: ledger.state.registry?.id ?? "", by: service, without: acceptLate)
    storedLook = own
    if let first = self.looks.blocking.first { throw first.fault }
  }

  /// The holds that are open as the service starts; a kept state that cannot be read is made anew.
  private static func openHolds(of ledger: Ledger, at now: Timestamp) throws -> [Hold] {
    do {
      let holds = ledger.state.openHolds(at: now)
      try ledger.checkShelf()
      return holds
    } catch AuthorityFault.stateUnreadable {
      try ledger.catchUp()
      let holds = ledger.state.openHolds(at: now)
      try ledger.checkShelf()
      return holds
    }
  }

  package var registry: ByteString { ledger.state.registry?.id ?? "" }
  package var size: UInt64 { ledger.tree.size }
  package var refusalCounts: [ByteString: Int] { refusals }

  /// Closes the registry; nothing may be asked afterwards.
  ///
  /// `cause`: What ends the service, as consoles are told: `SIGTERM`.
  package func close(cause: String = "") throws {
    logWatch?.stop()
    storeEnd(cause)
    try? storeLook()
    isClosed = true
    try ledger.storeMark()
    try ledger.database.close()
  }

  /// Decides one action; what is answered is on disk.
  ///
  /// Requests that arrive while a transaction runs share the next one. What is wrong with one of them is
  /// its own answer; only what is wrong with the file or the clock is every one's.
  ///
  /// - Throws: ``Overload`` where too many wait already, and what kept this request from being decided.
  package func decide(_ envelope: UnverifiedEnvelope) async throws -> Answer {
    guard queue.count + authenticating < limits.queued else {
      refusals["overloaded", default: 0] += 1
      throw Overload(
        code: "overloaded", retryAfterSeconds: 1,
        description: "\(queue.count) requests wait to be decided; nothing was recorded; try again")
    }
    let action: AuthenticAction
    do {
      let key = try actionKey(of: envelope)
      authenticating += 1
      defer { authenticating -= 1 }
      action = try await DecisionAuthority.authentic(envelope, by: key)
      _ = try ledger.state.signedAction(action)
      try ledger.checkShelf()
    } catch let refusal as Refusal {
      return refused(refusal.reason, envelope.digest)
    }
    // Charged to the key that signed, before its request takes a place among the others'.
    let now = max(clock.now(), ledger.state.lastReceived)
    let wait = rates.take(
      action.key, perSecond: limits.decisionsPerSecond, burst: limits.burst, at: now)
    if let wait {
      return refused(
        Reason(
          "rate_limited",
          "key \(action.key) asks for more than \(limits.decisionsPerSecond) decisions a second"),
        action.digest, retryAfterMilliseconds: wait)
    }
    return try await withCheckedThrowingContinuation { reply in
      queue.append(Request(action: action, reply: reply))
      guard !isFlushing else { return }
      isFlushing = true
      Task { await self.flush() }
    }
  }

  /// Parses an action and verifies its signature, on any core.
  @concurrent
  private static func authentic(
    _ envelope: UnverifiedEnvelope, by key: PublicKey
  ) async throws -> AuthenticAction {
    try AuthenticAction(envelope, by: key)
  }

  /// The key an action names; one that another process has just enrolled is looked for in the log.
  private func actionKey(of envelope: UnverifiedEnvelope) throws -> PublicKey {
    let known = Result { try ledger.state.actionKey(of: envelope) }
    let isReadable = (try? ledger.checkShelf()) != nil
    if isReadable, case .success(let key) = known { return key }
    if isReadable, case .failure(let refusal as Refusal) = known,
      refusal.reason.code != "key_unknown"
    {
      throw refusal
    }
    try look()
    let found = Result { try ledger.state.actionKey(of: envelope) }
    // A record that could not be read is no reason to call a key unknown.
    try ledger.checkShelf()
    return try found.get()
  }

  private func flush() async {
    while !queue.isEmpty {
      let group = Array(queue.prefix(DecisionAuthority.groupLimit))
      queue.removeFirst(group.count)
      do {
        let results = try commit(group.map(\.action))
        for (request, result) in zip(group, results) { request.reply.resume(with: result) }
      } catch {
        let fault = DecisionAuthority.named(error)
        for request in group { request.reply.resume(throwing: fault) }
      }
      wakeChanged()
      await Task.yield()
    }
    isFlushing = false
  }

  private enum Outcome {
    case refused(Answer)
    case recorded(DecisionMade, index: UInt64, hold: Digest?, isRepeat: Bool, today: Reason?)
    /// This request could not be decided; others could.
    case failed(any Error)
  }

  private func commit(_ actions: [AuthenticAction]) throws -> [Result<Answer, any Error>] {
    // Nothing is decided while what was decided last could be taken back unnoticed.
    if ledger.pinFault != nil {
      ledger.keepPin()
      if let fault = ledger.pinFault { throw fault }
    }
    let looked = clock.now()
    let answers = try ledger.write(clock: clock) { appending in
      try takeLateEntries()
      try checkServing(appending.transaction)
      let policy = try ledger.policyInForce(appending.transaction)
      let head = ledger.head
      var outcomes: [Outcome] = []
      for action in actions {
        outcomes.append(try attempt(action, policy, head, appending))
      }
      try countRefusals(appending)
      return try answer(outcomes, appending)
    }
    noteLook(at: looked)
    heartbeat?.count(
      decisions: answers.count { answer in
        guard case .success(let answer) = answer else { return false }
        return answer.index != nil && !answer.isRepeat
      }, at: looked)
    try storeLook(before: answers)
    ledger.keepPin()
    try? ledger.storeMarkIfWorthwhile(every: DecisionAuthority.markEvery)
    return answers
  }

  /// Decides one request of a group; what it alone is to blame for leaves no trace and fails it alone.
  private func attempt(
    _ action: AuthenticAction, _ policy: PolicyInForce?, _ head: TreeHead,
    _ appending: Ledger.Appending
  ) throws -> Outcome {
    do {
      return try appending.transaction.isolated {
        try decide(action, policy, head, appending)
      }
    } catch let fault as AdmissionFault {
      return .failed(AuthorityFault.refused(fault))
    } catch let fault as StatementFault {
      return .failed(AuthorityFault.statement(fault))
    } catch is PolicyRuling.Interrupted {
      refusals["policy_timeout", default: 0] += 1
      return .failed(
        Overload(
          code: "policy_timeout", retryAfterSeconds: 1,
          description: "the policy took longer than \(limits.evaluationSeconds) s on this machine; "
            + "nothing was recorded; try again"))
    }
  }

  /// Ends the evaluation that begins now after the time it may take.
  private func watchdog() -> PolicyRuling.Watchdog {
    let end = ContinuousClock.now.advanced(by: .seconds(limits.evaluationSeconds))
    return { ContinuousClock.now >= end }
  }

  private func decide(
    _ action: AuthenticAction, _ policy: PolicyInForce?, _ head: TreeHead,
    _ appending: Ledger.Appending
  ) throws -> Outcome {
    let now = appending.now
    let signed: SignedAction
    do {
      signed = try ledger.state.signedAction(action)
    } catch {
      return refuse(error.reason, action.digest)
    }
    switch try judged(signed, policy, appending) {
    case .refused(let reason): return refuse(reason, signed.digest)
    case .repeated(let outcome): return outcome
    case .decided(let decision):
      if isFlood(decision, now) { return refuse(decision.reasons[0], signed.digest) }
      if decision.verdict == .hold, let reason = tooManyHolds(signed.action.agent, at: now) {
        return refuse(reason, signed.digest)
      }
      return try record(decision, signed, head, appending)
    case .released(let decision): return try record(decision, signed, head, appending)
    }
  }

  private enum Judgement {
    case refused(Reason)
    case repeated(Outcome)
    case decided(DecisionMade)
    /// The end of a hold, by release or by refusal.
    case released(DecisionMade)
  }

  /// What becomes of an action, before anything is recorded.
  ///
  /// The procedure holds the state it judges by and ends with this: as long as it lived, each change of
  /// the state would copy all of it.
  private func judged(
    _ signed: SignedAction, _ policy: PolicyInForce?, _ appending: Ledger.Appending
  ) throws -> Judgement {
    let procedure = Procedure(
      state: ledger.state, policy: policy, service: service, now: appending.now,
      watchdog: watchdog())
    do {
      try procedure.checkAudience(signed)
      if let index = try appending.transaction.decisionIndex(ofAction: signed.digest) {
        return try again(signed, at: index, procedure, appending)
      }
      try procedure.checkFreshness(signed)
    } catch let refusal as Refusal {
      return .refused(refusal.reason)
    }
    return .decided(try procedure.decide(signed))
  }

  private func tooManyHolds(_ agent: Principal, at now: Timestamp) -> Reason? {
    let open = openHolds.count(of: agent) { digest in
      guard let hold = ledger.state.holds[digest] else { return false }
      if hold.state(at: now).isOpen { return true }
      // One that was voided counts until it would have expired: else an agent that revokes its own grant
      // again and again had no limit.
      if case .voided = hold.end { return now < hold.terms.expires }
      return false
    }
    guard open >= limits.openHoldsPerAgent else { return nil }
    return Reason(
      "too_many_holds",
      "\(open) actions of \(agent) wait for people already; at most \(limits.openHoldsPerAgent) may"
    )
  }

  private func refuse(_ reason: Reason, _ digest: Digest) -> Outcome {
    .refused(refused(reason, digest))
  }

  /// Counts a refusal that is not logged.
  private func refused(
    _ reason: Reason, _ digest: Digest, retryAfterMilliseconds: Int64? = nil
  ) -> Answer {
    refusals[reason.code, default: 0] += 1
    return Answer(refused: reason, action: digest, retryAfterMilliseconds: retryAfterMilliseconds)
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
    if let terms = decision.hold {
      openHolds.insert(draft.digest, of: signed.action.agent)
      lastExpiry = max(lastExpiry, terms.expires)
    }
    let hold = decision.releases ?? (decision.verdict == .hold ? draft.digest : nil)
    return .recorded(decision, index: index, hold: hold, isRepeat: false, today: nil)
  }

  /// An action decided before: answered from the log, released if its hold is approved by now.
  private func again(
    _ signed: SignedAction, at index: UInt64, _ procedure: Procedure,
    _ appending: Ledger.Appending
  ) throws -> Judgement {
    let (entry, parts) = try ledger.statement(at: index, appending.transaction)
    guard case .decisionMade(let decision) = parts.body, decision.action == signed.digest else {
      throw AuthorityFault.badEntry(index: index, reason: "a row misnames the action it decides")
    }
    // An action is who signed it, too: exclusions and what people saw are of that key.
    guard decision.key == signed.key else {
      throw Refusal(
        "key_mismatch", "the action was decided as signed by key \(decision.key), not \(signed.key)"
      )
    }
    let holdDigest = decision.releases ?? (decision.hold == nil ? nil : entry.envelope.digest)
    if decision.verdict == .hold, let hold = ledger.state.holds[entry.envelope.digest],
      case .approved = hold.state(at: appending.now)
    {
      return .released(try procedure.release(hold, signed, isLate: isLate(hold)))
    }
    return .repeated(
      .recorded(
        decision, index: index, hold: holdDigest, isRepeat: true,
        today: procedure.refusalToday(signed)))
  }

  /// Signs one checkpoint for the whole group and proves each decision in it.
  private func answer(
    _ outcomes: [Outcome], _ appending: Ledger.Appending
  ) throws -> [Result<Answer, any Error>] {
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
      case .refused(let answer): return .success(answer)
      case .failed(let fault): return .failure(fault)
      case .recorded(let decision, let index, let holdDigest, let isRepeat, let today):
        let hold = holdDigest.flatMap { ledger.state.holds[$0] }
        let receipt = try note.map {
          try ledger.receipt(
            index, checkpoint: $0, size: ledger.tree.size, appending.transaction)
        }
        return .success(
          Answer(
            decision, hold: hold.map { Answer.HoldReport($0, at: appending.now) }, index: index,
            receipt: receipt, entry: try appending.transaction.entry(index), isRepeat: isRepeat,
            refusedToday: today))
      }
    }
  }

  /// A fault of the file as one of deciding, so that who asked is told its cause.
  static func named(_ error: any Error) -> any Error {
    (error as? RegistryFault).map { AuthorityFault.registry($0) } ?? error
  }

  /// What a statement's header must name: which registry, and a head of its log.
  package func head() throws -> (registry: ByteString, head: TreeHead) {
    try look()
    return (registry, ledger.head)
  }

  /// Kinds that agents may send themselves; operators sign on the registry.
  private static let admitted: Set<StatementType> = [
    .keyRequested, .grantIssued, .grantRevoked, .keyRevoked, .actionFinished,
  ]

  /// Admits a statement an agent made itself, and appends it.
  ///
  /// `account`: The user id of who sent it, where that is known: requests for keys are limited by it,
  /// since anyone who reaches the socket can make one.
  package func admit(_ envelope: UnverifiedEnvelope, from account: UInt32? = nil) throws -> UInt64 {
    try look()
    try ledger.database.read { try checkServing($0) }
    let parts = try StatementParts(payloadType: envelope.payloadType, payload: envelope.payload)
    guard DecisionAuthority.admitted.contains(parts.body.type), parts.header.signer.kind == .agent
    else {
      throw AuthorityFault.refused(
        .invalid(
          what: parts.body.type.rawValue, why: "by \(parts.header.signer) is not taken here"))
    }
    let requests = ledger.state.requests
    let now = max(clock.now(), ledger.state.lastReceived)
    // One that replaces a key is signed by it, and so by an enrolled agent.
    if case .keyRequested(let body) = parts.body, body.replaces == nil {
      let account = account ?? UInt32.max
      let isAllowed = keyRequests.allows(account, for: body.holder, limits) {
        requests[$0]?.isOpen(at: now) == true
      }
      guard isAllowed else {
        throw Overload(
          code: "too_many_key_requests", retryAfterSeconds: 3600,
          description: "this account has as many requests for keys open as it may: "
            + "\(limits.keyRequestsPerAgent) for one agent, \(limits.keyRequests) in all; nothing was "
            + "recorded; an admin answers them: countersign key requests")
      }
    }
    try checkRate(of: envelope, parts, at: now)
    do {
      let index = try ledger.append(envelope, clock: clock).index
      if case .keyRequested(let body) = parts.body, body.replaces == nil {
        keyRequests.insert(envelope.digest, by: account ?? UInt32.max, for: body.holder)
      }
      wakeChanged()
      return index
    } catch {
      throw DecisionAuthority.named(error)
    }
  }

  /// Holds an agent's statements to a rate, and its grants to a number: each is an entry of the log.
  private func checkRate(
    of envelope: UnverifiedEnvelope, _ parts: StatementParts, at now: Timestamp
  ) throws {
    // A key's bucket is charged only for what it signed; requests for keys are limited by account.
    guard case .keyRequested = parts.body else {
      let verified: VerifiedStatement
      do { verified = try ledger.state.verified(envelope) } catch {
        throw AuthorityFault.statement(error)
      }
      let wait = verified.signers.first.flatMap {
        statementRates.take(
          $0, perSecond: limits.statementsPerSecond, burst: limits.statementBurst, at: now)
      }
      if let wait {
        throw Overload(
          code: "rate_limited", retryAfterSeconds: Int((wait + 999) / 1000),
          description: "\(parts.header.signer) sends more than \(limits.statementsPerSecond) "
            + "statements a second; nothing was recorded")
      }
      if case .grantIssued = parts.body,
        ledger.state.grants.all(.issuer(parts.header.signer), limit: limits.grantsPerAgent).count
          >= limits.grantsPerAgent
      {
        throw AuthorityFault.refused(
          .invalid(
            what: "grant.issued",
            why: "would be one of more than \(limits.grantsPerAgent) by \(parts.header.signer)"))
      }
      return
    }
  }

  /// Refuses to serve what must not be served: a registry put back from a backup, or removed.
  func checkServing(_ transaction: RegistryTransaction) throws {
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
}
