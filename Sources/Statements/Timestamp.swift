package import CanonicalJSON

/// An instant in whole milliseconds since 1970-01-01T00:00:00Z, leap seconds aside.
package struct Timestamp: Sendable, Hashable, Comparable {
  package let milliseconds: Int64

  package init(milliseconds: Int64) {
    self.milliseconds = milliseconds
  }

  package static func < (left: Timestamp, right: Timestamp) -> Bool {
    left.milliseconds < right.milliseconds
  }

  package func advanced(byMilliseconds amount: Int64) -> Timestamp {
    let (sum, overflow) = milliseconds.addingReportingOverflow(amount)
    return Timestamp(milliseconds: overflow ? (amount < 0 ? .min : .max) : sum)
  }

  package func advanced(bySeconds amount: Int64) -> Timestamp {
    let (product, overflow) = amount.multipliedReportingOverflow(by: 1000)
    return advanced(byMilliseconds: overflow ? (amount < 0 ? .min : .max) : product)
  }

  /// Milliseconds from another instant to this one; at the ends of their range, the nearest there is.
  ///
  /// Never the least of all numbers, which has no absolute value.
  package func milliseconds(since other: Timestamp) -> Int64 {
    let (difference, overflow) = milliseconds.subtractingReportingOverflow(other.milliseconds)
    let nearest = overflow ? (milliseconds < 0 ? -.max : .max) : difference
    return max(-.max, nearest)
  }
}

extension Timestamp {
  /// Reads `2026-11-23T10:15:21.123Z`: RFC 3339, UTC, with exactly three decimals.
  package init?(_ text: ByteString) {
    self.init(text, decimals: [3])
  }

  /// Reads an RFC 3339 UTC time that may have no decimals, as people type it.
  package init?(lenient text: ByteString) {
    self.init(text, decimals: [0, 3])
  }

  private init?(_ text: ByteString, decimals: Set<Int>) {
    let bytes = text.bytes
    guard bytes.count >= 20, bytes.last == UInt8(ascii: "Z") else { return nil }
    func number(_ range: Range<Int>) -> Int64? {
      var value: Int64 = 0
      for byte in bytes[range] {
        guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
        value = value * 10 + Int64(byte - UInt8(ascii: "0"))
      }
      return value
    }
    func has(_ mark: Unicode.Scalar, at index: Int) -> Bool { bytes[index] == UInt8(ascii: mark) }
    guard has("-", at: 4), has("-", at: 7), has("T", at: 10), has(":", at: 13), has(":", at: 16),
      let year = number(0..<4), let month = number(5..<7), let day = number(8..<10),
      let hour = number(11..<13), let minute = number(14..<16), let second = number(17..<19),
      (1...12).contains(month), day >= 1, day <= Timestamp.days(inMonth: month, of: year),
      hour < 24, minute < 60, second < 60
    else { return nil }
    var fraction: Int64 = 0
    if bytes.count == 20 {
      guard decimals.contains(0) else { return nil }
    } else {
      guard bytes.count == 24, has(".", at: 19), decimals.contains(3),
        let value = number(20..<23)
      else { return nil }
      fraction = value
    }
    let days = Timestamp.daysFromCivil(year: year, month: month, day: day)
    let seconds = ((days * 24 + hour) * 60 + minute) * 60 + second
    milliseconds = seconds * 1000 + fraction
  }

  /// As `2026-11-23T10:15:21.123Z`.
  package var text: String {
    let parts = calendar
    return "\(parts.date)T\(parts.time).\(pad(parts.milliseconds, 3))Z"
  }

  /// As `2026-11-23T10:15:21Z`.
  package var textToSeconds: String {
    let parts = calendar
    return "\(parts.date)T\(parts.time)Z"
  }

  /// As `10:15:21Z`.
  package var clock: String { "\(calendar.time)Z" }

  /// As `2026-11-23 10:15Z`.
  package var minute: String {
    let parts = calendar
    return "\(parts.date) \(parts.time.prefix(5))Z"
  }

  package var json: JSONValue { JSONValue(text) }

  private var calendar: (date: String, time: String, milliseconds: Int64) {
    let dayLength: Int64 = 86_400_000
    var days = milliseconds / dayLength
    var rest = milliseconds % dayLength
    if rest < 0 {
      days -= 1
      rest += dayLength
    }
    let (year, month, day) = Timestamp.civil(fromDays: days)
    let seconds = rest / 1000
    return (
      "\(pad(year, 4))-\(pad(month, 2))-\(pad(day, 2))",
      "\(pad(seconds / 3600, 2)):\(pad(seconds / 60 % 60, 2)):\(pad(seconds % 60, 2))",
      rest % 1000
    )
  }

  private func pad(_ value: Int64, _ width: Int) -> String {
    let digits = String(value)
    return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
  }

  private static func days(inMonth month: Int64, of year: Int64) -> Int64 {
    switch month {
    case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  /// Days since 1970-01-01 of a date in the proleptic Gregorian calendar.
  private static func daysFromCivil(year: Int64, month: Int64, day: Int64) -> Int64 {
    let shifted = month <= 2 ? year - 1 : year
    let era = (shifted >= 0 ? shifted : shifted - 399) / 400
    let yearOfEra = shifted - era * 400
    let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return era * 146_097 + dayOfEra - 719_468
  }

  private static func civil(fromDays days: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let shifted = days + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthIndex = (5 * dayOfYear + 2) / 153
    let month = monthIndex < 10 ? monthIndex + 3 : monthIndex - 9
    return (
      yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month,
      dayOfYear - (153 * monthIndex + 2) / 5 + 1
    )
  }
}
