import CanonicalJSON

/// Parts of URIs, as Go's `net/url` reads them: a step for each 8 bytes.
extension BuiltinTable {
  package static let uris: [Builtin] = [
    Builtin("uri.parse", [.string], .object(.string, .string)) {
      (values, context) throws(BuiltinFailure) in
      let text = try values.string(0)
      try context.charge(making: text.count * 16 + 64)
      let parsed: GoURL
      do throws(GoURL.Fault) {
        parsed = try GoURL(text.bytes)
      } catch {
        throw .failed(
          "parse \(GoFormat.quoted(String(decoding: error.of, as: UTF8.self))): \(error.message)")
      }
      var object = ObjectValue()
      for (name, bytes) in parsed.parts where !bytes.isEmpty {
        object[ByteString(name)] = .string(ByteString(String(decoding: bytes, as: UTF8.self)))
      }
      return .object(object)
    },
    Builtin("uri.is_valid", [.string], .boolean) { (values, context) throws(BuiltinFailure) in
      guard case .string(let text) = values[0] else { return .bool(false) }
      try context.charge(making: text.count * 16 + 64)
      return .bool(!text.isEmpty && (try? GoURL(text.bytes)) != nil)
    },
  ]
}

/// A URI taken apart by `url.Parse`.
private struct GoURL {
  struct Fault: Error {
    let message: String
    /// What Go names as the text that could not be parsed.
    var of: [UInt8] = []
  }

  private enum Mode {
    case path
    case host
    case zone
    case user
    case fragment
  }

  private var scheme: [UInt8] = []
  private var host: [UInt8] = []
  private var path: [UInt8] = []
  private var rawPath: [UInt8] = []
  private var rawQuery: [UInt8] = []
  private var fragment: [UInt8] = []

  init(_ whole: [UInt8]) throws(Fault) {
    let mark = whole.firstIndex(of: UInt8(ascii: "#"))
    let text = Array(whole[..<(mark ?? whole.endIndex)])
    do throws(Fault) {
      try parse(text)
    } catch {
      throw Fault(message: error.message, of: text)
    }
    guard let mark else { return }
    do throws(Fault) {
      fragment = try GoURL.unescaped(whole[(mark + 1)...], .fragment)
    } catch {
      throw Fault(message: error.message, of: whole)
    }
  }

  var parts: [(name: String, bytes: [UInt8])] {
    var (name, port) = (host, [UInt8]())
    if let colon = host.lastIndex(of: UInt8(ascii: ":")), GoURL.isPort(host[colon...]) {
      name = Array(host[..<colon])
      port = Array(host[(colon + 1)...])
    }
    if name.first == UInt8(ascii: "["), name.last == UInt8(ascii: "]"), name.count > 1 {
      name = Array(name.dropFirst().dropLast())
    }
    return [
      ("scheme", scheme), ("hostname", name), ("port", port), ("path", path),
      ("raw_path", rawPath.isEmpty ? path : rawPath), ("raw_query", rawQuery),
      ("fragment", fragment),
    ]
  }

  private mutating func parse(_ text: [UInt8]) throws(Fault) {
    guard !text.contains(where: { $0 < 0x20 || $0 == 0x7F }) else {
      throw Fault(message: "net/url: invalid control character in URL")
    }
    guard text != [UInt8(ascii: "*")] else {
      path = text
      return
    }
    var rest = text[...]
    if let end = try GoURL.schemeEnd(text) {
      scheme = text[..<end].map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
      rest = text[(end + 1)...]
    }
    if let question = rest.firstIndex(of: UInt8(ascii: "?")) {
      rawQuery = Array(rest[(question + 1)...])
      rest = rest[..<question]
    }
    let slash = UInt8(ascii: "/")
    if rest.first != slash {
      // What follows a scheme without a slash is opaque.
      guard scheme.isEmpty else { return }
      guard !rest.prefix(while: { $0 != slash }).contains(UInt8(ascii: ":")) else {
        throw Fault(message: "first path segment in URL cannot contain colon")
      }
    }
    let isTriple = rest.starts(with: [slash, slash, slash])
    if !scheme.isEmpty || !isTriple, rest.starts(with: [slash, slash]) {
      let authority = rest.dropFirst(2)
      let end = authority.firstIndex(of: slash) ?? authority.endIndex
      host = try GoURL.host(of: authority[..<end])
      rest = authority[end...]
    }
    path = try GoURL.unescaped(rest, .path)
    if !GoURL.isDefaultEscape(of: path, rest) { rawPath = Array(rest) }
  }

  /// Where the colon after the scheme stands; nil if there is no scheme.
  private static func schemeEnd(_ text: [UInt8]) throws(Fault) -> Int? {
    for (index, byte) in text.enumerated() {
      switch byte {
      case 0x41...0x5A, 0x61...0x7A: continue
      case 0x30...0x39, UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."):
        if index == 0 { return nil }
      case UInt8(ascii: ":"):
        guard index > 0 else { throw Fault(message: "missing protocol scheme") }
        return index
      default: return nil
      }
    }
    return nil
  }

  private static func isPort(_ text: some Collection<UInt8>) -> Bool {
    guard let first = text.first else { return true }
    return first == UInt8(ascii: ":") && text.dropFirst().allSatisfy { $0 &- 0x30 < 10 }
  }

