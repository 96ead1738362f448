import Approvals
package import CanonicalJSON
package import Delegations
package import Keys
package import Statements

/// What a revocation, lock, retirement or removal would do, worked out before anyone signs.
///
/// It is admission itself, run on a copy of the state: what it says is what then happens.
package struct ChangePreview: Sendable, Hashable {
  /// The log size it was worked out at.
  package let size: UInt64
  /// Grants, good now, whose chain would no longer verify.
  package let brokenGrants: [Digest]
  /// Whether everything stops, whoever can do what: then none is named below.
  package let stopsEveryone: Bool
  /// Agents left without any way to act.
  package let losingAll: [Principal]
  package let losingSome: [Principal]
  /// For agents that lose some: the grants they could still act under.
  package let stillReachable: [Principal: [Digest]]
  /// Open holds that would be voided.
  package let voidedHolds: [Digest]
  /// Holds left open whose quorum nobody could meet any more.
  package let unreachableHolds: [Digest]
  /// Whether enough admins with an active key would be left.
  package let isAdminQuorumReachable: Bool
  /// With a key: active keys its holder would have left.
  package let activeKeysLeft: Int?
  /// Keys that took a compromised key's place or were enrolled by it, when it no longer stood.
  package let suspectKeys: [Fingerprint]

  /// - Throws: ``AdmissionFault`` if the change would be refused.
  package init(
    of body: StatementBody, by signer: Principal, in state: AuthorityState, at now: Timestamp
  ) throws(AdmissionFault) {
    let key = state.operators[signer]?.key ?? Fingerprint(digest: Digest.sha256([]))
    var after = state
    after.watchChanges()
    let signing = Signing(
      digest: Digest.sha256((try? body.json.withoutNulls.canonicalBytes()) ?? []), signer: signer,
      keys: [key], head: TreeHead(size: state.size, root: Digest.sha256([])))
    let context = AdmissionContext(
      received: now, knows: { _ in true }, body: { _ in nil }, entry: { _ in nil },
      erased: { _ in nil })
    _ = try after.enact(
      body, signing, context, byQuorum: state.needsProposal(body, by: signer, at: now))
    size = state.size
    stopsEveryone = after.isEverythingLocked(at: now) && !state.isEverythingLocked(at: now)
    let affected = stopsEveryone ? [] : after.grantsAffected(since: state)
    brokenGrants = state.goodGrants(among: affected, at: now)
      .subtracting(after.goodGrants(among: affected, at: now)).sorted()
    // An agent is judged by all it holds, not only by what the change is about.
    let agents = Set(affected.map(\.terms.holder))
    let had = state.usableGrants(of: agents, at: now)
    let has = after.usableGrants(of: agents, at: now)
    losingAll = had.keys.filter { has[$0] == nil }.sorted()
    let some = had.filter { agent, grants in
      has[agent].map { !grants.isSubset(of: $0) } ?? false
    }.keys.sorted()
    losingSome = some
    stillReachable = has.filter { some.contains($0.key) }.mapValues { $0.sorted() }
    voidedHolds = state.openHolds(at: now).filter {
      after.holds[$0.digest]?.state(at: now).isOpen == false
    }.map(\.digest)
    unreachableHolds = after.openHolds(at: now).filter { !after.isReachable($0, at: now) }
      .map(\.digest)
    let signingAdmins = after.admins.filter { admin in
      after.activeKeys(of: admin, at: now).contains { !after.isLocked($0.id, at: now) }
    }
    isAdminQuorumReachable = signingAdmins.count >= (after.registry?.adminQuorum ?? 1)
    if case .keyRevoked(let body) = body, let holder = state.keys[body.key]?.holder {
      activeKeysLeft = after.activeKeys(of: holder, at: now).count
      suspectKeys = after.suspectSuccessors(of: body.key)
    } else {
      activeKeysLeft = nil
      suspectKeys = []
    }
  }

  /// So many are named one by one in words, of however many; the JSON names all.
  private static let named = 20
  private static let namedHolds = 8

  /// The preview in words.
  package var lines: [String] {
    func names(_ principals: [Principal]) -> String {
      let shown = principals.prefix(ChangePreview.named).map(\.description)
      let more = principals.count - shown.count
      return shown.isEmpty
        ? "" : ": " + shown.joined(separator: ", ") + (more > 0 ? " and \(more) more" : "")
    }
    var lines = [
      "Grants ended                     \(brokenGrants.count)",
      stopsEveryone
        ? "Agents losing all access         every one, until it is lifted"
        : "Agents losing all access         \(losingAll.count)\(names(losingAll))",
      "Agents losing some access        \(losingSome.count)\(names(losingSome))",
      "Holds voided                     \(voidedHolds.count)",
    ]
    for agent in losingSome.prefix(ChangePreview.named) {
      let grants = (stillReachable[agent] ?? []).map(\.short).joined(separator: ", ")
      lines.append("  \(agent) keeps access via \(grants)")
    }
    if let activeKeysLeft { lines.append("Active keys left to its holder   \(activeKeysLeft)") }
    if !suspectKeys.isEmpty {
      lines.append("Keys made suspect                \(suspectKeys.count)")
    }
    if !unreachableHolds.isEmpty {
      lines.append("Can no longer reach its quorum   \(unreachableHolds.count)")
      for hold in unreachableHolds.prefix(ChangePreview.namedHolds) {
        lines.append("! hold \(hold.short) can no longer reach its quorum")
      }
    }
    if !isAdminQuorumReachable {
      lines.append("! the admin quorum can no longer be reached")
    }
    return lines
  }

  package var json: JSONValue {
    [
      "size": JSONValue(size), "stops_everyone": .bool(stopsEveryone),
      "broken_grants": brokenGrants.json,
      "losing_all": .array(losingAll.map(\.json)), "losing_some": .array(losingSome.map(\.json)),
      "still_reachable": .object(
        JSONObject(
          stillReachable.map {
            JSONObject.Member(name: $0.key.text, value: $0.value.json)
          })),
      "voided_holds": voidedHolds.json, "unreachable_holds": unreachableHolds.json,
      "admin_quorum_reachable": .bool(isAdminQuorumReachable),
      "suspect_keys": .array(suspectKeys.map { JSONValue($0.description) }),
    ]
  }
}

