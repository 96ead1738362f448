import PolicyFunctions
import TestSupport
import Testing

/// Calls and what OPA answers to them.
@Suite struct YAMLTests {
  static let calls: [BuiltinCall] = [
    BuiltinCall(
      #"yaml.marshal({"a":[1,{"b":2},[3,4]],"c":{"d":null,"e":{}},"f":[],"g":"true","h":"x: y","i":"","j":"multi\nline","k":"1.0","l":"- a","m":1.50,"n":true,"o":"a #b","p":"'q'","q":"é","r":" lead"})"#,
      .answers(
        #""a:\n- 1\n- b: 2\n- - 3\n  - 4\nc:\n  d: null\n  e: {}\nf: []\ng: \"true\"\nh: 'x: y'\ni: \"\"\nj: |-\n  multi\n  line\nk: \"1.0\"\nl: '- a'\nm: 1.5\n\"n\": true\no: 'a #b'\np: '''q'''\nq: é\nr: ' lead'\n""#
      )),
    BuiltinCall(
      #"yaml.marshal([1,[2,[3]],{"a":1,"b":[]}])"#,
      .answers(#""- 1\n- - 2\n  - - 3\n- a: 1\n  b: []\n""#)),
    BuiltinCall(
      #"yaml.marshal(set())"#,
      .answers(#""[]\n""#)),
    BuiltinCall(
      #"yaml.unmarshal("a: 1\nb: [x, ~, 'y']\nc: true")"#,
      .answers(#"{"a":1,"b":["x",null,"y"],"c":true}"#)),
    BuiltinCall(
      #"yaml.unmarshal("")"#,
      .answers(#"null"#)),
    BuiltinCall(
      #"[yaml.is_valid("a: ["), yaml.is_valid("a: 1")]"#,
      .answers(#"[false,true]"#)),
    BuiltinCall(#"yaml.unmarshal("a: yes").a"#, .answers(#"true"#)),
    BuiltinCall(#"yaml.unmarshal("a: on").a"#, .answers(#"true"#)),
    BuiltinCall(#"yaml.unmarshal("a: y").a"#, .answers(#"true"#)),
    BuiltinCall(#"yaml.unmarshal("a: True").a"#, .answers(#"true"#)),
    BuiltinCall(#"yaml.unmarshal("a: TRUE").a"#, .answers(#"true"#)),
    BuiltinCall(#"yaml.unmarshal("a: No").a"#, .answers(#"false"#)),
    BuiltinCall(#"yaml.unmarshal("a: off").a"#, .answers(#"false"#)),
    BuiltinCall(#"yaml.unmarshal("a: n").a"#, .answers(#"false"#)),
    BuiltinCall(#"yaml.unmarshal("a: false").a"#, .answers(#"false"#)),
    BuiltinCall(#"yaml.unmarshal("a: Null").a"#, .answers(#"null"#)),
    BuiltinCall(#"yaml.unmarshal("a: NULL").a"#, .answers(#"null"#)),
    BuiltinCall(#"yaml.unmarshal("a: 1.0").a"#, .answers(#"1"#)),
    BuiltinCall(#"yaml.unmarshal("a: 1e3").a"#, .answers(#"1000"#)),
    BuiltinCall(#"yaml.unmarshal("a: .5").a"#, .answers(#"0.5"#)),
    BuiltinCall(#"yaml.unmarshal("a: 1.").a"#, .answers(#"1"#)),
    BuiltinCall(#"yaml.unmarshal("a: 0.1e-2").a"#, .answers(#"0.001"#)),
    BuiltinCall(#"yaml.unmarshal("a: 0x10").a"#, .answers(#"16"#)),
    BuiltinCall(#"yaml.unmarshal("a: 0o17").a"#, .answers(#"15"#)),
    BuiltinCall(#"yaml.unmarshal("a: 0b11").a"#, .answers(#"3"#)),
    BuiltinCall(#"yaml.unmarshal("a: 1_000").a"#, .answers(#"1000"#)),
    BuiltinCall(#"yaml.unmarshal("a: 1__0").a"#, .answers(#"10"#)),
    BuiltinCall(#"yaml.unmarshal("a: 0_7").a"#, .answers(#"7"#)),
    BuiltinCall(#"yaml.unmarshal("a: 017").a"#, .answers(#"15"#)),
    BuiltinCall(
      #"yaml.unmarshal("a: 99999999999999999999").a"#, .answers(#"100000000000000000000"#)),
    BuiltinCall(
      #"yaml.unmarshal("a: 18446744073709551615").a"#, .answers(#"18446744073709551615"#)),
    BuiltinCall(#"yaml.unmarshal("a: -0x10").a"#, .answers(#"-16"#)),
    BuiltinCall(
      #"yaml.unmarshal("a: -9223372036854775808").a"#, .answers(#"-9223372036854775808"#)),
    BuiltinCall(#"yaml.unmarshal("a: 9223372036854775808").a"#, .answers(#"9223372036854775808"#)),
    BuiltinCall(#"yaml.unmarshal("a: +5").a"#, .answers(#"5"#)),
    BuiltinCall(#"yaml.unmarshal("a: -5").a"#, .answers(#"-5"#)),
    BuiltinCall(#"yaml.unmarshal("a: 08").a"#, .answers(#"8"#)),
    BuiltinCall(#"yaml.unmarshal("a: 0").a"#, .answers(#"0"#)),
    BuiltinCall(#"yaml.unmarshal("a: -0").a"#, .answers(#"0"#)),
    BuiltinCall(#"yaml.unmarshal("a: 00").a"#, .answers(#"0"#)),
    BuiltinCall(#"yaml.unmarshal("a: 1.5.2").a"#, .answers(#""1.5.2""#)),
    BuiltinCall(#"yaml.unmarshal("a: 2001-01-01").a"#, .answers(#""2001-01-01""#)),
    BuiltinCall(#"yaml.unmarshal("a: -.5").a"#, .answers(#"-0.5"#)),
    BuiltinCall(#"yaml.unmarshal("a: +1e+2").a"#, .answers(#"100"#)),
    BuiltinCall(#"yaml.unmarshal("a: .").a"#, .answers(#"".""#)),
    BuiltinCall(#"yaml.unmarshal("a: 1e").a"#, .answers(#""1e""#)),
    BuiltinCall(#"yaml.unmarshal("a: 0x").a"#, .answers(#""0x""#)),
    BuiltinCall(#"yaml.unmarshal("a: 0b2").a"#, .answers(#""0b2""#)),
    BuiltinCall(#"yaml.unmarshal("a: 1-2").a"#, .answers(#""1-2""#)),
    BuiltinCall(#"yaml.unmarshal("a: 'yes'").a"#, .answers(#""yes""#)),
    BuiltinCall(#"yaml.unmarshal("a: \"1.0\"").a"#, .answers(#""1.0""#)),
    BuiltinCall(#"yaml.unmarshal("a: tRUE").a"#, .answers(#""tRUE""#)),
    BuiltinCall(#"yaml.unmarshal("a: yEs").a"#, .answers(#""yEs""#)),
    BuiltinCall(#"yaml.unmarshal("a: 1e400").a"#, .answers(#""1e400""#)),
    BuiltinCall(#"yaml.unmarshal("a: -017").a"#, .answers(#"-15"#)),
    BuiltinCall(#"yaml.unmarshal("a: -0b11").a"#, .answers(#"-3"#)),
    BuiltinCall(#"yaml.unmarshal("a: 0x_1").a"#, .answers(#"1"#)),
  ]

  @Test func `what has no JSON form is an error`() throws {
    for (text, name) in [(".inf", "+Inf"), ("-.inf", "-Inf"), (".nan", "NaN")] {
      try BuiltinCall(
        "yaml.unmarshal(\"a: \(text)\")",
        .fails("eval_builtin_error: yaml.unmarshal: json: unsupported value: \(name)")
      ).check(with: PolicyFunctions.builtins)
    }
  }

  /// Each alias holds two others: as keys, the parser would look at 2^40 of them.
  @Test(arguments: ["? *a40\\n: 1", "*a40 : 1", "[*a40]: 1"])
  func `aliases do not multiply in the keys of mappings`(key: String) throws {
    let aliases = (1...40).map { "a\($0): &a\($0) [*a\($0 - 1),*a\($0 - 1)]\\n" }.joined()
    try BuiltinCall(
      "yaml.is_valid(\"a0: &a0 [x]\\n\(aliases)\(key)\\n\")", .answers("false")
    ).check(with: PolicyFunctions.builtins)
    try BuiltinCall(
      "yaml.unmarshal(\"a: &a [1]\\nb: *a\\nc: {d: *a}\").c.d", .answers("[1]")
    ).check(with: PolicyFunctions.builtins)
  }

  /// Characters beyond ASCII that end a line in YAML stand before each alias.
  @Test(arguments: ["85", "2028", "2029"])
  func `aliases do not multiply behind line breaks beyond ASCII`(code: String) throws {
    let scalar = try #require(UInt32(code, radix: 16).flatMap(Unicode.Scalar.init))
    let end = String(Character(scalar))
    let aliases = (1...40).map {
      "a\($0): &a\($0) [\(end)*a\($0 - 1),\(end)*a\($0 - 1)]\\n"
    }.joined()
    try BuiltinCall(
      "yaml.is_valid(\"a0: &a0 [x]\\n\(aliases)? *a40\\n: 1\\n\")", .answers("false")
    ).check(with: PolicyFunctions.builtins)
  }

  @Test func `a star within a scalar is no alias`() throws {
    let patterns = (1...12).map { "- db://\($0)/**\\n" }.joined()
    try BuiltinCall(
      "yaml.unmarshal(\"a: &a 1\\n? b\\n: 2\\nlist:\\n\(patterns)\").b", .answers("2")
    ).check(with: PolicyFunctions.builtins)
  }

  @Test(arguments: calls)
  func `a call is answered as OPA answers it`(call: BuiltinCall) throws {
    try call.check(with: PolicyFunctions.builtins)
  }
}
