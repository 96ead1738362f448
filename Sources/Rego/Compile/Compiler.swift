import CanonicalJSON

/// Turns parsed modules into a program.
struct Compiler {
  struct Fault {
    let code: String
    let message: String
    let place: Place
    /// Whether it tells of something that is declared and not used.
    var isUnused = false
  }

  let modules: [ModuleSyntax]
  let tree: RuleTree
  var program = Program()
  private(set) var scopes: [PackageScope] = []
  private var faults: [Fault] = []

  /// - Throws: ``PolicyFault`` `invalid` with every fault found, sorted by place.
  init(
    _ modules: [ModuleSyntax], data: Value, builtins table: BuiltinTable, isStrict: Bool = false
  ) throws(PolicyFault) {
    self.modules = modules
    var clashes: [RuleTree.Clash] = []
    tree = RuleTree(modules, clashes: &clashes)
    faults = clashes.map {
      let places = $0.others.map { "\(modules[Int($0.file)].file.name):\($0.line)" }
      return Fault(
        code: "rego_type_error",
        message: $0.message + (places.isEmpty ? "" : " at " + places.joined(separator: ", ")),
        place: $0.place)
    }
    var names: [[String]: Set<String>] = [:]
    for module in modules {
      names[module.package, default: []].formUnion(module.rules.map(\.name))
    }
    scopes = modules.map { PackageScope(path: $0.package, ruleNames: names[$0.package] ?? []) }
    let annotations = Annotations(modules)
    var numbers = Resolver.BuiltinNumbers(table)
    var inputPaths: [[Value]] = []
    var resolvers: [Resolver] = modules.indices.map { number in
      var resolver = Resolver(
        tree: tree, package: scopes[number], imports: Compiler.imports(modules[number], &faults),
        annotations: annotations, builtins: numbers)
      resolver.isVersion0 = modules[number].isVersion0
      resolver.isStrict = isStrict
      resolver.firstInputPath = Int32(inputPaths.count)
      inputPaths += modules[number].inputPaths
      return resolver
    }
    var mocked: Set<MockTarget> = []
    var resolved: [[ResolvedRule]] = []
    resolved.reserveCapacity(tree.groups.count)
    var edges: [[Int]] = []
    var places: [Place] = []
    for group in tree.groups {
      var rules: [ResolvedRule] = []
      var dependencies: Set<Int> = []
      for definition in group.definitions {
        let module = definition.module
        swap(&resolvers[module].builtins, &numbers)
        if !resolvers[module].dependencies.isEmpty { resolvers[module].dependencies = [] }
        rules.append(
          resolvers[module].rule(
            modules[module].rules[definition.rule], definition, groupPath: group.path))
        dependencies.formUnion(resolvers[module].dependencies)
        mocked.formUnion(resolvers[module].mocked)
        swap(&resolvers[module].builtins, &numbers)
      }
      resolved.append(rules)
      edges.append(dependencies.sorted())
      places.append(rules.first?.place ?? Place(line: 1, column: 1))
    }
    if resolvers.contains(where: \.usesAnnotations) { faults += annotations.faults }
    for (module, resolver) in zip(modules, resolvers) {
      faults += resolver.faults
      if isStrict { faults += Compiler.unusedImports(of: module, used: resolver.usedImports) }
    }
    let recursion = Recursion(edges)
    faults += recursion.faults(tree: tree, places: places)
    program.builtins = numbers.used
    program.mocked = mocked
    let isResolved = faults.isEmpty
    var planner = Planner(tree: tree, mocked: mocked, data: data, program: program)
    planner.inputPaths = inputPaths
    program = Program()
    planner.program.procedures = [Program.Procedure](
      repeating: Program.Procedure(), count: resolved.count)
    // What a rule rests on comes before it: its types are known then.
    for number in recursion.order { planner.group(number, resolved[number]) }
    if isResolved { faults += Compiler.firstStage(planner.faults) }
    program = planner.program
    program.ruleTypes = planner.ruleTypes
    program.definitionsOfGroup = [[Int]](repeating: [], count: tree.groups.count)
    for (number, definition) in program.definitions.enumerated() {
      program.definitionsOfGroup[definition.group].append(number)
    }
    guard faults.isEmpty else {
      throw Compiler.invalid(faults, modules.map(\.file))
    }
  }

  /// Types are only looked at where every variable is safe.
  static func firstStage(_ faults: [Fault]) -> [Fault] {
    let unsafe = faults.filter { $0.code == "rego_unsafe_var_error" }
    return unsafe.isEmpty ? faults : unsafe
  }

