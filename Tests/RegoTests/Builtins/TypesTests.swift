import TestSupport
import Testing

/// Calls and what OPA answers to them.
@Suite struct TypesTests {
  static let calls: [BuiltinCall] = [
    BuiltinCall(
      #"[is_null(null), is_boolean(1), is_number(1.5), is_string("a"), is_array([]), is_object({}), is_set(set())]"#,
      .answers(#"[true,false,true,true,true,true,true]"#)),
    BuiltinCall(
      #"[type_name(null), type_name(true), type_name(1), type_name("a"), type_name([]), type_name({}), type_name(set())]"#,
      .answers(#"["null","boolean","number","string","array","object","set"]"#)),
    BuiltinCall(
      #"cast_array({2,1})"#,
      .answers(#"[1,2]"#), isDeprecated: true),
    BuiltinCall(
      #"cast_set([1,1])"#,
      .answers(#"[1]"#), isDeprecated: true),
    BuiltinCall(
      #"cast_string("a")"#,
      .answers(#""a""#), isDeprecated: true),
    BuiltinCall(
      #"cast_string(1)"#,
      .fails(#"eval_type_error: cast_string: operand 1 must be string but got number"#),
      isDeprecated: true),
    BuiltinCall(
      #"cast_object([])"#,
      .fails(#"eval_type_error: cast_object: operand 1 must be object but got array"#),
      isDeprecated: true),
    BuiltinCall(
      #"cast_boolean(true)"#,
      .answers(#"true"#), isDeprecated: true),
    BuiltinCall(
      #"cast_null(1)"#,
      .fails(#"eval_type_error: cast_null: operand 1 must be null but got number"#),
      isDeprecated: true),
    BuiltinCall(
      #"[to_number("1e5"), to_number("1.50"), to_number(true), to_number(null), to_number(2)]"#,
      .answers(#"[1e5,1.50,1,0,2]"#)),
    BuiltinCall(
      #"to_number("a")"#,
      .fails(#"eval_builtin_error: to_number: strconv.ParseFloat: parsing "a": invalid syntax"#)),
    BuiltinCall(
      #"to_number("")"#,
      .fails(#"eval_builtin_error: to_number: strconv.ParseFloat: parsing "": invalid syntax"#)),
    BuiltinCall(
      #"to_number("0x10")"#,
      .fails(#"eval_builtin_error: to_number: strconv.ParseFloat: parsing "0x10": invalid syntax"#)),
    BuiltinCall(
      #"to_number(" 1")"#,
      .fails(#"eval_builtin_error: to_number: strconv.ParseFloat: parsing " 1": invalid syntax"#)),
    BuiltinCall(
      #"to_number("NaN")"#,
      .fails(#"eval_type_error: to_number: operand 1 must be valid number string but got string"#)),
    BuiltinCall(
      #"to_number("-inf")"#,
      .fails(#"eval_type_error: to_number: operand 1 must be valid number string but got string"#)),
    BuiltinCall(
      #"to_number("1e400")"#,
      .fails(
        #"eval_builtin_error: to_number: strconv.ParseFloat: parsing "1e400": value out of range"#)),
  ]

  @Test(arguments: calls)
  func `a call is answered as OPA answers it`(call: BuiltinCall) throws {
    try call.check()
  }
}
