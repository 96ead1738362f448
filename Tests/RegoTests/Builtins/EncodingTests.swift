import TestSupport
import Testing

/// Calls and what OPA answers to them.
@Suite struct EncodingTests {
  static let calls: [BuiltinCall] = [
    BuiltinCall(
      #"json.marshal([1.0, 1e3, null, {"b":1,"a":"<>&\u2028é\u0001"}, {2,1}])"#,
      .answers(#""[1.0,1e3,null,{\"a\":\"\\u003c\\u003e\\u0026\\u2028é\\u0001\",\"b\":1},[1,2]]""#)),
    BuiltinCall(
      #"json.marshal({1:2,"a":3})"#,
      .answers(#""{\"1\":2,\"a\":3}""#)),
    BuiltinCall(
      #"json.marshal_with_options({"a":[1,{"b":2}],"c":[],"d":{}},{"pretty":true})"#,
      .answers(
        #""{\n\t\"a\": [\n\t\t1,\n\t\t{\n\t\t\t\"b\": 2\n\t\t}\n\t],\n\t\"c\": [],\n\t\"d\": {}\n}""#
      )),
    BuiltinCall(
      #"json.marshal_with_options({"a":[1,2]},{"indent":"  ","prefix":"p"})"#,
      .answers(#""p{\np  \"a\": [\np    1,\np    2\np  ]\np}""#)),
    BuiltinCall(
      #"json.marshal_with_options({"a":[1,2]},{"pretty":false,"indent":"  "})"#,
      .answers(#""{\"a\":[1,2]}""#)),
    BuiltinCall(
      #"json.marshal_with_options({"a":1},{"foo":false})"#,
      .fails(
        #"eval_type_error: json.marshal_with_options: operand 2 object contained unknown key "foo""#
      )),
    BuiltinCall(
      #"json.unmarshal(`{"a":[1.50,"\u00e9",{"a":1,"a":2}]}`)"#,
      .answers(#"{"a":[1.50,"é",{"a":2}]}"#)),
    BuiltinCall(
      #"json.unmarshal("[1")"#,
      .fails(#"eval_builtin_error: json.unmarshal: unexpected EOF"#)),
    BuiltinCall(
      #"json.unmarshal("{x")"#,
      .fails(
        #"eval_builtin_error: json.unmarshal: invalid character 'x' looking for beginning of object key string"#
      )),
    BuiltinCall(
      #"json.unmarshal("tru")"#,
      .fails(#"eval_builtin_error: json.unmarshal: unexpected EOF"#)),
    BuiltinCall(
      #"json.unmarshal("1 2")"#,
      .fails(
        #"eval_builtin_error: json.unmarshal: error: invalid character '2' after top-level value"#)),
    BuiltinCall(
      #"json.unmarshal("")"#,
      .fails(#"eval_builtin_error: json.unmarshal: EOF"#)),
    BuiltinCall(
      #"[json.is_valid("{}"), json.is_valid("{"), json.is_valid("1 ")]"#,
      .answers(#"[true,false,true]"#)),
    BuiltinCall(
      #"[base64.encode("a?b>"), base64url.encode("a?b>"), base64url.encode_no_pad("a?b>")]"#,
      .answers(#"["YT9iPg==","YT9iPg==","YT9iPg"]"#)),
    BuiltinCall(
      #"[base64.decode("YQ=="), base64url.decode("YQ"), base64url.decode("YQ==")]"#,
      .answers(#"["a","a","a"]"#)),
    BuiltinCall(
      #"base64.decode("YQ")"#,
      .fails(#"eval_builtin_error: base64.decode: illegal base64 data at input byte 0"#)),
    BuiltinCall(
      #"base64.decode("Y!==")"#,
      .fails(#"eval_builtin_error: base64.decode: illegal base64 data at input byte 1"#)),
    BuiltinCall(
      #"base64url.decode("YWJjZ")"#,
      .fails(#"eval_builtin_error: base64url.decode: illegal base64url string: YWJjZ"#)),
    BuiltinCall(
      #"[base64.is_valid("YQ=="), base64.is_valid("YQ")]"#,
      .answers(#"[true,false]"#)),
    BuiltinCall(
      #"[hex.encode("é"), hex.decode("C3a9")]"#,
      .answers(#"["c3a9","é"]"#)),
    BuiltinCall(
      #"hex.decode("abc")"#,
      .fails(#"eval_builtin_error: hex.decode: encoding/hex: odd length hex string"#)),
    BuiltinCall(
      #"hex.decode("zz")"#,
      .fails(#"eval_builtin_error: hex.decode: encoding/hex: invalid byte: U+007A 'z'"#)),
    BuiltinCall(
      #"[urlquery.encode("a b&c=é+~*"), urlquery.decode("a+b%20c")]"#,
      .answers(#"["a+b%26c%3D%C3%A9%2B~%2A","a b c"]"#)),
    BuiltinCall(
      #"urlquery.decode("%zz")"#,
      .fails(#"eval_builtin_error: urlquery.decode: invalid URL escape "%zz""#)),
    BuiltinCall(
      #"urlquery.encode_object({"a":"b c","d":["x","y"],"e":{"z"}})"#,
      .answers(#""a=b+c\u0026d=x\u0026d=y\u0026e=z""#)),
    BuiltinCall(
      #"urlquery.decode_object("a=1&a=2&b&=c")"#,
      .answers(#"{"":["c"],"a":["1","2"],"b":[""]}"#)),
    BuiltinCall(
      #"urlquery.decode_object("a;b")"#,
      .fails(#"eval_builtin_error: urlquery.decode_object: invalid semicolon separator in query"#)),
  ]

  @Test(arguments: calls)
  func `a call is answered as OPA answers it`(call: BuiltinCall) throws {
    try call.check()
  }
}
