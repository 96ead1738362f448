import TestSupport
import Testing

/// Calls and what OPA answers to them.
@Suite struct NetworksTests {
  static let calls: [BuiltinCall] = [
    BuiltinCall(
      #"[net.cidr_contains("10.0.0.0/8","10.1.1.1"), net.cidr_contains("10.0.0.0/8","10.1.0.0/16"), net.cidr_contains("10.1.0.0/16","10.0.0.0/8"), net.cidr_contains("2001:db8::/32","2001:db8::1"), net.cidr_contains("::ffff:1.2.3.0/120","1.2.3.4")]"#,
      .answers(#"[true,true,false,true,true]"#)),
    BuiltinCall(
      #"net.cidr_contains("a","b")"#,
      .fails(#"eval_builtin_error: net.cidr_contains: invalid CIDR address: a"#)),
    BuiltinCall(
      #"net.cidr_contains("10.0.0.0/8","10.1.1.1/33")"#,
      .fails(
        #"eval_builtin_error: net.cidr_contains: not a valid textual representation of an IP address or CIDR: 10.1.1.1/33"#
      )),
    BuiltinCall(
      #"[net.cidr_intersects("10.0.0.0/8","10.1.0.0/16"), net.cidr_intersects("10.0.0.0/8","11.0.0.0/8")]"#,
      .answers(#"[true,false]"#)),
    BuiltinCall(
      #"net.cidr_expand("10.0.0.1/30")"#,
      .answers(#"["10.0.0.0","10.0.0.1","10.0.0.2","10.0.0.3"]"#)),
    BuiltinCall(
      #"net.cidr_expand("2001:db8::/126")"#,
      .answers(#"["2001:db8::","2001:db8::1","2001:db8::2","2001:db8::3"]"#)),
    BuiltinCall(
      #"net.cidr_expand("x")"#,
      .fails(#"eval_builtin_error: net.cidr_expand: invalid CIDR address: x"#)),
    BuiltinCall(
      #"[net.cidr_is_valid("10.0.0.1/8"), net.cidr_is_valid("10.0.0.1"), net.cidr_is_valid("::/0"), net.cidr_is_valid("01.0.0.0/8")]"#,
      .answers(#"[true,false,true,false]"#)),
    BuiltinCall(
      #"net.cidr_merge(["10.0.0.0/24","10.0.1.0/24","192.168.1.1"])"#,
      .answers(#"["10.0.0.0/23","192.168.1.1/24"]"#)),
    BuiltinCall(
      #"net.cidr_merge(["2001:db8::/33","2001:db8:8000::/33"])"#,
      .answers(#"["2001:db8::/32"]"#)),
    BuiltinCall(
      #"net.cidr_merge({"10.0.0.0/24","10.0.0.128/25"})"#,
      .answers(#"["10.0.0.0/24"]"#)),
    BuiltinCall(
      #"net.cidr_merge(["a"])"#,
      .fails(#"eval_builtin_error: net.cidr_merge: invalid CIDR address: a"#)),
    BuiltinCall(
      #"net.cidr_merge(["::1"])"#,
      .fails(#"eval_builtin_error: net.cidr_merge: IPv6 invalid: needs prefix length"#)),
    BuiltinCall(
      #"net.cidr_contains_matches({"a":"10.0.0.0/8","b":["10.1.0.0/16","x"]},["10.1.1.1",["10.2.0.0/16",1]])"#,
      .answers(#"[["a",0],["a",1],["b",0]]"#)),
    BuiltinCall(
      #"net.cidr_contains_matches("10.0.0.0/8",{"10.0.0.1"})"#,
      .answers(#"[["10.0.0.0/8","10.0.0.1"]]"#)),
    BuiltinCall(
      #"[net.cidr_overlap("10.0.0.0/8","10.1.2.3"), net.cidr_overlap("10.0.0.0/8","11.0.0.0/8")]"#,
      .answers(#"[true,false]"#), isDeprecated: true),
  ]

  @Test(arguments: calls)
  func `a call is answered as OPA answers it`(call: BuiltinCall) throws {
    try call.check()
  }
}
