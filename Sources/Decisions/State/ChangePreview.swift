import Approvals
package import CanonicalJSON
import Delegations
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
    let signing = Signing(
      digest: Digest.sha256((try? body.json.withoutNulls.canonicalBytes()) ?? []), signer: signer,
      keys: [key], head: TreeHead(size: state.size, root: Digest.sha256([])))
    let context = AdmissionContext(
      received: now, knows: { _ in true }, body: { _ in nil }, entry: { _ in nil },
      erased: { _ in nil })
    _ = try after.enact(
      body, signing, context, byQuorum: state.needsProposal(body, by: signer))
    size = state.size
    let (had, has) = (state.usableGrants(at: now), after.usableGrants(at: now))
    let (good, stillGood) = (state.goodGrants(at: now), after.goodGrants(at: now))
    brokenGrants = good.subtracting(stillGood).sorted()
    losingAll = had.keys.filter { has[$0] == nil }.sorted()
    let some = had.keys.filter { agent in has[agent].map { $0 != had[agent] } ?? false }.sorted()
    losingSome = some
    stillReachable = has.filter { some.contains($0.key) }.mapValues { $0.sorted() }
    voidedHolds = state.holds.values.filter {
      $0.state(at: now).isOpen && after.holds[$0.digest]?.state(at: now).isOpen == false
    }.map(\.digest).sorted()
    unreachableHolds = after.holds.values.filter { hold in
      guard case .pending = hold.state(at: now) else { return false }
      let excluded = hold.terms.rule.allowSelf ? [] : Set(after.exclusions(for: hold).keys)
      let voters = after.possibleVoters(
        excluding: excluded.union(hold.terms.rule.allowSelf ? [] : hold.terms.excluded), at: now)
      return !Quorum.isMet(hold.terms.rule.quorum, by: voters)
    }.map(\.digest).sorted()
    let signingAdmins = after.admins.filter { admin in
      after.operators[admin].flatMap { after.keys[$0.key] }?.status(at: now) == .active
    }
    isAdminQuorumReachable = signingAdmins.count >= (after.registry?.adminQuorum ?? 1)
    if case .keyRevoked(let body) = body, let holder = state.keys[body.key]?.holder {
      activeKeysLeft = after.keys.values.count {
        $0.holder == holder && $0.status(at: now) == .active
      }
      suspectKeys = after.suspectSuccessors(of: body.key)
    } else {
      activeKeysLeft = nil
      suspectKeys = []
    }
  }

  /// The preview in words.
  package var lines: [String] {
    func names(_ principals: [Principal]) -> String {
      principals.isEmpty ? "" : ": " + principals.map(\.description).joined(separator: ", ")
    }
    var lines = [
      "grants that stop verifying   \(brokenGrants.count)",
      "agents losing ALL access     \(losingAll.count)\(names(losingAll))",
      "agents losing some access    \(losingSome.count)\(names(losingSome))",
      "open holds voided            \(voidedHolds.count)",
    ]
    for agent in losingSome {
      let grants = (stillReachable[agent] ?? []).map(\.short).joined(separator: ", ")
      lines.append("  \(agent) still reachable via \(grants)")
    }
    if let activeKeysLeft { lines.append("active keys left to holder   \(activeKeysLeft)") }
    if !suspectKeys.isEmpty {
      lines.append("successor keys made suspect  \(suspectKeys.count)")
    }
    if !unreachableHolds.isEmpty {
      lines.append("holds nobody could approve   \(unreachableHolds.count)")
    }
    if !isAdminQuorumReachable {
      lines.append("! the admin quorum could no longer be met")
    }
    return lines
  }

  package var json: JSONValue {
    [
      "size": JSONValue(size), "broken_grants": brokenGrants.json,
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
  /// Grants whose chain verifies now.
  package func goodGrants(at now: Timestamp) -> Set<Digest> {
    let chains = chains
    return Set(
      grants.values.filter {
        (try? chains.verify(leaf: $0.digest, agent: $0.terms.holder, audience: nil, at: now)) != nil
      }.map(\.digest))
  }

  /// By agent, the grants it can act under now: good, with an active key, under no lock.
  package func usableGrants(at now: Timestamp) -> [Principal: Set<Digest>] {
    var usable: [Principal: Set<Digest>] = [:]
    var keysOf: [Principal: [Fingerprint]] = [:]
    for (fingerprint, record) in keys where record.status(at: now) == .active {
      keysOf[record.holder, default: []].append(fingerprint)
    }
    let patterns = locks.values.compactMap { lock -> ResourcePattern? in
      guard lock.isInForce(at: now), case .resource(let text) = lock.placed.target else {
        return nil
      }
      return try? ResourcePattern(text)
    }
    for digest in goodGrants(at: now) {
      guard let grant = grants[digest] else { continue }
      let holder = grant.terms.holder
      let canAct = (keysOf[holder] ?? []).contains { key in
        lock(agent: holder, key: key, resource: nil, leaf: digest, at: now) == nil
      }
      // A grant all of whose resources are locked is of no use now.
      let resources = grant.terms.capabilities.flatMap(\.resources).compactMap {
        try? ResourcePattern($0)
      }
      let isStopped =
        !patterns.isEmpty && resources.allSatisfy { one in patterns.contains { $0.covers(one) } }
      if canAct, !isStopped { usable[holder, default: []].insert(digest) }
    }
    return usable
  }

  /// Keys that came after a compromised one by its own hand: its successors, and what it enrolled.
  package func suspectSuccessors(of key: Fingerprint) -> [Fingerprint] {
    guard let record = keys[key], record.revocation?.reason == .compromised else { return [] }
    return keys.values.filter {
      ($0.predecessor == key || $0.enrollingKey == key) && !record.upholds(receivedAt: $0.received)
    }.map(\.key.fingerprint).sorted()
  }
}
