package import CanonicalJSON

/// Times: a step for each element of a layout and each 8 bytes of text.
extension BuiltinTable {
  /// What zones a name names; nil: there is none of that name.
  package typealias ZoneLookup = @Sendable (ByteString) -> TimeZoneRules?

  private static let instant = RegoType.anyOf([.number, .array([.number, .string], rest: nil)])
  private static let formatted = RegoType.anyOf([
    .number, .array([.number, .string], rest: nil),
    .array([.number, .string, .string], rest: nil),
  ])

  /// The builtins of time; zones are looked up in what the module above has read.
  ///
  /// `release`: Of the time-zone database; it is noted where a name is looked up.
  package static func time(release: ByteString, zones: @escaping ZoneLookup) -> [Builtin] {
    let moment = Moment.reader(release, zones)
    return [
      Builtin("time.now_ns", [], .number, isNondeterministic: true) {
        (_, context) throws(BuiltinFailure) in
        guard let now = context.environment.now else {
          throw .failed("no instant is given to this evaluation")
        }
        return .number(.integer(now))
      },
      Builtin("time.parse_ns", [.string, .string], .number) {
        (values, context) throws(BuiltinFailure) in
        let (layout, text) = (try values.string(0), try values.string(1))
        try context.charge(text: (layout.count + text.count) * 8)
        let named = TimeLayout.named[layout.text].map { ByteString($0) } ?? layout
        return try nanoseconds(text, named)
      },
      Builtin("time.parse_rfc3339_ns", [.string], .number) {
        (values, context) throws(BuiltinFailure) in
        let text = try values.string(0)
        try context.charge(text: text.count * 8)
        return try nanoseconds(text, ByteString(TimeLayout.rfc3339))
      },
      Builtin("time.parse_duration_ns", [.string], .number) {
        (values, context) throws(BuiltinFailure) in
        let text = try values.string(0)
        try context.charge(text: text.count * 8)
        do throws(GoDuration.Fault) {
          return .number(.integer(try GoDuration.nanoseconds(text.text)))
        } catch {
          throw .failed(error.message)
        }
      },
      Builtin("time.format", [formatted], .string) { (values, context) throws(BuiltinFailure) in
        let time = try moment(values[0], &context)
        var layout = time.layout ?? ""
        if layout.isEmpty { layout = TimeLayout.rfc3339Nano }
        layout = TimeLayout.named[layout] ?? layout
        try context.charge(making: layout.utf8.count * 16)
        return .string(ByteString(TimeLayout(Array(layout.utf8)).format(time.civil)))
      },
      Builtin("time.date", [instant], .array([.number, .number, .number], rest: nil)) {
        (values, context) throws(BuiltinFailure) in
        let civil = try moment(values[0], &context).civil
        return .array([.integer(civil.year), .integer(civil.month), .integer(civil.day)])
      },
      Builtin("time.clock", [instant], .array([.number, .number, .number], rest: nil)) {
        (values, context) throws(BuiltinFailure) in
        let civil = try moment(values[0], &context).civil
        return .array([.integer(civil.hour), .integer(civil.minute), .integer(civil.second)])
      },
      Builtin("time.weekday", [instant], .string) { (values, context) throws(BuiltinFailure) in
        .string(ByteString(CivilTime.weekdays[try moment(values[0], &context).civil.weekday]))
      },
      Builtin("time.add_date", [.number, .number, .number, .number], .number) {
        (values, context) throws(BuiltinFailure) in
        let time = try moment(values[0], &context)
        let years = try values.integer(1)
        let months = try values.integer(2)
        let days = try values.integer(3)
        let outside = BuiltinFailure.failed("time outside of valid range")
        let most = 1 << 32
        guard abs(max(years, -most)) < most, abs(max(months, -most)) < most,
          abs(max(days, -most)) < most
        else { throw outside }
        let civil = time.civil
        let day = CivilTime.days(
          year: civil.year + years, month: civil.month + months, day: civil.day + days)
        let local =
          Int64(day) * 86_400 + Int64(civil.hour * 3600 + civil.minute * 60 + civil.second)
        return try nanoseconds(time.zone.seconds(local: local), civil.nanosecond)
      },
      Builtin(
        "time.diff", [instant, instant],
        .array([.number, .number, .number, .number, .number, .number], rest: nil)
      ) { (values, context) throws(BuiltinFailure) in
        let first = try moment(values[0], &context)
        let second = try moment(values[1], &context).moved(to: first.zone)
        return difference(first, second)
      },
    ]
  }

