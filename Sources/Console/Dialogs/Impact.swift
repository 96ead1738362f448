/// Whom a change would hit, kept small enough to compare at every move of the registry.
///
/// Of many agents the first are named; of the others a count and a sum tell whether they changed.
package struct Impact: Sendable, Hashable {
  package struct Agent: Sendable, Hashable {
    package let name: String
    /// Whether it would lose all access, not only some.
    package let losesAll: Bool

    package init(_ name: String, losesAll: Bool) {
      self.name = name
      self.losesAll = losesAll
    }
  }

  /// So many agents are named.
  package static let limit = 512

  /// The first of them by name.
  package let agents: [Agent]
  /// All of them.
  package let count: Int
  /// The same for the same agents, in whatever order: within one process.
  let sum: Int
  /// Quorums that can no longer be reached, in words: `1 of sre`.
  package let quorums: Set<String>

  package static let none = Impact(losingAll: [String](), losingSome: [String](), quorums: [])

  /// `losingAll`, `losingSome`: Each sorted.
  package init<Names: Sequence>(losingAll: Names, losingSome: Names, quorums: Set<String>)
  where Names.Element: CustomStringConvertible & Hashable {
    var named: [Agent] = []
    var (count, sum) = (0, 0)
    for (names, losesAll) in [(losingAll, true), (losingSome, false)] {
      var here = 0
      for name in names {
        var hasher = Hasher()
        hasher.combine(name)
        hasher.combine(losesAll)
        sum &+= hasher.finalize()
        if here < Impact.limit { named.append(Agent(name.description, losesAll: losesAll)) }
        here += 1
      }
      count += here
    }
    named.sort { $0.name < $1.name }
    agents = Array(named.prefix(Impact.limit))
    self.count = count
    self.sum = sum
    self.quorums = quorums
  }

  var isCut: Bool { count > agents.count }
}

/// What a reader has seen of an ``Impact``, and so need not be told again.
package struct KnownImpact: Sendable, Hashable {
  private var agents: Set<Impact.Agent>
  private(set) var quorums: Set<String>
  private var count: Int
  private var sum: Int
  /// Up to this name all were named, if some were not.
  private var end: String?

  /// So many names are remembered of what came and went.
  private static let limit = 8 * Impact.limit
  /// So many are named in one line.
  private static let named = 2

  package init(_ impact: Impact) {
    agents = Set(impact.agents)
    quorums = impact.quorums
    (count, sum) = (impact.count, impact.sum)
    end = impact.isCut ? impact.agents.last?.name : nil
  }

  /// From here on this is known too; what was known before is not forgotten when it comes back.
  package mutating func learn(_ impact: Impact) {
    let before = self
    self = KnownImpact(impact)
    quorums.formUnion(before.quorums)
    if agents.count + before.agents.count <= KnownImpact.limit { agents.formUnion(before.agents) }
  }

  private func knows(_ agent: Impact.Agent) -> Bool {
    agents.contains(agent)
      || !agent.losesAll && agents.contains(Impact.Agent(agent.name, losesAll: true))
  }

  /// What is new in an impact, in words; nothing if it hits nobody else.
  package func news(in impact: Impact) -> String? {
    let newQuorums = impact.quorums.subtracting(quorums).sorted()
    var found: [String] = []
    if impact.sum != sum {
      let new = impact.agents.filter { agent in
        !knows(agent) && (end.map { agent.name <= $0 } ?? true)
      }
      found = new.prefix(KnownImpact.named).map { agent in
        let hadSome = agents.contains(Impact.Agent(agent.name, losesAll: false))
        return "\(agent.name) \(hadSome ? "now loses" : "loses") \(agent.losesAll ? "all" : "some")"
          + " access"
      }
      let more = new.count - found.count
      if more > 0 { found.append("\(more) more agent\(more == 1 ? "" : "s")") }
      if end != nil || impact.isCut, new.isEmpty {
        // Beyond the names only counts tell; what cannot be told apart is told.
        found.append("\(impact.count) agents lose access instead of \(count)")
      }
    }
    found += newQuorums.prefix(KnownImpact.named).map {
      "the quorum \($0) can no longer be reached"
    }
    if newQuorums.count > KnownImpact.named {
      found.append("\(newQuorums.count - KnownImpact.named) more quorums")
    }
    return found.isEmpty ? nil : found.joined(separator: ", ")
  }
}
