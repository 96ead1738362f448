/// Texts by their bytes: which of them begin at a place.
struct ByteTrie {
  private struct Node {
    var children: [UInt8: Int] = [:]
    /// The first of the texts that end here.
    var text: Int?
  }

  private var nodes = [Node()]

  init(_ texts: [[UInt8]]) {
    for (index, text) in texts.enumerated() {
      var node = 0
      for byte in text {
        if let child = nodes[node].children[byte] {
          node = child
        } else {
          nodes.append(Node())
          nodes[node].children[byte] = nodes.count - 1
          node = nodes.count - 1
        }
      }
      if nodes[node].text == nil { nodes[node].text = index }
    }
  }

  /// The text of the lowest index that stands at a place, and how many bytes were looked at.
  func first(in bytes: [UInt8], at start: Int, allowEmpty: Bool) -> (text: Int?, visited: Int) {
    var best = allowEmpty ? nodes[0].text : nil
    var node = 0
    var index = start
    while index < bytes.count, let child = nodes[node].children[bytes[index]] {
      node = child
      index += 1
      if let text = nodes[node].text, best.map({ text < $0 }) ?? true { best = text }
    }
    return (best, index - start)
  }
}
