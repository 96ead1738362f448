package import CanonicalJSON

/// A set of resource URIs: `prod://payments/*/deploy`, `prod://payments/**`.
///
/// Scheme and authority are literal; `*` stands for one segment; `**`, only at the end, for zero or
/// more. Checked once, when it is read; matching walks its bytes and allocates nothing.
package struct ResourcePattern: Sendable, Hashable {
  package let text: ByteString
  /// Where scheme and authority end.
  private let originEnd: Int

  /// Reads a pattern.
  ///
  /// - Throws: ``PatternFault`` saying what is wrong with it.
  package init(_ text: ByteString) throws(PatternFault) {
    originEnd = try ResourceURI.checkedOriginEnd(of: text)
    self.text = text
    guard !text.bytes[..<originEnd].contains(UInt8(ascii: "*")) else {
      throw PatternFault(text: text, problem: "has a wildcard in its scheme or authority")
    }
    var path = path
    while let segment = path.next() {
      switch Segment(segment) {
      case .any: break
      case .rest:
        guard path.isAtEnd else {
          throw PatternFault(text: text, problem: "has ** before its end")
        }
      case .literal:
        guard !segment.contains(UInt8(ascii: "*")) else {
          throw PatternFault(
            text: text, problem: "has * inside a segment; it stands for a whole one")
        }
      }
    }
  }

  /// Scheme and authority, as `prod://payments`.
  package var origin: ByteString { text.prefix(originEnd) }

  /// The segments of the path.
  var path: PathSegments { PathSegments(text.bytes, from: originEnd) }

  private func hasOrigin(of other: ByteString, _ end: Int) -> Bool {
    originEnd == end && text.bytes[..<end] == other.bytes[..<end]
  }

  /// Whether every URI of another pattern is one of this one.
  ///
  /// Exact: never wider, never narrower.
  package func covers(_ other: ResourcePattern) -> Bool {
    guard hasOrigin(of: other.text, other.originEnd) else { return false }
    var (wide, narrow) = (path, other.path)
    while let left = wide.next() {
      let segment = Segment(left)
      if segment == .rest { return true }
      guard let right = narrow.next(), Segment(right) != .rest,
        segment == .any || left == right
      else { return false }
    }
    return narrow.isAtEnd
  }

  /// Whether a URI is one of this pattern.
  package func matches(_ uri: ResourceURI) -> Bool {
    guard hasOrigin(of: uri.text, uri.originEnd) else { return false }
    var (wide, narrow) = (path, PathSegments(uri.text.bytes, from: uri.originEnd))
    while let left = wide.next() {
      let segment = Segment(left)
      if segment == .rest { return true }
      guard let right = narrow.next(), segment == .any || left == right else { return false }
    }
    return narrow.isAtEnd
  }

  /// Whether some URI is one of both.
  package func overlaps(_ other: ResourcePattern) -> Bool {
    guard hasOrigin(of: other.text, other.originEnd) else { return false }
    var (mine, theirs) = (path, other.path)
    while true {
      let (left, right) = (mine.next(), theirs.next())
      let (one, two) = (left.map(Segment.init), right.map(Segment.init))
      if one == .rest || two == .rest { return true }
      guard let one, let two else { return left == nil && right == nil }
      guard one == .any || two == .any || left == right else { return false }
    }
  }

  /// The bytes before the first wildcard: the longer, the more specific.
  package var literalPrefix: ByteString {
    var (path, end) = (path, originEnd)
    while let segment = path.next(), Segment(segment) == .literal { end = segment.endIndex }
    return text.prefix(end)
  }
}

/// What a segment of a pattern stands for.
enum Segment {
  case literal
  /// `*`
  case any
  /// `**`
  case rest

  init(_ bytes: ArraySlice<UInt8>) {
    guard bytes.first == UInt8(ascii: "*"), bytes.count <= 2, bytes.last == UInt8(ascii: "*")
    else {
      self = .literal
      return
    }
    self = bytes.count == 1 ? .any : .rest
  }
}

/// Walks the segments of a path, each of which begins with a slash.
struct PathSegments: IteratorProtocol {
  private let bytes: [UInt8]
  private var position: Int

