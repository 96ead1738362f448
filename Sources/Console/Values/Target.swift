package import Keys

/// Anything a screen can stand on or jump to, by what identifies it for ever.
package enum Target: Sendable, Hashable {
  case hold(Digest)
  /// Open holds of one agent with the same action and resource, by what they have in common.
  case group(Digest)
  case decision(UInt64)
  case agent(String)
  case key(Digest)
  case grant(Digest)
  /// A `user:` from whom authority starts, in the tree.
  case root(String)
  /// More children of a branch than are loaded.
  case more(Digest?, root: String)
  case policy(Digest)
  case rule(policy: Digest, place: String)
  case entry(UInt64)
  case person(String)
  case service(String)
  case proposal(Digest)
  /// A review owed, by what it is about.
  case owed(Digest)
  /// Reviews owed that are looked at together.
  case reviewGroup(Digest)
  case keyRequest(Digest)
  case lock(Digest)
  /// A resource's URI.
  case resource(String)

  /// As it is shown in a menu: kind, then id.
  package var words: String {
    switch self {
    case .hold(let digest): "hold \(digest.hex.prefix(8))"
    case .group: "a group of holds"
    case .decision(let index): "decision #\(index)"
    case .agent(let name), .root(let name), .person(let name), .service(let name),
      .resource(let name):
      name
    case .key(let digest): "key \(digest.short)"
    case .grant(let digest): "grant \(digest.short)"
    case .more: "more"
    case .policy(let digest): "policy \(digest.short)"
    case .rule(_, let place): "rule \(place)"
    case .entry(let index): "entry #\(index)"
    case .proposal(let digest): "proposal \(digest.hex.prefix(8))"
    case .owed(let digest): "review of \(digest.hex.prefix(8))"
    case .reviewGroup(let digest): "reviews \(digest.hex.prefix(8))"
    case .keyRequest(let digest): "key request \(digest.hex.prefix(8))"
    case .lock(let digest): "lock \(digest.hex.prefix(8))"
    }
  }

  /// The whole id, to copy or to give to a command.
  package var id: String {
    switch self {
    case .hold(let digest), .group(let digest), .grant(let digest), .policy(let digest),
      .proposal(let digest), .owed(let digest), .reviewGroup(let digest), .keyRequest(let digest),
      .lock(let digest):
      digest.hex
    case .key(let digest): "ed25519:\(digest.hex)"
    case .decision(let index), .entry(let index): "\(index)"
    case .agent(let name), .root(let name), .person(let name), .service(let name),
      .resource(let name):
      name
    case .rule(_, let place): place
    case .more(_, let root): root
    }
  }

  /// As a file about it is named.
  package var fileName: String {
    String(words.map { $0.isLetter && $0.isASCII || $0.isNumber && $0.isASCII ? $0 : "-" })
  }

  /// The list in which it stands.
  package var view: View {
    switch self {
    case .hold, .group: .approvals
    case .decision: .decisions
    case .agent: .agents
    case .key: .keys
    case .grant, .root, .more: .tree
    case .policy, .rule: .policies
    case .entry: .audit
    case .person, .service: .operators
    case .proposal, .owed, .reviewGroup, .keyRequest: .proposals
    case .lock, .resource: .locks
    }
  }
}
