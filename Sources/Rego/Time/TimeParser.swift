/// Reads a text by a layout, as Go's `time.Parse` does.
package struct TimeParser {
  /// Why a text does not fit, as Go says it.
  package struct Fault: Error {
    package let message: String
  }

  private let layout: [UInt8]
  private let whole: [UInt8]
  private var rest: ArraySlice<UInt8>

  private init(_ layout: [UInt8], _ text: [UInt8]) {
    self.layout = layout
    whole = text
    rest = text[...]
  }

  /// Seconds and nanoseconds since 1970.
  package static func parse(
    _ text: [UInt8], layout: [UInt8]
  ) throws(Fault) -> (seconds: Int64, nanoseconds: Int) {
    var parser = TimeParser(layout, text)
    return try parser.parse()
  }

  private static func quoted(_ bytes: some Collection<UInt8>) -> String {
    GoFormat.quotedBytes(bytes)
  }

  private func fault(_ element: [UInt8], _ value: ArraySlice<UInt8>) -> Fault {
    Fault(
      message: "parsing time \(TimeParser.quoted(whole)) as \(TimeParser.quoted(layout)): "
        + "cannot parse \(TimeParser.quoted(value)) as \(TimeParser.quoted(element))")
  }

  private func fault(_ message: String) -> Fault {
    Fault(message: "parsing time \(TimeParser.quoted(whole)): \(message)")
  }

  private func isDigit(_ offset: Int) -> Bool {
    let index = rest.startIndex + offset
    return index < rest.endIndex && rest[index] &- 0x30 < 10
  }

  /// One or two digits; nil if there are none, or only one where two must be.
  private mutating func number(fixed: Bool) -> Int? {
    guard isDigit(0) else { return nil }
    let count = isDigit(1) ? 2 : 1
    if fixed, count == 1 { return nil }
    return digits(count)
  }

  private mutating func digits(_ count: Int) -> Int? {
    guard rest.count >= count, (0..<count).allSatisfy({ isDigit($0) }) else { return nil }
    let value = rest.prefix(count).reduce(0) { $0 * 10 + Int($1 - 0x30) }
    rest = rest.dropFirst(count)
    return value
  }

  private mutating func lookup(_ names: [String], short: Bool) -> Int? {
    for (index, name) in names.enumerated() {
      let wanted = short ? String(name.prefix(3)) : name
      let found = String(decoding: rest.prefix(wanted.utf8.count), as: UTF8.self)
      if found.lowercased() == wanted.lowercased() {
        rest = rest.dropFirst(wanted.utf8.count)
        return index
      }
    }
    return nil
  }

  private static func trimmed(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    text.drop { $0 == UInt8(ascii: " ") }
  }

  private mutating func skip(_ prefix: [UInt8]) throws(Fault) {
    var left = prefix[...]
    let start = rest
    while let first = left.first {
      if first == UInt8(ascii: " ") {
        if let next = rest.first, next != UInt8(ascii: " ") { throw fault(prefix, rest) }
        left = TimeParser.trimmed(left)
        rest = TimeParser.trimmed(rest)
        continue
      }
      guard rest.first == first else { throw fault(prefix, start.isEmpty ? start : rest) }
      left = left.dropFirst()
      rest = rest.dropFirst()
    }
  }

  private mutating func fraction(_ count: Int) -> Int? {
    // A separator and digits; beyond nine they are cut.
    guard rest.count >= count, let mark = rest.first,
      mark == UInt8(ascii: ".") || mark == UInt8(ascii: ",")
    else { return nil }
    let digits = rest.prefix(count).dropFirst()
    guard digits.allSatisfy({ $0 &- 0x30 < 10 }) else { return nil }
    var value = digits.prefix(9).reduce(0) { $0 * 10 + Int($1 - 0x30) }
    for _ in digits.prefix(9).count..<9 { value *= 10 }
    rest = rest.dropFirst(count)
    return value
  }

  private mutating func parse() throws(Fault) -> (seconds: Int64, nanoseconds: Int) {
    var (year, month, day, yearDay) = (0, -1, -1, -1)
    var (hour, minute, second, nanosecond) = (0, 0, 0, 0)
    var (isPM, isAM) = (false, false)
    var offset: Int?
    let parts = TimeLayout(layout).parts
    for (place, part) in parts.enumerated() {
      try skip(part.prefix)
      guard let element = part.element else {
        if !rest.isEmpty { throw fault("extra text: \(TimeParser.quoted(rest))") }
        break
      }
      let hold = rest
      let wrong = fault(part.text, hold)
      var range: String?
      switch element {
      case .year:
        guard let value = digits(2) else { throw wrong }
        year = value >= 69 ? value + 1900 : value + 2000
      case .longYear:
        guard let value = digits(4) else { throw wrong }
        year = value
      case .month, .longMonth:
        guard let value = lookup(CivilTime.months, short: element == .month) else { throw wrong }
        month = value + 1
      case .numericMonth(let isPadded):
        guard let value = number(fixed: isPadded) else { throw wrong }
        month = value
        if value < 1 || value > 12 { range = "month" }
      case .weekday, .longWeekday:
        guard lookup(CivilTime.weekdays, short: element == .weekday) != nil else { throw wrong }
      case .day(let isPadded, let isSpaced):
        if isSpaced, rest.first == UInt8(ascii: " ") { rest = rest.dropFirst() }
        guard let value = number(fixed: isPadded) else { throw wrong }
        day = value
      case .dayOfYear(let isSpaced):
        var spaces = 0
        while isSpaced, spaces < 2, rest.first == UInt8(ascii: " ") {
          rest = rest.dropFirst()
          spaces += 1
        }
        guard let value = digits(3 - spaces) else { throw wrong }
        yearDay = value
      case .hour:
        guard let value = number(fixed: false) else { throw wrong }
        hour = value
        if value > 23 { range = "hour" }
      case .hour12(let isPadded):
        guard let value = number(fixed: isPadded) else { throw wrong }
        hour = value
        if value > 12 { range = "hour" }
      case .minute(let isPadded):
        guard let value = number(fixed: isPadded) else { throw wrong }
        minute = value
        if value > 59 { range = "minute" }
      case .second(let isPadded):
        guard let value = number(fixed: isPadded) else { throw wrong }
        second = value
        if value > 59 {
          range = "second"
          break
        }
        // A fraction may follow that the layout does not name.
        if let mark = rest.first, mark == UInt8(ascii: ".") || mark == UInt8(ascii: ","),
          isDigit(1)
        {
          if place + 1 < parts.count, case .fraction? = parts[place + 1].element { break }
          let count = 1 + rest.dropFirst().prefix { $0 &- 0x30 < 10 }.count
          guard let value = fraction(count) else { throw wrong }
          nanosecond = value
        }
      case .upperPM, .lowerPM:
        let text = String(decoding: rest.prefix(2), as: UTF8.self)
        let marks = element == .upperPM ? ["PM", "AM"] : ["pm", "am"]
        guard marks.contains(text) else { throw wrong }
        isPM = text == marks[0]
        isAM = text == marks[1]
        rest = rest.dropFirst(2)
      case .zone(let isISO, let count, let colons):
        if isISO, rest.first == UInt8(ascii: "Z") {
          rest = rest.dropFirst()
          offset = 0
          break
        }
        guard let sign = rest.first, sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") else {
          throw wrong
        }
        rest = rest.dropFirst()
        var numbers: [Int] = []
        for index in 0..<count {
          if index > 0, colons {
            guard rest.first == UInt8(ascii: ":") else { throw wrong }
            rest = rest.dropFirst()
          }
          guard let value = digits(2) else { throw wrong }
          numbers.append(value)
        }
        let bounds = [24, 60, 60]
        let names = ["hour", "minute", "second"]
        for (index, value) in numbers.enumerated() where value > bounds[index] {
          range = "time zone offset \(names[index])"
        }
        let seconds = zip(numbers, [3600, 60, 1]).reduce(0) { $0 + $1.0 * $1.1 }
        offset = sign == UInt8(ascii: "-") ? -seconds : seconds
      case .zoneName:
        if rest.starts(with: Array("UTC".utf8)) {
          rest = rest.dropFirst(3)
          offset = 0
        } else {
          guard let count = TimeParser.zoneNameLength(rest) else { throw wrong }
          rest = rest.dropFirst(count)
        }
      case .fraction(let digits, let isFixed, _):
        if isFixed {
          guard let value = fraction(digits + 1) else { throw wrong }
          nanosecond = value
        } else if let mark = rest.first, mark == UInt8(ascii: ".") || mark == UInt8(ascii: ","),
          isDigit(1)
        {
          let count = 1 + rest.dropFirst().prefix { $0 &- 0x30 < 10 }.count
          guard let value = fraction(count) else { throw wrong }
          nanosecond = value
        }
      }
      if let range { throw fault("\(range) out of range") }
    }
    if isPM, hour < 12 { hour += 12 }
    if isAM, hour == 12 { hour = 0 }
    if yearDay >= 0 {
      guard yearDay >= 1, yearDay <= (CivilTime.isLeap(year) ? 366 : 365) else {
        throw fault("day-of-year out of range")
      }
      let date = CivilTime.date(
        days: CivilTime.days(year: year, month: 1, day: 1) + yearDay - 1)
      if month >= 0, month != date.month { throw fault("day-of-year does not match month") }
      if day >= 0, day != date.day { throw fault("day-of-year does not match day") }
      (month, day) = (date.month, date.day)
    }
    if month < 0 { month = 1 }
    if day < 0 { day = 1 }
    if day < 1 || day > CivilTime.daysIn(month: month, year: year) {
      throw fault("day out of range")
    }
    let days = Int64(CivilTime.days(year: year, month: month, day: day))
    return (
      days * 86_400 + Int64(hour * 3600 + minute * 60 + second) - Int64(offset ?? 0), nanosecond
    )
  }

  /// How long a zone's abbreviation is: mostly three or four capital letters.
  private static func zoneNameLength(_ text: ArraySlice<UInt8>) -> Int? {
    guard text.count >= 3 else { return nil }
    let string = String(decoding: text.prefix(4), as: UTF8.self)
    if string == "ChST" || string == "MeST" { return 4 }
    if string.hasPrefix("GMT") {
      let offset = signedOffsetLength(text.dropFirst(3))
      return 3 + (offset ?? 0)
    }
    if let first = text.first, first == UInt8(ascii: "+") || first == UInt8(ascii: "-") {
      return signedOffsetLength(text)
    }
    let capitals = text.prefix(6).prefix { $0 &- UInt8(ascii: "A") < 26 }.count
    let letters = Array(text.prefix(capitals))
    switch capitals {
    case 3: return 3
    case 4: return letters[3] == UInt8(ascii: "T") || string == "WITA" ? 4 : nil
    case 5: return letters[4] == UInt8(ascii: "T") ? 5 : nil
    default: return nil
    }
  }

  private static func signedOffsetLength(_ text: ArraySlice<UInt8>) -> Int? {
    guard let sign = text.first, sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") else {
      return nil
    }
    let digits = text.dropFirst().prefix { $0 &- 0x30 < 10 }
    guard !digits.isEmpty, digits.count < 4,
      let hours = Int(String(decoding: digits, as: UTF8.self)), hours <= 23
    else { return nil }
    return 1 + digits.count
  }
}
