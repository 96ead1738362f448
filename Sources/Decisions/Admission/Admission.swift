import Approvals
import CanonicalJSON
import Delegations
package import Keys
package import Statements

/// What admission needs besides the state.
package struct AdmissionContext {
  package let received: Timestamp
  /// The root the log had at a size, or nil if it never had that many entries.
  package let root: (UInt64) -> Digest?
  /// A body kept beside the log, whose bytes have that digest.
  package let body: (Digest) -> [UInt8]?

  package init(
    received: Timestamp, root: @escaping (UInt64) -> Digest?,
    body: @escaping (Digest) -> [UInt8]?
  ) {
    self.received = received
    self.root = root
    self.body = body
  }
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
    case .registryCreated?, .keyEnrolled?:
      switch try StatementParts(payloadType: envelope.payloadType, payload: envelope.payload).body {
      case .registryCreated(let body):
        for founder in body.operators { brought[founder.key.fingerprint] = founder.key }
      case .keyEnrolled(let body): brought[body.key.fingerprint] = body.key
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
    var next = self
    let changes = try next.enact(statement, context)
    next.statementIDs[statement.header.id] = context.received.advanced(
      bySeconds: 2 * AuthorityState.admissionWindowSeconds)
    self = next
    return changes
  }

  /// Counts an entry, admitted or not.
  package mutating func advance(received: Timestamp) {
    size += 1
    lastReceived = max(lastReceived, received)
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
    guard
      abs(context.received.milliseconds(since: header.at))
        <= AuthorityState.admissionWindowSeconds * 1000
    else { throw .stale(at: header.at, received: context.received) }
    guard statementIDs[header.id] == nil else { throw .repeatedID(header.id) }
    guard header.head.size <= size, context.root(header.head.size) == header.head.root else {
      throw .wrongHead(size: header.head.size)
    }
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
    case .keyEnrolled(let body):
      guard signers.count == 2, signers.contains(body.key.fingerprint) else {
        throw .wrongSignatures(expected: "an admin and, as proof of possession, the new key")
      }
      let others = signers.subtracting([body.key.fingerprint])
      for key in others { try checkKey(key, of: signer, at: now) }
    default:
      guard signers.count == 1, let key = signers.first else {
        throw .wrongSignatures(expected: "\(signer) alone")
      }
      try checkKey(key, of: signer, at: now)
    }
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
  }

  func require(_ role: OperatorRole, of signer: Principal) throws(AdmissionFault) {
    guard operators[signer]?.has(role) == true else { throw .missingRole(signer, role) }
  }
}
