import TestSupport
import Testing

/// Calls and what OPA answers to them.
@Suite struct SprintfTests {
  static let calls: [BuiltinCall] = [
    BuiltinCall(
      #"sprintf("%v %d %s %5.2f", [1,2.5,"x",3])"#,
      .answers(#""1 %!d(float64=2.5) x %!f(int64=   03)""#)),
    BuiltinCall(
      #"sprintf("%v|%s|%d", [{"a":1,2:[null,true]}, {1,"x"}, false])"#,
      .answers(#""{2: [null, true], \"a\": 1}|{1, \"x\"}|%!d(string=false)""#)),
    BuiltinCall(
      #"sprintf("%v %v %v %v", [1e400, 1.0, 123456789012345678901234567890, 0.1])"#,
      .answers(#""1e400 1 123456789012345678901234567890 0.1""#)),
    BuiltinCall(
      #"sprintf("%05d|%-5d|%+d|% d|%x|%X|%o|%b|%c|%U|%q", [42,42,42,42,255,255,8,5,233,233,233])"#,
      .answers(#""00042|42   |+42| 42|ff|FF|10|101|é|U+00E9|'é'""#)),
    BuiltinCall(
      #"sprintf("%8.3f|%e|%g|%G|%08.2f|%.3g", [3.14159, 1234.5678, 1e-7*1, 1.5, -3.5, 1234.5])"#,
      .answers(#""   3.142|1.234568e+03|%!g(string=1e-07)|1.5|-0003.50|1.23e+03""#)),
    BuiltinCall(
      #"sprintf("%q|%x|% x|%.2s|%6.2s|%-4s|", ["a\"é","hi","hi","漢字x","漢字x","a"])"#,
      .answers(#""\"a\\\"é\"|6869|68 69|漢字|    漢字|a   |""#)),
    BuiltinCall(
      #"sprintf("%[2]v %[1]v", [1,2])"#,
      .answers(#""2 1""#)),
    BuiltinCall(
      #"sprintf("%*d|%.*f", [5,42,2,3.14159])"#,
      .answers(#""   42|3.14""#)),
    BuiltinCall(
      #"sprintf("%d", [])"#,
      .answers(#""%!d(MISSING)""#)),
    BuiltinCall(
      #"sprintf("%d %d", [1])"#,
      .answers(#""1 %!d(MISSING)""#)),
    BuiltinCall(
      #"sprintf("a", [1,"x"])"#,
      .answers(#""a%!(EXTRA int64=1, string=x)""#)),
    BuiltinCall(
      #"sprintf("%", [1])"#,
      .answers(#""%!(NOVERB)%!(EXTRA int64=1)""#)),
    BuiltinCall(
      #"sprintf("%z", [1])"#,
      .answers(#""%!z(int64=1)""#)),
    BuiltinCall(
      #"sprintf("%!", [])"#,
      .answers(#""%!!(MISSING)""#)),
    BuiltinCall(
      #"sprintf("%%", [])"#,
      .answers(#""%""#)),
    BuiltinCall(
      #"sprintf("%[5]d", [1])"#,
      .answers(#""%!d(BADINDEX)""#)),
    BuiltinCall(
      #"sprintf("%t", [true])"#,
      .answers(#""%!t(string=true)""#)),
    BuiltinCall(
      #"sprintf("%s", [set()])"#,
      .answers(#""set()""#)),
    BuiltinCall(
      #"sprintf("%d", [123456789012345678901234567890])"#,
      .answers(#""123456789012345678901234567890""#)),
    BuiltinCall(
      #"sprintf("%x", [123456789012345678901234567890])"#,
      .answers(#""18ee90ff6c373e0ee4e3f0ad2""#)),
    BuiltinCall(
      #"sprintf("%#v", ["a"])"#,
      .answers(#""\"a\"""#)),
  ]

  @Test(arguments: calls)
  func `a call is answered as OPA answers it`(call: BuiltinCall) throws {
    try call.check()
  }
}
