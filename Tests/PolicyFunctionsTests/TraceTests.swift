import PolicyFunctions
import TestSupport
import Testing

/// Calls and what OPA answers to them.
@Suite struct TraceTests {
  static let calls: [BuiltinCall] = [
    BuiltinCall(
      #"trace("a")"#,
      .answers(#"true"#)),
    BuiltinCall(
      #"[trace(concat(",", ["a", "b"])), count("é")]"#,
      .answers(#"[true,1]"#)),
  ]

  @Test(arguments: calls)
  func `a call is answered as OPA answers it`(call: BuiltinCall) throws {
    try call.check(with: PolicyFunctions.builtins)
  }
}
