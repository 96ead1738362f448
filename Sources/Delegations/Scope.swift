package import CanonicalJSON
package import Statements

/// What some capabilities allow, with every pattern read once and the whole bounded.
///
/// A grant carries one, so that nothing is parsed again when it is compared or used.
package struct Scope: Sendable, Hashable {
  /// One capability: every action on every resource.
  struct Part: Sendable, Hashable {
    let actions: [ActionPattern]
    let resources: [ResourcePattern]
  }

  let parts: [Part]

  /// So many capabilities at most: a set of them fits 64 bits.
  package static let capabilityLimit = 64
  /// So many pairs of an action and a resource at most, over all capabilities.
  package static let pairLimit = 4096
  /// So many different placements of wildcards at most among the resources of one authority: each
  /// takes one look-up when a pattern is compared with this scope.
  package static let shapeLimit = 16

  /// - Throws: ``ScopeFault`` if a pattern is malformed, something stands twice, or it is too much.
  package init(_ capabilities: [Capability]) throws(ScopeFault) {
    guard capabilities.count <= Scope.capabilityLimit else {
      throw .tooManyCapabilities(capabilities.count)
    }
    // Counted before anything is read or compared.
    let pairs = capabilities.reduce(0) { $0 + $1.actions.count * $1.resources.count }
    guard pairs <= Scope.pairLimit else { throw .tooManyPairs(pairs) }
    var parts: [Part] = []
    var seen: Set<Part> = []
    for capability in capabilities {
      var (actions, resources): ([ActionPattern], [ResourcePattern]) = ([], [])
      do throws(PatternFault) {
        for action in capability.actions { actions.append(try ActionPattern(action)) }
        for resource in capability.resources { resources.append(try ResourcePattern(resource)) }
      } catch {
        throw .pattern(error)
      }
      try Scope.checkUnique(capability.actions, "action")
      try Scope.checkUnique(capability.resources, "resource")
      // The same lists in another order are the same capability.
      let sorted = Part(
        actions: actions.sorted { $0.text < $1.text },
        resources: resources.sorted { $0.text < $1.text })
      guard seen.insert(sorted).inserted else {
        throw .repeated(what: "capability", text: ByteString(capability.words))
      }
      parts.append(Part(actions: actions, resources: resources))
    }
    self.parts = parts
    var shapes: [ByteString: Set<ResourceShape>] = [:]
    for resource in parts.lazy.flatMap(\.resources) {
      guard let shape = ResourceShape(resource) else { continue }
      shapes[resource.origin, default: []].insert(shape)
    }
    if let (origin, found) = shapes.first(where: { $0.value.count > Scope.shapeLimit }) {
      throw .tooManyShapes(origin: origin, count: found.count)
    }
  }

  private static func checkUnique(
    _ texts: [ByteString], _ what: String
  ) throws(ScopeFault) {
    var seen: Set<ByteString> = []
    for text in texts where !seen.insert(text).inserted {
      throw .repeated(what: what, text: text)
    }
  }

  /// Whether some capability allows an action on a resource.
  package func covers(action: ByteString, resource: ResourceURI) -> Bool {
    parts.contains { part in
      part.actions.contains { $0.matches(action) }
        && part.resources.contains { $0.matches(resource) }
    }
  }

  /// Every resource pattern, capability by capability.
  package var resources: [ResourcePattern] { parts.flatMap(\.resources) }

  /// The first action and resource of this scope that no capability of a wider one covers.
  ///
  /// Each pair of patterns must lie within one capability of the wider side. Every pattern is looked
  /// up, never compared with every other one.
  package func excess(over wide: Scope) -> (action: ByteString, resource: ByteString)? {
    var comparisons = 0
    return excess(over: wide, comparisons: &comparisons)
  }

  /// `comparisons`: Raised by one for each look-up of a pattern and each pair judged.
  func excess(
    over wide: Scope, comparisons: inout Int
  ) -> (action: ByteString, resource: ByteString)? {
    let index = ScopeIndex(wide)
    for part in parts {
      let actions = part.actions.map { index.capabilities(covering: $0, &comparisons) }
      let resources = part.resources.map { index.capabilities(covering: $0, &comparisons) }
      for (action, able) in zip(part.actions, actions) {
        for (resource, reaching) in zip(part.resources, resources) {
          comparisons += 1
          if able & reaching == 0 { return (action.text, resource.text) }
        }
      }
    }
    return nil
  }
}

/// Where the wildcards of a resource pattern stand.
struct ResourceShape: Sendable, Hashable {
  /// How many segments it has, `**` not counted.
  let length: Int
  /// Which of them are `*`.
  let stars: [Int]
  let isOpen: Bool

