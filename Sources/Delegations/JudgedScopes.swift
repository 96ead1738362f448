import CanonicalJSON
import Keys
import Synchronization

/// Grants whose scope was found to lie within that of their parent, by the digests of the two.
///
/// A digest names terms that never change, so that what was found once stays true. Copies of a state
/// share one: whether a pair stands here only saves work and decides nothing. Bounded: of the pairs
/// found, those of the last two generations are kept.
package final class JudgedScopes: Sendable {
  struct Pair: Hashable {
    let child: Digest
    let parent: Digest
  }

  private struct Generations {
    var recent: Set<Pair> = []
    var former: Set<Pair> = []
    var comparisons = 0

    mutating func add(_ pair: Pair, limit: Int) {
      if recent.count >= limit {
        former = recent
        recent = []
      }
      recent.insert(pair)
    }
  }

  private let generations = Mutex(Generations())
  private let limit: Int

  package init() {
    limit = 16_384
  }

  init(limit: Int) {
    self.limit = limit
  }

  /// What of a grant's scope lies outside its parent's; a pair that was found good is not judged again.
  func excess(of child: Grant, over parent: Grant) -> (action: ByteString, resource: ByteString)? {
    let pair = Pair(child: child.digest, parent: parent.digest)
    let isKnown = generations.withLock { generations in
      if generations.recent.contains(pair) { return true }
      guard generations.former.contains(pair) else { return false }
      generations.add(pair, limit: limit)
      return true
    }
    if isKnown { return nil }
    var comparisons = 0
    let excess = child.scope.excess(over: parent.scope, comparisons: &comparisons)
    generations.withLock {
      $0.comparisons += comparisons
      if excess == nil { $0.add(pair, limit: limit) }
    }
    return excess
  }

  /// Comparisons made so far.
  var comparisons: Int { generations.withLock { $0.comparisons } }

  var count: Int { generations.withLock { $0.recent.union($0.former).count } }
}