  init(_ bytes: [UInt8], from start: Int) {
    self.bytes = bytes
    position = start
  }

  var isAtEnd: Bool { position >= bytes.count }

  mutating func next() -> ArraySlice<UInt8>? {
    guard position < bytes.count else { return nil }
    let start = position + 1
    let end = bytes[start...].firstIndex(of: UInt8(ascii: "/")) ?? bytes.count
    position = end
    return bytes[start..<end]
  }
}

/// A resource's URI, compared as bytes.
package struct ResourceURI: Sendable, Hashable {
  package let text: ByteString
  /// Where scheme and authority end.
  let originEnd: Int

  /// - Throws: ``PatternFault`` for an empty, `.` or `..` segment, `%`, a control character, non-ASCII.
  package init(_ text: ByteString) throws(PatternFault) {
    originEnd = try ResourceURI.checkedOriginEnd(of: text)
    self.text = text
  }

  /// The part before `://`.
  package var scheme: ByteString { text.split(on: ":")[0] }

  /// The beginnings of the URI that end with a segment, the longest first, scheme and authority last.
  package var prefixes: [ByteString] {
    var ends = [originEnd]
    var path = PathSegments(text.bytes, from: originEnd)
    while let segment = path.next() { ends.append(segment.endIndex) }
    return ends.reversed().map { text.prefix($0) }
  }

  /// Checks the form of a URI or pattern; gives where its scheme and authority end.
  static func checkedOriginEnd(of text: ByteString) throws(PatternFault) -> Int {
    func fault(_ problem: String) -> PatternFault { PatternFault(text: text, problem: problem) }
    let bytes = text.bytes
    guard bytes.count <= 2048 else { throw fault("is over 2048 bytes long") }
    guard bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
      throw fault("holds a character that is not visible ASCII")
    }
    guard !bytes.contains(UInt8(ascii: "%")) else { throw fault("holds a %") }
    let slash = UInt8(ascii: "/")
    guard let first = bytes.firstIndex(of: slash), first >= 2,
      bytes[first - 1] == UInt8(ascii: ":"), bytes[..<(first - 1)].allSatisfy(isSchemeByte),
      first + 2 < bytes.count, bytes[first + 1] == slash, bytes[first + 2] != slash
    else { throw fault("is not SCHEME://AUTHORITY/PATH") }
    let end = bytes[(first + 2)...].firstIndex(of: slash) ?? bytes.count
    var path = PathSegments(bytes, from: end)
    while let segment = path.next() {
      guard !segment.isEmpty else { throw fault("has an empty segment") }
      guard !segment.elementsEqual(".".utf8), !segment.elementsEqual("..".utf8) else {
        throw fault("has a \(String(decoding: segment, as: UTF8.self)) segment")
      }
    }
    return end
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
  package let text: ByteString
  /// Whether it ends in `*`, and so stands for every name that begins with what comes before.
  let isOpen: Bool

  package init(_ text: ByteString) throws(PatternFault) {
    guard (1...256).contains(text.count), text.bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
      throw PatternFault(text: text, problem: "is not 1 to 256 visible ASCII characters")
    }
    let stars = text.bytes.count { $0 == UInt8(ascii: "*") }
    guard stars == 0 || text == "*" || (stars == 1 && text.hasSuffix(":*")) else {
      throw PatternFault(text: text, problem: "may use * alone or as the end of name:*")
    }
    self.text = text
    isOpen = stars == 1
  }

  /// What every name of this pattern begins with: the whole of it if it is one name.
  var stem: ArraySlice<UInt8> { isOpen ? text.bytes.dropLast() : text.bytes[...] }

  package func covers(_ other: ActionPattern) -> Bool {
    isOpen ? other.stem.starts(with: stem) : text == other.text
  }

  package func matches(_ action: ByteString) -> Bool {
    isOpen ? action.bytes.starts(with: stem) : text == action
  }
}

/// What is wrong with a pattern or URI.
package struct PatternFault: Error, Sendable, Equatable, CustomStringConvertible {
  package let text: ByteString
  package let problem: String

  package var code: String { "pattern_malformed" }
  package var description: String { "\"\(text.text)\" \(problem)" }
}
