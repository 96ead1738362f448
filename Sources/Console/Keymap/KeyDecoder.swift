/// Turns the terminal's bytes into keys.
///
/// Sequences nobody knows are swallowed whole, torn ones wait: neither ever acts.
package struct KeyDecoder: Sendable {
  private var pending: [UInt8] = []
  private var pasted: [UInt8]?
  /// When a lone ESC was taken for the Escape key: what its tail might be is dropped for a while.
  private var escaped: Int64?
  private var clock: Int64 = 0

  private static let pasteEnd: [UInt8] = Array("\u{1B}[201~".utf8)
  private static let pasteLimit = 64 << 10
  /// The longest sequence or reply that is waited for.
  private static let sequenceLimit = 8 << 10
  /// How late the tail of a torn sequence may still come.
  private static let tailMilliseconds: Int64 = 500

  package init() {}

  /// How many milliseconds of silence decide what is half read; nil if nothing is.
  ///
  /// `escape`: After how many a lone ESC is the Escape key.
  package func patience(escape: Int64) -> Int64? {
    guard pasted == nil, !pending.isEmpty else { return nil }
    return pending == [0x1B] ? escape : KeyDecoder.tailMilliseconds
  }

  /// Takes bytes and gives the keys they complete.
  ///
  /// `milliseconds`: A clock that only runs forward.
  package mutating func feed(_ bytes: [UInt8], at milliseconds: Int64 = 0) -> [KeyPress] {
    clock = milliseconds
    pending += bytes
    var keys: [KeyPress] = []
    while let key = next() { if let key { keys.append(key) } }
    return keys
  }

  /// Decides, after ``patience(escape:)``, that nothing more is coming: a lone ESC was the Escape
  /// key, a torn sequence is dropped.
  package mutating func settle(at milliseconds: Int64 = 0) -> [KeyPress] {
    guard pasted == nil, !pending.isEmpty else { return [] }
    defer { pending = [] }
    guard pending == [0x1B] else { return [] }
    escaped = milliseconds
    return [.escape]
  }

  /// Forgets what is half read: type-ahead a dialog must not see.
  package mutating func flush() {
    pending = []
    pasted = nil
  }

  /// nil: more bytes are needed; .some(nil): something was swallowed.
  private mutating func next() -> KeyPress?? {
    if pasted != nil { return paste() }
    guard let first = pending.first else { return nil }
    if let since = escaped {
      escaped = nil
      // The late rest of a sequence whose ESC was taken for a key: never keys of its own.
      let isTail = KeyDecoder.introducers.contains(first)
      if isTail, clock - since < KeyDecoder.tailMilliseconds {
        pending.insert(0x1B, at: 0)
        guard let swallowed = sequence() else { return nil }
        _ = swallowed
        return .some(nil)
      }
    }
    if first == 0x1B { return sequence() }
    if first < 0x80 {
      pending.removeFirst()
      return .some(KeyDecoder.plain(first))
    }
    return character()
  }

  /// What follows an ESC in a sequence: `[`, `O`, and what opens a string.
  private static let introducers = Set("[O]P_^X".utf8)

  private static func plain(_ byte: UInt8) -> KeyPress? {
    switch byte {
    case 0x0D, 0x0A: .enter
    case 0x09: .tab
    case 0x08, 0x7F: .backspace
    case 0x00: nil
    case 0x01..<0x20: .control(Unicode.Scalar(byte | 0x60))
    default: .character(Unicode.Scalar(byte))
    }
  }

  private mutating func character() -> KeyPress?? {
    let length =
      switch pending[0] {
      case 0xC2...0xDF: 2
      case 0xE0...0xEF: 3
      case 0xF0...0xF4: 4
      default: 1
      }
    guard pending.count >= length else { return nil }
    let bytes = Array(pending.prefix(length))
    pending.removeFirst(length)
    let text = String(validating: bytes, as: UTF8.self)
    guard length > 1, let scalar = text?.unicodeScalars.first else { return .some(nil) }
    return .some(.character(scalar))
  }

  private mutating func paste() -> KeyPress?? {
    guard var text = pasted else { return nil }
    guard
      let end = pending.indices.first(where: { pending[$0...].starts(with: KeyDecoder.pasteEnd) })
    else {
      // The mark itself may be torn: keep a tail that could begin it.
      let keep = min(pending.count, KeyDecoder.pasteEnd.count - 1)
      text += pending.dropLast(keep)
      pending = Array(pending.suffix(keep))
      pasted = Array(text.prefix(KeyDecoder.pasteLimit))
      return nil
    }
    text += pending[..<end]
    pending.removeFirst(end + KeyDecoder.pasteEnd.count)
    pasted = nil
    return .some(.paste(String(decoding: text.prefix(KeyDecoder.pasteLimit), as: UTF8.self)))
  }

  private mutating func sequence() -> KeyPress?? {
    guard pending.count >= 2 else { return nil }
    switch pending[1] {
    case UInt8(ascii: "["): return control()
    case UInt8(ascii: "O"):
      guard pending.count >= 3 else { return nil }
      let final = pending[2]
      pending.removeFirst(3)
      return .some(KeyDecoder.cursor(final))
    case UInt8(ascii: "]"), UInt8(ascii: "P"), UInt8(ascii: "_"), UInt8(ascii: "^"),
      UInt8(ascii: "X"):
      return string()
    case 0x1B:
      pending.removeFirst()
      return .some(.escape)
    default:
      // Alt and a key: not bound, so it does nothing.
      pending.removeFirst(2)
      return .some(nil)
    }
  }

  /// OSC, DCS, APC, PM, SOS: up to BEL or ST, all of it swallowed.
  private mutating func string() -> KeyPress?? {
    for index in 2..<max(2, pending.count) {
      if pending[index] == 0x07 {
        pending.removeFirst(index + 1)
        return .some(nil)
      }
      if pending[index] == UInt8(ascii: "\\"), pending[index - 1] == 0x1B {
        pending.removeFirst(index + 1)
        return .some(nil)
      }
    }
    // A reply that never ends is no reply.
    if pending.count > KeyDecoder.sequenceLimit { pending = [] }
    return nil
  }

  private mutating func control() -> KeyPress?? {
    if pending.count >= 3, pending[2] == UInt8(ascii: "[") {
      // The Linux console's function keys: `ESC [ [ A`.
      guard pending.count >= 4 else { return nil }
      let final = pending[3]
      pending.removeFirst(4)
      return .some(
        (UInt8(ascii: "A")...UInt8(ascii: "E")).contains(final)
          ? .function(Int(final - UInt8(ascii: "A")) + 1) : nil)
    }
    guard
      let end = pending.indices.dropFirst(2).first(where: { (0x40...0x7E).contains(pending[$0]) })
    else {
      if pending.count > KeyDecoder.sequenceLimit { pending = [] }
      return nil
    }
    if end == 2, pending[2] == UInt8(ascii: "M") {
      // The old mouse report carries three bytes more, which may be letters.
      guard pending.count >= 6 else { return nil }
      pending.removeFirst(6)
      return .some(nil)
    }
    let parameters = String(decoding: pending[2..<end], as: UTF8.self)
    let final = pending[end]
    pending.removeFirst(end + 1)
    if final == UInt8(ascii: "~") {
      switch parameters {
      case "200":
        pasted = []
        return .some(nil)
      case "1", "7": return .some(.home)
      case "4", "8": return .some(.end)
      case "5": return .some(.pageUp)
      case "6": return .some(.pageDown)
      case "11": return .some(.function(1))
      case "12": return .some(.function(2))
      default: return .some(nil)
      }
    }
    if parameters.first == "<" { return .some(KeyDecoder.mouse(parameters.dropFirst(), final)) }
    if final == UInt8(ascii: "Z"), parameters.isEmpty { return .some(.backTab) }
    return .some(parameters.isEmpty ? KeyDecoder.cursor(final) : nil)
  }

  /// SGR mouse reports: `ESC [ < button ; column ; row M`.
  private static func mouse(_ parameters: Substring, _ final: UInt8) -> KeyPress? {
    let numbers = parameters.split(separator: ";").compactMap { Int($0) }
    guard numbers.count == 3, final == UInt8(ascii: "M"),
      numbers.allSatisfy({ (0..<10_000).contains($0) })
    else {
      return nil
    }
    switch numbers[0] {
    case 0: return .click(x: numbers[1] - 1, y: numbers[2] - 1)
    case 64: return .wheel(-3)
    case 65: return .wheel(3)
    default: return nil
    }
  }

  private static func cursor(_ final: UInt8) -> KeyPress? {
    switch final {
    case UInt8(ascii: "A"): .up
    case UInt8(ascii: "B"): .down
    case UInt8(ascii: "C"): .right
    case UInt8(ascii: "D"): .left
    case UInt8(ascii: "H"): .home
    case UInt8(ascii: "F"): .end
    case UInt8(ascii: "P"): .function(1)
    case UInt8(ascii: "Q"): .function(2)
    default: nil
    }
  }
}
