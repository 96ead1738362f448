/// Why a note, checkpoint or proof was refused.
package enum LogFault: Error, Sendable, Equatable {
  case malformedNote(String)
  case malformedVerifierKey(String)
  case ambiguousKey(name: String)
  case invalidSignature(name: String)
  case unverifiedNote
  case malformedCheckpoint(String)
  case malformedProof(String)

  /// The stable name of the fault.
  package var code: String {
    switch self {
    case .malformedNote: "note_malformed"
    case .malformedVerifierKey: "verifier_key_malformed"
    case .ambiguousKey: "note_key_ambiguous"
    case .invalidSignature: "note_signature_invalid"
    case .unverifiedNote: "note_unverified"
    case .malformedCheckpoint: "checkpoint_malformed"
    case .malformedProof: "proof_malformed"
    }
  }
}

extension LogFault: CustomStringConvertible {
  package var description: String {
    switch self {
    case .malformedNote(let reason): "the signed note is malformed: \(reason)"
    case .malformedVerifierKey(let reason): "the verifier key is malformed: \(reason)"
    case .ambiguousKey(let name): "two verifier keys answer to \(name)"
    case .invalidSignature(let name): "the signature of \(name) on the note does not verify"
    case .unverifiedNote: "no signature on the note is by a known key"
    case .malformedCheckpoint(let reason): "the checkpoint is malformed: \(reason)"
    case .malformedProof(let reason): "the proof is malformed: \(reason)"
    }
  }
}
