/// The offsets of a zone through time, read from the compiled form of the time-zone database (TZif,
/// RFC 9636).
package struct TimeZoneRules: Sendable {
  struct Offset: Sendable, Equatable {
    var seconds: Int
    var name: String
    var isDaylight: Bool
  }

  private var transitions: [Int64] = []
  private var indices: [Int] = []
  private var offsets: [Offset] = []
  /// What holds behind the last transition.
  private var rule: TimeZoneRule?

  static let utc = TimeZoneRules(offset: Offset(seconds: 0, name: "UTC", isDaylight: false))

  private init(offset: Offset) {
    offsets = [offset]
  }

  /// Reads a file of the database; nil if it is none.
  package init?(_ bytes: [UInt8]) {
    guard bytes.count >= 44, bytes.starts(with: Array("TZif".utf8)) else { return nil }
    func number(_ index: Int, _ width: Int) -> Int64? {
      guard index >= 0, index + width <= bytes.count else { return nil }
      let raw = bytes[index..<(index + width)].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      return width == 4 ? Int64(Int32(truncatingIfNeeded: raw)) : Int64(bitPattern: raw)
    }
    func counts(_ start: Int) -> [Int]? {
      let counts = (0..<6).compactMap { number(start + 20 + 4 * $0, 4).map(Int.init) }
      return counts.count == 6 && counts.allSatisfy { $0 >= 0 && $0 < 1 << 20 } ? counts : nil
    }
    // Counts: of universal marks, standard marks, leap seconds, transitions, types, characters.
    guard var sizes = counts(0) else { return nil }
    var start = 44
    var width = 4
    if bytes[4] >= UInt8(ascii: "2") {
      start += sizes[3] * 5 + sizes[4] * 6 + sizes[5] + sizes[2] * 8 + sizes[1] + sizes[0]
      guard let second = counts(start) else { return nil }
      sizes = second
      start += 44
      width = 8
    }
    let (count, types, characters) = (sizes[3], sizes[4], sizes[5])
    let indexStart = start + count * width
    let typeStart = indexStart + count
    let nameStart = typeStart + types * 6
    let end =
      nameStart + characters + sizes[2] * (width + 4) + sizes[1] + sizes[0]
    guard end <= bytes.count, types > 0 else { return nil }
    for index in 0..<count {
      guard let at = number(start + index * width, width), Int(bytes[indexStart + index]) < types
      else { return nil }
      transitions.append(at)
      indices.append(Int(bytes[indexStart + index]))
    }
    for index in 0..<types {
      let place = typeStart + index * 6
      guard let seconds = number(place, 4) else { return nil }
      let name = bytes[
        (nameStart + min(Int(bytes[place + 5]), characters))..<(nameStart + characters)
      ]
      .prefix { $0 != 0 }
      offsets.append(
        Offset(
          seconds: Int(seconds), name: String(decoding: name, as: UTF8.self),
          isDaylight: bytes[place + 4] != 0))
    }
    if width == 8, end < bytes.count {
      let footer = bytes[(end + 1)...].prefix { $0 != 0x0A }
      rule = TimeZoneRule(String(decoding: footer, as: UTF8.self))
    }
  }

  /// What holds at an instant, in seconds since 1970.
  func offset(at seconds: Int64) -> Offset {
    guard let first = transitions.first, seconds >= first else {
      if let rule, transitions.isEmpty { return rule.offset(at: seconds) }
      return offsets.first { !$0.isDaylight } ?? offsets[0]
    }
    if let last = transitions.last, seconds >= last, let rule { return rule.offset(at: seconds) }
    var (low, high) = (0, transitions.count)
    while low < high {
      let middle = (low + high) / 2
      if transitions[middle] <= seconds { low = middle + 1 } else { high = middle }
    }
    return offsets[indices[low - 1]]
  }

  /// The instant that a local time is; of two, or of none, as Go chooses.
  func seconds(local: Int64) -> Int64 {
    var instant = local - Int64(offset(at: local).seconds)
    let other = offset(at: instant)
    if Int64(other.seconds) != local - instant {
      instant = local - Int64(other.seconds)
      // Inside a gap neither offset fits: the first guess before it counts.
      if offset(at: instant).seconds != other.seconds {
        instant = local - Int64(offset(at: local).seconds)
      }
    }
    return instant
  }
}

/// A rule of POSIX's `TZ` form: `CET-1CEST,M3.5.0,M10.5.0/3`.
struct TimeZoneRule: Sendable {
  private struct Change: Sendable {
    enum Day: Sendable {
      /// Counted from 1, the leap day never counted.
      case julian(Int)
      /// Counted from 0, the leap day counted.
      case ofYear(Int)
      case ofMonth(Int, week: Int, weekday: Int)
    }

    var day: Day
    var seconds = 7200

