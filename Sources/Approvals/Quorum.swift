package import CanonicalJSON
package import Statements

/// A person who may vote, with the groups they are in now.
package struct Voter: Sendable, Hashable {
  package let principal: Principal
  package let groups: [ByteString]

  package init(principal: Principal, groups: [ByteString]) {
    self.principal = principal
    self.groups = groups
  }
}

/// Whether enough of the right people said yes.
package enum Quorum {
  /// How many places of a quorum these people fill; a person fills one place in all.
  ///
  /// The best assignment of people to places, found by augmenting paths.
  package static func filled(_ quorum: [QuorumItem], by voters: [Voter]) -> Int {
    let places = quorum.flatMap { Array(repeating: $0, count: Int($0.count)) }
    var holder = [Int?](repeating: nil, count: places.count)
    func seat(_ voter: Int, _ visited: inout Set<Int>) -> Bool {
      for (place, item) in places.enumerated()
      where !visited.contains(place) && fits(voters[voter], item) {
        visited.insert(place)
        guard let other = holder[place] else {
          holder[place] = voter
          return true
        }
        if seat(other, &visited) {
          holder[place] = voter
          return true
        }
      }
      return false
    }
    for voter in voters.indices {
      var visited: Set<Int> = []
      _ = seat(voter, &visited)
    }
    return holder.count { $0 != nil }
  }

  package static func places(_ quorum: [QuorumItem]) -> Int {
    quorum.reduce(0) { $0 + Int($1.count) }
  }

  /// Zero of zero never passes.
  package static func isMet(_ quorum: [QuorumItem], by voters: [Voter]) -> Bool {
    let needed = places(quorum)
    return needed > 0 && filled(quorum, by: voters) == needed
  }

  private static func fits(_ voter: Voter, _ item: QuorumItem) -> Bool {
    item.anyOf.isEmpty || item.anyOf.contains { voter.groups.contains($0) }
  }
}
