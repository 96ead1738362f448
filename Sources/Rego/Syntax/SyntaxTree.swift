import CanonicalJSON

/// Where a piece of syntax begins; `file` is its number among the modules.
struct Place: Hashable, Comparable, Sendable {
  var file: Int32 = 0
  var line: Int32
  var column: Int32

  static func < (left: Place, right: Place) -> Bool {
    (left.file, left.line, left.column) < (right.file, right.line, right.column)
  }
}

/// A term as written.
struct Term: Sendable {
  // Only what needs it is kept apart: most terms are leaves, of which a large policy has a million.
  enum Kind: Sendable {
    case constant(Value)
    case variable(String)
    indirect case reference(Term, [Term])
    case array([Term])
    case object([Pair])
    case set([Term])
    indirect case arrayComprehension(Term, [Literal])
    indirect case setComprehension(Term, [Literal])
    indirect case objectComprehension(Term, Term, [Literal])
    /// A call of what a reference names.
    indirect case call(Term, [Term])
    /// A call of a builtin by an operator.
    case operation(String, [Term])
    case template([Term])
  }

  struct Pair: Sendable {
    let key: Term
    let value: Term
  }

  let kind: Kind
  let place: Place
  /// How deep it nests: later stages recurse so far.
  let levels: Int32
}

/// One expression of a body.
struct Literal: Sendable {
  enum Kind: Sendable {
    case expression(Term)
    /// `input.a.b == "x"`, the most frequent literal: it has no terms of its own.
    ///
    /// `path`: its number in the module's ``ModuleSyntax/inputPaths``.
    case inputEquals(path: Int32, Value)
    indirect case unify(Term, Term)
    indirect case assign(Term, Term)
    case someVariables([Term])
    indirect case someIn(key: Term?, value: Term, domain: Term)
    indirect case every(key: Term?, value: Term, domain: Term, [Literal])
  }

  struct Modifier: Sendable {
    let target: Term
    let value: Term
  }

  let kind: Kind
  let isNegated: Bool
  let modifiers: [Modifier]
  let place: Place
  /// Where its text ends, in bytes.
  let range: Range<Int32>
}

/// One rule as written, with the branches of its `else`.
struct RuleSyntax: Sendable {
  enum Shape: Sendable, Equatable {
    case complete
    case partialSet
    case function
  }

  struct Branch: Sendable {
    /// nil: true.
    let value: Term?
    let body: [Literal]
    let place: Place
  }

  /// The reference of the head: a name and keys, of which only those after the first that is no text
  /// make an object.
  let name: String
  let keys: [Term]
  let shape: Shape
  let arguments: [Term]
  let isDefault: Bool
  /// The element of a partial set.
  let element: Term?
  let branches: [Branch]
  let place: Place
  /// The line it ends on.
  let lastLine: Int32

  /// Whether every branch is without a body.
  var isUnconditional: Bool { branches.allSatisfy { $0.body.isEmpty } }
}

struct ImportSyntax: Sendable {
  let path: [String]
  let alias: String?
  let place: Place

  var name: String { alias ?? path[path.count - 1] }
}

/// One file, parsed.
struct ModuleSyntax: Sendable {
  let file: SourceFile
  let number: Int32
  var package: [String] = []
  var packagePlace = Place(line: 1, column: 1)
  var imports: [ImportSyntax] = []
  var rules: [RuleSyntax] = []
  var comments: [Comment] = []
  /// The keys of the paths of the input in literals of the kind ``Literal/Kind/inputEquals(path:_:)``.
  var inputPaths: [[Value]] = []
  var isVersion0 = false
}
