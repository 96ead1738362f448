import CanonicalJSON
package import Cells
import Documents

/// How a cell looks: a colour, or none for the terminal's own, and attributes.
package struct Style: Sendable, Hashable {
  package enum Color: Sendable, Hashable {
    /// Of the terminal's 256.
    case indexed(Int)
    case rgb(UInt32)
  }

  package var color: Color?
  package var isBold = false
  package var isReversed = false
  package var isUnderlined = false
  package var isDim = false

  package init() {}
}

/// How many colours the terminal can show.
package enum ColorTier: Int, Sendable, CaseIterable {
  case truecolor
  case colors256
  case colors16
  case mono
}

/// What each role looks like.
///
/// A style is `truecolor | 256 | 16 | mono`; where fewer are given, the first is for the most
/// colours and the last for all that follow.
package struct Theme: Sendable {
  package let name: String
  private let styles: [Role: [Style]]
  /// What was odd in the file; the theme loads all the same.
  package let warnings: [String]

  private static let colors = [
    "black": 0, "red": 1, "green": 2, "yellow": 3, "blue": 4, "magenta": 5, "cyan": 6, "white": 7,
    "brightblack": 8, "brightred": 9, "brightgreen": 10, "brightyellow": 11, "brightblue": 12,
    "brightmagenta": 13, "brightcyan": 14, "brightwhite": 15,
  ]

  /// Reads a theme's YAML.
  ///
  /// `inherited`: Gives the theme that `extends` names.
  /// - Throws: ``YAMLDocument/Fault`` if it is no YAML; anything less is a warning.
  package init(
    yaml: String, file: String, inherited: (String) -> Theme? = Theme.builtIn
  ) throws {
    let document = try YAMLDocument.parse(yaml, file: file)
    name = document["name"]?.string?.text ?? file
    var warnings: [String] = []
    var styles: [Role: [Style]] = [:]
    if let base = document["extends"]?.string?.text {
      if base != name, let theme = inherited(base) {
        styles = theme.styles
      } else {
        warnings.append("\(file): there is no theme \(base) to extend")
      }
    }
    var palette: [String: String] = [:]
    for member in document["palette"]?.object?.members ?? [] {
      palette[member.name.text] = member.value.string?.text ?? member.value.integer.map { "\($0)" }
    }
    for member in document["roles"]?.object?.members ?? [] {
      guard let role = Role(rawValue: member.name.text) else {
        warnings.append("\(file): there is no role \(member.name.text)")
        continue
      }
      let text =
        member.value.string?.text ?? member.value.integer.map { "\($0)" } ?? ""
      styles[role] = Theme.tiers(text, palette, file, &warnings)
    }
    self.styles = styles
    self.warnings = warnings
  }

  /// One style a tier, the palette's names filled in.
  private static func tiers(
    _ text: String, _ palette: [String: String], _ file: String, _ warnings: inout [String]
  ) -> [Style] {
    var parts = text.split(separator: "|", omittingEmptySubsequences: false).map {
      String($0).filter { $0 != " " }
    }
    // A palette's name stands for a style in each tier; what is added to it is added to each.
    if parts.count == 1, let start = parts[0].firstIndex(of: "$") {
      let word = parts[0][start...].dropFirst().prefix { $0.isLetter || $0.isNumber }
      guard let named = palette[String(word)] else {
        warnings.append("\(file): the palette has no \(word)")
        return [Style()]
      }
      let rest = parts[0].replacing("$\(word)", with: "").split(separator: "+")
      parts = named.split(separator: "|", omittingEmptySubsequences: false).map { tier in
        ([String(tier).filter { $0 != " " }] + rest.map(String.init)).filter { !$0.isEmpty }
          .joined(separator: "+")
      }
    }
    return parts.map { style($0, file, &warnings) }
  }

  private static func style(
    _ text: String, _ file: String, _ warnings: inout [String]
  ) -> Style {
    var style = Style()
    for word in text.split(separator: "+") {
      switch word {
      case "default": break
      case "bold": style.isBold = true
      case "reverse": style.isReversed = true
      case "underline": style.isUnderlined = true
      case "dim": style.isDim = true
      default:
        if word.first == "#", word.count == 7, let rgb = UInt32(word.dropFirst(), radix: 16) {
          style.color = .rgb(rgb)
        } else if let color = colors[String(word)]
          ?? Int(word).flatMap({ (0..<256).contains($0) ? $0 : nil })
        {
          style.color = .indexed(color)
        } else {
          warnings.append("\(file): \"\(word)\" is no colour or attribute")
        }
      }
    }
    return style
  }

  /// A role's style in a tier.
  package func style(_ role: Role, tier: ColorTier) -> Style {
    guard let tiers = styles[role], !tiers.isEmpty else { return Style() }
    // Four parts start at truecolor, fewer at what their first part is.
    let start =
      tiers.count >= 4 ? 0 : tiers.first.map { if case .rgb? = $0.color { 0 } else { 1 } } ?? 0
    var style = tiers[max(0, min(tier.rawValue - start, tiers.count - 1))]
    switch (tier, style.color) {
    case (.mono, _): style.color = nil
    case (.colors256, .rgb(let rgb)?): style.color = .indexed(Palette.nearest(rgb))
    case (.colors16, .rgb?): style.color = nil
    case (.colors16, .indexed(let index)?) where index > 15: style.color = nil
    default: break
    }
    return style
  }

  /// A theme that is compiled in.
  package static func builtIn(_ name: String) -> Theme? {
    BuiltInThemes.text[name].flatMap { try? Theme(yaml: $0, file: "\(name).yaml") }
  }
}

