import CanonicalJSON

/// `walk` and graphs: every place visited and every path made is counted as it is made.
extension BuiltinTable {
  private static let graphType = RegoType.object(
    .any, .anyOf([.array(of: .any), .set(.any)]))
  private static let nodesType = RegoType.anyOf([.array(of: .any), .set(.any)])

  package static let graphs: [Builtin] = [
    Builtin(
      "walk", [.any], .array([.array(of: .any), .any], rest: nil), isRelation: true
    ) { (values, context) throws(BuiltinFailure) in
      var found: [Value] = []
      try walk(values[0], path: [], into: &found, &context)
      return .array(found)
    },
    Builtin("graph.reachable", [graphType, nodesType], .set(.any)) {
      (values, context) throws(BuiltinFailure) in
      let graph = try values.object(0)
      var open = try values.elements(1, order: "{array, set}")
      var reached: Set<Value> = []
      while let node = open.popLast() {
        try context.charge(reading: [node])
        guard let edges = graph[node], reached.insert(node).inserted else { continue }
        let next = neighbours(edges)
        try context.charge(copying: next.count)
        open += next
      }
      try context.charge(sorting: .array(Array(reached)), count: reached.count)
      return .set(SetValue(Array(reached)))
    },
    Builtin("graph.reachable_paths", [graphType, nodesType], .set(.array(of: .any))) {
      (values, context) throws(BuiltinFailure) in
      let graph = try values.object(0)
      var paths: [Value] = []
      // Depth first, without recursion: a graph may be one long chain.
      var open: [(node: Value, path: [Value])] = []
      for node in try values.elements(1, order: "{array, set}") {
        try context.charge(reading: [node])
        guard let edges = graph[node] else { continue }
        let next = neighbours(edges)
        if next.isEmpty { paths.append(.array([node])) }
        for neighbour in next { open.append((neighbour, [node])) }
        while let (node, path) = open.popLast() {
          try context.charge(copying: path.count * 2)
          try context.charge(reading: [node])
          // A path that comes back ends before it does.
          for earlier in path { try context.charge(reading: [earlier]) }
          // OPA lets the first step lead back to where it began.
          if path.count > 1, path.contains(node) {
            paths.append(.array(path))
            continue
          }
          guard let edges = graph[node] else {
            paths.append(.array(path))
            continue
          }
          let longer = path + [node]
          let next = neighbours(edges)
          if next.isEmpty { paths.append(.array(longer)) }
          try context.charge(bytes: next.count * 32)
          for neighbour in next { open.append((neighbour, longer)) }
        }
      }
      try context.charge(sorting: .array(paths), count: paths.count)
      return .set(SetValue(paths))
    },
  ]

  private static func neighbours(_ edges: Value) -> [Value] {
    switch edges {
    case .array(let elements): elements
    case .set(let set): set.elements
    default: []
    }
  }

  /// Recurses as deep as values nest, which is limited.
  private static func walk(
    _ value: Value, path: [Value], into found: inout [Value], _ context: inout BuiltinContext
  ) throws(BuiltinFailure) {
    guard path.count <= Value.depthLimit else { throw .limit(.nesting) }
    try context.charge(steps: 1 + path.count / 4)
    try context.charge(bytes: 96 + path.count * 16)
    found.append(.array([.array(path), value]))
    switch value {
    case .array(let elements):
      for (index, element) in elements.enumerated() {
        try walk(element, path: path + [.integer(index)], into: &found, &context)
      }
    case .object(let object):
      for pair in object.pairs {
        try walk(pair.value, path: path + [pair.key], into: &found, &context)
      }
    case .set(let set):
      for element in set.elements {
        try walk(element, path: path + [element], into: &found, &context)
      }
    default: break
    }
  }
}
