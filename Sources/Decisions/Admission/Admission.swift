import Approvals
import CanonicalJSON
import Delegations
package import Keys
package import Statements

/// What admission needs besides the state.
package struct AdmissionContext {
  package let received: Timestamp
  /// Whether the log ever had this head.
  package let knows: (TreeHead) -> Bool
  /// A body kept beside the log, whose bytes have that digest.
  package let body: (Digest) -> [UInt8]?
  /// An entry of the log, by its index.
  package let entry: (UInt64) -> LogEntry?
  /// What an erasure later in the log keeps of an action.
  package let erased: (Digest) -> Action?

  package init(
    received: Timestamp, knows: @escaping (TreeHead) -> Bool,
    body: @escaping (Digest) -> [UInt8]?, entry: @escaping (UInt64) -> LogEntry?,
    erased: @escaping (Digest) -> Action?
  ) {
    self.received = received
    self.knows = knows
    self.body = body
    self.entry = entry
    self.erased = erased
  }
}

/// Who signed what is being enacted, and what they had seen.
struct Signing {
  let digest: Digest
  let signer: Principal
  let keys: [Fingerprint]
  let head: TreeHead
  /// The other admins' signatures, where several have signed.
  var cosigners: [ProposalRecord.Signature] = []
}

extension AuthorityState {
  /// Checks an envelope's signatures against the keys this state knows.
  ///
  /// Where a statement brings its own keys (the genesis, a key's proof of possession), they are
  /// taken from the payload to be checked; who may sign what is admission's question.
  package func verified(
    _ envelope: UnverifiedEnvelope
  ) throws(StatementFault) -> VerifiedStatement {
    var brought: [Fingerprint: PublicKey] = [:]
    switch StatementType(payloadType: envelope.payloadType) {
    case .registryCreated?, .keyRequested?, .keyEnrolled?, .keyRotated?:
      switch try StatementParts(payloadType: envelope.payloadType, payload: envelope.payload).body {
      case .registryCreated(let body):
        for founder in body.operators { brought[founder.key.fingerprint] = founder.key }
      case .keyRequested(let body): brought[body.key.fingerprint] = body.key
      case .keyEnrolled(let body): brought[body.key.fingerprint] = body.key
      case .keyRotated(let body): brought[body.key.fingerprint] = body.key
      default: break
      }
    default: break
    }
    return try VerifiedStatement(
      envelope.verified { keys[$0]?.key ?? brought[$0] })
  }

  /// Takes one statement, at its place after everything taken before: used when appending and when
  /// replaying alike; in replay, now is the receipt time.
  ///
  /// - Throws: ``AdmissionFault``; the state is then as it was.
  package mutating func admit(
    _ statement: VerifiedStatement, in context: AdmissionContext
  ) throws(AdmissionFault) -> [Change] {
    if let unsupported { throw .unsupportedEntry(unsupported) }
    try checkHeader(statement, context)
    try checkSigner(statement, at: context.received)
    let signing = Signing(
      digest: statement.digest, signer: statement.header.signer, keys: statement.signers,
      head: statement.header.head)
    let changes = try enact(statement.body, signing, context, byQuorum: false)
    spent.set(
      Spent(
        id: .statement(statement.header.id), index: size,
        until: context.received.advanced(
          bySeconds: 2 * AuthorityState.admissionWindowSeconds)))
    return changes
  }

  /// Counts an entry, admitted or not.
  package mutating func advance(received: Timestamp) {
    // The entry that puts the clock right was still received by the wrong one.
    if clockResets.last?.index != size { lastReceived = max(lastReceived, received) }
    size += 1
    forget(at: lastReceived)
  }

  /// Notes an entry of a kind this version does not know.
  package mutating func stop(at index: UInt64) {
    unsupported = unsupported ?? index
  }

