package import CanonicalJSON

/// A set of resource URIs: `prod://payments/*/deploy`, `prod://payments/**`.
///
/// Scheme and authority are literal; `*` stands for one segment; `**`, only at the end, for zero or more.
package struct ResourcePattern: Sendable, Hashable {
  package enum Segment: Sendable, Hashable {
    case literal(ByteString)
    case any
    /// `**`
    case rest
  }

  /// Scheme and authority, as `prod://payments`.
  package let origin: ByteString
  package let segments: [Segment]
  package let text: ByteString

  /// Reads a pattern.
  ///
  /// - Throws: ``PatternFault`` saying what is wrong with it.
  package init(_ text: ByteString) throws(PatternFault) {
    let (origin, parts) = try ResourceURI.parts(text)
    guard !origin.bytes.contains(UInt8(ascii: "*")) else {
      throw PatternFault(text: text, problem: "has a wildcard in its scheme or authority")
    }
    var segments: [Segment] = []
    for (index, part) in parts.enumerated() {
      switch part {
      case "*": segments.append(.any)
      case "**":
        guard index == parts.count - 1 else {
          throw PatternFault(text: text, problem: "has ** before its end")
        }
        segments.append(.rest)
      default:
        guard !part.bytes.contains(UInt8(ascii: "*")) else {
          throw PatternFault(
            text: text, problem: "has * inside a segment; it stands for a whole one")
        }
        segments.append(.literal(part))
      }
    }
    self.origin = origin
    self.segments = segments
    self.text = text
  }

  /// Whether every URI of another pattern is one of this one.
  ///
  /// Exact: never wider, never narrower.
  package func covers(_ other: ResourcePattern) -> Bool {
    origin == other.origin
      && ResourcePattern.covers(segments[...], other.segments[...])
  }

  /// Whether a URI is one of this pattern.
  package func matches(_ uri: ResourceURI) -> Bool {
    origin == uri.origin
      && ResourcePattern.covers(segments[...], uri.segments.map(Segment.literal)[...])
  }

  /// Whether some URI is one of both.
  package func overlaps(_ other: ResourcePattern) -> Bool {
    origin == other.origin
      && ResourcePattern.overlap(segments[...], other.segments[...])
  }

  private static func covers(_ wide: ArraySlice<Segment>, _ narrow: ArraySlice<Segment>) -> Bool {
    if wide.first == .rest { return true }
    guard let left = wide.first, let right = narrow.first else {
      return wide.isEmpty && narrow.isEmpty
    }
    guard right != .rest, left == .any || left == right else { return false }
    return covers(wide.dropFirst(), narrow.dropFirst())
  }

  private static func overlap(_ left: ArraySlice<Segment>, _ right: ArraySlice<Segment>) -> Bool {
    if left.first == .rest || right.first == .rest { return true }
    guard let a = left.first, let b = right.first else { return left.isEmpty && right.isEmpty }
    guard a == .any || b == .any || a == b else { return false }
    return overlap(left.dropFirst(), right.dropFirst())
  }

  /// The bytes before the first wildcard: the longer, the more specific.
  package var literalPrefix: ByteString {
    var prefix = origin
    for case .literal(let part) in segments.prefix(while: {
      if case .literal = $0 { true } else { false }
    }) {
      prefix = prefix + "/" + part
    }
    return prefix
  }
}

/// A resource's URI, compared as bytes.
package struct ResourceURI: Sendable, Hashable {
  package let text: ByteString
  package let origin: ByteString
  package let segments: [ByteString]

  /// - Throws: ``PatternFault`` for an empty, `.` or `..` segment, `%`, a control character, non-ASCII.
  package init(_ text: ByteString) throws(PatternFault) {
    (origin, segments) = try ResourceURI.parts(text)
    self.text = text
  }

  /// The part before `://`.
  package var scheme: ByteString { text.split(on: ":")[0] }

  static func parts(
    _ text: ByteString
  ) throws(PatternFault) -> (origin: ByteString, segments: [ByteString]) {
    func fault(_ problem: String) -> PatternFault { PatternFault(text: text, problem: problem) }
    guard text.count <= 2048 else { throw fault("is over 2048 bytes long") }
    guard text.bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
      throw fault("holds a character that is not visible ASCII")
    }
    guard !text.bytes.contains(UInt8(ascii: "%")) else { throw fault("holds a %") }
    var pieces = text.split(on: "/")
    guard pieces.count >= 3, pieces[1].isEmpty, !pieces[2].isEmpty,
      pieces[0].count >= 2, pieces[0].bytes.last == UInt8(ascii: ":"),
      pieces[0].bytes.dropLast().allSatisfy(isSchemeByte)
    else { throw fault("is not SCHEME://AUTHORITY/PATH") }
    let origin = pieces[0] + "//" + pieces[2]
    pieces.removeFirst(3)
    for piece in pieces {
      guard !piece.isEmpty else { throw fault("has an empty segment") }
      guard piece != ".", piece != ".." else { throw fault("has a \(piece.text) segment") }
    }
    return (origin, pieces)
  }

  private static func isSchemeByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
      UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."):
      true
    default: false
    }
  }
}

/// A pattern of action names: a name, `name:*`, or `*`.
package struct ActionPattern: Sendable, Hashable {
  private let text: ByteString

  package init(_ text: ByteString) throws(PatternFault) {
    guard (1...256).contains(text.count), text.bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
      throw PatternFault(text: text, problem: "is not 1 to 256 visible ASCII characters")
    }
    let stars = text.bytes.count { $0 == UInt8(ascii: "*") }
    guard stars == 0 || text == "*" || (stars == 1 && text.hasSuffix(":*")) else {
      throw PatternFault(text: text, problem: "may use * alone or as the end of name:*")
    }
    self.text = text
  }

  private var prefix: ByteString? {
    text == "*" ? "" : text.hasSuffix(":*") ? ByteString(String(text.text.dropLast())) : nil
  }

  package func covers(_ other: ActionPattern) -> Bool {
    guard let prefix else { return text == other.text }
    return (other.prefix ?? other.text).hasPrefix(prefix)
  }

  package func matches(_ action: ByteString) -> Bool {
    prefix.map(action.hasPrefix) ?? (text == action)
  }
}

/// What is wrong with a pattern or URI.
package struct PatternFault: Error, Sendable, Equatable, CustomStringConvertible {
  package let text: ByteString
  package let problem: String

  package var code: String { "pattern_malformed" }
  package var description: String { "\"\(text.text)\" \(problem)" }
}
