import CanonicalJSON
package import Rego
package import Testing

/// An expression of the policy language, and what OPA answers to it.
package struct BuiltinCall: Sendable, CustomTestStringConvertible {
  package enum Answer: Sendable {
    /// JSON, numbers with their text.
    case answers(String)
    case undefined
    /// `code: builtin: message`.
    case fails(String)
  }

  private let expression: String
  private let answer: Answer

  /// Version 1 of the language refuses what is deprecated.
  private let isDeprecated: Bool

  package init(_ expression: String, _ answer: Answer, isDeprecated: Bool = false) {
    self.expression = expression
    self.answer = answer
    self.isDeprecated = isDeprecated
  }

  package var testDescription: String { expression }

  package func check(
    with builtins: BuiltinTable = .core, location: SourceLocation = #_sourceLocation
  ) throws {
    let module = SourceFile(
      name: "t.rego", text: Array("package t\n\nx = y { y := \(expression) }\n".utf8))
    let policy = try CompiledPolicy(
      modules: isDeprecated ? [module] : [], builtins: builtins, isVersion0: isDeprecated)
    var context = BuiltinContext(environment: .init(), steps: 1 << 30, bytes: 1 << 30)
    let input = Value.object(ObjectValue([.string("x"): .number(.integer(1))]))
    let rows: [CompiledPolicy.Row]
    do throws(PolicyFault) {
      rows = try policy.query(
        isDeprecated ? "x := data.t.x" : "x := \(expression)", value: input, isStrict: true,
        environment: BuiltinContext.Environment(now: 1_700_000_000_000_000_000, seed: [1]))
    } catch {
      guard case .fails(let wanted) = answer else {
        Issue.record("\(error)", sourceLocation: location)
        return
      }
      #expect("\(error)".hasSuffix(wanted), sourceLocation: location)
      return
    }
    let found = rows.first?.bindings.first { $0.name == "x" }?.value
    switch answer {
    case .undefined: #expect(found == nil, sourceLocation: location)
    case .fails(let wanted): Issue.record("answered; wanted \(wanted)", sourceLocation: location)
    case .answers(let wanted):
      let value = try #require(found, sourceLocation: location)
      let text = try JSONText.compact(value, &context)
      let expected = try JSONText.compact(try JSONText.value(ByteString(wanted)), &context)
      #expect(text == expected, sourceLocation: location)
    }
  }
}
