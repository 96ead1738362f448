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
  package internal(set) var agents = RecordTable<AgentRecord>()
  package internal(set) var retiredAgents: Set<Principal> = []
  package internal(set) var requests: [Digest: KeyRequest] = [:]
  package internal(set) var keys = RecordTable<KeyRecord>()
  package internal(set) var grants = RecordTable<Grant>()
  /// How often each grant with `max_uses` was used.
  package internal(set) var uses: [Digest: Int64] = [:]
  package internal(set) var resources = ResourceCatalogue()
  package internal(set) var policies: [Digest: PolicyRecord] = [:]
  package internal(set) var activePolicy: Digest?
  package internal(set) var locks: [Digest: LockRecord] = [:]
  package internal(set) var holds = RecordTable<Hold>()
  package internal(set) var proposals: [Digest: ProposalRecord] = [:]
  /// Broken glasses nobody has looked at yet.
  package internal(set) var owedReviews: [Digest: OwedReview] = [:]
  /// Statements of compromised keys that an operator has looked at.
  package internal(set) var reviewed: Set<Digest> = []
  /// Actions let through whose outcome is awaited.
  package internal(set) var unfinished = RecordTable<Unfinished>()
  /// Actions whose params and context are erased, with what is left of them.
  package internal(set) var erased: [Digest: Action] = [:]
  /// The times the log continued from a backup, in the order of the log.
  package internal(set) var restorations: [RestorationRecord] = []
  /// Actions signed before this are refused: nonces from before it may be forgotten.
  package internal(set) var actionFloor = Timestamp(milliseconds: 0)
  /// Statements signed before this are refused, likewise.
  package internal(set) var statementFloor = Timestamp(milliseconds: 0)
  /// When the log's time was put right: what had run out by then stays so.
  var clockResets: [ClockResetRecord] = []
  /// When each daemon, by its key, last counted its refusals.
  var refusalsCounted: [Fingerprint: Timestamp] = [:]
  /// When another last locked an operator's or a service's key; kept when the lock is lifted.
  var keyLocks: [Fingerprint: Timestamp] = [:]
  /// The statement that last set a subject, for `expects`.
  var lastSet: [ByteString: Digest] = [:]
  /// Grants found to lie within their parents: no part of what the state says.
  private let judged = JudgedScopes()
  /// Nonces and statement ids that freshness could still admit.
  var spent = RecordTable<Spent>()
  /// Entries replayed.
  package internal(set) var size: UInt64 = 0
  /// The receipt time of the last entry.
  package internal(set) var lastReceived = Timestamp(milliseconds: 0)
  /// An entry this version cannot read: nothing may be decided or signed after it.
  package internal(set) var unsupported: UInt64?

  package init() {}

  /// How far a statement's own time may lie from its receipt.
  package static let admissionWindowSeconds: Int64 = 300
  /// How long after its release an action's outcome is taken.
  package static let outcomeSeconds: Int64 = 86_400
  /// How far an action's own time may lie from now.
  package static let freshnessSeconds: Int64 = 60

  // MARK: the shelf

  /// Rests on a shelf the records that nothing sets from here on.
  package mutating func rest(on shelf: any Shelf) {
    agents.rest(on: shelf)
    keys.rest(on: shelf)
    grants.rest(on: shelf)
    holds.rest(on: shelf)
    unfinished.rest(on: shelf)
    spent.rest(on: shelf)
  }

  /// Writes to a shelf the records that were set.
  package func write(to writer: any ShelfWriter) throws {
    try agents.write(to: writer)
    try keys.write(to: writer)
    try grants.write(to: writer)
    try holds.write(to: writer)
    try unfinished.write(to: writer, forgettingOpenUntil: lastReceived)
    try spent.write(to: writer, forgettingOpenUntil: lastReceived)
  }

  /// Lets go of the records that were written to the shelf this state rests on.
  package mutating func letGo() {
    agents.letGo()
    keys.letGo()
    grants.letGo()
    holds.letGo()
    unfinished.letGo()
    spent.letGo()
  }

  /// How many records are kept in memory.
  package var changeCount: Int {
    agents.changeCount + keys.changeCount + grants.changeCount + holds.changeCount
      + unfinished.changeCount + spent.changeCount
  }

  /// Whether an entry put the log's clock back.
  package func hasResetClock(at index: UInt64) -> Bool { clockResets.last?.index == index }

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
        grant: { grants[$0] }, key: { keys[$0] }, isPresent: { state.isPresent($0) },
        judged: judged))
  }

  /// The lock, if any, that covers an action now: its agent, key or resource, or an agent or key
  /// through which its authority came.
  package func lock(
    agent: Principal, key: Fingerprint, resource: ResourceURI?, leaf: Digest?, at now: Timestamp
  ) -> LockRecord? {
    guard !locks.isEmpty else { return nil }
    let hops = leaf.flatMap { try? chains.grants(to: $0) } ?? []
    let agents = Set([agent] + hops.map(\.terms.holder))
    let keys = Set([key] + hops.map(\.key))
    return locks.values.sorted { $0.digest < $1.digest }.first { lock in
      guard lock.isInForce(at: now) else { return false }
      switch lock.placed.target {
      case .everything: return true
      case .agent(let target): return agents.contains(target)
      case .key(let target): return keys.contains(target)
      case .resource: return resource.flatMap { lock.pattern?.matches($0) } ?? false
      }
    }
  }

  package func isEverythingLocked(at now: Timestamp) -> Bool {
    locks.values.contains { $0.placed.target == .everything && $0.isInForce(at: now) }
  }

  /// Whether a lock stops a key now.
  package func isLocked(_ key: Fingerprint, at now: Timestamp) -> Bool {
    !locks.isEmpty
      && locks.values.contains { $0.placed.target == .key(key) && $0.isInForce(at: now) }
  }

  /// Who may not approve a hold, as of now, and why.
  package func exclusions(agent: Principal, key: Fingerprint, chain: [Digest]) -> [Principal:
    String]
  {
    guard registry?.isSolo != true else { return [:] }
    var excluded: [Principal: String] = [:]
    for enroller in keys[key]?.enrollers ?? [] {
      excluded[enroller] = "they enrolled the key that signed the action"
    }
    if let root = chain.first.flatMap({ grants[$0]?.issuer }), root.kind == .user {
      excluded[root] = "they granted the authority the action uses"
    }
    for former in agents[agent]?.owners ?? [] { excluded[former] = "they once owned \(agent)" }
    if let owner = agents[agent]?.registered.owner { excluded[owner] = "they own \(agent)" }
    return excluded
  }

  package func exclusions(for hold: Hold) -> [Principal: String] {
    exclusions(agent: hold.agent, key: hold.key, chain: hold.chain)
  }

  /// An operator as a voter, if they may approve at all now.
  package func voter(_ principal: Principal, at now: Timestamp) -> Voter? {
    guard let record = operators[principal], record.has(.approver),
      let key = keys[record.key], key.status(at: now) == .active, !isLocked(record.key, at: now)
    else { return nil }
    return Voter(principal: principal, groups: record.groups(at: now))
  }

  /// Whether what an operator signed with a key at an instant still counts for them.
  private func counts(
    _ voter: Principal, _ key: Fingerprint, _ received: Timestamp, at now: Timestamp
  ) -> Bool {
    guard let record = keys[key], record.holder == voter, operators[voter] != nil else {
      return false
    }
    return record.upholds(receivedAt: received) && !isLocked(key, at: now)
  }

  /// Those whose approvals count for a hold now.
  package func countedVoters(_ hold: Hold, at now: Timestamp) -> [Voter] {
    let excluded = hold.terms.rule.allowSelf ? [:] : exclusions(for: hold)
    return hold.approvals.compactMap { vote in
      guard excluded[vote.voter] == nil, vote.validUntil.map({ now < $0 }) ?? true,
        counts(vote.voter, vote.key, vote.received, at: now)
      else { return nil }
      return voter(vote.voter, at: now)
    }
  }

  /// Whether the approver who broke the glass may still do so.
  package func upholds(_ glass: BrokenGlass, of hold: Hold, at now: Timestamp) -> Bool {
    guard counts(glass.by, glass.key, glass.received, at: now),
      let voter = voter(glass.by, at: now),
      hold.terms.rule.allowSelf || exclusions(for: hold)[glass.by] == nil
    else { return false }
    return Quorum.filled(hold.terms.rule.quorum, by: [voter]) > 0
  }

  /// Everyone who could still approve something under these rules.
  package func possibleVoters(excluding excluded: Set<Principal>, at now: Timestamp) -> [Voter] {
    operators.keys.sorted().filter { !excluded.contains($0) }.compactMap { voter($0, at: now) }
  }

  /// Holds that are pending or approved, in the order of their digests.
  package func openHolds(at now: Timestamp) -> [Hold] {
    holds.all(from: .open(until: now)).filter { $0.state(at: now).isOpen }
  }

  /// Every group there is, whoever is in it now.
  package var groups: Set<ByteString> {
    Set(operators.values.flatMap(\.memberships).map(\.group))
  }

  /// Whether a service is recognised by a key: one of its hosts' that has not ended.
  package func recognises(_ key: Fingerprint, as service: Principal) -> Bool {
    services[service]?.hosts.contains { $0.key == key } == true && keys[key]?.revoked == nil
  }

  /// Whose key signs for a service, in words: `service:gateway-1 on gw-a`.
  package func serviceWords(_ key: Fingerprint) -> String? {
    guard let holder = keys[key]?.holder, holder.kind == .service else { return nil }
    let host = services[holder]?.hosts.first { $0.key == key }?.host
    return host.map { "\(holder) on \($0.text)" } ?? "\(holder) (a key it no longer has)"
  }

  package var admins: [Principal] {
    operators.values.filter { $0.has(.admin) }.map(\.principal).sorted()
  }

  /// Whether a nonce was used so lately that freshness alone would let it be used again.
  func isSpent(_ nonce: ByteString, by key: Fingerprint, at now: Timestamp) -> Bool {
    isSpent(.nonce(nonce, by: key), at: now)
  }

  /// Whether it was spent and freshness alone would still let it be used.
  ///
  /// What has run out counts as forgotten, whether or not it is still here: how the log is judged does
  /// not depend on when memory was tidied.
  func isSpent(_ id: Spent.ID, at now: Timestamp) -> Bool {
    spent[id].map { stands($0, at: now) } ?? false
  }

  func stands(_ spent: Spent, at now: Timestamp) -> Bool {
    spent.until >= now
      && clockResets.allSatisfy { spent.index >= $0.index || spent.until >= $0.from }
  }

  /// Whether the outcome of an action can still be told; what has run out is forgotten likewise.
  func isAwaited(_ action: Unfinished, at now: Timestamp) -> Bool {
    now < action.until
      && clockResets.allSatisfy { action.index >= $0.index || $0.from < action.until }
  }

  /// Tidies memory; a scan now and then is cheap.
  mutating func forget(at now: Timestamp) {
    if spent.changeCount > 64, spent.changeCount.nonzeroBitCount == 1 {
      spent.forget { $0.until < now }
    }
    if unfinished.changeCount > 64, unfinished.changeCount.nonzeroBitCount == 1 {
      unfinished.forget { $0.until < now }
    }
  }
}
