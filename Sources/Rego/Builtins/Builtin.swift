package import CanonicalJSON

/// A function that policies may call and that this engine or a module above it provides.
///
/// `relation`: its value is an array of results, of which each is one way in which the call holds
/// (as `walk`).
package struct Builtin: Sendable {
  package typealias Body =
    @Sendable ([Value], inout BuiltinContext) throws(BuiltinFailure) -> Value?

  package let name: String
  /// What the compiler checks arguments against; its count is the arity.
  package let parameters: [RegoType]
  /// nil: a function without a value, as `print`.
  package let result: RegoType?
  package let isRelation: Bool
  /// Whether a further call with the same arguments in one evaluation answers what the first did,
  /// since its answer depends on more than its arguments (time, randomness).
  package let isNondeterministic: Bool
  package let body: Body

  package init(
    _ name: String, _ parameters: [RegoType], _ result: RegoType?, isRelation: Bool = false,
    isNondeterministic: Bool = false, _ body: @escaping Body
  ) {
    self.name = name
    self.parameters = parameters
    self.result = result
    self.isRelation = isRelation
    self.isNondeterministic = isNondeterministic
    self.body = body
  }
}

/// Why a call of a builtin has no value.
package enum BuiltinFailure: Error, Sendable, Equatable {
  /// `eval_builtin_error`: undefined unless strict; the message does not repeat the builtin's name.
  case failed(String)
  /// `eval_type_error`: an operand is of a wrong type; undefined unless strict.
  case type(String)
  /// `eval_limit_error`: ends the evaluation always.
  case limit(EvaluationLimit)

  /// As OPA says it: `operand 1 must be string but got number`.
  ///
  /// `index` counts from 0.
  package static func operand(_ index: Int, _ expected: String, _ got: Value) -> BuiltinFailure {
    .type("operand \(index + 1) must be \(expected) but got \(got.typeName)")
  }
}

/// The limits of one evaluation, by name.
package enum EvaluationLimit: String, Sendable, Equatable {
  case steps
  case bytes
  case depth
  case nesting
  /// The watchdog of the module above ended the evaluation.
  case time
}

/// What builtins of one evaluation share: its limits, and what is injected from above.
package struct BuiltinContext: Sendable {
  /// What is injected: the decision's instant, a seed, the environment.
  ///
  /// nil: the builtins that need it fail with `eval_builtin_error`.
  package struct Environment: Sendable {
    /// Nanoseconds since 1970 of the instant of the decision.
    package var now: Int64?
    /// From which `rand.intn` and `uuid.rfc4122` draw.
    package var seed: [UInt8]?
    /// Whether the evaluation is to end with `eval_cancel_error`; asked every
    /// ``BuiltinContext/stepsBetweenLooks`` steps.
    ///
    /// Not part of what a policy means: what was ended by it has no answer.
    package var isOutOfTime: (@Sendable () -> Bool)?

    package init(
      now: Int64? = nil, seed: [UInt8]? = nil, isOutOfTime: (@Sendable () -> Bool)? = nil
    ) {
      self.now = now
      self.seed = seed
      self.isOutOfTime = isOutOfTime
    }
  }

  package private(set) var environment: Environment
  /// Steps that are left until the watchdog is looked at, and those that are left after that.
  private var steps: Int
  private var laterSteps: Int
  /// Bytes that are left of this evaluation.
  package private(set) var bytesLeft: Int
  /// The release of the time-zone database that was looked at; nil if none was.
  package var zones: ByteString?

  package static let stepsBetweenLooks = 16_384

  /// Steps that are left of this evaluation.
  package var stepsLeft: Int { steps + laterSteps }
  /// What a builtin keeps for later calls in the same evaluation, under keys of its own
  /// (a compiled pattern, the state of a generator).
  package var kept: [KeptKey: any Sendable] = [:]
  /// What `print` and `trace` said; bounded by ``charge(bytes:)``.
  package var printed: [ByteString] = []

  package struct KeptKey: Hashable, Sendable {
    package let builtin: String
    package let key: Value

    package init(builtin: String, key: Value) {
      self.builtin = builtin
      self.key = key
    }
  }

  package init(environment: Environment, steps: Int, bytes: Int) {
    self.environment = environment
    self.steps = 0
    laterSteps = 0
    bytesLeft = 0
    begin(environment, steps: steps, bytes: bytes)
  }

  /// Makes it as if it were new.
  mutating func begin(_ environment: Environment, steps: Int, bytes: Int) {
    if !kept.isEmpty { kept = [:] }
    if !printed.isEmpty { printed = [] }
    zones = nil
    self.environment = environment
    let most = max(0, steps)
    self.steps = environment.isOutOfTime == nil ? most : min(most, BuiltinContext.stepsBetweenLooks)
    laterSteps = most - self.steps
    bytesLeft = bytes
  }

  /// Counts work: about one step for each value looked at and for each 8 bytes of text.
  @inline(__always)
  package mutating func charge(steps: Int) throws(BuiltinFailure) {
    guard steps <= self.steps, steps >= 0 else { return try chargeAndLook(steps) }
    self.steps -= steps
  }

  /// Counts work that goes beyond the steps until the next look at the watchdog.
  @inline(never)
  private mutating func chargeAndLook(_ count: Int) throws(BuiltinFailure) {
    guard count >= 0, count <= stepsLeft else { throw .limit(.steps) }
    if environment.isOutOfTime?() ?? false { throw .limit(.time) }
    let left = stepsLeft - count
    steps = min(left, BuiltinContext.stepsBetweenLooks)
    laterSteps = left - steps
  }

  /// Counts memory about to be made: before it is made, where little input makes much output.
  @inline(__always)
  package mutating func charge(bytes: Int) throws(BuiltinFailure) {
    guard bytes <= bytesLeft, bytes >= 0 else { throw .limit(.bytes) }
    bytesLeft -= bytes
  }
}