  private static func quoted(_ bytes: some Collection<UInt8>) -> String {
    GoFormat.quoted(String(decoding: bytes, as: UTF8.self))
  }

  private static func host(of authority: ArraySlice<UInt8>) throws(Fault) -> [UInt8] {
    guard let at = authority.lastIndex(of: UInt8(ascii: "@")) else { return try host(authority) }
    let found = try host(authority[(at + 1)...])
    let user = authority[..<at]
    guard
      user.allSatisfy({ byte in
        isAlphanumeric(byte) || "-._:~!$&'()*+,;=%@".utf8.contains(byte)
      })
    else { throw Fault(message: "net/url: invalid userinfo") }
    let colon = user.firstIndex(of: UInt8(ascii: ":")) ?? user.endIndex
    _ = try unescaped(user[..<colon], .user)
    if colon < user.endIndex { _ = try unescaped(user[(colon + 1)...], .user) }
    return found
  }

  private static func host(_ text: ArraySlice<UInt8>) throws(Fault) -> [UInt8] {
    guard let open = text.firstIndex(of: UInt8(ascii: "[")) else {
      if let colon = text.lastIndex(of: UInt8(ascii: ":")) { try checkPort(text[colon...]) }
      return try unescaped(text, .host)
    }
    guard let close = text.lastIndex(of: UInt8(ascii: "]")) else {
      throw Fault(message: "missing ']' in host")
    }
    guard open == text.startIndex else { throw Fault(message: "invalid IP-literal") }
    try checkPort(text[(close + 1)...])
    let inner = text[(open + 1)..<close]
    let percent = Array("%25".utf8)
    let zone = inner.indices.first { inner[$0...].starts(with: percent) } ?? close
    let name = try unescaped(text[(open + 1)..<zone], .host)
    let zoneName = try unescaped(text[zone..<close], .zone)
    let address = String(decoding: name, as: UTF8.self)
    guard let parsed = Address(address), zoneName != [UInt8(ascii: "%")] else {
      throw Fault(
        message: "invalid host: ParseAddr(\(quoted(name + zoneName))): unable to parse IP")
    }
    guard !parsed.isVersion4 else { throw Fault(message: "invalid IP-literal") }
    return [UInt8(ascii: "[")] + name + zoneName + [UInt8(ascii: "]")]
      + (try unescaped(text[(close + 1)...], .host))
  }

  private static func checkPort(_ text: ArraySlice<UInt8>) throws(Fault) {
    guard isPort(text) else {
      throw Fault(message: "invalid port \(quoted(text)) after host")
    }
  }

  // MARK: escapes

  private static func isAlphanumeric(_ byte: UInt8) -> Bool {
    (byte | 0x20) &- 0x61 < 26 || byte &- 0x30 < 10
  }

  private static func mustEscape(_ byte: UInt8, _ mode: Mode) -> Bool {
    if isAlphanumeric(byte) || "-_.~".utf8.contains(byte) { return false }
    switch mode {
    case .host, .zone: return !"!$&'()*+,;=:[]<>\"".utf8.contains(byte)
    case .path: return !"$&+,/:;=@".utf8.contains(byte)
    case .user: return !"$&+,;=".utf8.contains(byte)
    case .fragment: return !"$&+,/:;=?@!()*".utf8.contains(byte)
    }
  }

  private static func hexadecimal(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte - 0x30
    case 0x41...0x46: byte - 0x37
    case 0x61...0x66: byte - 0x57
    default: nil
    }
  }

  private static func unescaped(
    _ text: ArraySlice<UInt8>, _ mode: Mode
  ) throws(Fault) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(text.count)
    let isName = mode == .host || mode == .zone
    var index = text.startIndex
    while index < text.endIndex {
      let byte = text[index]
      guard byte == UInt8(ascii: "%") else {
        if isName, byte < 0x80, mustEscape(byte, mode) {
          throw Fault(message: "invalid character \(quoted([byte])) in host name")
        }
        result.append(byte)
        index += 1
        continue
      }
      let escape = text[index...].prefix(3)
      guard escape.count == 3, let high = hexadecimal(text[index + 1]),
        let low = hexadecimal(text[index + 2])
      else { throw Fault(message: "invalid URL escape \(quoted(escape))") }
      let value = high << 4 | low
      let isPercent = value == UInt8(ascii: "%")
      let isRefused =
        mode == .host && high < 8 && !isPercent
        || mode == .zone && !isPercent && value != UInt8(ascii: " ") && mustEscape(value, .host)
      guard !isRefused else { throw Fault(message: "invalid URL escape \(quoted(escape))") }
      result.append(value)
      index += 3
    }
    return result
  }

  /// Whether a path is written as Go would write it.
  private static func isDefaultEscape(of path: [UInt8], _ raw: ArraySlice<UInt8>) -> Bool {
    let digits = Array("0123456789ABCDEF".utf8)
    var index = raw.startIndex
    for byte in path {
      let escape: [UInt8] =
        mustEscape(byte, .path)
        ? [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]] : [byte]
      guard raw[index...].starts(with: escape) else { return false }
      index += escape.count
    }
    return index == raw.endIndex
  }
}
