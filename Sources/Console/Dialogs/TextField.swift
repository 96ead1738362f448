import Cells

/// One line of typed text.
package struct TextField: Sendable, Hashable {
  package private(set) var text = ""
  private static let limit = 512

  package init(_ text: String = "") {
    self.text = text
  }

  package var isEmpty: Bool { text.isEmpty }

  /// Takes a key; gives false if it means nothing to a field.
  package mutating func take(_ key: KeyPress) -> Bool {
    switch key {
    case .character(let scalar):
      guard text.unicodeScalars.count < TextField.limit else { return true }
      text.unicodeScalars.append(scalar)
    case .paste(let pasted):
      let line = pasted.split(whereSeparator: \.isNewline).joined(separator: " ")
      text = String((text + line).prefix(TextField.limit))
    case .backspace: if !text.isEmpty { text.removeLast() }
    case .control("u"): text = ""
    case .control("w"):
      while text.last == " " { text.removeLast() }
      while let last = text.last, last != " " { text.removeLast() }
    default: return false
    }
    return true
  }

  package mutating func clear() {
    text = ""
  }
}

/// A passphrase being typed: bytes that are wiped, never shown, never copied into text.
///
/// A class so that there is one buffer to wipe, however often the model is copied.
package final class PassphraseField: @unchecked Sendable, Hashable {
  // Touched by the console's one thread; handed over whole to the one that opens the key.
  private var bytes: [UInt8] = []

  package init() {
    bytes.reserveCapacity(1024)
  }

  package var isEmpty: Bool { bytes.isEmpty }

  package func take(_ key: KeyPress) -> Bool {
    switch key {
    case .character(let scalar):
      if bytes.count < 1000 { bytes.append(contentsOf: Array(String(Character(scalar)).utf8)) }
    case .paste(let text):
      if bytes.count + text.utf8.count < 1000 { bytes.append(contentsOf: text.utf8) }
    case .backspace:
      while let last = bytes.popLast(), last & 0xC0 == 0x80 {}
    case .control("u"): wipe()
    default: return false
    }
    return true
  }

  /// Gives the bytes away and keeps none.
  package func surrender() -> [UInt8] {
    let given = bytes
    wipe()
    return given
  }

  package func wipe() {
    for index in bytes.indices { bytes[index] = 0 }
    bytes.removeAll(keepingCapacity: true)
  }

  package static func == (left: PassphraseField, right: PassphraseField) -> Bool {
    left === right
  }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(ObjectIdentifier(self))
  }
}
