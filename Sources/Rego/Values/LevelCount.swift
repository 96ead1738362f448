/// Counts the levels of arrays within arrays; sets and objects know theirs.
///
/// One array may stand in many places, so that few of them make a tree without end: from some size on, each
/// is looked at once.
package struct LevelCount {
  /// Elements that were looked at.
  package private(set) var looked = 0
  /// After so many it gives up with 255.
  private let most: Int
  /// The levels of arrays that were looked at, by where their elements lie.
  private var known: [UnsafeRawPointer: UInt8] = [:]

  /// Elements that are looked at where nothing counts them; more are too many levels.
  static let mostUncounted = 1 << 23
  private static let mostForgotten = 1024

  package init(most: Int) {
    self.most = most
  }

  package mutating func levels(of value: Value) -> UInt8 {
    guard case .array(let elements) = value else { return value.levels }
    let place = elements.withUnsafeBufferPointer { $0.baseAddress.map(UnsafeRawPointer.init) }
    if looked >= LevelCount.mostForgotten, let place, let levels = known[place] {
      looked += 1
      return levels
    }
    looked += elements.count
    var deepest: UInt8 = 0
    for element in elements where element.isComposite {
      guard looked <= most else { return 255 }
      deepest = max(deepest, levels(of: element))
    }
    let levels = deepest == 255 ? 255 : deepest + 1
    if looked >= LevelCount.mostForgotten, let place { known[place] = levels }
    return levels
  }
}
