/// Why a key, or the file or text that should hold one, was refused.
package enum KeyFault: Error, Sendable, Equatable {
  case wrongLength(what: String, expected: Int, actual: Int)
  /// Not a canonical point of the prime-order group.
  case weakPublicKey
  case unreadable(path: String, reason: String)
  case exists(path: String)
  /// The file's mode lets others read it; `mode` is its permission bits.
  case exposed(path: String, mode: UInt32)
  case malformed(path: String, reason: String)
  /// The passphrase is wrong, or the file was altered: the two cannot be told apart.
  case wrongPassphrase(path: String)
  case unknownFormat(what: String)
  case agent(socket: String, reason: String)
  case unsupported(path: String, reason: String)

  /// The stable name of the fault.
  package var code: String {
    switch self {
    case .wrongLength: "key_wrong_length"
    case .weakPublicKey: "key_weak_public_key"
    case .unreadable: "key_unreadable"
    case .exists: "key_file_exists"
    case .exposed: "key_file_exposed"
    case .malformed: "key_file_malformed"
    case .wrongPassphrase: "key_wrong_passphrase"
    case .unknownFormat: "key_unknown_format"
    case .agent: "ssh_agent_failed"
    case .unsupported: "key_unsupported"
    }
  }
}

extension KeyFault: CustomStringConvertible {
  package var description: String {
    switch self {
    case .wrongLength(let what, let expected, let actual):
      "the \(what) is \(actual) bytes long, and must be \(expected)"
    case .weakPublicKey:
      "the public key is not a valid Ed25519 point; make a new key with `countersign key new`"
    case .unreadable(let path, let reason):
      "the key file \(path) cannot be read: \(reason)"
    case .exists(let path):
      "\(path) is there already and is not overwritten; name another file"
    case .exposed(let path, let mode):
      "the key file \(path) can be read by others (mode \(String(mode, radix: 8))); "
        + "run: chmod 600 \(path)"
    case .malformed(let path, let reason):
      "\(path) is not a key file this program can read: \(reason)"
    case .wrongPassphrase(let path):
      "the passphrase does not open \(path), or the file was altered"
    case .agent(let socket, let reason): "the ssh-agent at \(socket): \(reason)"
    case .unsupported(let path, let reason): "\(path) cannot be used here: \(reason)"
    case .unknownFormat(let what):
      "\(what) is not an Ed25519 public key: give SPKI PEM, an OpenSSH line, 64 hex digits or base64"
    }
  }
}
