import TestSupport
import Testing

/// Calls and what OPA answers to them.
@Suite struct CollectionsTests {
  static let calls: [BuiltinCall] = [
    BuiltinCall(
      #"array.concat([1],[2,[3]])"#,
      .answers(#"[1,2,[3]]"#)),
    BuiltinCall(
      #"array.flatten([1,[2,[3]],{"a":[1]}])"#,
      .answers(#"[1,2,[3],{"a":[1]}]"#)),
    BuiltinCall(
      #"array.reverse([1,2,3])"#,
      .answers(#"[3,2,1]"#)),
    BuiltinCall(
      #"array.slice([1,2,3], -1, 5)"#,
      .answers(#"[1,2,3]"#)),
    BuiltinCall(
      #"array.slice([1,2,3], 2, 1)"#,
      .answers(#"[]"#)),
    BuiltinCall(
      #"array.slice([1,2,3], 1.5, 2)"#,
      .fails(
        #"eval_type_error: array.slice: operand 2 must be integer number but got floating-point number"#
      )),
    BuiltinCall(
      #"{1,2,3} & {2,3,4}"#,
      .answers(#"[2,3]"#)),
    BuiltinCall(
      #"{1,2} | {2,3}"#,
      .answers(#"[1,2,3]"#)),
    BuiltinCall(
      #"{1,2} - {2}"#,
      .answers(#"[1]"#)),
    BuiltinCall(
      #"union({{1},{2,1},set()})"#,
      .answers(#"[1,2]"#)),
    BuiltinCall(
      #"union(set())"#,
      .answers(#"[]"#)),
    BuiltinCall(
      #"intersection({{1,2},{2,3}})"#,
      .answers(#"[2]"#)),
    BuiltinCall(
      #"intersection(set())"#,
      .answers(#"[]"#)),
    BuiltinCall(
      #"set_diff({1,2},{2})"#,
      .answers(#"[1]"#), isDeprecated: true),
  ]

  @Test(arguments: calls)
  func `a call is answered as OPA answers it`(call: BuiltinCall) throws {
    try call.check()
  }
}
