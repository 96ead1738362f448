import CanonicalJSON

/// Go's `fmt.Sprintf` over the values of the language.
///
/// A number is an `int64`, a `*big.Int` or a `float64` as OPA hands it over; an array, object, set,
/// boolean or null is a string already. Padding is charged before it is made.
struct Sprintf {
  enum Argument {
    case integer(Int64)
    case big(BigInteger)
    case double(Double)
    case string([UInt8])

    var typeName: String {
      switch self {
      case .integer: "int64"
      case .big: "*big.Int"
      case .double: "float64"
      case .string: "string"
      }
    }
  }

  struct Flags {
    var plus = false
    var minus = false
    var sharp = false
    var space = false
    var zero = false
    var width: Int?
    var precision: Int?
  }

  /// Go takes no width or precision from an argument beyond this, and reads no digit after it.
  static let greatestWidth = 1_000_000

  let format: [UInt8]
  let arguments: [Argument]
  var output: [UInt8] = []
  var flags = Flags()
  var next = 0
  var wasReordered = false
  var isGoodIndex = true

  static func text(
    _ format: ByteString, _ values: [Value], _ context: inout BuiltinContext
  ) throws(BuiltinFailure) -> ByteString {
    try context.charge(making: format.count)
    var arguments: [Argument] = []
    for value in values {
      try context.charge(reading: [value, value])
      arguments.append(try argument(value, &context))
    }
    var printer = Sprintf(format: format.bytes, arguments: arguments)
    try printer.run(&context)
    return ByteString(validating: printer.output)
      ?? ByteString(String(decoding: printer.output, as: UTF8.self))
  }

  init(format: [UInt8], arguments: [Argument]) {
    self.format = format
    self.arguments = arguments
  }

  static func argument(
    _ value: Value, _ context: inout BuiltinContext
  ) throws(BuiltinFailure) -> Argument {
    switch value {
    case .string(let text): return .string(text.bytes)
    case .number(let number):
      if let integer = number.integer { return .integer(integer) }
      let text = number.text
      let isDigits = text.bytes.allSatisfy { $0 == UInt8(ascii: "-") || $0 &- 0x30 < 10 }
      if isDigits {
        try Number.charge(number, .integer(0), &context)
        if let big = number.bigInteger { return .big(big) }
      }
      let double = number.double
      // OPA reads no double where there is no point: 1e3 is a string to it.
      let hasPoint = text.bytes.contains(UInt8(ascii: "."))
      return hasPoint && double.isFinite ? .double(double) : .string(text.bytes)
    default: return .string(value.source.bytes)
    }
  }

  mutating func run(_ context: inout BuiltinContext) throws(BuiltinFailure) {
    var index = 0
    while index < format.count {
      guard format[index] == UInt8(ascii: "%") else {
        output.append(format[index])
        index += 1
        continue
      }
      index += 1
      flags = Flags()
      isGoodIndex = true
      var isAfterIndex = false
      scan: while index < format.count {
        switch format[index] {
        case UInt8(ascii: "#"): flags.sharp = true
        case UInt8(ascii: "0"): flags.zero = true
        case UInt8(ascii: "+"): flags.plus = true
        case UInt8(ascii: "-"): flags.minus = true
        case UInt8(ascii: " "): flags.space = true
        default: break scan
        }
        index += 1
      }
      (index, isAfterIndex) = argumentIndex(index)
      if index < format.count, format[index] == UInt8(ascii: "*") {
        index += 1
        flags.width = takeInteger()
        if flags.width == nil { output += Array("%!(BADWIDTH)".utf8) }
        if let width = flags.width, width < 0 {
          flags.width = -width
          flags.minus = true
          flags.zero = false
        }
        isAfterIndex = false
      } else if case (let number, let end) = number(at: index), end > index {
        flags.width = number
        index = end
        if isAfterIndex { isGoodIndex = false }
      }
      if index + 1 <= format.count, index < format.count, format[index] == UInt8(ascii: ".") {
        index += 1
        if isAfterIndex { isGoodIndex = false }
        (index, isAfterIndex) = argumentIndex(index)
        if index < format.count, format[index] == UInt8(ascii: "*") {
          index += 1
          flags.precision = takeInteger()
          if let precision = flags.precision, precision < 0 {
            flags.precision = nil
            output += Array("%!(BADPREC)".utf8)
          } else if flags.precision == nil {
            output += Array("%!(BADPREC)".utf8)
          }
          isAfterIndex = false
        } else {
          let (number, end) = number(at: index)
          flags.precision = number ?? 0
          index = end
        }
      }
      if !isAfterIndex { (index, isAfterIndex) = argumentIndex(index) }
      guard index < format.count else {
        output += Array("%!(NOVERB)".utf8)
        break
      }
      let (verb, end) = RegexMachine.decode(format, index)
      index = end
      try context.charge(steps: 2)
      try context.charge(
        making: (flags.width ?? 0) + (flags.precision.map { $0 + 400 } ?? 0))
      if verb == "%" {
        output.append(UInt8(ascii: "%"))
      } else if !isGoodIndex {
        write("%!\(verb)(BADINDEX)")
      } else if next >= arguments.count {
        write("%!\(verb)(MISSING)")
      } else if verb == "T" {
        pad(truncated(Array(arguments[next].typeName.utf8)))
        next += 1
      } else {
        let argument = arguments[next]
        next += 1
        let size =
          if case .string(let text) = argument { text.count * 4 } else { 0 }
        try context.charge(making: size)
        try format(argument, verb, &context)
      }
    }
    guard !wasReordered, next < arguments.count else { return }
    write("%!(EXTRA ")
    for index in next..<arguments.count {
      if index > next { write(", ") }
      write(arguments[index].typeName + "=")
      flags = Flags()
      try format(arguments[index], "v", &context)
    }
    write(")")
  }

  mutating func write(_ text: String) {
    output += Array(text.utf8)
  }

  /// A number and where it ends; of one that goes on beyond a million nothing is read, and all of the
  /// format is passed over, as in Go.
  func number(at start: Int) -> (value: Int?, end: Int) {
    var index = start
    var value = 0
    while index < format.count, format[index] &- 0x30 < 10 {
      if value > Sprintf.greatestWidth { return (nil, format.count) }
      value = value * 10 + Int(format[index] - 0x30)
      index += 1
    }
    return (index > start ? value : nil, index)
  }

  /// `[3]` chooses the third argument.
  mutating func argumentIndex(_ start: Int) -> (Int, Bool) {
    guard start < format.count, format[start] == UInt8(ascii: "[") else { return (start, false) }
    wasReordered = true
    guard let close = format[start...].firstIndex(of: UInt8(ascii: "]")) else {
      isGoodIndex = false
      return (start + 1, false)
    }
    guard case (let number?, close) = number(at: start + 1), number >= 1,
      number <= arguments.count
    else {
      isGoodIndex = false
      return (close + 1, true)
    }
    next = number - 1
    return (close + 1, true)
  }

  mutating func takeInteger() -> Int? {
    guard next < arguments.count else { return nil }
    let argument = arguments[next]
    next += 1
    guard case .integer(let value) = argument, value.magnitude <= Sprintf.greatestWidth else {
      return nil
    }
    return Int(value)
  }
}
