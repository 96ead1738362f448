/// A date and a time of day of the Gregorian calendar, in some zone.
struct CivilTime: Sendable {
  var year: Int
  var month: Int
  var day: Int
  var hour: Int
  var minute: Int
  var second: Int
  var nanosecond: Int
  /// Seconds east of Greenwich.
  var offset: Int
  var zoneName: String

  /// The local time at an instant given in nanoseconds since 1970.
  init(nanoseconds: Int64, offset: Int, zoneName: String) {
    let seconds = CivilTime.floor(nanoseconds, 1_000_000_000)
    self.init(
      seconds: seconds, nanosecond: Int(nanoseconds &- seconds &* 1_000_000_000), offset: offset,
      zoneName: zoneName)
  }

  init(seconds: Int64, nanosecond: Int, offset: Int, zoneName: String) {
    let local = seconds + Int64(offset)
    let days = CivilTime.floor(local, 86_400)
    let rest = Int(local - days * 86_400)
    (year, month, day) = CivilTime.date(days: Int(days))
    (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60)
    self.nanosecond = nanosecond
    self.offset = offset
    self.zoneName = zoneName
  }

  static func floor(_ value: Int64, _ divisor: Int64) -> Int64 {
    let quotient = value / divisor
    return value % divisor < 0 ? quotient - 1 : quotient
  }

  /// Days since 1970 of a date; months and days may be out of their ranges.
  static func days(year: Int, month: Int, day: Int) -> Int {
    let zeroBased = month - 1
    let wholeYears = zeroBased >= 0 ? zeroBased / 12 : -((11 - zeroBased) / 12)
    let monthOfYear = zeroBased - wholeYears * 12
    // Years begin in March, so that the leap day is their last.
    var y = year + wholeYears
    if monthOfYear < 2 { y -= 1 }
    let era = (y >= 0 ? y : y - 399) / 400
    let yearOfEra = y - era * 400
    let dayOfYear = (153 * ((monthOfYear + 10) % 12) + 2) / 5
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return era * 146_097 + dayOfEra - 719_468 + day - 1
  }

  static func date(days: Int) -> (year: Int, month: Int, day: Int) {
    let z = days + 719_468
    let era = (z >= 0 ? z : z - 146_096) / 146_097
    let dayOfEra = z - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shifted = (5 * dayOfYear + 2) / 153
    let month = shifted < 10 ? shifted + 3 : shifted - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    return (year, month, dayOfYear - (153 * shifted + 2) / 5 + 1)
  }

  static func isLeap(_ year: Int) -> Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }

  static func daysIn(month: Int, year: Int) -> Int {
    days(year: year, month: month + 1, day: 1) - days(year: year, month: month, day: 1)
  }

  /// Seconds since 1970 of what the fields say, taken as UTC.
  var localSeconds: Int64 {
    Int64(CivilTime.days(year: year, month: month, day: day)) * 86_400
      + Int64(hour * 3600 + minute * 60 + second)
  }

  /// 0 is Sunday.
  var weekday: Int {
    let days = CivilTime.days(year: year, month: month, day: day)
    return ((days + 4) % 7 + 7) % 7
  }

  var dayOfYear: Int {
    CivilTime.days(year: year, month: month, day: day)
      - CivilTime.days(year: year, month: 1, day: 1) + 1
  }

  static let months = [
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
  ]
  static let weekdays = [
    "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday",
  ]
}
