import Approvals
import CanonicalJSON
import Delegations
package import Keys
package import Statements

/// What revoking a key would do, worked out on a copy of the state before anyone signs.
package struct RevocationPreview: Sendable, Hashable {
  package let key: Fingerprint
  package let holder: Principal?
  /// The log size it was worked out at.
  package let size: UInt64
  /// Grants, good now, whose chain would no longer verify.
  package let brokenGrants: [Digest]
  /// Agents left without any way to act.
  package let losingAll: [Principal]
  package let losingSome: [Principal]
  /// Open holds that would be voided.
  package let voidedHolds: [Digest]
  package let activeKeysLeft: Int

  package init(
    key: Fingerprint, reason: RevocationReason, compromisedSince: Timestamp? = nil,
    in state: AuthorityState, at now: Timestamp
  ) {
    var after = state
    if var record = after.keys[key] {
      record.revocation = KeyRevoked(
        key: key, reason: reason, compromisedSince: compromisedSince, note: "")
      record.revoked = now
      after.keys[key] = record
    }
    self.key = key
    holder = state.keys[key]?.holder
    size = state.size
    func good(_ state: AuthorityState) -> Set<Digest> {
      let chains = state.chains
      return Set(
        state.grants.values.filter {
          (try? chains.verify(leaf: $0.digest, agent: $0.terms.holder, audience: nil, at: now))
            != nil
        }.map(\.digest))
    }
    func usable(_ state: AuthorityState, _ good: Set<Digest>) -> [Principal: Int] {
      var counts: [Principal: Int] = [:]
      let withKey = Set(
        state.keys.values.filter { $0.status(at: now) == .active }.map(\.holder))
      for digest in good {
        guard let holder = state.grants[digest]?.terms.holder, withKey.contains(holder) else {
          continue
        }
        counts[holder, default: 0] += 1
      }
      return counts
    }
    let (before, later) = (good(state), good(after))
    let (had, has) = (usable(state, before), usable(after, later))
    brokenGrants = before.subtracting(later).sorted()
    losingAll = had.keys.filter { has[$0] == nil }.sorted()
    losingSome = had.filter { (has[$0.key] ?? 0) > 0 && (has[$0.key] ?? 0) < $0.value }.keys
      .sorted()
    let chains = after.chains
    voidedHolds = state.holds.values.filter { hold in
      guard hold.state(at: now).isOpen else { return false }
      if hold.key == key { return true }
      guard let leaf = hold.chain.last else { return false }
      return (try? chains.verify(leaf: leaf, agent: hold.agent, audience: nil, at: now)) == nil
    }.map(\.digest).sorted()
    activeKeysLeft =
      after.keys.values.filter {
        $0.holder == state.keys[key]?.holder && $0.status(at: now) == .active
      }.count
  }

  /// The preview in words.
  package var lines: [String] {
    func names(_ principals: [Principal]) -> String {
      principals.isEmpty ? "" : ": " + principals.map(\.description).joined(separator: ", ")
    }
    return [
      "grants that stop verifying   \(brokenGrants.count)",
      "agents losing ALL access     \(losingAll.count)\(names(losingAll))",
      "agents losing some access    \(losingSome.count)\(names(losingSome))",
      "open holds voided            \(voidedHolds.count)",
      "active keys left to holder   \(activeKeysLeft)",
    ]
  }
}
