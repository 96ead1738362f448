import TestSupport
import Testing

/// Calls and what OPA answers to them.
@Suite struct RegexTests {
  static let calls: [BuiltinCall] = [
    BuiltinCall(
      #"[regex.match("^[a-z]+\\[[0-9]+\\]$", "foo[1]"), regex.match("a.c", "a\nc"), regex.match("(?s)a.c", "a\nc"), regex.match("(?i)straße", "STRASSE"), regex.match("(?i)k", "\u212a")]"#,
      .answers(#"[true,false,true,false,true]"#)),
    BuiltinCall(
      #"regex.match("(", "a")"#,
      .fails(#"eval_builtin_error: regex.match: error parsing regexp: missing closing ): `(`"#)),
    BuiltinCall(
      #"regex.match("a**", "a")"#,
      .fails(
        #"eval_builtin_error: regex.match: error parsing regexp: invalid nested repetition operator: `**`"#
      )),
    BuiltinCall(
      #"regex.match("a{2,1001}", "a")"#,
      .fails(
        #"eval_builtin_error: regex.match: error parsing regexp: invalid repeat count: `{2,1001}`"#)
    ),
    BuiltinCall(
      #"regex.match("(a{500}){3}", "a")"#,
      .fails(#"eval_builtin_error: regex.match: error parsing regexp: invalid repeat count: `{3}`"#)
    ),
    BuiltinCall(
      #"regex.match("\\8", "a")"#,
      .fails(
        #"eval_builtin_error: regex.match: error parsing regexp: invalid escape sequence: `\8`"#)),
    BuiltinCall(
      #"regex.match("[b-a]", "a")"#,
      .fails(
        #"eval_builtin_error: regex.match: error parsing regexp: invalid character class range: `b-a`"#
      )),
    BuiltinCall(
      #"regex.match("(?=a)", "a")"#,
      .fails(
        #"eval_builtin_error: regex.match: error parsing regexp: invalid or unsupported Perl syntax: `(?=`"#
      )),
    BuiltinCall(
      #"regex.match("\\pX", "a")"#,
      .fails(
        #"eval_builtin_error: regex.match: error parsing regexp: invalid character class range: `\pX`"#
      )),
    BuiltinCall(
      #"[regex.match("^\\p{Greek}+$", "αβγ"), regex.match("^\\pL\\PL$", "é1"), regex.match("\\bfoo\\b", "a foo b"), regex.match("(?m)^b$", "a\nb\nc")]"#,
      .answers(#"[true,true,true,true]"#)),
    BuiltinCall(
      #"regex.split("x*", "axbxc")"#,
      .answers(#"["a","b","c"]"#)),
    BuiltinCall(
      #"regex.split("", "abc")"#,
      .answers(#"["a","b","c"]"#)),
    BuiltinCall(
      #"regex.find_n("[oa]+", "reforestation", 2)"#,
      .answers(#"["o","a"]"#)),
    BuiltinCall(
      #"regex.find_n("", "abc", -1)"#,
      .answers(#"["","","",""]"#)),
    BuiltinCall(
      #"regex.find_n("a", "aaa", 0)"#,
      .answers(#"[]"#)),
    BuiltinCall(
      #"regex.find_all_string_submatch_n("(a)|(b)", "ab", -1)"#,
      .answers(#"[["a","a",""],["b","","b"]]"#)),
    BuiltinCall(
      #"regex.find_all_string_submatch_n("a(b*?)(c|bc)", "abbc", -1)"#,
      .answers(#"[["abbc","b","bc"]]"#)),
    BuiltinCall(
      #"regex.find_all_string_submatch_n("(a|ab)(c|bcd)(d*)", "abcd", -1)"#,
      .answers(#"[["abcd","a","bcd",""]]"#)),
    BuiltinCall(
      #"regex.replace("foo", "(o)", "$1x${1}y$$")"#,
      .answers(#""foy$oy$""#)),
    BuiltinCall(
      #"regex.replace("abc", "x*", "-")"#,
      .answers(#""-a-b-c-""#)),
    BuiltinCall(
      #"regex.replace("John Smith", "(?P<first>\\w+) (?P<last>\\w+)", "${last}, $first")"#,
      .answers(#""Smith, John""#)),
    BuiltinCall(
      #"regex.template_match("urn:foo:{.*}", "urn:foo:bar:baz", "{", "}")"#,
      .answers(#"true"#)),
    BuiltinCall(
      #"regex.template_match("urn:foo:{.*", "urn:foo:bar:baz", "{", "}")"#,
      .fails(#"eval_builtin_error: regex.template_match: unbalanced braces in "urn:foo:{.*""#)),
    BuiltinCall(
      #"regex.template_match("urn:{(}", "urn", "{", "}")"#,
      .fails(
        #"eval_builtin_error: regex.template_match: error parsing regexp: missing closing ): `^($`"#
      )),
    BuiltinCall(
      #"regex.template_match("a", "a", "{{", "}")"#,
      .fails(
        #"eval_builtin_error: regex.template_match: start delimiter has to be exactly one character long but is 2 long"#
      )),
    BuiltinCall(
      #"[regex.globs_match("a.a.[0-9]+z", "a.b.20[0-9]4z"), regex.globs_match("[a-z]+", "[0-9]*")]"#,
      .answers(#"[false,false]"#)),
    BuiltinCall(
      #"regex.globs_match("[", "a")"#,
      .fails(
        #"eval_builtin_error: regex.globs_match: input:[, pos:1, found [ without matching ]: the input provided is invalid"#
      )),
    BuiltinCall(
      #"regex.globs_match("*", "b")"#,
      .fails(
        #"eval_builtin_error: regex.globs_match: input:*, pos:1, flag '*' must be preceded by a non-flag: the input provided is invalid"#
      )),
  ]

  @Test(arguments: calls)
  func `a call is answered as OPA answers it`(call: BuiltinCall) throws {
    try call.check()
  }
}
