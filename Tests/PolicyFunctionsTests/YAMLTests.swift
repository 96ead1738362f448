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
  ]

  @Test(arguments: calls)
  func `a call is answered as OPA answers it`(call: BuiltinCall) throws {
    try call.check(with: PolicyFunctions.builtins)
  }
}
