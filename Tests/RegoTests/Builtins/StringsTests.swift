import TestSupport
import Testing

/// Calls and what OPA answers to them.
@Suite struct StringsTests {
  static let calls: [BuiltinCall] = [
    BuiltinCall(
      #"[startswith("abc","ab"), endswith("abc","bc"), contains("abc","b"), contains("","")]"#,
      .answers(#"[true,true,true,true]"#)),
    BuiltinCall(
      #"[lower("ÀİΣ"), upper("ßéǆ")]"#,
      .answers(#"["àiσ","ßÉǄ"]"#)),
    BuiltinCall(
      #"concat(",", ["a","b"])"#,
      .answers(#""a,b""#)),
    BuiltinCall(
      #"concat(",", {"b","a"})"#,
      .answers(#""a,b""#)),
    BuiltinCall(
      #"concat(",", [])"#,
      .answers(#""""#)),
    BuiltinCall(
      #"split("a,b,,c", ",")"#,
      .answers(#"["a","b","","c"]"#)),
    BuiltinCall(
      #"split("abc", "")"#,
      .answers(#"["a","b","c"]"#)),
    BuiltinCall(
      #"split("", "")"#,
      .answers(#"[]"#)),
    BuiltinCall(
      #"split("", ",")"#,
      .answers(#"[""]"#)),
    BuiltinCall(
      #"strings.split_n("a,b,c", ",", 2)"#,
      .answers(#"["a","b"]"#)),
    BuiltinCall(
      #"strings.split_n("a,b,c", ",", -1)"#,
      .answers(#"["c"]"#)),
    BuiltinCall(
      #"strings.split_n("a,b,c", ",", 0)"#,
      .answers(#"[]"#)),
    BuiltinCall(
      #"replace("abcabc", "bc", "x")"#,
      .answers(#""axax""#)),
    BuiltinCall(
      #"replace("abc", "", "-")"#,
      .answers(#""-a-b-c-""#)),
    BuiltinCall(
      #"strings.replace_n({"a":"b","b":"c"}, "abc")"#,
      .answers(#""bcc""#)),
    BuiltinCall(
      #"strings.replace_n({"ab":"x","a":"y"}, "abac")"#,
      .answers(#""ybyc""#)),
    BuiltinCall(
      #"indexof("aébé", "bé")"#,
      .answers(#"2"#)),
    BuiltinCall(
      #"indexof("abc","z")"#,
      .answers(#"-1"#)),
    BuiltinCall(
      #"indexof("abc","")"#,
      .fails(#"eval_builtin_error: indexof: empty search character"#)),
    BuiltinCall(
      #"indexof_n("aaa","aa")"#,
      .answers(#"[0,1]"#)),
    BuiltinCall(
      #"indexof_n("abc","z")"#,
      .answers(#"[]"#)),
    BuiltinCall(
      #"substring("aé漢d", 1, 2)"#,
      .answers(#""é漢""#)),
    BuiltinCall(
      #"substring("abc", 1, -1)"#,
      .answers(#""bc""#)),
    BuiltinCall(
      #"substring("abc", 5, 2)"#,
      .answers(#""""#)),
    BuiltinCall(
      #"substring("abc", -1, 2)"#,
      .fails(#"eval_builtin_error: substring: negative offset"#)),
    BuiltinCall(
      #"substring("abc", 1.0, 1)"#,
      .answers(#""b""#)),
    BuiltinCall(
      #"[trim("xxabxx","x"), trim_left("xab","x"), trim_right("abx","x"), trim("ab","")]"#,
      .answers(#"["ab","ab","ab","ab"]"#)),
    BuiltinCall(
      #"[trim_prefix("foobar","foo"), trim_suffix("foobar","bar"), trim_prefix("a","b")]"#,
      .answers(#"["bar","foo","a"]"#)),
    BuiltinCall(
      #"trim_space("\u00a0 a\u2003\u0085")"#,
      .answers(#""a""#)),
    BuiltinCall(
      #"strings.reverse("aé漢")"#,
      .answers(#""漢éa""#)),
    BuiltinCall(
      #"[strings.count("cheese","e"), strings.count("cheese",""), strings.count("aaa","aa")]"#,
      .answers(#"[3,7,1]"#)),
    BuiltinCall(
      #"strings.any_prefix_match(["abc","x"], {"ab"})"#,
      .answers(#"true"#)),
    BuiltinCall(
      #"strings.any_prefix_match("abc", ["b","c"])"#,
      .answers(#"false"#)),
    BuiltinCall(
      #"strings.any_suffix_match({"abc","x"}, "bc")"#,
      .answers(#"true"#)),
    BuiltinCall(
      #"strings.any_suffix_match([], "bc")"#,
      .answers(#"false"#)),
  ]

  @Test(arguments: calls)
  func `a call is answered as OPA answers it`(call: BuiltinCall) throws {
    try call.check()
  }
}