  private func checkHeader(
    _ statement: VerifiedStatement, _ context: AdmissionContext
  ) throws(AdmissionFault) {
    let header = statement.header
    if case .registryCreated = statement.body {
      guard registry == nil, size == 0, header.head.size == 0, header.registry.isEmpty else {
        throw .genesisMisplaced
      }
    } else {
      guard let registry else { throw .genesisMisplaced }
      guard header.registry == registry.id else { throw .wrongRegistry(header.registry) }
    }
    let isFresh =
      abs(context.received.milliseconds(since: header.at))
      <= AuthorityState.admissionWindowSeconds * 1000
    guard (isFresh && header.at > statementFloor) || isExemptFromTime(statement, context) else {
      throw .stale(at: header.at, received: context.received)
    }
    guard !isSpent(.statement(header.id), at: context.received) else {
      throw .repeatedID(header.id)
    }
    guard header.head.size <= size, context.knows(header.head) else {
      throw .wrongHead(size: header.head.size)
    }
  }

  /// What puts a clock right cannot itself be on time; and founders sign one genesis in turn, on
  /// several machines, which may take them up to three days.
  private func isExemptFromTime(
    _ statement: VerifiedStatement, _ context: AdmissionContext
  ) -> Bool {
    if case .registryCreated = statement.body {
      return abs(context.received.milliseconds(since: statement.header.at))
        <= AuthorityState.longestProposalSeconds * 1000
    }
    return resetsClock(statement.body)
  }

  /// What puts a clock right cannot itself be asked to be on time.
  package func resetsClock(_ body: StatementBody) -> Bool {
    let inner: StatementBody? =
      switch body {
      case .proposalOpened(let body): body.inner
      case .proposalSigned(let body): proposals[body.proposal]?.opened.inner
      case .proposalRejected(let body): proposals[body.proposal]?.opened.inner
      default: nil
      }
    if case .clockReset? = inner { return true }
    return false
  }

  /// Whether the signatures are those of the signer, and of whom else the kind asks for.
  private func checkSigner(
    _ statement: VerifiedStatement, at now: Timestamp
  ) throws(AdmissionFault) {
    let signer = statement.header.signer
    let signers = Set(statement.signers)
    switch statement.body {
    case .registryCreated(let body):
      guard signers == Set(body.operators.map(\.key.fingerprint)),
        body.operators.contains(where: { $0.principal == signer })
      else { throw .wrongSignatures(expected: "every founding operator") }
      return
    case .keyRequested(let body):
      let expected = [body.key.fingerprint] + (body.replaces.map { [$0] } ?? [])
      guard signers == Set(expected), signer == body.holder else {
        throw .wrongSignatures(expected: "the new key, and the one it replaces")
      }
      if let old = body.replaces { try checkKey(old, of: signer, at: now) }
    case .keyEnrolled(let body):
      try checkSigner(
        signer, signers, besides: body.request == nil ? [body.key.fingerprint] : [], now)
    case .keyRotated(let body):
      try checkSigner(
        signer, signers, besides: body.request == nil ? [body.key.fingerprint, body.old] : [], now)
      if body.request == nil { try checkKey(body.old, of: body.holder, at: now) }
    default:
      try checkSigner(signer, signers, besides: [], now)
    }
  }

  /// Whether the signer's key signed, and with it exactly the keys whose possession is to be proved.
  private func checkSigner(
    _ signer: Principal, _ signers: Set<Fingerprint>, besides proofs: Set<Fingerprint>,
    _ now: Timestamp
  ) throws(AdmissionFault) {
    let others = signers.subtracting(proofs)
    guard proofs.isSubset(of: signers), others.count == 1, let key = others.first else {
      throw .wrongSignatures(
        expected: proofs.isEmpty
          ? "\(signer) alone" : "\(signer) and, as proof of possession, the keys it names")
    }
    try checkKey(key, of: signer, at: now)
  }

  private func checkKey(
    _ key: Fingerprint, of signer: Principal, at now: Timestamp
  ) throws(AdmissionFault) {
    guard isPresent(signer) else { throw .unknownSigner(signer) }
    guard let record = keys[key], record.holder == signer else {
      throw .wrongKey(signer: signer, key: key)
    }
    let status = record.status(at: now)
    guard status == .active else { throw .keyNotActive(key, status) }
    guard !isLocked(key, at: now) else { throw .locked("key \(key)") }
  }

  func require(_ role: OperatorRole, of signer: Principal) throws(AdmissionFault) {
    guard operators[signer]?.has(role) == true else { throw .missingRole(signer, role) }
  }
}
