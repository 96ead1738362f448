/// A layout of Go's `time` package: an example of how 2 January 2006, 15:04:05 is written.
struct TimeLayout {
  enum Element: Equatable {
    case longMonth
    case month
    case numericMonth(isPadded: Bool)
    case longWeekday
    case weekday
    case day(isPadded: Bool, isSpaced: Bool)
    case dayOfYear(isSpaced: Bool)
    case hour
    case hour12(isPadded: Bool)
    case minute(isPadded: Bool)
    case second(isPadded: Bool)
    case longYear
    case year
    case upperPM
    case lowerPM
    case zoneName
    /// `colons`: between hours, minutes and seconds; `parts`: how many of them.
    case zone(isISO: Bool, parts: Int, colons: Bool)
    case fraction(digits: Int, isFixed: Bool, separator: UInt8)
  }

  struct Part {
    /// What stands before the element as it is.
    let prefix: [UInt8]
    let element: Element?
    let text: [UInt8]
  }

  let parts: [Part]

  static let named: [String: String] = [
    "ANSIC": "Mon Jan _2 15:04:05 2006", "UnixDate": "Mon Jan _2 15:04:05 MST 2006",
    "RubyDate": "Mon Jan 02 15:04:05 -0700 2006", "RFC822": "02 Jan 06 15:04 MST",
    "RFC822Z": "02 Jan 06 15:04 -0700", "RFC850": "Monday, 02-Jan-06 15:04:05 MST",
    "RFC1123": "Mon, 02 Jan 2006 15:04:05 MST", "RFC1123Z": "Mon, 02 Jan 2006 15:04:05 -0700",
    "RFC3339": rfc3339, "RFC3339Nano": rfc3339Nano,
  ]
  static let rfc3339 = "2006-01-02T15:04:05Z07:00"
  static let rfc3339Nano = "2006-01-02T15:04:05.999999999Z07:00"

  private static let fixed: [(String, Element)] = [
    ("January", .longMonth), ("Monday", .longWeekday), ("MST", .zoneName),
    ("2006", .longYear), ("__2", .dayOfYear(isSpaced: true)),
    ("002", .dayOfYear(isSpaced: false)), ("15", .hour), ("PM", .upperPM), ("pm", .lowerPM),
    ("01", .numericMonth(isPadded: true)), ("02", .day(isPadded: true, isSpaced: false)),
    ("03", .hour12(isPadded: true)), ("04", .minute(isPadded: true)),
    ("05", .second(isPadded: true)), ("06", .year),
    ("-070000", .zone(isISO: false, parts: 3, colons: false)),
    ("-07:00:00", .zone(isISO: false, parts: 3, colons: true)),
    ("-0700", .zone(isISO: false, parts: 2, colons: false)),
    ("-07:00", .zone(isISO: false, parts: 2, colons: true)),
    ("-07", .zone(isISO: false, parts: 1, colons: false)),
    ("Z070000", .zone(isISO: true, parts: 3, colons: false)),
    ("Z07:00:00", .zone(isISO: true, parts: 3, colons: true)),
    ("Z0700", .zone(isISO: true, parts: 2, colons: false)),
    ("Z07:00", .zone(isISO: true, parts: 2, colons: true)),
    ("Z07", .zone(isISO: true, parts: 1, colons: false)),
    ("1", .numericMonth(isPadded: false)), ("2", .day(isPadded: false, isSpaced: false)),
    ("3", .hour12(isPadded: false)), ("4", .minute(isPadded: false)),
    ("5", .second(isPadded: false)),
  ]

  private static let table: [UInt8: [([UInt8], Element)]] = {
    var table: [UInt8: [([UInt8], Element)]] = [:]
    for (text, element) in fixed {
      let bytes = Array(text.utf8)
      table[bytes[0], default: []].append((bytes, element))
    }
    return table
  }()

  init(_ layout: [UInt8]) {
    var parts: [Part] = []
    var start = 0
    var index = 0
    while index < layout.count {
      if let (element, count) = TimeLayout.element(layout, index) {
        parts.append(
          Part(
            prefix: Array(layout[start..<index]), element: element,
            text: Array(layout[index..<(index + count)])))
        index += count
        start = index
      } else {
        index += 1
      }
    }
    parts.append(Part(prefix: Array(layout[start...]), element: nil, text: []))
    self.parts = parts
  }

