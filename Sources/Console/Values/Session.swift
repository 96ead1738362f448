package import Statements

/// Who sits before the console, and at what.
package struct Session: Sendable, Hashable {
  /// How the signatures of this person are made.
  package enum Signer: Sendable, Hashable {
    case none
    case sealed
    /// Kept by an ssh-agent; forwarded ones can be used by the machine's root too.
    case agent(isForwarded: Bool)
  }

  package var registry: String
  /// The name under which the configuration knows the registry, if it does.
  package var context: String?
  package var who: Principal?
  /// The short form of the key that would sign.
  package var key: String
  package var signer: Signer
  /// Why that key can sign nothing here, once the verified log has told.
  package var keyFault: String?
  package var isReadOnly: Bool
  package var isSolo: Bool
  package var isProduction: Bool
  /// Shown below the queue: the demonstration tells its passphrase there.
  package var banner: String?
  /// What leaving ends besides the console: `q` then asks first.
  package var leaving: String?
  /// The command line that opens the same registry: `--registry PATH` and so on.
  package var arguments: [String]
  /// What it needs besides to sign with the same key.
  package var signing: [String]
  /// The names of all contexts.
  package var contexts: [String]

  package init(
    registry: String, context: String? = nil, who: Principal?, key: String = "",
    signer: Signer = .sealed, isReadOnly: Bool = false, isSolo: Bool = false,
    isProduction: Bool = false, banner: String? = nil, arguments: [String] = [],
    signing: [String] = [],
    contexts: [String] = []
  ) {
    self.registry = registry
    self.context = context
    self.who = who
    self.key = key
    self.signer = who == nil ? .none : signer
    self.isReadOnly = isReadOnly
    self.isSolo = isSolo
    self.isProduction = isProduction
    self.banner = banner
    self.arguments = arguments
    self.signing = signing
    self.contexts = contexts
  }

  /// What row 1 and every review call the registry.
  package var place: String {
    guard let context, context != registry else { return registry }
    return "\(context):\(registry)"
  }
}

/// How the registry stands, as far as every screen shows it.
package struct RegistryStatus: Sendable, Hashable {
  /// The lock of everything.
  package struct EverythingLock: Sendable, Hashable {
    /// `until 10:30:00Z` or `until lifted`.
    package let end: String
    package let placer: String
    package let reason: String

    package init(end: String, placer: String, reason: String) {
      (self.end, self.placer, self.reason) = (end, placer, reason)
    }

    /// From the longest to the shortest.
    package var forms: [String] { ["\(end) by \(placer): \(reason)", "\(end) by \(placer)", end] }
  }

  package struct Pending: Sendable, Hashable {
    /// What the line is known by, whatever joins it: its group's id, or the hold's.
    package let id: String
    package let hold: String
    package let risk: Risk
    package let words: String

    package init(hold: String, risk: Risk, words: String, id: String? = nil) {
      self.id = id ?? hold
      self.hold = hold
      self.risk = risk
      self.words = words
    }
  }

  package var size: UInt64 = 0
  /// Lines of the queue that wait for votes, the highest risk first; at most 200.
  package var pending: [Pending] = []
  /// How many holds wait for votes, and how many of them for this person, as far as rows tell; both
  /// counted among the first thousand that expire.
  package var pendingCount = 0
  package var neededCount = 0
  /// Whether more wait than were counted.
  package var isFloor = false
  package var openProposals = 0
  package var owedReviews = 0
  /// Whether more groups of reviews are due than were counted.
  package var hasMoreReviews = false
  /// Why everything is locked, if it is.
  package var everythingLock: EverythingLock?
  /// Agents under a lock of their own.
  package var lockedAgents: Set<String> = []
  /// What is wrong with the registry, in words, if anything.
  package var alarm: String?
  /// The newest handover note.
  package var note: String?

  package init() {}
}

/// How far the log has been checked, in the background.
package enum Verification: Sendable, Hashable {
  case waiting
  /// Entries replayed of all there are.
  case running(done: UInt64, of: UInt64)
  case verified(size: UInt64, at: Timestamp)
  case broken(index: UInt64?, code: String, reason: String)

  /// Codes that say something of the log itself, and not only that it could not be checked.
  package static let logCodes: Set<String> = [
    "registry_tampered", "registry_damaged", "registry_empty", "log_truncated", "log_forked",
    "log_verify", "unsupported_entry", "wrong_registry",
  ]

  package var isVerified: Bool { if case .verified = self { true } else { false } }
}
