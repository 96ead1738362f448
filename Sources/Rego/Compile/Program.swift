package import CanonicalJSON

/// A resolved term: variables are slots, references know their document.
indirect enum Node: Sendable {
  /// Whether it has at most one value, found without binding anything.
  var isPlain: Bool {
    switch self {
    case .constant, .local: true
    case .document(_, let keys):
      keys.allSatisfy { if case .constant = $0 { true } else { false } }
    default: false
    }
  }

  enum Root: Sendable {
    case input
    case data
  }

  case constant(Value)
  case local(Int)
  case document(Root, [Node])
  case element(Node, [Node])
  case array([Node])
  case object([Pair])
  case set([Node])
  case builtin(OldBuiltin, [Node], SourcePlace)
  case function([ByteString], [Node], SourcePlace)
  case arrayComprehension(Node, Scope)
  case setComprehension(Node, Scope)
  case objectComprehension(Node, Node, Scope)

  struct Pair: Sendable {
    let key: Node
    let value: Node
  }

  /// A nested body, and the slots that are its own.
  struct Scope: Sendable {
    let steps: [Step]
    let slots: Range<Int>
  }
}

/// A resolved literal.
struct Step: Sendable {
  indirect enum Kind: Sendable {
    case test(Node)
    case unify(Node, Node)
    case not([Step])
    case iterate(key: Node?, value: Node, domain: Node)
    case every(key: Node?, value: Node, domain: Node, Node.Scope)
  }

  struct Modifier: Sendable {
    let root: Node.Root
    let path: [ByteString]
    let value: Node
  }

  let kind: Kind
  let modifiers: [Modifier]
  let place: SourcePlace
  /// Whether it holds in at most one way, so that what follows need not run inside it.
  let isPlain: Bool

  init(kind: Kind, modifiers: [Modifier], place: SourcePlace) {
    self.kind = kind
    self.modifiers = modifiers
    self.place = place
    let holdsOnce =
      switch kind {
      case .test(let node), .unify(.local, let node): !Safety.hasOutputs(node)
      case .not: true
      default: false
      }
    isPlain = modifiers.isEmpty && holdsOnce
  }
}

/// A rule ready to run.
struct CompiledRule: Sendable {
  struct Branch: Sendable {
    let value: Node
    let steps: [Step]
    let place: SourcePlace
  }

  let path: [ByteString]
  let shape: RuleSyntax.Shape
  let isDefault: Bool
  let arguments: [Node]
  let key: Node?
  let branches: [Branch]
  let slotCount: Int
  let place: SourcePlace
}

/// The rules by path: packages, then names.
struct RuleTree: Sendable {
  var children: [ByteString: RuleTree] = [:]
  var rules: [CompiledRule] = []

  mutating func insert(_ rule: CompiledRule, at path: ArraySlice<ByteString>) {
    guard let head = path.first else {
      rules.append(rule)
      return
    }
    children[head, default: RuleTree()].insert(rule, at: path.dropFirst())
  }

  func node(at path: some Sequence<ByteString>) -> RuleTree? {
    var node = self
    for part in path {
      guard let next = node.children[part] else { return nil }
      node = next
    }
    return node
  }

  var isEmpty: Bool { children.isEmpty && rules.isEmpty }

  /// Every rule at or below this place.
  var allRules: [CompiledRule] { rules + children.values.flatMap(\.allRules) }
}

/// A bundle of modules and data, checked and ready to be asked.
package struct CompiledPolicy: Sendable {
  let tree: RuleTree
  let data: Value

  /// Parses, resolves and checks modules.
  ///
  /// - Throws: ``PolicyFault`` `invalid` with every fault found, sorted by place.
  package init(modules: [SourceFile], data: JSONValue = .object(JSONObject())) throws(PolicyFault) {
    var diagnostics: [Diagnostic] = []
    var parsed: [ModuleSyntax] = []
    for file in modules {
      do {
        parsed.append(try Parser.module(file))
      } catch .invalid(let found) {
        diagnostics += found
      }
    }
    guard diagnostics.isEmpty else { throw .invalid(diagnostics.sorted { $0.place < $1.place }) }
    var paths: Set<[ByteString]> = []
    for module in parsed {
      for rule in module.rules { paths.insert(module.package + rule.path) }
    }
    var tree = RuleTree()
    let known = RulePaths(paths)
    for module in parsed {
      for rule in module.rules {
        do {
          var resolver = Resolver(module: module, rules: known)
          tree.insert(
            try resolver.compile(rule), at: (module.package + rule.path)[...])
        } catch .invalid(let found) {
          diagnostics += found
        }
      }
    }
    guard diagnostics.isEmpty else { throw .invalid(diagnostics.sorted { $0.place < $1.place }) }
    diagnostics = RuleChecks.diagnostics(tree, files: modules)
    guard diagnostics.isEmpty else { throw .invalid(diagnostics.sorted { $0.place < $1.place }) }
    self.tree = tree
    self.data = Value(data)
  }
}
