import TestSupport
import Testing

/// Calls and what OPA answers to them.
@Suite struct IdentifiersTests {
  static let calls: [BuiltinCall] = [
    BuiltinCall(
      #"[semver.compare("1.2.3","1.2.3-rc.1"), semver.compare("1.2.3-a.10","1.2.3-a.9"), semver.compare("1.2.3+x","1.2.3+y"), semver.compare("1.0.0-1","1.0.0-a")]"#,
      .answers(#"[1,1,0,-1]"#)),
    BuiltinCall(
      #"semver.compare("1.2","1.2.3")"#,
      .fails(#"eval_builtin_error: semver.compare: operand 1: string "1.2" is not a valid SemVer"#)),
    BuiltinCall(
      #"semver.compare("1.2.3","x")"#,
      .fails(#"eval_builtin_error: semver.compare: operand 2: string "x" is not a valid SemVer"#)),
    BuiltinCall(
      #"[semver.is_valid("1.2.3+b"), semver.is_valid("v1.2.3"), semver.is_valid("1.2"), semver.is_valid(1), semver.is_valid("1.2.3-a..b")]"#,
      .answers(#"[true,true,false,false,false]"#)),
    BuiltinCall(
      #"uuid.parse("00000000-0000-0000-8000-000000000000")"#,
      .answers(#"{"variant":"RFC4122","version":0}"#)),
    BuiltinCall(
      #"uuid.parse("f81d4fae-7dec-11d0-a765-00a0c91e6bf6")"#,
      .answers(
        #"{"clocksequence":10085,"macvariables":"global:unicast","nodeid":"00-a0-c9-1e-6b-f6","time":854991792216875000,"variant":"RFC4122","version":1}"#
      )),
    BuiltinCall(
      #"uuid.parse("urn:uuid:f81d4fae-7dec-21d0-a765-00a0c91e6bf6")"#,
      .answers(
        #"{"clocksequence":10085,"domain":"Domain101","id":4162670510,"macvariables":"global:unicast","nodeid":"00-a0-c9-1e-6b-f6","time":854991792216875000,"variant":"RFC4122","version":2}"#
      )),
    BuiltinCall(
      #"uuid.parse("{f81d4fae-7dec-41d0-a765-00a0c91e6bf6}")"#,
      .answers(#"{"variant":"RFC4122","version":4}"#)),
    BuiltinCall(
      #"uuid.parse("x")"#,
      .undefined),
    BuiltinCall(
      #"rand.intn("a", 0)"#,
      .answers(#"0"#)),
    BuiltinCall(
      #"rand.intn("a", 1)"#,
      .answers(#"0"#)),
    BuiltinCall(
      #"rand.intn("a", 1.5)"#,
      .fails(
        #"eval_type_error: rand.intn: operand 2 must be integer number but got floating-point number"#
      )),
  ]

  @Test(arguments: calls)
  func `a call is answered as OPA answers it`(call: BuiltinCall) throws {
    try call.check()
  }
}
