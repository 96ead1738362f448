package import Approvals
package import CanonicalJSON
package import Delegations
package import Keys
package import Statements

/// Everything decisions, admissions and signatures rest on, replayed from verified entries alone.
package struct AuthorityState: Sendable {
  package internal(set) var registry: RegistryIdentity?
  package internal(set) var operators: [Principal: OperatorRecord] = [:]
  package internal(set) var services: [Principal: ServiceRecord] = [:]
  package internal(set) var agents: [Principal: AgentRegistered] = [:]
  package internal(set) var keys: [Fingerprint: KeyRecord] = [:]
  package internal(set) var grants: [Digest: Grant] = [:]
  /// How often each grant with `max_uses` was used.
  package internal(set) var uses: [Digest: Int64] = [:]
  package internal(set) var resources = ResourceCatalogue()
  package internal(set) var policies: [Digest: PolicyRecord] = [:]
  package internal(set) var activePolicy: Digest?
  package internal(set) var locks: [Digest: LockRecord] = [:]
  package internal(set) var holds: [Digest: Hold] = [:]
  /// Holds by the action they hold.
  package internal(set) var holdOfAction: [Digest: Digest] = [:]
  package internal(set) var proposals: [Digest: ProposalRecord] = [:]
  /// The statement that last set a subject, for `expects`.
  var lastSet: [ByteString: Digest] = [:]
  /// Nonces that freshness could still admit, with the instant from which it no longer can.
  var nonces: [Nonce: Timestamp] = [:]
  /// Statement ids that could still be admitted, likewise.
  var statementIDs: [ByteString: Timestamp] = [:]
  /// Entries replayed.
  package internal(set) var size: UInt64 = 0
  /// The receipt time of the last entry.
  package internal(set) var lastReceived = Timestamp(milliseconds: 0)
  /// An entry this version cannot read: nothing may be decided or signed after it.
  package internal(set) var unsupported: UInt64?

  struct Nonce: Sendable, Hashable {
    let key: Fingerprint
    let nonce: ByteString
  }

  package init() {}

  /// How far a statement's own time may lie from its receipt.
  package static let admissionWindowSeconds: Int64 = 300
  /// How far an action's own time may lie from now.
  package static let freshnessSeconds: Int64 = 60

  // MARK: questions

  package func isPresent(_ principal: Principal) -> Bool {
    switch principal.kind {
    case .user: operators[principal] != nil
    case .agent: agents[principal] != nil
    case .service: services[principal] != nil
    }
  }

  /// The verifier of chains over this state.
  package var chains: ChainVerifier {
    let (grants, keys, state) = (grants, keys, self)
    return ChainVerifier(
      ChainRecords(
        grant: { grants[$0] }, key: { keys[$0] }, isPresent: { state.isPresent($0) }))
  }

  /// The lock, if any, that covers an action now.
  package func lock(
    agent: Principal, key: Fingerprint, resource: ResourceURI?, at now: Timestamp
  ) -> LockRecord? {
    locks.values.sorted { $0.digest < $1.digest }.first { lock in
      guard lock.isInForce(at: now) else { return false }
      switch lock.placed.target {
      case .everything: return true
      case .agent(let target): return target == agent
      case .key(let target): return target == key
      case .resource(let pattern):
        guard let resource, let pattern = try? ResourcePattern(pattern) else { return false }
        return pattern.matches(resource)
      }
    }
  }

  /// Who may not approve a hold, as of now, and why.
  package func exclusions(agent: Principal, key: Fingerprint, chain: [Digest]) -> [Principal:
    String]
  {
    guard registry?.isSolo != true else { return [:] }
    var excluded: [Principal: String] = [:]
    if let operatorName = keys[key]?.enrolledBy {
      excluded[operatorName] = "they enrolled the key that signed the action"
    }
    if let root = chain.first.flatMap({ grants[$0]?.issuer }), root.kind == .user {
      excluded[root] = "they granted the authority the action uses"
    }
    if let owner = agents[agent]?.owner { excluded[owner] = "they own \(agent)" }
    return excluded
  }

  package func exclusions(for hold: Hold) -> [Principal: String] {
    exclusions(agent: hold.agent, key: hold.key, chain: hold.chain)
  }

  /// An operator as a voter, if they may approve at all now.
  package func voter(_ principal: Principal) -> Voter? {
    guard let record = operators[principal], record.has(.approver),
      keys[record.key]?.revoked == nil
    else { return nil }
    return Voter(principal: principal, groups: record.groups)
  }

  /// Those whose approvals count for a hold now.
  package func countedVoters(_ hold: Hold) -> [Voter] {
    let excluded = hold.terms.rule.allowSelf ? [:] : exclusions(for: hold)
    return hold.approvals.compactMap { vote in
      guard excluded[vote.voter] == nil, keys[vote.key]?.revoked == nil else { return nil }
      return voter(vote.voter)
    }
  }

  /// Everyone who could still approve something under these rules.
  package func possibleVoters(excluding excluded: Set<Principal>) -> [Voter] {
    operators.keys.sorted().filter { !excluded.contains($0) }.compactMap { voter($0) }
  }

  package var groups: Set<ByteString> { Set(operators.values.flatMap(\.groups)) }

  package var admins: [Principal] {
    operators.values.filter { $0.has(.admin) }.map(\.principal).sorted()
  }

  /// What `proposal.opened` must say it expects of the thing it changes.
  package func expectation(for body: StatementBody) -> Digest? {
    AuthorityState.subject(of: body).flatMap { lastSet[$0] }
  }

  static func subject(of body: StatementBody) -> ByteString? {
    switch body {
    case .operatorEnrolled(let body): body.principal.text
    case .serviceEnrolled(let body): body.service.text
    case .resourceRegistered(let body): "resource " + body.pattern
    case .policyActivated: "policy"
    default: nil
    }
  }

  /// Whether this nonce could be used again.
  func isSpent(_ nonce: ByteString, by key: Fingerprint) -> Bool {
    nonces[Nonce(key: key, nonce: nonce)] != nil
  }

  mutating func forget(at now: Timestamp) {
    // Kept as long as admission could still take them; a scan now and then is cheap.
    if nonces.count > 64, nonces.count.nonzeroBitCount == 1 {
      nonces = nonces.filter { $0.value >= now }
    }
    if statementIDs.count > 64, statementIDs.count.nonzeroBitCount == 1 {
      statementIDs = statementIDs.filter { $0.value >= now }
    }
  }
}
