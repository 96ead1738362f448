package import CanonicalJSON

/// A number: a 64-bit integer where it is one, else a double.
package enum Number: Sendable, Comparable {
  case integer(Int64)
  case double(Double)

  package init(_ value: Int) { self = .integer(Int64(value)) }
  package init(_ value: Int64) { self = .integer(value) }

  package init(_ value: Double) {
    if value.magnitude < 9e15, value == value.rounded() {
      self = .integer(Int64(value))
    } else {
      self = .double(value)
    }
  }

  /// Reads a number as JSON writes it, exactly; nil if the text is none.
  package init?(text: ByteString) {
    if let integer = Int64(text.text) {
      self = .integer(integer)
    } else if let double = Double(text.text) {
      self = Number(double)
    } else {
      return nil
    }
  }

  package var integer: Int64? {
    switch self {
    case .integer(let value): value
    case .double(let value): Int64(exactly: value)
    }
  }

  package var double: Double {
    switch self {
    case .integer(let value): Double(value)
    case .double(let value): value
    }
  }

  /// The number as OPA prints it.
  package var text: ByteString {
    switch self {
    case .integer(let value): ByteString(String(value))
    case .double(let value): JSONNumber(value)?.text ?? "null"
    }
  }

  package static func == (left: Number, right: Number) -> Bool {
    switch (left, right) {
    case (.integer(let a), .integer(let b)): a == b
    default: left.double == right.double
    }
  }

  package static func < (left: Number, right: Number) -> Bool {
    switch (left, right) {
    case (.integer(let a), .integer(let b)): a < b
    default: left.double < right.double
    }
  }
}

extension Number: Hashable {
  package func hash(into hasher: inout Hasher) {
    hasher.combine(double)
  }
}
