import CanonicalJSON

/// A resolved term: variables are slots, and references know their document.
enum Node: Sendable {
  case constant(Value)
  case local(Int)
  case input([Node])
  case data([Node])
  /// Keys of what is not a document.
  indirect case select(Node, [Node])
  case array([Node])
  case object([Pair])
  case set([Node])
  indirect case arrayComprehension(Node, Scope)
  indirect case setComprehension(Node, Scope)
  indirect case objectComprehension(Node, Node, Scope)
  case function(Int, [Node], Place)
  case builtin(Int, [Node], Place)
  /// Text and sets of one value each.
  case template([Node], Place)

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
  enum Kind: Sendable {
    case test(Node)
    /// Whether a constant stands at a path of the input; `path`: its number in ``Planner/inputPaths``.
    case inputEquals(path: Int32, Value)
    indirect case unify(Node, Node)
    indirect case iterate(key: Node?, value: Node, domain: Node)
    indirect case every(key: Int?, value: Int, domain: Node, Node.Scope)
  }

  struct Modifier: Sendable {
    enum Target: Sendable {
      case input([String])
      case data([String])
      case function(Int)
      case builtin(Int)
    }

    enum Replacement: Sendable {
      case value(Node)
      case function(Int)
      case builtin(Int)
    }

    let target: Target
    let replacement: Replacement
  }

  let kind: Kind
  let isNegated: Bool
  let modifiers: [Modifier]
  let place: Place
  /// Its text, in bytes of its file.
  var range: Range<Int32> = 0..<0
  /// Whether it evaluates a part of the negated literal after it: it binds that part's value alone.
  var isPartOfNegation = false
}
