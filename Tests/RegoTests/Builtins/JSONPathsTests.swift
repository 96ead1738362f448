import TestSupport
import Testing

/// Calls and what OPA answers to them.
@Suite struct JSONPathsTests {
  static let calls: [BuiltinCall] = [
    BuiltinCall(
      #"json.filter({"a":{"b":1,"c":2},"d":[1,2,3]}, ["a/b","d/1"])"#,
      .answers(#"{"a":{"b":1},"d":[2]}"#)),
    BuiltinCall(
      #"json.filter({"a":{"b":1}}, [["a","b"],["z"]])"#,
      .answers(#"{"a":{"b":1}}"#)),
    BuiltinCall(
      #"json.filter({"a":1}, [])"#,
      .answers(#"{}"#)),
    BuiltinCall(
      #"json.remove({"a":{"b":1,"c":2},"d":[1,2,3]}, ["a/b","d/1"])"#,
      .answers(#"{"a":{"c":2},"d":[1,3]}"#)),
    BuiltinCall(
      #"json.remove({"a~/b":1,"c":2}, {"/a~0~1b"})"#,
      .answers(#"{"c":2}"#)),
    BuiltinCall(
      #"json.patch({"a":[1]}, [{"op":"add","path":"/a/-","value":2},{"op":"add","path":"/b","value":{1}}])"#,
      .answers(#"{"a":[1,2],"b":[1]}"#)),
    BuiltinCall(
      #"json.patch({"a":{"b":1}}, [{"op":"remove","path":"a/b"}])"#,
      .answers(#"{"a":{}}"#)),
    BuiltinCall(
      #"json.patch({"a":1}, [{"op":"replace","path":"/a","value":2}])"#,
      .answers(#"{"a":2}"#)),
    BuiltinCall(
      #"json.patch({"a":{"x":1}}, [{"op":"move","from":"/a/x","path":"/y"},{"op":"copy","from":"/y","path":"/z"}])"#,
      .answers(#"{"a":{},"y":1,"z":1}"#)),
    BuiltinCall(
      #"json.patch({"a":1}, [{"op":"test","path":"/a","value":1}])"#,
      .answers(#"{"a":1}"#)),
    BuiltinCall(
      #"json.patch({"a":{1,2}}, [{"op":"remove","path":["a",1]}])"#,
      .answers(#"{"a":[2]}"#)),
    BuiltinCall(
      #"json.patch([1], [{"op":"add","path":"0","value":0}])"#,
      .answers(#"[0,1]"#)),
  ]

  @Test(arguments: calls)
  func `a call is answered as OPA answers it`(call: BuiltinCall) throws {
    try call.check()
  }
}
