import TestSupport
import Testing

/// Calls and what OPA answers to them.
@Suite struct GraphsTests {
  static let calls: [BuiltinCall] = [
    BuiltinCall(
      #"[x | walk({"a":[1,{2}]}, x)]"#,
      .answers(#"[[[],{"a":[1,[2]]}],[["a"],[1,[2]]],[["a",0],1],[["a",1],[2]],[["a",1,2],2]]"#)),
    BuiltinCall(
      #"[p | walk([1,[2]], [p, _])]"#,
      .answers(#"[[],[0],[1],[1,0]]"#)),
    BuiltinCall(
      #"graph.reachable({"a":["b"],"b":[],"c":["a"]},{"a","z"})"#,
      .answers(#"["a","b"]"#)),
    BuiltinCall(
      #"graph.reachable({"a":["b"],"b":["a"]},["a"])"#,
      .answers(#"["a","b"]"#)),
    BuiltinCall(
      #"graph.reachable_paths({"a":["b","c"],"b":["d"],"c":["d"],"d":["a"]},["a"])"#,
      .answers(#"[["a","b","d"],["a","c","d"]]"#)),
    BuiltinCall(
      #"graph.reachable_paths({"c":[],"d":["d"]},["d","c","x"])"#,
      .answers(#"[["c"],["d","d"]]"#)),
    BuiltinCall(
      #"graph.reachable_paths({"a":["x"]},["a"])"#,
      .answers(#"[["a"]]"#)),
  ]

  @Test(arguments: calls)
  func `a call is answered as OPA answers it`(call: BuiltinCall) throws {
    try call.check()
  }
}