extension AuthorityState {
  fileprivate mutating func watchChanges() {
    agents.watchChanges()
    keys.watchChanges()
    grants.watchChanges()
  }

  /// Grants whose chain or use may be judged otherwise than in the state this one came from, since
  /// ``watchChanges()``.
  fileprivate func grantsAffected(since before: AuthorityState) -> [Grant] {
    var agents = self.agents.touched ?? []
    var keys = self.keys.touched ?? []
    agents.formUnion(
      Set(before.operators.keys).symmetricDifference(operators.keys)
        .union(Set(before.services.keys).symmetricDifference(services.keys)))
    var found: [Digest: Grant] = [:]
    var next = (grants.touched ?? []).compactMap { grants[$0] }
    // A lock that is lifted takes nothing away.
    for lock in locks.values where before.locks[lock.digest] == nil {
      switch lock.placed.target {
      case .everything: break
      case .resource:
        guard let pattern = lock.pattern else { break }
        next += grants.all { $0.scope.resources.contains { pattern.covers($0) } }
      case .agent(let agent): agents.insert(agent)
      case .key(let key): keys.insert(key)
      }
    }
    for agent in agents { next += grants.all(.holder(agent)) + grants.all(.issuer(agent)) }
    for key in keys {
      next += grants.all(.signer(key))
      if let holder = self.keys[key]?.holder { next += grants.all(.holder(holder)) }
    }
    // What is passed on stands and falls with what it comes from.
    while let grant = next.popLast() {
      guard found.updateValue(grant, forKey: grant.digest) == nil else { continue }
      next += grants.all(.parent(grant.digest))
    }
    return Array(found.values)
  }

  /// Whether the quorum of an open hold can still be met, or, once approved, still stands.
  fileprivate func isReachable(_ hold: Hold, at now: Timestamp) -> Bool {
    if let glass = hold.brokenGlass { return upholds(glass, of: hold, at: now) }
    if case .approved = hold.state(at: now) {
      return Quorum.isMet(hold.terms.rule.quorum, by: countedVoters(hold, at: now))
    }
    let excluded =
      hold.terms.rule.allowSelf
      ? [] : Set(exclusions(for: hold).keys).union(hold.terms.excluded)
    return Quorum.isMet(
      hold.terms.rule.quorum, by: possibleVoters(excluding: excluded, at: now))
  }

  /// Those of some grants whose chain verifies now.
  package func goodGrants(among candidates: [Grant], at now: Timestamp) -> Set<Digest> {
    let chains = chains
    return Set(
      candidates.filter {
        (try? chains.verify(leaf: $0.digest, agent: $0.terms.holder, audience: nil, at: now)) != nil
      }.map(\.digest))
  }

  /// By agent, the grants it can act under now: good, with an active key, under no lock.
  package func usableGrants(
    of agents: Set<Principal>, at now: Timestamp
  ) -> [Principal: Set<Digest>] {
    let patterns = locks.values.compactMap { $0.isInForce(at: now) ? $0.pattern : nil }
    var usable: [Principal: Set<Digest>] = [:]
    for agent in agents {
      let held = grants.all(.holder(agent))
      let active = activeKeys(of: agent, at: now)
      for digest in goodGrants(among: held, at: now) {
        guard let grant = grants[digest] else { continue }
        let canAct = active.contains { key in
          lock(agent: agent, key: key.id, resource: nil, leaf: digest, at: now) == nil
        }
        // A grant all of whose resources are locked is of no use now.
        let isStopped =
          !patterns.isEmpty
          && grant.scope.resources.allSatisfy { one in patterns.contains { $0.covers(one) } }
        if canAct, !isStopped { usable[agent, default: []].insert(digest) }
      }
    }
    return usable
  }

  /// Keys that came after a compromised one by its own hand: its successors, and what it enrolled.
  package func suspectSuccessors(of key: Fingerprint) -> [Fingerprint] {
    guard let record = keys[key], record.revocation?.reason == .compromised else { return [] }
    return keys.all(.origin(key)).filter { !record.upholds(receivedAt: $0.received) }.map(\.id)
  }
}
