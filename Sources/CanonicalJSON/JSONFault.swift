/// Why bytes are not the JSON that was asked for, and where.
package struct JSONFault: Error, Sendable, Equatable {
  package enum Problem: Sendable, Equatable {
    case unexpected(found: String, expected: String)
    case invalidUTF8
    case duplicateKey(ByteString)
    case loneSurrogate
    case controlCharacter(UInt8)
    case tooLarge(limit: Int)
    case tooDeep(limit: Int)
    case numberOutOfRange(ByteString)
  }

  package let problem: Problem
  /// Bytes before the fault.
  package let offset: Int
  /// From 1.
  package let line: Int
  /// In characters (Unicode scalars), from 1.
  package let column: Int

  package init(problem: Problem, offset: Int, line: Int, column: Int) {
    self.problem = problem
    self.offset = offset
    self.line = line
    self.column = column
  }

  /// The stable name of the fault.
  package var code: String {
    switch problem {
    case .unexpected: "json_unexpected"
    case .invalidUTF8: "json_invalid_utf8"
    case .duplicateKey: "json_duplicate_key"
    case .loneSurrogate: "json_lone_surrogate"
    case .controlCharacter: "json_control_character"
    case .tooLarge: "json_too_large"
    case .tooDeep: "json_too_deep"
    case .numberOutOfRange: "json_number_out_of_range"
    }
  }
}

extension JSONFault: CustomStringConvertible {
  package var description: String {
    let what =
      switch problem {
      case .unexpected(let found, let expected): "found \(found) where \(expected) belongs"
      case .invalidUTF8: "the bytes are not valid UTF-8"
      case .duplicateKey(let key): "the name \"\(key.text)\" stands twice in one object"
      case .loneSurrogate: "a \\u escape is half of a surrogate pair"
      case .controlCharacter(let byte):
        "the control character U+00\(byte < 16 ? "0" : "")\(String(byte, radix: 16, uppercase: true))"
          + " must be written as an escape"
      case .tooLarge(let limit): "the document is larger than \(limit) bytes"
      case .tooDeep(let limit): "the document is nested deeper than \(limit) levels"
      case .numberOutOfRange(let text): "the number \(text.text) is beyond a 64-bit float"
      }
    return "line \(line), column \(column): \(what)"
  }
}
