import Decisions
import Delegations
import Keys
import Statements

extension AuthorityState {
  /// Why a key cannot sign anything in this registry now, if so.
  ///
  /// A key file says by itself whose it is; only the log says whether it is enrolled. A person must
  /// learn it before they read a review to its end, not after they have pressed its button.
  func signerFault(_ key: Fingerprint?, at now: Timestamp) -> String? {
    guard let key else { return nil }
    guard let record = keys[key] else {
      return "your key \(key.short) is not enrolled in this registry; "
        + "give the right file with --key"
    }
    if let revoked = record.revoked {
      return "your key \(key.short) was revoked at \(revoked.textToSeconds)"
    }
    if let end = record.notAfter, end <= now {
      return "your key \(key.short) ended at \(end.textToSeconds)"
    }
    return nil
  }
}
