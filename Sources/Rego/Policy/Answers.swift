package import CanonicalJSON

extension CompiledPolicy {
  /// What one path of the document says, and the rules that made it so.
  package struct Answer: Sendable {
    /// nil if undefined.
    package let value: Value?
    /// The release of the time-zone database, if this or an earlier answer of the same evaluation
    /// rests on it.
    package var zones: ByteString?
    /// The texts of rules, and the numbers of those whose bodies held: most answers rest on one.
    private let texts: Plan?
    private let first: Int32
    private let others: [Int]

    init(value: Value?) {
      (self.value, texts, first, others) = (value, nil, -1, [])
    }

    init(value: Value?, rule: Int32, others: [Int], in plan: Plan) {
      (self.value, texts, first, self.others) = (value, plan, rule, others)
    }

    /// Every rule at that path whose body held, as `file:line`, sorted by place.
    package var rules: [ByteString] {
      guard let texts, first >= 0 else { return [] }
      return [texts.text(ofRule: Int(first))] + others.map(texts.text(ofRule:))
    }
  }

  /// Asks for several documents over one input.
  ///
  /// `paths`: Below `data`, as `["agent", "authz", "allow"]`. `isStrict`: Whether a builtin's error is an
  /// error, not "undefined".
  /// - Throws: ``PolicyFault`` `evaluation`: a conflict, or more steps than allowed.
  package func answers(
    _ paths: [[ByteString]], input: JSONValue?, isStrict: Bool = false,
    limits: EvaluationLimits = EvaluationLimits(),
    environment: BuiltinContext.Environment = BuiltinContext.Environment()
  ) throws(PolicyFault) -> [Answer] {
    try answers(
      documents(at: paths), input: input.map(EvaluationInput.json), isStrict: isStrict,
      limits: limits, environment: environment)
  }

  /// The same for an input that is a value already.
  package func answers(
    _ paths: [[ByteString]], value input: Value?, isStrict: Bool = false,
    limits: EvaluationLimits = EvaluationLimits(),
    environment: BuiltinContext.Environment = BuiltinContext.Environment()
  ) throws(PolicyFault) -> [Answer] {
    try answers(
      documents(at: paths), input: input.map(EvaluationInput.value), isStrict: isStrict,
      limits: limits, environment: environment)
  }
}
