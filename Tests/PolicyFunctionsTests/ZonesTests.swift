import PolicyFunctions
import TestSupport
import Testing

/// Calls and what OPA answers to them.
@Suite struct ZonesTests {
  static let calls: [BuiltinCall] = [
    BuiltinCall(
      #"[time.date([1700000000000000000,"America/Los_Angeles"]), time.clock([1700000000000000000,"Europe/Berlin"]), time.weekday([1700000000000000000,"Asia/Tokyo"])]"#,
      .answers(#"[[2023,11,14],[23,13,20],"Wednesday"]"#)),
    BuiltinCall(
      #"[time.format([n,"America/New_York"]) | n := [1710053999000000000, 1710054000000000000, 1730613599000000000, 1730613600000000000, 2000000000000000000, 4000000000000000000, -2000000000000000000, -5000000000000000000][_]]"#,
      .answers(
        #"["2024-03-10T01:59:59-05:00","2024-03-10T03:00:00-04:00","2024-11-03T01:59:59-04:00","2024-11-03T01:00:00-05:00","2033-05-17T23:33:20-04:00","2096-10-02T03:06:40-04:00","1906-08-16T15:26:40-05:00","1811-07-23T10:10:38-04:56"]"#
      )),
    BuiltinCall(
      #"[time.format([n,"Australia/Lord_Howe","RFC822"]) | n := [1700000000000000000, 1720000000000000000, 3000000000000000000][_]]"#,
      .answers(#"["15 Nov 23 09:13 +11","03 Jul 24 20:16 +1030","24 Jan 65 16:20 +11"]"#)),
    BuiltinCall(
      #"time.add_date(1700000000000000000, 0, 5, 3)"#,
      .answers(#"1713392000000000000"#)),
    BuiltinCall(
      #"time.diff([1700000000000000000,"Europe/London"], [1720000000000000000,"America/New_York"])"#,
      .answers(#"[0,7,18,12,33,20]"#)),
    BuiltinCall(
      #"time.format([1700000000000000000,"../etc/passwd"])"#,
      .fails(#"eval_builtin_error: time.format: time: invalid location name"#)),
    BuiltinCall(
      #"time.format([1700000000000000000,"Mars/Olympus"])"#,
      .fails(#"eval_builtin_error: time.format: unknown time zone Mars/Olympus"#)),
  ]

  @Test(arguments: calls)
  func `a call is answered as OPA answers it`(call: BuiltinCall) throws {
    try call.check(with: PolicyFunctions.builtins)
  }
}