/// The colours behind the numbers, as xterm has them.
package enum Palette {
  private static let base: [UInt32] = [
    0x000000, 0xCD0000, 0x00CD00, 0xCDCD00, 0x0000EE, 0xCD00CD, 0x00CDCD, 0xE5E5E5,
    0x7F7F7F, 0xFF0000, 0x00FF00, 0xFFFF00, 0x5C5CFF, 0xFF00FF, 0x00FFFF, 0xFFFFFF,
  ]
  private static let steps: [UInt32] = [0, 95, 135, 175, 215, 255]

  package static func rgb(_ index: Int) -> UInt32 {
    if index < 16 { return base[max(0, index)] }
    if index >= 232 {
      let gray = UInt32(8 + (index - 232) * 10)
      return gray << 16 | gray << 8 | gray
    }
    let cube = index - 16
    return steps[cube / 36] << 16 | steps[cube / 6 % 6] << 8 | steps[cube % 6]
  }

  /// The nearest of the 240 fixed colours.
  static func nearest(_ rgb: UInt32) -> Int {
    func distance(_ other: UInt32) -> Int {
      [16, 8, 0].reduce(0) { sum, shift in
        let difference = Int(rgb >> shift & 255) - Int(other >> shift & 255)
        return sum + difference * difference
      }
    }
    return (16..<256).min { distance(Palette.rgb($0)) < distance(Palette.rgb($1)) } ?? 15
  }

  /// WCAG 2 contrast of two colours, from 1 to 21.
  package static func contrast(_ first: UInt32, _ second: UInt32) -> Double {
    func luminance(_ rgb: UInt32) -> Double {
      let parts = [16, 8, 0].map { shift -> Double in
        let value = Double(rgb >> UInt32(shift) & 255) / 255
        if value <= 0.03928 { return value / 12.92 }
        return power((value + 0.055) / 1.055)
      }
      return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
    }
    let (a, b) = (luminance(first), luminance(second))
    return (max(a, b) + 0.05) / (min(a, b) + 0.05)
  }

  /// x to the 2.4th, by its square, fifth root and square again: exact enough for a contrast.
  private static func power(_ x: Double) -> Double {
    // Newton's method for the fifth root of x squared: x^2.4 = x^2 * x^0.4.
    let square = x * x
    guard square > 0 else { return 0 }
    var root = 0.5
    for _ in 0..<60 {
      let fourth = root * root * root * root
      root -= (root * fourth - square) / (5 * fourth)
    }
    return square * root
  }
}
