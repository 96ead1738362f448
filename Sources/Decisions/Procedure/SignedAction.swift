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

extension AuthorityState {
  /// Steps 1 and 2: well formed, and signed by a key its agent holds.
  package func signedAction(_ envelope: UnverifiedEnvelope) throws(Refusal) -> SignedAction {
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
    do {
      _ = try envelope.verified { $0 == signature.key ? record.key : nil }
    } catch {
      throw Refusal("signature_invalid", "\(error)")
    }
    let action: Action
    do {
      action = try Action(payload: envelope.payload)
    } catch {
      throw Refusal("envelope_malformed", "\(error)")
    }
    guard record.holder == action.agent else {
      throw Refusal("key_unknown", "key \(signature.key) is not \(action.agent)'s")
    }
    return SignedAction(
      action: action, digest: envelope.digest, key: signature.key,
      signature: signature.signature, payload: envelope.payload)
  }
}
