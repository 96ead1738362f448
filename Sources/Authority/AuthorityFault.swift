package import CanonicalJSON
package import Decisions
package import Keys
package import Registry
package import Rego
package import Statements
package import TransparencyLog

/// Why nothing could be decided, signed or believed; never a denial.
package enum AuthorityFault: Error, Sendable, Equatable {
  case registry(RegistryFault)
  case refused(AdmissionFault)
  case statement(StatementFault)
  case key(KeyFault)
  case policy(PolicyFault)
  case empty(path: String)
  /// An entry whose bytes are not an entry, or whose signature is wrong.
  case badEntry(index: UInt64, reason: String)
  /// A stored tile whose hashes are not those of the entries.
  case alteredTile(level: Int, index: UInt64)
  case truncated(size: UInt64, known: UInt64)
  case forked(size: UInt64)
  case unpinned(registry: ByteString)
  case otherRegistry(expected: ByteString, found: ByteString)
  case pin(path: String, reason: String)
  case clockUntrusted(now: Timestamp, last: Timestamp)
  case clockJumped(now: Timestamp, milliseconds: Int64)
  /// The file was put back from a backup, and the admin quorum has not yet said so.
  case unconfirmedRestore(kept: UInt64)
  case notEnrolled(service: Principal)
  case noCheckpoint
  case damagedBackup(path: String, reason: String)
  case uncovered(entry: UInt64, checkpoint: UInt64)
  /// The state kept beside the pin went on while it was read.
  case stateMoved
  case stateUnreadable(path: String, reason: String)
  case log(LogFault)
  /// An entry that gives authority was not in the log when the service looked, although it claims an
  /// earlier receipt, and had lapsed by then.
  case lateEntry(index: UInt64, claims: Timestamp, missing: Timestamp, reason: String)

  /// Whether the log in the file is to blame: nothing is decided or signed until it changes.
  var isOfTheLog: Bool {
    switch self {
    case .badEntry, .alteredTile, .truncated, .forked: true
    case .registry(let fault): fault.isTampering
    default: false
    }
  }

  /// The stable name of the fault.
  package var code: String {
    switch self {
    case .registry(let fault): fault.code
    case .refused(let fault): fault.code
    case .statement(let fault): fault.code
    case .key(let fault): fault.code
    case .policy(let fault): fault.code
    case .empty: "registry_empty"
    case .badEntry, .alteredTile: "registry_tampered"
    case .truncated: "log_truncated"
    case .forked: "log_forked"
    case .unpinned: "registry_unpinned"
    case .otherRegistry: "wrong_registry"
    case .pin: "pin_unusable"
    case .clockUntrusted, .clockJumped: "clock_untrusted"
    case .unconfirmedRestore: "registry_restored"
    case .notEnrolled: "service_not_enrolled"
    case .noCheckpoint: "checkpoint_missing"
    case .damagedBackup: "backup_damaged"
    case .uncovered: "entry_uncovered"
    case .stateMoved: "state_moved"
    case .stateUnreadable: "state_unreadable"
    case .log(let fault): fault.code
    case .lateEntry: "entry_late"
    }
  }
}

extension AuthorityFault: CustomStringConvertible {
  package var description: String {
    switch self {
    case .registry(let fault): "\(fault)"
    case .refused(let fault): "\(fault)"
    case .statement(let fault): "\(fault)"
    case .key(let fault): "\(fault)"
    case .policy(let fault): "\(fault)"
    case .empty(let path): "the registry \(path) has no genesis entry"
    case .badEntry(let index, let reason):
      "entry \(index) of the log was altered (\(reason)); run `countersign log verify`"
    case .alteredTile(let level, let index):
      "tile \(level)/\(index) of the log was altered: its hashes are not those of the entries; run "
        + "`countersign log verify`"
    case .truncated(let size, let known):
      "the log has \(size) entries, and this account has seen \(known): entries were cut off; "
        + "restore the file from a backup that has them"
    case .forked(let size):
      "the first \(size) entries of the log are not those this account has seen: it was rewritten; "
        + "restore the file from a backup"
    case .unpinned(let registry):
      "this account has never seen registry \(registry.text); compare that id with the one the "
        + "founder gives you, then run again with --trust \(registry.text)"
    case .stateMoved:
      "another process wrote down a newer state meanwhile; do this again"
    case .stateUnreadable(let path, let reason):
      "the state kept in \(path) cannot be read (\(reason)); nothing was done, and it was dropped: do "
        + "this again, and it is made anew from the log"
    case .otherRegistry(let expected, let found):
      "this is registry \(found.text), not \(expected.text)"
    case .pin(let path, let reason):
      "the pin file \(path), where this account keeps what it saw of the log, cannot be used: "
        + "\(reason); see to its permissions and the space on its disk; if it is damaged, put back a copy "
        + "of it, or remove it and compare the registry's id and head with another account's"
    case .clockUntrusted(let now, let last):
      "this machine's clock says \(now.text), and the log's last entry is of \(last.text); "
        + "set the clock right; if the log's time is the wrong one, see: countersign log reset-clock"
    case .clockJumped(let now, let milliseconds):
      "this machine's clock says \(now.text) and has jumped by \(milliseconds / 1000) s since this "
        + "process began; when it is right, start the process again"
    case .unconfirmedRestore(let kept):
      "this registry was restored from a backup of \(kept) entries and serves nothing until the "
        + "admin quorum confirms it: countersign log confirm-restore"
    case .notEnrolled(let service):
      "\(service) is not enrolled with this key; run `countersign service enroll \(service)`"
    case .noCheckpoint:
      "no service has signed a checkpoint yet; run `countersign log checkpoint` or a daemon"
    case .damagedBackup(let path, let reason):
      "the backup \(path) does not verify and was not put back: \(reason)"
    case .uncovered(let entry, let checkpoint):
      "entry #\(entry) is not covered by the newest checkpoint, of size \(checkpoint); "
        + "run `countersign log checkpoint`"
    case .log(let fault): "\(fault)"
    case .lateEntry(let index, let claims, let missing, let reason):
      "entry #\(index) claims to have been received at \(claims.text), but was not in the log at "
        + "\(missing.text), when it was not admissible any more (\(reason)); find out who appended it and "
        + "undo what it did, or start the daemon with --accept-late \(index)"
    }
  }
}
