import TestSupport
import Testing

/// Calls and what OPA answers to them.
@Suite struct UnitsTests {
  static let calls: [BuiltinCall] = [
    BuiltinCall(
      #"[units.parse("10Ki"), units.parse("0.5m"), units.parse("1.1Gi"), units.parse("1e3"), units.parse("1E"), units.parse("2M"), units.parse("\"1k\"")]"#,
      .answers(#"[10240,0.0005000000,1181116006.4000000000,1000,1000000000000000000,2000000,1000]"#)
    ),
    BuiltinCall(
      #"units.parse("")"#,
      .fails(#"eval_builtin_error: units.parse: units.parse: no amount provided"#)),
    BuiltinCall(
      #"units.parse("x")"#,
      .fails(#"eval_builtin_error: units.parse: units.parse: no amount provided"#)),
    BuiltinCall(
      #"units.parse("10 K")"#,
      .fails(
        #"eval_builtin_error: units.parse: units.parse: spaces not allowed in resource strings"#)),
    BuiltinCall(
      #"units.parse("1Q")"#,
      .fails(#"eval_builtin_error: units.parse: units.parse: unit Q not recognized"#)),
    BuiltinCall(
      #"units.parse("1.2.3")"#,
      .fails(#"eval_builtin_error: units.parse: units.parse: could not parse amount to a number"#)),
    BuiltinCall(
      #"units.parse("1e9999999")"#,
      .fails(#"eval_builtin_error: units.parse: units.parse: exponent too large"#)),
    BuiltinCall(
      #"[units.parse_bytes("1.5kib"), units.parse_bytes("10MB"), units.parse_bytes("1e2kb"), units.parse_bytes(".5k"), units.parse_bytes("0")]"#,
      .answers(#"[1536,10000000,100000,500,0]"#)),
    BuiltinCall(
      #"units.parse_bytes("")"#,
      .fails(#"eval_builtin_error: units.parse_bytes: units.parse_bytes: no byte amount provided"#)),
    BuiltinCall(
      #"units.parse_bytes("1 0")"#,
      .fails(
        #"eval_builtin_error: units.parse_bytes: units.parse_bytes: spaces not allowed in resource strings"#
      )),
    BuiltinCall(
      #"units.parse_bytes("1foo")"#,
      .fails(
        #"eval_builtin_error: units.parse_bytes: units.parse_bytes: byte unit foo not recognized"#)),
    BuiltinCall(
      #"units.parse_bytes("1.2.3")"#,
      .fails(
        #"eval_builtin_error: units.parse_bytes: units.parse_bytes: could not parse byte amount to a number"#
      )),
  ]

  @Test(arguments: calls)
  func `a call is answered as OPA answers it`(call: BuiltinCall) throws {
    try call.check()
  }
}
