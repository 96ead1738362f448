import TestSupport
import Testing

/// Calls and what OPA answers to them.
@Suite struct NumbersTests {
  static let calls: [BuiltinCall] = [
    BuiltinCall(
      #"1/3"#,
      .answers(#"0.33333333333333333334"#)),
    BuiltinCall(
      #"7/2"#,
      .answers(#"3.5"#)),
    BuiltinCall(
      #"100/3"#,
      .answers(#"33.333333333333333332"#)),
    BuiltinCall(
      #"0/-5"#,
      .answers(#"-0"#)),
    BuiltinCall(
      #"-7 % 3"#,
      .answers(#"-1"#)),
    BuiltinCall(
      #"10 % 18446744073709551616"#,
      .answers(#"10"#)),
    BuiltinCall(
      #"5.5 % 2"#,
      .fails(#"eval_builtin_error: rem: modulo on floating-point number"#)),
    BuiltinCall(
      #"5.0 % 2"#,
      .answers(#"1"#)),
    BuiltinCall(
      #"5/0"#,
      .fails(#"eval_builtin_error: div: divide by zero"#)),
    BuiltinCall(
      #"5/0.0"#,
      .fails(#"eval_builtin_error: div: divide by zero"#)),
    BuiltinCall(
      #"5 % 0"#,
      .fails(#"eval_builtin_error: rem: modulo by zero"#)),
    BuiltinCall(
      #"9223372036854775807 + 1"#,
      .answers(#"9223372036854775808"#)),
    BuiltinCall(
      #"-9223372036854775807 - 2"#,
      .answers(#"-9223372036854775809"#)),
    BuiltinCall(
      #"9223372036854775807 * 9"#,
      .answers(#"83010348331692982263"#)),
    BuiltinCall(
      #"0.1 + 0.2"#,
      .answers(#"0.3"#)),
    BuiltinCall(
      #"123456789.123456789 * 1000"#,
      .answers(#"1.23456789123456789e+11"#)),
    BuiltinCall(
      #"1e400 + 1"#,
      .answers(
        #"10000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000001"#
      )),
    BuiltinCall(
      #"1e-7 * 1"#,
      .answers(#"1e-07"#)),
    BuiltinCall(
      #"100000000000000000000000001 * 1.5"#,
      .answers(#"150000000000000000000000000"#)),
    BuiltinCall(
      #"100000000000000000000000001 / 3"#,
      .answers(#"33333333333333333334000000"#)),
    BuiltinCall(
      #"[1.0, 1e3, 1E+2, -0, 0.10]"#,
      .answers(#"[1.0,1e3,1E+2,-0,0.10]"#)),
    BuiltinCall(
      #"{1, 1.0, 1e0}"#,
      .answers(#"[1]"#)),
    BuiltinCall(
      #"[1180591620717411303425 > 1180591620717411303424.5, 0.1 == 0.10000000000000000000000001, 1e30 == 1000000000000000000000000000000]"#,
      .answers(#"[true,false,true]"#)),
    BuiltinCall(
      #"[round(2.5), round(-2.5), round(0.4), round(1e20)]"#,
      .answers(#"[3,-3,0,100000000000000000000]"#)),
    BuiltinCall(
      #"[ceil(1.1), ceil(-1.1), ceil(-0.5), ceil(3)]"#,
      .answers(#"[2,-1,1,3]"#)),
    BuiltinCall(
      #"[floor(1.9), floor(-1.1), floor(1e30)]"#,
      .answers(#"[1,-2,1000000000000000000024696061952]"#)),
    BuiltinCall(
      #"[abs(-5), abs(-1e-7), abs(-1.50), abs(100000000000000000000000001)]"#,
      .answers(#"[5,1e-07,1.5,100000000000000000000000000]"#)),
    BuiltinCall(
      #"numbers.range(1, 4)"#,
      .answers(#"[1,2,3,4]"#)),
    BuiltinCall(
      #"numbers.range(3, 1)"#,
      .answers(#"[3,2,1]"#)),
    BuiltinCall(
      #"numbers.range(1e0, 2.0)"#,
      .answers(#"[1,2]"#)),
    BuiltinCall(
      #"numbers.range(9223372036854775807, 9223372036854775809)"#,
      .answers(#"[9223372036854775807,9223372036854775808,9223372036854775809]"#)),
    BuiltinCall(
      #"numbers.range(1.5, 2)"#,
      .fails(
        #"eval_type_error: numbers.range: operand 1 must be integer number but got floating-point number"#
      )),
    BuiltinCall(
      #"numbers.range_step(1, 10, 3)"#,
      .answers(#"[1,4,7,10]"#)),
    BuiltinCall(
      #"numbers.range_step(10, 1, 3)"#,
      .answers(#"[10,7,4,1]"#)),
    BuiltinCall(
      #"numbers.range_step(1, 10, 0)"#,
      .fails(
        #"eval_builtin_error: numbers.range_step: numbers.range_step: step must be a positive integer"#
      )),
    BuiltinCall(
      #"numbers.range_step(1, 10, 1.5)"#,
      .fails(
        #"eval_type_error: numbers.range_step: operand 3 must be integer number but got floating-point number"#
      )),
    BuiltinCall(
      #"bits.and(1180591620717411303425, 1180591620717411303427)"#,
      .answers(#"1180591620717411303425"#)),
    BuiltinCall(
      #"bits.and(-5, 3)"#,
      .answers(#"3"#)),
    BuiltinCall(
      #"bits.or(-5, 3)"#,
      .answers(#"-5"#)),
    BuiltinCall(
      #"bits.xor(-5, 1e3)"#,
      .answers(#"-1005"#)),
    BuiltinCall(
      #"[bits.negate(5), bits.negate(-1)]"#,
      .answers(#"[-6,0]"#)),
    BuiltinCall(
      #"[bits.lsh(1, 100), bits.rsh(-5, 1), bits.rsh(5, 100)]"#,
      .answers(#"[1267650600228229401496703205376,-3,0]"#)),
    BuiltinCall(
      #"bits.lsh(1, -1)"#,
      .fails(
        #"eval_type_error: bits.lsh: operand 2 must be an unsigned integer number but got a negative integer"#
      )),
    BuiltinCall(
      #"bits.lsh(1.5, 1)"#,
      .fails(
        #"eval_type_error: bits.lsh: operand 1 must be integer number but got floating-point number"#
      )),
    BuiltinCall(
      #"[format_int(-255, 16), format_int(15.9, 2), format_int(1e20, 16), format_int(10, 8)]"#,
      .answers(#"["-ff","1111","56bc75e2d63100000","12"]"#)),
    BuiltinCall(
      #"format_int(10, 3)"#,
      .fails(#"eval_type_error: format_int: operand 2 must be one of {2, 8, 10, 16}"#)),
    BuiltinCall(
      #"minus({1,2}, {2})"#,
      .answers(#"[1]"#)),
    BuiltinCall(
      #"minus(1, {1})"#,
      .fails(#"eval_type_error: minus: operand 2 must be number but got set"#)),
  ]

  @Test(arguments: calls)
  func `a call is answered as OPA answers it`(call: BuiltinCall) throws {
    try call.check()
  }
}
