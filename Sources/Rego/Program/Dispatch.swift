import CanonicalJSON

/// Chooses the rules of one group that can match, by values of the input.
///
/// A class of numbers, so that an evaluation reads it without counting references.
final class Dispatch: Sendable {
  struct Node: Sendable {
    /// The path of the input that tells the rules below apart, or -1.
    var path: Int32 = -1
    /// The position in ``levels`` of the numbers of nodes by its values, and the table of the texts among
    /// these.
    var level: Int32 = -1
    var texts = TextIndex.Table()
    /// The node of rules that do not test the path, or -1.
    var otherwise: Int32 = -1
    /// Rules whose tests end here: positions in ``rules``.
    var firstRule: Int32 = 0
    var endOfRules: Int32 = 0
  }

  let nodes: [Node]
  let levels: [[Value: Int32]]
  private let texts: TextIndex
  /// Numbers of rules, in the order of their nodes.
  let rules: [Int32]
  /// Where the code of each rule begins, as a label.
  let entries: [Int32]
  /// The same after the literals that hold for each rule that is chosen.
  let checked: [Int32]

  /// `rules`: by node, the rules whose tests end there.
  init(
    nodes: [Node], levels: [[Value: Int32]], rules: [[Int32]], entries: [Int32], checked: [Int32]
  ) {
    var placed = nodes
    var texts = TextIndex()
    var flat: [Int32] = []
    flat.reserveCapacity(entries.count)
    for node in placed.indices {
      placed[node].firstRule = Int32(flat.count)
      flat += rules[node]
      placed[node].endOfRules = Int32(flat.count)
      guard placed[node].level >= 0 else { continue }
      placed[node].texts = texts.add(
        levels[Int(placed[node].level)].compactMap { value, node in
          if case .string(let text) = value { (text, node) } else { nil }
        })
    }
    self.nodes = placed
    self.texts = texts
    self.levels = levels
    self.rules = flat
    self.entries = entries
    self.checked = checked
  }

  /// The number of the node after one for a value, or -1.
  func next(_ node: Node, for value: Value) -> Int32 {
    guard node.texts.mask >= 0, case .string = value else {
      return levels[Int(node.level)][value] ?? -1
    }
    // The value may be the only one that keeps the bytes.
    return withExtendedLifetime(value) { value.textBytes.map { next(node, for: $0) } ?? -1 }
  }

  /// The same for a text, of a node that has a table of texts.
  @inline(__always)
  func next(_ node: Node, for text: UnsafeRawBufferPointer) -> Int32 {
    texts.number(of: text, in: node.texts)
  }
}