  static func invalid(_ faults: [Fault], _ files: [SourceFile]) -> PolicyFault {
    var diagnostics: [Diagnostic] = []
    for fault in faults.sorted(by: { ($0.place, $0.message) < ($1.place, $1.message) }) {
      let file = files[Int(fault.place.file)]
      let diagnostic = Diagnostic(
        code: fault.code, message: fault.message,
        place: SourcePlace(
          file: file.name, line: Int(fault.place.line), column: Int(fault.place.column)),
        line: file.line(Int(fault.place.line)))
      if diagnostics.last != diagnostic { diagnostics.append(diagnostic) }
      if diagnostics.count >= 100 { break }
    }
    return .invalid(diagnostics)
  }

  private static func unusedImports(of module: ModuleSyntax, used: Set<String>) -> [Fault] {
    module.imports.filter {
      ($0.path[0] == "data" || $0.path[0] == "input") && !used.contains($0.name)
    }.map {
      Fault(
        code: "rego_compile_error",
        message: "import \($0.path.joined(separator: "."))"
          + ($0.alias.map { " as \($0)" } ?? "") + " unused",
        place: $0.place, isUnused: true)
    }
  }

  /// The imports of documents by the name they are used under.
  private static func imports(
    _ module: ModuleSyntax, _ faults: inout [Fault]
  ) -> [String: [String]] {
    var imports: [String: [String]] = [:]
    for found in module.imports where found.path[0] == "data" || found.path[0] == "input" {
      if let other = imports[found.name], !module.isVersion0 {
        faults.append(
          Fault(
            code: "rego_compile_error",
            message: "import must not shadow import \(other.joined(separator: "."))",
            place: found.place))
      }
      imports[found.name] = found.path
    }
    return imports
  }
}

/// Rules that rest on themselves.
struct Recursion {
  private let edges: [[Int]]
  /// By group, the strongly connected component.
  private let components: [Int]
  /// The groups, each after those that it rests on.
  let order: [Int]

  init(_ edges: [[Int]]) {
    self.edges = edges
    (components, order) = Recursion.components(edges)
  }

  func faults(tree: RuleTree, places: [Place]) -> [Compiler.Fault] {
    var sizes: [Int: Int] = [:]
    for component in components { sizes[component, default: 0] += 1 }
    var faults: [Compiler.Fault] = []
    for group in edges.indices {
      guard edges[group].contains(group) || sizes[components[group]] ?? 0 > 1 else { continue }
      guard faults.count < 100 else { break }
      let cycle = cycle(from: group)
      func name(_ group: Int) -> String {
        "data." + tree.groups[group].path.joined(separator: ".")
      }
      faults.append(
        Compiler.Fault(
          code: "rego_recursion_error",
          message:
            "rule \(name(group)) is recursive: \(cycle.map(name).joined(separator: " -> "))",
          place: places[group]))
    }
    return faults
  }

  /// A shortest way back to a rule.
  private func cycle(from start: Int) -> [Int] {
    var from: [Int: Int] = [:]
    var waiting = [start]
    var index = 0
    while index < waiting.count {
      let node = waiting[index]
      index += 1
      for next in edges[node] where components[next] == components[start] {
        if next == start {
          var path = [start, node]
          var at = node
          while at != start, let previous = from[at] {
            path.append(previous)
            at = previous
          }
          if path.last != start { path.append(start) }
          return node == start ? [start, start] : path.reversed()
        }
        if from[next] == nil {
          from[next] = node
          waiting.append(next)
        }
      }
    }
    return [start]
  }

  /// By node, the strongly connected component, and the nodes in the order in which these end (Tarjan,
  /// without recursion).
  private static func components(_ edges: [[Int]]) -> ([Int], [Int]) {
    let count = edges.count
    var finished: [Int] = []
    finished.reserveCapacity(count)
    var order = [Int](repeating: -1, count: count)
    var low = [Int](repeating: 0, count: count)
    var component = [Int](repeating: -1, count: count)
    var open: [Int] = []
    var counter = 0
    for root in 0..<count where order[root] < 0 {
      var stack = [(node: root, edge: 0)]
      order[root] = counter
      low[root] = counter
      counter += 1
      open.append(root)
      while let top = stack.last {
        let node = top.node
        if top.edge < edges[node].count {
          stack[stack.count - 1].edge += 1
          let next = edges[node][top.edge]
          if order[next] < 0 {
            order[next] = counter
            low[next] = counter
            counter += 1
            open.append(next)
            stack.append((next, 0))
          } else if component[next] < 0 {
            low[node] = min(low[node], order[next])
          }
        } else {
          stack.removeLast()
          if let parent = stack.last?.node { low[parent] = min(low[parent], low[node]) }
          guard low[node] == order[node] else { continue }
          while let member = open.popLast() {
            component[member] = node
            finished.append(member)
            if member == node { break }
          }
        }
      }
    }
    return (component, finished)
  }
}
