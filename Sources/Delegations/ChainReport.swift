import CanonicalJSON
import Keys
package import Statements

/// A chain hop by hop, each with its own verdict: what a viewer shows.
package struct ChainReport: Sendable, Hashable {
  /// Three-valued: what cannot be judged is never taken for valid.
  package enum Verdict: Sendable, Hashable {
    case valid
    case invalid(ChainFault)
    /// Something it rests on is not on record.
    case indeterminate(ChainFault)

    init(_ fault: ChainFault) {
      self =
        switch fault {
        case .missing, .keyUnknown: .indeterminate(fault)
        default: .invalid(fault)
        }
    }

    package var word: String {
      switch self {
      case .valid: "valid"
      case .invalid: "invalid"
      case .indeterminate: "indeterminate"
      }
    }

    package var fault: ChainFault? {
      switch self {
      case .valid: nil
      case .invalid(let fault), .indeterminate(let fault): fault
      }
    }
  }

  package struct Hop: Sendable, Hashable {
    package let grant: Grant
    let parent: Grant?
    package let verdict: Verdict
  }

  package let hops: [Hop]
  /// Why the chain could not even be walked.
  package let end: Verdict?

  /// The first verdict that is not valid, from the root on; valid if there is none.
  package var verdict: Verdict {
    end ?? hops.first { $0.verdict != .valid }?.verdict ?? .valid
  }
}

extension ChainReport.Hop {
  /// What this hop gives less than the one above, a line each; for a root, what it gives.
  package var narrowing: [String] {
    let (limits, above) = (grant.terms.limits, parent?.terms.limits)
    var lines: [String] = []
    let (mine, theirs) = (grant.terms.capabilities, parent?.terms.capabilities ?? [])
    if mine != theirs {
      let words = mine.map(\.words).joined(separator: "; ")
      lines.append(
        parent == nil ? words : "\(theirs.map(\.words).joined(separator: "; ")) -> \(words)")
    }
    func compare(_ name: String, _ wide: String?, _ narrow: String?, _ none: String) {
      guard wide != narrow else { return }
      let text = narrow ?? none
      lines.append(parent == nil ? "\(name) \(text)" : "\(name) \(wide ?? none) -> \(text)")
    }
    compare("from", above?.notBefore?.text, limits.notBefore?.text, "any time")
    compare("until", above?.notAfter?.text, limits.notAfter?.text, "any time")
    // A hop always may pass on less far than the one above it: only the number says how far.
    lines.append(
      limits.maxDepth == 0
        ? "may not delegate further"
        : "may delegate \(limits.maxDepth) more level\(limits.maxDepth == 1 ? "" : "s")")
    compare("uses", above?.maxUses.map { "\($0)" }, limits.maxUses.map { "\($0)" }, "unlimited")
    func names(_ limits: GrantLimits?) -> String? {
      guard let limits, !limits.audiences.isEmpty else { return nil }
      return limits.audiences.map(\.text).joined(separator: ",")
    }
    compare("at", names(above), names(limits), "every service")
    return lines
  }
}

extension Capability {
  /// As `deploy,restart on prod://payments/**`.
  package var words: String {
    let (actions, resources) = (actions.map(\.text), resources.map(\.text))
    return actions.joined(separator: ",") + " on " + resources.joined(separator: ",")
  }
}
