package import CanonicalJSON

/// One policy file: its name and text.
package struct SourceFile: Sendable, Hashable {
  package let name: String
  package let text: [UInt8]

  package static let byteLimit = 1 << 20

  package init(name: String, text: [UInt8]) {
    self.name = name
    self.text = text
  }

  /// The text of a line, counted from 1, without its end.
  func line(_ number: Int) -> String {
    let lines = text.split(separator: 0x0A, maxSplits: number, omittingEmptySubsequences: false)
    guard number >= 1, number <= lines.count else { return "" }
    return String(decoding: lines[number - 1], as: UTF8.self)
  }
}

/// Where a piece of syntax begins: line and column in characters, both from 1.
package struct SourcePlace: Sendable, Hashable, Comparable {
  package let file: String
  package let line: Int
  package let column: Int

  package static func < (left: SourcePlace, right: SourcePlace) -> Bool {
    (left.file, left.line, left.column) < (right.file, right.line, right.column)
  }

  /// As `prod.rego:5`.
  package var rule: ByteString { ByteString("\(file):\(line)") }
}

/// One fault in a policy, with its place and the line it stands in.
package struct Diagnostic: Sendable, Equatable, CustomStringConvertible {
  /// The stable name: `rego_parse_error`, `rego_unsafe_var_error`, ...
  package let code: String
  package let message: String
  package let place: SourcePlace
  /// The source line itself.
  package let line: String

  /// Three lines: place and message, the source line, a caret under the fault.
  package var description: String {
    let head = "\(place.file):\(place.line):\(place.column): \(code): \(message)"
    guard !line.isEmpty else { return head }
    let lead = line.unicodeScalars.prefix(max(0, place.column - 1))
      .map { $0 == "\t" ? "\t" : " " }.joined()
    return "\(head)\n  \(line)\n  \(lead)^"
  }
}

/// Why a policy could not be used.
package enum PolicyFault: Error, Sendable, Equatable {
  /// Every fault found, sorted by place.
  case invalid([Diagnostic])
  /// Evaluation ended without an answer; `code` is OPA's.
  case evaluation(code: String, message: String, place: SourcePlace?)

  /// The code of an evaluation that the watchdog of the module above ended.
  package static let cancelled = "eval_cancel_error"

  package var code: String {
    switch self {
    case .invalid(let diagnostics): diagnostics.first?.code ?? "rego_parse_error"
    case .evaluation(let code, _, _): code
    }
  }
}

extension PolicyFault: CustomStringConvertible {
  package var description: String {
    switch self {
    case .invalid(let diagnostics):
      diagnostics.map(\.description).joined(separator: "\n")
    case .evaluation(let code, let message, let place):
      (place.map { "\($0.file):\($0.line): " } ?? "") + "\(code): \(message)"
    }
  }
}
