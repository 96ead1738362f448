package import CanonicalJSON
import Glibc
package import Keys
package import Statements

/// An agent's side of one daemon: it signs, asks, verifies the answer, and records each start once.
package struct EnforcementPoint: Sendable {
  package let client: AgentClient
  package let anchor: Anchor?
  package let journal: ActionJournal
  private let now: @Sendable () -> Timestamp

  /// How far apart this machine's clock and the daemon's may be, as for the freshness of actions.
  private static let skewMilliseconds: Int64 = 60_000

  package init(
    client: AgentClient, anchor: Anchor?, journal: ActionJournal,
    now: @escaping @Sendable () -> Timestamp
  ) {
    self.client = client
    self.anchor = anchor
    self.journal = journal
    self.now = now
  }

  /// Leave to start one action; ``recordStart(_:)`` uses it up.
  package struct Permit: Sendable {
    package let action: Digest
    /// Whether the log was proven to hold the decision.
    package let verified: VerifiedPermit?

    fileprivate init(action: Digest, verified: VerifiedPermit?) {
      self.action = action
      self.verified = verified
    }
  }

  /// Leave that rests on a verified receipt: without an anchor there is none.
  package struct VerifiedPermit: Sendable {
    package let decision: VerifiedDecision

    fileprivate init(_ decision: VerifiedDecision) {
      self.decision = decision
    }
  }

  /// An action whose start is on disk, and which its holder must now execute, once.
  ///
  /// Whatever executes actions takes one of these; ``start(_:)`` is the only way to get one.
  package struct StartedAction: ~Copyable, Sendable {
    package let action: Digest

    fileprivate init(_ action: Digest) {
      self.action = action
    }
  }

  /// What an answer means to the side that executes.
  package enum Outcome: Sendable {
    /// Let through, and not started before.
    case allowed(Permit)
    /// Let through before: started here, or made by another side.
    case repeated(ActionJournal.Record)
    /// Let through before, and would be refused today.
    case refusedToday
    case denied
    case held
  }

  package struct Ruling: Sendable {
    /// The daemon's answer.
    package let answer: JSONValue
    package let outcome: Outcome
    /// Whether the log was proven to hold what the answer says.
    package let isVerified: Bool
  }

  /// Who decides here, which the anchor, if there is one, must know.
  package func daemon() async throws -> AgentClient.Head {
    let head = try await client.head()
    try anchor?.check(head)
    return head
  }

  /// Signs an action and stores its envelope, before anybody is asked.
  package func sign(
    _ action: Action, by key: borrowing SigningKey
  ) throws -> UnverifiedEnvelope {
    let envelope = action.signed(by: key)
    try journal.store(envelope, at: now())
    return envelope
  }

  /// Asks about an envelope, verifies the answer, and says what it means here.
  ///
  /// - Throws: ``AgentClient/Fault``, ``ReceiptFault``, ``ActionJournal/Fault``; nothing may then be
  ///   executed.
  package func ask(_ envelope: UnverifiedEnvelope, waitSeconds: Int) async throws -> Ruling {
    let asked = now()
    let answer = try await client.ask(envelope, waitSeconds: waitSeconds)
    let decision = try anchor?.verify(answer, of: envelope)
    guard let verdict = answer["verdict"]?.string.flatMap({ Verdict(rawValue: $0.text) }) else {
      throw AgentClient.Fault.malformed("it names no verdict")
    }
    let outcome: Outcome =
      switch verdict {
      case .deny: .denied
      case .hold: .held
      case .allow: try allowed(answer, envelope.digest, decision, askedAt: asked)
      }
    // What is kept to be sent again decides nothing: without it the action is asked for anew.
    switch outcome {
    case .held: try? journal.keepOpen(envelope.digest, at: now(), process: process)
    case .denied: try? journal.close(envelope.digest, at: now())
    case .allowed, .repeated, .refusedToday: break
    }
    return Ruling(answer: answer, outcome: outcome, isVerified: decision != nil)
  }

  /// Records that no answer came, so that the same envelope is sent again and not another one.
  package func keepOpen(_ envelope: UnverifiedEnvelope) {
    try? journal.keepOpen(envelope.digest, at: now(), process: process)
  }

  /// What was signed here before for the same: another nonce and another time, and nothing else.
  ///
  /// One that another process still asks about is that process's.
  package func unfinished(
    like action: Action, by key: Fingerprint
  ) throws(ActionJournal.Fault) -> ActionJournal.Unfinished? {
    func rest(_ json: JSONValue?) -> [UInt8]? {
      guard var object = json?.object else { return nil }
      object["nonce"] = nil
      object["timestamp"] = nil
      return JSONValue.object(object).exactBytes
    }
    let wanted = rest(action.json)
    return try journal.unfinished().last { found in
      guard found.envelope.payloadType == Action.payloadType,
        found.envelope.signatures.map(\.key) == [key],
        rest(try? JSONParser.parse(found.envelope.payload, limits: Action.limits)) == wanted
      else { return false }
      guard let other = found.process, other != process else { return true }
      return kill(other, 0) != 0 && errno == ESRCH
    }
  }

  private var process: Int32 { getpid() }

  private func allowed(
    _ answer: JSONValue, _ action: Digest, _ decision: VerifiedDecision?, askedAt asked: Timestamp
  ) throws(ActionJournal.Fault) -> Outcome {
    let record = try journal.record(of: action)
    guard record.started == nil else { return .repeated(record) }
    guard answer["refused_today"] == nil else { return .refusedToday }
    // No receipt proves that an answer is the first; but what is decided now is not received by the
    // log before it was asked for.
    let isOld =
      decision.map {
        $0.received.milliseconds(since: asked) < -EnforcementPoint.skewMilliseconds
      } ?? false
    guard answer["repeat"]?.bool == false && !isOld || record.isOwn else {
      return .repeated(record)
    }
    return .allowed(Permit(action: action, verified: decision.map { VerifiedPermit($0) }))
  }

  /// Records the start of an action that another program is told to execute.
  package func recordStart(_ permit: Permit) throws(ActionJournal.Fault) {
    try journal.start(permit.action, at: now())
  }

  /// Records the start of an action that this process executes next.
  package func start(
    _ permit: VerifiedPermit
  ) throws(ActionJournal.Fault) -> StartedAction {
    try journal.start(permit.decision.action, at: now())
    return StartedAction(permit.decision.action)
  }
}
