package import Keys
package import Statements

/// One link of delegation as the log admitted it.
package struct Grant: Sendable, Hashable {
  package let digest: Digest
  package let issuer: Principal
  /// The key that signed it.
  package let key: Fingerprint
  package let received: Timestamp
  package let terms: GrantIssued
  /// What it allows.
  package let scope: Scope
  package var revoked: Timestamp?

  /// - Throws: ``ScopeFault`` if its capabilities are malformed or too many.
  package init(
    digest: Digest, issuer: Principal, key: Fingerprint, received: Timestamp, terms: GrantIssued
  ) throws(ScopeFault) {
    scope = try Scope(terms.capabilities)
    self.digest = digest
    self.issuer = issuer
    self.key = key
    self.received = received
    self.terms = terms
  }
}

/// A key as the log admitted it, with what became of it.
package struct KeyRecord: Sendable, Hashable {
  package let key: PublicKey
  package let holder: Principal
  /// The operators who put it here; themselves for a founder, and for a rotation also those of the
  /// key before.
  package let enrollers: [Principal]
  /// The operator's key that signed its enrolment; none for a founder.
  package let enrollingKey: Fingerprint?
  /// Those of the other admins who signed it, where the admin quorum enrolled it.
  package let cosigningKeys: [Fingerprint]
  /// The key it took the place of.
  package let predecessor: Fingerprint?
  package let received: Timestamp
  package let notBefore: Timestamp?
  package var notAfter: Timestamp?
  /// From when on it signs nothing new.
  package var tainted: Timestamp?
  package var revocation: KeyRevoked?
  /// When the log received the revocation.
  package var revoked: Timestamp?

  package init(
    key: PublicKey, holder: Principal, enrollers: [Principal], enrollingKey: Fingerprint? = nil,
    cosigningKeys: [Fingerprint] = [], predecessor: Fingerprint? = nil, received: Timestamp,
    notBefore: Timestamp? = nil,
    notAfter: Timestamp? = nil
  ) {
    self.key = key
    self.holder = holder
    self.enrollers = enrollers
    self.enrollingKey = enrollingKey
    self.cosigningKeys = cosigningKeys
    self.predecessor = predecessor
    self.received = received
    self.notBefore = notBefore
    self.notAfter = notAfter
  }

  /// The operators who signed the statement that enrolled this key.
  ///
  /// `enrollers` of a rotated agent key also holds the operators who enrolled the keys before it; the one who
  /// signed the rotation is the last.
  package var enrolledBy: [Principal] {
    predecessor != nil && holder.kind == .agent ? Array(enrollers.suffix(1)) : enrollers
  }

  package enum Status: String, Sendable {
    case prepared
    case active
    case tainted
    case expired
    case revoked
  }

  package func status(at now: Timestamp) -> Status {
    if revoked != nil { return .revoked }
    if let notBefore, now < notBefore { return .prepared }
    if let notAfter, now >= notAfter { return .expired }
    if tainted != nil { return .tainted }
    return .active
  }

  /// Whether what this key signed, received by the log at an instant, still stands.
  ///
  /// `superseded` and `retired` leave earlier signatures good, `compromised` those received before
  /// `compromised_since`, `unspecified` none.
  package func upholds(receivedAt instant: Timestamp) -> Bool {
    guard let revocation else { return true }
    switch revocation.reason {
    case .superseded, .retired: return true
    case .compromised:
      guard let since = revocation.compromisedSince else { return false }
      return instant < since
    case .unspecified: return false
    }
  }
}
