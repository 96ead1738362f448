package import CanonicalJSON

/// Why documents have the values they have: every rule that was tried, and how far it held.
package struct Explanation: Sendable {
  /// One condition of a rule, as written.
  package struct Condition: Sendable {
    package enum Outcome: Sendable, Equatable {
      case held
      case failed
      /// An earlier condition had failed.
      case notReached
    }

    package let text: String
    package let place: SourcePlace
    package let outcome: Outcome
    /// For one that failed: what was compared, in the order written; nil is undefined.
    package let compared: [Value?]
  }

  /// A place of the input that a rule names, and what stood there.
  package struct Read: Sendable {
    package let path: String
    package let value: Value?
  }

  package struct Rule: Sendable {
    /// The document it answers for, below `data`.
    package let path: [String]
    package let place: SourcePlace
    package let lastLine: Int
    /// Whether its body held.
    package let holds: Bool
    package let conditions: [Condition]
    package let reads: [Read]
  }

  /// The answers themselves, in the order asked.
  package let answers: [CompiledPolicy.Answer]
  /// Every rule of what was asked for and of what that rests on, by place.
  package let rules: [Rule]

  /// Parts of a compared value that are kept; of a larger one only that it is.
  private static let shownParts = 4096

  fileprivate static func shown(_ value: Value?) -> Value? {
    guard let value, value.weight(within: shownParts) == nil else { return value }
    return .string(ByteString("(\(value.typeName) of more than \(shownParts) parts)"))
  }

  /// The rules at a path that did not hold, those first that lacked the fewest conditions.
  package func nearest(_ path: [String]) -> [Rule] {
    rules.filter { $0.path == path && !$0.holds }
      .sorted { left, right in
        let (one, other) = (left.lacking, right.lacking)
        return one == other ? left.place < right.place : one < other
      }
  }
}

extension Explanation.Rule {
  /// How many conditions failed or were not reached.
  package var lacking: Int { conditions.count { $0.outcome != .held } }
}

extension CompiledPolicy {
  /// Asks as ``answers(_:input:limits:environment:)`` does, and tells why.
  ///
  /// Every rule is tried, also those that the index knows cannot hold: this is slower.
  package func explain(
    _ paths: [[ByteString]], input: JSONValue?, isStrict: Bool = false,
    limits: EvaluationLimits = EvaluationLimits(),
    environment: BuiltinContext.Environment = BuiltinContext.Environment()
  ) throws(PolicyFault) -> Explanation {
    let document = input.map(Value.init)
    var machine = Machine(
      plan: plan, data: data, input: document.map(EvaluationInput.value), limits: limits,
      environment: environment,
      isStrict: isStrict)
    machine.trace = Trace(program: program)
    let answers = try self.answers(documents(at: paths), &machine)
    var rules: [Explanation.Rule] = []
    for (number, definition) in program.definitions.enumerated() {
      guard let entry = machine.trace?.entries[Int32(number)],
        let place = place(definition.place)
      else { continue }
      rules.append(
        rule(number, definition, entry, place, input: document))
    }
    return Explanation(answers: answers, rules: rules.sorted { $0.place < $1.place })
  }

  private func rule(
    _ number: Int, _ definition: Program.Definition, _ entry: Trace.Entry, _ place: SourcePlace,
    input: Value?
  ) -> Explanation.Rule {
    var conditions: [Explanation.Condition] = []
    for (index, literal) in definition.literals.enumerated() {
      let outcome: Explanation.Condition.Outcome =
        entry.holds || index < entry.reached
        ? .held : index == entry.reached ? .failed : .notReached
      guard let at = self.place(literal.place) else { continue }
      conditions.append(
        Explanation.Condition(
          text: text(literal.range, in: Int(literal.place.file)), place: at, outcome: outcome,
          compared: outcome == .failed ? entry.compared.map(Explanation.shown) : []))
    }
    var reads: [Explanation.Read] = []
    var seen: Set<Int32> = []
    for pc in definition.start..<max(definition.start, definition.end) {
      let path: Int32
      switch program.code[Int(pc)] {
      case .input(_, let found, _): path = found
      case .inputEquals(let found, _, _): path = found
      default: continue
      }
      guard seen.insert(path).inserted else { continue }
      let keys = program.paths[Int(path)]
      reads.append(
        Explanation.Read(
          path: "input" + keys.map(\.pathText).joined(),
          value: input.flatMap { Machine.walk($0, keys) }))
    }
    return Explanation.Rule(
      path: tree.groups[definition.group].path, place: place, lastLine: Int(definition.lastLine),
      holds: entry.holds,
      conditions: conditions.sorted { $0.place < $1.place }, reads: reads)
  }

  private func text(_ range: Range<Int32>, in file: Int) -> String {
    guard file < modules.count else { return "" }
    let bytes = modules[file].file.text
    guard range.lowerBound >= 0, Int(range.upperBound) <= bytes.count else { return "" }
    return String(
      decoding: bytes[Int(range.lowerBound)..<Int(range.upperBound)], as: UTF8.self)
  }
}

extension Value {
  /// As it stands after a reference: `.name` or `[key]`.
  fileprivate var pathText: String {
    if case .string(let text) = self, let first = text.bytes.first,
      (first | 0x20) &- 0x61 < 26 || first == 0x5F,
      text.bytes.allSatisfy({ ($0 | 0x20) &- 0x61 < 26 || $0 == 0x5F || $0 &- 0x30 < 10 })
    {
      return ".\(text.text)"
    }
    var bytes: [UInt8] = []
    write(into: &bytes)
    return "[\(String(decoding: bytes, as: UTF8.self))]"
  }
}
