import TestSupport
import Testing

/// Calls and what OPA answers to them.
@Suite struct TimeTests {
  static let calls: [BuiltinCall] = [
    BuiltinCall(
      #"[time.date(1582977600000000000), time.clock([1582977600000000000,"UTC"]), time.weekday(1582977600000000000)]"#,
      .answers(#"[[2020,2,29],[12,0,0],"Saturday"]"#)),
    BuiltinCall(
      #"time.date(1e400)"#,
      .fails(#"eval_builtin_error: time.date: timestamp too big"#)),
    BuiltinCall(
      #"time.date([1582977600000000000, "Nowhere/X"])"#,
      .fails(#"eval_builtin_error: time.date: unknown time zone Nowhere/X"#)),
    BuiltinCall(
      #"[time.format(0), time.format([1700000000123456789,"UTC","Mon Jan _2 15:04:05.000 2006 MST -07:00"]), time.format([1700000000000000000,"","RFC850"])]"#,
      .answers(
        #"["1970-01-01T00:00:00Z","Tue Nov 14 22:13:20.123 2023 UTC +00:00","Tuesday, 14-Nov-23 22:13:20 UTC"]"#
      )),
    BuiltinCall(
      #"time.format([1700000000123456789,"UTC","2006-002 03:04PM pm Z0700 .999"])"#,
      .answers(#""2023-318 10:13PM pm Z .123""#)),
    BuiltinCall(
      #"time.add_date(1582977600000000000, 1, 1, -1)"#,
      .answers(#"1616932800000000000"#)),
    BuiltinCall(
      #"time.add_date(1582977600000000000, 1000, 0, 0)"#,
      .fails(#"eval_builtin_error: time.add_date: time outside of valid range"#)),
    BuiltinCall(
      #"time.diff(1582977600000000000, 1500000000000000000)"#,
      .answers(#"[2,7,15,9,20,0]"#)),
    BuiltinCall(
      #"time.parse_rfc3339_ns("2020-01-02T03:04:05.123+02:00")"#,
      .answers(#"1577927045123000000"#)),
    BuiltinCall(
      #"time.parse_rfc3339_ns("2020-02-30T00:00:00Z")"#,
      .fails(
        #"eval_builtin_error: time.parse_rfc3339_ns: parsing time "2020-02-30T00:00:00Z": day out of range"#
      )),
    BuiltinCall(
      #"time.parse_rfc3339_ns("2020-01-02")"#,
      .fails(
        #"eval_builtin_error: time.parse_rfc3339_ns: parsing time "2020-01-02" as "2006-01-02T15:04:05Z07:00": cannot parse "" as "T""#
      )),
    BuiltinCall(
      #"time.parse_rfc3339_ns("2262-04-12T00:00:00Z")"#,
      .fails(#"eval_builtin_error: time.parse_rfc3339_ns: time outside of valid range"#)),
    BuiltinCall(
      #"time.parse_ns("Jan _2 2006 3:04PM", "Mar  7 2021 12:04AM")"#,
      .answers(#"1615075440000000000"#)),
    BuiltinCall(
      #"time.parse_ns("2006-01-02", "2020-01-02x")"#,
      .fails(#"eval_builtin_error: time.parse_ns: parsing time "2020-01-02x": extra text: "x""#)),
    BuiltinCall(
      #"time.parse_ns("RFC1123Z", "Mon, 02 Jan 2006 15:04:05 -0700")"#,
      .answers(#"1136239445000000000"#)),
    BuiltinCall(
      #"time.parse_ns("2006-002", "2020-366")"#,
      .answers(#"1609372800000000000"#)),
    BuiltinCall(
      #"time.parse_ns("2006-002", "2021-366")"#,
      .fails(
        #"eval_builtin_error: time.parse_ns: parsing time "2021-366": day-of-year out of range"#)),
    BuiltinCall(
      #"[time.parse_duration_ns("1h15m30.918ms"), time.parse_duration_ns("-1.5h"), time.parse_duration_ns("0"), time.parse_duration_ns("1µs")]"#,
      .answers(#"[4500030918000,-5400000000000,0,1000]"#)),
    BuiltinCall(
      #"time.parse_duration_ns("1")"#,
      .fails(#"eval_builtin_error: time.parse_duration_ns: time: missing unit in duration "1""#)),
    BuiltinCall(
      #"time.parse_duration_ns("1x")"#,
      .fails(
        #"eval_builtin_error: time.parse_duration_ns: time: unknown unit "x" in duration "1x""#)),
    BuiltinCall(
      #"time.parse_duration_ns("")"#,
      .fails(#"eval_builtin_error: time.parse_duration_ns: time: invalid duration """#)),
    BuiltinCall(
      #"time.now_ns() == time.now_ns()"#,
      .answers(#"true"#)),
  ]

  @Test(arguments: calls)
  func `a call is answered as OPA answers it`(call: BuiltinCall) throws {
    try call.check()
  }
}