    /// Seconds from the beginning of the year, in local time before the change.
    func seconds(in year: Int) -> Int {
      let start = CivilTime.days(year: year, month: 1, day: 1)
      switch day {
      case .julian(let count):
        let leap = CivilTime.isLeap(year) && count >= 60 ? 1 : 0
        return (count - 1 + leap) * 86_400 + seconds
      case .ofYear(let count): return count * 86_400 + seconds
      case .ofMonth(let month, let week, let weekday):
        let first = CivilTime.days(year: year, month: month, day: 1)
        let firstWeekday = ((first + 4) % 7 + 7) % 7
        var day = (weekday - firstWeekday + 7) % 7 + (week - 1) * 7
        if day >= CivilTime.daysIn(month: month, year: year) { day -= 7 }
        return (first - start + day) * 86_400 + seconds
      }
    }
  }

  private let standard: TimeZoneRules.Offset
  private let daylight: TimeZoneRules.Offset?
  private let start: Change?
  private let end: Change?

  init?(_ text: String) {
    var rest = Substring(text)
    guard let name = TimeZoneRule.name(&rest), let offset = TimeZoneRule.time(&rest) else {
      return nil
    }
    standard = TimeZoneRules.Offset(seconds: -offset, name: name, isDaylight: false)
    if rest.isEmpty {
      (daylight, start, end) = (nil, nil, nil)
      return
    }
    guard let other = TimeZoneRule.name(&rest) else { return nil }
    var daylightOffset = -offset + 3600
    if let first = rest.first, first != "," {
      guard let given = TimeZoneRule.time(&rest) else { return nil }
      daylightOffset = -given
    }
    daylight = TimeZoneRules.Offset(seconds: daylightOffset, name: other, isDaylight: true)
    if rest.isEmpty { rest = ",M3.2.0,M11.1.0" }
    let parts = rest.dropFirst().split(separator: ",")
    guard parts.count == 2, let start = TimeZoneRule.change(parts[0]),
      let end = TimeZoneRule.change(parts[1])
    else { return nil }
    (self.start, self.end) = (start, end)
  }

  private static func name(_ rest: inout Substring) -> String? {
    if rest.hasPrefix("<") {
      guard let close = rest.firstIndex(of: ">") else { return nil }
      let name = String(rest[rest.index(after: rest.startIndex)..<close])
      rest = rest[rest.index(after: close)...]
      return name
    }
    let name = String(rest.prefix { $0.isLetter })
    rest = rest.dropFirst(name.count)
    return name.count >= 3 ? name : nil
  }

  /// `[+-]hh[:mm[:ss]]` in seconds.
  private static func time(_ rest: inout Substring) -> Int? {
    var sign = 1
    if rest.hasPrefix("-") || rest.hasPrefix("+") {
      sign = rest.hasPrefix("-") ? -1 : 1
      rest = rest.dropFirst()
    }
    var total = 0
    var scale = 3600
    while scale >= 1 {
      let digits = rest.prefix { $0.isWholeNumber }
      guard let number = Int(digits), number < 1000 else { return nil }
      total += number * scale
      rest = rest.dropFirst(digits.count)
      guard rest.hasPrefix(":"), scale > 1 else { break }
      rest = rest.dropFirst()
      scale /= 60
    }
    return sign * total
  }

  private static func change(_ text: Substring) -> Change? {
    let parts = text.split(separator: "/")
    guard let day = parts.first else { return nil }
    var change: Change
    if day.hasPrefix("M") {
      let numbers = day.dropFirst().split(separator: ".").compactMap { Int($0) }
      guard numbers.count == 3, (1...12).contains(numbers[0]), (1...5).contains(numbers[1]),
        (0...6).contains(numbers[2])
      else { return nil }
      change = Change(day: .ofMonth(numbers[0], week: numbers[1], weekday: numbers[2]))
    } else if day.hasPrefix("J") {
      guard let count = Int(day.dropFirst()), (1...365).contains(count) else { return nil }
      change = Change(day: .julian(count))
    } else {
      guard let count = Int(day), (0...365).contains(count) else { return nil }
      change = Change(day: .ofYear(count))
    }
    if parts.count > 1 {
      var rest = parts[1]
      guard let seconds = time(&rest) else { return nil }
      change.seconds = seconds
    }
    return change
  }

  func offset(at seconds: Int64) -> TimeZoneRules.Offset {
    guard let daylight, let start, let end else { return standard }
    let local = seconds + Int64(standard.seconds)
    let days = CivilTime.floor(local, 86_400)
    let year = CivilTime.date(days: Int(days)).year
    let yearStart = Int64(CivilTime.days(year: year, month: 1, day: 1)) * 86_400
    let into = Int(seconds - yearStart)
    let begins = start.seconds(in: year) - standard.seconds
    let ends = end.seconds(in: year) - daylight.seconds
    let isDaylight =
      begins < ends ? into >= begins && into < ends : into >= begins || into < ends
    return isDaylight ? daylight : standard
  }
}
