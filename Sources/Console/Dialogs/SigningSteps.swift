/// Where a dialog stands between reading and a signature.
///
/// `reading -> deciding -> authenticating -> signing -> recorded | refused`; nothing skips a step,
/// and any change of what is signed leads back to `reading`; what was typed stays.
package struct SigningSteps: Sendable, Hashable {
  package enum Stage: Sendable, Hashable {
    /// So many rows of the text have not been on the screen.
    case reading(unseen: Int)
    /// All read; a reason or a name is still missing.
    case deciding
    /// Only the key is missing, or nothing.
    case authenticating
    case signing(String)
    case recorded(index: UInt64, outcome: String)
    case refused(String)
  }

  /// What has been fulfilled so far.
  package struct Facts: Sendable, Hashable {
    package var unseen: Int
    package var hasReason: Bool
    package var nameMatches: Bool
    package var hasKey: Bool
    /// Nobody else is hit than the reader knows of.
    package var isImpactKnown: Bool
    /// A finding has been chosen, where one is asked for.
    package var hasFinding = true
    /// Past its deadline, ended, or not this person's to sign.
    package var objection: String?

    package init(
      unseen: Int, hasReason: Bool, nameMatches: Bool, hasKey: Bool,
      isImpactKnown: Bool = true, objection: String? = nil
    ) {
      self.unseen = unseen
      self.hasReason = hasReason
      self.nameMatches = nameMatches
      self.hasKey = hasKey
      self.isImpactKnown = isImpactKnown
      self.objection = objection
    }
  }

  private enum Phase: Sendable, Hashable {
    case open
    case signing(String)
    case recorded(index: UInt64, outcome: String)
    case refused(String)
  }

  private var phase = Phase.open

  package init() {}

  package func stage(_ facts: Facts) -> Stage {
    switch phase {
    case .signing(let button): return .signing(button)
    case .recorded(let index, let outcome): return .recorded(index: index, outcome: outcome)
    case .refused(let problem): return .refused(problem)
    case .open: break
    }
    if facts.unseen > 0 { return .reading(unseen: facts.unseen) }
    return facts.hasReason && facts.nameMatches ? .authenticating : .deciding
  }

  /// Everything that stands between a button and a signature, in words.
  package static func obstacles(_ button: Consent.Button, _ facts: Facts, name: String)
    -> [String]
  {
    var found: [String] = []
    if let objection = button.objection ?? facts.objection { found.append(objection) }
    if !facts.isImpactKnown {
      found.append("acknowledge the impact (\(ConsentModel.acknowledgeKey.name))")
    }
    if button.needs.contains(.read), facts.unseen > 0 {
      found.append("\(facts.unseen) line\(facts.unseen == 1 ? "" : "s") unread (PgDn)")
    }
    if button.needs.contains(.reason), !facts.hasReason { found.append("a reason is required") }
    if button.needs.contains(.name), !facts.nameMatches { found.append("type \(name)") }
    if button.needs.contains(.finding), !facts.hasFinding { found.append("choose a finding") }
    if button.needs.contains(.key), !facts.hasKey { found.append("enter the passphrase") }
    return found
  }

  /// A button is pressed: signs only from an open dialog with nothing in the way.
  ///
  /// - Returns: Whether it is to be signed now.
  package mutating func press(_ button: Consent.Button, _ facts: Facts) -> Bool {
    guard phase == .open, SigningSteps.obstacles(button, facts, name: "").isEmpty else {
      return false
    }
    phase = .signing(button.name)
    return true
  }

  package mutating func recorded(index: UInt64, outcome: String) {
    guard case .signing = phase else { return }
    phase = .recorded(index: index, outcome: outcome)
  }

  /// Refused for good: what was to be signed has ended.
  package mutating func refused(_ problem: String) {
    guard case .signing = phase else { return }
    phase = .refused(problem)
  }

  /// Refused, but it may be tried again: a wrong passphrase.
  package mutating func reopen() {
    guard case .signing = phase else { return }
    phase = .open
  }

  package var isOpen: Bool { phase == .open }
}
