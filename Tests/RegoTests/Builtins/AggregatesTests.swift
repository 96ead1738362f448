import TestSupport
import Testing

/// Calls and what OPA answers to them.
@Suite struct AggregatesTests {
  static let calls: [BuiltinCall] = [
    BuiltinCall(
      #"count([1,2,{3}])"#,
      .answers(#"3"#)),
    BuiltinCall(
      #"count("aé漢")"#,
      .answers(#"3"#)),
    BuiltinCall(
      #"count({"a":1})"#,
      .answers(#"1"#)),
    BuiltinCall(
      #"count(set())"#,
      .answers(#"0"#)),
    BuiltinCall(
      #"sum([1,2,3.5])"#,
      .answers(#"6.5"#)),
    BuiltinCall(
      #"sum({0.1,0.2})"#,
      .answers(#"0.3"#)),
    BuiltinCall(
      #"sum([100000000000000000000000001,1])"#,
      .answers(#"100000000000000000000000002"#)),
    BuiltinCall(
      #"sum([])"#,
      .answers(#"0"#)),
    BuiltinCall(
      #"product([0.1,3])"#,
      .answers(#"0.30000000000000004"#)),
    BuiltinCall(
      #"product([9223372036854775807,9])"#,
      .answers(#"83010348331692982263"#)),
    BuiltinCall(
      #"product([])"#,
      .answers(#"1"#)),
    BuiltinCall(
      #"max([1,"a",null])"#,
      .answers(#""a""#)),
    BuiltinCall(
      #"max({1.5,2})"#,
      .answers(#"2"#)),
    BuiltinCall(
      #"max([])"#,
      .undefined),
    BuiltinCall(
      #"min([3,1.0,1])"#,
      .answers(#"1"#)),
    BuiltinCall(
      #"min([])"#,
      .undefined),
    BuiltinCall(
      #"sort([3,"a",null,1.5,[1],{1},{"a":1}])"#,
      .answers(#"[null,1.5,3,"a",[1],{"a":1},[1]]"#)),
    BuiltinCall(
      #"sort({3,1})"#,
      .answers(#"[1,3]"#)),
    BuiltinCall(
      #"all([true,true])"#,
      .answers(#"true"#), isDeprecated: true),
    BuiltinCall(
      #"all([])"#,
      .answers(#"true"#), isDeprecated: true),
    BuiltinCall(
      #"any([false,true])"#,
      .answers(#"true"#), isDeprecated: true),
    BuiltinCall(
      #"any(set())"#,
      .answers(#"false"#), isDeprecated: true),
    BuiltinCall(
      #"sum(input.x)"#,
      .fails(#"eval_type_error: sum: operand 1 must be one of {set, array} but got number"#)),
    BuiltinCall(
      #"max(input.x)"#,
      .fails(#"eval_type_error: max: operand 1 must be one of {set, array} but got number"#)),
  ]

  @Test(arguments: calls)
  func `a call is answered as OPA answers it`(call: BuiltinCall) throws {
    try call.check()
  }
}
