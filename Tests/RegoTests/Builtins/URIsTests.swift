import TestSupport
import Testing

/// Calls and what OPA answers to them.
@Suite struct URIsTests {
  static let calls: [BuiltinCall] = [
    BuiltinCall(
      ##"uri.parse("http://u:p@h.com:80/a/b%20c?x=1&y=2#frag")"##,
      .answers(
        ##"{"fragment":"frag","hostname":"h.com","path":"/a/b c","port":"80","raw_path":"/a/b c","raw_query":"x=1&y=2","scheme":"http"}"##
      )),
    BuiltinCall(
      ##"uri.parse("::bad")"##,
      .fails(##"eval_builtin_error: uri.parse: parse "::bad": missing protocol scheme"##)),
    BuiltinCall(
      ##"uri.parse("http://a b")"##,
      .fails(
        ##"eval_builtin_error: uri.parse: parse "http://a b": invalid character " " in host name"##)
    ),
    BuiltinCall(
      ##"uri.parse("mailto:a@b")"##,
      .answers(##"{"scheme":"mailto"}"##)),
    BuiltinCall(
      ##"uri.parse("")"##,
      .answers(##"{}"##)),
    BuiltinCall(
      ##"uri.parse("//h/p")"##,
      .answers(##"{"hostname":"h","path":"/p","raw_path":"/p"}"##)),
    BuiltinCall(
      ##"uri.parse("*")"##,
      .answers(##"{"path":"*","raw_path":"*"}"##)),
    BuiltinCall(
      ##"uri.parse("/a:b")"##,
      .answers(##"{"path":"/a:b","raw_path":"/a:b"}"##)),
    BuiltinCall(
      ##"uri.parse("a:b/c")"##,
      .answers(##"{"scheme":"a"}"##)),
    BuiltinCall(
      ##"uri.parse("1a:b")"##,
      .fails(
        ##"eval_builtin_error: uri.parse: parse "1a:b": first path segment in URL cannot contain colon"##
      )),
    BuiltinCall(
      ##"uri.parse("a/b:c")"##,
      .answers(##"{"path":"a/b:c","raw_path":"a/b:c"}"##)),
    BuiltinCall(
      ##"uri.parse("?x")"##,
      .answers(##"{"raw_query":"x"}"##)),
    BuiltinCall(
      ##"uri.parse("http://h?a?b#c#d")"##,
      .answers(##"{"fragment":"c#d","hostname":"h","raw_query":"a?b","scheme":"http"}"##)),
    BuiltinCall(
      ##"uri.parse("HTTP://Host/%7e")"##,
      .answers(##"{"hostname":"Host","path":"/~","raw_path":"/%7e","scheme":"http"}"##)),
    BuiltinCall(
      ##"uri.parse("http://h/%2F")"##,
      .answers(##"{"hostname":"h","path":"//","raw_path":"/%2F","scheme":"http"}"##)),
    BuiltinCall(
      ##"uri.parse("http://h/a b")"##,
      .answers(##"{"hostname":"h","path":"/a b","raw_path":"/a b","scheme":"http"}"##)),
    BuiltinCall(
      ##"uri.parse("http://h/é")"##,
      .answers(##"{"hostname":"h","path":"/é","raw_path":"/é","scheme":"http"}"##)),
    BuiltinCall(
      ##"uri.parse("http://h/%zz")"##,
      .fails(##"eval_builtin_error: uri.parse: parse "http://h/%zz": invalid URL escape "%zz""##)),
    BuiltinCall(
      ##"uri.parse("http://h/%4")"##,
      .fails(##"eval_builtin_error: uri.parse: parse "http://h/%4": invalid URL escape "%4""##)),
    BuiltinCall(
      ##"uri.parse("http://[::1]:80/x")"##,
      .answers(##"{"hostname":"::1","path":"/x","port":"80","raw_path":"/x","scheme":"http"}"##)),
    BuiltinCall(
      ##"uri.parse("http://[::1/x")"##,
      .fails(##"eval_builtin_error: uri.parse: parse "http://[::1/x": missing ']' in host"##)),
    BuiltinCall(
      ##"uri.parse("http://[fe80::1%25en0]:1/")"##,
      .answers(
        ##"{"hostname":"fe80::1%en0","path":"/","port":"1","raw_path":"/","scheme":"http"}"##)),
    BuiltinCall(
      ##"uri.parse("http://h:x/")"##,
      .fails(##"eval_builtin_error: uri.parse: parse "http://h:x/": invalid port ":x" after host"##)
    ),
    BuiltinCall(
      ##"uri.parse("http://h:/")"##,
      .answers(##"{"hostname":"h","path":"/","raw_path":"/","scheme":"http"}"##)),
    BuiltinCall(
      ##"uri.parse("http://h%41/")"##,
      .fails(##"eval_builtin_error: uri.parse: parse "http://h%41/": invalid URL escape "%41""##)),
    BuiltinCall(
      ##"uri.parse("http://h%25/")"##,
      .answers(##"{"hostname":"h%","path":"/","raw_path":"/","scheme":"http"}"##)),
    BuiltinCall(
      ##"uri.parse("http://a@b@c/")"##,
      .answers(##"{"hostname":"c","path":"/","raw_path":"/","scheme":"http"}"##)),
    BuiltinCall(
      ##"uri.parse("http://us er@h/")"##,
      .fails(
        ##"eval_builtin_error: uri.parse: parse "http://us er@h/": net/url: invalid userinfo"##)),
    BuiltinCall(
      ##"uri.parse("http://u%20:p%zz@h/")"##,
      .fails(
        ##"eval_builtin_error: uri.parse: parse "http://u%20:p%zz@h/": invalid URL escape "%zz""##)),
    BuiltinCall(
      ##"uri.parse("///p")"##,
      .answers(##"{"path":"///p","raw_path":"///p"}"##)),
    BuiltinCall(
      ##"uri.parse("http:///p")"##,
      .answers(##"{"path":"/p","raw_path":"/p","scheme":"http"}"##)),
    BuiltinCall(
      ##"uri.parse("file:///etc/x")"##,
      .answers(##"{"path":"/etc/x","raw_path":"/etc/x","scheme":"file"}"##)),
    BuiltinCall(
      ##"uri.parse("http://h/#%zz")"##,
      .fails(##"eval_builtin_error: uri.parse: parse "http://h/#%zz": invalid URL escape "%zz""##)),
    BuiltinCall(
      ##"uri.parse("a\u0001b")"##,
      .fails(
        ##"eval_builtin_error: uri.parse: parse "a\x01b": net/url: invalid control character in URL"##
      )),
    BuiltinCall(
      ##"uri.parse("x://h/[a]")"##,
      .answers(##"{"hostname":"h","path":"/[a]","raw_path":"/[a]","scheme":"x"}"##)),
    BuiltinCall(
      ##"uri.parse("urn:isbn:1?q#f")"##,
      .answers(##"{"fragment":"f","raw_query":"q","scheme":"urn"}"##)),
    BuiltinCall(
      ##"uri.parse("http://[1.2.3.4]/")"##,
      .fails(##"eval_builtin_error: uri.parse: parse "http://[1.2.3.4]/": invalid IP-literal"##)),
    BuiltinCall(
      ##"uri.parse("http://x[::1]/")"##,
      .fails(##"eval_builtin_error: uri.parse: parse "http://x[::1]/": invalid IP-literal"##)),
    BuiltinCall(
      ##"uri.parse("http://[::1]]/")"##,
      .fails(
        ##"eval_builtin_error: uri.parse: parse "http://[::1]]/": invalid host: ParseAddr("::1]"): unable to parse IP"##
      )),
    BuiltinCall(
      ##"uri.parse("http://h/!$&'()*+,;=:@")"##,
      .answers(
        ##"{"hostname":"h","path":"/!$&'()*+,;=:@","raw_path":"/!$&'()*+,;=:@","scheme":"http"}"##)),
    BuiltinCall(
      ##"uri.parse("#f")"##,
      .answers(##"{"fragment":"f"}"##)),
    BuiltinCall(
      ##"uri.parse("http://h/%41%42")"##,
      .answers(##"{"hostname":"h","path":"/AB","raw_path":"/%41%42","scheme":"http"}"##)),
    BuiltinCall(
      ##"uri.parse("http://h/%41 b")"##,
      .answers(##"{"hostname":"h","path":"/A b","raw_path":"/%41 b","scheme":"http"}"##)),
    BuiltinCall(
      ##"uri.parse("http://é.com/")"##,
      .answers(##"{"hostname":"é.com","path":"/","raw_path":"/","scheme":"http"}"##)),
    BuiltinCall(
      ##"uri.parse("http://h/?a b")"##,
      .answers(##"{"hostname":"h","path":"/","raw_path":"/","raw_query":"a b","scheme":"http"}"##)),
    BuiltinCall(
      ##"uri.parse("+a:b")"##,
      .fails(
        ##"eval_builtin_error: uri.parse: parse "+a:b": first path segment in URL cannot contain colon"##
      )),
    BuiltinCall(
      ##"uri.parse("a%3a:b")"##,
      .fails(
        ##"eval_builtin_error: uri.parse: parse "a%3a:b": first path segment in URL cannot contain colon"##
      )),
    BuiltinCall(
      ##"uri.parse("http://[fe80::1%25e%20n]/")"##,
      .answers(##"{"hostname":"fe80::1%e n","path":"/","raw_path":"/","scheme":"http"}"##)),
    BuiltinCall(
      ##"uri.parse("http://[zz]/")"##,
      .fails(
        ##"eval_builtin_error: uri.parse: parse "http://[zz]/": invalid host: ParseAddr("zz"): unable to parse IP"##
      )),
    BuiltinCall(
      ##"uri.parse("http://h/a?b=c%zz")"##,
      .answers(
        ##"{"hostname":"h","path":"/a","raw_path":"/a","raw_query":"b=c%zz","scheme":"http"}"##)),
    BuiltinCall(
      ##"[uri.is_valid("http://u:p@h.com:80/a/b%20c?x=1&y=2#frag"), uri.is_valid("::bad"), uri.is_valid("http://a b"), uri.is_valid("mailto:a@b"), uri.is_valid(""), uri.is_valid("//h/p"), uri.is_valid("*"), uri.is_valid("/a:b")]"##,
      .answers(##"[true,false,false,true,false,true,true,true]"##)),
    BuiltinCall(
      ##"[uri.is_valid("a:b/c"), uri.is_valid("1a:b"), uri.is_valid("a/b:c"), uri.is_valid("?x"), uri.is_valid("http://h?a?b#c#d"), uri.is_valid("HTTP://Host/%7e"), uri.is_valid("http://h/%2F"), uri.is_valid("http://h/a b")]"##,
      .answers(##"[true,false,true,true,true,true,true,true]"##)),
    BuiltinCall(
      ##"[uri.is_valid("http://h/é"), uri.is_valid("http://h/%zz"), uri.is_valid("http://h/%4"), uri.is_valid("http://[::1]:80/x"), uri.is_valid("http://[::1/x"), uri.is_valid("http://[fe80::1%25en0]:1/"), uri.is_valid("http://h:x/"), uri.is_valid("http://h:/")]"##,
      .answers(##"[true,false,false,true,false,true,false,true]"##)),
    BuiltinCall(
      ##"[uri.is_valid("http://h%41/"), uri.is_valid("http://h%25/"), uri.is_valid("http://a@b@c/"), uri.is_valid("http://us er@h/"), uri.is_valid("http://u%20:p%zz@h/"), uri.is_valid("///p"), uri.is_valid("http:///p"), uri.is_valid("file:///etc/x")]"##,
      .answers(##"[false,true,true,false,false,true,true,true]"##)),
    BuiltinCall(
      ##"[uri.is_valid("http://h/#%zz"), uri.is_valid("a\u0001b"), uri.is_valid("x://h/[a]"), uri.is_valid("urn:isbn:1?q#f"), uri.is_valid("http://[1.2.3.4]/"), uri.is_valid("http://x[::1]/"), uri.is_valid("http://[::1]]/"), uri.is_valid("http://h/!$&'()*+,;=:@")]"##,
      .answers(##"[false,false,true,true,false,false,false,true]"##)),
    BuiltinCall(
      ##"[uri.is_valid("#f"), uri.is_valid("http://h/%41%42"), uri.is_valid("http://h/%41 b"), uri.is_valid("http://é.com/"), uri.is_valid("http://h/?a b"), uri.is_valid("+a:b"), uri.is_valid("a%3a:b"), uri.is_valid("http://[fe80::1%25e%20n]/")]"##,
      .answers(##"[true,true,true,true,true,false,false,true]"##)),
    BuiltinCall(
      ##"[uri.is_valid("http://[zz]/"), uri.is_valid("http://h/a?b=c%zz")]"##,
      .answers(##"[false,true]"##)),
  ]

  @Test(arguments: calls)
  func `a call is answered as OPA answers it`(call: BuiltinCall) throws {
    try call.check()
  }
}
