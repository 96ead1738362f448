/// One key, or one paste, as a person made it.
package enum KeyPress: Sendable, Hashable {
  case character(Unicode.Scalar)
  case control(Unicode.Scalar)
  /// Two letters after one another.
  case chord(Unicode.Scalar, Unicode.Scalar)
  case enter
  case escape
  case tab
  case backTab
  case backspace
  case up
  case down
  case left
  case right
  case pageUp
  case pageDown
  case home
  case end
  case function(Int)
  /// Text between the marks of a bracketed paste: goes to text fields only, decides nothing.
  case paste(String)
  /// A press of the mouse's first button: selects, never decides.
  case click(x: Int, y: Int)
  /// The mouse's wheel: lines, below zero upwards.
  case wheel(Int)

  /// As configurations and hints write it.
  package var name: String {
    switch self {
    case .character(" "): "Space"
    case .character(let scalar): String(Character(scalar))
    case .control(let scalar): "C-\(scalar)"
    case .chord(let first, let second): "\(first)\(second)"
    case .enter: "Enter"
    case .escape: "Esc"
    case .tab: "Tab"
    case .backTab: "S-Tab"
    case .backspace: "Backspace"
    case .up: "Up"
    case .down: "Down"
    case .left: "Left"
    case .right: "Right"
    case .pageUp: "PgUp"
    case .pageDown: "PgDn"
    case .home: "Home"
    case .end: "End"
    case .function(let number): "F\(number)"
    case .paste: "paste"
    case .click: "click"
    case .wheel: "wheel"
    }
  }

  private static let named: [String: KeyPress] = Dictionary(
    uniqueKeysWithValues: [
      KeyPress.enter, .escape, .tab, .backTab, .backspace, .up, .down, .left, .right, .pageUp,
      .pageDown, .home, .end, .character(" "),
    ].map { ($0.name.lowercased(), $0) })

  /// Reads a key's name; nil if it is none.
  package init?(name: String) {
    let scalars = Array(name.unicodeScalars)
    if scalars.count == 1, scalars[0].value > 0x20, scalars[0].value != 0x7F {
      self = .character(scalars[0])
    } else if let key = KeyPress.named[name.lowercased()] {
      self = key
    } else if scalars.count == 3, name.hasPrefix("C-"), scalars[2].isASCII {
      self = .control(Unicode.Scalar(UInt8(scalars[2].value) | 0x20))
    } else if scalars.count > 1, scalars[0] == "F", let number = Int(name.dropFirst()),
      (1...12).contains(number)
    {
      self = .function(number)
    } else if scalars.count == 2, scalars.allSatisfy({ $0.isASCII && $0.value > 0x20 }) {
      self = .chord(scalars[0], scalars[1])
    } else {
      return nil
    }
  }
}