  private static func nanoseconds(
    _ text: ByteString, _ layout: ByteString
  ) throws(BuiltinFailure) -> Value {
    let parsed: (seconds: Int64, nanoseconds: Int)
    do throws(TimeParser.Fault) {
      parsed = try TimeParser.parse(text.bytes, layout: layout.bytes)
    } catch {
      throw .failed(error.message)
    }
    return try nanoseconds(parsed.seconds, parsed.nanoseconds)
  }

  private static func nanoseconds(
    _ seconds: Int64, _ nanosecond: Int
  ) throws(BuiltinFailure) -> Value {
    let (high, low) = seconds.multipliedFullWidth(by: 1_000_000_000)
    let (sum, carry) = low.addingReportingOverflow(UInt64(nanosecond))
    let total = Int64(bitPattern: sum)
    guard high + (carry ? 1 : 0) == (total < 0 ? -1 : 0) else {
      throw .failed("time outside of valid range")
    }
    return .number(.integer(total))
  }

  /// Years, months, days, hours, minutes and seconds between two times.
  private static func difference(_ one: Moment, _ other: Moment) -> Value {
    let isOrdered = one.nanoseconds <= other.nanoseconds
    let (first, second) = isOrdered ? (one.civil, other.civil) : (other.civil, one.civil)
    var year = second.year - first.year
    var month = second.month - first.month
    var day = second.day - first.day
    var hour = second.hour - first.hour
    var minute = second.minute - first.minute
    var seconds = second.second - first.second
    if seconds < 0 {
      seconds += 60
      minute -= 1
    }
    if minute < 0 {
      minute += 60
      hour -= 1
    }
    if hour < 0 {
      hour += 24
      day -= 1
    }
    if day < 0 {
      day += CivilTime.daysIn(month: first.month, year: first.year)
      month -= 1
    }
    if month < 0 {
      month += 12
      year -= 1
    }
    return .array([year, month, day, hour, minute, seconds].map { .integer($0) })
  }
}

/// An instant in a zone, and how it is to be written.
private struct Moment {
  let nanoseconds: Int64
  let zone: TimeZoneRules
  let layout: String?

  var civil: CivilTime {
    let offset = zone.offset(at: CivilTime.floor(nanoseconds, 1_000_000_000))
    return CivilTime(nanoseconds: nanoseconds, offset: offset.seconds, zoneName: offset.name)
  }

  func moved(to zone: TimeZoneRules) -> Moment {
    Moment(nanoseconds: nanoseconds, zone: zone, layout: layout)
  }

  typealias Reader = @Sendable (Value, inout BuiltinContext) throws(BuiltinFailure) -> Moment

  /// Reads `ns`, `[ns, zone]` or `[ns, zone, layout]`.
  static func reader(_ release: ByteString, _ zones: @escaping BuiltinTable.ZoneLookup) -> Reader {
    { (value, context) throws(BuiltinFailure) in
      try context.charge(steps: 16)
      var number = value
      var zone = TimeZoneRules.utc
      var layout: String?
      switch value {
      case .number: break
      case .array(let parts):
        guard let first = parts.first else { throw Moment.wrongType(value) }
        number = first
        guard case .number = first else { throw .operand(0, "number", first) }
        if parts.count > 1 {
          guard case .string(let name) = parts[1] else { throw .operand(0, "string", parts[1]) }
          if name != "", name != "UTC" {
            if name.text.contains("..") || name.hasPrefix("/") || name.hasPrefix("\\") {
              throw .failed("time: invalid location name")
            }
            context.zones = release
            guard let rules = zones(name) else {
              throw .failed("unknown time zone \(name.text)")
            }
            zone = rules
          }
        }
        if parts.count > 2 {
          guard case .string(let text) = parts[2] else { throw .operand(0, "string", parts[2]) }
          layout = text.text
        }
      default: throw Moment.wrongType(value)
      }
      guard case .number(let instant) = number else { throw Moment.wrongType(value) }
      switch instant {
      case .integer(let nanoseconds):
        return Moment(nanoseconds: nanoseconds, zone: zone, layout: layout)
      case .decimal(let decimal):
        guard let word = decimal.word else { throw .failed("timestamp too big") }
        return Moment(nanoseconds: word, zone: zone, layout: layout)
      }
    }
  }

  private static func wrongType(_ value: Value) -> BuiltinFailure {
    .operand(0, "either number (ns) or [number (ns), string (tz)]", value)
  }
}
