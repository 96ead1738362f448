import TestSupport
import Testing

/// Calls and what OPA answers to them.
@Suite struct ObjectsTests {
  static let calls: [BuiltinCall] = [
    BuiltinCall(
      #"object.get({"a":{"b":[5]}},["a","b",0],0)"#,
      .answers(#"5"#)),
    BuiltinCall(
      #"object.get({"a":1},"b",{1})"#,
      .answers(#"[1]"#)),
    BuiltinCall(
      #"object.get({"a":1},[],0)"#,
      .answers(#"{"a":1}"#)),
    BuiltinCall(
      #"object.get({1:2},1,0)"#,
      .answers(#"2"#)),
    BuiltinCall(
      #"object.keys({"a":1,1:2})"#,
      .answers(#"[1,"a"]"#)),
    BuiltinCall(
      #"object.remove({"a":1,"b":2},{"a":9})"#,
      .answers(#"{"b":2}"#)),
    BuiltinCall(
      #"object.remove({"a":1,"b":2},["b","z"])"#,
      .answers(#"{"a":1}"#)),
    BuiltinCall(
      #"object.filter({"a":{"b":1,"c":2},"d":2},{"a":{"b":9}})"#,
      .answers(#"{"a":{"b":1,"c":2}}"#)),
    BuiltinCall(
      #"object.filter({"a":1,"b":2},{"b"})"#,
      .answers(#"{"b":2}"#)),
    BuiltinCall(
      #"object.union({"a":1,"b":{"c":1}},{"b":{"d":2},"a":{"x":1}})"#,
      .answers(#"{"a":{"x":1},"b":{"c":1,"d":2}}"#)),
    BuiltinCall(
      #"object.union_n([{"a":1},{"a":{"b":1}},{"a":{"c":2}}])"#,
      .answers(#"{"a":{"b":1,"c":2}}"#)),
    BuiltinCall(
      #"object.union_n([])"#,
      .answers(#"{}"#)),
    BuiltinCall(
      #"object.subset({"a":{"b":1,"c":2}},{"a":{"b":1}})"#,
      .answers(#"true"#)),
    BuiltinCall(
      #"object.subset([1,2,3],[2,3])"#,
      .answers(#"true"#)),
    BuiltinCall(
      #"object.subset([1,2,3],[3,2])"#,
      .answers(#"false"#)),
    BuiltinCall(
      #"object.subset([1,2,3],{3,2})"#,
      .answers(#"true"#)),
    BuiltinCall(
      #"object.subset({1,2,3},[2,3])"#,
      .fails(
        #"eval_type_error: object.subset: both arguments object.subset must be of the same type or array and set"#
      )),
    BuiltinCall(
      #"object.subset({"a":[1,2,3]},{"a":[2,3]})"#,
      .answers(#"true"#)),
  ]

  @Test(arguments: calls)
  func `a call is answered as OPA answers it`(call: BuiltinCall) throws {
    try call.check()
  }
}
