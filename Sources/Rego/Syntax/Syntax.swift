import CanonicalJSON

/// A term as it was written; the resolver gives variables their slots.
indirect enum Term: Sendable {
  case value(Value)
  case variable(String, SourcePlace)
  /// A head followed by keys: `input.agent.role`, `xs[i]`.
  case reference(Term, [Term], SourcePlace)
  case array([Term])
  case object([(key: Term, value: Term)])
  case set([Term])
  case call(String, [Term], SourcePlace)
  case arrayComprehension(Term, Body)
  case setComprehension(Term, Body)
  case objectComprehension(Term, Term, Body)
}

/// Literals that must all hold.
struct Body: Sendable {
  var literals: [Literal]
}

/// One line of a body.
struct Literal: Sendable {
  indirect enum Kind: Sendable {
    case expression(Term)
    case not(Body)
    case some([String])
    /// `some k, v in xs`
    case someIn(key: Term?, value: Term, domain: Term)
    case every(key: String?, value: String, domain: Term, body: Body)
  }

  var kind: Kind
  /// `with input.x as v`: the target's path, and the value.
  var modifiers: [(target: [ByteString], value: Term)]
  let place: SourcePlace
}

/// One rule, its `else` chain included.
struct RuleSyntax: Sendable {
  enum Shape: Sendable {
    /// `p := v if ...`
    case complete
    /// `p contains x if ...`
    case partialSet
    /// `p[k] := v if ...`
    case partialObject
    /// `f(a) := v if ...`
    case function
  }

  struct Branch: Sendable {
    var value: Term
    var body: Body
    let place: SourcePlace
  }

  let path: [ByteString]
  let shape: Shape
  let isDefault: Bool
  var arguments: [Term]
  /// The key of a partial object, or the element of a partial set.
  var key: Term?
  /// The rule itself, then its `else` branches.
  var branches: [Branch]
  let place: SourcePlace
}

/// A parsed file.
struct ModuleSyntax: Sendable {
  let file: SourceFile
  let package: [ByteString]
  /// By local name, the path each import stands for, its head `input` or `data` included.
  let imports: [String: [ByteString]]
  var rules: [RuleSyntax]
}
