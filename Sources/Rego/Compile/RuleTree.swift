import CanonicalJSON

/// All rules that answer at one path, by number.
struct RuleGroup: Sendable {
  enum Kind: Sendable, Equatable {
    case complete
    case partialSet
    /// Rules whose heads have keys that are known only when they are evaluated, and those below them.
    case object
    case function
  }

  struct Definition: Sendable {
    let module: Int
    let rule: Int
    /// How many keys of its head belong to the group's path.
    let groundKeys: Int
    /// Names that stand between the group's path and the rule's own keys.
    let between: [String]
  }

  let path: [String]
  var kind: Kind
  var arity = 0
  var definitions: [Definition] = []
}

/// The rules by path: packages, then names and the text keys of heads.
struct RuleTree: Sendable {
  struct Node: Sendable {
    let name: String
    let parent: Int
    var children: [String: Int] = [:]
    /// The number of the rules here, or -1.
    var group = -1
    /// Rules whose heads end here, before groups are made.
    var rules: [(module: Int, rule: Int, groundKeys: Int)] = []
    /// Whether any rule stands at or below.
    var isPackage = false
  }

  private(set) var nodes = [Node(name: "data", parent: -1)]
  private(set) var groups: [RuleGroup] = []

  static let root = 0

  func node(at path: some Sequence<String>, from start: Int = root) -> Int? {
    var node = start
    for name in path {
      guard let next = nodes[node].children[name] else { return nil }
      node = next
    }
    return node
  }

  mutating func makeNode(at path: some Sequence<String>, from start: Int = root) -> Int {
    var node = start
    for name in path {
      if let next = nodes[node].children[name] {
        node = next
      } else {
        nodes.append(Node(name: name, parent: node))
        nodes[node].children[name] = nodes.count - 1
        node = nodes.count - 1
      }
    }
    return node
  }

  func path(of node: Int) -> [String] {
    var path: [String] = []
    var node = node
    while node != RuleTree.root {
      path.append(nodes[node].name)
      node = nodes[node].parent
    }
    return path.reversed()
  }

  /// Where rules clash in kind, found while they are put together.
  struct Clash {
    let message: String
    let place: Place
    /// Places that the message goes on to name.
    var others: [Place] = []
  }

  init(_ modules: [ModuleSyntax], clashes: inout [Clash]) {
    for (number, module) in modules.enumerated() {
      let package = makeNode(at: module.package)
      nodes[package].isPackage = true
      for (index, rule) in module.rules.enumerated() {
        var node = makeNode(at: [rule.name], from: package)
        var ground = 0
        for key in rule.keys {
          guard case .constant(.string(let text)) = key.kind else { break }
          node = makeNode(at: [text.text], from: node)
          ground += 1
        }
        nodes[node].rules.append((number, index, ground))
      }
    }
    // Every node whose rules have keys of their own takes all that stands below it.
    var waiting = [RuleTree.root]
    while let node = waiting.popLast() {
      let rules = nodes[node].rules
      guard !rules.isEmpty else {
        waiting += nodes[node].children.values.sorted(by: >)
        continue
      }
      makeGroup(node, modules, &clashes)
      if nodes[node].group < 0 || !nodes[node].children.isEmpty {
        waiting += nodes[node].children.values.sorted(by: >)
      }
    }
  }

  private mutating func makeGroup(
    _ node: Int, _ modules: [ModuleSyntax], _ clashes: inout [Clash]
  ) {
    let rules = nodes[node].rules
    typealias Entry = (module: Int, rule: Int, groundKeys: Int)
    func keyCount(_ entry: Entry) -> Int { modules[entry.module].rules[entry.rule].keys.count }
    func arity(_ entry: Entry) -> Int { modules[entry.module].rules[entry.rule].arguments.count }
    func place(_ entry: Entry) -> Place { modules[entry.module].rules[entry.rule].place }
    func shape(_ entry: Entry) -> RuleSyntax.Shape {
      modules[entry.module].rules[entry.rule].shape
    }
    let path = path(of: node)
    let isObject = rules.contains { keyCount($0) > $0.groundKeys }
    let first = rules[0]
    let name = "data." + path.joined(separator: ".")
    var group: RuleGroup
    if isObject {
      group = RuleGroup(path: path, kind: .object)
      if let other = rules.first(where: { keyCount($0) == $0.groundKeys }) {
        clashes.append(
          Clash(message: "conflicting rules \(name) found", place: place(other)))
      }
    } else {
      switch shape(first) {
      case .complete: group = RuleGroup(path: path, kind: .complete)
      case .partialSet: group = RuleGroup(path: path, kind: .partialSet)
      case .function:
        group = RuleGroup(path: path, kind: .function, arity: arity(first))
      }
      for entry in rules.dropFirst() {
        if shape(entry) != shape(first)
          || shape(entry) == .function && arity(entry) != arity(first)
        {
          clashes.append(
            Clash(message: "conflicting rules \(name) found", place: place(first)))
          break
        }
      }
    }
    let defaults = rules.filter { modules[$0.module].rules[$0.rule].isDefault }
    if defaults.count > 1 {
      clashes.append(
        Clash(
          message: "multiple default rules \(name) found", place: place(defaults[0]),
          others: defaults.map(place)))
    }
    group.definitions = rules.map {
      RuleGroup.Definition(
        module: $0.module, rule: $0.rule, groundKeys: $0.groundKeys, between: [])
    }
    // What stands below.
    var below: [(Int, [String])] = nodes[node].children.sorted { $0.key < $1.key }
      .map { ($0.value, [$0.key]) }
    while let (child, between) = below.popLast() {
      for entry in nodes[child].rules {
        if isObject, shape(entry) != .function {
          group.definitions.append(
            RuleGroup.Definition(
              module: entry.module, rule: entry.rule, groundKeys: entry.groundKeys,
              between: between))
        } else if !isObject {
          clashes.append(
            Clash(
              message: "rule \(name) conflicts with [\(name).\(between.joined(separator: "."))]",
              place: place(first)))
        }
      }
      below += nodes[child].children.sorted { $0.key < $1.key }
        .map { ($0.value, between + [$0.key]) }
    }
    if isObject { nodes[node].children = [:] }
    nodes[node].group = groups.count
    groups.append(group)
  }

  /// Every rule at or below a node.
  func groups(below start: Int) -> [Int] {
    var found: [Int] = []
    var waiting = [start]
    while let node = waiting.popLast() {
      if nodes[node].group >= 0 { found.append(nodes[node].group) }
      waiting += nodes[node].children.values
    }
    return found.sorted()
  }
}
