import TestSupport
import Testing

/// Calls and what OPA answers to them.
@Suite struct GlobTests {
  static let calls: [BuiltinCall] = [
    BuiltinCall(
      #"[glob.match("*.github.com", ["."], "api.github.com"), glob.match("*.github.com", [], "a.b.github.com"), glob.match("**.github.com", ["."], "a.b.github.com")]"#,
      .answers(#"[true,false,true]"#)),
    BuiltinCall(
      #"[glob.match("a:*:c", [":"], "a:b:c"), glob.match("*hub.com", null, "api.cdn.github.com")]"#,
      .answers(#"[true,true]"#)),
    BuiltinCall(
      #"[glob.match("[a-c]at", [], "cat"), glob.match("[!a-c]at", [], "cat"), glob.match("{cat,bat,[fr]at}", [], "rat"), glob.match("?at", [], "at")]"#,
      .answers(#"[true,false,true,false]"#)),
    BuiltinCall(
      #"glob.match("{a,b", ["."], "a")"#,
      .answers(#"true"#)),
    BuiltinCall(
      #"glob.match("[a", ["."], "a")"#,
      .fails(#"eval_builtin_error: glob.match: unexpected end of input"#)),
    BuiltinCall(
      #"glob.match("[]", ["."], "a")"#,
      .fails(#"eval_builtin_error: glob.match: could not parse range"#)),
    BuiltinCall(
      #"glob.match("[b-a]", ["."], "a")"#,
      .fails(#"eval_builtin_error: glob.match: hi character 'a' should be greater than lo 'b'"#)),
    BuiltinCall(
      #"glob.match("a", ["ab"], "a")"#,
      .fails(
        #"eval_type_error: glob.match: operand 2 must be array of runes but got array containing string"#
      )),
    BuiltinCall(
      #"glob.quote_meta("*.[a]{b,c}\\?!-")"#,
      .answers(#""\\*.\\[a\\]\\{b,c\\}\\\\\\?!-""#)),
  ]

  @Test(arguments: calls)
  func `a call is answered as OPA answers it`(call: BuiltinCall) throws {
    try call.check()
  }
}