  private static func element(_ layout: [UInt8], _ index: Int) -> (Element, Int)? {
    let rest = layout[index...]
    func begins(_ text: String) -> Bool { rest.starts(with: text.utf8) }
    func isLower(_ offset: Int) -> Bool {
      index + offset < layout.count && layout[index + offset] &- UInt8(ascii: "a") < 26
    }
    switch layout[index] {
    case UInt8(ascii: "J") where begins("Jan") && !begins("January"):
      return isLower(3) ? nil : (.month, 3)
    case UInt8(ascii: "M") where begins("Mon") && !begins("Monday"):
      return isLower(3) ? nil : (.weekday, 3)
    case UInt8(ascii: "_"):
      if begins("_2006") { return nil }
      if begins("__2") { return (.dayOfYear(isSpaced: true), 3) }
      return begins("_2") ? (.day(isPadded: false, isSpaced: true), 2) : nil
    case UInt8(ascii: "."), UInt8(ascii: ","):
      guard index + 1 < layout.count, let digit = Optional(layout[index + 1]),
        digit == UInt8(ascii: "0") || digit == UInt8(ascii: "9")
      else { return nil }
      let count = layout[(index + 1)...].prefix { $0 == digit }.count
      let next = index + 1 + count
      if next < layout.count, layout[next] &- 0x30 < 10 { return nil }
      return (
        .fraction(
          digits: count, isFixed: digit == UInt8(ascii: "0"), separator: layout[index]),
        count + 1
      )
    default:
      for (text, element) in table[layout[index]] ?? [] where rest.starts(with: text) {
        return (element, text.count)
      }
      return nil
    }
  }

  private static func padded(_ value: Int, _ width: Int, _ filler: String = "0") -> String {
    let digits = String(value.magnitude)
    return (value < 0 ? "-" : "")
      + String(repeating: filler, count: max(0, width - digits.count)) + digits
  }

  func format(_ time: CivilTime) -> String {
    var text = ""
    for part in parts {
      text += String(decoding: part.prefix, as: UTF8.self)
      guard let element = part.element else { break }
      let twelve = time.hour % 12 == 0 ? 12 : time.hour % 12
      switch element {
      case .longMonth: text += CivilTime.months[time.month - 1]
      case .month: text += String(CivilTime.months[time.month - 1].prefix(3))
      case .numericMonth(let isPadded): text += TimeLayout.padded(time.month, isPadded ? 2 : 1)
      case .longWeekday: text += CivilTime.weekdays[time.weekday]
      case .weekday: text += String(CivilTime.weekdays[time.weekday].prefix(3))
      case .day(let isPadded, let isSpaced):
        text += TimeLayout.padded(time.day, isPadded || isSpaced ? 2 : 1, isSpaced ? " " : "0")
      case .dayOfYear(let isSpaced):
        text += TimeLayout.padded(time.dayOfYear, 3, isSpaced ? " " : "0")
      case .hour: text += TimeLayout.padded(time.hour, 2)
      case .hour12(let isPadded): text += TimeLayout.padded(twelve, isPadded ? 2 : 1)
      case .minute(let isPadded): text += TimeLayout.padded(time.minute, isPadded ? 2 : 1)
      case .second(let isPadded): text += TimeLayout.padded(time.second, isPadded ? 2 : 1)
      case .longYear: text += TimeLayout.padded(time.year, 4)
      case .year: text += TimeLayout.padded(time.year % 100, 2)
      case .upperPM: text += time.hour >= 12 ? "PM" : "AM"
      case .lowerPM: text += time.hour >= 12 ? "pm" : "am"
      case .zoneName: text += time.zoneName
      case .zone(let isISO, let count, let colons):
        if isISO, time.offset == 0 {
          text += "Z"
          break
        }
        let seconds = time.offset.magnitude
        let numbers = [seconds / 3600, seconds / 60 % 60, seconds % 60].prefix(count)
        text += time.offset < 0 ? "-" : "+"
        text += numbers.map { TimeLayout.padded(Int($0), 2) }.joined(separator: colons ? ":" : "")
      case .fraction(let digits, let isFixed, let separator):
        var fraction = TimeLayout.padded(time.nanosecond, 9).prefix(digits)
        fraction += String(repeating: "0", count: max(0, digits - 9))
        if !isFixed { while fraction.hasSuffix("0") { fraction.removeLast() } }
        if fraction.isEmpty { break }
        text += String(UnicodeScalar(separator)) + fraction
      }
    }
    return text
  }
}
