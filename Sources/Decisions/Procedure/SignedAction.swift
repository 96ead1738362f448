import CanonicalJSON
import Delegations
package import Keys
package import Statements

/// An action whose one signature has been checked against an enrolled key.
///
/// The initializer is out of reach: ``AuthorityState/signedAction(_:)`` gives one.
package struct SignedAction: Sendable {
  package let action: Action
  package let digest: Digest
  package let key: Fingerprint
  package let signature: Signature
  /// The bytes as received: what was signed, is stored and shown.
  package let payload: [UInt8]
}

extension Reason {
  package init(_ code: String, _ detail: String) {
    self.init(code: ByteString(code), detail: ByteString(detail))
  }
}

/// Why an action is refused without a trace in the log: a stranger must not make it grow.
package struct Refusal: Error, Sendable, Equatable {
  package let reason: Reason

  package init(_ code: String, _ detail: String) {
    reason = Reason(code, detail)
  }
}

/// An action whose one signature verifies by the key it names; whether that key may act is not asked yet.
///
/// Making one is pure and takes no lock: what a stranger sends costs the others nothing.
package struct AuthenticAction: Sendable {
  package let action: Action
  package let digest: Digest
  package let key: Fingerprint
  let signature: Signature
  let payload: [UInt8]

  /// Checks an envelope against the key that ``AuthorityState/actionKey(of:)`` gave.
  ///
  /// - Throws: ``Refusal`` `signature_invalid`, `envelope_malformed`.
  package init(_ envelope: UnverifiedEnvelope, by key: PublicKey) throws(Refusal) {
    let name = key.fingerprint
    guard envelope.signatures.count == 1, let signature = envelope.signatures.first else {
      throw Refusal("envelope_malformed", "an action carries exactly one signature")
    }
    do {
      _ = try envelope.verified { $0 == name ? key : nil }
    } catch {
      throw Refusal("signature_invalid", "\(error)")
    }
    do {
      action = try Action(payload: envelope.payload)
    } catch {
      throw Refusal("envelope_malformed", "\(error)")
    }
    digest = envelope.digest
    self.key = name
    self.signature = signature.signature
    payload = envelope.payload
  }
}

extension AuthorityState {
  /// Step 1 and the first half of step 2: an action's envelope with one signature of scheme 0; gives the
  /// key it must verify by.
  package func actionKey(of envelope: UnverifiedEnvelope) throws(Refusal) -> PublicKey {
    guard envelope.payloadType == Action.payloadType else {
      throw Refusal(
        "envelope_malformed", "payloadType is not \(Action.payloadType.text)")
    }
    guard envelope.signatures.count == 1, let signature = envelope.signatures.first else {
      throw Refusal("envelope_malformed", "an action carries exactly one signature")
    }
    guard signature.scheme == .dsse else {
      throw Refusal(
        "signature_invalid",
        "an action is signed with Ed25519 over its DSSE encoding, not as SSHSIG")
    }
    guard let record = keys[signature.key] else {
      throw Refusal("key_unknown", "no key \(signature.key) is enrolled")
    }
    return record.key
  }

  /// The second half of step 2: the key that signed is its agent's.
  package func signedAction(_ authentic: AuthenticAction) throws(Refusal) -> SignedAction {
    guard keys[authentic.key]?.holder == authentic.action.agent else {
      throw Refusal(
        "key_unknown", "key \(authentic.key) is not \(authentic.action.agent)'s")
    }
    return SignedAction(
      action: authentic.action, digest: authentic.digest, key: authentic.key,
      signature: authentic.signature, payload: authentic.payload)
  }

  /// Steps 1 and 2 together.
  package func signedAction(_ envelope: UnverifiedEnvelope) throws(Refusal) -> SignedAction {
    try signedAction(try AuthenticAction(envelope, by: try actionKey(of: envelope)))
  }
}
