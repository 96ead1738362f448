/// Durations as Go's `time.ParseDuration` reads them: `1h15m30.918ms`.
enum GoDuration {
  struct Fault: Error {
    let message: String
  }

  private static let units: [String: UInt64] = [
    "ns": 1, "us": 1000, "\u{B5}s": 1000, "\u{3BC}s": 1000, "ms": 1_000_000,
    "s": 1_000_000_000, "m": 60_000_000_000, "h": 3_600_000_000_000,
  ]

  static func nanoseconds(_ text: String) throws(Fault) -> Int64 {
    let quoted = GoFormat.quotedBytes(text.utf8)
    let invalid = Fault(message: "time: invalid duration \(quoted)")
    var rest = Array(text.utf8)[...]
    let isNegative = rest.first == UInt8(ascii: "-")
    if isNegative || rest.first == UInt8(ascii: "+") { rest = rest.dropFirst() }
    if Array(rest) == [UInt8(ascii: "0")] { return 0 }
    guard !rest.isEmpty else { throw invalid }
    var total: UInt64 = 0
    while !rest.isEmpty {
      guard let first = rest.first, first == UInt8(ascii: ".") || first &- 0x30 < 10 else {
        throw invalid
      }
      let whole = rest.prefix { $0 &- 0x30 < 10 }
      rest = rest.dropFirst(whole.count)
      var value: UInt64 = 0
      for digit in whole {
        let (product, overflow) = value.multipliedReportingOverflow(by: 10)
        guard !overflow, value <= 1 << 63 else { throw invalid }
        value = product &+ UInt64(digit - 0x30)
        guard value <= 1 << 63 else { throw invalid }
      }
      var fraction: UInt64 = 0
      var scale = 1.0
      var fractionDigits = 0
      if rest.first == UInt8(ascii: ".") {
        rest = rest.dropFirst()
        let digits = rest.prefix { $0 &- 0x30 < 10 }
        rest = rest.dropFirst(digits.count)
        fractionDigits = digits.count
        for digit in digits {
          if fraction > (UInt64(1) << 63 - 1) / 10 { break }
          let next = fraction * 10 + UInt64(digit - 0x30)
          if next > 1 << 63 { break }
          fraction = next
          scale *= 10
        }
      }
      if whole.isEmpty, fractionDigits == 0 { throw invalid }
      let name = rest.prefix { $0 != UInt8(ascii: ".") && !($0 &- 0x30 < 10) }
      guard !name.isEmpty else {
        throw Fault(message: "time: missing unit in duration \(quoted)")
      }
      rest = rest.dropFirst(name.count)
      let unitName = String(decoding: name, as: UTF8.self)
      guard let unit = units[unitName] else {
        throw Fault(
          message: "time: unknown unit \(GoFormat.quotedBytes(unitName.utf8)) in duration "
            + quoted)
      }
      let (product, overflow) = value.multipliedReportingOverflow(by: unit)
      guard !overflow, product <= 1 << 63 else { throw invalid }
      value = product
      if fraction > 0 {
        value += UInt64(Double(fraction) * (Double(unit) / scale))
        guard value <= 1 << 63 else { throw invalid }
      }
      let (sum, more) = total.addingReportingOverflow(value)
      guard !more, sum <= 1 << 63 else { throw invalid }
      total = sum
    }
    if isNegative { return Int64(truncatingIfNeeded: 0 &- total) }
    guard total < 1 << 63 else { throw invalid }
    return Int64(total)
  }
}
