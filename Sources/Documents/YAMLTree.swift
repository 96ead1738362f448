/// The first document of a YAML text as it is written: tags, anchors, repeated keys and merge keys are kept.
///
/// What the nodes stand for is for the reader to say. The nodes lie in one list, so that an alias costs as
/// much as it is long, whatever it stands for.
package struct YAMLTree: Sendable {
  package enum Node: Sendable {
    case scalar(Scalar)
    case sequence([Int])
    case mapping([(key: Int, value: Int)])
    /// Stands for the node at that index, which was written before.
    case alias(Int)
  }

  package struct Scalar: Sendable, Equatable {
    package let text: String
    /// The whole tag, as `tag:yaml.org,2002:int`; `!` for a text that must not be resolved; nil if none.
    package let tag: String?
    package let isPlain: Bool
  }

  package struct Fault: Error, Sendable, CustomStringConvertible {
    package let reason: String
    package var description: String { reason }
  }

  package private(set) var nodes: [Node] = []
  /// nil: the text holds no document.
  package private(set) var root: Int?

  package init(
    _ text: String, byteLimit: Int = YAMLDocument.byteLimit,
    nodeLimit: Int = YAMLDocument.valueLimit, depthLimit: Int = YAMLDocument.depthLimit
  ) throws(Fault) {
    guard text.utf8.count <= byteLimit else {
      throw Fault(reason: "it is larger than \(byteLimit) bytes")
    }
    let bytes = Array(text.utf8)
    var events = YAMLEvents(text)
    defer { events.end() }
    root = try bytes.withUnsafeBufferPointer { (buffer) throws(Fault) -> Int? in
      try events.begin(buffer)
      guard try events.next() != .streamEnd else { return nil }
      let limits = (nodes: nodeLimit, depth: depthLimit)
      var anchors: [String: Int] = [:]
      let root = try node(try events.next(), &events, &anchors, 0, limits)
      // What ends the document belongs to it; what follows does not.
      _ = try events.next()
      return root
    }
  }

  /// An anchor names its node from where it is written, so that a node that holds itself is found.
  private mutating func node(
    _ event: YAMLEvents.Event, _ events: inout YAMLEvents, _ anchors: inout [String: Int],
    _ depth: Int, _ limits: (nodes: Int, depth: Int)
  ) throws(Fault) -> Int {
    guard depth <= limits.depth else {
      throw Fault(reason: "it is nested deeper than \(limits.depth) levels")
    }
    guard nodes.count < limits.nodes else {
      throw Fault(reason: "it holds more than \(limits.nodes) values")
    }
    let index = nodes.count
    nodes.append(.sequence([]))
    switch event {
    case .alias(let name):
      guard let target = anchors[name] else {
        throw Fault(reason: "unknown anchor '\(name)' referenced")
      }
      nodes[index] = .alias(target)
    case .scalar(let scalar, let anchor):
      if let anchor { anchors[anchor] = index }
      nodes[index] = .scalar(scalar)
    case .sequenceStart(let anchor):
      if let anchor { anchors[anchor] = index }
      var elements: [Int] = []
      while true {
        let event = try events.next()
        if event == .collectionEnd { break }
        elements.append(try node(event, &events, &anchors, depth + 1, limits))
      }
      nodes[index] = .sequence(elements)
    case .mappingStart(let anchor):
      if let anchor { anchors[anchor] = index }
      var pairs: [(key: Int, value: Int)] = []
      while true {
        let event = try events.next()
        if event == .collectionEnd { break }
        let key = try node(event, &events, &anchors, depth + 1, limits)
        let value = try node(try events.next(), &events, &anchors, depth + 1, limits)
        pairs.append((key, value))
      }
      nodes[index] = .mapping(pairs)
    case .collectionEnd, .documentStart, .documentEnd, .streamEnd:
      throw Fault(reason: "did not find expected node content")
    }
    return index
  }
}
