package import CanonicalJSON
package import Keys
package import Statements

/// Why a chain of grants gives no authority, naming the hop; hops count from the root, from 0.
package enum ChainFault: Error, Sendable, Hashable {
  case missing(grant: Digest)
  case tooLong(limit: Int)
  case holderMismatch(hop: Int, holder: Principal, expected: Principal)
  case issuerMismatch(hop: Int, issuer: Principal, expected: Principal)
  case rootUnauthorized(issuer: Principal)
  case scopeWidened(hop: Int, action: ByteString, resource: ByteString)
  case timeWidened(hop: Int)
  case depthExceeded(hop: Int)
  case grantRevoked(hop: Int, grant: Digest)
  case principalGone(hop: Int, principal: Principal)
  case keyUntrusted(hop: Int, key: Fingerprint)
  case keyUnknown(hop: Int, key: Fingerprint)
  case notYetValid(hop: Int, notBefore: Timestamp)
  case expired(hop: Int, notAfter: Timestamp)
  case wrongAudience(hop: Int, audience: Principal)

  /// The stable name of the fault.
  package var code: String {
    switch self {
    case .missing: "chain_missing"
    case .tooLong: "chain_too_long"
    case .holderMismatch: "chain_holder_mismatch"
    case .issuerMismatch: "chain_issuer_mismatch"
    case .rootUnauthorized: "chain_root_unauthorized"
    case .scopeWidened: "chain_scope_widened"
    case .timeWidened: "chain_time_widened"
    case .depthExceeded: "chain_depth_exceeded"
    case .grantRevoked: "chain_grant_revoked"
    case .principalGone: "chain_principal_gone"
    case .keyUntrusted: "chain_key_untrusted"
    case .keyUnknown: "chain_key_unknown"
    case .notYetValid: "chain_not_yet_valid"
    case .expired: "chain_expired"
    case .wrongAudience: "chain_wrong_audience"
    }
  }
}

extension ChainFault: CustomStringConvertible {
  package var description: String {
    switch self {
    case .missing(let grant): "no grant \(grant.hex) is on record"
    case .tooLong(let limit): "the chain is longer than \(limit) grants"
    case .holderMismatch(let hop, let holder, let expected):
      "hop \(hop) is held by \(holder), not by \(expected)"
    case .issuerMismatch(let hop, let issuer, let expected):
      "hop \(hop) was issued by \(issuer), but its parent is held by \(expected)"
    case .rootUnauthorized(let issuer): "\(issuer) is no operator who may grant at the root"
    case .scopeWidened(let hop, let action, let resource):
      "hop \(hop) grants \(action.text) on \(resource.text), which its parent does not"
    case .timeWidened(let hop): "hop \(hop) is valid at times when its parent is not"
    case .depthExceeded(let hop): "hop \(hop) is deeper than its parent allows"
    case .grantRevoked(let hop, let grant): "hop \(hop), grant \(grant.short), is revoked"
    case .principalGone(let hop, let principal): "hop \(hop): \(principal) is removed or retired"
    case .keyUntrusted(let hop, let key):
      "hop \(hop) was signed by key \(key.short), whose revocation ends what it signed"
    case .keyUnknown(let hop, let key):
      "hop \(hop) was signed by key \(key.short), of which nothing is on record"
    case .notYetValid(let hop, let notBefore): "hop \(hop) is valid from \(notBefore.text) on"
    case .expired(let hop, let notAfter): "hop \(hop) expired at \(notAfter.text)"
    case .wrongAudience(let hop, let audience): "hop \(hop) does not count at \(audience)"
    }
  }
}