  /// Nil for a pattern without wildcards, which is looked up as it is.
  init?(_ pattern: ResourcePattern) {
    var (length, stars, isOpen) = (0, [Int](), false)
    var path = pattern.path
    while let segment = path.next() {
      switch Segment(segment) {
      case .literal: break
      case .any: stars.append(length)
      case .rest:
        isOpen = true
        continue
      }
      length += 1
    }
    guard isOpen || !stars.isEmpty else { return nil }
    (self.length, self.stars, self.isOpen) = (length, stars, isOpen)
  }

  /// What a pattern of this shape must say to cover another one; nil if none of this shape can.
  func cover(of narrow: ResourcePattern) -> ByteString? {
    var key = narrow.origin.bytes
    key.reserveCapacity(narrow.text.count)
    var path = narrow.path
    var next = stars[...]
    for index in 0..<length {
      guard let segment = path.next() else { return nil }
      let kind = Segment(segment)
      guard kind != .rest else { return nil }
      key.append(UInt8(ascii: "/"))
      if next.first == index {
        next.removeFirst()
        key.append(UInt8(ascii: "*"))
      } else {
        guard kind == .literal else { return nil }
        key += segment
      }
    }
    if isOpen {
      key += "/**".utf8
    } else if !path.isAtEnd {
      return nil
    }
    return ByteString(validating: key)
  }
}

/// The patterns of a scope by their text, each with the set of capabilities it stands in, a bit each.
private struct ScopeIndex {
  private var literalResources: [ByteString: UInt64] = [:]
  private var shapes: [ByteString: Set<ResourceShape>] = [:]
  private var openResources: [ByteString: UInt64] = [:]
  private var names: [ByteString: UInt64] = [:]
  /// By what each name of the pattern begins with.
  private var stems: [ArraySlice<UInt8>: UInt64] = [:]

  init(_ scope: Scope) {
    for (number, part) in scope.parts.enumerated() {
      let bit: UInt64 = 1 << UInt64(number)
      for action in part.actions {
        if action.isOpen {
          stems[action.stem, default: 0] |= bit
        } else {
          names[action.text, default: 0] |= bit
        }
      }
      for resource in part.resources {
        if let shape = ResourceShape(resource) {
          shapes[resource.origin, default: []].insert(shape)
          openResources[resource.text, default: 0] |= bit
        } else {
          literalResources[resource.text, default: 0] |= bit
        }
      }
    }
  }

  func capabilities(covering resource: ResourcePattern, _ comparisons: inout Int) -> UInt64 {
    comparisons += 1
    var found = literalResources[resource.text] ?? 0
    for shape in shapes[resource.origin] ?? [] {
      comparisons += 1
      if let cover = shape.cover(of: resource) { found |= openResources[cover] ?? 0 }
    }
    return found
  }

  func capabilities(covering action: ActionPattern, _ comparisons: inout Int) -> UInt64 {
    comparisons += 2
    var found = stems[[]] ?? 0
    if !action.isOpen { found |= names[action.text] ?? 0 }
    let stem = action.stem
    for position in stem.indices where stem[position] == UInt8(ascii: ":") {
      comparisons += 1
      found |= stems[stem[...position]] ?? 0
    }
    return found
  }
}

/// Why capabilities are not taken.
package enum ScopeFault: Error, Sendable, Equatable {
  case pattern(PatternFault)
  case tooManyCapabilities(Int)
  case tooManyPairs(Int)
  case tooManyShapes(origin: ByteString, count: Int)
  case repeated(what: String, text: ByteString)

  /// The stable name of the fault.
  package var code: String {
    switch self {
    case .pattern(let fault): fault.code
    case .tooManyCapabilities, .tooManyPairs, .tooManyShapes: "capabilities_too_many"
    case .repeated: "capabilities_repeated"
    }
  }
}

extension ScopeFault: CustomStringConvertible {
  package var description: String {
    switch self {
    case .pattern(let fault): "\(fault)"
    case .tooManyCapabilities(let count):
      "\(count) capabilities are too many: at most \(Scope.capabilityLimit) may stand together;"
        + " name fewer, with wildcards, or issue several grants"
    case .tooManyPairs(let count):
      "the capabilities make \(count) pairs of an action and a resource, and at most"
        + " \(Scope.pairLimit) may stand together; use wildcards, or issue several grants"
    case .tooManyShapes(let origin, let count):
      "the resources of \(origin.text) place their wildcards in \(count) different ways, and at most"
        + " \(Scope.shapeLimit) may stand together; use fewer forms, or issue several grants"
    case .repeated(let what, let text): "the \(what) \"\(text.text)\" stands twice"
    }
  }
}
